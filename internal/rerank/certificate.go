package rerank

// scoreSlack covers the rounding of a store that scores in single precision:
// twice its error, which is below 3e-8 on unit vectors, with room to spare.
const scoreSlack = 1e-6

// Threshold returns T = Σ wᵢ·lastᵢ, the highest fused score that a passage in
// none of the searched lists can have: an exact search of depth n leaves out
// only passages that score at most lastᵢ, its n-th score. Both slices have one
// element for each leg.
func Threshold(weights, last []float64) float64 {
	t := 0.0
	for i, w := range weights {
		if w > 0 { // a leg without weight need not have been searched: 0·∞ is no number
			t += float64(w * last[i])
		}
	}
	return t
}

// Certified says whether the first k of hits are proven to be the top k of the
// whole collection, in order: no document outside the hits can come before or
// among them, because the k-th score lies above the threshold by more than
// rounding can move it. It holds only if the lists came from exact searches.
func Certified(hits []Hit, k int, threshold float64) bool {
	return len(hits) >= k && hits[k-1].Score > threshold+scoreSlack
}
