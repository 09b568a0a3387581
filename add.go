package querysynergy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// Document is what is indexed. Long ones are cut into passages.
type Document struct {
	// ID names the document within its language: at most 512 bytes, no control
	// characters. The same ID again is a new state of the document.
	ID string
	// Lang is its language, a BCP 47 tag. It may be left out where WithLang was
	// given to Open.
	Lang  string
	Title string // may be empty; embedded with the text
	Text  string // not blank, at most 16 MiB
	// Metadata is anything that encodes to a JSON object; it comes back with the
	// hits.
	Metadata map[string]any
}

// ContentID returns an ID for a document that has none: a hash of all else that
// it holds, so that the same document added again is not there twice. Metadata
// that does not encode to JSON counts as none.
func (d Document) ContentID() string {
	d.ID = ""
	text, err := json.Marshal(d) // sorts the keys
	if err != nil {
		d.Metadata = nil
		text, _ = json.Marshal(d) // strings alone always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Added counts what Add did.
type Added struct {
	Documents int // taken in
	Passages  int // that they were cut into
	Unchanged int // passages that the index held already, neither embedded nor written
	Embedded  int // texts that were embedded
	Cached    int // texts whose vectors were in the cache
	Written   int // passages written
	Removed   int // passages removed because their document became shorter
}

// Add indexes documents, one index a language. What the index holds already, in
// the same state, is neither embedded nor written again, so that Add can be run
// again after an error: what it counts then was done. Documents that are not
// named stay. One Add at a time may write to a folder: others get ErrLocked.
func (r *Retriever) Add(ctx context.Context, docs ...Document) (Added, error) {
	return r.AddAll(ctx, func(yield func(Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	})
}

// AddAll is Add for documents that come one after the other: any number of them,
// in bounded memory but for their IDs. An error in their place ends it.
func (r *Retriever) AddAll(ctx context.Context, docs iter.Seq2[Document, error]) (Added, error) {
	done, err := r.use()
	if err != nil {
		return Added{}, err
	}
	defer done()
	report, err := r.addAll(ctx, docs)
	added := Added{
		Documents: report.Documents, Passages: report.Passages, Unchanged: report.Unchanged,
		Embedded: report.Embedded, Cached: report.Cached, Written: report.Written, Removed: report.Removed,
	}
	if _, ok := errors.AsType[*corpus.RecordError](err); ok {
		err = invalid(err)
	}
	if err != nil {
		return added, explain(fmt.Errorf("add to %s: %w", r.corpus, err))
	}
	return added, nil
}

func (r *Retriever) addAll(ctx context.Context, docs iter.Seq2[Document, error]) (_ ingest.Report, err error) {
	o := r.options
	// A folder is open for writing only as long as it takes, so that others can
	// write in between.
	store, err := setup.OpenStore(ctx, o.settings.Qdrant, embedded.ReadWrite, o.log)
	if err != nil {
		return ingest.Report{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	opts := ingest.Options{
		Corpus: r.corpus, Layout: r.layout, Chunking: o.chunking, EmbedsTitle: corpus.FormatJSONL.EmbedsTitle(),
		Batch: o.settings.Embedding.BatchSize, Concurrency: o.settings.Embedding.Concurrency,
	}
	return ingest.Run(ctx, store, r.searcher.Embedder, opts, corpus.Check(o.query.addLang, documents(docs)))
}

func documents(docs iter.Seq2[Document, error]) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for d, err := range docs {
			if !yield(corpus.Document{ID: d.ID, Lang: d.Lang, Title: d.Title, Text: d.Text, Metadata: d.Metadata}, err) {
				return
			}
		}
	}
}
