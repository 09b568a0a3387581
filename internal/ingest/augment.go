package ingest

import (
	"context"
	"fmt"
	"sync"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Augment says what passages are blended with. An index keeps to one Alpha and
// one list of queries: what is new in it is decided by its passages alone.
type Augment struct {
	Queries []augment.Query // repeats count as often as they stand
	Alpha   float64         // from 0, the plain index, to 1
}

// augmenter blends passages with their queries, and has each distinct query
// embedded once in a run.
type augmenter struct {
	alpha    float64
	bank     *augment.Bank
	schema   *qdrant.Augment
	embedder Embedder
	count    func(func(*Report))

	shared map[string]bool // texts that stand in more than one place

	mu      sync.Mutex
	vectors map[string]*queryVector // by text; those that may be asked for again
}

// queryVector is a query's vector, there once ready is closed.
type queryVector struct {
	ready  chan struct{}
	vector []float32
}

func newAugmenter(a Augment, embedder Embedder, count func(func(*Report))) *augmenter {
	bank := augment.NewBank(a.Queries)
	of := bank.Summary()
	x := &augmenter{
		alpha: a.Alpha, bank: bank, embedder: embedder, count: count,
		schema: &qdrant.Augment{
			Alpha: a.Alpha, Queries: of.Queries, PerPassage: of.PerPassage,
			// A list of none is written as such.
			Langs: append([]string{}, of.Langs...), Models: append([]string{}, of.Models...), Prompts: append([]string{}, of.Prompts...),
			Hash: of.Hash,
		},
		shared: map[string]bool{}, vectors: map[string]*queryVector{},
	}
	type place struct {
		docID string
		chunk int
	}
	first := make(map[string]place, len(a.Queries))
	for _, q := range a.Queries {
		at := place{q.DocID, q.Chunk}
		if seen, ok := first[q.Text]; !ok {
			first[q.Text] = at
		} else if seen != at {
			x.shared[q.Text] = true
		}
	}
	return x
}

// blend returns the passages' vectors with those of their queries in them.
func (x *augmenter) blend(ctx context.Context, passages []corpus.Passage, vectors [][]float32) ([][]float32, error) {
	queries := make([][]augment.Query, len(passages))
	var texts []string
	augmented := 0
	for i, p := range passages {
		queries[i] = x.bank.Of(p.DocID, p.Chunk)
		for _, q := range queries[i] {
			texts = append(texts, q.Text)
		}
		if len(queries[i]) > 0 {
			augmented++
		}
	}
	known, err := x.embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	blended := make([][]float32, len(passages))
	for i, p := range passages {
		of := make([][]float32, len(queries[i]))
		for n, q := range queries[i] {
			of[n] = known[q.Text]
		}
		if blended[i], err = augment.Blend(vectors[i], of, x.alpha, true); err != nil {
			return nil, fmt.Errorf("document %.80q, chunk %d: %w", p.DocID, p.Chunk, err)
		}
	}
	x.forget(passages, queries)
	x.count(func(c *Report) { c.Augmented += augmented })
	return blended, nil
}

// forget drops the vectors of queries that only these passages have.
func (x *augmenter) forget(passages []corpus.Passage, queries [][]augment.Query) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, p := range passages {
		for _, q := range queries[i] {
			if !x.shared[q.Text] && (q.Chunk != augment.EveryChunk || p.Chunks == 1) {
				delete(x.vectors, q.Text)
			}
		}
	}
}

// embed returns the vectors of texts by text. A text that another batch asks for
// at the same time is waited for.
func (x *augmenter) embed(ctx context.Context, texts []string) (map[string][]float32, error) {
	found := make(map[string]*queryVector, len(texts))
	var mine []string
	x.mu.Lock()
	for _, text := range texts {
		if found[text] != nil {
			continue
		}
		v := x.vectors[text]
		if v == nil {
			v = &queryVector{ready: make(chan struct{})}
			x.vectors[text] = v
			mine = append(mine, text)
		}
		found[text] = v
	}
	x.mu.Unlock()
	if len(mine) > 0 {
		vectors, stats, err := x.embedder.Embed(ctx, embedding.Query, mine)
		x.count(func(c *Report) {
			c.Embedded += stats.Embedded
			c.Cached += stats.Cached
			c.Tokens += stats.Tokens
			c.QueriesEmbedded += stats.Embedded
			c.QueriesCached += stats.Cached
		})
		if err != nil { // which ends the run, and the others' wait with it
			return nil, fmt.Errorf("embed generated queries: %w", err)
		}
		for i, text := range mine {
			found[text].vector = vectors[i]
			close(found[text].ready)
		}
	}
	known := make(map[string][]float32, len(found))
	for text, v := range found {
		select {
		case <-v.ready:
			known[text] = v.vector
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return known, nil
}
