// Package vector holds the arithmetic that every other package shares: dot
// products, norms and the check that a vector can be stored and searched.
//
// It is pure computation over []float32 and knows nothing of models, stores or
// networks. Dot is the fast single-precision product of the scan; Dot64 and
// Cosine are the exact ones, for scores that people see and rankings that must
// not depend on the machine.
package vector

import (
	"errors"
	"fmt"
	"math"

	"github.com/viterin/vek/vek32"
)

// unitTolerance is how far the squared length may lie from 1 for a vector to
// count as normalised already: Qdrant's own rule (lib/segment, spaces/tools.rs),
// so that a unit vector is stored bit for bit as it came.
const unitTolerance = 1e-6

// ErrZeroLength says that a vector has no direction, hence no cosine.
var ErrZeroLength = errors.New("vector has zero length")

// Dot returns the inner product in single precision, with SIMD where the
// processor has it. a and b must have the same length. Different processors may
// round the last bits differently.
func Dot(a, b []float32) float32 {
	if len(a) == 0 {
		return 0
	}
	return vek32.Dot(a, b)
}

// DotFour sets sums[i] to the inner products of queries[i] with four rows, in
// single precision. All vectors have the same length, and sums is as long as
// queries. A scan that feeds it four streams of rows and all its queries is
// bound by the memory, where one product at a time is bound by the calls. A
// product depends neither on the other rows nor on the other queries, but may
// differ from Dot's in the last bits.
func DotFour(queries [][]float32, a, b, c, d []float32, sums [][4]float32) {
	n := len(a)
	for _, q := range queries {
		_ = q[:n] // the kernels read n components of each
	}
	dotFour(queries, a, b[:n], c[:n], d[:n], sums[:len(queries)])
}

func dotEach(queries [][]float32, a, b, c, d []float32, sums [][4]float32) {
	for i, q := range queries {
		sums[i] = [4]float32{Dot(q, a), Dot(q, b), Dot(q, c), Dot(q, d)}
	}
}

// Dot64 returns the inner product accumulated in float64, the same to the bit
// on every machine. a and b must have the same length.
func Dot64(a, b []float32) float64 {
	var sum float64
	b = b[:len(a)]
	for i, x := range a {
		sum += float64(float64(x) * float64(b[i]))
	}
	return sum
}

// UnitScale returns the factor that brings v to unit length: 1 where v counts
// as a unit vector already, 0 where it has no length. A store keeps vectors in
// that form, so scores computed with it are the store's own, in full precision.
func UnitScale(v []float32) float64 {
	square := Dot64(v, v)
	switch {
	case square == 0:
		return 0
	case math.Abs(square-1) <= unitTolerance:
		return 1
	default:
		return 1 / math.Sqrt(square)
	}
}

// Cosine returns cos(a, b) in [-1, 1], computed in float64. A vector of zero
// length has cosine 0 with everything.
func Cosine(a, b []float32) float64 {
	return Clamp(Dot64(a, b) * UnitScale(a) * UnitScale(b))
}

// Clamp limits a cosine to [-1, 1], which rounding may leave by an ulp.
func Clamp(cos float64) float64 {
	return max(-1, min(1, cos))
}

// Normalize returns v scaled to unit length: v itself where it has that length
// already, a new slice otherwise. A vector of zero length comes back unchanged.
func Normalize(v []float32) []float32 {
	scale := UnitScale(v)
	if scale == 0 || scale == 1 {
		return v
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) * scale)
	}
	return out
}

// Check returns an error unless v has the wanted number of dimensions (any, if
// want is 0), finite components and a length above zero.
func Check(v []float32, want int) error {
	if want != 0 && len(v) != want {
		return fmt.Errorf("vector has %d dimensions, want %d", len(v), want)
	}
	if len(v) == 0 {
		return errors.New("vector has no dimensions")
	}
	zero := true
	for i, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("vector component %d is %v", i, x)
		}
		if x != 0 {
			zero = false
		}
	}
	if zero {
		return ErrZeroLength
	}
	return nil
}
