package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// tolerance is the relative difference up to which two sums count as equal:
	// they may be one figure, added up in another order.
	tolerance = 1e-12
	// largest bounds the values that can be compared, so that no square and no
	// sum overflows.
	largest = 1e100
	// smallestP stands for a p-value too small for a float64, since none is 0.
	smallestP = math.SmallestNonzeroFloat64
)

// Comparison says how a system differs from a baseline over paired samples. A
// positive difference means that the system's value is the higher one. All
// fields are finite.
type Comparison struct {
	// N is the number of independent samples: of pairs in Compare, of questions
	// in CompareGroups.
	N int
	// Mean is the mean difference, Low to High its 95% bootstrap interval, all
	// in the unit of the values.
	Mean, Low, High float64
	// Permutation is the two-sided p-value of the sign-flip permutation test,
	// in (0, 1]. It is exact for up to 20 differences that are not 0, and for
	// any number of one size; else it comes from 10,000 random flips, and is at
	// least 1/10,001.
	Permutation float64
	// TTest is the two-sided p-value of the paired t-test, in (0, 1]. It is 1
	// where the differences do not vary, since then there is no such test.
	TTest float64
	// Effect is Cohen's d_z, the mean difference over the standard deviation of
	// the differences (n−1). It is 0 where they do not vary.
	Effect float64
	// Wins, Ties and Losses count the pairs in which the system's value is
	// higher, equal and lower.
	Wins, Ties, Losses int
}

// Compare compares a system with a baseline: system[i] and baseline[i] are what
// the two reached on the same query. Differences of less than 1e-12 of the
// values are rounding, and count as ties. It returns an error where there are
// no pairs or not as many values on both sides, and for a value that is NaN or
// beyond ±1e100.
func Compare(system, baseline []float64) (Comparison, error) {
	d, err := differences(system, baseline)
	if err != nil {
		return Comparison{}, err
	}
	c := summarize(d, d)
	c.count(d)
	return c, nil
}

// Group holds the paired samples of one group of queries, such as those in one
// language. Its three slices are of one length, at least 1.
type Group struct {
	// Questions[i] names the question behind pair i. Pairs of the same name, in
	// any groups, are samples of one question: see the package comment.
	Questions []string
	// System[i] and Baseline[i] are what the two reached on it.
	System, Baseline []float64
}

// CompareGroups compares macro averages: Mean is the mean over the groups of
// their mean differences, so that every group weighs the same, however many
// pairs it has. Wins, Ties and Losses count pairs of all groups. Everything else
// takes the questions for samples, as the package comment says.
//
// Where every group has every question once, the result is that of Compare for
// each question's average over the groups. Else interval, t-test (cluster-robust,
// one degree of freedom less than there are questions) and effect rest on the
// linearised mean: what each question moves it by, given the group means.
//
// It returns an error where there are no groups, and where Compare would for
// one.
func CompareGroups(groups []Group) (Comparison, error) {
	if len(groups) == 0 {
		return Comparison{}, errors.New("compare groups: there are none")
	}
	number := make(map[string]int)
	perGroup := make([][]float64, len(groups))
	for i, g := range groups {
		var err error
		if perGroup[i], err = differences(g.System, g.Baseline); err != nil {
			return Comparison{}, fmt.Errorf("group %d: %w", i+1, err)
		}
		if len(g.Questions) != len(g.System) {
			return Comparison{}, fmt.Errorf("group %d: %d question ids for %d pairs", i+1, len(g.Questions), len(g.System))
		}
		for _, id := range g.Questions {
			if _, known := number[id]; !known {
				number[id] = len(number)
			}
		}
	}

	// Both are scaled to have the macro average as their mean. A question's
	// contribution is the part of it that turns round with the question's sign.
	// Its influence is the macro average plus what its pairs are off their group
	// means: to first order, resampled questions move the macro average, in which
	// groups change their sizes, by as much as the mean influence.
	contributions := make([]float64, len(number))
	influences := make([]float64, len(number))
	var macro, size float64
	for i, g := range groups {
		mean := average(perGroup[i])
		macro += mean / float64(len(groups))
		weight := float64(len(number)) / float64(len(groups)*len(perGroup[i]))
		for j, id := range g.Questions {
			d := perGroup[i][j]
			contributions[number[id]] += float64(weight * d)
			influences[number[id]] += float64(weight * (d - mean))
			size = max(size, weight*math.Abs(d))
		}
	}
	for q := range influences {
		influences[q] = withoutRounding(influences[q]+macro, size)
		contributions[q] = withoutRounding(contributions[q], size)
	}

	c := summarize(contributions, influences)
	for _, d := range perGroup {
		c.count(d)
	}
	return c, nil
}

// summarize runs the permutation test on the contributions and all else on the
// influences. Both have the same mean; in Compare both are the differences.
func summarize(contributions, influences []float64) Comparison {
	c := Comparison{N: len(influences), Mean: average(influences), Permutation: signFlip(contributions), TTest: 1}
	c.Low, c.High = Interval(influences)
	deviation := standardDeviation(influences, c.Mean)
	if deviation == 0 {
		return c
	}
	c.Effect = c.Mean / deviation
	t := distuv.StudentsT{Sigma: 1, Nu: float64(c.N - 1)}
	c.TTest = max(2*t.CDF(-math.Abs(c.Effect)*math.Sqrt(float64(c.N))), smallestP)
	return c
}

func (c *Comparison) count(differences []float64) {
	for _, d := range differences {
		switch {
		case d > 0:
			c.Wins++
		case d < 0:
			c.Losses++
		default:
			c.Ties++
		}
	}
}

// differences checks paired samples and subtracts them.
func differences(system, baseline []float64) ([]float64, error) {
	if len(system) != len(baseline) {
		return nil, fmt.Errorf("compare %d values of the system with %d of the baseline: they must be pairs", len(system), len(baseline))
	}
	if len(system) == 0 {
		return nil, errors.New("compare system and baseline: there are no pairs")
	}
	d := make([]float64, len(system))
	for i, s := range system {
		b := baseline[i]
		size := max(math.Abs(s), math.Abs(b))
		if math.IsNaN(size) || size > largest {
			return nil, fmt.Errorf("compare %v with %v in pair %d: values must be numbers within ±1e100", s, b, i+1)
		}
		d[i] = withoutRounding(s-b, size)
	}
	return d, nil
}

// withoutRounding returns x, or 0 where it is only what rounding left of a
// difference between values of the given size.
func withoutRounding(x, size float64) float64 {
	if math.Abs(x) <= tolerance*size {
		return 0
	}
	return x
}

// average sums up what the values differ from the first by, so that the mean of
// equal values is that value.
func average(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v - values[0]
	}
	return values[0] + sum/float64(len(values))
}

// standardDeviation divides by n−1. It is 0 where no value differs from the mean
// by more than rounding.
func standardDeviation(values []float64, mean float64) float64 {
	var squares, size, spread float64
	for _, v := range values {
		d := v - mean
		squares += float64(d * d)
		size = max(size, math.Abs(v))
		spread = max(spread, math.Abs(d))
	}
	if withoutRounding(spread, size) == 0 {
		return 0
	}
	return math.Sqrt(squares / float64(len(values)-1))
}
