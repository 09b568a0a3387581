package stats_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite/stats"
)

// sides draws what two systems reached on the same queries: measures with few
// values, with ties in between, or any numbers of six digits, so that what is
// different differs by more than rounding.
func sides(t *rapid.T, most int) (system, baseline []float64) {
	value := rapid.OneOf(
		rapid.SampledFrom([]float64{0, 1 / math.Log2(3), 0.5, 1}),
		rapid.Map(rapid.IntRange(-1e6, 1e6), func(millionths int) float64 { return float64(millionths) / 1e6 }),
	)
	n := rapid.IntRange(1, most).Draw(t, "n")
	draw := rapid.SliceOfN(value, n, n)
	return draw.Draw(t, "system"), draw.Draw(t, "baseline")
}

func mustCompare(t *rapid.T, system, baseline []float64) stats.Comparison {
	t.Helper()
	c, err := stats.Compare(system, baseline)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustCompareGroups(t *rapid.T, groups ...stats.Group) stats.Comparison {
	t.Helper()
	c, err := stats.CompareGroups(groups)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// names returns n ids with a common beginning.
func names(beginning string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(beginning, i)
	}
	return ids
}

func TestRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		system, baseline := sides(t, 60)
		c := mustCompare(t, system, baseline)
		for _, p := range []float64{c.Permutation, c.TTest} {
			if !(p > 0 && p <= 1) {
				t.Errorf("p = %v lies outside (0, 1]", p)
			}
		}
		if !(c.Low <= c.High) || math.IsNaN(c.Mean) || math.IsNaN(c.Effect) || math.IsInf(c.Effect, 0) {
			t.Errorf("got %+v", c)
		}
		d := make([]float64, len(system))
		for i := range d {
			d[i] = system[i] - baseline[i]
		}
		if c.Low < slices.Min(d)-1e-12 || c.High > slices.Max(d)+1e-12 {
			t.Errorf("interval %v to %v leaves the differences %v", c.Low, c.High, d)
		}
		if c.N != len(system) || c.Wins+c.Ties+c.Losses != c.N {
			t.Errorf("%d pairs, %d won, %d equal, %d lost", c.N, c.Wins, c.Ties, c.Losses)
		}
	})
}

func TestExchange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		system, baseline := sides(t, 60)
		c, back := mustCompare(t, system, baseline), mustCompare(t, baseline, system)
		want := stats.Comparison{
			N: c.N, Mean: -c.Mean, Low: -c.High, High: -c.Low,
			Permutation: c.Permutation, TTest: c.TTest, Effect: -c.Effect,
			Wins: c.Losses, Ties: c.Ties, Losses: c.Wins,
		}
		if back != want {
			t.Errorf("got %+v, exchanged %+v", c, back)
		}
	})
}

// A scale that is a power of 2 changes no digit; any other changes roundings.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		system, baseline := sides(t, 40)
		c := mustCompare(t, system, baseline)
		scaled := func(scale float64) stats.Comparison {
			s, b := slices.Clone(system), slices.Clone(baseline)
			for i := range s {
				s[i] *= scale
				b[i] *= scale
			}
			return mustCompare(t, s, b)
		}
		for _, scale := range []float64{0x1p-20, 0x1p40} {
			want := c
			want.Mean, want.Low, want.High = scale*c.Mean, scale*c.Low, scale*c.High
			if got := scaled(scale); got != want {
				t.Errorf("scaled by %v: got %+v, want %+v", scale, got, want)
			}
		}
		third := scaled(1.0 / 3)
		if !near(third.Mean, c.Mean/3, 1e-12) || !near(third.Permutation, c.Permutation, 1e-12) || !near(third.TTest, c.TTest, 1e-6) ||
			third.Wins != c.Wins || third.Losses != c.Losses {
			t.Errorf("got %+v, a third gives %+v", c, third)
		}
	})
}

// All signs, one after the other.
func TestEnumerationAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		system, baseline := sides(t, 11)
		n := len(system)
		var observed float64
		for i := range system {
			observed += system[i] - baseline[i]
		}
		extreme := 0
		for signs := range 1 << n {
			var sum float64
			for i := range system {
				if signs>>i&1 == 1 {
					sum += system[i] - baseline[i]
				} else {
					sum -= system[i] - baseline[i]
				}
			}
			if math.Abs(sum) >= math.Abs(observed)-1e-11 {
				extreme++
			}
		}
		want := float64(extreme) / float64(int(1)<<n)
		if got := mustCompare(t, system, baseline).Permutation; !near(got, want, 1e-12) {
			t.Errorf("p = %v, want %v", got, want)
		}
	})
}

