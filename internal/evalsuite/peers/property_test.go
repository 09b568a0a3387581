package peers_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/peers"
)

// drawList draws a ranking of up to 14 of 16 documents; half of them have few
// distinct scores.
func drawList(t *rapid.T, label string) []metrics.Scored {
	ids := make([]string, 16)
	for i := range ids {
		ids[i] = fmt.Sprintf("d%02d", i)
	}
	score := rapid.Float64Range(-1, 1)
	if rapid.Bool().Draw(t, label+" coarse") {
		score = rapid.Map(rapid.IntRange(-2, 2), func(i int) float64 { return float64(i) / 2 })
	}
	list := make([]metrics.Scored, rapid.IntRange(0, 14).Draw(t, label+" length"))
	for i, id := range rapid.Permutation(ids).Draw(t, label+" ids")[:len(list)] {
		list[i] = metrics.Scored{DocID: id, Score: score.Draw(t, label+" score")}
	}
	slices.SortStableFunc(list, func(a, b metrics.Scored) int { return cmp.Compare(b.Score, a.Score) })
	return list
}

// each checks a property of every fusion, over lists and lambdas of which 1-λ
// is exact.
func each(t *testing.T, property func(t *rapid.T, f peers.Fusion, source, anchor []metrics.Scored, lambda float64)) {
	for _, f := range peers.All() {
		t.Run(f.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				lambda := rapid.SampledFrom([]float64{0, 0.25, 0.5, 0.75, 1}).Draw(t, "lambda")
				property(t, f, drawList(t, "source"), drawList(t, "anchor"), lambda)
			})
		})
	}
}

func scores(list []metrics.Scored) map[string]float64 {
	byID := make(map[string]float64, len(list))
	for _, d := range list {
		byID[d.DocID] = d.Score
	}
	return byID
}

func TestRanksTheUnion(t *testing.T) {
	each(t, func(t *rapid.T, f peers.Fusion, source, anchor []metrics.Scored, lambda float64) {
		sourceBefore, anchorBefore := slices.Clone(source), slices.Clone(anchor)
		got := f.Fuse(source, anchor, lambda)
		union := map[string]bool{}
		for _, d := range slices.Concat(source, anchor) {
			union[d.DocID] = true
		}
		for i, d := range got {
			if !union[d.DocID] {
				t.Fatalf("%s is in neither list, or twice in the result", d.DocID)
			}
			delete(union, d.DocID)
			if i == 0 {
				continue
			}
			if before := got[i-1]; !(before.Score > d.Score || before.Score == d.Score && before.DocID < d.DocID) {
				t.Fatalf("%v ranks before %v", before, d)
			}
		}
		if len(union) > 0 {
			t.Fatalf("the result lacks %v", union)
		}
		if again := f.Fuse(source, anchor, lambda); !reflect.DeepEqual(again, got) {
			t.Fatalf("once %v, then %v", got, again)
		}
		if !slices.Equal(source, sourceBefore) || !slices.Equal(anchor, anchorBefore) {
			t.Fatal("the lists given were changed")
		}
	})
}

func TestIDsAreOnlyNames(t *testing.T) {
	each(t, func(t *rapid.T, f peers.Fusion, source, anchor []metrics.Scored, lambda float64) {
		var ids []string
		for i := range 16 {
			ids = append(ids, fmt.Sprintf("d%02d", i))
		}
		renamed := rapid.Permutation(ids).Draw(t, "renamed")
		rename := func(list []metrics.Scored) []metrics.Scored {
			out := slices.Clone(list)
			for i := range out {
				out[i].DocID = renamed[slices.Index(ids, out[i].DocID)]
			}
			return out
		}
		want := scores(rename(f.Fuse(source, anchor, lambda)))
		if got := scores(f.Fuse(rename(source), rename(anchor), lambda)); !reflect.DeepEqual(got, want) {
			t.Fatalf("renamed before fusing %v, after %v", got, want)
		}
	})
}

func TestSwappingListsAndWeightsChangesNothing(t *testing.T) {
	each(t, func(t *rapid.T, f peers.Fusion, source, anchor []metrics.Scored, lambda float64) {
		want, got := f.Fuse(source, anchor, lambda), f.Fuse(anchor, source, 1-lambda)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("swapped %v, want %v", got, want)
		}
	})
}

// Of two documents that both lists have, the one ahead in both is not behind in
// the result. Documents that a list lacks are another matter: 0 for a missing
// score may exceed what the list gives its last ones.
func TestAheadInBothStaysAhead(t *testing.T) {
	each(t, func(t *rapid.T, f peers.Fusion, source, anchor []metrics.Scored, lambda float64) {
		fused := scores(f.Fuse(source, anchor, lambda))
		for i, behind := range source {
			at := slices.IndexFunc(anchor, func(d metrics.Scored) bool { return d.DocID == behind.DocID })
			for _, ahead := range source[:i] {
				other := slices.IndexFunc(anchor, func(d metrics.Scored) bool { return d.DocID == ahead.DocID })
				if other >= 0 && other < at && fused[ahead.DocID] < fused[behind.DocID] {
					t.Fatalf("%s is ahead of %s in both lists, and scores %v against %v",
						ahead.DocID, behind.DocID, fused[ahead.DocID], fused[behind.DocID])
				}
			}
		}
	})
}

func TestLambdaOneIsTheSourceAlone(t *testing.T) {
	unweighted := []string{"rrf", "rrf60", "dbsf"}
	each(t, func(t *rapid.T, f peers.Fusion, source, anchor []metrics.Scored, _ float64) {
		if slices.Contains(unweighted, f.Name) {
			if at0, at1 := f.Fuse(source, anchor, 0), f.Fuse(source, anchor, 1); !reflect.DeepEqual(at0, at1) {
				t.Fatalf("lambda 0 gives %v, 1 gives %v: it has no weights", at0, at1)
			}
			return
		}
		alone := scores(f.Fuse(source, nil, 1))
		for id, got := range scores(f.Fuse(source, anchor, 1)) {
			if want := alone[id]; got != want {
				t.Fatalf("%s scores %v, want %v", id, got, want)
			}
		}
	})
}
