package main

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/query-synergy/query-synergy/internal/rerank"
)

// benchFuse measures the fusion of two lists of candidates that have half of
// their passages in common.
func benchFuse(t *table) error {
	const depth, runs = 50, 9
	source := randomUnit(queryStream, 0)
	legs := rerank.Lambda(source, anchorOf(source), 0.7)
	list := func(from int) []rerank.Candidate {
		candidates := make([]rerank.Candidate, depth)
		for i := range candidates {
			id := strconv.Itoa(from + i)
			candidates[i] = rerank.Candidate{ID: id, DocID: id, Vector: randomUnit(documentStream, from+i)}
		}
		return candidates
	}
	first, second := list(0), list(depth/2)
	if hits, err := rerank.Fuse(legs, first, second); err != nil || len(hits) != depth+depth/2 {
		return fmt.Errorf("fuse: %d hits: %w", len(hits), err)
	}
	var took []float64
	var result testing.BenchmarkResult
	for range runs {
		result = testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_, _ = rerank.Fuse(legs, first, second) // checked above
			}
		})
		took = append(took, float64(result.NsPerOp())/1e3)
	}
	t.add(row{
		Group: "Exact fusion of 2 x 50 candidates of 384 dimensions", Name: "rerank.Fuse", Unit: "µs", spread: spreadOf(took),
		Note: fmt.Sprintf("%d allocations, %d bytes", result.AllocsPerOp(), result.AllocedBytesPerOp()),
	})
	return nil
}
