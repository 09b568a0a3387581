package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
)

const strategyRounds = 101

// benchStrategies compares fused retrieval, proven and with payloads, with one
// plain search of the source query.
func benchStrategies(ctx context.Context, t *table, large string) (err error) {
	const group = "Fused retrieval from 100000 x 384, proven top 10, against one plain search with payloads"
	all, err := openTarget(ctx, large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	source := randomUnit(queryStream, 0)
	legs := rerank.Lambda(source, anchorOf(source), 0.7)
	plain := qdrant.Search{Vector: source, Limit: topK, Exact: true, WithPayload: true}
	sides := []side{{"plain search", func() error {
		_, err := all.SearchBatch(ctx, all.collection, []qdrant.Search{plain})
		return err
	}}}
	retrieval := func(name string, strategy retrieve.Strategy, reweigh func(retrieve.Signals) []float64) {
		request := retrieve.Request{
			Collection: all.collection, Legs: legs, TopK: topK, Strategy: strategy, Exact: true, Reweigh: reweigh,
		}
		sides = append(sides, side{name, func() error {
			answer, err := retrieve.Run(ctx, all, request)
			if err == nil && (!answer.Certified || math.IsInf(answer.Threshold, -1) || len(answer.Hits) != topK) {
				err = fmt.Errorf("%d hits, certified %t", len(answer.Hits), answer.Certified)
			}
			return err
		}})
	}
	retrieval("fused", retrieve.Fused, nil)
	retrieval("synergy", retrieve.Synergy, nil)
	retrieval("union", retrieve.Union, nil)
	retrieval("synergy with the anchor judged", retrieve.Synergy, func(retrieve.Signals) []float64 {
		return []float64{legs[0].Weight, legs[1].Weight}
	})
	took, err := takeTurns(strategyRounds, sides...)
	if err != nil {
		return err
	}
	rows := againstFirst(group, sides, took, against{Name: "plain", Unit: "x"}, ratio,
		"at most 1.05", "at most 1.35", "at most 1.6", "")
	for i, s := range sides {
		objects, bytes, err := allocations(s)
		if err != nil {
			return err
		}
		rows[i].Note = fmt.Sprintf("%d allocations, %d KiB, the engine's included", objects, bytes>>10)
		t.add(rows[i])
	}
	return nil
}

// againstFirst returns a row for each side, in milliseconds, with those after the
// first compared with it; goals are theirs.
func againstFirst(group string, sides []side, took [][]float64, how against, f func(a, b float64) float64, goals ...string) []row {
	rows := make([]row, len(sides))
	for i, s := range sides {
		rows[i] = row{Group: group, Name: s.name, Unit: "ms", spread: spreadOf(took[i])}
		if i > 0 {
			compared := how
			compared.spread, compared.Goal = paired(took[i], took[0], f), goals[i-1]
			rows[i].Against = &compared
		}
	}
	return rows
}

// allocations returns how many objects and bytes one run allocates.
func allocations(s side) (objects, bytes uint64, err error) {
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if err := s.run(); err != nil {
			return 0, 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs, nil
}
