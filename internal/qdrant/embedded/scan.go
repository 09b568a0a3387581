package embedded

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// scored is a row with its score against one query.
type scored struct {
	row   int
	score float32
}

// search is one exact nearest-neighbour search over a view.
type search struct {
	query []float32 // normalised where the distance wants it
	limit int       // > 0
	floor *float32  // lowest score that counts
}

// scanBlock is how many rows a worker takes at a time: small enough to share
// the work evenly, large enough that taking it costs nothing.
const scanBlock = 2048

// scan answers several searches in one pass over the vectors. keep says which
// rows count besides being live; nil keeps all. The answers are ordered by
// score, highest first, ties by point id.
func (v *view) scan(ctx context.Context, searches []search, keep func(row int) bool) ([][]scored, error) {
	if keep == nil {
		v.vectors.prefault(int64(v.rows) * int64(v.dimensions) * 4)
	}
	blocks := (v.rows + scanBlock - 1) / scanBlock
	workers := max(1, min(runtime.GOMAXPROCS(0), blocks))
	partial := make([][]topList, workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		partial[w] = make([]topList, len(searches))
		for i, s := range searches {
			partial[w][i] = newTopList(s, v)
		}
		work := func() {
			for ctx.Err() == nil {
				block := int(next.Add(1)) - 1
				if block >= blocks {
					return
				}
				v.scanRows(block*scanBlock, min((block+1)*scanBlock, v.rows), searches, keep, partial[w])
			}
		}
		if w == workers-1 {
			work()
		} else {
			wg.Go(work)
		}
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([][]scored, len(searches))
	for i := range searches {
		merged := &partial[0][i]
		for w := 1; w < workers; w++ {
			for _, s := range partial[w][i].heap {
				merged.offer(s)
			}
		}
		out[i] = merged.sorted()
	}
	return out, nil
}

// scanStreams is how many runs of neighbouring rows a worker reads side by side:
// the processor fetches ahead in each, and vector.DotFour multiplies one row of
// each with all queries at a time. Every score comes out of it, so that equal vectors score the
// same to the bit wherever they lie.
const scanStreams = 4

func (v *view) scanRows(from, to int, searches []search, keep func(row int) bool, lists []topList) {
	vectors := v.allVectors()
	at := func(row int) []float32 { return vectors[row*v.dimensions : (row+1)*v.dimensions] }
	run := (to - from + scanStreams - 1) / scanStreams
	queries, scores := make([][]float32, len(searches)), make([][scanStreams]float32, len(searches))
	for i, s := range searches {
		queries[i] = s.query
	}
	for first := from; first < from+run; first++ {
		var rows [scanStreams]int
		n := 0
		for row := first; row < to; row += run {
			if !v.deadBits.has(row) && (keep == nil || keep(row)) {
				rows[n] = row
				n++
			}
		}
		if n == 0 {
			continue
		}
		for i := n; i < len(rows); i++ {
			rows[i] = rows[0] // to fill up; its product is not looked at
		}
		vector.DotFour(queries, at(rows[0]), at(rows[1]), at(rows[2]), at(rows[3]), scores)
		for i := range searches {
			for j, row := range rows[:n] {
				if scores[i][j] >= lists[i].bar {
					lists[i].offer(scored{row, scores[i][j]})
				}
			}
		}
	}
}

// topList keeps the best of what it is offered: a heap whose root is the worst.
type topList struct {
	limit       int
	compareKeys func(a, b int) int
	heap        []scored
	bar         float32 // what scores less need not be offered
}

func newTopList(s search, v *view) topList {
	t := topList{limit: min(s.limit, v.live()), compareKeys: v.compareKeys, bar: float32(math.Inf(-1))}
	if s.floor != nil {
		t.bar = *s.floor
	}
	return t
}

// compare is negative where a ranks before b.
func (t *topList) compare(a, b scored) int {
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	return t.compareKeys(a.row, b.row)
}

func (t *topList) offer(s scored) {
	switch {
	case len(t.heap) < t.limit:
		t.heap = append(t.heap, s)
		t.up(len(t.heap) - 1)
	case t.limit > 0 && t.compare(s, t.heap[0]) < 0:
		t.heap[0] = s
		t.down(0)
	}
	if t.limit > 0 && len(t.heap) == t.limit {
		t.bar = max(t.bar, t.heap[0].score)
	}
}

func (t *topList) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if t.compare(t.heap[i], t.heap[parent]) <= 0 {
			return
		}
		t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
		i = parent
	}
}

func (t *topList) down(i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.compare(t.heap[child], t.heap[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		t.heap[i], t.heap[worst] = t.heap[worst], t.heap[i]
		i = worst
	}
}

func (t *topList) sorted() []scored {
	slices.SortFunc(t.heap, t.compare)
	return t.heap
}
