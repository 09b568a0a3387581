package search

import (
	"context"
	"fmt"
	"math"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
)

// Rank's searches go deeper than the top k by the factor oversize. The depth
// grows until the candidates' vectors would take more than maxCandidateBytes,
// which a reply must hold.
const (
	oversize          = 4
	deepening         = 4
	maxCandidateBytes = 32 << 20
)

// Ranked is a document with its fused score.
type Ranked struct {
	DocID string
	Score float64
}

// Rank returns the top k of a query at each of several λ, in place of q.Lambda:
// the rankings that Run gives, from one embedding and, as a rule, one search.
// The query must bring its anchor. A ranking that cannot be proven complete
// within the depth that a reply can hold is an error, as figures must not hang
// on the search.
func (s *Searcher) Rank(ctx context.Context, q Query, lambdas []float64) ([][]Ranked, error) {
	if q.Anchor == "" {
		return nil, fmt.Errorf("rank query %q at several lambdas: it has no anchor", q.ID)
	}
	for _, q.Lambda = range lambdas {
		if err := q.Validate(); err != nil {
			return nil, err
		}
	}
	p, err := s.Prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	collection, source, anchored := p.indexes[q.Lang], p.source, p.anchors[0]
	if collection.Schema.Products() {
		return s.rankEach(ctx, p, lambdas)
	}
	rankings := make([][]Ranked, len(lambdas))
	maxDepth := maxDepth(collection, q.TopK)
	// Shallower at first than a single query is answered: of the many that an
	// evaluation asks, few need more.
	for depth := min(oversize*(q.TopK+1), maxDepth); ; depth = min(depth*deepening, maxDepth) {
		r, err := s.candidates(ctx, collection, depth, source, anchored)
		if err != nil {
			return nil, err
		}
		proven := true
		for i, lambda := range lambdas {
			hits, complete, err := r.fuse(rerank.Lambda(source, anchored, lambda), q.TopK)
			if err != nil {
				return nil, fmt.Errorf("search %s: %w", collection.Key, err)
			}
			proven = proven && complete
			rankings[i] = make([]Ranked, len(hits))
			for rank, hit := range hits {
				rankings[i][rank] = Ranked{hit.DocID, hit.Score}
			}
		}
		switch {
		case proven:
			return rankings, nil
		case depth >= maxDepth:
			return nil, fmt.Errorf("search %s: the top %d of query %q could not be proven complete within %d candidates", collection.Key, q.TopK, q.ID, depth)
		}
	}
}

// rankEach is Rank over an index whose scores are no cosines: a search for each λ.
func (s *Searcher) rankEach(ctx context.Context, p *Prepared, lambdas []float64) ([][]Ranked, error) {
	rankings := make([][]Ranked, len(lambdas))
	for i, lambda := range lambdas {
		found, err := s.Answer(ctx, p.At(lambda))
		if err != nil {
			return nil, err
		}
		if !found.Certified {
			return nil, fmt.Errorf("search %s: the top %d of query %q could not be proven complete within %d candidates", p.indexes[p.Lang].Key, p.TopK, p.ID, found.Depth)
		}
		rankings[i] = make([]Ranked, len(found.Hits))
		for rank, hit := range found.Hits {
			rankings[i][rank] = Ranked{hit.ID, hit.Score}
		}
	}
	return rankings, nil
}

// maxDepth is how deep the two searches may go for their reply to stay within
// bounds.
func maxDepth(c qdrant.Collection, topK int) int {
	const legs, beside = 2, 256 // bytes of a candidate besides its vector
	return max(topK, maxCandidateBytes/(legs*(4*c.Schema.Dimensions+beside)))
}

// round is what the two searches of one depth found.
type round struct {
	lists [][]rerank.Candidate
	last  []float64 // the lowest score of each list, −∞ where it is the whole index
}

// fuse returns the top k of what was found, and whether it is proven to be the
// whole index's.
func (r round) fuse(legs []rerank.Leg, topK int) (top []rerank.Hit, complete bool, err error) {
	hits, err := rerank.Fuse(legs, r.lists...)
	if err != nil {
		return nil, false, err
	}
	weights := make([]float64, len(legs))
	for i, leg := range legs {
		weights[i] = leg.Weight
	}
	threshold := rerank.Threshold(weights, r.last)
	// Below every threshold: one of the lists holds the whole index.
	complete = math.IsInf(threshold, -1) || rerank.Certified(hits, topK, threshold)
	return hits[:min(topK, len(hits))], complete, nil
}

// candidates runs one exact search for each vector, all in one request.
func (s *Searcher) candidates(ctx context.Context, c qdrant.Collection, depth int, vectors ...[]float32) (round, error) {
	r := round{}
	searches := make([]qdrant.Search, len(vectors))
	for i, v := range vectors {
		searches[i] = qdrant.Search{Vector: v, Limit: depth, Exact: true, WithVectors: true}
	}
	found, err := s.Store.SearchBatch(ctx, c, searches)
	if err != nil {
		return round{}, err
	}
	for _, list := range found {
		candidates := make([]rerank.Candidate, len(list))
		for j, x := range list {
			candidates[j] = rerank.Candidate{ID: x.ID, DocID: x.DocID, Chunk: x.Chunk, Vector: x.Vector}
		}
		last := math.Inf(-1)
		if len(list) == depth {
			last = list[depth-1].Score
		}
		r.lists, r.last = append(r.lists, candidates), append(r.last, last)
	}
	return r, nil
}
