package rerank_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/rerank"
)

// cosine is the oracle's: a plain double loop that shares no code with the
// package.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa) / math.Sqrt(bb)
}

type ranked struct {
	doc   string
	score float64
}

// naive ranks documents by the definition.
func naive(legs []rerank.Leg, candidates []rerank.Candidate) []ranked {
	best := map[string]float64{}
	for _, c := range candidates {
		s := 0.0
		for _, leg := range legs {
			s += leg.Weight * cosine(leg.Vector, c.Vector)
		}
		if old, ok := best[c.DocID]; !ok || s > old {
			best[c.DocID] = s
		}
	}
	var out []ranked
	for doc, s := range best {
		out = append(out, ranked{doc, s})
	}
	slices.SortFunc(out, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc))
	})
	return out
}

// sameRanking fails unless the hits are the oracle's, where scores closer than
// rounding may be swapped.
func sameRanking(t interface{ Fatalf(string, ...any) }, hits []rerank.Hit, want []ranked) {
	if len(hits) != len(want) {
		t.Fatalf("%d hits, want %d", len(hits), len(want))
	}
	position := map[string]int{}
	for i, w := range want {
		position[w.doc] = i
	}
	for i, hit := range hits {
		w := want[position[hit.DocID]]
		if math.Abs(hit.Score-w.score) > 1e-6 {
			t.Fatalf("document %s scores %v, want %v", hit.DocID, hit.Score, w.score)
		}
		if math.Abs(want[i].score-hit.Score) > 1e-6 {
			t.Fatalf("rank %d is %s with %v, want %s with %v", i, hit.DocID, hit.Score, want[i].doc, want[i].score)
		}
		if i > 0 && (hits[i-1].Score < hit.Score || hits[i-1].Score == hit.Score && hits[i-1].DocID >= hit.DocID) {
			t.Fatalf("ranks %d and %d are out of order", i-1, i)
		}
	}
}

// vectorOf draws small whole components, so that ties are common.
func vectorOf(dim int) *rapid.Generator[[]float32] {
	return rapid.Custom(func(t *rapid.T) []float32 {
		v := make([]float32, dim)
		for i := range v {
			v[i] = float32(rapid.IntRange(-2, 2).Draw(t, "x"))
		}
		v[rapid.IntRange(0, dim-1).Draw(t, "at")] = 1 // not zero
		return v
	})
}

func candidatesOf(t *rapid.T, dim int) []rerank.Candidate {
	n := rapid.IntRange(0, 30).Draw(t, "n")
	out := make([]rerank.Candidate, n)
	for i := range out {
		out[i] = rerank.Candidate{
			ID:     fmt.Sprint("p", i),
			DocID:  fmt.Sprint("d", rapid.IntRange(0, n).Draw(t, "doc")),
			Chunk:  i,
			Vector: vectorOf(dim).Draw(t, "v"),
		}
	}
	return out
}

func TestFuseAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 5).Draw(t, "dim")
		lambda := rapid.SampledFrom([]float64{0, 0.3, 0.5, 0.7, 1}).Draw(t, "lambda")
		legs := rerank.Lambda(vectorOf(dim).Draw(t, "source"), vectorOf(dim).Draw(t, "anchor"), lambda)
		all := candidatesOf(t, dim)
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		// The two lists overlap: what one search found, the other may have found too.
		from := rapid.IntRange(0, cut).Draw(t, "from")
		hits, err := rerank.Fuse(legs, all[:cut], all[from:])
		if err != nil {
			t.Fatal(err)
		}
		sameRanking(t, hits, naive(legs, all))
		for _, hit := range hits {
			for i, leg := range legs {
				if want := cosine(leg.Vector, hit.Vector); math.Abs(hit.Cosines[i]-want) > 1e-6 {
					t.Fatalf("cosine %d of %s is %v, want %v", i, hit.DocID, hit.Cosines[i], want)
				}
			}
		}
	})
}

func TestFuseIgnoresOrderAndRepeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		legs := rerank.Lambda(vectorOf(4).Draw(t, "source"), vectorOf(4).Draw(t, "anchor"), rapid.Float64Range(0, 1).Draw(t, "lambda"))
		all := candidatesOf(t, 4)
		want, err := rerank.Fuse(legs, all)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := slices.Concat(all, all)
		r := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got, err := rerank.Fuse(legs, shuffled)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, func(a, b rerank.Hit) bool { return a.ID == b.ID && a.Score == b.Score }) {
			t.Fatalf("order or repeats of the candidates changed the ranking")
		}
	})
}

