package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/profile"
	"github.com/query-synergy/query-synergy/internal/trust"
)

// estimated is what generated queries say about a language.
type estimated struct {
	lang string
	// order has the anchors that were compared, the best first; sure is how
	// certain the first place is.
	order []evalsuite.Estimate
	sure  float64
}

// fromGenerated finds what tune finds, and the better anchor language and
// translator, from generated queries: they know their document, so nobody has to
// judge them.
func (c *tuneCommand) fromGenerated(ctx context.Context, streams cli.Streams) (err error) {
	anchorLangs, err := parseTags("--anchor-langs", c.AnchorLangs)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, streams, c.where, needs{unjudged: true, sourceAnchors: len(anchorLangs) > 0})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if len(anchorLangs) == 0 {
		anchorLangs = []string{b.anchors}
	}
	translators, err := b.addTranslators(streams, c.translations, c.Verbose)
	if err != nil {
		return err
	}
	if len(translators) == 0 {
		return cli.UsageError{Err: errors.New("--from-generated needs a translator of the generated queries: name one with --translations or TRANSLATE_API")}
	}
	var all []estimated
	for _, language := range b.spec.Langs {
		found, err := c.estimate(ctx, streams, b, language, anchorLangs, translators)
		if err != nil {
			return err
		}
		all = append(all, found)
	}
	checked, err := b.checkEstimates(ctx, all)
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := b.estimatedProfile(all, anchorLangs).Write(c.Out); err != nil {
			return err
		}
	}
	return c.printEstimates(streams, b, all, checked)
}

// estimate compares the anchors in each language by each translator.
func (c *tuneCommand) estimate(ctx context.Context, streams cli.Streams, b *bench, language string, anchorLangs, translators []string) (estimated, error) {
	set, err := b.lab.Set(language)
	if err != nil {
		return estimated{}, err
	}
	queries, err := readGenerated(set, c.FromGenerated)
	if err != nil {
		return estimated{}, err
	}
	generated, err := lab.Generated(set, queries)
	if err != nil {
		return estimated{}, err
	}
	asking := b.lab.Asking(generated)
	ranker := asking.Brute(corpus.DefaultChunking)
	var estimates []evalsuite.Estimate
	var lacking error
	for _, anchorLang := range anchorLangs {
		for _, translator := range translators {
			if anchorLang == language {
				continue
			}
			p := evalsuite.Pairing{Lang: language, AnchorLang: anchorLang, Translator: translator}
			anchors, err := asking.Anchors(ctx, p)
			if errors.Is(err, anchor.ErrNoTranslation) {
				lacking = errors.Join(lacking, err)
				continue
			}
			if err != nil {
				return estimated{}, err
			}
			if left := len(generated.Questions) - len(anchors.IDs); left > 0 {
				_, _ = fmt.Fprintf(streams.Stderr, "%s: translator %s has %d of %d generated queries in %q into %q; the others are left out\n",
					name, cli.Clean(translator), len(anchors.IDs), len(generated.Questions), language, anchorLang)
			}
			estimate, err := evalsuite.FromGenerated(ctx, b.spec, p, ranker, ranker)
			if err != nil {
				return estimated{}, err
			}
			estimates = append(estimates, estimate)
		}
	}
	if len(estimates) == 0 {
		if lacking == nil {
			lacking = cli.UsageError{Err: fmt.Errorf("--anchor-langs: the documents are in %q themselves", language)}
		}
		return estimated{}, lacking
	}
	found := estimated{lang: language}
	found.order, found.sure = evalsuite.Better(estimates)
	return found, nil
}

// checkEstimates sets the estimates beside judged questions, where there are some
// and they have been translated; nil where none can be checked.
func (b *bench) checkEstimates(ctx context.Context, all []estimated) (*evalsuite.Result, error) {
	var checked []evalsuite.Estimate
	for _, found := range all {
		set, err := b.lab.Set(found.lang)
		if err != nil {
			return nil, err
		}
		if len(set.Questions) == 0 {
			continue
		}
		for _, e := range found.order {
			_, err := b.lab.Anchors(ctx, e.Pairing)
			if errors.Is(err, anchor.ErrNoTranslation) {
				continue
			}
			if err != nil {
				return nil, err
			}
			checked = append(checked, e)
		}
	}
	if len(checked) == 0 {
		return nil, nil
	}
	return evalsuite.CheckEstimates(ctx, b.spec, checked, b.ranker, b.lab.Brute(corpus.DefaultChunking))
}

// estimatedProfile holds the advice for one anchor language, as a profile does:
// the one that comes first in most languages, of equal ones the first named.
func (b *bench) estimatedProfile(all []estimated, anchorLangs []string) *profile.Profile {
	wins := map[string]int{}
	for _, found := range all {
		wins[found.order[0].Pairing.AnchorLang]++
	}
	best := slices.MaxFunc(anchorLangs, func(a, c string) int { return wins[a] - wins[c] })
	choices, fits := map[string]evalsuite.Choice{}, map[evalsuite.Pairing]trust.Fit{}
	for _, found := range all {
		for _, e := range found.order {
			if e.Pairing.AnchorLang != best {
				continue
			}
			base := b.spec.Lambda(found.lang)
			fits[e.Pairing] = e.Fit(base)
			if _, ok := choices[found.lang]; !ok { // the best translator's
				lambda, _ := e.Advice(base)
				choices[found.lang] = evalsuite.Choice{Lambda: lambda, Questions: e.Questions}
			}
		}
	}
	p := b.profile(choices, fits)
	p.AnchorLang = best
	return p
}

