package vector

import "golang.org/x/sys/cpu"

var hasFMA = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// These multiply the first n components of four rows, n a multiple of 16 and
// above 0, with one, two or three queries.
//
//go:noescape
func dotOne(a, b, c, d *float32, n int, q *float32, sums *[4]float32)

//go:noescape
func dotTwo(a, b, c, d *float32, n int, q, r *float32, sums *[2][4]float32)

//go:noescape
func dotThree(a, b, c, d *float32, n int, q, r, s *float32, sums *[3][4]float32)

func dotFour(queries [][]float32, a, b, c, d []float32, sums [][4]float32) {
	if !hasFMA {
		dotEach(queries, a, b, c, d, sums)
		return
	}
	n := len(a) &^ 15
	if n == 0 {
		clear(sums)
	} else {
		dotWhole(queries, &a[0], &b[0], &c[0], &d[0], n, sums)
	}
	for i, q := range queries {
		for j := n; j < len(a); j++ {
			sums[i][0] += q[j] * a[j]
			sums[i][1] += q[j] * b[j]
			sums[i][2] += q[j] * c[j]
			sums[i][3] += q[j] * d[j]
		}
	}
}

// dotWhole takes the queries by threes, as many as there are registers for.
func dotWhole(queries [][]float32, a, b, c, d *float32, n int, sums [][4]float32) {
	for len(queries) >= 3 {
		dotThree(a, b, c, d, n, &queries[0][0], &queries[1][0], &queries[2][0], (*[3][4]float32)(sums))
		queries, sums = queries[3:], sums[3:]
	}
	switch len(queries) {
	case 2:
		dotTwo(a, b, c, d, n, &queries[0][0], &queries[1][0], (*[2][4]float32)(sums))
	case 1:
		dotOne(a, b, c, d, n, &queries[0][0], &sums[0])
	}
}
