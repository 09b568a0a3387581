package evalsuite

import "github.com/query-synergy/query-synergy/internal/vector"

// cosines writes the cosine of query and each passage, all of one width and unit
// length, into scores, which are 0 before.
func cosines(scores, query []float64, passages [][]float64) {
	products(scores, query, passages)
	for d, product := range scores {
		scores[d] = vector.Clamp(product)
	}
}

// products writes the product of query and each vector, all of one width, into
// scores, which are 0 before.
//
// Each product is summed in the order of vector.Dot64, so that the result is
// its to the bit; four vectors at a time, because one sum alone would wait for
// each addition. The conversions keep a compiler from fusing product and sum,
// which would round otherwise where the vectors are wider than float32.
func products(scores, query []float64, vectors [][]float64) {
	d := 0
	for ; d+4 <= len(vectors); d += 4 {
		p0, p1, p2, p3 := vectors[d][:len(query)], vectors[d+1][:len(query)], vectors[d+2][:len(query)], vectors[d+3][:len(query)]
		var sum0, sum1, sum2, sum3 float64
		for i, x := range query {
			sum0 += float64(x * p0[i])
			sum1 += float64(x * p1[i])
			sum2 += float64(x * p2[i])
			sum3 += float64(x * p3[i])
		}
		scores[d], scores[d+1], scores[d+2], scores[d+3] = sum0, sum1, sum2, sum3
	}
	for ; d < len(vectors); d++ {
		for i, x := range query {
			scores[d] += float64(x * vectors[d][i])
		}
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
