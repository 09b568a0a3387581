package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/augment/generate"
	"github.com/query-synergy/query-synergy/internal/augment/roundtrip"
	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/setup"
)

type generateCommand struct {
	Out       string   `required:"" placeholder:"FILE" help:"File of the queries, JSON Lines. What it holds already is not asked for again."`
	Langs     []string `required:"" placeholder:"TAG" help:"Languages of the queries, such as en,zh."`
	Number    int      `short:"n" default:"5" placeholder:"N" help:"Queries for a passage in each language (default: ${default})."`
	Prompt    string   `placeholder:"TEXT" help:"What the model is asked, with {language}, {passage} and, if wanted, {title} (default: the published prompt of xQG)."`
	RoundTrip int      `name:"round-trip" placeholder:"K" help:"Drop a query whose own passage is not among the K nearest to it (default: keep all). The passages are embedded for it."`
	documentFlags

	JSON    bool `name:"json" help:"Print the report as one JSON object."`
	Verbose bool `short:"v" help:"Say more on stderr."`

	config.GenerateFlags
	config.EmbeddingFlags
}

// Run generates what the file lacks.
func (c *generateCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), c.GenerateFlags, c.EmbeddingFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	opts, err := c.options()
	read, chunking, readErr := c.documentFlags.options()
	if err := errors.Join(err, readErr); err != nil {
		return cli.UsageError{Err: err}
	}
	if settings.Generate == nil {
		return cli.WithHint(cli.UsageError{Err: errors.New("no model is named")}, "set GENERATE_MODEL, or pass --generate-model")
	}
	opts.Concurrency = settings.Generate.Concurrency
	total, err := c.countPassages(ctx, read, chunking)
	if err != nil {
		return explain(err)
	}
	if slices.Contains(c.Files, "-") {
		read.Stdin = interruptible(ctx, streams.Stdin)
	}
	log := setup.Logger(streams.Stderr, c.Verbose)
	model, err := setup.NewGenerator(settings.Generate, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	if c.RoundTrip > 0 {
		embedder, err := setup.NewEmbedder(settings.Embedding, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, embedder.Close()) }()
		opts.TopK = c.RoundTrip
		if opts.Retriever, err = c.retriever(ctx, streams, embedder, total, read, chunking); err != nil {
			return explain(err)
		}
	}
	journal, err := generate.OpenJournal(c.Out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()

	progress := streams.Progress("passages", total, cli.Items)
	defer progress.Close()
	skipped := 0
	if c.OnError == "skip" {
		read.OnSkip = func(err error) {
			skipped++
			progress.Printf("%s: skipped: %v", name, err)
		}
	}
	shown := 0
	opts.Progress = func(r generate.Report) {
		progress.Note(fmt.Sprintf("%s, %s", counted(r.Requests, "request"), counted(r.Tokens, "token")))
		progress.Add(int64(r.Passages - shown))
		shown = r.Passages
	}
	report, err := generate.Run(ctx, model, journal, opts, passages(chunking, corpus.Read(ctx, read, c.Files...)))
	progress.Close()
	if err == nil && report.Passages == 0 && skipped == 0 {
		return errNoDocuments
	}
	if err := c.print(streams, report, skipped); err != nil {
		return err
	}
	_, incomplete := errors.AsType[*generate.IncompleteError](err)
	switch {
	case incomplete:
		return cli.PartialError{Err: err}
	case err != nil:
		return explain(err)
	case skipped > 0:
		return cli.PartialError{Err: fmt.Errorf("%s skipped", counted(skipped, "record"))}
	default:
		return nil
	}
}

// options checks what the flags say of queries.
func (c *generateCommand) options() (generate.Options, error) {
	opts := generate.Options{PerLang: c.Number}
	var faults []error
	for _, text := range c.Langs {
		tag, err := lang.Parse(text)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("--langs: %w", err))
		case slices.Contains(opts.Langs, tag):
			faults = append(faults, fmt.Errorf("--langs: %s stands twice", tag))
		}
		opts.Langs = append(opts.Langs, tag)
	}
	if c.Number < 1 {
		faults = append(faults, fmt.Errorf("-n: %d: want 1 or more", c.Number))
	}
	if c.RoundTrip < 0 {
		faults = append(faults, fmt.Errorf("--round-trip: %d: want 1 or more", c.RoundTrip))
	}
	if i := slices.IndexFunc(c.Files, readableOnce); c.RoundTrip > 0 && i >= 0 {
		faults = append(faults, fmt.Errorf("--round-trip: the documents are read twice, which %s cannot be: save it in a file", shownInput(c.Files[i])))
	}
	if c.Prompt != "" {
		var err error
		if opts.Prompt, err = augment.ParsePrompt(c.Prompt); err != nil {
			faults = append(faults, fmt.Errorf("--prompt: %w", err))
		}
	}
	return opts, errors.Join(faults...)
}

// retriever embeds all passages, to search them by the queries.
func (c *generateCommand) retriever(ctx context.Context, streams cli.Streams, embedder roundtrip.Embedder, total int64, read corpus.Options, chunking corpus.Chunking) (generate.Retriever, error) {
	if c.OnError == "skip" {
		read.OnSkip = func(error) {} // the next reading tells
	}
	progress := streams.Progress("passages embedded", total, cli.Items)
	defer progress.Close()
	return roundtrip.New(ctx, embedder, read.Format.EmbedsTitle(), passages(chunking, corpus.Read(ctx, read, c.Files...)),
		func(n int) { progress.Add(int64(n)) })
}

// countPassages reads the input once before anything is asked, so that a bad
// record costs no request. It returns 0 where the input can be read only once.
func (c *generateCommand) countPassages(ctx context.Context, read corpus.Options, chunking corpus.Chunking) (int64, error) {
	if slices.ContainsFunc(c.Files, readableOnce) {
		return 0, nil
	}
	if c.OnError == "skip" {
		read.OnSkip = func(error) {} // the second reading tells
	}
	var total int64
	for _, err := range passages(chunking, corpus.Read(ctx, read, c.Files...)) {
		if err != nil {
			return 0, err
		}
		total++
	}
	return total, nil
}

// passages cuts documents.
func passages(chunking corpus.Chunking, docs iter.Seq2[corpus.Document, error]) iter.Seq2[corpus.Passage, error] {
	return func(yield func(corpus.Passage, error) bool) {
		for doc, err := range docs {
			if err != nil {
				yield(corpus.Passage{}, err)
				return
			}
			for _, p := range chunking.Passages(doc) {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

func (c *generateCommand) print(streams cli.Streams, r generate.Report, skipped int) error {
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int    `json:"version"`
			Out     string `json:"out"`
			generate.Report
			Skipped int `json:"skipped"`
		}{1, c.Out, r, skipped})
	}
	refused := 0
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(r.Refused)) {
		refused += r.Refused[reason]
		reasons = append(reasons, fmt.Sprintf("%s %d", reason, r.Refused[reason]))
	}
	why := ""
	if refused > 0 {
		why = " (" + strings.Join(reasons, ", ") + ")"
	}
	_, err := fmt.Fprintf(streams.Stdout,
		"%s: %s: %d queries written, %d there already, %d refused%s; %d requests, %d from the cache, %d tokens; %d of %d passages and languages have fewer than %d, %d none; %d skipped\n",
		c.Out, counted(r.Passages, "passage"), r.Kept, r.Present, refused, why,
		r.Requests, r.Cached, r.Tokens, r.Fewer, r.Pairs, c.Number, r.Without, skipped)
	return err
}
