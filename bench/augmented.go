package main

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
)

// benchAugmented compares a query's searches in a plain index with those in one
// whose passages were blended with generated queries.
func benchAugmented(ctx context.Context, t *table, dir, large string) (err error) {
	const group = "A query's searches over 100000 x 384, passages plain and blended with a query each"
	enrich := &ingest.Augment{Alpha: 0.02}
	for i := range largeSize {
		// Any text with a number has a vector; what it says does not matter here.
		enrich.Queries = append(enrich.Queries, augment.Query{
			DocID: strconv.Itoa(i), Chunk: augment.EveryChunk, Lang: corpusLang, Text: "Έγγραφο " + strconv.Itoa(i+largeSize) + ".",
		})
	}
	folder := filepath.Join(dir, "augmented")
	if _, err := indexGenerated(ctx, folder, largeSize, enrich); err != nil {
		return err
	}
	source := randomUnit(queryStream, 0)
	var sides []side
	for _, store := range []struct{ name, dir string }{{"plain", large}, {"augmented", folder}} {
		x, err := openTarget(ctx, store.dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, x.Close()) }()
		request := retrieve.Request{Collection: x.collection, Legs: rerank.Lambda(source, anchorOf(source), 0.7), TopK: topK, Exact: true}
		sides = append(sides, side{store.name, func() error {
			_, err := retrieve.Run(ctx, x, request)
			return err
		}})
	}
	took, err := takeTurns(strategyRounds, sides...)
	if err != nil {
		return err
	}
	for _, r := range againstFirst(group, sides, took, against{Name: "plain", Unit: "x"}, ratio, "1.0") {
		t.add(r)
	}
	return nil
}