// For whole numbers, the distribution of the sum under all signs can be counted
// exactly at any size, so both sides of the change to random flips can be held
// against it.
func TestPermutationAgainstExactDistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SliceOfN(rapid.IntRange(-5, 6), 15, 80).Draw(t, "differences")
		system := make([]float64, len(d))
		share := map[int]float64{0: 1}
		observed, others := 0, 0
		for i, v := range d {
			system[i] = float64(v) / 10
			observed += v
			if v != 0 {
				others++
			}
			next := make(map[int]float64)
			for sum, p := range share {
				next[sum+v] += p / 2
				next[sum-v] += p / 2
			}
			share = next
		}
		var want float64
		for sum, p := range share {
			if max(sum, -sum) >= max(observed, -observed) {
				want += p
			}
		}
		want = min(want, 1) // a sum of many
		tolerance := 1e-12
		if others > 20 {
			tolerance = 6*math.Sqrt(want*(1-want)/10_000) + 6.0/10_000
		}
		if got := mustCompare(t, system, zeros(system)).Permutation; !near(got, want, tolerance) {
			t.Errorf("p = %v, want %v within %v", got, want, tolerance)
		}
	})
}

func TestIntervalContainsMeanOfSymmetricValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		half := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 40).Draw(t, "half")
		centre := rapid.Float64Range(-2, 2).Draw(t, "centre")
		var values []float64
		for _, v := range half {
			values = append(values, centre+v, centre-v)
		}
		if low, high := stats.Interval(values); low > centre+1e-12 || high < centre-1e-12 {
			t.Errorf("%v to %v does not contain %v", low, high, centre)
		}
	})
}

func TestOneGroupIsCompare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		system, baseline := sides(t, 40)
		c := mustCompare(t, system, baseline)
		g := mustCompareGroups(t, stats.Group{Questions: names("q", len(system)), System: system, Baseline: baseline})
		sameWithinRounding(t, g, c)
	})
}

// Parallel groups are their average over each question, however the questions
// are ordered.
func TestParallelGroupsAreTheirAverage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		system, baseline := sides(t, 30)
		n := len(system)
		other := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0.3, 0.6, 1}), n, n).Draw(t, "other system")
		ids := names("q", n)
		average := make([]float64, n)
		for i := range average {
			average[i] = (system[i] - baseline[i] + other[i]) / 2
		}
		want := mustCompare(t, average, zeros(average))

		order := rapid.Permutation(indexes(n)).Draw(t, "order")
		second := stats.Group{System: make([]float64, n), Baseline: make([]float64, n), Questions: make([]string, n)}
		for i, from := range order {
			second.Questions[i], second.System[i] = ids[from], other[from]
		}
		got := mustCompareGroups(t, stats.Group{Questions: ids, System: system, Baseline: baseline}, second)
		want.Wins, want.Ties, want.Losses = got.Wins, got.Ties, got.Losses
		sameWithinRounding(t, got, want)
		if pairs := got.Wins + got.Ties + got.Losses; pairs != 2*n {
			t.Errorf("%d pairs counted, want %d", pairs, 2*n)
		}
	})
}

// A language that repeats another one adds nothing, unless it is taken for other
// questions.
func TestCopiedLanguageIsNoEvidence(t *testing.T) {
	system := []float64{0.9, 0.3, 0.5, 0.8, 1, 0.4, 0.7, 0.6}
	baseline := []float64{0.7, 0.35, 0.3, 0.5, 0.9, 0.45, 0.4, 0.5}
	group := stats.Group{Questions: names("q", len(system)), System: system, Baseline: baseline}
	once, twice := compareGroups(t, group), compareGroups(t, group, group)
	once.Wins, once.Losses = 2*once.Wins, 2*once.Losses
	sameWithinRounding(t, twice, once)

	stranger := stats.Group{Questions: names("other", len(system)), System: system, Baseline: baseline}
	if c := compareGroups(t, group, stranger); c.N != 16 || c.Permutation >= once.Permutation || c.High-c.Low >= once.High-once.Low {
		t.Errorf("other questions add nothing: %+v, %+v", c, once)
	}
}

// sameWithinRounding allows for what another order of sums changes, also in the
// p-values of differences that hardly vary.
func sameWithinRounding(t interface {
	Helper()
	Errorf(format string, args ...any)
}, got, want stats.Comparison) {
	t.Helper()
	if got.N != want.N || !near(got.Mean, want.Mean, 1e-12) || !near(got.Low, want.Low, 1e-12) || !near(got.High, want.High, 1e-12) ||
		!near(got.Permutation, want.Permutation, 1e-12) || !near(got.TTest, want.TTest, 1e-6) ||
		!near(got.Effect, want.Effect, 1e-6*(1+math.Abs(want.Effect))) ||
		got.Wins != want.Wins || got.Ties != want.Ties || got.Losses != want.Losses {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Holm's adjusted p-value, written out: the largest, over all hypotheses with at
// most this p, of p times the number of hypotheses that are not before it.
func TestHolmAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.OneOf(
			rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0.001, 0.01, 0.05, 1}),
		), 0, 30).Draw(t, "p")
		got := stats.Holm(p)
		for i := range p {
			var want float64
			for _, q := range p {
				if q > p[i] {
					continue
				}
				notBefore := 0
				for _, r := range p {
					if r >= q {
						notBefore++
					}
				}
				want = max(want, min(1, float64(notBefore)*q))
			}
			if got[i] != want {
				t.Errorf("Holm(%v)[%d] = %v, want %v", p, i, got[i], want)
			}
		}
	})
}
