package embedded

import (
	"cmp"
	"context"
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
	blocks := (v.rows + scanBlock - 1) / scanBlock
	workers := max(1, min(runtime.GOMAXPROCS(0), blocks))
	partial := make([][]topList, workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		partial[w] = make([]topList, len(searches))
		for i, s := range searches {
			partial[w][i] = topList{limit: min(s.limit, v.live()), compareKeys: v.compareKeys}
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

// scanStreams is how many runs of neighbouring rows a worker reads side by side.
// One product alone is too short to keep the memory busy: the processor fetches
// ahead in each run while it works in another.
const scanStreams = 4

func (v *view) scanRows(from, to int, searches []search, keep func(row int) bool, lists []topList) {
	vectors := v.allVectors()
	run := (to - from + scanStreams - 1) / scanStreams
	for first := from; first < from+run; first++ {
		for row := first; row < to; row += run {
			if v.deadBits.has(row) || keep != nil && !keep(row) {
				continue
			}
			x := vectors[row*v.dimensions : (row+1)*v.dimensions]
			for i := range searches {
				score := vector.Dot(searches[i].query, x)
				if floor := searches[i].floor; floor == nil || score >= *floor {
					lists[i].offer(scored{row, score})
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
}

// compare is negative where a ranks before b.
func (t *topList) compare(a, b scored) int {
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	return t.compareKeys(a.row, b.row)
}

func (t *topList) offer(s scored) {
	if len(t.heap) < t.limit {
		t.heap = append(t.heap, s)
		for i := len(t.heap) - 1; i > 0; {
			parent := (i - 1) / 2
			if t.compare(t.heap[i], t.heap[parent]) <= 0 {
				break
			}
			t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
			i = parent
		}
		return
	}
	if t.limit == 0 || s.score < t.heap[0].score || t.compare(s, t.heap[0]) >= 0 {
		return
	}
	t.heap[0] = s
	for i := 0; ; {
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
