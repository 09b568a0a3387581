package lab_test

import (
	"math"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// TestAugmentedIndexOnXQuAD holds what a query finds in an augmented index
// against brute force over the same passages and queries, question by question,
// and the index of dot products against what numpy computed.
func TestAugmentedIndexOnXQuAD(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	laboratory := xquad(t, dir)
	queries := recordedQueries(t, dir, "en")
	some := queries[:0:0] // every third passage has none
	third := map[string]bool{}
	for i, q := range queries {
		if i == 0 || q.DocID != queries[i-1].DocID {
			third[q.DocID] = len(third)%3 == 2
		}
		if !third[q.DocID] {
			some = append(some, q)
		}
	}
	for name, tc := range map[string]struct {
		lang string
		rule ingest.Augment
		want []float64 // nDCG@1, @3, @10 ×100 by numpy
	}{
		"blend":      {"zh", ingest.Augment{Queries: some, Alpha: 0.02}, nil},
		"hub":        {"zh", ingest.Augment{Queries: queries, Hub: 0.2, HubLang: "en"}, []float64{90.4202, 94.7618, 95.5502}},
		"blend, hub": {"el", ingest.Augment{Queries: queries, Alpha: 0.02, Hub: 0.2, HubLang: "en"}, []float64{88.9916, 94.0955, 94.7941}},
		"multi":      {"th", ingest.Augment{Queries: queries, Alpha: 0.15, Mode: augment.ModeMulti}, []float64{90.9244, 95.1619, 95.8551}},
		"multi, hub": {"tr", ingest.Augment{Queries: queries, Alpha: 0.15, Mode: augment.ModeMulti, Hub: 0.2, HubLang: "en"}, []float64{89.6639, 94.4276, 95.1171}},
		"dot":        {"th", ingest.Augment{Queries: queries, Alpha: 0.01, Unscaled: true}, []float64{88.2353, 93.0171, 94.2564}},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "multi, hub" && name != "dot" {
				testenv.Soak(t)
			}
			store := storetest.Embedded(t)
			opts := ingest.Options{Corpus: "xquad", Chunking: corpus.DefaultChunking, Batch: 64, Concurrency: 2, Augment: &tc.rule}
			if err := laboratory.Index(t.Context(), store, opts, tc.lang); err != nil {
				t.Fatal(err)
			}
			p := evalsuite.Pairing{Lang: tc.lang, AnchorLang: "en", Translator: evalsuite.Human}
			measures := ndcg(1, 3, 10)
			got, err := laboratory.Indexed(store, "xquad").Evaluate(t.Context(), p, []float64{0.7}, measures...)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range tc.want {
				if mean := 100 * got[0].Means()[measures[i]]; math.Abs(mean-want) > 1e-4 {
					t.Errorf("%s is %.4f, want %.4f", measures[i], mean, want)
				}
			}
			if tc.rule.Unscaled {
				return
			}
			with := lab.Augmentation{Mode: evalsuite.Blend, Queries: tc.rule.Queries, Bank: augment.HubBank(tc.rule.Queries, "en")}
			if tc.rule.Mode != "" {
				with.Mode = tc.rule.Mode
			}
			brute, err := laboratory.Augmented(corpus.DefaultChunking, with).Evaluate(t.Context(), p,
				[]evalsuite.Setting{{Lambda: 0.7, Alpha: tc.rule.Alpha, Hub: tc.rule.Hub}}, measures...)
			if err != nil {
				t.Fatal(err)
			}
			wantSameValues(t, got[0], brute[0])
		})
	}
}

func wantSameValues(t *testing.T, got, want *metrics.Evaluation) {
	t.Helper()
	for m := range want.Measures {
		for q, id := range want.Queries {
			if got.Queries[q] != id || math.Abs(got.Values[m][q]-want.Values[m][q]) > 1e-9 {
				t.Fatalf("%s of %s is %v, by brute force %v of %s", got.Measures[m], got.Queries[q], got.Values[m][q], want.Values[m][q], id)
			}
		}
	}
}
