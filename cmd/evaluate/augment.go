package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/anchor"
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
	translations
	Generated    []string `placeholder:"FILE" help:"Queries generated for the passages, as indexer generate writes them. Every row counts as it is, repeats too."`
	Translated   []string `placeholder:"TAG" help:"Blend in the passages' own translations into a language, or into several (en+es), as the rival of generated queries: by people, where the dataset has its documents in that language, and by each translator that is named."`
	PassagesLang string   `name:"passages-lang" placeholder:"TAG" help:"Ask the questions of the passages in this language, whose documents must have the same ids (default: the questions' own)."`
	Mode         string   `enum:"blend,multi" default:"blend" help:"blend is one vector a passage, with all its queries in it; multi a vector for each query, of which the best counts (default: ${default})."`
	Queries      []int    `short:"n" placeholder:"N" help:"Take a passage's first N queries in each language; several numbers are compared (default: all)."`
	QueryLangs   []string `placeholder:"TAG" help:"Take the queries in a language, or in several (en+es); several of these are compared (default: all)."`
	EachModel    bool     `help:"Compare the models that generated the queries, by their rows' model or else their file's name."`
	Alphas       string   `xor:"alphas" placeholder:"A,B" help:"Weights of the queries: a list, or a range with both ends such as 0:0.1:0.01 (default: 0,0.005,0.01,0.02,0.03,0.05,0.1,0.2)."`
	Hub          float64  `xor:"hub" placeholder:"B" help:"Lower a passage by so many times its mean score for the queries generated for others, in the anchors' language where there are any (default: 0)."`
	Tune         bool     `xor:"alphas,hub" help:"Choose lambda, alpha and hub instead, and judge each choice on questions it has not seen."`
	TextsOut     string   `placeholder:"FILE" help:"Also write the translations that are blended in as rows that indexer --augment and --generated read; for one language of passages."`
}

// defaultAlphas are those of --alphas. Beyond them, retrieval only gets worse.
const defaultAlphas = "0,0.005,0.01,0.02,0.03,0.05,0.1,0.2"

// maxHub is far beyond what helps.
const maxHub = 10

