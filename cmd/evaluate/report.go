package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/peers"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
)

type reportCommand struct {
	data
	where
	translations
	AnchorLangs []string `placeholder:"TAG" help:"Anchor languages to compare (default: those of --langs, and --anchor-lang)."`
	Generated   []string `placeholder:"FILE" help:"Queries generated for the passages, to measure what passages gain that know them (see evaluate augment)."`
	Translated  []string `placeholder:"TAG" help:"Measure beside them the passages' own translations into a language, or several (en+es), where the dataset has its documents in it."`
	Out         string   `required:"" placeholder:"DIR" help:"Folder to write report.html, report.md and their CSV files to."`
}

// The report's grid of λ, and how deep the other fusions look.
const (
	reportSteps = 20
	reportDepth = 10
)

// Run runs every experiment.
func (c *reportCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	others, err := parseTags("--anchor-langs", c.AnchorLangs)
	if err != nil {
		return err
	}
	translated, err := parseTagSets("--translated", c.Translated)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, streams, c.where, needs{langs: others, others: slices.Concat(translated...)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	available, err := b.translators(ctx, streams, c.translations, c.Verbose)
	if err != nil {
		return err
	}
	facts, err := b.facts(c.Translations, c.Generated)
	if err != nil {
		return err
	}
	in := report.Input{
		Title:    "Query-Synergy on " + c.Dataset,
		Measures: c.Metrics, Paper: published.QuerySynergy(),
		Facts: facts, Program: cli.Version(), Command: c.command(), Depth: reportDepth,
	}
	for _, f := range peers.All() {
		in.Fusions = append(in.Fusions, report.Fact{Name: f.Name, Value: f.Doc})
	}
	lambdas := make([]float64, reportSteps+1)
	for i := range lambdas {
		lambdas[i] = float64(i) / reportSteps
	}
	var augmenting augmentCommand
	if len(c.Generated) > 0 || len(c.Translated) > 0 {
		in.Augmentation = &report.Augmentation{}
		augmenting = augmentCommand{data: c.data, Generated: c.Generated, Translated: c.Translated}
	}
	type experiment struct {
		name string
		into **evalsuite.Result
		run  func() (*evalsuite.Result, error)
	}
	experiments := []experiment{
		{"table", &in.Table, func() (*evalsuite.Result, error) { return evalsuite.Table(ctx, b.spec, b.anchors, b.ranker) }},
		{"sweep", &in.Sweep, func() (*evalsuite.Result, error) { return evalsuite.Sweep(ctx, b.spec, b.anchors, lambdas, b.ranker) }},
		{"tune", &in.Tune, func() (*evalsuite.Result, error) {
			result, _, err := evalsuite.Tune(ctx, b.spec, b.anchors, b.ranker)
			return result, err
		}},
		{"anchor languages", &in.AnchorMatrix, func() (*evalsuite.Result, error) {
			return evalsuite.AnchorMatrix(ctx, b.spec, b.anchorLangs(others), b.ranker)
		}},
		{"anchor languages at equal weights", &in.EqualMatrix, func() (*evalsuite.Result, error) {
			spec := b.spec
			spec.Lambda = func(string) float64 { return report.EqualWeights }
			return evalsuite.AnchorMatrix(ctx, spec, b.anchorLangs(others), b.ranker)
		}},
		{"translators", &in.Translators, func() (*evalsuite.Result, error) {
			return evalsuite.Translators(ctx, b.spec, b.anchors, available, b.ranker)
		}},
		{"methods", &in.Methods, func() (*evalsuite.Result, error) {
			return evalsuite.Methods(ctx, b.spec, b.anchors, reportDepth, fusions(), b.ranker)
		}},
	}
	if in.Augmentation != nil {
		experiments = append(experiments, experiment{"passages that know texts", new(*evalsuite.Result), func() (*evalsuite.Result, error) {
			return nil, augmenting.report(ctx, streams, b, translated, in.Augmentation)
		}})
	}
	progress := streams.Progress("experiments", int64(len(experiments)), cli.Items)
	defer progress.Close()
	for _, e := range experiments {
		if *e.into, err = e.run(); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		progress.Add(1)
	}
	if len(in.Translators.Rows) == 0 {
		in.Translators = nil
	}
	if in.Movers, err = b.movers(ctx, available); err != nil {
		return err
	}
	return report.Write(c.Out, in)
}

// facts are what the figures depend on.
func (b *bench) facts(translations, generated []string) ([]report.Fact, error) {
	id := b.embedder.Identity()
	facts := []report.Fact{
		{Name: "model", Value: id.Model}, {Name: "dimensions", Value: strconv.Itoa(id.Dimensions)},
		{Name: "query prefix", Value: strconv.Quote(id.QueryPrefix)}, {Name: "passage prefix", Value: strconv.Quote(id.PassagePrefix)},
		{Name: "query fields", Value: id.QueryBody}, {Name: "passage fields", Value: id.PassageBody},
	}
	for _, set := range b.sets {
		if slices.Contains(b.spec.Langs, set.Lang) {
			facts = append(facts, report.Fact{Name: "documents to rank, " + set.Lang, Value: strconv.Itoa(len(set.Documents))})
		}
	}
	var files []dataset.File
	for _, set := range b.sets {
		files = append(files, set.Files...)
	}
	paths := slices.Clone(generated)
	for _, pair := range translations {
		_, path, _ := strings.Cut(pair, "=")
		paths = append(paths, path)
	}
	for _, path := range paths {
		file, err := dataset.Identify(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	for _, f := range files {
		facts = append(facts, report.Fact{Name: f.Path, Value: fmt.Sprintf("%d bytes, SHA-256 %s", f.Bytes, f.SHA256)})
	}
	return slices.DeleteFunc(facts, func(f report.Fact) bool { return f.Value == "" }), nil
}

// plainWord matches what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// command is the command line that writes the report again, but for the
// environment and what says where the model is.
func (c *reportCommand) command() string {
	line := []string{name, "report", "--dataset", c.Dataset, "--data", c.Data, "--langs", strings.Join(c.Langs, ",")}
	if len(c.AnchorLangs) > 0 {
		line = append(line, "--anchor-langs", strings.Join(c.AnchorLangs, ","))
	}
	for _, flag := range []struct {
		name  string
		value *string
	}{
		{"--anchor-lang", c.AnchorLang}, {"--lambda", c.Lambda}, {"--profile", c.Profile}, {"--model", c.EmbeddingFlags.Model},
		{"--store", c.Store}, {"--store-path", c.StorePath},
	} {
		if flag.value != nil {
			line = append(line, flag.name, *flag.value)
		}
	}
	if c.Corpus != "" {
		line = append(line, "--corpus", c.Corpus)
	}
	var measures []string
	for _, m := range c.Metrics {
		measures = append(measures, m.String())
	}
	line = append(line, "--metrics", strings.Join(measures, ","))
	for _, t := range c.Translations {
		line = append(line, "--translations", t)
	}
	for _, path := range c.Generated {
		line = append(line, "--generated", path)
	}
	for _, tags := range c.Translated {
		line = append(line, "--translated", tags)
	}
	line = append(line, "--out", c.Out)
	for i, word := range line {
		if !plainWord.MatchString(word) {
			line[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(line, " ")
}

// How many questions of each language the report shows that gained and that
// lost most, and how deep their rankings are looked through.
const (
	moversShown = 3
	moversDepth = 100
)

// movers finds the questions whose ranking the anchor changed most.
func (b *bench) movers(ctx context.Context, available func(lang string) []string) ([]report.Mover, error) {
	var all []report.Mover
	for _, language := range b.spec.Langs {
		set, err := b.lab.Set(language)
		if err != nil {
			return nil, err
		}
		p := evalsuite.Pairing{Lang: language, AnchorLang: b.anchors, Translator: evalsuite.Human}
		runs, err := b.ranker.Runs(ctx, p, []float64{1, b.spec.Lambda(language)}, moversDepth)
		if err != nil {
			return nil, err
		}
		moved, err := b.moved(ctx, set, p, available(language), runs[0], runs[1])
		if err != nil {
			return nil, err
		}
		all = append(all, moved...)
	}
	return all, nil
}

// moved returns the questions of a language that gained most and lost most, by
// the reciprocal rank of their first relevant document.
func (b *bench) moved(ctx context.Context, set *dataset.Set, p evalsuite.Pairing, translators []string, before, after metrics.Run) ([]report.Mover, error) {
	type change struct {
		question corpus.Question
		by       float64
	}
	var changes []change
	for _, q := range set.Questions {
		was, _ := firstRelevant(set.Qrels[q.ID], before[q.ID])
		is, _ := firstRelevant(set.Qrels[q.ID], after[q.ID])
		if by := reciprocal(is) - reciprocal(was); by != 0 {
			changes = append(changes, change{q, by})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(b.by, a.by), cmp.Compare(a.question.ID, b.question.ID))
	})
	documents := make(map[string]corpus.Document, len(set.Documents))
	for _, d := range set.Documents {
		documents[d.ID] = d
	}
	passage := func(id string) report.Passage {
		return report.Passage{ID: id, Title: documents[id].Title, Text: documents[id].Text}
	}
	var movers []report.Mover
	for i, c := range changes {
		gained := c.by > 0 && i < moversShown
		lost := c.by < 0 && i >= len(changes)-moversShown
		if !gained && !lost {
			continue
		}
		q := c.question
		m := report.Mover{ID: q.ID, Lang: set.Lang, AnchorLang: p.AnchorLang, Source: q.Text}
		for _, translator := range translators {
			anchors, err := b.lab.Anchors(ctx, evalsuite.Pairing{Lang: p.Lang, AnchorLang: p.AnchorLang, Translator: translator})
			if err != nil {
				return nil, err
			}
			if at := slices.Index(anchors.IDs, q.ID); at >= 0 {
				m.Anchors = append(m.Anchors, report.Anchor{Translator: translator, Text: anchors.Texts[at]})
			}
		}
		var relevant string
		m.Before, relevant = firstRelevant(set.Qrels[q.ID], before[q.ID])
		rank, id := firstRelevant(set.Qrels[q.ID], after[q.ID])
		m.After = rank
		worse := before[q.ID]
		if relevant == "" || !gained && id != "" {
			relevant = id
		}
		if lost {
			worse = after[q.ID]
		}
		if relevant == "" {
			relevant = slices.Min(slices.Collect(maps.Keys(set.Qrels[q.ID])))
		}
		m.Relevant = passage(relevant)
		if len(worse) > 0 {
			m.Wrong = passage(worse[0].DocID)
		}
		movers = append(movers, m)
	}
	return movers, nil
}

// firstRelevant returns the rank, from 1, and the id of the first relevant
// document of a list; 0 where it has none.
func firstRelevant(judged map[string]int, list []metrics.Scored) (rank int, id string) {
	for i, d := range list {
		if judged[d.DocID] > 0 {
			return i + 1, d.DocID
		}
	}
	return 0, ""
}

func reciprocal(rank int) float64 {
	if rank == 0 {
		return 0
	}
	return 1 / float64(rank)
}
