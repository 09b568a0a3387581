// Package rerank is the fusion core of Query-Synergy: it gives every candidate
// passage the exact λ-weighted cosine
//
//	score(d) = Σ wᵢ·cos(qᵢ, d),   wᵢ ≥ 0, Σ wᵢ = 1
//
// over any number of query vectors; with a source query s and an anchor query a
// that is λ·cos(s, d) + (1−λ)·cos(a, d) (Query-Synergy, equation of the fused
// score). A candidate that only one search found is scored against the other
// query as well: a missing score is computed, never taken for 0.
//
// An index may compare by dot product instead of by cosine, and take from each
// passage's score what the passage has from being near to everything (Measure).
//
// It is pure arithmetic in float64 over vectors and lists, the same on every
// machine. It knows no network, no store and no model.
package rerank

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// Leg is one query vector and its weight in the fused score. The vector may
// have any length but zero.
type Leg struct {
	Vector []float32
	Weight float64
}

// Candidate is a passage that some search found, with its vector. A document
// cut into chunks has a candidate for each chunk that was found.
type Candidate struct {
	ID     string // of the passage
	DocID  string
	Chunk  int
	Vector []float32
}

// Hit is a document with the score of its best passage.
type Hit struct {
	Candidate
	Score   float64   // Σ Weight·Cosine − Hub, in [-1, 1] where Hub is 0
	Cosines []float64 // or dot products, by the Measure; one for each leg, in the order of the legs
	Hub     float64   // what the passage's hubness takes off; 0 where the Measure has none
}

// Measure says how a passage's vector compares with the legs. Its zero value
// compares by cosine.
type Measure struct {
	// Length, if not 0, has the vector count as it is: the leg at unit length
	// times the vector, of which none in the index is longer than Length.
	Length float64
	// Hub, if not 0, says that the vector has a component more than the legs, its
	// last: the passage's hubness, of which Hub times is taken off the score. It
	// wants a Length, that of the vector without this component.
	Hub float64
}

// Most returns the highest score that a passage can have.
func (m Measure) Most() float64 {
	if m.Length == 0 {
		return 1
	}
	return m.Length * (1 + m.Hub) // hubness is a mean of such products
}

// Bulk returns the most that the lengths of a query, as Extend makes it, and of a
// stored vector can come to when multiplied: what rounding is a share of.
func (m Measure) Bulk() float64 {
	if m.Length == 0 {
		return 1
	}
	if m.Hub == 0 {
		return m.Length
	}
	return m.Length * math.Sqrt2 * math.Sqrt(1+m.Hub*m.Hub)
}

// Extend returns the vector to search with in place of a query vector: with Hub,
// its product with a stored vector is the score, hubness taken off. Weights that
// sum to 1 leave it that in any mixture of queries.
func (m Measure) Extend(query []float32) []float32 {
	if m.Hub == 0 {
		return query
	}
	return append(slices.Clip(query), float32(-m.Hub))
}

// extra is how many components a stored vector has beyond a query's.
func (m Measure) extra() int {
	if m.Hub == 0 {
		return 0
	}
	return 1
}

// Scorer is NewScorer by the measure.
func (m Measure) Scorer(legs []Leg) (*Scorer, error) {
	scales, err := checkLegs(legs)
	if err != nil {
		return nil, err
	}
	return &Scorer{legs, scales, m}, nil
}

// weightSlack is how far the weights' sum may lie from 1.
const weightSlack = 1e-9

// Lambda returns the legs of a query with one anchor: the source weighs
// lambda, the anchor 1−lambda.
func Lambda(source, anchor []float32, lambda float64) []Leg {
	return []Leg{{source, lambda}, {anchor, 1 - lambda}}
}

// Fuse scores the union of the candidate lists against every leg and returns
// one hit for each document, its best passage (the earlier chunk of two equal
// ones), by descending score, ties by ascending document id. A passage in
// several lists counts once. It fails on weights that are negative, not finite
// or do not sum to 1, on a leg or candidate of zero length, and where widths
// differ.
func Fuse(legs []Leg, lists ...[]Candidate) ([]Hit, error) {
	return Measure{}.Fuse(legs, lists...)
}

