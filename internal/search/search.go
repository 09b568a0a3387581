// Package search answers one query from end to end: it gets the anchor query,
// embeds both, searches with both, and fuses what they found into one exact
// ranking.
//
//	text ─┬─ embed ──────────────┐
//	      └─ translate → embed ──┴→ search in parallel → fuse → hits
//
// It ties the adapters together and holds no protocol, flag or file of its own;
// the arithmetic is internal/rerank's.
package search

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
)

// Store is the part of *qdrant.Store that a query needs.
type Store interface {
	Lookup(ctx context.Context, key qdrant.Key) (qdrant.Collection, error)
	SearchBatch(ctx context.Context, c qdrant.Collection, searches []qdrant.Search) ([][]qdrant.Candidate, error)
	Payloads(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Payload, error)
}

// Embedder is the part of *embedding.Client that a query needs.
type Embedder interface {
	Identity() embedding.Identity
	Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error)
}

// Searcher answers queries. It is safe for concurrent use.
type Searcher struct {
	Store      Store
	Embedder   Embedder
	Translator anchor.Translator // nil: an anchor comes only with the query
	// Trust says how far the anchors of a translator are trusted for documents
	// in a language, in [0, 1], by their Origin; false: its anchors always count
	// in full. nil: all do.
	Trust func(documents, origin string) (trust float64, judged bool)
}

// The searches go deeper than the top k, by this factor and at least to this
// depth: most certificates then need no second round. The depth grows until the
// candidates' vectors would take more than maxCandidateBytes, which a reply must
// hold; then the search gives up proving.
const (
	oversize          = 4
	minDepth          = 50
	deepening         = 4
	maxCandidateBytes = 32 << 20
)

// Run answers a query. Where the anchor cannot be had, the answer is that of
// the source query alone and Result.Anchor says why. An index built with
// another model or prefix is refused with a *qdrant.SchemaError before anything
// is embedded.
func (s *Searcher) Run(ctx context.Context, q Query) (Result, error) {
	if err := q.Validate(); err != nil {
		return Result{}, err
	}
	start := time.Now()
	if err := s.Check(ctx, q); err != nil {
		return Result{}, err
	}
	opening := time.Since(start)
	p, err := s.Prepare(ctx, q)
	if err != nil {
		return Result{}, err
	}
	result, err := s.Answer(ctx, p)
	result.Timings.Total += milliseconds(opening)
	return result, err
}

