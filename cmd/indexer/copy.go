package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
	"github.com/query-synergy/query-synergy/internal/upkeep"
)

type copyCommand struct {
	keyFlags
	From string `placeholder:"PLACE" help:"Where the index is: URL of a Qdrant server (key: FROM_QDRANT_API_KEY), file that ends in .jsonl or .jsonl.gz, or folder of an embedded store (default: the configured store)."`
	To   string `placeholder:"PLACE" help:"Where it goes, likewise (key: TO_QDRANT_API_KEY)."`
	JSON bool   `name:"json" help:"Print the report as one JSON object."`
	config.StoreFlags
}

// place is a store or, where file is set, a file.
type place struct {
	file  string
	store config.Qdrant
}

var hostAndPort = regexp.MustCompile(`^[A-Za-z0-9.-]+:[0-9]+$`)

// placeOf reads what --from or --to names.
func placeOf(text string, key config.Secret, configured config.Qdrant) place {
	switch info, err := os.Stat(text); {
	case text == "":
		return place{store: configured}
	case strings.Contains(text, "://"), hostAndPort.MatchString(text):
		return place{store: config.Qdrant{URL: text, APIKey: key, Timeout: configured.Timeout}}
	case strings.HasSuffix(text, ".jsonl"), strings.HasSuffix(text, ".jsonl.gz"), err == nil && info.Mode().IsRegular():
		return place{file: text}
	default:
		return place{store: config.Qdrant{LocalPath: text, Timeout: configured.Timeout}}
	}
}

// Run copies one index.
func (c *copyCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, key, err := c.load(c.StoreFlags)
	if err != nil {
		return err
	}
	if c.From == c.To {
		return cli.WithHint(cli.UsageError{Err: errors.New("an index is copied from one place to another")}, "name the other one with --to or --from")
	}
	from := placeOf(c.From, settings.Copy.FromAPIKey, settings.Qdrant)
	to := placeOf(c.To, settings.Copy.ToAPIKey, settings.Qdrant)
	log := setup.Logger(streams.Stderr, false)

	origin, closeOrigin, err := c.origin(ctx, from, key, streams)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOrigin()) }()
	progress := streams.Progress("passages", 0, cli.Items)
	defer progress.Close()
	shown := 0
	advance := func(n int) {
		progress.Add(int64(n - shown))
		shown = n
	}
	var copied upkeep.Copied
	if to.file != "" {
		copied, err = upkeep.CopyToFile(ctx, origin, to.file, advance)
	} else {
		var store *setup.Store
		if store, err = setup.OpenStore(ctx, to.store, embedded.ReadWrite, log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		copied, err = upkeep.CopyToStore(ctx, origin, store, advance)
	}
	progress.Close()
	if err != nil {
		return err
	}
	return c.print(streams, key, copied)
}

// origin opens what is copied. Another process may go on to write to it.
func (c *copyCommand) origin(ctx context.Context, from place, key qdrant.Key, streams cli.Streams) (upkeep.Origin, func() error, error) {
	if from.file != "" {
		origin, err := upkeep.FromFile(from.file)
		if err == nil && origin.Key != key {
			err = fmt.Errorf("%s holds %s, not %s", from.file, origin.Key, key)
		}
		return origin, func() error { return nil }, err
	}
	store, err := setup.OpenStore(ctx, from.store, embedded.ReadOnly, setup.Logger(streams.Stderr, false))
	if err != nil {
		return upkeep.Origin{}, nil, err
	}
	origin, err := upkeep.FromStore(ctx, store, key)
	if err != nil {
		return upkeep.Origin{}, nil, errors.Join(err, store.Close())
	}
	return origin, store.Close, nil
}

func (c *copyCommand) print(streams cli.Streams, key qdrant.Key, r upkeep.Copied) error {
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int    `json:"version"`
			Corpus  string `json:"corpus"`
			Lang    string `json:"lang"`
			upkeep.Copied
		}{1, key.Corpus, key.Lang, r})
	}
	_, err := fmt.Fprintf(streams.Stdout, "%s: %s copied: %d written, %d there already, %d removed\n",
		key, counted(r.Passages, "passage"), r.Written, r.Unchanged, r.Removed)
	return err
}
