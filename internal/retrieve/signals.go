package retrieve

import (
	"cmp"
	"math"
	"slices"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// Signals is what can be known about an anchor from the passages that it and the
// source find. Nobody has judged them.
type Signals struct {
	// Source and Anchor are the exact cosines of the source query and of the
	// first anchor, hubness not considered, to the passages that either has among its best minDepth, pair
	// by pair, in the order of the passages' ids.
	Source, Anchor []float64
	// SourceTop and AnchorTop are the two highest of them, 0 where there are
	// fewer passages.
	SourceTop, AnchorTop [2]float64
	// SourceMargin is what the best passage is ahead of the second by the
	// source; FusedMargin by the cosine to marginWeight·source +
	// (1−marginWeight)·anchor, whatever weights the query has.
	SourceMargin, FusedMargin float64
	// Whole says that a list holds the whole, small index: what the passages have
	// in common then tells less.
	Whole bool
}

// marginWeight is the source's share in FusedMargin: fixed, so that the margins
// of different weights compare.
const marginWeight = 0.7

// signals compares the first two legs.
func (r *round) signals() (*Signals, error) {
	out := &Signals{}
	seen := map[string]*passage{}
	for _, l := range r.lists {
		if l.Leg != 0 && l.Leg != 1 {
			continue
		}
		out.Whole = out.Whole || l.Found < minDepth
		for _, id := range l.ranked[:min(minDepth, len(l.ranked))] {
			seen[id] = r.passages[id]
		}
	}
	passages := make([]*passage, 0, len(seen))
	for _, p := range seen {
		passages = append(passages, p)
	}
	slices.SortFunc(passages, func(a, b *passage) int { return cmp.Compare(a.id, b.id) })
	mixed := make([]float64, len(passages))
	for i, p := range passages {
		cosines, err := r.measured(p)
		if err != nil {
			return nil, err
		}
		out.Source, out.Anchor = append(out.Source, cosines[0]), append(out.Anchor, cosines[1])
		mixed[i] = marginWeight*cosines[0] + (1-marginWeight)*cosines[1]
	}
	out.SourceTop, out.AnchorTop = topTwo(out.Source), topTwo(out.Anchor)
	out.SourceMargin = out.SourceTop[0] - out.SourceTop[1]
	if len(passages) < 2 {
		return out, nil
	}
	agreement := vector.Cosine(r.legs[0].Vector, r.legs[1].Vector)
	const w = marginWeight
	length := math.Sqrt(w*w + (1-w)*(1-w) + 2*w*(1-w)*agreement) // at least 2w−1
	top := topTwo(mixed)
	out.FusedMargin = (top[0] - top[1]) / length
	return out, nil
}

// topTwo returns the two highest values, 0 where there is none.
func topTwo(values []float64) (top [2]float64) {
	sorted := slices.Sorted(slices.Values(values))
	for i := range min(len(top), len(sorted)) {
		top[i] = sorted[len(sorted)-1-i]
	}
	return top
}
