package trust_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/trust"
)

func TestCorrelation(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, tc := range map[string]struct {
		source, anchor []float64
		want           float64
	}{
		"none":             {nil, nil, 0},
		"one":              {[]float64{0.9}, []float64{0.8}, 0},
		"same":             {[]float64{0.1, 0.5, 0.2}, []float64{0.1, 0.5, 0.2}, 1},
		"opposite":         {[]float64{0.1, 0.5, 0.2}, []float64{-0.1, -0.5, -0.2}, -1},
		"worked by hand":   {[]float64{1, 2, 3, 4}, []float64{1, 3, 2, 4}, 0.8},
		"no common course": {[]float64{1, 2, 3}, []float64{1, 0, 1}, 0},
		// A mean of 0.1s is not 0.1 in floating point.
		"equal scores":      {[]float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, []float64{1, 2, 3, 4, 5, 6}, 0},
		"equal on one side": {[]float64{1, 2, 3}, []float64{0.7, 0.7, 0.7}, 0},
		"not a number":      {[]float64{1, nan, 3}, []float64{1, 2, 3}, nan},
		"infinite":          {[]float64{1, 2, 3}, []float64{1, inf, 3}, nan},
	} {
		got := trust.Correlation(tc.source, tc.anchor)
		if math.IsNaN(tc.want) != math.IsNaN(got) || math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestCorrelationOfUnpairedScores(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("three scores were correlated with two")
		}
	}()
	trust.Correlation([]float64{1, 2, 3}, []float64{1, 2})
}

// drawScores draws cosines in thousandths, so that scores tie but never lie as
// close as rounding.
func drawScores(t *rapid.T, name string, n int) []float64 {
	return rapid.SliceOfN(rapid.Map(rapid.IntRange(-1000, 1000), func(i int) float64 { return float64(i) / 1000 }), n, n).Draw(t, name)
}

func TestCorrelationInvariances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(t, "n")
		s, a := drawScores(t, "s", n), drawScores(t, "a", n)
		r := trust.Correlation(s, a)
		if !(r >= -1 && r <= 1) {
			t.Fatalf("correlation %v", r)
		}
		if got := trust.Correlation(a, s); math.Abs(got-r) > 1e-9 {
			t.Errorf("exchanged: %v, not %v", got, r)
		}
		scale, shift := rapid.Float64Range(0.1, 10).Draw(t, "scale"), rapid.Float64Range(-5, 5).Draw(t, "shift")
		order := rapid.Permutation(indexes(n)).Draw(t, "order")
		moved, turned, mixedS, mixedA := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			moved[i], turned[i] = scale*s[i]+shift, -s[i]
			mixedS[i], mixedA[i] = s[order[i]], a[order[i]]
		}
		if constant(s) || constant(a) {
			return // rounding alone moves scores that are shifted
		}
		if got := trust.Correlation(moved, a); math.Abs(got-r) > 1e-9 {
			t.Errorf("scaled and shifted: %v, not %v", got, r)
		}
		if got := trust.Correlation(turned, a); math.Abs(got+r) > 1e-9 {
			t.Errorf("turned around: %v, not %v", got, -r)
		}
		if got := trust.Correlation(mixedS, mixedA); math.Abs(got-r) > 1e-9 {
			t.Errorf("in another order: %v, not %v", got, r)
		}
	})
}

func TestWeight(t *testing.T) {
	for _, tc := range []struct{ correlation, trust, want float64 }{
		{-1, 0, 0}, {0.6, 0, 0}, {0.75, 0, 0.5}, {0.9, 0, 1}, {1, 0, 1},
		{-1, 1, 0}, {-0.3, 1, 0}, {-0.15, 1, 0.5}, {0, 1, 1}, {1, 1, 1},
		{0.3, 0.5, 0.5}, {0.45, 0.5, 1},
		{math.NaN(), 1, 0}, {1, math.NaN(), 0}, {1, -7, 1}, {0, 7, 1},
	} {
		if got := trust.Weight(tc.correlation, tc.trust); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("Weight(%v, %v) = %v, want %v", tc.correlation, tc.trust, got, tc.want)
		}
	}
}

func TestWeightRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.Float64Range(0, 1)
		r, trusted := rapid.Float64Range(-1, 1).Draw(t, "r"), unit.Draw(t, "trust")
		more := rapid.Float64Range(0, 1).Draw(t, "more")
		weight := trust.Weight(r, trusted)
		if !(weight >= 0 && weight <= 1) {
			t.Fatalf("weight %v", weight)
		}
		if trust.Weight(r+more, trusted) < weight || trust.Weight(r, trusted+more) < weight {
			t.Error("more agreement or trust gave less weight")
		}
	})
}

func TestLambda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.Float64Range(0, 1)
		lambda, weight := unit.Draw(t, "lambda"), unit.Draw(t, "weight")
		got := trust.Lambda(lambda, weight)
		if math.Abs(got-(1-(1-lambda)*weight)) > 1e-15 || got < lambda || got > 1 {
			t.Errorf("λ %v at weight %v becomes %v", lambda, weight, got)
		}
		// To the bit: what is trusted ranks as it did without a rule, and what
		// is refused as if it were not there.
		if full, none := trust.Lambda(lambda, 1), trust.Lambda(lambda, 0); full != lambda || none != 1 {
			t.Errorf("λ %v becomes %v in full and %v without weight", lambda, full, none)
		}
	})
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func constant(scores []float64) bool {
	for _, x := range scores {
		if x != scores[0] {
			return false
		}
	}
	return true
}
