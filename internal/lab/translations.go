package lab

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
)

// Translations returns the passages of one language in another, as texts for them
// to know: by people, who wrote the dataset's documents of the same ids, or by a
// translator. It also counts the passages that have none, which are those that
// the translator does not know or refuses.
func (l *Lab) Translations(ctx context.Context, chunking corpus.Chunking, from, to, translator string) ([]augment.Query, int, error) {
	set, err := l.Set(from)
	if err != nil {
		return nil, 0, err
	}
	var texts []augment.Query
	var missing int
	if translator == evalsuite.Human {
		texts, missing, err = l.parallelPassages(set, to, chunking)
	} else {
		texts, missing, err = l.translatedPassages(ctx, set, to, translator, chunking)
	}
	if err == nil && len(texts) == 0 {
		err = anchor.ErrNoTranslation
	}
	if err != nil {
		return nil, 0, fmt.Errorf("translations of the passages in %q into %q by %s: %w", from, to, translator, err)
	}
	return texts, missing, nil
}

// parallelPassages gives a document's passages, however they are cut, all of its
// translation.
func (l *Lab) parallelPassages(set *dataset.Set, to string, chunking corpus.Chunking) (texts []augment.Query, missing int, err error) {
	other, err := l.Set(to)
	if err != nil {
		return nil, 0, err
	}
	byID := map[string]corpus.Document{}
	for _, d := range other.Documents {
		byID[d.ID] = d
	}
	for _, d := range set.Documents {
		parallel, ok := byID[d.ID]
		if !ok {
			missing++
			continue
		}
		for _, p := range chunking.Passages(parallel) {
			texts = append(texts, augment.Query{
				DocID: d.ID, Chunk: augment.EveryChunk, Lang: to, Model: evalsuite.Human,
				Text: p.EmbeddingText(other.Format.EmbedsTitle()),
			})
		}
	}
	return texts, missing, nil
}

func (l *Lab) translatedPassages(ctx context.Context, set *dataset.Set, to, translator string, chunking corpus.Chunking) (texts []augment.Query, missing int, err error) {
	by, ok := l.translators[translator]
	if !ok {
		return nil, 0, fmt.Errorf("there is no translator %q", translator)
	}
	var requests []anchor.Request
	for _, d := range set.Documents {
		passages := chunking.Passages(d)
		for _, p := range passages {
			request := anchor.Request{Text: p.EmbeddingText(set.Format.EmbedsTitle()), From: set.Lang, To: to}
			chunk := p.Chunk
			if len(passages) == 1 {
				request.ID, chunk = d.ID, augment.EveryChunk
			}
			requests = append(requests, request)
			texts = append(texts, augment.Query{DocID: d.ID, Chunk: chunk, Lang: to, Model: translator})
		}
	}
	outcomes, err := anchor.TranslateAll(ctx, by, requests, translating, nil)
	if err != nil {
		return nil, 0, err
	}
	known := texts[:0]
	var refused error
	for i, outcome := range outcomes {
		if outcome.Err != nil {
			missing++
			if !errors.Is(outcome.Err, anchor.ErrNoTranslation) {
				refused = outcome.Err
			}
			continue
		}
		text := texts[i]
		text.Text = norm.NFC.String(outcome.Anchor.Text)
		known = append(known, text)
	}
	if len(known) == 0 && refused != nil {
		return nil, 0, refused
	}
	return known, missing, nil
}
