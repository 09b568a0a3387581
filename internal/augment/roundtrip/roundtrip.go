// Package roundtrip finds out whether a generated query leads back to its own
// passage: among all passages of its language, by cosine, over vectors held in
// memory. It is a generate.Retriever.
//
// It knows passages, queries and vectors, and nothing of who wrote the queries or
// of stores: they are written before there is an index.
package roundtrip

import (
	"context"
	"fmt"
	"iter"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Embedder is the part of *embedding.Client that is needed.
type Embedder interface {
	Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error)
}

const (
	// maxBytes bounds the vectors: of 384 dimensions, 1.4 million.
	maxBytes = 2 << 30
	// window is how many passages are embedded in one call.
	window = 256
)

// Ranker ranks passages by queries. It is safe for concurrent use.
type Ranker struct {
	embedder Embedder
	// places are the passages in each language, in the order in which they came,
	// and languages that of each document.
	places    map[string][]place
	languages map[string]string
	bytes     int
}

type place struct {
	docID  string
	chunk  int
	vector []float32 // of unit length
}

// New embeds the passages, as an index with or without titles has them: with the
// embedding cache, indexing them then costs nothing more. progress hears of how
// many more are embedded, each time.
func New(ctx context.Context, embedder Embedder, embedsTitle bool, passages iter.Seq2[corpus.Passage, error], progress func(n int)) (*Ranker, error) {
	r := &Ranker{embedder: embedder, places: map[string][]place{}, languages: map[string]string{}}
	var some []corpus.Passage
	for p, err := range passages {
		if err != nil {
			return nil, err
		}
		if some = append(some, p); len(some) < window {
			continue
		}
		if err := r.add(ctx, embedsTitle, some); err != nil {
			return nil, err
		}
		progress(len(some))
		some = some[:0]
	}
	if len(some) == 0 {
		return r, nil
	}
	err := r.add(ctx, embedsTitle, some)
	progress(len(some))
	return r, err
}

func (r *Ranker) add(ctx context.Context, embedsTitle bool, passages []corpus.Passage) error {
	texts := make([]string, len(passages))
	for i, p := range passages {
		texts[i] = p.EmbeddingText(embedsTitle)
	}
	vectors, _, err := r.embedder.Embed(ctx, embedding.Passage, texts)
	if err != nil {
		return fmt.Errorf("embed passages for the round trip: %w", err)
	}
	for i, p := range passages {
		if r.bytes += 4 * len(vectors[i]); r.bytes > maxBytes {
			return fmt.Errorf("the vectors of more than %d passages do not fit in %d MiB: generate queries for parts of the corpus, or without a round trip",
				r.bytes/(4*len(vectors[i])), maxBytes>>20)
		}
		r.places[p.Lang] = append(r.places[p.Lang], place{p.DocID, p.Chunk, vector.Normalize(vectors[i])})
		r.languages[p.DocID] = p.Lang
	}
	return nil
}

// Rank implements generate.Retriever. A query of a whole document has the rank of
// the document's best passage; of equally near passages the earlier ones come
// first. It returns 0 for a query of a passage that is not there.
func (r *Ranker) Rank(ctx context.Context, query augment.Query) (int, error) {
	vectors, _, err := r.embedder.Embed(ctx, embedding.Query, []string{query.Text})
	if err != nil {
		return 0, err
	}
	places := r.places[r.languages[query.DocID]]
	scores := make([]float64, len(places))
	own := -1
	for i, p := range places {
		if i%window == 0 && ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		scores[i] = vector.Dot64(vectors[0], p.vector)
		if p.docID == query.DocID && (query.Chunk == augment.EveryChunk || query.Chunk == p.chunk) &&
			(own < 0 || scores[i] > scores[own]) {
			own = i
		}
	}
	if own < 0 {
		return 0, nil
	}
	rank := 1
	for i, s := range scores {
		if s > scores[own] || s == scores[own] && i < own {
			rank++
		}
	}
	return rank, nil
}
