package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// indexed is what a child that indexed says on stdout.
type indexed struct {
	Documents int     `json:"documents"`
	Seconds   float64 `json:"seconds"`
}

// indexGenerated indexes n generated documents as the indexer does, with a
// generator in place of the endpoint.
func indexGenerated(ctx context.Context, dir string, n int, enrich *ingest.Augment) (report indexed, err error) {
	embedder, err := newGenerator()
	if err != nil {
		return report, err
	}
	store, err := openStore(ctx, dir, embedded.ReadWrite)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	start := time.Now()
	done, err := ingest.Run(ctx, store, embedder, ingest.Options{
		Corpus: corpusName, Chunking: corpus.DefaultChunking, Batch: 64, Concurrency: 4, Augment: enrich,
	}, documents(n))
	if err != nil {
		return report, err
	}
	return indexed{Documents: done.Written, Seconds: time.Since(start).Seconds()}, nil
}

func openStore(ctx context.Context, dir string, mode embedded.Mode) (*setup.Store, error) {
	return setup.OpenStore(ctx, config.Qdrant{LocalPath: dir, Timeout: time.Minute}, mode, slog.New(slog.DiscardHandler))
}

// Indexing is repeated at this size; the large store is made once.
const (
	throughputSize = 20_000
	throughputRuns = 3
)

// benchIndexing makes the stores of the other comparisons, and measures how
// long indexing takes, in processes of their own for the sake of their memory.
func benchIndexing(ctx context.Context, t *table, dir, large, small string) error {
	const group = "Indexing generated vectors into the embedded store"
	if _, _, err := indexInChild(ctx, small, smallSize); err != nil {
		return err
	}
	var rates, memory []float64
	for i := range throughputRuns {
		rate, peak, err := indexInChild(ctx, filepath.Join(dir, "throughput-"+strconv.Itoa(i)), throughputSize)
		if err != nil {
			return err
		}
		rates, memory = append(rates, rate), append(memory, peak)
	}
	t.add(row{Group: group, Name: fmt.Sprintf("%d documents", throughputSize), Unit: "documents/s", spread: spreadOf(rates)})
	t.add(row{Group: group, Name: fmt.Sprintf("peak memory of %d", throughputSize), Unit: "MiB", spread: spreadOf(memory)})
	rate, peak, err := indexInChild(ctx, large, largeSize)
	if err != nil {
		return err
	}
	t.add(row{Group: group, Name: fmt.Sprintf("%d documents", largeSize), Unit: "documents/s", spread: spreadOf([]float64{rate})})
	t.add(row{Group: group, Name: fmt.Sprintf("peak memory of %d", largeSize), Unit: "MiB", spread: spreadOf([]float64{peak})})
	return nil
}

// indexInChild returns documents a second and the peak memory in MiB.
func indexInChild(ctx context.Context, dir string, n int) (rate, peak float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	out, peak, err := runChild(ctx, nil, self, "-index", dir, "-documents", strconv.Itoa(n))
	if err != nil {
		return 0, 0, err
	}
	var report indexed
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, 0, fmt.Errorf("report of %s: %w", self, err)
	}
	if report.Documents != n {
		return 0, 0, fmt.Errorf("indexed %d documents of %d", report.Documents, n)
	}
	return float64(n) / report.Seconds, peak, nil
}
