package retrieve

import (
	"context"
	"math"
	"time"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// The lists of single legs begin at minDepth and twice the top k: the first
// anchor and the source are compared over minDepth passages, and a proof by them
// alone seldom needs more. The fused list needs little more than the top k, and
// more where documents have several chunks, and several times as much where each
// passage has several vectors; while it has at most maxCarried
// passages it carries their vectors and payloads, and no second request is
// needed. Depth grows until the candidates of a reply would take
// maxCandidateBytes.
const (
	oversize          = 2
	minDepth          = 50
	minSpare          = 5
	maxCarried        = 64
	several           = 3
	deepening         = 4
	maxCandidateBytes = 32 << 20
	bareBytes         = 256
	payloadBytes      = 16 << 10
)

// depth is how many passages are asked of each leg's search and of the fused one.
type depth struct{ single, fused int }

func firstDepth(topK int, s qdrant.Schema) depth {
	d := depth{max(minDepth, oversize*topK), topK + max(minSpare, topK/2)}
	if s.Augment != nil && s.Augment.Mode == qdrant.ModeMulti {
		return depth{several * d.single, several * d.fused}
	}
	return d
}

func (d depth) deeper() depth { return depth{deepening * d.single, deepening * d.fused} }

// bounded limits a depth to what a reply may hold, though never below what the
// top k needs.
func (q *query) bounded(d depth, whole bool) depth {
	bytes := bareBytes
	if whole {
		bytes += 4*q.Collection.Schema.Width() + payloadBytes
	}
	limit := max(q.TopK+1, maxCandidateBytes/(bytes*(len(q.legs)+1)))
	if d.single >= limit {
		return depth{limit, limit}
	}
	return depth{d.single, min(d.fused, limit)}
}

// list is the answer to one search.
type list struct {
	List
	// weights are those of the legs in the list's score: one leg's alone, or all
	// that held when the round was searched.
	weights []float64
	scale   float64 // from the store's score to the list's
	ranked  []string
	whole   bool // the list holds the whole index
}

// passage is a candidate with all that is known of it.
type passage struct {
	id      string
	scores  []float64 // in each list, NaN where it is not in it
	vector  []float32
	cosines []float64       // to each leg, from vector
	payload *qdrant.Payload // that was stored with vector
	hash    string          // of the content that the filter kept; "" without one
}

// round is what the searches of one request found.
type round struct {
	*query
	lists    []list
	passages map[string]*passage
	order    []*passage // as they came
	complete bool       // every passage of the index was found
}

// search sends one request with the strategy's searches. With signals, it brings
// the lists that Reweigh judges by, with vectors; with whole, every candidate
// comes with its vector and payload.
func (q *query) search(ctx context.Context, d depth, signals, whole bool) (*round, error) {
	r := &round{query: q, passages: map[string]*passage{}}
	var searches []qdrant.Search
	add := func(l list, direction []float32, s qdrant.Search) {
		s.Vector, s.Limit, s.Exact = q.measure.Extend(direction), l.Asked, q.Exact
		if whole {
			s.WithVectors, s.WithPayload = true, true
		}
		s.Bare = !s.WithPayload && !q.filtered()
		r.lists = append(r.lists, l)
		searches = append(searches, s)
	}
	weights, weighted := make([]float64, len(q.legs)), 0
	for i, leg := range q.legs {
		weights[i] = leg.Weight
		if leg.Weight > 0 {
			weighted++
		}
	}
	fused := q.Strategy != Union && weighted > 1 && q.direction != nil
	for i, leg := range q.legs {
		judged := signals && i < 2
		if !judged && (leg.Weight == 0 || fused && q.Strategy == Fused) {
			continue
		}
		own := make([]float64, len(q.legs))
		own[i] = 1
		asked, carry := d.single, false
		if weighted == 1 && leg.Weight > 0 && !judged { // it is the fused list
			asked, carry = d.fused, d.fused <= maxCarried
		}
		add(list{List: List{Leg: i, Asked: asked}, weights: own, scale: 1}, q.searched[i],
			qdrant.Search{WithVectors: judged || carry, WithPayload: carry})
	}
	if fused {
		carry := d.fused <= maxCarried
		add(list{List: List{Leg: FusedLeg, Asked: d.fused}, weights: weights, scale: q.scale}, q.direction,
			qdrant.Search{WithVectors: carry, WithPayload: carry})
	}
	start := time.Now()
	found, err := q.store.SearchBatch(ctx, q.Collection, searches)
	q.waited += time.Since(start)
	if err != nil {
		return nil, err
	}
	for i, candidates := range found {
		r.take(i, candidates)
	}
	return r, nil
}

// take enters the i-th list.
func (r *round) take(i int, candidates []qdrant.Candidate) {
	l := &r.lists[i]
	l.Found, l.whole = len(candidates), len(candidates) < l.Asked
	r.complete = r.complete || l.whole
	l.ranked = make([]string, len(candidates))
	for rank, c := range candidates {
		l.ranked[rank] = c.ID
		p := r.passages[c.ID]
		if p == nil {
			p = &passage{id: c.ID, scores: make([]float64, len(r.lists))}
			for j := range p.scores {
				p.scores[j] = math.NaN()
			}
			r.passages[c.ID] = p
			r.order = append(r.order, p)
		}
		if r.filtered() {
			p.hash = c.ContentHash
		}
		p.scores[i] = l.scale * c.Score
		l.Last = p.scores[i]
		if c.Vector != nil && p.payload == nil { // a vector with its payload takes precedence
			p.vector, p.payload = c.Vector, c.Payload
		}
	}
}

// measured computes a passage's exact cosines from its vector.
func (r *round) measured(p *passage) ([]float64, error) {
	if p.cosines == nil {
		cosines, err := r.scorer.Cosines(p.vector)
		if err != nil {
			return nil, passageError(p.id, err)
		}
		p.cosines = cosines
	}
	return p.cosines, nil
}

// described tells what the searches did, and the deepest one's depth.
func (r *round) described() ([]List, int) {
	lists, deepest := make([]List, len(r.lists)), 0
	for i, l := range r.lists {
		lists[i] = l.List
		deepest = max(deepest, l.Asked)
	}
	return lists, deepest
}
