// Command query searches an index with a query and its anchor: the same
// question in a language that embedding models know well.
//
//	query --corpus NAME --lang TAG [--anchor TEXT] [--lambda F] [--top-k N] [--json] TEXT
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/setup"
)

const name = "query"

func main() { os.Exit(cli.Main(name, run)) }

const description = `Search an index. Documents are ranked, exactly, by

  lambda * cos(query, document) + (1 - lambda) * cos(anchor, document)

where the anchor is the same question in a language that embedding models know
well.

Example:
  query --corpus docs --lang el "Γιατί ο ουρανός είναι γαλάζιος;" --anchor "Why is the sky blue?"`

type grammar struct {
	Corpus     string   `required:"" placeholder:"NAME" help:"Name of the corpus."`
	Lang       string   `required:"" placeholder:"TAG" help:"Language of the documents and of the query."`
	Anchor     string   `placeholder:"TEXT" help:"The query in the anchor language. Without it the translator is asked, if one is configured."`
	AnchorFile string   `placeholder:"FILE" help:"A file of translations to take anchors from, JSONL or TSV."`
	TopK       int      `short:"k" default:"${top_k}" placeholder:"N" help:"Documents to return, 1 to ${max_top_k} (default: ${default})."`
	Compare    bool     `help:"Show the rankings of source, anchor and both side by side."`
	JSON       bool     `name:"json" help:"Print one JSON object."`
	Verbose    bool     `short:"v" help:"Say more on stderr."`
	Text       []string `arg:"" help:"The query. Several words count as one text."`

	config.QueryFlags
	config.StoreFlags
	config.EmbeddingFlags
	config.TranslateFlags
}

func run(ctx context.Context, args []string, streams cli.Streams) error {
	var g grammar
	vars := config.HelpVars()
	vars["top_k"], vars["max_top_k"] = strconv.Itoa(search.DefaultTopK), strconv.Itoa(search.MaxTopK)
	if _, err := cli.Parse(cli.App{Name: name, Description: description, Vars: vars}, &g, args, streams); err != nil {
		return err
	}
	return g.run(ctx, streams)
}

func (g *grammar) run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), g.QueryFlags, g.StoreFlags, g.EmbeddingFlags, g.TranslateFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	log := setup.Logger(streams.Stderr, g.Verbose)
	embedder, err := setup.NewEmbedder(settings.Embedding, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, embedder.Close()) }()
	lambdas, err := embedder.Lambdas(settings.Query)
	if err != nil {
		return err
	}
	q, err := g.query(settings.Query, lambdas)
	if err != nil {
		return cli.UsageError{Err: err}
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
	if translator != nil {
		searcher.Translator = translator
	}
	result, err := searcher.Run(ctx, q)
	if err != nil {
		return setup.ExplainSearch(err)
	}
	switch {
	case g.JSON:
		err = json.NewEncoder(streams.Stdout).Encode(result)
	case g.Compare:
		err = compare(ctx, streams, searcher, q, result)
	default:
		err = printHits(streams, result)
	}
	if err == nil && result.Anchor.Status.Missing() {
		return cli.PartialError{Err: fmt.Errorf("the anchor is missing, the ranking is the source query's alone: %s", result.Anchor.Error)}
	}
	return err
}

// query checks what the flags and the environment ask.
func (g *grammar) query(s config.Query, lambdas func(string) float64) (search.Query, error) {
	q := search.Query{
		Corpus: g.Corpus, Text: strings.Join(g.Text, " "), Anchor: g.Anchor,
		TopK: g.TopK,
	}
	var errs []error
	var err error
	if q.Lang, err = lang.Parse(g.Lang); err != nil {
		errs = append(errs, fmt.Errorf("--lang: %w", err))
	}
	if q.AnchorLang, err = lang.Parse(s.AnchorLang); err != nil {
		errs = append(errs, fmt.Errorf("--anchor-lang: %w", err))
	}
	q.Lambda = lambdas(q.Lang)
	if g.Compare && g.JSON {
		errs = append(errs, errors.New("--compare and --json exclude each other: the JSON has both cosines of every hit"))
	}
	if len(errs) == 0 {
		errs = append(errs, q.Validate())
	}
	return q, errors.Join(errs...)
}
