package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/stats"
)

// calibration counts how often the tests were wrong at 5%, and the intervals at
// 95%, where there is no difference.
type calibration struct {
	draws                       int
	permutation, ttest, missing int
}

func (c *calibration) add(got stats.Comparison) {
	c.draws++
	if got.Permutation <= 0.05 {
		c.permutation++
	}
	if got.TTest <= 0.05 {
		c.ttest++
	}
	if got.Low > 0 || got.High < 0 {
		c.missing++
	}
}

// check allows for three standard errors, and for percentile intervals of small
// samples to miss two in a hundred more, as they are known to.
func (c *calibration) check(t *testing.T) {
	t.Helper()
	t.Logf("%+v", *c)
	within := func(what string, wrong int, extra float64) {
		t.Helper()
		rate := float64(wrong) / float64(c.draws)
		slack := 3 * math.Sqrt(0.05*0.95/float64(c.draws))
		if rate < 0.05-slack || rate > 0.05+slack+extra {
			t.Errorf("%s: wrong in %.1f%% of %d draws, want about 5%%", what, 100*rate, c.draws)
		}
	}
	within("permutation test", c.permutation, 0)
	within("t-test", c.ttest, 0)
	within("interval", c.missing, 0.02)
}

func TestCalibration(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand comparisons")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 12))
	var seen calibration
	var deciles [10]int
	d := make([]float64, 24)
	for range 1000 {
		for i := range d {
			d[i] = rng.NormFloat64()
		}
		c := compare(t, d, zeros(d))
		seen.add(c)
		deciles[min(9, int(10*c.Permutation))]++
	}
	seen.check(t)
	for i, n := range deciles {
		if n < 70 || n > 130 { // three standard errors
			t.Errorf("%d of 1000 p-values lie in decile %d: %v", n, i, deciles)
		}
	}
}

// Differences as those of a measure: few values, most of them 0.
func TestCalibrationWithTies(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of comparisons")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(13, 14))
	reciprocal := []float64{1, 0.5, 1.0 / 3, 0.25, 0}
	var seen calibration
	d := make([]float64, 150)
	for range 300 {
		for i := range d {
			d[i] = 0
			if rng.IntN(4) == 0 {
				d[i] = reciprocal[rng.IntN(5)] - reciprocal[rng.IntN(5)]
			}
		}
		seen.add(compare(t, d, zeros(d)))
	}
	seen.check(t)
}

// Questions are asked in five languages, and most of what a question gains or
// loses it does in all of them; some are missing in some languages. The pairs,
// taken for independent, show differences where none are.
func TestCalibrationOfParallelGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of comparisons")
	}
	t.Parallel()
	const questions = 40
	rng := rand.New(rand.NewPCG(21, 22))
	var seen, naive calibration
	for draw := range 300 {
		var shared [questions]float64
		for q := range shared {
			shared[q] = rng.NormFloat64()
		}
		parallel, apart := make([]stats.Group, 5), make([]stats.Group, 5)
		for language := range parallel {
			g := &parallel[language]
			for q, id := range names("q", questions) {
				if rng.IntN(10) == 0 {
					continue
				}
				g.Questions = append(g.Questions, id)
				g.System = append(g.System, shared[q]+0.5*rng.NormFloat64())
			}
			g.Baseline = zeros(g.System)
			apart[language] = *g
			apart[language].Questions = names(string(rune('a'+language)), len(g.System))
		}
		seen.add(compareGroups(t, parallel...))
		if draw%10 == 0 {
			naive.add(compareGroups(t, apart...))
		}
	}
	seen.check(t)
	if naive.ttest < naive.draws/5 || naive.missing < naive.draws/5 {
		t.Errorf("%+v: these data do not show why questions are the samples", naive)
	}
}
