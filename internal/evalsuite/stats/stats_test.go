package stats_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/stats"
)

func compare(t testing.TB, system, baseline []float64) stats.Comparison {
	t.Helper()
	c, err := stats.Compare(system, baseline)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compareGroups(t testing.TB, groups ...stats.Group) stats.Comparison {
	t.Helper()
	c, err := stats.CompareGroups(groups)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// zeros is the baseline to which values are differences.
func zeros(values []float64) []float64 { return make([]float64, len(values)) }

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// Samples without variation, and those that only rounding makes vary.
func TestDegenerate(t *testing.T) {
	third := 1.0 / 3
	tests := []struct {
		name             string
		system, baseline []float64
		want             stats.Comparison
	}{
		{"one pair", []float64{0.75}, []float64{0.5},
			stats.Comparison{N: 1, Mean: 0.25, Low: 0.25, High: 0.25, Permutation: 1, TTest: 1, Wins: 1}},
		{"one equal pair", []float64{0.5}, []float64{0.5},
			stats.Comparison{N: 1, Permutation: 1, TTest: 1, Ties: 1}},
		{"all pairs equal", []float64{1, 0, third}, []float64{1, 0, third},
			stats.Comparison{N: 3, Permutation: 1, TTest: 1, Ties: 3}},
		{"one difference throughout", []float64{1, 0.75, 0.5}, []float64{0.75, 0.5, 0.25},
			stats.Comparison{N: 3, Mean: 0.25, Low: 0.25, High: 0.25, Permutation: 0.25, TTest: 1, Wins: 3}},
		{"rounding is no difference", []float64{0.1 + 0.2, third * 3}, []float64{0.3, 1},
			stats.Comparison{N: 2, Permutation: 1, TTest: 1, Ties: 2}},
		{"squares too small for a float64", []float64{1e-300, 3e-300}, []float64{0, 0},
			stats.Comparison{N: 2, Permutation: 0.5, TTest: 1, Wins: 2}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			sameWithinRounding(t, compare(t, tc.system, tc.baseline), tc.want)
		})
	}

	t.Run("rounding is no variation", func(t *testing.T) {
		sameWithinRounding(t, compare(t, []float64{0.3, 0.1, 0.9}, []float64{0.2, 0, 0.8}),
			stats.Comparison{N: 3, Mean: 0.1, Low: 0.1, High: 0.1, Permutation: 0.25, TTest: 1, Wins: 3})
	})
	t.Run("languages that cancel out", func(t *testing.T) {
		ids := []string{"a", "b", "c"}
		c := compareGroups(t,
			stats.Group{Questions: ids, System: []float64{0.1, 0.2, 1}, Baseline: []float64{0, 0, 1}},
			stats.Group{Questions: ids, System: []float64{0.2, 0.1, 1}, Baseline: []float64{0, 0, 1}},
			stats.Group{Questions: ids, System: []float64{0, 0, 1}, Baseline: []float64{0.3, 0.3, 1}})
		if want := (stats.Comparison{N: 3, Permutation: 1, TTest: 1, Wins: 4, Ties: 3, Losses: 2}); c != want {
			t.Errorf("got %+v, want %+v", c, want)
		}
	})
	t.Run("values as large as may be", func(t *testing.T) {
		c := compare(t, []float64{1e100, 1e100, -1e100}, []float64{-1e100, 0, 0})
		for _, v := range []float64{c.Mean, c.Low, c.High, c.TTest, c.Effect} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("not finite: %+v", c)
			}
		}
	})
	t.Run("evidence beyond float64", func(t *testing.T) {
		d := make([]float64, 3000)
		for i := range d {
			d[i] = 1 + float64(i%2)*1e-6
		}
		c := compare(t, d, zeros(d))
		if c.TTest <= 0 || c.TTest > 1e-300 {
			t.Errorf("t-test p = %v, want the smallest above 0", c.TTest)
		}
		if c.Permutation != 1.0/10_001 {
			t.Errorf("permutation p = %v, want that of the observed signs alone", c.Permutation)
		}
		for i := range d {
			d[i] = 1
		}
		if c := compare(t, d, zeros(d)); c.Permutation <= 0 || c.Permutation > 1e-300 {
			t.Errorf("permutation p = %v, want the smallest above 0", c.Permutation)
		}
	})
}

func TestErrors(t *testing.T) {
	one := []float64{1}
	compare := func(system, baseline []float64) error {
		_, err := stats.Compare(system, baseline)
		return err
	}
	groups := func(groups ...stats.Group) error {
		_, err := stats.CompareGroups(groups)
		return err
	}
	good := stats.Group{Questions: []string{"a"}, System: one, Baseline: one}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"lengths", compare(one, []float64{1, 2}), "compare 1 values of the system with 2 of the baseline"},
		{"empty", compare(nil, nil), "there are no pairs"},
		{"NaN", compare([]float64{1, math.NaN()}, []float64{1, 1}), "compare NaN with 1 in pair 2"},
		{"infinite", compare(one, []float64{math.Inf(-1)}), "compare 1 with -Inf in pair 1"},
		{"too large", compare([]float64{1e101}, one), "within ±1e100"},
		{"no groups", groups(), "there are none"},
		{"group without pairs", groups(good, stats.Group{}), "group 2: compare system and baseline: there are no pairs"},
		{"group of unequal sides", groups(good, stats.Group{System: one}), "group 2: compare 1 values"},
		{"questions missing", groups(stats.Group{System: one, Baseline: one}), "group 1: 0 question ids for 1 pairs"},
	}
	for _, tc := range tests {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%s: error = %v, want one that says %q", tc.name, tc.err, tc.want)
		}
	}
}

func TestIntervalOfNothing(t *testing.T) {
	if low, high := stats.Interval(nil); low != 0 || high != 0 {
		t.Errorf("got %v to %v, want 0 to 0", low, high)
	}
}

// As many queries as a large benchmark has, few of which differ.
func TestManyPairs(t *testing.T) {
	d := make([]float64, 100_000)
	for i := range 1000 {
		d[i*97] = 0.1 + float64(i%7)/10
	}
	for i := range 900 {
		d[i*101+1] = -0.1 - float64(i%7)/10
	}
	c := compare(t, d, zeros(d))
	// The bootstrap's spread is known: that of the mean.
	standardError := math.Abs(c.Mean/c.Effect) / math.Sqrt(100_000)
	if width := c.High - c.Low; !near(width, 2*1.96*standardError, 0.03*width) {
		t.Errorf("interval %v to %v with standard error %v", c.Low, c.High, standardError)
	}
	if !near(c.Permutation, c.TTest, 0.01) {
		t.Errorf("permutation p %v, t-test p %v", c.Permutation, c.TTest)
	}
}

func TestSameInputSameOutput(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	d := make([]float64, 300)
	for i := range d {
		d[i] = rng.NormFloat64()
	}
	first := compare(t, d, zeros(d))
	compare(t, d[:50], zeros(d[:50])) // whatever else is asked in between
	if second := compare(t, d, zeros(d)); second != first {
		t.Errorf("first %+v, then %+v", first, second)
	}
}

// 1,190 questions, of which one in eight is ranked otherwise, or all.
func BenchmarkCompare(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	sparse, dense := make([]float64, 1190), make([]float64, 1190)
	for i := range sparse {
		dense[i] = rng.NormFloat64()
		if i%8 == 0 {
			sparse[i] = dense[i]
		}
	}
	for name, d := range map[string][]float64{"sparse": sparse, "dense": dense} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				compare(b, d, zeros(d))
			}
		})
	}
}