// Run measures passages that know their queries, or their translations.
func (c *augmentCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	alphas, err := c.check()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	n := needs{}
	if c.PassagesLang != "" {
		if n.documents, err = lang.Parse(c.PassagesLang); err != nil {
			return cli.UsageError{Err: fmt.Errorf("--passages-lang: %w", err)}
		}
		n.langs = []string{n.documents}
	}
	translated, err := parseTagSets("--translated", c.Translated)
	if err != nil {
		return err
	}
	n.others = slices.Concat(translated...)
	b, err := c.open(ctx, streams, where{}, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.spec.PassagesLang = n.documents
	all, err := c.augmentations(ctx, streams, b, n.documents, translated)
	if err != nil {
		return err
	}
	if c.TextsOut != "" {
		if err := writeTexts(c.TextsOut, all); err != nil {
			return err
		}
	}
	rankers, err := b.augmentRankers(ctx, streams, all)
	if err != nil {
		return err
	}
	if c.Tune {
		tuned, err := evalsuite.AugmentTune(ctx, b.spec, b.anchors, rankers...)
		if err != nil {
			return err
		}
		return c.printAugmented(streams, "query-synergy on plain passages", c.Metrics, tuned.Result, tuned.Rivals)
	}
	result, err := evalsuite.Augment(ctx, b.spec, b.anchors, alphas, c.Hub, rankers...)
	if err != nil {
		return err
	}
	return c.printAugmented(streams, "the same method with α and hub 0", c.Metrics, result, nil)
}

// check returns the α, and an error for flags that make no sense.
func (c *augmentCommand) check() ([]float64, error) {
	alphas, err := parseRange(cmp.Or(c.Alphas, defaultAlphas))
	if err != nil {
		return nil, fmt.Errorf("--alphas: %w", err)
	}
	if !(c.Hub >= 0 && c.Hub <= maxHub) {
		return nil, fmt.Errorf("--hub is %v, want 0 to %d", c.Hub, maxHub)
	}
	for _, n := range c.Queries {
		if n < 1 {
			return nil, fmt.Errorf("-n is %d, want 1 or more", n)
		}
	}
	switch {
	case len(c.Generated) == 0 && len(c.Translated) == 0:
		return nil, errors.New("nothing to blend in: name files of queries with --generated, or languages with --translated")
	case len(c.Generated) == 0 && c.Hub > 0:
		return nil, errors.New("--hub needs --generated: generated queries show which passages are near to everything")
	case c.TextsOut != "" && len(c.Translated) != 1:
		return nil, errors.New("--texts-out writes one translation of the passages: name its language with --translated")
	}
	return alphas, nil
}

// parseTagSets reads items such as "en" and "en+es".
func parseTagSets(flag string, items []string) ([][]string, error) {
	var sets [][]string
	for _, item := range items {
		tags, err := parseTags(flag, strings.Split(item, "+"))
		if err != nil {
			return nil, err
		}
		sets = append(sets, tags)
	}
	return sets, nil
}

// augmentations returns what is compared: the queries first, then translations.
func (c *augmentCommand) augmentations(ctx context.Context, streams cli.Streams, b *bench, documents string, translated [][]string) ([]lab.Augmentation, error) {
	// Where a row counts documents, parallel languages have the same order.
	set, err := b.lab.Set(cmp.Or(documents, b.spec.Langs[0]))
	if err != nil {
		return nil, err
	}
	queries, err := c.queries(set)
	if err != nil {
		return nil, err
	}
	base := lab.Augmentation{Mode: evalsuite.Mode(c.Mode), Documents: documents, Bank: augment.HubBank(queries, b.anchors)}
	all, err := c.queryAugmentations(base, queries)
	if err != nil || len(translated) == 0 {
		return all, err
	}
	translators, err := b.passageTranslators(streams, c.translations, c.Verbose)
	if err != nil {
		return nil, err
	}
	for _, langs := range translated {
		found, err := b.translatedAugmentations(ctx, streams, base, langs, translators)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// queries reads the generated queries. Those that name no model bear the name of
// their file.
func (c *augmentCommand) queries(set *dataset.Set) ([]augment.Query, error) {
	var all []augment.Query
	for _, path := range c.Generated {
		queries, err := readGenerated(set, []string{path})
		if err != nil {
			return nil, err
		}
		name := filepath.Base(path)
		for i := range queries {
			queries[i].Model = cmp.Or(queries[i].Model, strings.TrimSuffix(name, filepath.Ext(name)))
		}
		all = append(all, queries...)
	}
	if len(all) == 0 && len(c.Generated) > 0 {
		return nil, fmt.Errorf("there is no generated query in %q", c.Generated)
	}
	return all, nil
}

// queryAugmentations returns one augmentation for each number of queries, set of
// languages and, if asked for, model.
func (c *augmentCommand) queryAugmentations(base lab.Augmentation, queries []augment.Query) ([]lab.Augmentation, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	langs, err := parseTagSets("--query-langs", c.QueryLangs)
	if err != nil {
		return nil, err
	}
	numbers, models := c.Queries, [][]augment.Query{queries}
	if len(numbers) == 0 {
		numbers = []int{0}
	}
	if len(langs) == 0 {
		langs = [][]string{nil}
	}
	if c.EachModel {
		models = nil
		for _, model := range writers(queries) {
			models = append(models, slices.DeleteFunc(slices.Clone(queries), func(q augment.Query) bool { return q.Model != model }))
		}
	}
	var all []lab.Augmentation
	for _, of := range models {
		for _, tags := range langs {
			for _, n := range numbers {
				with := base
				if with.Queries = augment.Select(of, tags, n); len(with.Queries) == 0 {
					return nil, fmt.Errorf("there is no generated query in %s by %s", strings.Join(tags, "+"), strings.Join(writers(of), "+"))
				}
				with.Texts = evalsuite.Texts{Kind: evalsuite.GeneratedQueries, Langs: languagesOf(with.Queries), By: writers(with.Queries), PerPassage: n}
				all = append(all, with)
			}
		}
	}
	return all, nil
}

// writers returns who wrote texts, in the order in which they first did.
func writers(texts []augment.Query) []string {
	return distinct(texts, func(q augment.Query) string { return q.Model })
}

func languagesOf(texts []augment.Query) []string {
	return distinct(texts, func(q augment.Query) string { return q.Lang })
}

func distinct(texts []augment.Query, name func(augment.Query) string) []string {
	var all []string
	seen := map[string]bool{}
	for _, q := range texts {
		if n := name(q); !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	return all
}

// translatedAugmentations returns an augmentation for each translator that has
// translated all documents into these languages. The documents' own language is
// left out where it is one of them.
func (b *bench) translatedAugmentations(ctx context.Context, streams cli.Streams, base lab.Augmentation, langs, translators []string) ([]lab.Augmentation, error) {
	from := b.spec.Langs
	if base.Documents != "" {
		from = []string{base.Documents}
	}
	var all []lab.Augmentation
	var lacking error
	for _, who := range translators {
		with := base
		with.Texts = evalsuite.Texts{Kind: evalsuite.PassageTranslations, Langs: langs, By: []string{who}}
		with.Translations = map[string][]augment.Query{}
		lacks := error(nil)
		for _, source := range from {
			for _, to := range langs {
				if to == source {
					continue
				}
				texts, missing, err := b.translatedPassages(ctx, source, to, who)
				if errors.Is(err, anchor.ErrNoTranslation) {
					lacks = err
					continue
				}
				if err != nil {
					return nil, err
				}
				if missing > 0 {
					_, _ = fmt.Fprintf(streams.Stderr, "%s: %d passages in %q have no translation into %q by %s, and get the mean of the others'\n", name, missing, source, to, cli.Clean(who))
				}
				with.Translations[source] = append(with.Translations[source], texts...)
			}
			if lacks == nil && len(with.Translations[source]) == 0 {
				return nil, cli.UsageError{Err: fmt.Errorf("--translated: the passages are in %q already", source)}
			}
		}
		if lacks != nil {
			lacking = errors.Join(lacking, lacks)
			continue
		}
		all = append(all, with)
	}
	if len(all) == 0 {
		return nil, cli.WithHint(lacking, "name files of translated passages with --translations, or configure a translator")
	}
	return all, nil
}

// translatedPassages is lab.Translations, for which nobody has translated what
// the dataset has not.
func (b *bench) translatedPassages(ctx context.Context, from, to, who string) ([]augment.Query, int, error) {
	if who == evalsuite.Human {
		if _, err := b.lab.Set(to); err != nil {
			return nil, 0, fmt.Errorf("dataset %s has no documents in %q: %w", b.spec.Dataset, to, anchor.ErrNoTranslation)
		}
	}
	return b.lab.Translations(ctx, corpus.DefaultChunking, from, to, who)
}

// embedTexts has embedded what passages are to know.
func (b *bench) embedTexts(ctx context.Context, streams cli.Streams, with lab.Augmentation) error {
	var queries, translations []string
	for _, q := range slices.Concat(with.Queries, with.Bank) {
		queries = append(queries, q.Text)
	}
	for _, source := range slices.Sorted(maps.Keys(with.Translations)) {
		for _, t := range with.Translations[source] {
			translations = append(translations, t.Text)
		}
	}
	if err := b.embedShown(ctx, streams, "generated queries", embedding.Query, queries); err != nil {
		return err
	}
	return b.embedShown(ctx, streams, "translations", embedding.Passage, translations)
}

// writeTexts writes the translations that are compared as rows of queries.
func writeTexts(path string, all []lab.Augmentation) error {
	var texts []augment.Query
	translations := 0
	for _, with := range all {
		for _, found := range with.Translations {
			texts = found
			translations++
		}
	}
	if translations != 1 {
		return cli.UsageError{Err: fmt.Errorf("--texts-out writes one translation of the passages, and there are %d: name one language of passages, and of translators only one", translations)}
	}
	return writeFile(path, func(w io.Writer) error {
		var rows []byte
		for _, t := range texts {
			rows = t.Append(rows)
		}
		_, err := w.Write(rows)
		return err
	})
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
