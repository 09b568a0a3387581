//go:build !amd64

package vector

func dotFour(q, a, b, c, d []float32) [4]float32 { return dotEach(q, a, b, c, d) }
