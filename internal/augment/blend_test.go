package augment_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/vector"
)

func TestBlendNumpy(t *testing.T) {
	raw, err := os.ReadFile("testdata/blend.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Alpha             float64
		Passage           []float32
		Queries           [][]float32
		Published, Scaled []float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for i, c := range cases {
		for scale, want := range map[bool][]float64{false: c.Published, true: c.Scaled} {
			if want == nil {
				continue
			}
			got, err := augment.Blend(c.Passage, c.Queries, c.Alpha, scale)
			if err != nil || len(got) != len(want) {
				t.Fatalf("case %d, scale %v: %d components, %v", i, scale, len(got), err)
			}
			for k := range want {
				if math.Abs(float64(got[k])-want[k]) > 1e-6 {
					t.Errorf("case %d, scale %v: component %d is %v, want %v", i, scale, k, got[k], want[k])
				}
			}
		}
	}
}

func TestBlendRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		passage []float32
		queries [][]float32
		alpha   float64
		scale   bool
		want    string
	}{
		"alpha below 0":  {[]float32{1, 0}, nil, -0.1, true, "want 0 to 1"},
		"alpha above 1":  {[]float32{1, 0}, nil, 1.1, true, "want 0 to 1"},
		"alpha NaN":      {[]float32{1, 0}, nil, math.NaN(), true, "want 0 to 1"},
		"no width":       {nil, nil, 0, true, "no dimensions"},
		"passage NaN":    {[]float32{1, nan}, nil, 0.5, true, "the passage's vector"},
		"query infinite": {[]float32{1, 0}, [][]float32{{1, 0}, {inf, 0}}, 0.5, true, "query 2's vector"},
		"query zero":     {[]float32{1, 0}, [][]float32{{0, 0}}, 0.5, true, "zero length"},
		"width":          {[]float32{1, 0}, [][]float32{{1}}, 0, true, "1 dimensions, want 2"},
		"cancels out":    {[]float32{1, 0}, [][]float32{{-1, 0}}, 0.5, true, "cancel out"},
		"noise left":     {[]float32{1, 1e-8}, [][]float32{{-1, 0}}, 0.5, false, "cancel out"},
		"nothing left":   {[]float32{1, 0}, nil, 1, false, "cancel out"},
		"overflow":       {[]float32{1, 0}, [][]float32{{math.MaxFloat32, 0}, {math.MaxFloat32, 0}}, 1, false, "the result's"},
	} {
		if got, err := augment.Blend(c.passage, c.queries, c.alpha, c.scale); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want an error with %q", name, got, err, c.want)
		}
	}
	if _, err := augment.Blend([]float32{1, 0}, [][]float32{{-1, 0}}, 0.5, true); !errors.Is(err, vector.ErrZeroLength) {
		t.Errorf("what cancels out: %v, want ErrZeroLength", err)
	}
}

// vectors draws n vectors of one width, each longer than 0.
func vectors(t *rapid.T, n int) [][]float32 {
	width := rapid.IntRange(1, 6).Draw(t, "width")
	all := make([][]float32, n)
	for i := range all {
		all[i] = rapid.SliceOfN(rapid.Float32Range(-8, 8), width, width).Draw(t, "vector")
		all[i][0] = max(all[i][0], -all[i][0]) + 1
	}
	return all
}

func TestBlendProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := vectors(t, rapid.IntRange(2, 8).Draw(t, "vectors"))
		passage, queries := all[0], all[1:]
		alpha := rapid.Float64Range(0, 1).Draw(t, "alpha")
		scale := rapid.Bool().Draw(t, "scale")
		blend := func(queries [][]float32, alpha float64, scale bool) []float32 {
			got, err := augment.Blend(passage, queries, alpha, scale)
			if err != nil {
				t.Fatal(err) // first components are positive, so nothing cancels out
			}
			return got
		}
		same := func(a, b []float32) bool {
			return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
		}
		plain, err := augment.Blend(passage, queries, 0, scale)
		if err != nil || !same(plain, passage) {
			t.Fatalf("alpha 0: %v, %v, want %v", plain, err, passage)
		}
		if alone, err := augment.Blend(passage, nil, alpha, true); err != nil || !same(alone, passage) {
			t.Fatalf("no queries: %v, %v, want %v", alone, err, passage)
		}
		if plain[0] = -1; passage[0] == -1 {
			t.Fatal("the result shares the passage's memory")
		}
		got := blend(queries, alpha, scale)
		if again := blend(queries, alpha, scale); !same(got, again) {
			t.Fatalf("%v, then %v", got, again)
		}
		if scale && alpha > 0 && math.Abs(vector.Dot64(got, got)-1) > 1e-6 {
			t.Fatalf("%v has squared length %v", got, vector.Dot64(got, got))
		}
		reversed := slices.Clone(queries)
		slices.Reverse(reversed)
		for i, x := range blend(reversed, alpha, scale) {
			if math.Abs(float64(x-got[i])) > 1e-5*max(1, math.Abs(float64(x))) {
				t.Fatalf("reversed: component %d is %v, not %v", i, x, got[i])
			}
		}
		mean := make([]float32, len(passage))
		for _, q := range queries {
			for i, x := range q {
				mean[i] += x / float32(len(queries))
			}
		}
		if cos := vector.Cosine(blend(queries, 1, scale), mean); cos < 1-1e-6 {
			t.Fatalf("alpha 1 has cosine %v with the mean of the queries", cos)
		}
		published, scaled := blend(queries, alpha, false), blend(queries, alpha, true)
		if cos := vector.Cosine(published, scaled); cos < 1-1e-6 {
			t.Fatalf("scaling turned the vector: cosine %v", cos)
		}
	})
}
