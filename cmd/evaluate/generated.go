package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/lab"
)

// fromGenerated finds λ from generated queries: they know their document, so
// nobody has to judge them.
func (c *tuneCommand) fromGenerated(ctx context.Context, streams cli.Streams, b *bench, available func(lang string) []string) error {
	translator, err := c.translator(b, available)
	if err != nil {
		return err
	}
	estimates, choices := map[string]evalsuite.Estimate{}, map[string]evalsuite.Choice{}
	for _, language := range b.spec.Langs {
		set, err := b.lab.Set(language)
		if err != nil {
			return err
		}
		queries, err := readGenerated(set, c.FromGenerated)
		if err != nil {
			return err
		}
		generated, err := lab.Generated(set, queries)
		if err != nil {
			return err
		}
		ranker := b.lab.Asking(generated).Brute(corpus.DefaultChunking)
		p := evalsuite.Pairing{Lang: language, AnchorLang: b.anchors, Translator: translator}
		estimate, err := evalsuite.FromGenerated(ctx, p, ranker)
		if err != nil {
			return err
		}
		estimates[language] = estimate
		choices[language] = evalsuite.Choice{Lambda: estimate.Lambda, Questions: estimate.Questions}
	}
	result, err := evalsuite.CheckEstimates(ctx, b.spec, b.anchors, translator, estimates, b.ranker)
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := b.profile(choices, nil).Write(c.Out); err != nil {
			return err
		}
	}
	if err := c.print(streams, c.Metrics, result); err != nil || c.JSON || c.CSV {
		return err
	}
	return printEstimates(streams, b.spec.Langs, estimates)
}

// translator returns the one translator beside people that every language has.
func (c *tuneCommand) translator(b *bench, available func(lang string) []string) (string, error) {
	var found []string
	for i, language := range b.spec.Langs {
		names := slices.DeleteFunc(slices.Clone(available(language)), func(name string) bool { return name == evalsuite.Human })
		if i == 0 {
			found = names
		}
		found = slices.DeleteFunc(found, func(name string) bool { return !slices.Contains(names, name) })
	}
	if len(found) != 1 {
		return "", cli.UsageError{Err: fmt.Errorf("--from-generated takes one translator that serves every language, and there are %d: name one with --translations or TRANSLATE_API", len(found))}
	}
	return found[0], nil
}

const estimatesLegend = `
From generated queries: the best λ in ndcg@10, and the largest within one standard
error of it, which is taken: generated queries flatter the anchor. Helps: in how
many of a hundred resamples some anchor weight beats the source alone; below 95, do
without the anchor until somebody has judged questions.
`

func printEstimates(streams cli.Streams, langs []string, estimates map[string]evalsuite.Estimate) error {
	columns := []cli.Column{
		{Title: "lang"}, {Title: "best λ", Right: true}, {Title: "λ taken", Right: true}, {Title: "helps", Right: true}, {Title: "n", Right: true},
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
	var cells [][]string
	for _, language := range langs {
		e := estimates[language]
		cells = append(cells, []string{language, number(e.Best), number(e.Lambda), strconv.FormatFloat(100*e.Helps, 'f', 0, 64), strconv.Itoa(e.Questions)})
	}
	if _, err := fmt.Fprintln(streams.Stdout); err != nil {
		return err
	}
	if err := streams.Table(columns, cells); err != nil {
		return err
	}
	_, err := fmt.Fprint(streams.Stdout, estimatesLegend)
	return err
}
