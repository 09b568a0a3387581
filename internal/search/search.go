// Package search answers one query from end to end: it gets the anchor query,
// embeds both, searches with both, and fuses what they found into one exact
// ranking.
//
//	text ─┬─ embed ──────────────┐
//	      └─ translate → embed ──┴→ search in parallel → fuse → hits
//
// It ties the adapters together and holds no protocol, flag or file of its own:
// package retrieve finds and scores, package trust says what an anchor is worth.
package search

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
)

// Store is the part of *qdrant.Store that a query needs.
type Store interface {
	retrieve.Store
	Lookup(ctx context.Context, key qdrant.Key) (qdrant.Collection, error)
}

// Embedder is the part of *embedding.Client that a query needs.
type Embedder interface {
	Identity() embedding.Identity
	Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error)
}

// Searcher answers queries. It is safe for concurrent use.
type Searcher struct {
	Store      Store
	Embedder   Embedder
	Translator anchor.Translator // nil: an anchor comes only with the query
	// Trust says how anchors are judged; nil: all count in full.
	Trust Trust
}

// Run answers a query. Where the anchor cannot be had, the answer is that of
// the source query alone and Result.Anchor says why. An index built with
// another model or prefix is refused with a *qdrant.SchemaError before anything
// is embedded.
func (s *Searcher) Run(ctx context.Context, q Query) (Result, error) {
	p, err := s.Prepare(ctx, q)
	if err != nil {
		return Result{}, err
	}
	return s.Answer(ctx, p)
}

// Check returns an error unless every index that the queries search is there
// and of the right model. Nothing is embedded for it, which may have its price.
func (s *Searcher) Check(ctx context.Context, queries ...Query) error {
	checked := map[qdrant.Key]bool{}
	for _, q := range queries {
		for _, target := range q.targets() {
			key := qdrant.Key{Corpus: q.Corpus, Lang: target}
			if checked[key] {
				continue
			}
			checked[key] = true
			if _, err := s.Open(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// Answer searches with a prepared query.
func (s *Searcher) Answer(ctx context.Context, p *Prepared) (Result, error) {
	start := time.Now()
	targets := p.targets()
	parts := make([]part, len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(searchingLanguages)
	for i, target := range targets {
		group.Go(func() (err error) {
			parts[i], err = s.answerIn(ctx, p, target)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	result := p.result(parts)
	if p.RequireAnchor && result.Anchor.Status.Missing() {
		return Result{}, &MissingAnchorError{Anchor: result.Anchor}
	}
	result.Timings.Total += milliseconds(time.Since(start))
	return result, nil
}

// searchingLanguages is how many indexes one query searches at the same time.
const searchingLanguages = 4

// part is the answer from the index of one language.
type part struct {
	lang string
	retrieve.Answer
	judgement *Judgement // nil where the anchor was not judged
}

// answerIn searches the index of one language. Where its version was removed
// since the query was prepared, as a newer one took its place, that is searched.
func (s *Searcher) answerIn(ctx context.Context, p *Prepared, target string) (part, error) {
	collection := p.indexes[target]
	answer, err := s.answerFrom(ctx, p, target, collection)
	if errors.Is(err, qdrant.ErrNoCollection) {
		if now, openErr := s.Open(ctx, collection.Key); openErr == nil && now.Name != collection.Name {
			return s.answerFrom(ctx, p, target, now)
		}
	}
	return answer, err
}

func (s *Searcher) answerFrom(ctx context.Context, p *Prepared, target string, collection qdrant.Collection) (part, error) {
	if err := s.checkSchema(collection); err != nil { // again, as the width of the query is known now
		return part{}, err
	}
	weights := p.weights(target, p.anchor.Text == "")
	legs := []rerank.Leg{{Vector: p.source, Weight: weights[0]}}
	for i, v := range p.anchors {
		legs = append(legs, rerank.Leg{Vector: v, Weight: weights[i+1]})
	}
	request := retrieve.Request{Collection: collection, Legs: legs, TopK: p.TopK, Strategy: p.Strategy, Exact: !p.Approximate}
	judgement := s.judge(p, target, &request)
	answer, err := retrieve.Run(ctx, s.Store, request)
	return part{lang: target, Answer: answer, judgement: judgement}, err
}

// Open finds an index that queries can be asked of. One built with another model
// or prefix is refused with a *qdrant.SchemaError; nothing is embedded for it.
func (s *Searcher) Open(ctx context.Context, key qdrant.Key) (qdrant.Collection, error) {
	collection, err := s.Store.Lookup(ctx, key)
	if err != nil {
		return qdrant.Collection{}, err
	}
	return collection, s.checkSchema(collection)
}

// checkSchema compares what the index was embedded with and what the query
// will be embedded with.
func (s *Searcher) checkSchema(c qdrant.Collection) error {
	id := s.Embedder.Identity()
	now := c.Schema
	now.Model, now.QueryPrefix, now.PassagePrefix = id.Model, id.QueryPrefix, id.PassagePrefix
	now.QueryBody, now.PassageBody = id.QueryBody, id.PassageBody
	if id.Dimensions != 0 { // else they show when the query is embedded
		now.Dimensions = id.Dimensions
	}
	if diff := c.Schema.Diff(now); len(diff) > 0 {
		return &qdrant.SchemaError{Key: c.Key, Differences: diff}
	}
	return nil
}
