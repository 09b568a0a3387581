package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// enumerable is the number of values whose signs are tried in all ways.
	enumerable = 20
	// flips is the number of random ways where there are more: a multiple of 8.
	flips = 10_000
)

// signFlip returns the two-sided p-value of the sum of values under the
// hypothesis that each of them could as well have had the other sign. Values of
// 0 change nothing.
func signFlip(values []float64) float64 {
	var magnitudes []float64
	var observed, total float64
	positive := 0
	for _, v := range values {
		if v == 0 {
			continue
		}
		if v > 0 {
			positive++
		}
		magnitudes = append(magnitudes, math.Abs(v))
		observed += v
		total += math.Abs(v)
	}
	if len(magnitudes) == 0 {
		return 1
	}
	smallest, highest := slices.Min(magnitudes), slices.Max(magnitudes)
	threshold := math.Abs(observed) - tolerance*total
	switch {
	case withoutRounding(highest-smallest, highest) == 0:
		return signTest(positive, len(magnitudes))
	case len(magnitudes) <= enumerable:
		return enumerated(magnitudes, threshold)
	default:
		return sampled(magnitudes, threshold)
	}
}

// signTest is the permutation test of n values of one size: their sum depends
// only on how many are positive, which is a binomial number.
func signTest(positive, n int) float64 {
	fewer := min(positive, n-positive)
	if 2*fewer == n {
		return 1
	}
	// At most 1 but for rounding: n odd, and one sign once more than the other.
	p := 2 * distuv.Binomial{N: float64(n), P: 0.5}.CDF(float64(fewer))
	return min(max(p, smallestP), 1)
}

// enumerated returns the share of all signs whose sum is at least threshold in
// size.
func enumerated(magnitudes []float64, threshold float64) float64 {
	half := len(magnitudes) / 2
	left, right := signedSums(magnitudes[:half]), signedSums(magnitudes[half:])
	extreme := 0
	for _, a := range left {
		for _, b := range right {
			if math.Abs(a+b) >= threshold {
				extreme++
			}
		}
	}
	return float64(extreme) / float64(len(left)*len(right))
}

// sampled estimates that share. The observed signs count among the drawn ones,
// so it is never 0 and the test stays valid.
func sampled(magnitudes []float64, threshold float64) float64 {
	source := rand.NewPCG(seed, permutationStream)
	sums := make([]float64, flips)
	for eight := range slices.Chunk(magnitudes, 8) {
		// A byte of random bits picks the signs of eight values at once.
		bySigns := signedSums(eight)
		mask := len(bySigns) - 1
		for f := 0; f < flips; f += 8 {
			bits := source.Uint64()
			for i := range 8 {
				sums[f+i] += bySigns[int(bits>>(8*i))&mask]
			}
		}
	}
	extreme := 1
	for _, s := range sums {
		if math.Abs(s) >= threshold {
			extreme++
		}
	}
	return float64(extreme) / float64(flips+1)
}

// signedSums returns the sum of the magnitudes under each of the 2^n choices of
// signs; bit i of the index says that magnitude i is positive.
func signedSums(magnitudes []float64) []float64 {
	sums := make([]float64, 1, 1<<len(magnitudes))
	for _, m := range magnitudes {
		for i, s := range sums {
			sums[i] = s - m
			sums = append(sums, s+m)
		}
	}
	return sums
}
