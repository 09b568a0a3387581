package stats

import (
	"cmp"
	"slices"
)

// Holm returns the p-values of one family of tests, adjusted by Holm's step-down
// method, in the order of p: comparing them with 5% keeps the chance of any
// false finding among all tests to 5%, however the tests hang together. They are
// at least p, at most 1, and ordered as p is. Every p lies in [0, 1].
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	var floor float64
	for rank, i := range order {
		floor = max(floor, min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = floor
	}
	return adjusted
}
