package lab

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// maxPairs bounds a score matrix, to 1 GiB.
const maxPairs = 1 << 27

// Brute ranks by brute force: every question against every passage, in float64.
type Brute struct {
	lab      *Lab
	chunking corpus.Chunking
	// The language ranked last: experiments go through languages one by one.
	lang      string
	passages  evalsuite.Vectors
	questions *evalsuite.Matrix
}

// Brute returns the ranker that needs no index. Documents are cut as given.
func (l *Lab) Brute(chunking corpus.Chunking) *Brute { return &Brute{lab: l, chunking: chunking} }

// Passages returns the texts of a set's passages as they are embedded, each with
// the id of its document.
func Passages(set *dataset.Set, chunking corpus.Chunking) (texts, documents []string) {
	for _, d := range set.Documents {
		for _, p := range chunking.Passages(d) {
			texts = append(texts, p.EmbeddingText(set.Format.EmbedsTitle()))
			documents = append(documents, d.ID)
		}
	}
	return texts, documents
}

// open scores the questions of a language against its passages.
func (b *Brute) open(ctx context.Context, set *dataset.Set) error {
	if b.questions != nil && b.lang == set.Lang {
		return nil
	}
	texts, ids := Passages(set, b.chunking)
	if pairs := len(texts) * len(set.Questions); pairs > maxPairs {
		return fmt.Errorf("%d questions against %d passages in %q are more than brute force holds: index them, and search with --store embedded or qdrant",
			len(set.Questions), len(texts), set.Lang)
	}
	rows, err := b.lab.rows(ctx, embedding.Passage, texts)
	if err != nil {
		return err
	}
	passages := evalsuite.Vectors{IDs: ids, Rows: rows}
	asked := questions(set)
	queries := evalsuite.Vectors{IDs: asked.IDs}
	if queries.Rows, err = b.lab.rows(ctx, embedding.Query, asked.Texts); err != nil {
		return err
	}
	if b.questions, err = evalsuite.Cosines(queries, passages); err != nil {
		return fmt.Errorf("score the questions in %q: %w", set.Lang, err)
	}
	b.lang, b.passages = set.Lang, passages
	return nil
}

// Matrices implements evalsuite.Scorer.
func (b *Brute) Matrices(ctx context.Context, p evalsuite.Pairing) (source, anchored *evalsuite.Matrix, err error) {
	set, err := b.lab.Set(p.Lang)
	if err != nil {
		return nil, nil, err
	}
	if err := b.open(ctx, set); err != nil {
		return nil, nil, err
	}
	if p.AnchorLang == p.Lang {
		return b.questions, b.questions, nil
	}
	anchors, err := b.lab.Anchors(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	rows, err := b.lab.rows(ctx, embedding.Query, anchors.Texts)
	if err != nil {
		return nil, nil, err
	}
	if anchored, err = evalsuite.Cosines(evalsuite.Vectors{IDs: anchors.IDs, Rows: rows}, b.passages); err != nil {
		return nil, nil, fmt.Errorf("score the anchors in %q: %w", p.AnchorLang, err)
	}
	source, err = b.questions.Select(anchors.IDs)
	return source, anchored, err
}

// Agreements implements evalsuite.Scorer.
func (b *Brute) Agreements(ctx context.Context, p evalsuite.Pairing) (map[string]float64, error) {
	set, err := b.lab.Set(p.Lang)
	if err != nil {
		return nil, err
	}
	anchors, err := b.lab.Anchors(ctx, p)
	if err != nil {
		return nil, err
	}
	sources, err := b.lab.rows(ctx, embedding.Query, questions(set).Texts)
	if err != nil {
		return nil, err
	}
	rows, err := b.lab.rows(ctx, embedding.Query, anchors.Texts)
	if err != nil {
		return nil, err
	}
	anchor := make(map[string]row, len(rows))
	for i, id := range anchors.IDs {
		anchor[id] = rows[i]
	}
	agreements := make(map[string]float64, len(rows))
	for i, q := range set.Questions {
		if a := anchor[q.ID]; a != nil {
			agreements[q.ID] = vector.Cosine(sources[i], a)
		}
	}
	return agreements, nil
}

// Qrels implements evalsuite.Ranker.
func (b *Brute) Qrels(ctx context.Context, p evalsuite.Pairing) (metrics.Qrels, error) {
	return b.lab.qrels(ctx, p)
}

// Evaluate implements evalsuite.Ranker.
func (b *Brute) Evaluate(ctx context.Context, p evalsuite.Pairing, lambdas []float64, measures ...metrics.Measure) ([]*metrics.Evaluation, error) {
	byRank := func(qrels metrics.Qrels, measures []metrics.Measure) ([]*metrics.Evaluation, error) {
		return atEach(ctx, b, p, lambdas, func(fused *evalsuite.Matrix) (*metrics.Evaluation, error) {
			return fused.Evaluate(qrels, measures...)
		})
	}
	return b.lab.withAnswers(ctx, p, p.Lang, measures, byRank, func(k int) ([]metrics.Run, error) { return b.Runs(ctx, p, lambdas, k) })
}

// Runs implements evalsuite.Ranker.
func (b *Brute) Runs(ctx context.Context, p evalsuite.Pairing, lambdas []float64, k int) ([]metrics.Run, error) {
	return atEach(ctx, b, p, lambdas, func(fused *evalsuite.Matrix) (metrics.Run, error) {
		return fused.Run(k), nil
	})
}

// atEach fuses the scores of a pairing at each λ and returns what is made of
// them.
func atEach[T any](ctx context.Context, b *Brute, p evalsuite.Pairing, lambdas []float64, use func(fused *evalsuite.Matrix) (T, error)) ([]T, error) {
	source, anchored, err := b.Matrices(ctx, p)
	if err != nil {
		return nil, err
	}
	results := make([]T, len(lambdas))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, lambda := range lambdas {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			fused, err := evalsuite.Fuse(source, anchored, lambda)
			if err == nil {
				results[i], err = use(fused)
			}
			return err
		})
	}
	return results, group.Wait()
}