// λ = 1 ranks by the source alone and λ = 0 by the anchor alone.
func TestLambdaEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source, anchor := vectorOf(4).Draw(t, "source"), vectorOf(4).Draw(t, "anchor")
		all := candidatesOf(t, 4)
		for lambda, alone := range map[float64][]float32{1: source, 0: anchor} {
			hits, err := rerank.Fuse(rerank.Lambda(source, anchor, lambda), all)
			if err != nil {
				t.Fatal(err)
			}
			single, err := rerank.Fuse([]rerank.Leg{{Vector: alone, Weight: 1}}, all)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(hits, single, func(a, b rerank.Hit) bool { return a.ID == b.ID && a.Score == b.Score }) {
				t.Fatalf("λ = %v does not rank by its one query", lambda)
			}
		}
	})
}

func TestFuseRefuses(t *testing.T) {
	good := []float32{1, 0}
	for name, c := range map[string]struct {
		legs []rerank.Leg
		list []rerank.Candidate
		want string
	}{
		"no leg":           {nil, nil, "at least one"},
		"negative weight":  {[]rerank.Leg{{good, -0.5}, {good, 1.5}}, nil, "weight 0 is -0.5"},
		"NaN weight":       {[]rerank.Leg{{good, math.NaN()}}, nil, "weight 0 is NaN"},
		"weights' sum":     {[]rerank.Leg{{good, 0.5}, {good, 0.4}}, nil, "sum to 0.9"},
		"zero query":       {[]rerank.Leg{{[]float32{0, 0}, 1}}, nil, "query 0: vector has zero length"},
		"widths of legs":   {[]rerank.Leg{{good, 0.5}, {[]float32{1}, 0.5}}, nil, "query 1: vector has 1 dimensions, want 2"},
		"width of passage": {[]rerank.Leg{{good, 1}}, []rerank.Candidate{{ID: "p", DocID: "d", Vector: []float32{1}}}, `passage p of document "d"`},
		"NaN in passage":   {[]rerank.Leg{{good, 1}}, []rerank.Candidate{{ID: "p", DocID: "d", Vector: []float32{1, float32(math.NaN())}}}, "component 1 is NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rerank.Fuse(c.legs, c.list)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// A certificate must never be wrong: whatever it certifies is the top k of the
// whole collection.
func TestCertificate(t *testing.T) {
	issued := 0
	rapid.Check(t, func(t *rapid.T) {
		const dim = 3
		source, anchor := vectorOf(dim).Draw(t, "source"), vectorOf(dim).Draw(t, "anchor")
		lambda := rapid.Float64Range(0, 1).Draw(t, "lambda")
		legs := rerank.Lambda(source, anchor, lambda)
		all := candidatesOf(t, dim)
		k, depth := rapid.IntRange(1, 5).Draw(t, "k"), rapid.IntRange(1, 12).Draw(t, "depth")

		var lists [][]rerank.Candidate
		last := make([]float64, len(legs))
		for i, leg := range legs {
			list := slices.Clone(all)
			slices.SortStableFunc(list, func(a, b rerank.Candidate) int {
				return cmp.Compare(cosine(leg.Vector, b.Vector), cosine(leg.Vector, a.Vector))
			})
			last[i] = math.Inf(-1)
			if len(list) > depth {
				last[i] = cosine(leg.Vector, list[depth-1].Vector)
				list = list[:depth]
			}
			lists = append(lists, list)
		}
		hits, err := rerank.Fuse(legs, lists...)
		if err != nil {
			t.Fatal(err)
		}
		threshold := rerank.Threshold([]float64{lambda, 1 - lambda}, last)
		if len(all) <= depth {
			threshold = math.Inf(-1)
		}
		if !rerank.Certified(hits, k, threshold) {
			return
		}
		issued++
		want := naive(legs, all)[:k]
		for i, hit := range hits[:k] {
			if math.Abs(hit.Score-want[i].score) > 1e-6 {
				t.Fatalf("certified rank %d is %s with %v, yet %s has %v", i, hit.DocID, hit.Score, want[i].doc, want[i].score)
			}
		}
	})
	if issued == 0 {
		t.Fatal("no certificate was issued: the test showed nothing")
	}
}

func FuzzFuse(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(10), 0.7)
	f.Add(uint64(2), uint8(1), uint8(2), 0.0)
	f.Add(uint64(3), uint8(8), uint8(40), 1.0)
	f.Fuzz(func(t *testing.T, seed uint64, dim, n uint8, lambda float64) {
		if dim == 0 || !(lambda >= 0 && lambda <= 1) {
			t.Skip("not a fusion")
		}
		r := rand.New(rand.NewPCG(seed, 0))
		random := func() []float32 {
			v := make([]float32, dim)
			for i := range v {
				v[i] = float32(r.NormFloat64())
			}
			return v
		}
		legs := rerank.Lambda(random(), random(), lambda)
		candidates := make([]rerank.Candidate, n)
		for i := range candidates {
			candidates[i] = rerank.Candidate{ID: fmt.Sprint(i), DocID: fmt.Sprint(r.IntN(int(n))), Chunk: i, Vector: random()}
		}
		hits, err := rerank.Fuse(legs, candidates)
		if err != nil {
			t.Fatal(err)
		}
		sameRanking(t, hits, naive(legs, candidates))
	})
}
