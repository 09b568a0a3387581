package lab

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Augmentation says what passages know.
type Augmentation struct {
	Mode evalsuite.Mode
	// Texts says what Queries and Translations are, for the rows.
	Texts evalsuite.Texts
	// Queries were generated for the passages; every one counts, repeats too.
	Queries []augment.Query
	// Translations are of the passages, by the passages' language; embedded as
	// passages, as they are some. Where there are any, Queries must be empty.
	Translations map[string][]augment.Query
	Bank         []augment.Query // queries that show which passages are near to everything
	// Documents is their language; "" is that of the questions.
	Documents string
}

// of returns the texts for documents in a language, and how they are embedded.
func (a Augmentation) of(language string) ([]augment.Query, embedding.Role) {
	if a.Texts.Kind == evalsuite.PassageTranslations {
		return a.Translations[language], embedding.Passage
	}
	return a.Queries, embedding.Query
}

// Augmented ranks augmented passages by brute force.
type Augmented struct {
	lab      *Lab
	chunking corpus.Chunking
	with     Augmentation
	// scores are kept, as far as they fit, of the pairings ranked before: a
	// choice for all languages goes through them twice.
	scores map[evalsuite.Pairing]*evalsuite.AugmentedScores
	pairs  int // in scores
}

// Augmented returns a ranker of augmented passages. Documents are cut as given.
func (l *Lab) Augmented(chunking corpus.Chunking, with Augmentation) *Augmented {
	return &Augmented{lab: l, chunking: chunking, with: with, scores: map[evalsuite.Pairing]*evalsuite.AugmentedScores{}}
}

// Mode implements evalsuite.AugmentedRanker.
func (a *Augmented) Mode() evalsuite.Mode { return a.with.Mode }

// Texts implements evalsuite.AugmentedRanker.
func (a *Augmented) Texts() evalsuite.Texts { return a.with.Texts }

// HasBank implements evalsuite.AugmentedRanker.
func (a *Augmented) HasBank() bool { return len(a.with.Bank) > 0 }

// Qrels implements evalsuite.AugmentedRanker.
func (a *Augmented) Qrels(ctx context.Context, p evalsuite.Pairing) (metrics.Qrels, error) {
	return a.lab.qrels(ctx, p)
}

// documents returns the language of the documents that a pairing's questions are
// asked of.
func (a *Augmented) documents(p evalsuite.Pairing) string {
	if a.with.Documents != "" {
		return a.with.Documents
	}
	return p.Lang
}

// Evaluate implements evalsuite.AugmentedRanker.
func (a *Augmented) Evaluate(ctx context.Context, p evalsuite.Pairing, settings []evalsuite.Setting, measures ...metrics.Measure) ([]*metrics.Evaluation, error) {
	byRank := func(qrels metrics.Qrels, measures []metrics.Measure) ([]*metrics.Evaluation, error) {
		return underEach(ctx, a, p, settings, func(m *evalsuite.Matrix) (*metrics.Evaluation, error) {
			return m.Evaluate(qrels, measures...)
		})
	}
	return a.lab.withAnswers(ctx, p, a.documents(p), measures, byRank, func(k int) ([]metrics.Run, error) {
		return underEach(ctx, a, p, settings, func(m *evalsuite.Matrix) (metrics.Run, error) { return m.Run(k), nil })
	})
}

