package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

type deleteCommand struct {
	Corpus string `required:"" placeholder:"NAME" help:"Name of the corpus."`
	Lang   string `required:"" placeholder:"TAG" help:"Language of the index to delete."`
	Yes    bool   `short:"y" help:"Do not ask."`
	config.StoreFlags
}

// Run deletes one index, after asking.
func (c *deleteCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), c.StoreFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	tag, err := lang.Parse(c.Lang)
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--lang: %w", err)}
	}
	key := qdrant.Key{Corpus: c.Corpus, Lang: tag}
	if err := key.Validate(); err != nil {
		return cli.UsageError{Err: err}
	}
	log := setup.Logger(streams.Stderr, false)
	text, err := question(ctx, settings.Qdrant, key, log)
	if err != nil {
		return err
	}
	if !c.Yes {
		ok, err := streams.Confirm(ctx, text)
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("nothing was deleted")
		}
	}
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadWrite, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := store.Drop(ctx, key); err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Stdout, "deleted %s\n", key)
	return err
}

// question says what would be lost. It reads only, so that nobody is locked out
// while the answer is awaited.
func question(ctx context.Context, s config.Qdrant, key qdrant.Key, log *slog.Logger) (text string, err error) {
	store, err := setup.OpenStore(ctx, s, embedded.ReadOnly, log)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	collection, err := store.Lookup(ctx, key)
	if err != nil {
		return "", err
	}
	count, err := store.Count(ctx, collection)
	if err != nil {
		return "", err
	}
	versions, err := store.Versions(ctx, key)
	if err != nil {
		return "", err
	}
	others := ""
	if n := len(versions) - 1; n > 0 {
		others = " and " + counted(n, "other version")
	}
	return fmt.Sprintf("Delete %s with %s%s from %s?", key, counted(int(count), "passage"), others, store.Where), nil
}
