package main

import (
	"fmt"
	"slices"
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
	hubs := slices.ContainsFunc(r.Hits, func(h search.Hit) bool { return h.Hub != nil })
	if hubs {
		columns = slices.Insert(columns, 4, cli.Column{Title: "hub", Right: true})
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
		if hubs {
			rows[i] = slices.Insert(rows[i], 4, hub(hit))
		}
	}
	return streams.Table(columns, rows)
}

// hub returns what a hit's hubness took off; indexes of other languages may have
// none.
func hub(h search.Hit) string {
	if h.Hub == nil {
		return "–"
	}
	return cosine(-*h.Hub)
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
		fmt.Fprintf(streams.Stderr, "%s: no anchor: %s; %s\n", name, r.Anchor.Status.Absence(), proven)
		return
	}
	worth := ""
	if j := r.Anchor.Judgement; j != nil {
		worth = fmt.Sprintf(", keeps %.0f%% of its weight (correlation %.2f, trust %.2f)", 100*j.Weight, j.Correlation, j.Trust)
	}
	fmt.Fprintf(streams.Stderr, "%s: anchor (%s, %s): %s; agreement %s, λ = %.4g%s; %s\n",
		name, r.Anchor.Lang, r.Anchor.Origin, cli.Clean(r.Anchor.Text), cosine(*r.Anchor.Agreement), r.Lambda, worth, proven)
}

// printExplanation prints how the ranking came about: on stderr the searches, on
// stdout what each hit's score is made of and where each query alone has it.
func printExplanation(streams cli.Streams, r search.Result) error {
	printAnchor(streams, r)
	for _, s := range r.Explain.Searches {
		bound := "the lists hold the whole index"
		if s.Threshold != nil {
			bound = "whatever was not found scores at most " + cosine(*s.Threshold)
		}
		fmt.Fprintf(streams.Stderr, "%s: %s: %d rounds, %s; vectors as %s\n", name, s.Lang, s.Rounds, bound, s.Datatype)
		for _, list := range s.Lists {
			fmt.Fprintf(streams.Stderr, "%s: %s: %s: %d of %d passages, the last with %s\n", name, s.Lang, list.Query, list.Found, list.Asked, cosine(list.Last))
		}
	}
	t := r.Timings
	fmt.Fprintf(streams.Stderr, "%s: %.1f ms: translate %.1f, embed %.1f, search %.1f, fuse %.1f\n", name, t.Total, t.Translate, t.Embed, t.Search, t.Fuse)
	columns := []cli.Column{{Title: "#", Right: true}, {Title: "score", Right: true}}
	names := []string{"source"}
	if r.Anchor.Agreement != nil {
		names = append(names, "anchor")
	}
	for _, more := range r.More {
		names = append(names, "anchor "+more.Lang)
	}
	for _, title := range names {
		columns = append(columns, cli.Column{Title: "from " + title, Right: true}, cli.Column{Title: "rank", Right: true})
	}
	hubs := slices.ContainsFunc(r.Hits, func(h search.Hit) bool { return h.Hub != nil })
	if hubs {
		columns = append(columns, cli.Column{Title: "hub", Right: true})
	}
	columns = append(columns, cli.Column{Title: "id", Max: 24}, cli.Column{Title: "title", Max: 40, Flex: true})
	rows := make([][]string, len(r.Hits))
	for i, hit := range r.Hits {
		rows[i] = []string{strconv.Itoa(hit.Rank), cosine(hit.Score)}
		for leg := range names {
			rank := "–"
			if n := hit.Explain.Ranks[leg]; n > 0 {
				rank = strconv.Itoa(n)
			}
			rows[i] = append(rows[i], cosine(hit.Explain.Shares[leg]), rank)
		}
		if hubs {
			rows[i] = append(rows[i], hub(hit))
		}
		rows[i] = append(rows[i], hit.ID, hit.Title)
	}
	return streams.Table(columns, rows)
}

// printComparison prints the rankings of the source query, of the anchor query
// and of both side by side.
func printComparison(streams cli.Streams, fused search.Result) error {
	if fused.Compare == nil {
		return printHits(streams, fused)
	}
	printAnchor(streams, fused)
	columns := []cli.Column{{Title: "#", Right: true}}
	for _, title := range []string{"source only", "anchor only", fmt.Sprintf("both, λ = %g", fused.Lambda)} {
		columns = append(columns, cli.Column{Title: title, Flex: true})
	}
	rows := make([][]string, len(fused.Hits))
	for i := range rows {
		rows[i] = []string{strconv.Itoa(i + 1)}
		for _, hits := range [][]search.Hit{fused.Compare.Source, fused.Compare.Anchor, fused.Hits} {
			cell := ""
			if i < len(hits) {
				cell = cosine(hits[i].Score) + " " + hits[i].ID
			}
			rows[i] = append(rows[i], cell)
		}
	}
	return streams.Table(columns, rows)
}

func cosine(c float64) string { return strconv.FormatFloat(c, 'f', 4, 64) }