// jsonEstimate is an estimate in the JSON object of tune --from-generated.
type jsonEstimate struct {
	Lang          string             `json:"lang"`
	AnchorLang    string             `json:"anchor_lang"`
	Translator    string             `json:"translator"`
	Place         int                `json:"place"`
	Verdict       evalsuite.Verdict  `json:"verdict"`
	Lambda        float64            `json:"lambda"`
	Gain          float64            `json:"gain"`
	Interval      evalsuite.Interval `json:"interval"`
	Helps         float64            `json:"helps"`
	Trust         float64            `json:"trust"`
	AdvisedLambda float64            `json:"advised_lambda"`
	AdvisedTrust  float64            `json:"advised_trust"`
	Questions     int                `json:"questions"`
}

// printEstimates prints the estimates and, where there is one, the check.
func (c *tuneCommand) printEstimates(streams cli.Streams, b *bench, all []estimated, checked *evalsuite.Result) error {
	if checked == nil {
		checked = &evalsuite.Result{Rows: []evalsuite.Row{}}
	}
	if c.CSV {
		return c.print(streams, c.Metrics, checked)
	}
	if c.JSON {
		var estimates []jsonEstimate
		for _, found := range all {
			for i, e := range found.order {
				lambda, trusted := e.Advice(b.spec.Lambda(found.lang))
				estimates = append(estimates, jsonEstimate{
					found.lang, e.Pairing.AnchorLang, e.Pairing.Translator, i + 1, e.Verdict(), e.Lambda, e.Gain, e.Interval, e.Helps,
					e.Trust.Trust, lambda, trusted, e.Questions,
				})
			}
		}
		return json.NewEncoder(streams.Stdout).Encode(struct {
			jsonRows
			Estimates []jsonEstimate `json:"estimates"`
		}{rowsOf(checked), estimates})
	}
	if len(checked.Rows) > 0 {
		if err := c.print(streams, c.Metrics, checked); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(streams.Stdout); err != nil {
			return err
		}
	}
	return printEstimates(streams, b, all)
}

const estimatesLegend = `
About generated queries, held out: the λ that they choose, what it gains over the
source alone in ndcg@10 ×100 with its 95% interval, and in how many of a hundred
resamples it gains anything. Trust is how sharp the anchors leave the rankings. The
advice is λ and trust as found where the anchor helps for certain (97.5), λ 1, the
source alone, where it does not or is not to be trusted, and where nothing is decided
the cautious rule for translators that nobody knows.
People ask otherwise than a model: what is certain here is not certain for them.
`

func printEstimates(streams cli.Streams, b *bench, all []estimated) error {
	columns := []cli.Column{
		{Title: "lang"}, {Title: "anchors"}, {Title: "by"}, {Title: "λ", Right: true}, {Title: "gain", Right: true}, {Title: "from", Right: true}, {Title: "to", Right: true},
		{Title: "helps", Right: true}, {Title: "trust", Right: true}, {Title: "n", Right: true}, {Title: "verdict"}, {Title: "advice"},
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
	var cells [][]string
	var words strings.Builder
	for _, found := range all {
		for _, e := range found.order {
			lambda, trusted := e.Advice(b.spec.Lambda(found.lang))
			advice := "λ " + number(lambda)
			if lambda < 1 {
				advice += ", trust " + number(trusted)
			}
			cells = append(cells, []string{
				found.lang, e.Pairing.AnchorLang, e.Pairing.Translator, number(e.Lambda),
				number(100 * e.Gain), number(100 * e.Interval[0]), number(100 * e.Interval[1]),
				strconv.FormatFloat(100*e.Helps, 'f', 1, 64), number(e.Trust.Trust), strconv.Itoa(e.Questions), string(e.Verdict()), advice,
			})
		}
		if len(found.order) > 1 {
			first, second := found.order[0].Pairing, found.order[1].Pairing
			certain := "not certain"
			if found.sure >= 0.975 {
				certain = "certain"
			}
			fmt.Fprintf(&words, "%s: anchors in %s by %s come before those in %s by %s, in %.1f of a hundred resamples: %s.\n",
				found.lang, first.AnchorLang, cli.Clean(first.Translator), second.AnchorLang, cli.Clean(second.Translator), 100*found.sure, certain)
		}
	}
	if err := streams.Table(columns, cells); err != nil {
		return err
	}
	if words.Len() > 0 {
		if _, err := fmt.Fprintf(streams.Stdout, "\n%s", words.String()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(streams.Stdout, estimatesLegend)
	return err
}
