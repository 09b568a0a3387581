package search

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/embedding"
)

// Sizes of a batch's stages.
const (
	batchTexts       = 256 // embedded in one call
	batchTranslating = 4
	batchSearching   = 4
)

// RunAll answers many queries: their texts are embedded together, translations
// and searches run side by side. each hears of every query, in the order of
// queries, from one goroutine; an error of one query leaves the others as they
// are, and an error that each returns ends the run.
func (s *Searcher) RunAll(ctx context.Context, queries []Query, each func(i int, r Result, err error) error) error {
	for first := 0; first < len(queries); first += batchTexts {
		some := queries[first:min(first+batchTexts, len(queries))]
		results, errs := s.runSome(ctx, some)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for i := range some {
			if err := each(first+i, results[i], errs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// runSome answers as many queries as are embedded in one call.
func (s *Searcher) runSome(ctx context.Context, queries []Query) ([]Result, []error) {
	results, errs := make([]Result, len(queries)), make([]error, len(queries))
	known := &known{Embedder: s.Embedder, vectors: map[string][]float32{}}
	var texts []string
	for _, q := range queries {
		if q.Validate() != nil {
			continue // Run says so
		}
		texts = append(texts, norm.NFC.String(q.Text))
		if q.Anchor != "" {
			texts = append(texts, norm.NFC.String(q.Anchor))
		}
	}
	if err := known.learn(ctx, texts); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return results, errs
	}
	batch := &Searcher{Store: s.Store, Embedder: known, Translator: s.Translator, Trust: s.Trust}
	prepared := make([]*Prepared, len(queries))
	sideBySide(len(queries), batchTranslating, func(i int) { prepared[i], errs[i] = batch.Prepare(ctx, queries[i]) })
	sideBySide(len(queries), batchSearching, func(i int) {
		if errs[i] == nil {
			results[i], errs[i] = batch.Answer(ctx, prepared[i])
		}
	})
	return results, errs
}

func sideBySide(n, workers int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error { do(i); return nil })
	}
	_ = group.Wait() // do keeps its own errors
}

// known embeds from memory what was learnt.
type known struct {
	Embedder
	vectors map[string][]float32 // read only once learnt
}

func (k *known) learn(ctx context.Context, texts []string) error {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if len(texts) == 0 {
		return nil
	}
	vectors, _, err := k.Embedder.Embed(ctx, embedding.Query, texts)
	if err != nil {
		return err
	}
	if len(vectors) != len(texts) {
		return errors.New("embed a batch of queries: a vector is missing")
	}
	for i, text := range texts {
		k.vectors[text] = vectors[i]
	}
	return nil
}

// Embed implements Embedder.
func (k *known) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v, ok := k.vectors[text]
		if !ok || role != embedding.Query {
			return k.Embedder.Embed(ctx, role, texts)
		}
		vectors[i] = v
	}
	return vectors, embedding.Stats{}, nil
}
