// Command bench measures what the embedded engine, the query command and the
// sweep of evaluate cost, each side by side with what it is compared with, and
// prints one table.
//
//	cd bench && go run . -root .. [-json FILE]
//
// The sides of a comparison take turns (ABAB…), so that a loaded machine slows
// them alike, and a ratio is the median of the ratios of the turns. Goals are
// printed beside the numbers and never asserted. Data are generated from fixed
// seeds, but for the recorded XQuAD vectors where they are there, and removed at
// the end. bench is a module of its own, so that the
// project does not depend on what it is compared with.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := flag.String("root", "..", "folder of the repository, with the commands in its bin")
	jsonFile := flag.String("json", "", "file to write the numbers to")
	index := flag.String("index", "", "only index generated documents into this store, and report on it (what bench runs itself as)")
	count := flag.Int("documents", 100_000, "with -index: how many")
	scale := flag.Int("scale", 0, "only index this many documents from an endpoint of a set rate, killed half way")
	rate := flag.Float64("rate", 1000, "with -scale: texts that the endpoint embeds a second")
	capacity := flag.Bool("capacity", false, "only print what docs/scaling.md computes")
	flag.Parse()
	if *capacity {
		printCapacity(os.Stdout)
		return nil
	}
	if *index != "" {
		report, err := indexGenerated(ctx, *index, *count, nil)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(report)
	}

	dir, err := os.MkdirTemp("", "query-synergy-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if *scale > 0 {
		return runScale(ctx, *root, dir, *scale, *rate)
	}
	t := newTable()
	large, small := filepath.Join(dir, "large"), filepath.Join(dir, "small")
	// The processes come first: Linux counts the memory of the parent at the
	// start of a child as the child's.
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"indexing", func() error { return benchIndexing(ctx, t, dir, large, small) }},
		{"query processes", func() error { return benchProcess(ctx, t, *root, dir, large, small) }},
		{"search", func() error { return benchSearch(ctx, t, large, small) }},
		{"strategies", func() error { return benchStrategies(ctx, t, large) }},
		{"queries", func() error { return benchCachedQuery(ctx, t, large) }},
		{"the API", func() error { return benchServe(ctx, t, small) }},
		{"augmentation", func() error { return benchAugmented(ctx, t, dir, large) }},
		{"fusion", func() error { return benchFuse(t) }},
		{"sweeps", func() error { return benchSweep(ctx, t, *root, dir) }},
	} {
		fmt.Fprintln(os.Stderr, "bench: measuring", part.name)
		if err := part.run(); err != nil {
			return err
		}
	}
	if *jsonFile != "" {
		if err := t.writeJSON(*jsonFile); err != nil {
			return err
		}
	}
	return t.print(os.Stdout)
}
