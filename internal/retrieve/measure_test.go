package retrieve_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// augmented is a scenario whose index compares by products.
type augmented struct {
	scenario
	length, hub float64
}

// newAugmented makes one of a scenario: of vectors as long as they are or of unit
// length, with hubness or without, a passage having several vectors or one.
func newAugmented(r *rand.Rand, most int) augmented {
	x := augmented{scenario: newScenario(r, most), length: 1}
	a := &qdrant.Augment{Alpha: 0.1}
	dot := r.IntN(2) == 0
	if !dot || r.IntN(2) == 0 {
		x.hub = []float64{0.001, 0.2, 1, 3, qdrant.MaxHubWeight}[r.IntN(5)]
		a.Hub = &qdrant.Hub{Weight: x.hub}
	}
	several := r.IntN(2) == 0
	for i := range x.points {
		p := &x.points[i]
		p.Vector = slices.Clone(p.Vector)
		if !dot {
			p.Vector = slices.Clone(vector.Normalize(p.Vector))
		}
		x.length = max(x.length, math.Sqrt(vector.Dot64(p.Vector, p.Vector)))
		if several && i > 0 && r.IntN(3) > 0 { // one more of the passage before
			p.Payload = x.points[i-1].Payload
			p.Payload.Vector++
		}
	}
	if dot {
		a.Distance, a.MaxLength = qdrant.DistanceDot, x.length
	} else {
		x.length = 1
	}
	if x.hub > 0 {
		a.Mode = ""
		for i := range x.points {
			hubness := x.length * (2*r.Float64() - 1)
			if r.IntN(3) == 0 {
				hubness = x.length
			}
			x.points[i].Vector = append(x.points[i].Vector, float32(hubness))
		}
	}
	x.request.Collection.Schema.Augment = a
	return x
}

// definition ranks documents by the formula, in a plain double loop.
func (x augmented) definition() []ranked {
	best := map[string]float64{}
	for _, p := range x.points {
		score := 0.0
		for i, leg := range x.request.Legs {
			var product, square float64
			for k, q := range leg.Vector {
				product += float64(q) * float64(p.Vector[k])
				square += float64(q) * float64(q)
			}
			score += x.final[i] * product / math.Sqrt(square)
		}
		if x.hub > 0 {
			score -= x.hub * float64(p.Vector[len(p.Vector)-1])
		}
		if old, ok := best[p.Payload.DocID]; !ok || score > old {
			best[p.Payload.DocID] = score
		}
	}
	var out []ranked
	for doc, s := range best {
		out = append(out, ranked{doc, s})
	}
	slices.SortFunc(out, func(a, b ranked) int {
		if a.score != b.score {
			return map[bool]int{true: -1, false: 1}[a.score > b.score]
		}
		return strings.Compare(a.doc, b.doc)
	})
	return out
}

// check compares an answer with the definition, and its order with that of the
// fusion core over all points.
func (x augmented) check(got retrieve.Answer) error {
	legs := slices.Clone(x.request.Legs)
	for i := range legs {
		legs[i].Weight = x.final[i]
	}
	candidates := make([]rerank.Candidate, len(x.points))
	for i, p := range x.points {
		candidates[i] = rerank.Candidate{ID: p.ID, DocID: p.Payload.DocID, Chunk: p.Payload.Chunk, Vector: p.Vector}
	}
	measure := rerank.Measure{Length: x.length, Hub: x.hub}
	want, err := measure.Fuse(legs, candidates)
	if err != nil {
		return err
	}
	want = want[:min(x.request.TopK, len(want))]
	if len(got.Hits) != len(want) {
		return fmt.Errorf("%d hits, want %d", len(got.Hits), len(want))
	}
	defined, tolerance := x.definition(), 1e-6*measure.Bulk()
	for i, hit := range got.Hits {
		if hit.ID != want[i].ID || hit.Score != want[i].Score || hit.Hub != want[i].Hub {
			return fmt.Errorf("rank %d is %s of %s with %v (hub %v), want %s of %s with %v (hub %v)", i+1,
				hit.ID, hit.DocID, hit.Score, hit.Hub, want[i].ID, want[i].DocID, want[i].Score, want[i].Hub)
		}
		if math.Abs(hit.Score-defined[i].score) > tolerance {
			return fmt.Errorf("rank %d scores %v, by the definition %v", i+1, hit.Score, defined[i].score)
		}
		sum := -hit.Hub
		for j, c := range hit.Cosines {
			sum += x.final[j] * c
		}
		if math.Abs(sum-hit.Score) > 1e-12*measure.Bulk() {
			return fmt.Errorf("rank %d: cosines less hub make %v, the score is %v", i+1, sum, hit.Score)
		}
		if x.hub > 0 && math.Abs(hit.Hub-x.hub*float64(hit.Vector[len(hit.Vector)-1])) > 1e-12 {
			return fmt.Errorf("rank %d: hub is %v", i+1, hit.Hub)
		}
	}
	if !got.Certified { // every generated index is small enough to be searched whole
		return fmt.Errorf("not certified at depth %d, threshold %v", got.Depth, got.Threshold)
	}
	return nil
}

// run asks every strategy and compares the answers.
func (x augmented) run(ctx context.Context, store retrieve.Store, seen *tally) error {
	for _, strategy := range strategies {
		x.request.Strategy = strategy
		got, err := retrieve.RunFrom(ctx, store, x.request, x.single, x.fused)
		if err != nil {
			return fmt.Errorf("%s: %w", strategy, err)
		}
		if err := x.check(got); err != nil {
			return fmt.Errorf("%s: %w", strategy, err)
		}
		if !math.IsInf(got.Threshold, -1) {
			seen.proven++
		}
	}
	return nil
}

// Indexes that compare by products, that lower scores by hubness, or whose
// passages have several vectors, are answered as brute force has it, and
// certified as rightly as any.
func TestMeasuresAgainstBruteForce(t *testing.T) {
	cases := 5_000
	if testing.Short() {
		cases = 1_000
	}
	seen := tally{}
	for i := range cases {
		x := newAugmented(rand.New(rand.NewPCG(uint64(i), 8)), 60)
		if err := x.run(t.Context(), newProductStore(x.points), &seen); err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
	}
	if seen.proven < cases/2 {
		t.Errorf("of %d cases, %d answers were proven without the whole index: the test shows too little", cases, seen.proven)
	}
}

// The same over the real engine.
func TestMeasuresOverEmbeddedStore(t *testing.T) {
	store := storetest.Embedded(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		x := newAugmented(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 9)), rapid.IntRange(1, 150).Draw(rt, "most"))
		n++
		c, err := store.Ensure(t.Context(), qdrant.Key{Corpus: fmt.Sprint("case-", n), Lang: "th"}, x.request.Collection.Schema)
		if err != nil {
			rt.Fatal(err)
		}
		if err := store.Upsert(t.Context(), c, x.points); err != nil {
			rt.Fatal(err)
		}
		x.request.Collection = c
		if err := x.run(t.Context(), store, &tally{}); err != nil {
			rt.Fatal(err)
		}
		if err := store.Drop(t.Context(), c.Key); err != nil {
			rt.Fatal(err)
		}
	})
}