// Check returns an error unless every index that the queries search is there
// and of the right model. Nothing is embedded for it, which may have its price.
func (s *Searcher) Check(ctx context.Context, queries ...Query) error {
	checked := map[qdrant.Key]bool{}
	for _, q := range queries {
		for _, target := range q.targets() {
			key := qdrant.Key{Corpus: q.Corpus, Lang: target}
			if checked[key] {
				continue
			}
			checked[key] = true
			if _, err := s.Open(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// Answer searches with a prepared query.
func (s *Searcher) Answer(ctx context.Context, p *Prepared) (Result, error) {
	start := time.Now()
	targets := p.targets()
	parts := make([]part, len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(searchingLanguages)
	for i, target := range targets {
		group.Go(func() (err error) {
			parts[i], err = s.answerIn(ctx, p, target)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	result := p.result(parts)
	result.Timings.Total = milliseconds(time.Since(start)) + p.timings.Embed
	return result, nil
}

// searchingLanguages is how many indexes one query searches at the same time.
const searchingLanguages = 4

// part is the answer from the index of one language.
type part struct {
	Result
	weights []float64
}

// answerIn searches the index of one language.
func (s *Searcher) answerIn(ctx context.Context, p *Prepared, target string) (part, error) {
	collection, err := s.Open(ctx, qdrant.Key{Corpus: p.Corpus, Lang: target})
	if err != nil {
		return part{}, err
	}
	weights := p.weights(target, p.anchor.Text == "")
	legs := []rerank.Leg{{Vector: p.source, Weight: weights[0]}}
	for i, v := range p.anchors {
		legs = append(legs, rerank.Leg{Vector: v, Weight: weights[i+1]})
	}
	found := part{weights: weights}
	return found, s.search(ctx, collection, p.TopK, legs, &found.Result)
}

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
	collection, err := s.Open(ctx, qdrant.Key{Corpus: q.Corpus, Lang: q.Lang})
	if err != nil {
		return nil, err
	}
	p, err := s.Prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	source, anchored := p.source, p.anchors[0]
	rankings := make([][]Ranked, len(lambdas))
	maxDepth := maxDepth(collection, q.TopK, 2, false)
	// Shallower at first than a single query is answered: of the many that an
	// evaluation asks, few need more.
	for depth := min(oversize*(q.TopK+1), maxDepth); ; depth = min(depth*deepening, maxDepth) {
		r, err := s.candidates(ctx, collection, rerank.Lambda(source, anchored, 0.5), depth, false)
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

// Open finds an index that queries can be asked of. One built with another model
// or prefix is refused with a *qdrant.SchemaError; nothing is embedded for it.
func (s *Searcher) Open(ctx context.Context, key qdrant.Key) (qdrant.Collection, error) {
	collection, err := s.Store.Lookup(ctx, key)
	if err != nil {
		return qdrant.Collection{}, err
	}
	return collection, s.checkSchema(collection)
}

// checkSchema compares what the index was embedded with and what the query
// will be embedded with.
func (s *Searcher) checkSchema(c qdrant.Collection) error {
	id := s.Embedder.Identity()
	now := c.Schema
	now.Model, now.QueryPrefix, now.PassagePrefix = id.Model, id.QueryPrefix, id.PassagePrefix
	now.QueryBody, now.PassageBody = id.QueryBody, id.PassageBody
	if id.Dimensions != 0 { // else they show when the query is embedded
		now.Dimensions = id.Dimensions
	}
	if diff := c.Schema.Diff(now); len(diff) > 0 {
		return &qdrant.SchemaError{Key: c.Key, Differences: diff}
	}
	return nil
}

// search fills in the hits. Their payloads are read after the search, for the
// top k alone; where a document was changed or deleted in between, the search is
// repeated with all payloads in its own answer.
func (s *Searcher) search(ctx context.Context, c qdrant.Collection, topK int, legs []rerank.Leg, result *Result) error {
	hits, found, err := s.fused(ctx, c, topK, legs, false, result)
	if err != nil {
		return err
	}
	start := time.Now()
	ids := make([]string, len(hits))
	for i, hit := range hits {
		ids[i] = hit.ID
	}
	payloads, err := s.Store.Payloads(ctx, c, ids)
	if err != nil {
		return err
	}
	result.Timings.Search += milliseconds(time.Since(start))
	changed := slices.ContainsFunc(ids, func(id string) bool {
		payload, there := payloads[id]
		return !there || payload.ContentHash != found[id].ContentHash
	})
	if changed {
		if hits, found, err = s.fused(ctx, c, topK, legs, true, result); err != nil {
			return err
		}
		for _, hit := range hits {
			payloads[hit.ID] = *found[hit.ID].Payload
		}
	}
	result.Hits = make([]Hit, len(hits))
	for i, hit := range hits {
		result.Hits[i] = newHit(hit, payloads[hit.ID])
	}
	return nil
}

// fused searches with every leg that has weight, deeper and deeper until the
// top k is proven or the depth is at its limit, and returns the top k, with every
// passage found by id.
func (s *Searcher) fused(ctx context.Context, c qdrant.Collection, topK int, legs []rerank.Leg, withPayload bool, result *Result) ([]rerank.Hit, map[string]qdrant.Candidate, error) {
	maxDepth := maxDepth(c, topK, len(legs), withPayload)
	depth := min(max(minDepth, oversize*topK), maxDepth)
	for ; ; depth = min(depth*deepening, maxDepth) {
		start := time.Now()
		r, err := s.candidates(ctx, c, legs, depth, withPayload)
		if err != nil {
			return nil, nil, err
		}
		found := time.Now()
		hits, complete, err := r.fuse(legs, topK)
		if err != nil {
			return nil, nil, fmt.Errorf("search %s: %w", c.Key, err)
		}
		result.Timings.Search += milliseconds(found.Sub(start))
		result.Timings.Fuse += milliseconds(time.Since(found))
		result.Depth, result.Certified = depth, complete
		if complete || depth >= maxDepth {
			return hits, r.found, nil
		}
	}
}

// maxDepth is how deep a search of so many legs may go for its reply to stay
// within bounds.
func maxDepth(c qdrant.Collection, topK, legs int, withPayload bool) int {
	beside := 256 // bytes of a candidate besides its vector
	if withPayload {
		beside += 16 << 10
	}
	return max(topK, maxCandidateBytes/(legs*(4*c.Schema.Dimensions+beside)))
}

// round is what the searches of one depth found.
type round struct {
	lists [][]rerank.Candidate
	last  []float64                   // the lowest score of each leg's list, −∞ where the list is the whole index
	found map[string]qdrant.Candidate // by passage id
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

// candidates runs one exact search for each leg that has weight, all in one
// request.
func (s *Searcher) candidates(ctx context.Context, c qdrant.Collection, legs []rerank.Leg, depth int, withPayload bool) (round, error) {
	r := round{last: make([]float64, len(legs)), found: map[string]qdrant.Candidate{}}
	var searches []qdrant.Search
	var of []int // the leg of each search
	for i, leg := range legs {
		if leg.Weight > 0 {
			searches = append(searches, qdrant.Search{Vector: leg.Vector, Limit: depth, Exact: true, WithVectors: true, WithPayload: withPayload})
			of = append(of, i)
		}
	}
	found, err := s.Store.SearchBatch(ctx, c, searches)
	if err != nil {
		return round{}, err
	}
	for i, list := range found {
		candidates := make([]rerank.Candidate, len(list))
		for j, x := range list {
			if _, known := r.found[x.ID]; !known { // the first is the one whose vector counts
				r.found[x.ID] = x
			}
			candidates[j] = rerank.Candidate{ID: x.ID, DocID: x.DocID, Chunk: x.Chunk, Vector: x.Vector}
		}
		r.lists = append(r.lists, candidates)
		r.last[of[i]] = math.Inf(-1)
		if len(list) == depth {
			r.last[of[i]] = list[depth-1].Score
		}
	}
	return r, nil
}
