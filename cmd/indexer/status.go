package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

type statusCommand struct {
	Corpus string `placeholder:"NAME" help:"Only this corpus."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
	// Versions are listed by versions_list.go.
	Versions bool `help:"List every version of each index, also half-made ones."`
	config.StoreFlags
}

// indexStatus is an index in the JSON of `indexer status`.
type indexStatus struct {
	qdrant.Key
	Collection string `json:"collection"`
	Documents  uint64 `json:"documents"`
	Passages   uint64 `json:"passages"`
	qdrant.Schema
}

// Run lists the indexes.
func (c *statusCommand) Run(ctx context.Context, streams cli.Streams) error {
	settings, err := config.Load(config.Environ(), c.StoreFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	if c.Versions {
		return c.listVersions(ctx, streams, settings)
	}
	indexes := []indexStatus{}
	where, err := readStore(ctx, streams, settings.Qdrant, func(store *setup.Store) error {
		infos, err := store.List(ctx)
		for _, i := range infos {
			if c.Corpus == "" || i.Key.Corpus == c.Corpus {
				indexes = append(indexes, indexStatus{i.Key, i.Name, i.Documents, i.Passages, i.Schema})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int           `json:"version"`
			Store   string        `json:"store"`
			Indexes []indexStatus `json:"indexes"`
		}{1, where, indexes})
	}
	if len(indexes) == 0 {
		return sayEmpty(streams, where)
	}
	columns := []cli.Column{
		{Title: "corpus", Flex: true}, {Title: "lang"},
		{Title: "documents", Right: true}, {Title: "passages", Right: true},
		{Title: "dimensions", Right: true}, {Title: "model", Flex: true},
	}
	rows := make([][]string, len(indexes))
	for n, i := range indexes {
		rows[n] = []string{
			i.Corpus, i.Lang, strconv.FormatUint(i.Documents, 10), strconv.FormatUint(i.Passages, 10),
			strconv.Itoa(i.Dimensions), i.Model,
		}
	}
	return streams.Table(columns, rows)
}

// readStore opens the store, if there is one, for read, and returns where it is.
func readStore(ctx context.Context, streams cli.Streams, settings config.Qdrant, read func(*setup.Store) error) (where string, err error) {
	store, err := setup.OpenStore(ctx, settings, embedded.ReadOnly, setup.Logger(streams.Stderr, false))
	if errors.Is(err, embedded.ErrNoStore) { // nothing is there, and that is the answer
		return settings.LocalPath, nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Where, read(store)
}

func sayEmpty(streams cli.Streams, where string) error {
	_, err := fmt.Fprintf(streams.Stderr, "%s: nothing is indexed at %s\n", name, where)
	return err
}
