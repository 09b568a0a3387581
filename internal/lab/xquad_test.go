package lab_test

import (
	"encoding/json"
	"math"
	"net/http"
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
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

var (
	xquadLangs = []string{"ar", "zh", "el", "th", "tr"}
	allLangs   = []string{"ar", "zh", "el", "th", "tr", "en", "es", "vi", "hi"}
)

// expected is ../shared/xquad/expected.json: what numpy computed from the
// recorded vectors.
type expected struct {
	Sweep  map[string]map[string][3]float64 `json:"lambda_sweep_anchor_en"`
	Matrix map[string]map[string]float64    `json:"anchor_matrix_ndcg1_lambda_0.5"`
}

// TestXQuAD holds both experiments, by brute force and through the search path
// over the embedded engine, against independent figures.
func TestXQuAD(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	var want expected
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	laboratory := xquad(t, dir)
	for name, ranker := range map[string]evalsuite.Ranker{
		"brute force": laboratory.Brute(corpus.DefaultChunking),
		"embedded":    laboratory.Indexed(indexed(t, laboratory), "xquad"),
	} {
		t.Run(name, func(t *testing.T) {
			spec := evalsuite.Spec{
				Dataset: "xquad", Langs: xquadLangs, Measures: ndcg(1, 3, 10),
				Lambda: func(string) float64 { return 0.5 },
			}
			t.Run("sweep", func(t *testing.T) {
				lambdas := make([]float64, 21)
				for i := range lambdas {
					lambdas[i] = float64(i) / 20
				}
				result, err := evalsuite.Sweep(t.Context(), spec, "en", lambdas, ranker)
				if err != nil {
					t.Fatal(err)
				}
				if len(result.Rows) != 5*21 || len(result.Means) != 21 {
					t.Fatalf("%d rows and %d means, want 105 and 21", len(result.Rows), len(result.Means))
				}
				for _, r := range result.Rows {
					figures, ok := want.Sweep[r.Lang][strconv.FormatFloat(r.Lambda, 'f', 2, 64)]
					if !ok {
						t.Fatalf("expected.json has no λ %v in %s", r.Lambda, r.Lang)
					}
					for i, m := range spec.Measures {
						near(t, r, m, figures[i])
					}
				}
			})
			t.Run("matrix", func(t *testing.T) {
				spec.Measures = ndcg(1)
				result, err := evalsuite.AnchorMatrix(t.Context(), spec, allLangs, ranker)
				if err != nil {
					t.Fatal(err)
				}
				if len(result.Rows) != 5*9 {
					t.Fatalf("%d rows, want 45", len(result.Rows))
				}
				for _, r := range result.Rows {
					figure, ok := want.Matrix[r.Lang][r.AnchorLang]
					if !ok {
						t.Fatalf("expected.json has no anchor %s in %s", r.AnchorLang, r.Lang)
					}
					near(t, r, spec.Measures[0], figure)
				}
			})
		})
	}
}

func near(t *testing.T, r evalsuite.Row, m metrics.Measure, want float64) {
	t.Helper()
	if math.Abs(r.Metrics[m]-want) > 1e-6 || r.Queries != 1190 {
		t.Errorf("%s, anchors %s, λ %v: %s = %.7f over %d, want %.6f over 1190",
			r.Lang, r.AnchorLang, r.Lambda, m, r.Metrics[m], r.Queries, want)
	}
}

// TestTuneOnXQuAD holds the choice of λ, judged on questions it has not seen,
// against what fixed weights reach.
func TestTuneOnXQuAD(t *testing.T) {
	testenv.Long(t)
	laboratory := xquad(t, testenv.XQuAD(t))
	ndcg1 := ndcg(1)[0]
	spec := evalsuite.Spec{
		Dataset: "xquad", Langs: xquadLangs, Measures: []metrics.Measure{ndcg1}, Lambda: func(string) float64 { return 0.5 },
	}
	result, choices, err := evalsuite.Tune(t.Context(), spec, "en", laboratory.Brute(corpus.DefaultChunking))
	if err != nil {
		t.Fatal(err)
	}
	for _, mean := range result.Means {
		if mean.Method == evalsuite.Tuned && mean.Metrics[ndcg1] < 0.889 {
			t.Errorf("held out, the mean nDCG@1 is %.4f, want 0.889", mean.Metrics[ndcg1])
		}
	}
	for _, r := range result.Rows {
		if r.Method != evalsuite.Tuned {
			continue
		}
		d := r.Versus[ndcg1]
		t.Logf("%s: λ %.2f, nDCG@1 %.2f, %+.2f [%.2f, %.2f] to source only, p %.3f",
			r.Lang, r.Lambda, 100*r.Metrics[ndcg1], 100*d.Delta, 100*d.Interval[0], 100*d.Interval[1], d.P)
		if d.Delta < 0 && d.Interval[1] < 0 {
			t.Errorf("%s lies below source only by more than chance: %+v", r.Lang, d)
		}
		if choice := choices[r.Lang]; choice.Lambda != r.Lambda || choice.Questions != 1190 {
			t.Errorf("%s: choice %+v, row λ %v", r.Lang, choice, r.Lambda)
		}
	}
}

func ndcg(cutoffs ...int) []metrics.Measure {
	var measures []metrics.Measure
	for _, k := range cutoffs {
		measures = append(measures, metrics.Measure{Kind: metrics.NDCG, K: k})
	}
	return measures
}

// xquad returns a lab of all nine languages with their recorded vectors.
func xquad(t *testing.T, dir string) *lab.Lab {
	t.Helper()
	var sets []*dataset.Set
	for _, lang := range allLangs {
		set, err := dataset.Load(t.Context(), "xquad", dir, lang)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
	}
	return lab.New(client(t, embeddingtest.XQuAD(t, dir, allLangs...)), sets...)
}

func client(t *testing.T, endpoint http.Handler) *embedding.Client {
	t.Helper()
	c, err := embedding.New(embedding.Config{
		BaseURL: embeddingtest.Start(t, endpoint),
		Model:   embeddingtest.RecordedModel, Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// indexed writes the documents of the five languages into an embedded store.
func indexed(t *testing.T, laboratory *lab.Lab) *qdrant.Store {
	t.Helper()
	store := storetest.Embedded(t)
	opts := ingest.Options{Corpus: "xquad", Chunking: corpus.DefaultChunking, Batch: 64, Concurrency: 2}
	if err := laboratory.Index(t.Context(), store, opts, xquadLangs...); err != nil {
		t.Fatal(err)
	}
	return store
}
