package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/search"
)

// printHits prints the hits as a table, and above it, on stderr, how they came
// about.
func printHits(streams cli.Streams, r search.Result) error {
	printAnchor(streams, r)
	columns := []cli.Column{
		{Title: "#", Right: true},
		{Title: "score", Right: true}, {Title: "source", Right: true}, {Title: "anchor", Right: true},
		{Title: "id", Max: 24}, {Title: "title", Max: 40, Flex: true}, {Title: "text", Max: 200, Flex: true},
	}
	rows := make([][]string, len(r.Hits))
	for i, hit := range r.Hits {
		anchored := "–"
		if hit.Anchor != nil {
			anchored = cosine(*hit.Anchor)
		}
		rows[i] = []string{
			strconv.Itoa(hit.Rank), cosine(hit.Score), cosine(hit.Source), anchored,
			hit.ID, hit.Title, hit.Text,
		}
	}
	return streams.Table(columns, rows)
}

// absence says why there is no anchor.
var absence = map[search.Status]string{
	search.StatusNone:         "none was given",
	search.StatusSameLanguage: "the query is in its language already",
	search.StatusTimeout:      "the translator took too long",
	search.StatusUnavailable:  "it could not be had",
	search.StatusRefused:      "what came back does not fit the query",
}

func printAnchor(streams cli.Streams, r search.Result) {
	if d := r.Detected; d != nil && d.Reason != "only" {
		fmt.Fprintf(streams.Stderr, "%s: language %s, by its %s (%.0f%% sure)\n", name, d.Lang, d.Reason, 100*d.Confidence)
	}
	proven := "proven to be the top " + strconv.Itoa(r.TopK)
	if !r.Certified {
		proven = fmt.Sprintf("not proven complete at depth %d", r.Depth)
	}
	if r.Anchor.Agreement == nil {
		fmt.Fprintf(streams.Stderr, "%s: no anchor: %s; %s\n", name, absence[r.Anchor.Status], proven)
		return
	}
	fmt.Fprintf(streams.Stderr, "%s: anchor (%s, %s): %s; agreement %s, λ = %g; %s\n",
		name, r.Anchor.Lang, r.Anchor.Origin, cli.Clean(r.Anchor.Text), cosine(*r.Anchor.Agreement), r.Lambda, proven)
}

// compare prints the rankings of the source query, of the anchor query and of
// both side by side.
func compare(ctx context.Context, streams cli.Streams, searcher *search.Searcher, p *search.Prepared, fused search.Result) error {
	if fused.Anchor.Agreement == nil {
		return printHits(streams, fused)
	}
	rankings := make([]search.Result, 3)
	for i, lambda := range []float64{1, 0} {
		var err error
		if rankings[i], err = searcher.Answer(ctx, p.At(lambda)); err != nil {
			return err
		}
	}
	rankings[2] = fused
	printAnchor(streams, fused)
	columns := []cli.Column{{Title: "#", Right: true}}
	for _, title := range []string{"source only", "anchor only", fmt.Sprintf("both, λ = %g", fused.Lambda)} {
		columns = append(columns, cli.Column{Title: title, Flex: true})
	}
	rows := make([][]string, len(fused.Hits))
	for i := range rows {
		rows[i] = []string{strconv.Itoa(i + 1)}
		for _, r := range rankings {
			cell := ""
			if i < len(r.Hits) {
				cell = cosine(r.Hits[i].Score) + " " + r.Hits[i].ID
			}
			rows[i] = append(rows[i], cell)
		}
	}
	return streams.Table(columns, rows)
}

func cosine(c float64) string { return strconv.FormatFloat(c, 'f', 4, 64) }
