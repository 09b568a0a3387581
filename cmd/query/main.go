// Command query searches an index with a query and its anchor: the same
// question in a language that embedding models know well.
//
//	query --corpus NAME [--lang TAG] [--anchor TEXT] [--lambda F] [--top-k N] [--json] TEXT
//	query serve [--addr HOST:PORT]
//	query mcp
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/setup"
)

const name = "query"

func main() { os.Exit(cli.Main(name, run)) }

const description = `Search an index. Documents are ranked, exactly, by

  lambda * cos(query, document) + (1 - lambda) * cos(anchor, document)

where the anchor is the same question in a language that embedding models know
well.

As first word, serve and mcp are commands: query serve offers searches over HTTP
(an API, a page, tools for agents), query mcp to one agent over stdin and stdout.

Example:
  query --corpus docs --lang el "Γιατί ο ουρανός είναι γαλάζιος;" --anchor "Why is the sky blue?"`

type grammar struct {
	Corpus        string    `required:"" xor:"where" placeholder:"NAME" help:"Name of the corpus."`
	Collection    string    `required:"" xor:"where" placeholder:"NAME" help:"A collection that another program wrote, in place of a corpus: it needs --layout or --text-key, and --lang."`
	Lang          []string  `default:"auto" placeholder:"TAG" help:"Language of the query and of the documents; several search the documents of all, the first being the query's. With auto, the query's language among those indexed is searched, with all, every language (default: ${default})."`
	Anchor        []string  `sep:"none" placeholder:"[TAG=]TEXT" help:"The query in the anchor language, or in the one named. Several take part together. Without any, the translator is asked, if one is configured."`
	Weights       []float64 `placeholder:"F" help:"Weights of the query and of each anchor, in place of --lambda; they sum to 1."`
	AnchorFile    string    `placeholder:"FILE" help:"A file of translations to take anchors from, JSONL or TSV; the translator is asked for what it lacks."`
	RequireAnchor bool      `help:"Fail where the anchor cannot be had."`
	TopK          int       `short:"k" default:"${top_k}" placeholder:"N" help:"Documents to return, 1 to ${max_top_k} (default: ${default})."`
	Strategy      string    `default:"synergy" enum:"union,fused,synergy" placeholder:"NAME" help:"How the index is searched: ${enum}. All find the same (default: ${default})."`
	Trust         string    `default:"auto" placeholder:"HOW" help:"How far a translation counts that fits the query badly: auto judges translators' by the profile or by caution, always takes every anchor in full, a number from 0 to 1 is the trust in any (default: ${default})."`
	Explain       bool      `help:"Say how the ranking came about."`
	Compare       bool      `help:"Show the rankings of source, anchor and both side by side; with --json, add them."`
	JSON          bool      `name:"json" help:"Print one JSON object; with --batch, one a line for each query."`
	Batch         string    `placeholder:"FILE" help:"Answer every query of a JSONL file with _id and text; - is standard input."`
	TREC          string    `name:"trec" placeholder:"FILE" help:"With --batch, write the rankings as a TREC run file."`
	Verbose       bool      `short:"v" help:"Say more on stderr."`
	Text          []string  `arg:"" optional:"" help:"The query. Several words count as one text."`

	config.QueryFlags
	config.StoreFlags
	config.EmbeddingFlags
	config.TranslateFlags
	config.ReadFlags
	config.LayoutFlags
}

// run searches, unless the first argument names another command. To search for
// that word, a flag goes before it.
func run(ctx context.Context, args []string, streams cli.Streams) error {
	commands := map[string]interface {
		run(ctx context.Context, streams cli.Streams) error
	}{"serve": &serveCommand{}, "mcp": &mcpCommand{}}
	app := cli.App{Name: name, Description: description, Vars: config.HelpVars()}
	app.Vars["top_k"], app.Vars["max_top_k"] = strconv.Itoa(search.DefaultTopK), strconv.Itoa(search.MaxTopK)
	app.Vars["rate"], app.Vars["timeout"] = strconv.Itoa(serve.DefaultRate), serve.DefaultTimeout.String()
	app.Vars["concurrency"] = strconv.Itoa(service.DefaultConcurrency)
	if len(args) > 0 {
		if command, ok := commands[args[0]]; ok {
			app.Description = descriptions[args[0]]
			app.Name += " " + args[0]
			if _, err := cli.Parse(app, command, args[1:], streams); err != nil {
				return err
			}
			return command.run(ctx, streams)
		}
	}
	var g grammar
	if _, err := cli.Parse(app, &g, args, streams); err != nil {
		return err
	}
	return g.run(ctx, streams)
}

