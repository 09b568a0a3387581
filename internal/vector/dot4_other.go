//go:build !amd64

package vector

func dotFour(queries [][]float32, a, b, c, d []float32, sums [][4]float32) {
	dotEach(queries, a, b, c, d, sums)
}
