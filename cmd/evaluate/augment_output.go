package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// printAugmented prints rows about augmented passages and, for people, the table
// of Query-Synergy and augmentation. rivals compare texts with the first, and may
// be nil.
func (o output) printAugmented(streams cli.Streams, baseline string, measures []metrics.Measure, r, rivals *evalsuite.Result) error {
	switch {
	case o.JSON && rivals != nil:
		return json.NewEncoder(streams.Stdout).Encode(struct {
			jsonRows
			Rivals     []evalsuite.Row `json:"rivals"`
			RivalMeans []evalsuite.Row `json:"rival_means,omitempty"`
		}{rowsOf(r), rivals.Rows, rivals.Means})
	case o.JSON || o.CSV:
		return o.print(streams, measures, r)
	}
	if err := o.printAgainst(streams, baseline, measures, r); err != nil {
		return err
	}
	if rivals != nil {
		if _, err := fmt.Fprintln(streams.Stdout, "\nText against text, each held out:"); err != nil {
			return err
		}
		first := rivals.Rows[0].Texts.String()
		if err := o.printAgainst(streams, "the same method with "+first, measures, rivals); err != nil {
			return err
		}
	}
	return printSquare(streams, measures[0], r)
}

// squareRow is a line of the table of Query-Synergy and augmentation.
type squareRow struct {
	name           string
	source, anchor *evalsuite.Row
}

// printSquare prints the table of Query-Synergy × augmentation: what passages
// know by what is asked, in one measure, for the mean where there is one.
func printSquare(streams cli.Streams, m metrics.Measure, r *evalsuite.Result) error {
	shown := r.Means
	if len(shown) == 0 {
		shown = r.Rows
	}
	var lines []squareRow
	place := func(name string) *squareRow {
		i := slices.IndexFunc(lines, func(l squareRow) bool { return l.name == name })
		if i < 0 {
			i, lines = len(lines), append(lines, squareRow{name: name})
		}
		return &lines[i]
	}
	for i := range shown {
		row := &shown[i]
		line := place(squareName(shown, *row))
		switch row.Method {
		case evalsuite.SourceOnly, evalsuite.SourceOnly + evalsuite.WithHub, evalsuite.XQG, evalsuite.XQG + evalsuite.WithHub:
			line.source = row
		default:
			line.anchor = row
		}
	}
	columns := []cli.Column{
		{Title: m.String() + ", " + shown[0].Lang},
		{Title: "source  ", Right: true}, {Title: "p", Right: true}, {Title: "query-synergy  ", Right: true}, {Title: "p", Right: true},
	}
	value := func(row *evalsuite.Row) (figure, p string) {
		if row == nil {
			return "", ""
		}
		if d, ok := row.Versus[m]; ok {
			p = strconv.FormatFloat(d.PHolm, 'f', 3, 64)
		}
		return strconv.FormatFloat(100*row.Metrics[m], 'f', 2, 64) + mark(*row, m), p
	}
	var cells [][]string
	for _, l := range lines {
		source, p := value(l.source)
		anchored, anchoredP := value(l.anchor)
		cells = append(cells, []string{l.name, source, p, anchored, anchoredP})
	}
	if _, err := fmt.Fprintln(streams.Stdout, "\nQuery-Synergy by what passages know, with p after Holm's correction:"); err != nil {
		return err
	}
	return streams.Table(columns, cells)
}

// squareName says what the passages of a row know: nothing, or texts with the α
// where it was given.
func squareName(rows []evalsuite.Row, row evalsuite.Row) string {
	tuned := slices.ContainsFunc(rows, func(r evalsuite.Row) bool { return r.Method == evalsuite.XQG })
	name := "plain"
	if row.Texts != nil {
		name = row.Texts.String()
		if !tuned {
			name += ", α " + strconv.FormatFloat(*row.Alpha, 'g', 3, 64)
		}
	}
	switch {
	case tuned && strings.HasSuffix(string(row.Method), evalsuite.WithHub):
		name += ", hub reduction"
	case !tuned && row.Hub > 0:
		name += ", hub " + strconv.FormatFloat(row.Hub, 'g', 3, 64)
	}
	return name
}
