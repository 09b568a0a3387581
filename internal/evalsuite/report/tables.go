package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
)

// table is how every table of the page is laid out: its rows may be in groups,
// and its cells coloured.
type table struct {
	Caption string
	Corner  string   // over the rows' names
	Columns []string // over the cells
	Groups  []group
	Folded  bool // shown when asked for
	Heat    bool
}

type group struct {
	Name string // "" for rows that need none
	Note string
	Rows []line
}

type line struct {
	Name  string
	Cells []cell
}

type cell struct {
	Text   string
	Detail string // below, in small
	Mark   mark
	Best   bool   // of its column
	Heat   string // the class of its colour
}

// mark says whether a difference is significant, and which way.
type mark string

const (
	up   mark = "better"
	down mark = "worse"
)

func markOf(d evalsuite.Difference, compared bool) mark {
	switch {
	case !compared || !d.Significant():
		return ""
	case d.Delta > 0:
		return up
	default:
		return down
	}
}

// langRows are the rows of a language, or the means.
type langRows struct {
	lang string
	rows []evalsuite.Row
}

// byLang groups rows: the means, then the languages in their own order.
func byLang(r *evalsuite.Result) []langRows {
	var groups []langRows
	for _, row := range slices.Concat(r.Means, r.Rows) {
		i := slices.IndexFunc(groups, func(g langRows) bool { return g.lang == row.Lang })
		if i < 0 {
			i, groups = len(groups), append(groups, langRows{lang: row.Lang})
		}
		groups[i].rows = append(groups[i].rows, row)
	}
	return groups
}

// named returns the name of a row within its language.
func named(r evalsuite.Row) string {
	name := method(r.Method)
	if r.Method == evalsuite.QuerySynergy || r.Method == evalsuite.Tuned {
		name += ", " + lambdaOf(r)
	}
	return name
}

// lambdaOf names a row's λ, which in a mean is one as well.
func lambdaOf(r evalsuite.Row) string {
	if r.Lang == evalsuite.MeanLang {
		return "mean " + lambda(r.Lambda)
	}
	return lambda(r.Lambda)
}

// comparison shows all that is known of each row in one measure.
func comparison(r *evalsuite.Result, m metrics.Measure, caption string, name func(evalsuite.Row) string) table {
	t := table{Caption: caption, Corner: "Queries", Columns: []string{measure(m), "Difference", "p", "Effect", "Won / tied / lost"}}
	for _, g := range byLang(r) {
		lines := group{Name: language(g.lang), Note: "n = " + count(g.rows[0].Queries)}
		for _, row := range g.rows {
			l := line{Name: name(row), Cells: []cell{{Text: hundred(row.Metrics[m]), Detail: between(row.Intervals[m], hundred)}}}
			if d, ok := row.Versus[m]; ok {
				l.Cells = append(l.Cells,
					cell{Text: points(d.Delta), Detail: between(d.Interval, points), Mark: markOf(d, ok)},
					cell{Text: probability(d.PHolm)},
					cell{Text: signed(d.Effect)},
					cell{Text: strconv.Itoa(d.Wins) + " / " + strconv.Itoa(d.Ties) + " / " + strconv.Itoa(d.Losses)})
			} else {
				l.Cells = append(l.Cells, make([]cell, 4)...)
			}
			lines.Rows = append(lines.Rows, l)
		}
		t.Groups = append(t.Groups, lines)
	}
	return t
}

// measuresTable shows every measure of each row, with the difference below.
func measuresTable(r *evalsuite.Result, measures []metrics.Measure, caption string) table {
	t := table{Caption: caption, Corner: "Queries", Folded: true}
	for _, m := range measures {
		t.Columns = append(t.Columns, measure(m))
	}
	for _, g := range byLang(r) {
		lines := group{Name: language(g.lang)}
		for _, row := range g.rows {
			l := line{Name: named(row)}
			for _, m := range measures {
				l.Cells = append(l.Cells, valueCell(row, m))
			}
			lines.Rows = append(lines.Rows, l)
		}
		t.Groups = append(t.Groups, lines)
	}
	return t
}

// valueCell shows a row's value, and its difference below.
func valueCell(row evalsuite.Row, m metrics.Measure) cell {
	value, ok := row.Metrics[m]
	if !ok {
		return cell{}
	}
	c := cell{Text: hundred(value)}
	if d, ok := row.Versus[m]; ok {
		c.Detail, c.Mark = points(d.Delta), markOf(d, ok)
	}
	return c
}

