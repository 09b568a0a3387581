package retrieve

import (
	"fmt"
	"math"

	"github.com/query-synergy/query-synergy/internal/rerank"
)

func passageError(id string, err error) error { return fmt.Errorf("passage %s: %w", id, err) }

// interval holds a passage's fused score. It is a point where the score is
// exact, and twice the slack wide where the lists determine it.
type interval struct{ low, high float64 }

// The fused score is linear: where the final weights are a combination Σ xⱼ·wⱼ,
// xⱼ ≥ 0, of the weights wⱼ that the lists were searched with, it is Σ xⱼ times
// the passage's scores in the lists. Only the fused list mixes legs, so the
// combinations are a line: a share x of the fused list, from 0 to the most that
// leaves no leg with too much, and for each leg the rest from its own list. A
// bound is linear on that line, so that its ends have the lowest.

// combinations returns the ends of the line.
func (r *round) combinations() []combination {
	single := make([]int, len(r.legs))
	for i := range single {
		single[i] = -1
	}
	fused := -1
	for j, l := range r.lists {
		if l.Leg == FusedLeg {
			fused = j
		} else {
			single[l.Leg] = j
		}
	}
	rest := func(x float64) combination {
		c := combination{share: make([]float64, len(r.lists))}
		for i, leg := range r.legs {
			weight := leg.Weight
			if x > 0 {
				c.share[fused] = x
				if weight -= x * r.lists[fused].weights[i]; weight < 1e-12 { // what rounding left
					weight = 0
				}
			}
			if j := single[i]; j >= 0 {
				c.share[j] = weight
			} else {
				c.unsearched += weight
			}
		}
		return c
	}
	out := []combination{rest(0)}
	if fused >= 0 {
		most := 1.0
		for i, w := range r.lists[fused].weights {
			if w > 0 {
				most = min(most, r.legs[i].Weight/w)
			}
		}
		if most > 0 {
			out = append(out, rest(most))
		}
	}
	return out
}

// combination is a way to write the fused score.
type combination struct {
	share      []float64 // of each list's score
	unsearched float64   // weight of legs in no list: each scores at most measure.Most
}

// bounds returns where a passage's fused score lies.
func (r *round) bounds(ways []combination, p *passage) (interval, error) {
	if p.vector != nil {
		cosines, err := r.measured(p)
		if err != nil {
			return interval{}, err
		}
		score := rerank.Score(r.legs, cosines) - r.scorer.Hub(p.vector)
		return interval{score, score}, nil
	}
	out := interval{math.Inf(-1), math.Inf(1)}
	for _, way := range ways {
		high, determined := r.highest(way.unsearched), way.unsearched == 0
		for j, share := range way.share {
			switch score := p.scores[j]; {
			case share == 0:
			case !math.IsNaN(score):
				high += share * score
			default:
				determined = false
				high += share * r.ceiling(j)
			}
		}
		out.high = min(out.high, high+r.slack)
		if determined {
			out.low = max(out.low, high-r.slack)
		}
	}
	return out, nil
}

// threshold returns the highest fused score that a passage in none of the lists
// can have, before rounding.
func (r *round) threshold(ways []combination) float64 {
	if r.complete {
		return math.Inf(-1)
	}
	lowest := r.measure.Most()
	for _, way := range ways {
		high := r.highest(way.unsearched)
		for j, share := range way.share {
			if share > 0 {
				high += share * r.ceiling(j)
			}
		}
		lowest = min(lowest, high)
	}
	return lowest
}

// ceiling is the highest score that a passage outside a list can have. One
// outside a list of the whole index was written since: nothing is known of it.
func (r *round) ceiling(list int) float64 {
	if r.lists[list].whole {
		return r.measure.Most()
	}
	return r.lists[list].Last
}

// highest is the most that legs of this weight can add to a score.
func (r *round) highest(weight float64) float64 { return weight * r.measure.Most() }
