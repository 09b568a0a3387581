package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/upkeep"
)

type buildCommand struct {
	indexCommand
	Rebuild bool `help:"Write a new version of the index, with other settings if wanted, verify it and switch to it in one step. The old one stays for indexer rollback."`

	rebuilt []upkeep.Rebuilt
}

// Run indexes the files.
func (c *buildCommand) Run(ctx context.Context, streams cli.Streams) error {
	return c.run(ctx, streams, c.build, func(r ingest.Report, skipped int) error { return c.print(streams, r, skipped) })
}

func (c *buildCommand) build(ctx context.Context, in *indexing) (report ingest.Report, err error) {
	if !c.Rebuild {
		return ingest.Run(ctx, in.store, in.embedder, in.opts, in.docs)
	}
	report, c.rebuilt, err = upkeep.Rebuild(ctx, in.store, in.embedder, in.opts, in.docs)
	return report, err
}

func (c *buildCommand) print(streams cli.Streams, r ingest.Report, skipped int) error {
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int    `json:"version"`
			Corpus  string `json:"corpus"`
			Lang    string `json:"lang,omitempty"`
			ingest.Report
			Skipped int              `json:"skipped"`
			Rebuilt []upkeep.Rebuilt `json:"rebuilt,omitempty"`
		}{1, c.Corpus, c.Lang, r, skipped, c.rebuilt})
	}
	if _, err := fmt.Fprintln(streams.Stdout, c.summary(r, skipped)); err != nil {
		return err
	}
	for _, b := range c.rebuilt {
		before := ""
		if b.Replaced != "" {
			before = ", in place of " + b.Replaced
		}
		if _, err := fmt.Fprintf(streams.Stdout, "%s_%s is now %s%s\n", c.Corpus, b.Lang, b.Collection, before); err != nil {
			return err
		}
	}
	return nil
}
