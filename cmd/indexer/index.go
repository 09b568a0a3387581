package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
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

	augmentFlags

	JSON    bool `name:"json" help:"Print the report as one JSON object."`
	Verbose bool `short:"v" help:"Say more on stderr."`

	config.StoreFlags
	config.EmbeddingFlags
	config.CollectionFlags
	config.LayoutFlags
}

// run reads the files and passes their documents to do, with what it needs to
// index them. print prints what do did; where it was cut short, what it did
// until then.
func (c *indexCommand) run(ctx context.Context, streams cli.Streams, do func(context.Context, *indexing) (ingest.Report, error), print func(r ingest.Report, skipped int) error) (err error) {
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
	in := &indexing{store: store, embedder: embedder}
	if c.OnError == "skip" {
		read.OnSkip = func(err error) {
			in.skipped++
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
	in.opts, in.docs = opts, corpus.Read(ctx, read, c.Files...)
	report, err := do(ctx, in)
	progress.Close()
	if err == nil && report.Documents == 0 && in.skipped == 0 {
		return errNoDocuments
	}
	if err := print(report, in.skipped); err != nil {
		return err
	}
	switch {
	case err != nil:
		return explain(err)
	case in.skipped > 0:
		return cli.PartialError{Err: fmt.Errorf("%d of %d records were skipped", in.skipped, in.skipped+report.Documents)}
	default:
		return nil
	}
}

// indexing is what a run of the pipeline works with.
type indexing struct {
	store    *setup.Store
	embedder *setup.Embedder
	opts     ingest.Options
	docs     iter.Seq2[corpus.Document, error]
	skipped  int // records, so far
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
	return opts, read, errors.Join(key.Validate(), err, c.checkAugment(c.Files))
}

// summary is a report on one line.
func (c *indexCommand) summary(r ingest.Report, skipped int) string {
	augmented := ""
	if c.Alpha != nil && (*c.Alpha != 0 || c.Hub != 0) {
		augmented = fmt.Sprintf("; %d augmented by queries of their own, %d by the typical ones, for which %d generated queries were embedded and %d came from the cache",
			r.Augmented, r.Typical, r.QueriesEmbedded, r.QueriesCached)
	}
	return fmt.Sprintf("%s: %s in %s: %d embedded, %d from the cache, %d written, %d unchanged, %d removed, %d skipped%s",
		c.Corpus, counted(r.Documents, "document"), counted(r.Passages, "passage"),
		r.Embedded, r.Cached, r.Written, r.Unchanged, r.Removed, skipped, augmented)
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
		return cli.WithHint(err, "pass the settings of the index, index under another corpus name, or build it anew under the same name with --rebuild")
	}
	return err
}
