package metrics_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

const k = 4

var all = []metrics.Measure{
	{Kind: metrics.NDCG, K: k}, {Kind: metrics.MRR, K: k}, {Kind: metrics.MAP},
	{Kind: metrics.Recall, K: k}, {Kind: metrics.Success, K: k},
}

// drawQuery draws judgements with at least one relevant document, and a ranking
// of some judged and some unjudged documents.
func drawQuery(t *rapid.T) (judged map[string]int, ranking []string) {
	judged = rapid.MapOfN(rapid.SampledFrom(names("d", 12)), rapid.IntRange(-2, 4), 1, 10).
		Filter(func(m map[string]int) bool {
			for _, grade := range m {
				if grade > 0 {
					return true
				}
			}
			return false
		}).Draw(t, "judged")
	pool := rapid.Permutation(names("d", 16)).Draw(t, "pool")
	return judged, pool[:rapid.IntRange(0, len(pool)).Draw(t, "length")]
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

// values returns every measure of one ranking.
func values(t *rapid.T, judged map[string]int, ranking []string) []float64 {
	e, err := metrics.Evaluate(metrics.Qrels{"q": judged}, metrics.Run{"q": ranked(ranking...)}, metrics.RankedIDs, all...)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(all))
	for i := range all {
		out[i] = e.Values[i][0]
	}
	return out
}

func TestWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judged, ranking := drawQuery(t)
		for i, v := range values(t, judged, ranking) {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%s = %v", all[i], v)
			}
		}
	})
}

func TestIdealRankingScoresOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judged, ranking := drawQuery(t)
		grade := func(id string) int { return max(0, judged[id]) }
		for id := range judged {
			if !slices.Contains(ranking, id) {
				ranking = append(ranking, id)
			}
		}
		slices.SortFunc(ranking, func(a, b string) int { return grade(b) - grade(a) })
		got := values(t, judged, ranking)
		for i, m := range all {
			if m.Kind != metrics.Recall && !near(got[i], 1) {
				t.Fatalf("%s of the ideal ranking = %v", m, got[i])
			}
		}
	})
}

func TestRaisingABetterDocumentNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judged, ranking := drawQuery(t)
		if len(ranking) < 2 {
			t.Skip("nothing to swap")
		}
		low := rapid.IntRange(1, len(ranking)-1).Draw(t, "low")
		high := rapid.IntRange(0, low-1).Draw(t, "high")
		if max(0, judged[ranking[low]]) < max(0, judged[ranking[high]]) {
			ranking[low], ranking[high] = ranking[high], ranking[low]
		}
		before := values(t, judged, ranking)
		ranking[low], ranking[high] = ranking[high], ranking[low]
		after := values(t, judged, ranking)
		for i, m := range all {
			if after[i] < before[i]-1e-12 {
				t.Fatalf("%s fell from %v to %v", m, before[i], after[i])
			}
		}
	})
}

func TestBeyondTheCutOffNothingCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judged, ranking := drawQuery(t)
		whole, cut := values(t, judged, ranking), values(t, judged, ranking[:min(k, len(ranking))])
		for i, m := range all {
			if m.Kind != metrics.MAP && whole[i] != cut[i] {
				t.Fatalf("%s = %v of the whole list, %v of its first %d", m, whole[i], cut[i], k)
			}
		}
	})
}

func TestTrailingIrrelevantDocumentsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judged, ranking := drawQuery(t)
		before := values(t, judged, ranking)
		extended := append(slices.Clone(ranking), names("unjudged", rapid.IntRange(1, 6).Draw(t, "more"))...)
		if after := values(t, judged, extended); !slices.Equal(before, after) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestNotRelevantIsNotRelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judged, ranking := drawQuery(t)
		before := values(t, judged, ranking)
		for id, grade := range judged {
			if grade <= 0 {
				delete(judged, id)
			}
		}
		if after := values(t, judged, ranking); !slices.Equal(before, after) {
			t.Fatalf("without the grades below 1, %v became %v", before, after)
		}
	})
}

func TestTRECOrderIgnoresTheOrderGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		documents := make([]metrics.Scored, rapid.IntRange(0, 12).Draw(t, "n"))
		for i := range documents {
			documents[i] = metrics.Scored{DocID: fmt.Sprint(i), Score: float64(rapid.IntRange(-1, 2).Draw(t, "score"))}
		}
		score := map[string]float64{}
		for _, d := range documents {
			score[d.DocID] = d.Score
		}
		got := metrics.TRECOrder(documents)
		if again := metrics.TRECOrder(rapid.Permutation(documents).Draw(t, "shuffled")); !slices.Equal(got, again) {
			t.Fatalf("%v, shuffled %v", got, again)
		}
		for i := 1; i < len(got); i++ {
			a, b := got[i-1], got[i]
			if score[a] < score[b] || score[a] == score[b] && a <= b {
				t.Fatalf("%s stands before %s in %v", a, b, got)
			}
		}
	})
}
