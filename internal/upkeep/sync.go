package upkeep

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Plan tells what Sync would change. Of an index that is not there yet, every
// document is missing. One that was cut otherwise is refused with a
// *qdrant.SchemaError.
func Plan(ctx context.Context, store Reader, key qdrant.Key, chunking corpus.Chunking, docs iter.Seq2[corpus.Document, error]) (_ Counts, err error) {
	l, err := openLedger(ctx)
	if err != nil {
		return Counts{}, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	c, err := store.Lookup(ctx, key)
	switch {
	case errors.Is(err, qdrant.ErrNoCollection):
	case err != nil:
		return Counts{}, err
	default:
		l.several = hasSeveral(c)
		now := c.Schema
		now.ChunkRunes, now.OverlapRunes = chunking.MaxRunes, chunking.OverlapRunes
		if diff := c.Schema.Diff(now); len(diff) > 0 {
			return Counts{}, &qdrant.SchemaError{Key: key, Differences: diff}
		}
		if err := l.addIndex(ctx, store, c); err != nil {
			return Counts{}, err
		}
	}
	if err := l.addSource(ctx, key, chunking, docs); err != nil {
		return Counts{}, err
	}
	return l.counts(ctx, key)
}

// Synced counts what Sync did.
type Synced struct {
	ingest.Report
	DeletedDocuments int `json:"deleted_documents"`
	// Points, theirs and left over ones of others: a passage of several vectors
	// counts once for each.
	DeletedPassages int `json:"deleted_passages"`
}

// VanishedError says that more documents would be deleted than were agreed to.
type VanishedError struct{ Vanished, Agreed int }

func (e *VanishedError) Error() string {
	return fmt.Sprintf("%d documents of the index are not in the source, and %d were to be deleted: the source or the index changed meanwhile; nothing was deleted", e.Vanished, e.Agreed)
}

// Sync makes an index hold what the documents of its language are, no more and
// no less: it embeds and writes what is new or changed and then deletes what
// vanished, of at most agreed documents, else it deletes nothing and returns a
// *VanishedError. Where keep returns true at the end of the documents, nothing
// is deleted either: some could not be read.
func Sync(ctx context.Context, store Store, embedder ingest.Embedder, opts ingest.Options, key qdrant.Key, docs iter.Seq2[corpus.Document, error], agreed int, keep func() bool) (report Synced, err error) {
	l, err := openLedger(ctx)
	if err != nil {
		return Synced{}, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	opts.Planned = func(of qdrant.Key, s qdrant.Stamp) error {
		if of != key {
			return fmt.Errorf("document %.80q is in %s, and the index is %s", s.DocID, of.Lang, key)
		}
		return l.add(ctx, key, inSource, s)
	}
	if report.Report, err = ingest.Run(ctx, store, embedder, opts, docs); err != nil || keep() || report.Documents == 0 {
		return report, err // also of an empty source, which is a slip more likely than a wish
	}
	c, err := store.Lookup(ctx, key)
	if err != nil {
		return report, err
	}
	if err := l.addIndex(ctx, store, c); err != nil {
		return report, err
	}
	counts, err := l.counts(ctx, key)
	if err != nil {
		return report, err
	}
	if counts.Extra > agreed {
		return report, &VanishedError{Vanished: counts.Extra, Agreed: agreed}
	}
	if counts.Wrong > 0 {
		return report, fmt.Errorf("%s does not hold what was written to it: another process changed it meanwhile: run sync again, and if that does not help, indexer --rebuild", c.Name)
	}
	for ids, err := range l.surplus(ctx, key) {
		if err == nil {
			err = store.Delete(ctx, c, ids)
		}
		if err != nil {
			return report, err
		}
		report.DeletedPassages += len(ids)
	}
	report.DeletedDocuments = counts.Extra
	return report, nil
}
