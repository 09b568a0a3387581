package vector

import "golang.org/x/sys/cpu"

var hasFMA = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// dotFourAVX2 adds up the first n components, a multiple of 16.
//
//go:noescape
func dotFourAVX2(q, a, b, c, d *float32, n int, sums *[4]float32)

func dotFour(q, a, b, c, d []float32) (sums [4]float32) {
	if !hasFMA {
		return dotEach(q, a, b, c, d)
	}
	n := len(q) &^ 15
	if n > 0 {
		dotFourAVX2(&q[0], &a[0], &b[0], &c[0], &d[0], n, &sums)
	}
	for i := n; i < len(q); i++ {
		sums[0] += q[i] * a[i]
		sums[1] += q[i] * b[i]
		sums[2] += q[i] * c[i]
		sums[3] += q[i] * d[i]
	}
	return sums
}
