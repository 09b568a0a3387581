package main

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// versionStatus is a version in the JSON of `indexer status --versions`.
type versionStatus struct {
	qdrant.Key
	Collection string `json:"collection"`
	Number     uint64 `json:"number"`
	State      string `json:"state"` // current, old or building
	Documents  uint64 `json:"documents"`
	Passages   uint64 `json:"passages"`
	qdrant.Schema
}

func stateOf(v qdrant.Version) string {
	switch {
	case v.Current:
		return "current"
	case v.Building:
		return "building"
	default:
		return "old"
	}
}

// listVersions lists every version, where status lists the current ones.
func (c *statusCommand) listVersions(ctx context.Context, streams cli.Streams, settings config.Settings) error {
	all := []versionStatus{}
	where, err := readStore(ctx, streams, settings.Qdrant, func(store *setup.Store) error {
		versions, err := store.AllVersions(ctx)
		for _, v := range versions {
			if c.Corpus == "" || v.Key.Corpus == c.Corpus {
				all = append(all, versionStatus{v.Key, v.Name, v.Number, stateOf(v), v.Documents, v.Passages, v.Schema})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version  int             `json:"version"`
			Store    string          `json:"store"`
			Versions []versionStatus `json:"versions"`
		}{1, where, all})
	}
	if len(all) == 0 {
		return sayEmpty(streams, where)
	}
	columns := []cli.Column{
		{Title: "corpus", Flex: true}, {Title: "lang"}, {Title: "version", Right: true}, {Title: "state"},
		{Title: "documents", Right: true}, {Title: "passages", Right: true}, {Title: "model", Flex: true},
	}
	rows := make([][]string, len(all))
	for n, v := range all {
		rows[n] = []string{
			v.Corpus, v.Lang, strconv.FormatUint(v.Number, 10), v.State,
			strconv.FormatUint(v.Documents, 10), strconv.FormatUint(v.Passages, 10), v.Model,
		}
	}
	return streams.Table(columns, rows)
}
