package lab

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/search"
)

// Indexed ranks through the search path that queries take.
type Indexed struct {
	lab      *Lab
	searcher *search.Searcher
	corpus   string
}

// Indexed returns the ranker that searches an indexed corpus. Questions and
// anchors are embedded by the lab, once.
func (l *Lab) Indexed(store search.Store, corpus string) *Indexed {
	return &Indexed{lab: l, searcher: &search.Searcher{Store: store, Embedder: memory{l}}, corpus: corpus}
}

// Check returns an error if the corpus has no index in a language that these
// questions can be asked of.
func (x *Indexed) Check(ctx context.Context, language string) error {
	_, err := x.searcher.Open(ctx, qdrant.Key{Corpus: x.corpus, Lang: language})
	return err
}

// Qrels implements evalsuite.Ranker.
func (x *Indexed) Qrels(ctx context.Context, p evalsuite.Pairing) (metrics.Qrels, error) {
	return x.lab.qrels(ctx, p)
}

// Evaluate implements evalsuite.Ranker.
func (x *Indexed) Evaluate(ctx context.Context, p evalsuite.Pairing, lambdas []float64, measures ...metrics.Measure) ([]*metrics.Evaluation, error) {
	byRank := func(qrels metrics.Qrels, measures []metrics.Measure) ([]*metrics.Evaluation, error) {
		runs, err := x.Runs(ctx, p, lambdas, depth(measures))
		if err != nil {
			return nil, err
		}
		evaluations := make([]*metrics.Evaluation, len(lambdas))
		for i, run := range runs {
			if evaluations[i], err = metrics.Evaluate(qrels, run, metrics.RankedIDs, measures...); err != nil {
				return nil, err
			}
		}
		return evaluations, nil
	}
	return x.lab.withAnswers(ctx, p, p.Lang, measures, byRank, func(k int) ([]metrics.Run, error) { return x.Runs(ctx, p, lambdas, k) })
}

// depth is how many documents the measures look at.
func depth(measures []metrics.Measure) int {
	k := 1
	for _, m := range measures {
		k = max(k, m.K)
		if m.K == 0 {
			k = search.MaxTopK // a measure without a cut-off
		}
	}
	return k
}

// Runs implements evalsuite.Ranker.
func (x *Indexed) Runs(ctx context.Context, p evalsuite.Pairing, lambdas []float64, k int) ([]metrics.Run, error) {
	set, err := x.lab.Set(p.Lang)
	if err != nil {
		return nil, err
	}
	anchors, err := x.lab.Anchors(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := x.lab.Embed(ctx, embedding.Query, append(questions(set).Texts, anchors.Texts...), nil); err != nil {
		return nil, err
	}
	sources := make(map[string]string, len(set.Questions))
	for _, q := range set.Questions {
		sources[q.ID] = q.Text
	}
	rankings := make([][][]search.Ranked, len(anchors.IDs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range anchors.IDs {
		group.Go(func() (err error) {
			rankings[i], err = x.searcher.Rank(ctx, search.Query{
				ID: id, Corpus: x.corpus, Lang: p.Lang, Text: sources[id],
				Anchor: anchors.Texts[i], AnchorLang: p.AnchorLang, TopK: k,
			}, lambdas)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	runs := make([]metrics.Run, len(lambdas))
	for l := range lambdas {
		runs[l] = metrics.Run{}
		for i, id := range anchors.IDs {
			for _, r := range rankings[i][l] {
				runs[l][id] = append(runs[l][id], metrics.Scored{DocID: r.DocID, Score: r.Score})
			}
		}
	}
	return runs, nil
}

// memory embeds what the lab has embedded already.
type memory struct{ lab *Lab }

func (m memory) Identity() embedding.Identity { return m.lab.embedder.Identity() }

func (m memory) Embed(_ context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		var ok bool
		if vectors[i], ok = m.lab.vectors[role][text]; !ok {
			return nil, embedding.Stats{}, fmt.Errorf("the %s %.60q was not embedded before the search", role, text)
		}
	}
	return vectors, embedding.Stats{}, nil
}