func (g *grammar) run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), g.QueryFlags, g.StoreFlags, g.EmbeddingFlags, g.TranslateFlags, g.ReadFlags, g.LayoutFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	q, err := g.query(settings.Query)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	log := setup.Logger(streams.Stderr, g.Verbose)
	embedder, err := setup.NewEmbedder(settings.Embedding, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, embedder.Close()) }()
	tuning, err := embedder.Tuning(settings.Query)
	if err != nil {
		return err
	}
	translator, err := setup.NewTranslator(settings.Translate, g.AnchorFile, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, translator.Close()) }()
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadOnly, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	searcher := &search.Searcher{Store: store, Embedder: embedder}
	if g.Collection != "" {
		if searcher.Store, err = store.Foreign(embedder, settings.Qdrant.Layout, g.Collection); err != nil {
			return err
		}
	}
	if searcher.Trust, err = service.ParseTrust(g.Trust, tuning); err != nil {
		return cli.UsageError{Err: fmt.Errorf("--trust: %w", err)}
	}
	if translator != nil {
		searcher.Translator = translator
	}
	languages, indexed, err := g.languages(ctx, store)
	if err != nil {
		return err
	}
	ask := func(q search.Query) (search.Query, error) {
		if err := languages.Choose(&q, indexed); err != nil {
			return q, cli.WithHint(cli.UsageError{Err: err}, "name it with --lang")
		}
		service.Tune(&q, tuning)
		return q, nil
	}
	if g.Batch != "" {
		return g.batch(ctx, streams, searcher, q, ask)
	}
	if q, err = ask(q); err != nil {
		return err
	}
	return g.single(ctx, streams, searcher, q)
}

// single answers one query.
func (g *grammar) single(ctx context.Context, streams cli.Streams, searcher *search.Searcher, q search.Query) error {
	prepared, err := searcher.Prepare(ctx, q)
	if err != nil {
		return explain(err)
	}
	answer := searcher.Answer
	if g.Compare {
		answer = searcher.Compare
	}
	result, err := answer(ctx, prepared)
	if err != nil {
		return explain(err)
	}
	switch {
	case g.JSON:
		err = json.NewEncoder(streams.Stdout).Encode(result)
	case g.Compare:
		err = printComparison(streams, result)
	case g.Explain:
		err = printExplanation(streams, result)
	default:
		err = printHits(streams, result)
	}
	if err == nil && result.Anchor.Status.Missing() {
		return cli.PartialError{Err: fmt.Errorf("the anchor is missing, the ranking is the source query's alone: %s", result.Anchor.Error)}
	}
	return err
}

// explain adds what to do to an error of a query.
func explain(err error) error {
	if _, ok := errors.AsType[*search.MissingAnchorError](err); ok {
		return cli.WithHint(err, "give one with --anchor, or leave --require-anchor away")
	}
	return setup.ExplainSearch(err)
}

// languages reads --lang, and which languages are indexed where it leaves that
// open.
func (g *grammar) languages(ctx context.Context, store *setup.Store) (l service.Languages, indexed []string, err error) {
	if l, err = service.ParseLanguages(g.Lang...); err != nil {
		return l, nil, cli.UsageError{Err: fmt.Errorf("--lang: %w", err)}
	}
	if !l.Detected() {
		return l, nil, nil
	}
	infos, err := store.List(ctx)
	if err != nil {
		return l, nil, err
	}
	if indexed = service.IndexedLangs(infos, g.Corpus); len(indexed) == 0 {
		return l, nil, cli.WithHint(fmt.Errorf("corpus %q has no index at %s", g.Corpus, store.Where), "check --corpus, or build the index with indexer")
	}
	return l, indexed, nil
}

// query checks what the flags and the environment ask, but for the languages.
func (g *grammar) query(s config.Query) (search.Query, error) {
	q := search.Query{
		Corpus: cmp.Or(g.Corpus, g.Collection), Text: strings.Join(g.Text, " "), TopK: g.TopK, Weights: g.Weights,
		AnchorTimeout: s.AnchorTimeout, RequireAnchor: g.RequireAnchor,
		Strategy: retrieve.Strategy(g.Strategy), Explain: g.Explain,
	}
	var errs []error
	var err error
	if q.Read, q.Approximate, err = setup.ReadOptions(s.Read); err != nil {
		errs = append(errs, err)
	}
	if g.Collection != "" && (slices.Contains(g.Lang, service.LangAuto) || slices.Contains(g.Lang, service.LangAll)) {
		errs = append(errs, errors.New("--collection goes with --lang, the language of the query and the documents"))
	}
	if q.AnchorLang, err = lang.Parse(s.AnchorLang); err != nil {
		errs = append(errs, fmt.Errorf("--anchor-lang: %w", err))
	}
	for i, given := range g.Anchor {
		text := search.Text{Lang: q.AnchorLang, Text: given}
		if tag, rest, named := strings.Cut(given, "="); named {
			if parsed, err := lang.Parse(tag); err == nil {
				text = search.Text{Lang: parsed, Text: rest}
			}
		}
		if i == 0 {
			q.Anchor, q.AnchorLang = text.Text, text.Lang
		} else {
			q.More = append(q.More, text)
		}
	}
	switch {
	case g.Batch == "" && len(g.Text) == 0:
		errs = append(errs, errors.New(`expected "<text> ..."`))
	case g.Batch != "" && len(g.Text) > 0:
		errs = append(errs, errors.New("--batch brings the queries: give no text with it"))
	case g.Batch != "" && (len(g.Anchor) > 0 || g.Compare):
		errs = append(errs, errors.New("--anchor and --compare are for one query: with --batch, take anchors from --anchor-file or a translator"))
	case g.Batch == "" && g.TREC != "":
		errs = append(errs, errors.New("--trec goes with --batch"))
	}
	if len(errs) == 0 && g.Batch == "" {
		check := q
		check.Lang = "en" // stands in for one that is not chosen yet
		errs = append(errs, check.Validate())
	}
	return q, errors.Join(errs...)
}
