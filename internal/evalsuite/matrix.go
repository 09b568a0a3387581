package evalsuite

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Vectors are embeddings with the ids of what was embedded: Rows[i] is that of
// IDs[i].
type Vectors struct {
	IDs  []string
	Rows [][]float32
}

// Matrix holds the score of every document for every query. It is not changed
// once made, so many goroutines may read it.
type Matrix struct {
	queries   axis
	documents axis // ascending ids, so that of equal scores the lower column ranks first
	scores    []float64
}

// axis names the rows or the columns of a matrix.
type axis struct {
	ids   []string
	index map[string]int
}

// Cosines scores every query against every document: the product in float64 of
// the two vectors as vector.Normalize has them, which is how a store keeps and
// compares them. Vectors that count as unit vectors already are hence taken as
// they are, and not scaled once more by the 1e-7 that they are off. One of the
// recorded XQuAD figures hangs on that: th, λ=0.05, nDCG@10, where two passages
// lie 6e-8 apart.
//
// It takes 8 bytes of memory a pair, and all cores. It returns an error where
// ids repeat or do not match the rows in number, and where vectors differ in
// width, are not finite or have zero length.
func Cosines(queries, documents Vectors) (*Matrix, error) {
	if len(queries.Rows) == 0 || len(documents.Rows) == 0 {
		return nil, fmt.Errorf("score %d queries against %d documents: both must be there",
			len(queries.Rows), len(documents.Rows))
	}
	width := len(documents.Rows[0])
	rows, err := newAxis("query", queries, width)
	if err != nil {
		return nil, err
	}
	columns, err := newAxis("document", documents, width)
	if err != nil {
		return nil, err
	}
	columns, passages := sortedByID(columns, documents)

	m := &Matrix{queries: rows, documents: columns, scores: make([]float64, len(rows.ids)*len(columns.ids))}
	var workers sync.WaitGroup
	share := (len(rows.ids) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for first := 0; first < len(rows.ids); first += share {
		workers.Go(func() {
			for q := first; q < min(first+share, len(rows.ids)); q++ {
				cosines(m.row(q), unit(queries.Rows[q]), passages)
			}
		})
	}
	workers.Wait()
	return m, nil
}

// Fuse returns λ·source + (1−λ)·anchor for every pair. Both matrices must have
// the same queries, in the same order, and the same documents: an anchor's
// vectors carry the ids of the source queries that they stand for. λ lies in
// [0, 1].
func Fuse(source, anchor *Matrix, lambda float64) (*Matrix, error) {
	if math.IsNaN(lambda) || lambda < 0 || lambda > 1 {
		return nil, fmt.Errorf("fuse: lambda %v lies outside 0 to 1", lambda)
	}
	if !slices.Equal(source.queries.ids, anchor.queries.ids) {
		return nil, errors.New("fuse: source and anchor matrix differ in their queries: give the anchors the ids of their source queries")
	}
	if !slices.Equal(source.documents.ids, anchor.documents.ids) {
		return nil, errors.New("fuse: source and anchor matrix differ in their documents: score both against the same ones")
	}
	fused := &Matrix{queries: source.queries, documents: source.documents, scores: make([]float64, len(source.scores))}
	for i, s := range source.scores {
		// Converted, so that no compiler fuses the products into the sum and
		// rounds otherwise than the next.
		fused.scores[i] = float64(lambda*s) + float64((1-lambda)*anchor.scores[i])
	}
	return fused, nil
}

// Run returns the best k documents of every query, by descending score, ties by
// ascending document id. k is at least 1.
func (m *Matrix) Run(k int) metrics.Run {
	run := make(metrics.Run, len(m.queries.ids))
	columns := make([]int, len(m.documents.ids))
	for q, id := range m.queries.ids {
		row := m.row(q)
		for d := range columns {
			columns[d] = d
		}
		slices.SortFunc(columns, func(a, b int) int { return cmp.Or(cmp.Compare(row[b], row[a]), cmp.Compare(a, b)) })
		best := make([]metrics.Scored, min(k, len(columns)))
		for i := range best {
			best[i] = metrics.Scored{DocID: m.documents.ids[columns[i]], Score: row[columns[i]]}
		}
		run[id] = best
	}
	return run
}

// Evaluate measures the ranking of all documents, in the order of Run. It gives
// what metrics.Evaluate gives for the whole run, without ranking it. Queries of
// the matrix without judgements do not count. It returns an error where the
// qrels name a query with relevant documents, or such a document, that the
// matrix does not have.
func (m *Matrix) Evaluate(qrels metrics.Qrels, measures ...metrics.Measure) (*metrics.Evaluation, error) {
	return metrics.EvaluateRanks(qrels, func(query string, relevant []string) ([]int, error) {
		q, ok := m.queries.index[query]
		if !ok {
			return nil, fmt.Errorf("the qrels name it, but it is not among the %d queries scored", len(m.queries.ids))
		}
		columns := make([]int, len(relevant))
		for i, id := range relevant {
			if columns[i], ok = m.documents.index[id]; !ok {
				return nil, fmt.Errorf("the qrels name document %.120q, which is not among the %d scored", id, len(m.documents.ids))
			}
		}
		return ranksOf(columns, m.row(q)), nil
	}, measures...)
}

// row returns the scores of query q, one a document.
func (m *Matrix) row(q int) []float64 {
	n := len(m.documents.ids)
	return m.scores[q*n : (q+1)*n]
}

// ranksOf returns the ranks, from 1, of the given columns of a row.
func ranksOf(columns []int, row []float64) []int {
	ranks := make([]int, len(columns))
	for i, c := range columns {
		ranks[i] = 1
		for d, score := range row {
			if score > row[c] || score == row[c] && d < c {
				ranks[i]++
			}
		}
	}
	return ranks
}

// newAxis checks vectors, which must have the given width, and names an axis
// after them; what says what they are.
func newAxis(what string, v Vectors, width int) (axis, error) {
	if len(v.IDs) != len(v.Rows) {
		return axis{}, fmt.Errorf("%d %s ids for %d vectors", len(v.IDs), what, len(v.Rows))
	}
	index := make(map[string]int, len(v.IDs))
	for i, id := range v.IDs {
		if _, twice := index[id]; twice {
			return axis{}, fmt.Errorf("%s id %.120q stands twice", what, id)
		}
		index[id] = i
		if err := vector.Check(v.Rows[i], width); err != nil {
			return axis{}, fmt.Errorf("vector of %s %.120q: %w", what, id, err)
		}
	}
	return axis{ids: slices.Clone(v.IDs), index: index}, nil
}

// sortedByID returns the documents' axis by ascending id, and their vectors in
// that order, at unit length.
func sortedByID(documents axis, v Vectors) (axis, [][]float64) {
	sorted := axis{ids: slices.Sorted(slices.Values(documents.ids)), index: make(map[string]int, len(documents.ids))}
	rows := make([][]float64, len(sorted.ids))
	for i, id := range sorted.ids {
		sorted.index[id] = i
		rows[i] = unit(v.Rows[documents.index[id]])
	}
	return sorted, rows
}
