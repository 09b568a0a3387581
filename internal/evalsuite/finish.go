package evalsuite

import (
	"fmt"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/stats"
)

// measured is a row whose figures are not averaged yet. Measured rows of the
// same group, one a language, are averaged into one of Result.Means.
type measured struct {
	row      Row
	group    string // "" is not averaged
	values   *metrics.Evaluation
	baseline *metrics.Evaluation // over the same questions; nil for a baseline
}

// finish averages, compares and corrects.
func finish(all []measured) (*Result, error) {
	result := &Result{}
	groups := map[string][]measured{}
	var order []string
	for _, m := range all {
		row, err := m.finish()
		if err != nil {
			return nil, fmt.Errorf("%s in %q: %w", m.row.Dataset, m.row.Lang, err)
		}
		result.Rows = append(result.Rows, row)
		if m.group == "" {
			continue
		}
		if groups[m.group] == nil {
			order = append(order, m.group)
		}
		groups[m.group] = append(groups[m.group], m)
	}
	for _, name := range order {
		if len(groups[name]) > 1 {
			mean, err := finishMean(groups[name])
			if err != nil {
				return nil, err
			}
			result.Means = append(result.Means, mean)
		}
	}
	correct(result.Rows)
	correct(result.Means)
	return result, nil
}

func (m measured) finish() (Row, error) {
	row := m.row
	row.Metrics, row.Queries = m.values.Means(), len(m.values.Queries)
	row.Intervals = map[metrics.Measure]Interval{}
	if m.baseline != nil {
		row.Versus = map[metrics.Measure]Difference{}
	}
	for i, measure := range m.values.Measures {
		low, high := stats.Interval(m.values.Values[i])
		row.Intervals[measure] = Interval{low, high}
		if m.baseline == nil {
			continue
		}
		c, err := stats.Compare(m.values.Values[i], m.baseline.Values[i])
		if err != nil {
			return Row{}, err
		}
		row.Versus[measure] = difference(c)
	}
	return row, nil
}

// finishMean averages rows of several languages. The same question asked in
// several languages counts as one draw, so that parallel languages do not pass
// for more evidence than they are.
func finishMean(rows []measured) (Row, error) {
	mean := rows[0].row
	mean.Lang, mean.Lambda = MeanLang, 0
	mean.Metrics, mean.Intervals = map[metrics.Measure]float64{}, map[metrics.Measure]Interval{}
	compared := rows[0].baseline != nil
	if compared {
		mean.Versus = map[metrics.Measure]Difference{}
	}
	for _, r := range rows {
		mean.Lambda += r.row.Lambda / float64(len(rows))
		mean.Queries += len(r.values.Queries)
		if r.row.AnchorLang != mean.AnchorLang {
			mean.AnchorLang = ""
		}
	}
	for i, measure := range rows[0].values.Measures {
		alone, against := make([]stats.Group, len(rows)), make([]stats.Group, len(rows))
		for l, r := range rows {
			// A mean is a difference to nothing.
			alone[l] = stats.Group{Questions: r.values.Queries, System: r.values.Values[i], Baseline: make([]float64, len(r.values.Queries))}
			if compared {
				against[l] = stats.Group{Questions: r.values.Queries, System: r.values.Values[i], Baseline: r.baseline.Values[i]}
			}
		}
		c, err := stats.CompareGroups(alone)
		if err != nil {
			return Row{}, err
		}
		mean.Metrics[measure], mean.Intervals[measure] = c.Mean, Interval{c.Low, c.High}
		if compared {
			if c, err = stats.CompareGroups(against); err != nil {
				return Row{}, err
			}
			mean.Versus[measure] = difference(c)
		}
	}
	return mean, nil
}

func difference(c stats.Comparison) Difference {
	return Difference{
		Delta: c.Mean, Interval: Interval{c.Low, c.High}, P: c.Permutation, PT: c.TTest, Effect: c.Effect,
		Wins: c.Wins, Ties: c.Ties, Losses: c.Losses,
	}
}

// correct fills in Holm's p-values, measure by measure.
func correct(rows []Row) {
	type place struct {
		row     int
		measure metrics.Measure
	}
	families := map[metrics.Measure][]place{}
	for i, row := range rows {
		for measure := range row.Versus {
			families[measure] = append(families[measure], place{i, measure})
		}
	}
	for _, family := range families {
		permutation, t := make([]float64, len(family)), make([]float64, len(family))
		for i, at := range family {
			d := rows[at.row].Versus[at.measure]
			permutation[i], t[i] = d.P, d.PT
		}
		permutation, t = stats.Holm(permutation), stats.Holm(t)
		for i, at := range family {
			d := rows[at.row].Versus[at.measure]
			d.PHolm, d.PTHolm = permutation[i], t[i]
			rows[at.row].Versus[at.measure] = d
		}
	}
}
