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

// benchAugmented compares a query's searches in a plain index with those in ones
// whose passages know generated queries.
func benchAugmented(ctx context.Context, t *table, dir, large string) (err error) {
	const group = "A query's searches over 100000 x 384, passages plain and with two queries each"
	var queries []augment.Query
	for i := range 2 * largeSize {
		// Any text with a number has a vector; what it says does not matter here.
		queries = append(queries, augment.Query{
			DocID: strconv.Itoa(i / 2), Chunk: augment.EveryChunk, Lang: corpusLang, Text: "Έγγραφο " + strconv.Itoa(i+largeSize) + ".",
		})
	}
	source := randomUnit(queryStream, 0)
	var sides []side
	for _, rule := range []struct {
		name string
		ingest.Augment
	}{
		{"plain", ingest.Augment{}},
		{"blended", ingest.Augment{Alpha: 0.02}},
		{"blended, less hubness", ingest.Augment{Alpha: 0.02, Hub: 0.2}},
		{"a vector for each query", ingest.Augment{Alpha: 0.15, Mode: augment.ModeMulti}},
	} {
		folder := large
		if rule.Alpha > 0 {
			folder = filepath.Join(dir, rule.name)
			rule.Queries = queries
			if _, err := indexGenerated(ctx, folder, largeSize, &rule.Augment); err != nil {
				return err
			}
		}
		x, err := openTarget(ctx, folder)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, x.Close()) }()
		request := retrieve.Request{Collection: x.collection, Legs: rerank.Lambda(source, anchorOf(source), 0.7), TopK: topK, Exact: true}
		sides = append(sides, side{rule.name, func() error {
			_, err := retrieve.Run(ctx, x, request)
			return err
		}})
	}
	took, err := takeTurns(strategyRounds, sides...)
	if err != nil {
		return err
	}
	for _, r := range againstFirst(group, sides, took, against{Name: "plain", Unit: "x"}, ratio, "1.0", "1.0", "") {
		t.add(r)
	}
	return nil
}
