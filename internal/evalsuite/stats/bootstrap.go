package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// The random numbers of all calls: bootstrap and permutation test draw from
// streams of their own.
const (
	seed              = 0x51_75_65_72_79_53_79_6e
	bootstrapStream   = 1
	permutationStream = 2
)

const (
	// resamples is how many samples a bootstrap interval rests on.
	resamples = 10_000
	// cutOff is how many of them lie below a 95% interval, and how many above.
	cutOff = resamples / 40
)

// Interval returns the 95% bootstrap interval (percentiles of 10,000 resamples)
// of the mean of values, in their unit; 0 and 0 where there are none. Values
// must be finite. A single value, or equal ones, give low = high = mean.
func Interval(values []float64) (low, high float64) {
	if len(values) == 0 {
		return 0, 0
	}
	// Most differences are 0, and many values of a measure are 0 or 1. Measured
	// from the most frequent one, only the others count in a resample's sum.
	base, others := split(values)
	if len(others) == 0 {
		return base, base
	}
	sums := resampledSums(others, len(values))
	slices.Sort(sums)
	n := float64(len(values))
	return base + sums[cutOff]/n, base + sums[resamples-1-cutOff]/n
}

// resampledSums draws samples of n, with replacement, from n values of which all
// but the given ones are 0, and returns the sums.
//
// How many of a sample's values are not 0 is binomial. The samples are spread
// evenly over that distribution rather than at random, which costs less and
// leaves less to chance; then only those values are drawn.
func resampledSums(values []float64, n int) []float64 {
	source := rand.NewPCG(seed, bootstrapStream)
	hits := distuv.Binomial{N: float64(n), P: float64(len(values)) / float64(n)}
	first := 0
	if len(values) == n {
		first = n
	}
	sums := make([]float64, 0, resamples)
	var below float64
	for m := first; len(sums) < resamples; m++ {
		below += hits.Prob(float64(m))
		for len(sums) < resamples && (m == n || float64(len(sums))+0.5 < below*resamples) {
			sums = append(sums, drawnSum(values, m, source))
		}
	}
	return sums
}

// drawnSum adds up m of the values, drawn with replacement. Each half of a
// random word is scaled to an index; for 100,000 values the probabilities are
// off by less than one in 40,000, far below the error of 10,000 resamples.
func drawnSum(values []float64, m int, source *rand.PCG) float64 {
	n := uint64(len(values))
	var sum, other float64 // two, so that the additions need not wait for each other
	for range m / 2 {
		bits := source.Uint64()
		sum += values[bits>>32*n>>32]
		other += values[bits&math.MaxUint32*n>>32]
	}
	if m%2 == 1 {
		sum += values[source.Uint64()>>32*n>>32]
	}
	return sum + other
}

// split returns the most frequent value, of several the one that stands first,
// and what those that differ from it by more than rounding differ by, in order.
func split(values []float64) (base float64, others []float64) {
	var size float64
	for _, v := range values {
		size = max(size, math.Abs(v))
	}
	step := max(tolerance*size, math.SmallestNonzeroFloat64)
	count := make(map[float64]int)
	for _, v := range values {
		count[math.Round(v/step)]++
	}
	base, most := values[0], 0
	for _, v := range values {
		if n := count[math.Round(v/step)]; n > most {
			base, most = v, n
		}
	}
	for _, v := range values {
		if math.Round(v/step) != math.Round(base/step) {
			others = append(others, v-base)
		}
	}
	return base, others
}