// underEach returns what is made of the scores under each setting. Settings that
// differ in Hub alone share their work.
func underEach[T any](ctx context.Context, a *Augmented, p evalsuite.Pairing, settings []evalsuite.Setting, use func(m *evalsuite.Matrix) (T, error)) ([]T, error) {
	scores, err := a.open(ctx, p)
	if err != nil {
		return nil, err
	}
	sharing := map[evalsuite.Setting][]int{}
	hubs := map[float64]evalsuite.Hubs{} // by α
	for i, s := range settings {
		if s.Hub > 0 && hubs[s.Alpha] == nil {
			if hubs[s.Alpha], err = scores.Hubs(s.Alpha); err != nil {
				return nil, err
			}
		}
		s.Hub = 0
		sharing[s] = append(sharing[s], i)
	}
	results := make([]T, len(settings))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for shared, places := range sharing {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := scores.Matrix(shared.Lambda, shared.Alpha)
			if err != nil {
				return err
			}
			lowered := &evalsuite.Matrix{}
			for _, i := range places {
				ranked := m
				if b := settings[i].Hub; b > 0 {
					hubs[shared.Alpha].Lower(lowered, m, b)
					ranked = lowered
				}
				if results[i], err = use(ranked); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return results, group.Wait()
}

// open scores the questions of a pairing, their anchors and the bank.
func (a *Augmented) open(ctx context.Context, p evalsuite.Pairing) (*evalsuite.AugmentedScores, error) {
	if scores := a.scores[p]; scores != nil {
		return scores, nil
	}
	asked, err := a.lab.Set(p.Lang)
	if err != nil {
		return nil, err
	}
	set, err := a.lab.Set(a.documents(p))
	if err != nil {
		return nil, err
	}
	if err := dataset.ParallelDocuments(asked, set); err != nil {
		return nil, err
	}
	texts, role := a.with.of(set.Lang)
	if err := wantKnown(set, slices.Concat(texts, a.with.Bank)); err != nil {
		return nil, err
	}
	known := augment.NewBank(texts)
	anchors, err := a.lab.Anchors(ctx, p)
	if err != nil {
		return nil, err
	}
	pairs := (2*len(anchors.IDs) + len(a.with.Bank)) * a.size(set, known)
	if pairs > maxPairs {
		return nil, fmt.Errorf("%d questions and %d texts of passages against %d documents in %q are more than brute force holds",
			len(anchors.IDs), len(texts), len(set.Documents), set.Lang)
	}
	if a.pairs += pairs; a.pairs > maxPairs {
		clear(a.scores)
		a.pairs = pairs
	}
	sources, err := a.sources(ctx, asked, anchors.IDs)
	if err != nil {
		return nil, err
	}
	translated := evalsuite.Vectors{IDs: anchors.IDs}
	if translated.Rows, err = a.lab.rows(ctx, embedding.Query, anchors.Texts); err != nil {
		return nil, err
	}
	generated, err := a.generated(ctx, set, known, role)
	if err != nil {
		return nil, err
	}
	scores, err := evalsuite.NewAugmentedScores(sources, translated, generated, a.with.Mode)
	if err != nil {
		return nil, fmt.Errorf("score the questions in %q: %w", p.Lang, err)
	}
	a.scores[p] = scores
	return scores, nil
}

// size is how many products a question takes: one with each passage, and one
// with each of its texts.
func (a *Augmented) size(set *dataset.Set, known *augment.Bank) int {
	n := 0
	for _, d := range set.Documents {
		for _, p := range a.chunking.Passages(d) {
			n += 1 + max(1, len(known.Of(d.ID, p.Chunk)))
		}
	}
	return n
}

// sources returns the questions of these ids.
func (a *Augmented) sources(ctx context.Context, set *dataset.Set, ids []string) (evalsuite.Vectors, error) {
	all := questions(set)
	texts := make(map[string]string, len(all.IDs))
	for i, id := range all.IDs {
		texts[id] = all.Texts[i]
	}
	v := evalsuite.Vectors{IDs: ids}
	wanted := make([]string, len(ids))
	for i, id := range ids {
		wanted[i] = texts[id]
	}
	var err error
	v.Rows, err = a.lab.rows(ctx, embedding.Query, wanted)
	return v, err
}

// generated returns the passages of a set with their texts, embedded in a role.
func (a *Augmented) generated(ctx context.Context, set *dataset.Set, known *augment.Bank, role embedding.Role) (g evalsuite.Generated, err error) {
	var texts []string
	for _, d := range set.Documents {
		for _, p := range a.chunking.Passages(d) {
			texts = append(texts, p.EmbeddingText(set.Format.EmbedsTitle()))
			g.Passages.IDs = append(g.Passages.IDs, d.ID)
			rows, err := a.rows(ctx, role, known.Of(d.ID, p.Chunk))
			if err != nil {
				return g, err
			}
			g.Queries = append(g.Queries, rows)
		}
	}
	for _, q := range a.with.Bank {
		g.Bank.IDs = append(g.Bank.IDs, q.DocID)
	}
	if g.Bank.Rows, err = a.rows(ctx, embedding.Query, a.with.Bank); err != nil {
		return g, err
	}
	g.Passages.Rows, err = a.lab.rows(ctx, embedding.Passage, texts)
	return g, err
}

// wantKnown returns an error for a text of a document that the set has not.
func wantKnown(set *dataset.Set, texts []augment.Query) error {
	there := make(map[string]bool, len(set.Documents))
	for _, d := range set.Documents {
		there[d.ID] = true
	}
	for _, q := range texts {
		if !there[q.DocID] {
			return fmt.Errorf("a query was generated for document %.120q, which dataset %s has not in %q: were they generated for other documents?",
				q.DocID, set.Name, set.Lang)
		}
	}
	return nil
}

// rows returns the vectors of texts that passages know.
func (a *Augmented) rows(ctx context.Context, role embedding.Role, queries []augment.Query) ([][]float32, error) {
	texts := make([]string, len(queries))
	for i, q := range queries {
		texts[i] = q.Text
	}
	return a.lab.rows(ctx, role, texts)
}
