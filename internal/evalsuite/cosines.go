package evalsuite

import "github.com/query-synergy/query-synergy/internal/vector"

// cosines writes the cosine of query and each passage, all of one width and unit
// length, into scores.
//
// Each product is summed in the order of vector.Dot64, so that the result is
// its to the bit; four passages at a time, because one sum alone would wait for
// each addition. The product of two widened float32s is exact in float64.
func cosines(scores, query []float64, passages [][]float64) {
	d := 0
	for ; d+4 <= len(passages); d += 4 {
		p0, p1, p2, p3 := passages[d][:len(query)], passages[d+1][:len(query)], passages[d+2][:len(query)], passages[d+3][:len(query)]
		var sum0, sum1, sum2, sum3 float64
		for i, x := range query {
			sum0 += x * p0[i]
			sum1 += x * p1[i]
			sum2 += x * p2[i]
			sum3 += x * p3[i]
		}
		scores[d], scores[d+1], scores[d+2], scores[d+3] = sum0, sum1, sum2, sum3
	}
	for ; d < len(passages); d++ {
		for i, x := range query {
			scores[d] += x * passages[d][i]
		}
	}
	for d, product := range scores {
		scores[d] = vector.Clamp(product)
	}
}

// unit returns v at unit length, as vector.Normalize has it, in double
// precision.
func unit(v []float32) []float64 {
	normalized := vector.Normalize(v)
	wide := make([]float64, len(normalized))
	for i, x := range normalized {
		wide[i] = float64(x)
	}
	return wide
}