// Fuse is the function Fuse by the measure.
func (m Measure) Fuse(legs []Leg, lists ...[]Candidate) ([]Hit, error) {
	scorer, err := m.Scorer(legs)
	if err != nil {
		return nil, err
	}
	var hits []Hit
	seen := map[string]bool{}
	for _, list := range lists {
		for _, c := range list {
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			cosines, err := scorer.Cosines(c.Vector)
			if err != nil {
				return nil, fmt.Errorf("passage %s of document %q: %w", c.ID, c.DocID, err)
			}
			hub := scorer.Hub(c.Vector)
			hits = append(hits, Hit{Candidate: c, Score: Score(legs, cosines) - hub, Cosines: cosines, Hub: hub})
		}
	}
	return Documents(hits), nil
}

// Documents returns the best passage of each document, in the order of Fuse. No
// passage may come twice.
func Documents(passages []Hit) []Hit {
	best := make(map[string]Hit, len(passages))
	for _, hit := range passages {
		old, known := best[hit.DocID]
		if !known || hit.Score > old.Score || hit.Score == old.Score &&
			(hit.Chunk < old.Chunk || hit.Chunk == old.Chunk && hit.ID < old.ID) {
			best[hit.DocID] = hit
		}
	}
	hits := make([]Hit, 0, len(best))
	for _, hit := range best {
		hits = append(hits, hit)
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.DocID, b.DocID))
	})
	return hits
}

// Scorer computes the exact cosines of passages to the legs, whatever the legs
// weigh.
type Scorer struct {
	legs    []Leg
	scales  []float64 // to unit length
	measure Measure
}

// NewScorer returns a scorer by cosine. It fails on what Fuse fails on.
func NewScorer(legs []Leg) (*Scorer, error) { return Measure{}.Scorer(legs) }

// Cosines returns the cosine of a passage's vector to each leg, in [-1, 1], or by
// the measure their product, in [-Length, Length].
func (s *Scorer) Cosines(passage []float32) ([]float64, error) {
	width := len(s.legs[0].Vector)
	if err := vector.Check(passage, width+s.measure.extra()); err != nil {
		return nil, err
	}
	passage = passage[:width]
	scale, most := vector.UnitScale(passage), 1.0
	if s.measure.Length != 0 {
		scale, most = 1, s.measure.Length
	}
	cosines := make([]float64, len(s.legs))
	for i, leg := range s.legs {
		cosines[i] = max(-most, min(most, vector.Dot64(leg.Vector, passage)*s.scales[i]*scale))
	}
	return cosines, nil
}

// Hub returns what the measure takes off the score of a passage's vector, which
// Cosines has accepted.
func (s *Scorer) Hub(passage []float32) float64 {
	if s.measure.Hub == 0 {
		return 0
	}
	return s.measure.Hub * float64(passage[len(passage)-1])
}

// Score returns the fused score Σ wᵢ·cosᵢ, one cosine for each leg.
func Score(legs []Leg, cosines []float64) float64 {
	score := 0.0
	for i, leg := range legs {
		score += float64(leg.Weight * cosines[i])
	}
	return score
}

// Direction returns c = Σ wᵢ·q̂ᵢ, the sum of the weighted legs at unit length, as
// a unit vector and its length: c·d̂ is the fused score of d, so one search with c
// ranks by it. The shorter c, the more the rounding of the unit vector weighs;
// where it has no length it is nil.
func (s *Scorer) Direction() (unit []float32, length float64) {
	sum := make([]float64, len(s.legs[0].Vector))
	for i, leg := range s.legs {
		scale := float64(leg.Weight * s.scales[i])
		for j, x := range leg.Vector {
			sum[j] += float64(scale * float64(x))
		}
	}
	square := 0.0
	for _, x := range sum {
		square += float64(x * x)
	}
	if length = math.Sqrt(square); length == 0 {
		return nil, 0
	}
	unit = make([]float32, len(sum))
	for j, x := range sum {
		unit[j] = float32(x / length)
	}
	return unit, length
}

func checkLegs(legs []Leg) (scales []float64, err error) {
	if len(legs) == 0 {
		return nil, fmt.Errorf("fusion needs at least one query vector")
	}
	sum := 0.0
	for i, leg := range legs {
		if !(leg.Weight >= 0 && leg.Weight <= 1) { // also catches NaN
			return nil, fmt.Errorf("weight %d is %v, want a number in [0, 1]", i, leg.Weight)
		}
		if err := vector.Check(leg.Vector, len(legs[0].Vector)); err != nil {
			return nil, fmt.Errorf("query %d: %w", i, err)
		}
		sum += leg.Weight
		scales = append(scales, vector.UnitScale(leg.Vector))
	}
	if math.Abs(sum-1) > weightSlack {
		return nil, fmt.Errorf("weights sum to %v, want 1", sum)
	}
	return scales, nil
}
