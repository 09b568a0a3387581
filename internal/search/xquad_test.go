package search_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// TestXQuAD holds the whole path, from the SQuAD file through the endpoint, the
// embedded engine and the fusion, against brute force in float64 over the
// recorded vectors and against the figures that numpy computed from them.
func TestXQuAD(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	lambdas := []float64{0, 0.5, 0.7, 1}
	expected := expectedXQuAD(t, dir)
	for _, lang := range []string{"ar", "zh", "el", "th", "tr"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			x := newXQuAD(t, dir, lang)
			for _, lambda := range lambdas {
				want := expected[lang][strconv.FormatFloat(lambda, 'f', 2, 64)]
				strategies := []retrieve.Strategy{retrieve.Synergy}
				if lambda == rankingLambda {
					strategies = []retrieve.Strategy{retrieve.Union, retrieve.Fused, retrieve.Synergy}
				}
				for _, strategy := range strategies {
					x.check(t, strategy, lambda, want)
				}
			}
		})
	}
}

// expectedXQuAD returns nDCG@1, @3 and @10 by language and λ, anchors English.
func expectedXQuAD(t *testing.T, dir string) map[string]map[string][3]float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Sweep map[string]map[string][3]float64 `json:"lambda_sweep_anchor_en"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Sweep
}

// xquad is one language of XQuAD, indexed, and its vectors as recorded.
type xquad struct {
	lang              string
	searcher          *search.Searcher
	questions         []corpus.Question
	anchors           []corpus.Question
	ids               []string // of the passages, in file order
	passages          [][]float32
	sources, anchored [][]float32 // of the questions
}

func newXQuAD(t *testing.T, dir, lang string) *xquad {
	t.Helper()
	x := &xquad{
		lang:     lang,
		passages: embeddingtest.RecordedVectors(t, dir, lang+".passages.f32"),
		sources:  embeddingtest.RecordedVectors(t, dir, lang+".queries.f32"),
		anchored: embeddingtest.RecordedVectors(t, dir, "en.queries.f32"),
	}
	client, store := newClient(t, embeddingtest.XQuAD(t, dir, lang, "en")), storetest.Embedded(t)
	path := filepath.Join(dir, "xquad."+lang+".json")
	report := index(t, store, client, "xquad", corpus.FormatSQuAD,
		corpus.Read(t.Context(), corpus.Options{Format: corpus.FormatSQuAD, Lang: lang}, path))
	if report.Documents != len(x.passages) || report.Written != len(x.passages) {
		t.Fatalf("indexed %+v, want %d documents", report, len(x.passages))
	}
	for doc, err := range corpus.Read(t.Context(), corpus.Options{Format: corpus.FormatSQuAD, Lang: lang}, path) {
		if err != nil {
			t.Fatal(err)
		}
		x.ids = append(x.ids, doc.ID)
	}
	var err error
	if x.questions, err = corpus.ReadSQuADQuestions(path); err != nil {
		t.Fatal(err)
	}
	if x.anchors, err = corpus.ReadSQuADQuestions(filepath.Join(dir, "xquad.en.json")); err != nil {
		t.Fatal(err)
	}
	// The endpoint is asked once; the 4,760 queries of a language then compare
	// the search, not the HTTP client.
	known := knownVectors{Embedder: client, vectors: map[string][]float32{}}
	for _, set := range [][]corpus.Question{x.questions, x.anchors} {
		texts := make([]string, len(set))
		for i, q := range set {
			texts[i] = q.Text
		}
		vectors, _, err := client.Embed(t.Context(), embedding.Query, texts)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			known.vectors[text] = vectors[i]
		}
	}
	x.searcher = &search.Searcher{Store: store, Embedder: known}
	return x
}

// knownVectors answers from memory.
type knownVectors struct {
	search.Embedder
	vectors map[string][]float32
}

func (k knownVectors) Embed(_ context.Context, _ embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		var ok bool
		if vectors[i], ok = k.vectors[text]; !ok {
			return nil, embedding.Stats{}, fmt.Errorf("no vector of %q", text)
		}
	}
	return vectors, embedding.Stats{}, nil
}

type scoredID struct {
	id    string
	score float64
}

// bruteForce ranks all passages by the definition, in float64.
func (x *xquad) bruteForce(question int, lambda float64) []scoredID {
	out := make([]scoredID, len(x.passages))
	for i, passage := range x.passages {
		var s, a float64
		for j, p := range passage {
			s += float64(x.sources[question][j]) * float64(p)
			a += float64(x.anchored[question][j]) * float64(p)
		}
		out[i] = scoredID{x.ids[i], lambda*s + (1-lambda)*a}
	}
	slices.SortFunc(out, func(a, b scoredID) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
	})
	return out
}

func (x *xquad) check(t *testing.T, strategy retrieve.Strategy, lambda float64, want [3]float64) {
	t.Helper()
	const topK = 10
	qrels, run := metrics.Qrels{}, metrics.Run{}
	for i, q := range x.questions {
		if x.anchors[i].ID != q.ID {
			t.Fatalf("question %d is %s in %s and %s in en", i, q.ID, x.lang, x.anchors[i].ID)
		}
		got, err := x.searcher.Run(t.Context(), search.Query{
			Corpus: "xquad", Lang: x.lang, Text: q.Text,
			Anchor: x.anchors[i].Text, AnchorLang: "en", Lambda: lambda, TopK: topK, Strategy: strategy,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Certified {
			t.Fatalf("question %s, %s, λ = %v: not certified", q.ID, strategy, lambda)
		}
		exact := x.bruteForce(i, lambda)
		for rank, hit := range got.Hits {
			if hit.ID != exact[rank].id || math.Abs(hit.Score-exact[rank].score) > 1e-6 {
				t.Fatalf("question %s, %s, λ = %v, rank %d: %s with %v, want %s with %v",
					q.ID, strategy, lambda, rank+1, hit.ID, hit.Score, exact[rank].id, exact[rank].score)
			}
			run[q.ID] = append(run[q.ID], metrics.Scored{DocID: hit.ID, Score: hit.Score})
		}
		qrels[q.ID] = map[string]int{q.DocID: 1}
	}
	measures := []metrics.Measure{{Kind: metrics.NDCG, K: 1}, {Kind: metrics.NDCG, K: 3}, {Kind: metrics.NDCG, K: 10}}
	evaluation, err := metrics.Evaluate(qrels, run, metrics.RankedIDs, measures...)
	if err != nil {
		t.Fatal(err)
	}
	means := evaluation.Means()
	for i, m := range measures {
		if math.Abs(means[m]-want[i]) > 1e-6 {
			t.Errorf("%s, λ = %v: %s = %.6f, want %.6f", strategy, lambda, m, means[m], want[i])
		}
	}
}
