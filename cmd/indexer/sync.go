package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
	"github.com/query-synergy/query-synergy/internal/upkeep"
)

type syncCommand struct {
	indexCommand
	Yes   bool `short:"y" help:"Do not ask before documents are deleted."`
	Force bool `help:"Delete also where more than half of the index's documents vanished."`

	agreed int // documents to delete
	synced upkeep.Synced
}

// Run makes the index hold what the files do. The files are read twice: to tell
// what would be deleted before anything is changed, and to change it.
func (c *syncCommand) Run(ctx context.Context, streams cli.Streams) error {
	opts, read, err := c.options()
	if err == nil && read.Lang == "" {
		err = errors.New("--lang: name the language of the index: what vanished is told for one")
	}
	if i := slices.IndexFunc(c.Files, readableOnce); err == nil && i >= 0 {
		err = fmt.Errorf("the documents are read twice, which %s cannot be: save it in a file", shownInput(c.Files[i]))
	}
	if err != nil {
		return cli.UsageError{Err: err}
	}
	key := qdrant.Key{Corpus: c.Corpus, Lang: read.Lang}
	if err := c.agree(ctx, streams, key, opts.Chunking, read); err != nil {
		return explain(err)
	}
	sync := func(ctx context.Context, in *indexing) (ingest.Report, error) {
		var err error
		c.synced, err = upkeep.Sync(ctx, in.store, in.embedder, in.opts, key, in.docs, c.agreed, func() bool { return in.skipped > 0 })
		return c.synced.Report, err
	}
	return c.run(ctx, streams, sync, func(_ ingest.Report, skipped int) error { return c.print(streams, skipped) })
}

// agree finds out what would be deleted, and asks whether it may be. It reads
// only, so that nobody is locked out while the answer is awaited.
func (c *syncCommand) agree(ctx context.Context, streams cli.Streams, key qdrant.Key, chunking corpus.Chunking, read corpus.Options) (err error) {
	settings, err := config.Load(config.Environ(), c.StoreFlags, c.EmbeddingFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadOnly, setup.Logger(streams.Stderr, c.Verbose))
	if errors.Is(err, embedded.ErrNoStore) {
		return nil // nothing can vanish
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	skipped := 0
	if c.OnError == "skip" {
		read.OnSkip = func(error) { skipped++ } // the second reading tells
	}
	counts, err := upkeep.Plan(ctx, store, key, chunking, corpus.Read(ctx, read, c.Files...))
	if err != nil {
		return err
	}
	switch {
	case skipped > 0 || counts.Extra == 0:
		return nil
	case counts.Documents == 0:
		return errNoDocuments
	case 2*counts.Extra > counts.Indexed && !c.Force:
		return cli.WithHint(fmt.Errorf("%d of the %s of %s are not in the input, which is more than half: nothing was changed",
			counts.Extra, counted(counts.Indexed, "document"), key), "check the input; if they are to be deleted, pass --force")
	case !c.Yes:
		ok, err := streams.Confirm(ctx, fmt.Sprintf("Delete %s from %s at %s, which the input no longer holds, write %d that are new and %d that changed?",
			counted(counts.Extra, "document"), key, store.Where, counts.Missing, counts.Stale))
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("nothing was changed")
		}
	}
	c.agreed = counts.Extra
	return nil
}

func (c *syncCommand) print(streams cli.Streams, skipped int) error {
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int    `json:"version"`
			Corpus  string `json:"corpus"`
			Lang    string `json:"lang"`
			upkeep.Synced
			Skipped int `json:"skipped"`
		}{1, c.Corpus, c.Lang, c.synced, skipped})
	}
	kept := ""
	if skipped > 0 {
		kept = ", as records were skipped"
	}
	_, err := io.WriteString(streams.Stdout, fmt.Sprintf("%s; %s and %s deleted%s\n", c.summary(c.synced.Report, skipped),
		counted(c.synced.DeletedDocuments, "document"), counted(c.synced.DeletedPassages, "passage"), kept))
	return err
}
