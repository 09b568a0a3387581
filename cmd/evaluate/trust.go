package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/profile"
	"github.com/query-synergy/query-synergy/internal/trust"
)

type trustCommand struct {
	data
	output
	translations
	Out string `placeholder:"FILE" help:"Write the trust and the weights to this file, for query --profile. A translator is known there by the NAME of --translations."`
}

// Run finds how far each translator can be trusted in each language.
func (c *trustCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	b, err := c.open(ctx, streams, where{}, needs{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	available, err := b.translators(ctx, streams, c.translations, c.Verbose)
	if err != nil {
		return err
	}
	scores := b.lab.Brute(corpus.DefaultChunking)
	result, fits, err := evalsuite.Trust(ctx, b.spec, b.anchors, available, scores)
	if err != nil {
		return err
	}
	if c.Out != "" {
		_, choices, err := evalsuite.Tune(ctx, b.spec, b.anchors, scores)
		if err != nil {
			return err
		}
		if err := b.profile(choices, fits).Write(c.Out); err != nil {
			return err
		}
	}
	if err := c.print(streams, c.Metrics, result); err != nil || c.JSON || c.CSV {
		return err
	}
	return printFits(streams, b.spec.Langs, fits)
}

// profile holds what was found, for query.
func (b *bench) profile(choices map[string]evalsuite.Choice, fits map[evalsuite.Pairing]trust.Fit) *profile.Profile {
	p := &profile.Profile{
		Model: b.embedder.Identity().Model, AnchorLang: b.anchors, Dataset: b.spec.Dataset, Langs: map[string]profile.Tuning{},
	}
	for language, choice := range choices {
		p.Langs[language] = profile.Tuning{Lambda: choice.Lambda, Questions: choice.Questions, Translators: map[string]trust.Fit{}}
	}
	for pairing, fit := range fits {
		p.Langs[pairing.Lang].Translators[pairing.Translator] = fit
	}
	return p
}

func byTranslator(a, b evalsuite.Pairing) int { return cmp.Compare(a.Translator, b.Translator) }

const fitsLegend = `
Trust in a translator, from 0 to 1; λ of anchors that keep all their weight.
Sharpness: how far the best passage still stands out with the anchor, over how
far without; two standard errors above 0.94 earn full trust, below 0.93 none.
z: what full trust changes in ndcg@10, in standard errors; more than 1.5 counts.
`

// printFits prints, for people, what was found of each translator.
func printFits(streams cli.Streams, langs []string, fits map[evalsuite.Pairing]trust.Fit) error {
	columns := []cli.Column{
		{Title: "lang"}, {Title: "by"}, {Title: "trust", Right: true}, {Title: "λ", Right: true},
		{Title: "sharpness", Right: true}, {Title: "±", Right: true}, {Title: "z", Right: true}, {Title: "n", Right: true}, {Title: "from"},
	}
	number := func(x float64, digits int) string { return strconv.FormatFloat(x, 'f', digits, 64) }
	var cells [][]string
	for _, language := range langs {
		for _, p := range slices.SortedFunc(maps.Keys(fits), byTranslator) {
			if p.Lang != language {
				continue
			}
			fit := fits[p]
			rho, se, z := "", "", ""
			if r, e, ok := fit.Margins.Sharpness(); ok {
				rho, se = number(r, 3), number(e, 3)
			}
			if fit.Method == trust.Labels {
				z = number(fit.Z, 2)
			}
			cells = append(cells, []string{
				language, p.Translator, number(fit.Trust, 2), number(fit.Lambda, 2), rho, se, z,
				strconv.Itoa(fit.Margins.Questions), string(fit.Method),
			})
		}
	}
	if _, err := fmt.Fprintln(streams.Stdout); err != nil {
		return err
	}
	if err := streams.Table(columns, cells); err != nil {
		return err
	}
	_, err := fmt.Fprint(streams.Stdout, fitsLegend)
	return err
}
