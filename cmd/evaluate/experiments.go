package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/peers"
	"github.com/query-synergy/query-synergy/internal/setup"
	"github.com/query-synergy/query-synergy/internal/trust"
)

type tableCommand struct {
	data
	where
	output
	Runs string `placeholder:"DIR" help:"Also write the rankings as TREC run files, with the qrels, into this folder."`
	MTEB string `name:"mteb" placeholder:"DIR" help:"Also write the figures as MTEB result files into this folder."`
}

// Run compares source only, anchor only and Query-Synergy.
func (c *tableCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	b, err := c.open(ctx, streams, c.where, needs{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	result, err := evalsuite.Table(ctx, b.spec, b.anchors, b.ranker)
	if err != nil {
		return err
	}
	if c.Runs != "" {
		if err := b.writeRuns(ctx, c.Runs); err != nil {
			return err
		}
	}
	if c.MTEB != "" {
		if err := b.writeMTEB(c.MTEB, result); err != nil {
			return err
		}
	}
	return c.print(streams, c.Metrics, result)
}

type sweepCommand struct {
	data
	where
	output
	Lambdas string `default:"0:1:0.05" placeholder:"A:B:STEP" help:"Weights of the source query: a range with both ends, or a list such as 0.5,0.7 (default: ${default})."`
}

// Run measures Query-Synergy at every λ.
func (c *sweepCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	lambdas, err := parseRange(c.Lambdas)
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--lambdas: %w", err)}
	}
	b, err := c.open(ctx, streams, c.where, needs{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	result, err := evalsuite.Sweep(ctx, b.spec, b.anchors, lambdas, b.ranker)
	if err != nil {
		return err
	}
	return c.print(streams, c.Metrics, result)
}

// maxSteps bounds a range.
const maxSteps = 1001

// parseRange reads "from:to:step", with both ends, or a list of numbers, all in
// [0, 1].
func parseRange(text string) ([]float64, error) {
	var numbers []float64
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ',' })
	for _, part := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(x >= 0 && x <= 1) { // also catches NaN
			return nil, fmt.Errorf("%.40q is not a number in [0, 1]", part)
		}
		numbers = append(numbers, x)
	}
	if !strings.Contains(text, ":") {
		if len(numbers) == 0 {
			return nil, errors.New("there is no number")
		}
		return numbers, nil
	}
	if len(numbers) != 3 || strings.Contains(text, ",") || numbers[2] == 0 || numbers[1] < numbers[0] {
		return nil, fmt.Errorf("%.40q is not of the form FROM:TO:STEP, with FROM up to TO and a step above 0", text)
	}
	from, to, step := numbers[0], numbers[1], numbers[2]
	n := int(math.Floor((to-from)/step + 1e-9))
	if n >= maxSteps {
		return nil, fmt.Errorf("%.40q has more than %d steps", text, maxSteps)
	}
	all := make([]float64, n+1)
	for i := range all {
		// Rounded, so that the thirteenth step of 0.05 is 0.65 and not almost.
		all[i] = min(to, math.Round((from+float64(i)*step)*1e9)/1e9)
	}
	return all, nil
}

type matrixCommand struct {
	data
	where
	output
	AnchorLangs []string `placeholder:"TAG" help:"Anchor languages to compare (default: those of --langs, and --anchor-lang)."`
}

