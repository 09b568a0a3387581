package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
)

// checkAugment checks the flags of an augmented index.
func (c *indexCommand) checkAugment() error {
	if c.Alpha == nil {
		return nil
	}
	if !(*c.Alpha >= 0 && *c.Alpha <= 1) {
		return fmt.Errorf("--alpha: %v: want 0 to 1", *c.Alpha)
	}
	if i := slices.IndexFunc(c.Files, readableOnce); i >= 0 {
		return fmt.Errorf("--augment: the documents are read twice, which %s cannot be: save it in a file", shownInput(c.Files[i]))
	}
	return nil
}

// readableOnce says whether an input is a stream, such as standard input.
func readableOnce(path string) bool {
	if path == "-" {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

func shownInput(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// augmentation reads the generated queries. Queries of documents that the input
// lacks are told of on stderr.
func (c *indexCommand) augmentation(ctx context.Context, read corpus.Options, stderr io.Writer) (*ingest.Augment, error) {
	if c.OnError == "skip" {
		read.OnSkip = func(error) {} // indexing tells
	}
	var docIDs []string
	known := map[string]bool{}
	for doc, err := range corpus.Read(ctx, read, c.Files...) {
		if err != nil {
			return nil, explain(err)
		}
		docIDs = append(docIDs, doc.ID)
		known[doc.ID] = true
	}
	if len(docIDs) == 0 {
		return nil, errNoDocuments
	}
	a := &ingest.Augment{Alpha: *c.Alpha}
	for _, path := range c.Augment {
		queries, err := augment.ReadFile(path, docIDs)
		if err != nil {
			return nil, err
		}
		a.Queries = append(a.Queries, queries...)
	}
	strangers := 0
	for _, q := range a.Queries {
		if !known[q.DocID] {
			strangers++
		}
	}
	switch {
	case strangers == len(a.Queries):
		return nil, cli.WithHint(errors.New("no generated query is of a document of the input"),
			"check that --augment and the documents belong together")
	case strangers > 0:
		fmt.Fprintf(stderr, "%s: %d of %d generated queries are of documents that the input lacks, and change nothing\n",
			name, strangers, len(a.Queries))
	}
	return a, nil
}
