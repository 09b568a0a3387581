package retrieve

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/query-synergy/query-synergy/internal/rerank"
)

// settled is a round's outcome.
type settled struct {
	hits      []Hit
	threshold float64
	proven    bool // the hits are the whole index's top k
	enough    bool // a deeper round would not serve better
}

// maxFetched bounds how many passages of a round are read by id: beyond it, more
// passages lie within rounding of each other than are worth telling apart.
const maxFetched = 4096

// settle ranks what the round found: it scores exactly every passage that may
// belong to the top k.
func (r *round) settle(ctx context.Context) (settled, error) {
	ways := r.combinations()
	out := settled{threshold: r.threshold(ways)}
	var documents []rerank.Hit
	ranked := true // no passage found may still enter the top k
	for fetched := 0; ; {
		var open []bounded
		var err error
		if documents, open, err = r.standing(ways); err != nil {
			return settled{}, err
		}
		bar := math.Inf(-1)
		if len(documents) >= r.TopK {
			bar = documents[r.TopK-1].Score
		}
		open = slices.DeleteFunc(open, func(b bounded) bool { return b.high < bar })
		if len(open) == 0 {
			break
		}
		open = promising(open, r.TopK)
		if fetched += len(open); fetched > max(maxFetched, 2*oversize*r.TopK) {
			ranked = false
			break
		}
		if err := r.fetch(ctx, open); err != nil {
			return settled{}, err
		}
	}
	full := len(documents) >= r.TopK
	documents = documents[:min(r.TopK, len(documents))]
	out.proven = r.Exact && ranked &&
		(r.complete || full && documents[r.TopK-1].Score > out.threshold+r.slack)
	// What cannot be proven is not worth a deeper search, unless documents lack.
	provable := r.Exact && !math.IsInf(r.slack, 1)
	out.enough = out.proven || r.complete || full && !provable
	out.hits = r.finished(documents)
	return out, nil
}

// bounded is a passage whose document or exact score is not known yet.
type bounded struct {
	*passage
	interval
}

// standing returns the documents of the passages known so far, best first, and
// the other passages.
func (r *round) standing(ways []combination) ([]rerank.Hit, []bounded, error) {
	var known []rerank.Hit
	var open []bounded
	for _, p := range r.order {
		in, err := r.bounds(ways, p)
		if err != nil {
			return nil, nil, err
		}
		if p.payload == nil {
			open = append(open, bounded{p, in})
			continue
		}
		known = append(known, rerank.Hit{
			Candidate: rerank.Candidate{ID: p.id, DocID: p.payload.DocID, Chunk: p.payload.Chunk, Vector: p.vector},
			Score:     in.low,
			Cosines:   p.cosines,
			Hub:       r.scorer.Hub(p.vector),
		})
	}
	return rerank.Documents(known), open, nil
}

// promising picks the passages to read next: those that can score as high as the
// k-th of the passages whose score is bounded from below. Chunks of one document
// may then turn out to be among them, and the next ones follow.
func promising(open []bounded, k int) []bounded {
	slices.SortFunc(open, func(a, b bounded) int {
		return cmp.Or(cmp.Compare(b.high, a.high), cmp.Compare(a.id, b.id))
	})
	if len(open) <= k {
		return open
	}
	lows := make([]float64, len(open))
	for i, b := range open {
		lows[i] = b.low
	}
	slices.Sort(lows)
	bar := lows[len(lows)-k]
	picked, _ := slices.BinarySearchFunc(open, bar, func(b bounded, bar float64) int {
		if b.high >= bar {
			return -1
		}
		return 1
	})
	return open[:max(1, min(picked, max(oversize*k, minDepth)))]
}

// fetch reads vectors and payloads. A passage that is no longer what the
// searches found is errChanged: then nothing is proven by their bounds.
func (r *round) fetch(ctx context.Context, open []bounded) error {
	ids := make([]string, len(open))
	for i, b := range open {
		ids[i] = b.id
	}
	start := time.Now()
	points, err := r.store.Points(ctx, r.Collection, ids)
	r.waited += time.Since(start)
	if err != nil {
		return err
	}
	for _, b := range open {
		point, there := points[b.id]
		if !there || b.vector != nil && !slices.Equal(b.vector, point.Vector) {
			return errChanged
		}
		if b.hash != "" && b.hash != point.Payload.ContentHash { // the filter may keep it no longer
			return errChanged
		}
		p := b.passage
		p.vector, p.payload = point.Vector, &point.Payload
		if _, err := r.measured(p); err != nil {
			return err
		}
		if !r.asFound(p) {
			return errChanged
		}
	}
	return nil
}

// asFound says whether a passage's exact scores are those of the lists, but for
// rounding.
func (r *round) asFound(p *passage) bool {
	for j, l := range r.lists {
		score := p.scores[j]
		if math.IsNaN(score) {
			continue
		}
		exact := -r.scorer.Hub(p.vector)
		for i, w := range l.weights {
			exact += w * p.cosines[i]
		}
		if math.Abs(score-exact) > r.slack {
			return false
		}
	}
	return true
}

// finished adds to the top documents what a reader wants to know of them.
func (r *round) finished(documents []rerank.Hit) []Hit {
	hits := make([]Hit, len(documents))
	place := make(map[string]int, len(documents))
	for i, d := range documents {
		hits[i] = Hit{Hit: d, Payload: *r.passages[d.ID].payload, Ranks: make([]int, len(r.legs))}
		place[d.ID] = i
	}
	for _, l := range r.lists {
		if l.Leg == FusedLeg {
			continue
		}
		for rank, id := range l.ranked {
			if i, in := place[id]; in {
				hits[i].Ranks[l.Leg] = rank + 1
			}
		}
	}
	return hits
}