// Run compares anchor languages.
func (c *matrixCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	others, err := parseTags("--anchor-langs", c.AnchorLangs)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, streams, c.where, needs{langs: others, sourceAnchors: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	result, err := evalsuite.AnchorMatrix(ctx, b.spec, b.anchorLangs(others), b.ranker)
	if err != nil {
		return err
	}
	return c.print(streams, c.Metrics, result)
}

// anchorLangs returns the anchor languages to compare: the given ones, or every
// language at hand.
func (b *bench) anchorLangs(given []string) []string {
	if len(given) > 0 {
		return given
	}
	all := slices.Clone(b.spec.Langs)
	if !slices.Contains(all, b.anchors) {
		all = append(all, b.anchors)
	}
	return all
}

// translations are the flags that name translators.
type translations struct {
	Translations []string `placeholder:"NAME=FILE" sep:"none" help:"Translations by NAME, as query --anchor-file reads them. Several files may have one name."`

	config.TranslateFlags
}

type translatorsCommand struct {
	data
	where
	output
	translations
}

// Run compares the anchors of people and of translators.
func (c *translatorsCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	b, err := c.open(ctx, streams, c.where, needs{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	available, err := b.translators(ctx, streams, c.translations, c.Verbose)
	if err != nil {
		return err
	}
	result, err := evalsuite.Translators(ctx, b.spec, b.anchors, available, b.ranker)
	if err != nil {
		return err
	}
	if len(result.Rows) == 0 {
		return cli.WithHint(fmt.Errorf("there is no translation of a question in %s", strings.Join(b.spec.Langs, ", ")),
			"name files with --translations, or configure a translator")
	}
	return c.print(streams, c.Metrics, result)
}

// passageTranslators lets the lab know the translators that the flags name, and
// returns them behind the people who wrote the dataset.
func (b *bench) passageTranslators(streams cli.Streams, t translations, verbose bool) ([]string, error) {
	names, err := b.addTranslators(streams, t, verbose)
	return append([]string{evalsuite.Human}, names...), err
}

// addTranslators lets the lab know the translators that the flags name, and
// returns their names.
func (b *bench) addTranslators(streams cli.Streams, t translations, verbose bool) ([]string, error) {
	var names []string
	files := map[string]anchor.Chain{}
	for _, pair := range t.Translations {
		who, path, ok := strings.Cut(pair, "=")
		if !ok || who == "" || who == evalsuite.Human {
			return nil, cli.UsageError{Err: fmt.Errorf("--translations %.120q: want NAME=FILE, with a name other than %q", pair, evalsuite.Human)}
		}
		file, err := anchor.OpenFile(path)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, who) {
			names = append(names, who)
		}
		files[who] = append(files[who], file)
	}
	for _, who := range names {
		b.lab.AddTranslator(who, files[who])
	}
	settings, err := config.Load(config.Environ(), t.TranslateFlags)
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	live, err := setup.NewTranslator(settings.Translate, "", setup.Logger(streams.Stderr, verbose))
	if err != nil {
		return nil, err
	}
	if live != nil {
		b.closers = append(b.closers, live.Close)
		who := setup.TranslatorName(settings.Translate)
		if slices.Contains(names, who) || who == evalsuite.Human {
			return nil, cli.UsageError{Err: fmt.Errorf("--translations: %q is the name of the configured translator", who)}
		}
		names = append(names, who)
		b.lab.AddTranslator(who, live)
	}
	return names, nil
}

// translators lets the lab know the translators that the flags name, and tells
// which of them have translated questions of a language.
func (b *bench) translators(ctx context.Context, streams cli.Streams, t translations, verbose bool) (func(lang string) []string, error) {
	names, err := b.addTranslators(streams, t, verbose)
	if err != nil {
		return nil, err
	}
	known := map[string][]string{}
	for _, language := range b.spec.Langs {
		known[language] = []string{evalsuite.Human}
		for _, who := range names {
			anchors, err := b.lab.Anchors(ctx, evalsuite.Pairing{Lang: language, AnchorLang: b.anchors, Translator: who})
			switch {
			case errors.Is(err, anchor.ErrNoTranslation):
				continue
			case err != nil:
				return nil, err
			case anchors.Refused > 0:
				_, _ = fmt.Fprintf(streams.Stderr, "%s: translator %s failed on %d questions in %q, which are left out\n", name, cli.Clean(who), anchors.Refused, language)
			}
			known[language] = append(known[language], who)
		}
	}
	return func(language string) []string { return known[language] }, nil
}

type methodsCommand struct {
	data
	where
	output
	Depth int `default:"10" placeholder:"N" help:"Documents that the other fusions get from each search (default: ${default})."`
}

// Run compares with other systems' fusions.
func (c *methodsCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	if c.Depth < 1 {
		return cli.UsageError{Err: fmt.Errorf("--depth is %d, want 1 or more", c.Depth)}
	}
	b, err := c.open(ctx, streams, c.where, needs{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	result, err := evalsuite.Methods(ctx, b.spec, b.anchors, c.Depth, fusions(), b.ranker)
	if err != nil {
		return err
	}
	return c.print(streams, c.Metrics, result)
}

func fusions() []evalsuite.Fusion {
	var all []evalsuite.Fusion
	for _, f := range peers.All() {
		all = append(all, evalsuite.Fusion{Name: f.Name, Fuse: f.Fuse})
	}
	return all
}

type tuneCommand struct {
	data
	where
	output
	translations
	FromGenerated []string `placeholder:"FILE" help:"Find lambda, the trust in translators, and the better of them, without judged questions: from queries that indexer generate made for the documents, and their translations. Judged questions, if there are any, only show what came of it."`
	AnchorLangs   []string `placeholder:"TAG" help:"With --from-generated, anchor languages to choose from (default: that of --anchor-lang)."`
	Out           string   `placeholder:"FILE" help:"Write the weights to this file, for query --profile; with translators named, also how far each is trusted (see evaluate trust)."`
}

// Run finds λ for each language.
func (c *tuneCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	if len(c.FromGenerated) > 0 {
		return c.fromGenerated(ctx, streams)
	}
	if len(c.AnchorLangs) > 0 {
		return cli.UsageError{Err: errors.New("--anchor-langs is for --from-generated: judged questions compare anchor languages with evaluate matrix")}
	}
	b, err := c.open(ctx, streams, c.where, needs{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	available, err := b.translators(ctx, streams, c.translations, c.Verbose)
	if err != nil {
		return err
	}
	result, choices, err := evalsuite.Tune(ctx, b.spec, b.anchors, b.ranker)
	if err != nil {
		return err
	}
	var fits map[evalsuite.Pairing]trust.Fit
	if slices.ContainsFunc(b.spec.Langs, func(language string) bool { return len(available(language)) > 1 }) {
		_, fits, err = evalsuite.Trust(ctx, b.spec, b.anchors, available, b.lab.Brute(corpus.DefaultChunking))
		if err != nil {
			return err
		}
	}
	if c.Out != "" {
		if err := b.profile(choices, fits).Write(c.Out); err != nil {
			return err
		}
	}
	if err := c.print(streams, c.Metrics, result); err != nil || c.JSON || c.CSV || fits == nil {
		return err
	}
	return printFits(streams, b.spec.Langs, fits)
}
