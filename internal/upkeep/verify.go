package upkeep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Verification is the outcome of comparing an index with its source.
type Verification struct {
	Collection qdrant.Collection
	Counts
	ledger *ledger
}

// Verify compares the current version of an index with documents, which are cut
// as the index's were. Documents in other languages than the index's are an
// error. Of an index whose passages have several vectors, it does not tell how
// many they should have.
func Verify(ctx context.Context, store Reader, key qdrant.Key, docs iter.Seq2[corpus.Document, error]) (_ *Verification, err error) {
	c, err := store.Lookup(ctx, key)
	if err != nil {
		return nil, err
	}
	v := &Verification{Collection: c}
	if v.ledger, err = openLedger(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	v.ledger.several = hasSeveral(c)
	chunking := corpus.Chunking{MaxRunes: c.Schema.ChunkRunes, OverlapRunes: c.Schema.OverlapRunes}
	if err := chunking.Validate(); err != nil {
		return nil, fmt.Errorf("index %s: %w", key, err)
	}
	if err := v.ledger.addSource(ctx, key, chunking, docs); err != nil {
		return nil, err
	}
	if err := v.ledger.addIndex(ctx, store, c); err != nil {
		return nil, err
	}
	v.Counts, err = v.ledger.counts(ctx, key)
	return v, err
}

// hasSeveral says whether passages have a vector for each of their generated
// queries.
func hasSeveral(c qdrant.Collection) bool {
	return c.Schema.Augment != nil && c.Schema.Augment.Mode == qdrant.ModeMulti
}

// Differences yields the documents in these states, or in any, by their ids.
func (v *Verification) Differences(ctx context.Context, states ...State) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		if v.Agree() {
			return
		}
		for d, err := range v.ledger.documents(ctx, v.Collection.Key) {
			if err != nil {
				yield(Difference{}, err)
				return
			}
			diff, differs := d.difference()
			if differs && (len(states) == 0 || slices.Contains(states, diff.State)) && !yield(diff, nil) {
				return
			}
		}
	}
}

// Close removes what the comparison kept.
func (v *Verification) Close() error { return v.ledger.close() }

// addSource notes the passages of documents.
func (l *ledger) addSource(ctx context.Context, key qdrant.Key, chunking corpus.Chunking, docs iter.Seq2[corpus.Document, error]) error {
	for doc, err := range docs {
		if err != nil {
			return err
		}
		if doc.Lang != key.Lang {
			return fmt.Errorf("%s: document %.80q is in %s, and the index is %s", doc.Pos, doc.ID, doc.Lang, key)
		}
		for _, p := range chunking.Passages(doc) {
			stamp := qdrant.Stamp{
				ID:    corpus.PointID(key.Corpus, key.Lang, p.DocID, p.Chunk),
				DocID: p.DocID, Chunk: p.Chunk, Chunks: p.Chunks, ContentHash: p.ContentHash(),
			}
			if err := l.add(ctx, key, inSource, stamp); err != nil {
				return err
			}
		}
	}
	return nil
}
