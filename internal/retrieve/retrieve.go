// Package retrieve finds the documents of an index that score highest against
// several weighted query vectors. The scores are exact, and where the searches
// are, the answer says whether its top k is proven to be the whole index's.
//
// A Strategy says which searches are sent; what comes back is the same for all.
// Most passages that a search returns cannot enter the top k: the searches give
// single-precision scores, bounds say which passages still can, and only those
// are scored in float64 from their stored vectors.
//
// The package knows stores and the arithmetic of internal/rerank. It knows no
// text, no language, and not where query vectors come from.
package retrieve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Store is the part of *qdrant.Store that retrieval needs.
type Store interface {
	SearchBatch(ctx context.Context, c qdrant.Collection, searches []qdrant.Search) ([][]qdrant.Candidate, error)
	Points(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Point, error)
}

// Strategy is a way to find candidates. All give the same hits and scores.
type Strategy string

// The strategies. Each sends all its searches in one request.
const (
	Union   Strategy = "union"   // one search for each leg
	Fused   Strategy = "fused"   // one search with the weighted sum of the legs
	Synergy Strategy = "synergy" // both: the proof needs no depth, and every leg's own ranks are known
)

// Request is what is asked.
type Request struct {
	Collection qdrant.Collection
	// Legs are the query vectors with their weights; the first is the source
	// query, the second, if any, the first anchor.
	Legs     []rerank.Leg
	TopK     int      // documents wanted, at least 1
	Strategy Strategy // Synergy if empty
	// Exact compares with every vector. Otherwise the server may use its
	// approximate index, and no answer is certified.
	Exact bool
	// Reweigh, if set, is called once, after the first round, if there are two
	// legs or more. It returns the weights to rank by, one for each leg, not
	// negative, of sum 1. The source's and the first anchor's own lists, which it
	// judges by, are then searched with every strategy.
	Reweigh func(Signals) []float64
}

// Answer is what was found.
type Answer struct {
	Hits      []Hit
	Weights   []float64 // that the hits are ranked by, one for each leg
	Certified bool      // the hits are proven to be the whole index's top k
	Depth     int       // passages asked of the deepest search
	Rounds    int       // requests with searches that were sent
	// Threshold is the highest score that a passage in none of the lists can
	// have, if the searches were exact; −∞ where the lists hold the whole index.
	Threshold float64
	Lists     []List   // the searches of the last round
	Signals   *Signals // what Reweigh was given; nil if it was not called
	Precision Precision
	Timings   Timings
}

// Hit is a document with its best passage.
type Hit struct {
	rerank.Hit
	Payload qdrant.Payload // as it was stored with the vector that was scored
	// Ranks are the passage's places, from 1, in each leg's own list; 0 where it
	// is not in the list, or the leg was not searched alone.
	Ranks []int
}

// FusedLeg stands in a List for the weighted sum of the legs.
const FusedLeg = -1

// List says what one search did.
type List struct {
	Leg   int // index of the leg, or FusedLeg
	Asked int // passages
	Found int
	// Last is the last passage's score in the list's own measure, that by the leg
	// alone or the fused one, as the store gave it: in single precision.
	Last float64
}

// Precision says how far the scores may lie from those of the vectors that were
// embedded, because of how the collection stores them.
type Precision struct {
	Datatype string  // "float32" where nothing is lost
	MaxError float64 // 0 for float32, 2 where nothing can be said
}

// Timings are wall-clock times.
type Timings struct {
	Search time.Duration // waiting for the store
	Fuse   time.Duration // all else
}

// Run answers a request.
func Run(ctx context.Context, store Store, r Request) (Answer, error) {
	answer, err := run(ctx, store, r, firstDepth(r.TopK, r.Collection.Schema))
	if err != nil {
		return Answer{}, fmt.Errorf("search %s: %w", r.Collection.Key, err)
	}
	return answer, nil
}

func (r Request) validate() error {
	if r.TopK < 1 {
		return fmt.Errorf("top-k is %d, want at least 1", r.TopK)
	}
	switch r.Strategy {
	case "", Union, Fused, Synergy:
		return nil
	}
	return fmt.Errorf("strategy %q: want %s, %s or %s", r.Strategy, Union, Fused, Synergy)
}

// errChanged says that a passage read by id is not the one that was found.
var errChanged = errors.New("a passage changed between search and reading")

