package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// output are the flags that say how rows are printed.
type output struct {
	JSON bool `name:"json" xor:"form" help:"Print one JSON object."`
	CSV  bool `name:"csv" xor:"form" help:"Print comma-separated values, a line for each row and measure."`
}

// rowsVersion is that of the JSON object's form; docs/json.md describes it.
const rowsVersion = 1

// jsonRows is the JSON object of an experiment.
type jsonRows struct {
	Version int             `json:"version"`
	Rows    []evalsuite.Row `json:"rows"`
	Means   []evalsuite.Row `json:"means,omitempty"`
}

func rowsOf(r *evalsuite.Result) jsonRows { return jsonRows{rowsVersion, r.Rows, r.Means} }

// print prints what an experiment found, to stdout.
func (o output) print(streams cli.Streams, measures []metrics.Measure, r *evalsuite.Result) error {
	return o.printAgainst(streams, "the first method of the language", measures, r)
}

// printAgainst is print where rows are compared with something else.
func (o output) printAgainst(streams cli.Streams, baseline string, measures []metrics.Measure, r *evalsuite.Result) error {
	switch {
	case o.JSON:
		return json.NewEncoder(streams.Stdout).Encode(rowsOf(r))
	case o.CSV:
		return evalsuite.WriteCSV(streams.Stdout, measures, slices.Concat(r.Rows, r.Means))
	default:
		return printTable(streams, baseline, measures, slices.Concat(r.Rows, r.Means))
	}
}

// printTable prints rows for people. Measures are shown ×100, as the papers have
// them; marks say what is significant.
func printTable(streams cli.Streams, baseline string, measures []metrics.Measure, rows []evalsuite.Row) error {
	machines := slices.ContainsFunc(rows, func(r evalsuite.Row) bool {
		return r.Translator != "" && r.Translator != evalsuite.Human
	})
	kinds := map[string]bool{} // of texts that passages know
	for _, r := range rows {
		if r.Texts != nil {
			kinds[r.Texts.String()] = true
		}
	}
	optional := []struct {
		column cli.Column
		cell   func(evalsuite.Row) string
	}{
		{cli.Column{Title: "lang"}, func(r evalsuite.Row) string { return r.Lang }},
		{cli.Column{Title: "anchors"}, func(r evalsuite.Row) string { return r.AnchorLang }},
		{cli.Column{Title: "by"}, func(r evalsuite.Row) string {
			if r.Translator == evalsuite.Human && !machines {
				return ""
			}
			return r.Translator
		}},
		{cli.Column{Title: "method"}, func(r evalsuite.Row) string { return string(r.Method) }},
		{cli.Column{Title: "λ", Right: true}, func(r evalsuite.Row) string {
			if r.AnchorLang == "" && r.Lambda == 0 {
				return "" // a run file does not say
			}
			return strconv.FormatFloat(r.Lambda, 'g', 3, 64)
		}},
		{cli.Column{Title: "α", Right: true}, func(r evalsuite.Row) string {
			if r.Alpha == nil {
				return ""
			}
			return strconv.FormatFloat(*r.Alpha, 'g', 3, 64)
		}},
		{cli.Column{Title: "hub", Right: true}, func(r evalsuite.Row) string {
			if r.Hub == 0 {
				return ""
			}
			return strconv.FormatFloat(r.Hub, 'g', 3, 64)
		}},
		{cli.Column{Title: "with"}, func(r evalsuite.Row) string {
			if r.Texts == nil || len(kinds) < 2 {
				return ""
			}
			return r.Texts.String()
		}},
	}
	var columns []cli.Column
	cells := make([][]string, len(rows))
	for _, o := range optional {
		if !slices.ContainsFunc(rows, func(r evalsuite.Row) bool { return o.cell(r) != "" }) {
			continue
		}
		columns = append(columns, o.column)
		for i, r := range rows {
			cells[i] = append(cells[i], o.cell(r))
		}
	}
	for _, m := range measures {
		columns = append(columns, cli.Column{Title: m.String() + "  ", Right: true})
		for i, r := range rows {
			cells[i] = append(cells[i], strconv.FormatFloat(100*r.Metrics[m], 'f', 2, 64)+mark(r, m))
		}
	}
	columns = append(columns, cli.Column{Title: "wins", Right: true}, cli.Column{Title: "losses", Right: true}, cli.Column{Title: "n", Right: true})
	for i, r := range rows {
		wins, losses := "", ""
		if d, ok := r.Versus[measures[0]]; ok {
			wins, losses = strconv.Itoa(d.Wins), strconv.Itoa(d.Losses)
		}
		cells[i] = append(cells[i], wins, losses, strconv.Itoa(r.Queries))
	}
	if err := streams.Table(columns, cells); err != nil {
		return err
	}
	_, err := fmt.Fprintf(streams.Stdout, legend, baseline, measures[0])
	return err
}

const legend = `
Measures ×100. Against %s: + better, - worse, with
p < 0.05 (paired sign-flip permutation test, Holm's correction over the table);
++ and --: p < 0.01. Wins and losses: questions in %s. n: questions.
`

// mark says whether a row differs from its baseline by more than chance.
func mark(r evalsuite.Row, m metrics.Measure) string {
	d, ok := r.Versus[m]
	if !ok || d.PHolm >= 0.05 {
		return "  "
	}
	sign := "+"
	if d.Delta < 0 {
		sign = "-"
	}
	if d.PHolm < 0.01 {
		return sign + sign
	}
	return sign + " "
}
