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
// IDs[i]. A document that was cut has a row for each of its passages.
type Vectors struct {
	IDs  []string
	Rows [][]float32
}

// Matrix holds the score of every passage for every query. A document scores
// what its best passage does. A matrix is not changed once made, so many
// goroutines may read it.
type Matrix struct {
	queries   axis
	documents axis      // ascending ids, so that of equal scores the lower rank first
	first     []int     // the first passage of each document, and their number last
	scores    []float64 // by query, then passage
}

// axis names queries or documents.
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
// query ids repeat, where ids do not match the rows in number, and where vectors
// differ in width, are not finite or have zero length.
func Cosines(queries, documents Vectors) (*Matrix, error) {
	if len(queries.Rows) == 0 || len(documents.Rows) == 0 {
		return nil, fmt.Errorf("score %d queries against %d documents: both must be there",
			len(queries.Rows), len(documents.Rows))
	}
	width := len(documents.Rows[0])
	if err := documents.check("document", width); err != nil {
		return nil, err
	}
	if err := queries.check("query", width); err != nil {
		return nil, err
	}
	m := &Matrix{queries: newAxis(slices.Clone(queries.IDs))}
	if len(m.queries.index) < len(m.queries.ids) {
		return nil, fmt.Errorf("query id %.120q stands twice", firstTwice(queries.IDs))
	}
	passages := m.addDocuments(documents)
	m.scores = make([]float64, len(queries.IDs)*len(passages))
	var workers sync.WaitGroup
	share := (len(queries.IDs) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for first := 0; first < len(queries.IDs); first += share {
		workers.Go(func() {
			for q := first; q < min(first+share, len(queries.IDs)); q++ {
				cosines(m.row(q), unit(queries.Rows[q]), passages)
			}
		})
	}
	workers.Wait()
	return m, nil
}

// addDocuments names the documents, by ascending id, and returns their passages
// in that order, at unit length.
func (m *Matrix) addDocuments(v Vectors) [][]float64 {
	order := make([]int, len(v.IDs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v.IDs[a], v.IDs[b]) })
	passages := make([][]float64, len(order))
	var ids []string
	for p, i := range order {
		passages[p] = unit(v.Rows[i])
		if p == 0 || v.IDs[i] != v.IDs[order[p-1]] {
			ids = append(ids, v.IDs[i])
			m.first = append(m.first, p)
		}
	}
	m.first = append(m.first, len(order))
	m.documents = newAxis(ids)
	return passages
}

// Fuse returns λ·source + (1−λ)·anchor for every pair. Both matrices must have
// the same queries, in the same order, and the same documents: an anchor's
// vectors carry the ids of the source queries that they stand for. λ lies in
// [0, 1].
func Fuse(source, anchor *Matrix, lambda float64) (*Matrix, error) {
	return FuseEach(source, anchor, slices.Repeat([]float64{lambda}, len(source.queries.ids)))
}

// FuseEach is Fuse with a λ for each query.
func FuseEach(source, anchor *Matrix, lambdas []float64) (*Matrix, error) {
	if !slices.Equal(source.queries.ids, anchor.queries.ids) {
		return nil, errors.New("fuse: source and anchor matrix differ in their queries: give the anchors the ids of their source queries")
	}
	if !slices.Equal(source.documents.ids, anchor.documents.ids) || !slices.Equal(source.first, anchor.first) {
		return nil, errors.New("fuse: source and anchor matrix differ in their documents: score both against the same ones")
	}
	if len(lambdas) != len(source.queries.ids) {
		return nil, fmt.Errorf("fuse: %d lambdas for %d queries", len(lambdas), len(source.queries.ids))
	}
	fused := *source
	fused.scores = make([]float64, len(source.scores))
	for q, lambda := range lambdas {
		if math.IsNaN(lambda) || lambda < 0 || lambda > 1 {
			return nil, fmt.Errorf("fuse: lambda %v lies outside 0 to 1", lambda)
		}
		row, anchors := fused.row(q), anchor.row(q)
		for i, s := range source.row(q) {
			// Converted, so that no compiler fuses the products into the sum and
			// rounds otherwise than the next.
			row[i] = float64(lambda*s) + float64((1-lambda)*anchors[i])
		}
	}
	return &fused, nil
}

// Select returns the matrix of the named queries, in that order.
func (m *Matrix) Select(queries []string) (*Matrix, error) {
	if slices.Equal(queries, m.queries.ids) {
		return m, nil
	}
	selected := *m
	selected.queries = newAxis(slices.Clone(queries))
	selected.scores = make([]float64, 0, len(queries)*m.passages())
	for _, id := range queries {
		q, ok := m.queries.index[id]
		if !ok {
			return nil, fmt.Errorf("query %.120q is not among the %d scored", id, len(m.queries.ids))
		}
		selected.scores = append(selected.scores, m.row(q)...)
	}
	return &selected, nil
}

// Run returns the best k documents of every query, by descending score, ties by
// ascending document id. k is at least 1.
func (m *Matrix) Run(k int) metrics.Run {
	run := make(metrics.Run, len(m.queries.ids))
	columns := make([]int, len(m.documents.ids))
	var row []float64
	for q, id := range m.queries.ids {
		row = m.documentScores(q, row)
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
	var row []float64
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
		row = m.documentScores(q, row)
		return ranksOf(columns, row), nil
	}, measures...)
}

// row returns the scores of query q, one a passage.
func (m *Matrix) row(q int) []float64 {
	n := m.passages()
	return m.scores[q*n : (q+1)*n]
}

func (m *Matrix) passages() int { return m.first[len(m.first)-1] }

// documentScores returns the scores of query q, one a document, in the memory
// of scratch if there is need of any.
func (m *Matrix) documentScores(q int, scratch []float64) []float64 {
	row := m.row(q)
	if len(row) == len(m.documents.ids) {
		return row
	}
	scratch = scratch[:0]
	for d := range m.documents.ids {
		scratch = append(scratch, slices.Max(row[m.first[d]:m.first[d+1]]))
	}
	return scratch
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

func newAxis(ids []string) axis {
	index := make(map[string]int, len(ids))
	for i, id := range ids {
		index[id] = i
	}
	return axis{ids: ids, index: index}
}

// check returns an error unless every id has a vector of the given width; what
// says what the ids name.
func (v Vectors) check(what string, width int) error {
	if len(v.IDs) != len(v.Rows) {
		return fmt.Errorf("%d %s ids for %d vectors", len(v.IDs), what, len(v.Rows))
	}
	for i, id := range v.IDs {
		if err := vector.Check(v.Rows[i], width); err != nil {
			return fmt.Errorf("vector of %s %.120q: %w", what, id, err)
		}
	}
	return nil
}

func firstTwice(ids []string) string {
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			return id
		}
		seen[id] = true
	}
	return ""
}