// pivot shows one measure with the languages side by side; key says which line
// a row belongs to.
func pivot(r *evalsuite.Result, caption, corner string, key func(evalsuite.Row) string, show func(evalsuite.Row) cell) table {
	t := table{Caption: caption, Corner: corner, Groups: make([]group, 1)}
	rows := &t.Groups[0].Rows
	groups := byLang(r)
	for at, g := range groups {
		t.Columns = append(t.Columns, language(g.lang))
		for _, row := range g.rows {
			i := slices.IndexFunc(*rows, func(l line) bool { return l.Name == key(row) })
			if i < 0 {
				i, *rows = len(*rows), append(*rows, line{Name: key(row), Cells: make([]cell, len(groups))})
			}
			(*rows)[i].Cells[at] = show(row)
		}
	}
	return t
}

// sweepTable shows every λ.
func sweepTable(r *evalsuite.Result, m metrics.Measure) table {
	best := map[string]float64{}
	for _, g := range byLang(r) {
		best[g.lang] = g.rows[highest(g.rows, func(r evalsuite.Row) float64 { return r.Metrics[m] })].Metrics[m]
	}
	t := pivot(r, fmt.Sprintf("%s and the difference to the source alone, at each λ, the highest of a column in bold", measure(m)), "λ",
		func(row evalsuite.Row) string { return weight(row.Lambda) },
		func(row evalsuite.Row) cell {
			c := valueCell(row, m)
			c.Best = row.Metrics[m] >= best[row.Lang]-nothing
			return c
		})
	t.Folded = true
	return t
}

// heatSteps are the limits, in percent, between the colours of the heat map.
var heatSteps = []float64{0.25, 1, 2, 4, 8}

// heatMap shows what each anchor language changes, in percent of the source
// alone.
func heatMap(r *evalsuite.Result, m metrics.Measure) table {
	anchored := &evalsuite.Result{Rows: r.Rows}
	for _, row := range r.Means {
		if row.AnchorLang != "" && len(row.Versus) > 0 {
			anchored.Means = append(anchored.Means, row)
		}
	}
	t := pivot(anchored, fmt.Sprintf("Change of %s%s against the source alone, in percent, by language of the anchors and of the documents", measure(m), atLambda(r.Rows)), "Anchors in",
		func(row evalsuite.Row) string { return language(row.AnchorLang) },
		func(row evalsuite.Row) cell {
			d, ok := row.Versus[m]
			if !ok {
				return cell{Text: "source", Heat: "own"}
			}
			p := percent(row.Metrics[m], d)
			return cell{Text: signed(p), Mark: markOf(d, ok), Heat: heat(p)}
		})
	t.Heat = true
	return t
}

// heat returns the class of a change's colour: "u3" for the third step upwards.
func heat(percent float64) string {
	if !finite(percent) {
		return ""
	}
	step, _ := slices.BinarySearchFunc(heatSteps, math.Abs(percent), cmp.Compare[float64])
	switch {
	case step == 0:
		return "n0"
	case percent > 0:
		return "u" + strconv.Itoa(step)
	default:
		return "d" + strconv.Itoa(step)
	}
}

// printed shows an item of a paper as the paper has it.
func printed(item published.Item) table {
	t := table{Groups: make([]group, 1), Corner: "As printed"}
	var langs []string
	rows := &t.Groups[0].Rows
	for _, c := range item.Cells {
		if !slices.Contains(langs, c.Lang) {
			langs = append(langs, c.Lang)
			t.Columns = append(t.Columns, language(c.Lang))
		}
	}
	for _, c := range item.Cells {
		name := printedName(c)
		i := slices.IndexFunc(*rows, func(l line) bool { return l.Name == name })
		if i < 0 {
			i, *rows = len(*rows), append(*rows, line{Name: name, Cells: make([]cell, len(langs))})
		}
		(*rows)[i].Cells[slices.Index(langs, c.Lang)] = cell{Text: strings.Replace(strconv.FormatFloat(c.Value, 'f', -1, 64), "-", "−", 1)}
	}
	return t
}

func printedName(c published.Cell) string {
	name := c.Dataset + ", " + c.Model + ", " + c.Measure
	for _, part := range []string{c.Method, c.Translator} {
		if part != "" {
			name += ", " + part
		}
	}
	if c.AnchorLang != "" {
		name += ", anchor " + c.AnchorLang
	}
	if c.Lambda != nil {
		name += ", " + lambda(*c.Lambda)
	}
	return name
}
