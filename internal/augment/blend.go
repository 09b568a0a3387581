package augment

import (
	"fmt"
	"math"
	"slices"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// cancelled is the share of its summands' lengths below which a blend's
// direction is rounding noise of the float32 vectors that went in.
const cancelled = 1e-6

// Blend returns p' = (1−alpha)·passage + alpha·Σ queries, 0 ≤ alpha ≤ 1, all of
// one width: a passage that knows which questions it answers (arXiv 2305.03950:
// a sum, not a mean, so that alpha = 0.01 with 35 queries gives them about a
// quarter of the weight). The sum is in float64 in the order of the queries; in
// another order it may differ by its last bits.
//
// With scale, p' has unit length, for cosine; a passage without queries then
// stays as it is. Without, it is what was published, for dot products. alpha = 0
// is the passage bit for bit either way. The result shares no memory with it.
//
// Passage generation, the rival, is this same blend with one vector: that of the
// passage's translation.
//
// A vector of another width, with a component that is not finite, or without
// length is an error, and so is a p' in which everything cancels out.
func Blend(passage []float32, queries [][]float32, alpha float64, scale bool) ([]float32, error) {
	if !(alpha >= 0 && alpha <= 1) {
		return nil, fmt.Errorf("blend: alpha is %v, want 0 to 1", alpha)
	}
	if err := vector.Check(passage, 0); err != nil {
		return nil, fmt.Errorf("blend: the passage's %w", err)
	}
	for i, q := range queries {
		if err := vector.Check(q, len(passage)); err != nil {
			return nil, fmt.Errorf("blend: query %d's %w", i+1, err)
		}
	}
	if alpha == 0 || scale && len(queries) == 0 {
		return slices.Clone(passage), nil
	}
	sum := make([]float64, len(passage))
	lengths := (1 - alpha) * length(passage)
	for _, q := range queries {
		for i, x := range q {
			sum[i] += float64(x)
		}
		lengths += alpha * length(q)
	}
	square := 0.0
	for i, x := range passage {
		sum[i] = float64((1-alpha)*float64(x)) + float64(alpha*sum[i])
		square += float64(sum[i] * sum[i])
	}
	norm := math.Sqrt(square)
	if norm <= cancelled*lengths {
		return nil, fmt.Errorf("blend: passage and queries cancel out at alpha %v: %w", alpha, vector.ErrZeroLength)
	}
	blended := make([]float32, len(sum))
	for i, x := range sum {
		if scale {
			x /= norm
		}
		blended[i] = float32(x)
	}
	if err := vector.Check(blended, 0); err != nil { // beyond what a float32 holds
		return nil, fmt.Errorf("blend: the result's %w", err)
	}
	return blended, nil
}

func length(v []float32) float64 { return math.Sqrt(vector.Dot64(v, v)) }