func run(ctx context.Context, store Store, r Request, first depth) (Answer, error) {
	if err := r.validate(); err != nil {
		return Answer{}, err
	}
	start := time.Now()
	q, err := newQuery(store, r)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Precision: q.precision}
	reweigh := r.Reweigh
	if len(r.Legs) < 2 {
		reweigh = nil
	}
	// Whole, each search brings all that is needed, in one state of the index. A
	// foreign passage has no hash to tell by that the filter kept another content.
	whole := q.filtered() && r.Collection.Foreign
	for depth := q.bounded(first, whole); ; {
		round, err := q.search(ctx, depth, reweigh != nil, whole)
		if err != nil {
			return Answer{}, err
		}
		answer.Rounds++
		if reweigh != nil {
			if answer.Signals, err = round.signals(); err != nil {
				return Answer{}, err
			}
			if err := q.weigh(reweigh(*answer.Signals)); err != nil {
				return Answer{}, fmt.Errorf("new weights: %w", err)
			}
			reweigh = nil
		}
		settled, err := round.settle(ctx)
		if errors.Is(err, errChanged) && !whole {
			whole = true
			depth = q.bounded(depth, whole)
			continue
		}
		if err != nil {
			return Answer{}, err
		}
		next := q.bounded(depth.deeper(), whole)
		if !settled.enough && next != depth {
			depth = next
			continue
		}
		answer.Hits, answer.Certified, answer.Threshold = settled.hits, settled.proven, settled.threshold
		answer.Lists, answer.Depth = round.described()
		for _, leg := range q.legs {
			answer.Weights = append(answer.Weights, leg.Weight)
		}
		answer.Timings.Search = q.waited
		answer.Timings.Fuse = time.Since(start) - q.waited
		return answer, nil
	}
}

// query is a request on its way.
type query struct {
	Request
	store     Store
	legs      []rerank.Leg // with the weights that hold now
	measure   rerank.Measure
	scorer    *rerank.Scorer
	searched  [][]float32 // the legs as they are searched with
	direction []float32   // that searches by all legs; nil where their weighted sum has no direction to speak of
	scale     float64     // from the store's score of direction to the fused score
	precision Precision
	slack     float64 // how far a score of the store may lie from the exact one
	waited    time.Duration
}

// filtered says whether the searches are within a filter, which reading by id
// does not look at.
func (q *query) filtered() bool { return q.Collection.Read.Filter != nil }

func newQuery(store Store, r Request) (*query, error) {
	q := &query{Request: r, store: store, legs: r.Legs, measure: measureOf(r.Collection.Schema)}
	q.precision, q.slack = precisionOf(r.Collection, q.measure.Bulk())
	if r.Strategy == "" {
		q.Strategy = Synergy
	}
	weights := make([]float64, len(r.Legs))
	for i, leg := range r.Legs {
		weights[i] = leg.Weight
		if r.Collection.Schema.Products() { // a store keeps the length of what it is given
			leg.Vector = vector.Normalize(leg.Vector)
		}
		q.searched = append(q.searched, leg.Vector)
	}
	return q, q.weigh(weights)
}

// measureOf says how the vectors of an index compare with queries.
func measureOf(s qdrant.Schema) rerank.Measure {
	var m rerank.Measure
	if s.Products() {
		m.Length = 1
		if s.Augment.Distance == qdrant.DistanceDot {
			m.Length = s.Augment.MaxLength
		}
		if s.Augment.Hub != nil {
			m.Hub = s.Augment.Hub.Weight
		}
	}
	return m
}

// minLength is the length of the weighted sum below which its direction is not
// searched: legs that cancel each other out leave a direction that says nothing,
// and rounding weighs the more the shorter the sum.
const minLength = 1e-3

// weigh sets the weights of the legs.
func (q *query) weigh(weights []float64) error {
	if len(weights) != len(q.legs) {
		return fmt.Errorf("%d weights for %d query vectors", len(weights), len(q.legs))
	}
	legs := make([]rerank.Leg, len(weights))
	for i, leg := range q.legs {
		legs[i] = rerank.Leg{Vector: leg.Vector, Weight: weights[i]}
	}
	scorer, err := q.measure.Scorer(legs)
	if err != nil {
		return err
	}
	q.legs, q.scorer = legs, scorer
	direction, length := scorer.Direction()
	switch q.direction, q.scale = direction, length; {
	case length < minLength:
		q.direction = nil
	case q.Collection.Schema.Products():
		for i, x := range direction {
			q.direction[i] = float32(float64(x) * length)
		}
		q.scale = 1
	}
	return nil
}

// A store's score is a sum of products in single precision, added up in an order
// that is the store's own, with a query that was rounded before: each dimension
// may add half a unit in the last place, though hardly any does. unitError is
// what vectors that count as of unit length may exceed it by, and what a clamped
// cosine may have lost.
const (
	singlePrecision = 1.0 / (1 << 24)
	unitError       = 2e-6
)

// halfPrecision is the relative rounding error of a float16.
const halfPrecision = 1.0 / (1 << 11)

// precisionOf returns what a collection's data type costs, and how far a score
// that its store gives may lie from the exact one of the vector that it holds;
// infinitely far where nothing is known. bulk is what the lengths of a query's and
// a stored vector come to when multiplied.
func precisionOf(c qdrant.Collection, bulk float64) (p Precision, slack float64) {
	width := c.Schema.Width()
	slack = bulk * (unitError + float64(width+16)*singlePrecision)
	if c.UnitSampled {
		slack = math.Inf(1)
	}
	switch c.Datatype {
	case "":
		return Precision{Datatype: "float32"}, slack
	case "float16":
		// Components below 6e-5 are rounded to multiples of 6e-8.
		lost := bulk * (halfPrecision + 3e-8*math.Sqrt(float64(width)))
		return Precision{Datatype: c.Datatype, MaxError: lost}, slack + 2*lost // the query is rounded as well
	default:
		return Precision{Datatype: c.Datatype, MaxError: 2 * bulk}, math.Inf(1)
	}
}
