package retrieve_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// fakeStore is an index in memory that gives what a server gives: vectors of
// unit length, scores in single precision, ties by id.
type fakeStore struct {
	points []qdrant.Point // vectors of unit length
	byID   map[string]int
	// onPoints, if set, is called before points are read, and may change the
	// store.
	onPoints func(*fakeStore)
	searches [][]qdrant.Search // every batch that came
	reads    int
}

func newFakeStore(points []qdrant.Point) *fakeStore {
	f := newProductStore(points)
	for i := range f.points {
		f.points[i].Vector = vector.Normalize(f.points[i].Vector)
	}
	return f
}

// newProductStore leaves vectors as they are.
func newProductStore(points []qdrant.Point) *fakeStore {
	f := &fakeStore{points: slices.Clone(points), byID: map[string]int{}}
	for i := range f.points {
		f.byID[f.points[i].ID] = i
	}
	return f
}

// dot32 adds up in single precision, in the plainest order.
func dot32(a, b []float32) float32 {
	var sum float32
	for i, x := range a {
		sum += float32(x * b[i])
	}
	return sum
}

func (f *fakeStore) SearchBatch(_ context.Context, c qdrant.Collection, searches []qdrant.Search) ([][]qdrant.Candidate, error) {
	f.searches = append(f.searches, searches)
	type scored struct {
		at    int
		score float32
	}
	lists := make([][]qdrant.Candidate, len(searches))
	ranked := make([]scored, len(f.points))
	for i, s := range searches {
		if err := vector.Check(s.Vector, c.Schema.Width()); err != nil || s.Limit < 1 {
			return nil, fmt.Errorf("query %d: limit %d: %w", i, s.Limit, err)
		}
		query := s.Vector
		if !c.Schema.Products() {
			query = vector.Normalize(query)
		}
		for at, p := range f.points {
			ranked[at] = scored{at, dot32(query, p.Vector)}
		}
		slices.SortFunc(ranked, func(a, b scored) int {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(f.points[a.at].ID, f.points[b.at].ID))
		})
		lists[i] = make([]qdrant.Candidate, min(s.Limit, len(ranked)))
		for rank := range lists[i] {
			p := &f.points[ranked[rank].at]
			x := qdrant.Candidate{ID: p.ID, Score: float64(ranked[rank].score)}
			if !s.Bare {
				x.ContentHash = p.Payload.ContentHash
			}
			if s.WithVectors {
				x.Vector = p.Vector
			}
			if s.WithPayload {
				payload := p.Payload
				x.Payload = &payload
			}
			lists[i][rank] = x
		}
	}
	return lists, nil
}

func (f *fakeStore) Points(_ context.Context, _ qdrant.Collection, ids []string) (map[string]qdrant.Point, error) {
	f.reads++
	if f.onPoints != nil {
		f.onPoints(f)
	}
	found := make(map[string]qdrant.Point, len(ids))
	for _, id := range ids {
		if at, there := f.byID[id]; there {
			found[id] = f.points[at]
		}
	}
	return found, nil
}

func collection(dimensions int) qdrant.Collection {
	return qdrant.Collection{
		Key: qdrant.Key{Corpus: "docs", Lang: "th"}, Name: "docs_th.v1",
		Schema: qdrant.Schema{Model: "fake", Dimensions: dimensions},
	}
}

// pointID returns an id that says nothing about the order of i.
func pointID(i int) string {
	return fmt.Sprintf("%08x-0000-5000-8000-%012x", uint32(i)*2654435761, i)
}

func point(i int, doc string, chunk int, v []float32) qdrant.Point {
	return qdrant.Point{ID: pointID(i), Vector: v, Payload: qdrant.Payload{
		DocID: doc, Chunk: chunk, Text: fmt.Sprintf("%s/%d", doc, chunk), ContentHash: fmt.Sprint("hash-", i),
	}}
}

// scenario is a generated index with a request to it.
type scenario struct {
	points        []qdrant.Point
	request       retrieve.Request
	final         []float64 // the weights to rank by in the end
	single, fused int       // depths of the first round
}

// newScenario draws a scenario. Half of all have whole components, small and
// few, so that ties, duplicates and opposite vectors abound.
func newScenario(r *rand.Rand, most int) scenario {
	dimensions := 1 + r.IntN(6)
	whole := r.IntN(2) == 0
	narrow := r.IntN(3) == 0 // as real embeddings: all in one cone
	draw := func() []float32 {
		v := make([]float32, dimensions)
		for i := range v {
			switch {
			case whole:
				v[i] = float32(r.IntN(5) - 2)
			case narrow:
				v[i] = float32(1 + 0.1*r.NormFloat64())
			default:
				v[i] = float32(r.NormFloat64())
			}
		}
		if vector.Check(v, dimensions) != nil {
			v[r.IntN(dimensions)] = 1
		}
		return v
	}
	n, documents := r.IntN(most+1), 1+r.IntN(most)
	s := scenario{single: 1 + r.IntN(12), fused: 1 + r.IntN(12)}
	for i := range n {
		v := draw()
		switch kind := r.IntN(8); {
		case i > 0 && kind == 0: // a duplicate
			v = s.points[r.IntN(i)].Vector
		case i > 0 && kind == 1: // all but one
			v = slices.Clone(s.points[r.IntN(i)].Vector)
			at := r.IntN(dimensions)
			v[at] = math.Nextafter32(v[at], 2)
			if vector.Check(v, dimensions) != nil {
				v[at] = 1
			}
		}
		doc, chunk := fmt.Sprint("d", i), 0
		if documents < n { // several chunks each
			doc, chunk = fmt.Sprint("d", r.IntN(documents)), i
		}
		s.points = append(s.points, point(i, doc, chunk, v))
	}
	legs := make([]rerank.Leg, 1+r.IntN(4))
	for i := range legs {
		legs[i].Vector = draw()
		switch kind := r.IntN(4); {
		case i > 0 && kind == 0: // they cancel each other out, or nearly
			legs[i].Vector = make([]float32, dimensions)
			for j, x := range legs[0].Vector {
				legs[i].Vector[j] = -x
			}
			if r.IntN(2) == 0 {
				legs[i].Vector[0] += 1e-4
			}
		case i > 0 && kind == 1:
			legs[i].Vector = legs[0].Vector
		}
		if vector.Check(legs[i].Vector, dimensions) != nil {
			legs[i].Vector[0] = 1
		}
	}
	for i, w := range drawWeights(r, len(legs)) {
		legs[i].Weight = w
	}
	s.request = retrieve.Request{
		Collection: collection(dimensions), Legs: legs, TopK: 1 + r.IntN(12), Exact: true,
	}
	if r.IntN(8) == 0 {
		s.request.TopK = n + 1 + r.IntN(3)
	}
	for _, leg := range legs {
		s.final = append(s.final, leg.Weight)
	}
	if len(legs) > 1 && r.IntN(3) == 0 {
		s.final = drawWeights(r, len(legs))
		s.request.Reweigh = func(retrieve.Signals) []float64 { return s.final }
	}
	return s
}

// drawWeights draws n weights of sum 1, of which some are often 0 or 1.
func drawWeights(r *rand.Rand, n int) []float64 {
	weights := make([]float64, n)
	if r.IntN(4) == 0 {
		weights[r.IntN(n)] = 1
		return weights
	}
	sum := 0.0
	for sum == 0 {
		for i := range weights {
			weights[i] = float64(r.IntN(5)) * (1 + float64(r.IntN(2))*r.Float64())
			sum += weights[i]
		}
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}
