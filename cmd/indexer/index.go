package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

type indexCommand struct {
	Corpus string `required:"" placeholder:"NAME" help:"Name of the corpus."`
	documentFlags
	EmbedTitle *bool `negatable:"" help:"Embed the title with the text (default: yes, but no for squad and xquad-r)."`

	Augment []string `and:"augmented" placeholder:"FILE" help:"Blend into each passage's vector those of the queries that it answers, from these files (indexer generate writes one)."`
	Alpha   *float64 `and:"augmented" placeholder:"F" help:"Weight of each generated query beside its passage, from 0, which is the plain index, to 1; a small one such as 0.02."`

	JSON    bool `name:"json" help:"Print the report as one JSON object."`
	Verbose bool `short:"v" help:"Say more on stderr."`

	config.StoreFlags
	config.EmbeddingFlags
	config.CollectionFlags
	config.LayoutFlags
}

// Run indexes the files.
func (c *indexCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), c.StoreFlags, c.EmbeddingFlags, c.CollectionFlags, c.LayoutFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	opts, read, err := c.options()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	if opts.Layout, err = setup.OwnLayout(settings.Qdrant.Layout); err != nil {
		return cli.UsageError{Err: err}
	}
	if c.Alpha != nil {
		if opts.Augment, err = c.augmentation(ctx, read, streams.Stderr); err != nil {
			return err
		}
	}
	if slices.Contains(c.Files, "-") {
		read.Stdin = interruptible(ctx, streams.Stdin)
	}
	log := setup.Logger(streams.Stderr, c.Verbose)
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadWrite, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	embedder, err := setup.NewEmbedder(settings.Embedding, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, embedder.Close()) }()

	work := &workload{size: corpus.Size(read.Format, c.Files...)}
	read.OnRead = work.onRead
	opts.Batch, opts.Concurrency = settings.Embedding.BatchSize, settings.Embedding.Concurrency
	progress := streams.Progress("passages", work.total(), cli.Items)
	defer progress.Close()
	skipped := 0
	if c.OnError == "skip" {
		read.OnSkip = func(err error) {
			skipped++
			progress.Printf("%s: skipped: %v", name, err)
		}
	}
	shown := 0
	opts.Progress = func(r ingest.Report) {
		if work.size > 0 {
			progress.SetTotal(work.estimate(r.Passages))
		}
		progress.Add(int64(r.Unchanged + r.Written - shown))
		shown = r.Unchanged + r.Written
	}
	report, err := ingest.Run(ctx, store, embedder, opts, corpus.Read(ctx, read, c.Files...))
	progress.Close()
	if err == nil && report.Documents == 0 && skipped == 0 {
		return errNoDocuments
	}
	if err := c.print(streams, report, skipped); err != nil {
		return err
	}
	switch {
	case err != nil:
		return explain(err)
	case skipped > 0:
		return cli.PartialError{Err: fmt.Errorf("%d of %d records were skipped", skipped, skipped+report.Documents)}
	default:
		return nil
	}
}

// workload estimates how many passages there are from how far the input was
// read, so that the time left can be told without reading it twice.
type workload struct {
	size int64 // of the input in bytes; 0: unknown
	read atomic.Int64
}

func (w *workload) onRead(bytes int) { w.read.Add(int64(bytes)) }

// total is the number to begin with: 0 where none can be told, which draws no
// bar.
func (w *workload) total() int64 { return min(w.size, 1) }

func (w *workload) estimate(passages int) int64 {
	read := max(1, min(w.read.Load(), w.size))
	return int64(float64(passages) * float64(w.size) / float64(read))
}

// options checks what the flags say of documents.
func (c *indexCommand) options() (ingest.Options, corpus.Options, error) {
	read, chunking, err := c.documentFlags.options()
	opts := ingest.Options{Corpus: c.Corpus, Chunking: chunking, EmbedsTitle: read.Format.EmbedsTitle()}
	if c.EmbedTitle != nil {
		opts.EmbedsTitle = *c.EmbedTitle
	}
	// "en" stands in for a language that only the documents will name.
	key := qdrant.Key{Corpus: c.Corpus, Lang: cmp.Or(read.Lang, "en")}
	return opts, read, errors.Join(key.Validate(), err, c.checkAugment())
}

func (c *indexCommand) print(streams cli.Streams, r ingest.Report, skipped int) error {
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int    `json:"version"`
			Corpus  string `json:"corpus"`
			Lang    string `json:"lang,omitempty"`
			ingest.Report
			Skipped int `json:"skipped"`
		}{1, c.Corpus, c.Lang, r, skipped})
	}
	augmented := ""
	if c.Alpha != nil && *c.Alpha != 0 {
		augmented = fmt.Sprintf("; %d augmented, for which %d generated queries were embedded and %d came from the cache",
			r.Augmented, r.QueriesEmbedded, r.QueriesCached)
	}
	_, err := fmt.Fprintf(streams.Stdout, "%s: %s in %s: %d embedded, %d from the cache, %d written, %d unchanged, %d removed, %d skipped%s\n",
		c.Corpus, counted(r.Documents, "document"), counted(r.Passages, "passage"),
		r.Embedded, r.Cached, r.Written, r.Unchanged, r.Removed, skipped, augmented)
	return err
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// explain adds what to do to errors that a user meets.
func explain(err error) error {
	if _, ok := errors.AsType[*corpus.RecordError](err); ok {
		return cli.WithHint(err, "mend the record, or pass --on-error skip; what was indexed stays, and is not embedded again")
	}
	if _, ok := errors.AsType[*qdrant.SchemaError](err); ok {
		return cli.WithHint(err, "pass the settings of the index, index under another corpus name, or remove the index with indexer delete")
	}
	return err
}
