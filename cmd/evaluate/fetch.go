package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/fetch"
)

type fetchCommand struct {
	Dataset string   `required:"" enum:"${downloadable}" placeholder:"NAME" help:"Dataset to download: ${enum}."`
	Data    string   `required:"" placeholder:"DIR" help:"Folder to put it in."`
	Langs   []string `placeholder:"TAG" help:"Languages (default: all that are published)."`
}

// Run downloads a dataset.
func (c *fetchCommand) Run(ctx context.Context, streams cli.Streams) error {
	langs, err := parseTags("--langs", c.Langs)
	if err != nil {
		return err
	}
	var progress *cli.Progress
	var current string
	shown := int64(0)
	defer func() {
		if progress != nil {
			progress.Close()
		}
	}()
	return fetch.Fetch(ctx, fetch.Options{
		Dataset: c.Dataset, Dir: c.Data, Langs: langs,
		Progress: func(path string, have, total int64) {
			if path != current || have < shown {
				if progress != nil {
					progress.Close()
				}
				progress, current, shown = streams.Progress(filepath.Base(path), total, cli.Bytes), path, 0
			}
			progress.Add(have - shown)
			shown = have
			if have == total {
				progress.Printf("%s: %s, %d bytes", name, path, total)
			}
		},
	})
}

func downloadable() string { return strings.Join(dataset.Downloadable(), ", ") }
