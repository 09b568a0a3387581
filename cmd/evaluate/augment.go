package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/lang"
)

type augmentCommand struct {
	data
	output
	Generated    []string `required:"" placeholder:"FILE" help:"Queries generated for the passages, as indexer generate writes them. Every row counts as it is, repeats too."`
	PassagesLang string   `name:"passages-lang" placeholder:"TAG" help:"Ask the questions of the passages in this language, whose documents must have the same ids (default: the questions' own)."`
	Mode         string   `enum:"blend,multi" default:"blend" help:"blend is one vector a passage, with all its queries in it; multi a vector for each query, of which the best counts (default: ${default})."`
	Queries      int      `short:"n" placeholder:"N" help:"Take a passage's first N queries in each language (default: all)."`
	Alphas       string   `xor:"alphas" placeholder:"A,B" help:"Weights of the queries: a list, or a range with both ends such as 0:0.1:0.01 (default: 0,0.005,0.01,0.02,0.03,0.05,0.1,0.2)."`
	Hub          float64  `xor:"hub" placeholder:"B" help:"Lower a passage by so many times its mean score for the queries generated for others, in the anchors' language where there are any (default: 0)."`
	Tune         bool     `xor:"alphas,hub" help:"Choose lambda, alpha and hub instead, and judge each choice on questions it has not seen."`
}

// defaultAlphas are those of --alphas. Beyond them, retrieval only gets worse.
const defaultAlphas = "0,0.005,0.01,0.02,0.03,0.05,0.1,0.2"

// maxHub is far beyond what helps.
const maxHub = 10

// Run measures passages that know their queries.
func (c *augmentCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	alphas, err := parseRange(cmp.Or(c.Alphas, defaultAlphas))
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--alphas: %w", err)}
	}
	if !(c.Hub >= 0 && c.Hub <= maxHub) {
		return cli.UsageError{Err: fmt.Errorf("--hub is %v, want 0 to %d", c.Hub, maxHub)}
	}
	if c.Queries < 0 {
		return cli.UsageError{Err: fmt.Errorf("-n is %d, want 1 or more", c.Queries)}
	}
	n := needs{}
	if c.PassagesLang != "" {
		if n.documents, err = lang.Parse(c.PassagesLang); err != nil {
			return cli.UsageError{Err: fmt.Errorf("--passages-lang: %w", err)}
		}
		n.langs = []string{n.documents}
	}
	b, err := c.open(ctx, streams, where{}, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.spec.PassagesLang = n.documents
	with, err := c.augmentation(b, n.documents)
	if err != nil {
		return err
	}
	var texts []string
	for _, q := range slices.Concat(with.Queries, with.Bank) {
		texts = append(texts, q.Text)
	}
	if err := b.embedShown(ctx, streams, "generated queries", embedding.Query, texts); err != nil {
		return err
	}
	ranker := b.lab.Augmented(corpus.DefaultChunking, with)
	if c.Tune {
		result, err := evalsuite.AugmentTune(ctx, b.spec, b.anchors, ranker)
		if err != nil {
			return err
		}
		return c.print(streams, c.Metrics, result)
	}
	result, err := evalsuite.Augment(ctx, b.spec, b.anchors, alphas, c.Hub, ranker)
	if err != nil {
		return err
	}
	return c.printAgainst(streams, "the same method with α and hub 0", c.Metrics, result)
}

// augmentation reads the generated queries.
func (c *augmentCommand) augmentation(b *bench, documents string) (lab.Augmentation, error) {
	with := lab.Augmentation{Mode: evalsuite.Mode(c.Mode), Documents: documents}
	// Where a row counts documents, parallel languages have the same order.
	set, err := b.lab.Set(cmp.Or(documents, b.spec.Langs[0]))
	if err != nil {
		return with, err
	}
	all, err := readGenerated(set, c.Generated)
	if err != nil {
		return with, err
	}
	if len(all) == 0 {
		return with, fmt.Errorf("there is no generated query in %q", c.Generated)
	}
	with.Queries = augment.Select(all, nil, c.Queries)
	with.Bank = augment.HubBank(all, b.anchors)
	return with, nil
}

// readGenerated reads files of queries that were generated for the documents of
// a set.
func readGenerated(set *dataset.Set, paths []string) ([]augment.Query, error) {
	ids := make([]string, len(set.Documents))
	for i, d := range set.Documents {
		ids[i] = d.ID
	}
	var all []augment.Query
	for _, path := range paths {
		queries, err := augment.ReadFile(path, ids)
		if err != nil {
			return nil, err
		}
		all = append(all, queries...)
	}
	return all, nil
}
