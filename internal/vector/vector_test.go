package vector_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/vector"
)

func vectors(t *rapid.T, dim int) (a, b []float32) {
	component := rapid.Float32Range(-100, 100)
	return rapid.SliceOfN(component, dim, dim).Draw(t, "a"), rapid.SliceOfN(component, dim, dim).Draw(t, "b")
}

func naiveDot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// The SIMD product must agree with the plain one for every width, also those
// that no register divides.
func TestDot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := vectors(t, rapid.IntRange(0, 200).Draw(t, "dim"))
		want, size := naiveDot(a, b), 0.0
		for i := range a {
			size += math.Abs(float64(a[i]) * float64(b[i]))
		}
		if got := vector.Dot64(a, b); math.Abs(got-want) > 1e-12*size {
			t.Fatalf("Dot64 = %v, want %v", got, want)
		}
		if got := float64(vector.Dot(a, b)); math.Abs(got-want) > 1e-5*size+1e-30 {
			t.Fatalf("Dot = %v, want %v", got, want)
		}
	})
}

// Each product is right, and the same to the bit whatever the other rows and
// queries are and in whichever place it is asked for: a score must not depend on
// the neighbours.
func TestDotFour(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(0, 100).Draw(t, "dim")
		queries := make([][]float32, rapid.IntRange(0, 7).Draw(t, "queries"))
		for i := range queries {
			queries[i], _ = vectors(t, dim)
		}
		var rows [4][]float32
		for i := range rows {
			rows[i], _ = vectors(t, dim)
		}
		got := make([][4]float32, len(queries))
		vector.DotFour(queries, rows[0], rows[1], rows[2], rows[3], got)
		for i, q := range queries {
			for j, row := range rows {
				size := 0.0
				for k := range row {
					size += math.Abs(float64(q[k]) * float64(row[k]))
				}
				if want := naiveDot(q, row); math.Abs(float64(got[i][j])-want) > 1e-5*size+1e-30 {
					t.Fatalf("query %d with row %d is %v, want %v", i, j, got[i][j], want)
				}
				var again [1][4]float32
				vector.DotFour(queries[i:i+1], row, row, row, row, again[:])
				for place, alone := range again[0] {
					if math.Float32bits(alone) != math.Float32bits(got[i][j]) {
						t.Fatalf("query %d with row %d is %v, and alone in place %d %v", i, j, got[i][j], place, alone)
					}
				}
			}
		}
	})
}

func TestCosineAndNormalize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := vectors(t, rapid.IntRange(1, 50).Draw(t, "dim"))
		cos := vector.Cosine(a, b)
		if cos < -1 || cos > 1 {
			t.Fatalf("Cosine = %v", cos)
		}
		na, nb := math.Sqrt(naiveDot(a, a)), math.Sqrt(naiveDot(b, b))
		if na == 0 || nb == 0 {
			if cos != 0 {
				t.Fatalf("Cosine with a vector of zero length = %v, want 0", cos)
			}
			return
		}
		if want := naiveDot(a, b) / na / nb; math.Abs(cos-want) > 1e-6 {
			t.Fatalf("Cosine = %v, want %v", cos, want)
		}
		unit := vector.Normalize(a)
		if length := math.Sqrt(naiveDot(unit, unit)); math.Abs(length-1) > 1e-6 {
			t.Fatalf("Normalize gives length %v", length)
		}
		if again := vector.Normalize(unit); &again[0] != &unit[0] {
			t.Fatal("Normalize changes what it made")
		}
	})
}

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for name, c := range map[string]struct {
		v    []float32
		want int
		ok   bool
	}{
		"good":          {[]float32{0, 1}, 2, true},
		"any width":     {[]float32{0, 1, 2}, 0, true},
		"wrong width":   {[]float32{0, 1}, 3, false},
		"empty":         {nil, 0, false},
		"not a number":  {[]float32{1, nan}, 2, false},
		"infinite":      {[]float32{inf, 1}, 2, false},
		"zero length":   {[]float32{0, 0}, 2, false},
		"negative zero": {[]float32{float32(math.Copysign(0, -1)), 0}, 2, false},
	} {
		if err := vector.Check(c.v, c.want); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := vector.Check([]float32{0}, 1); !errors.Is(err, vector.ErrZeroLength) {
		t.Errorf("a zero vector gives %v, want ErrZeroLength", err)
	}
}
