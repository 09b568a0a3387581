package eino

import (
	"context"
	"fmt"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/components"
	"github.com/cloudwego/eino/components/indexer"
	"github.com/cloudwego/eino/schema"

	querysynergy "github.com/query-synergy/query-synergy"
)

// Indexer is eino's indexer.Indexer over a querysynergy.Retriever. It is safe
// for concurrent use.
type Indexer struct{ into *querysynergy.Retriever }

var (
	_ indexer.Indexer    = (*Indexer)(nil)
	_ components.Typer   = (*Indexer)(nil)
	_ components.Checker = (*Indexer)(nil)
)

// NewIndexer returns an Indexer. The caller closes r in the end.
func NewIndexer(r *querysynergy.Retriever) *Indexer { return &Indexer{into: r} }

// GetType names the component for eino.
func (x *Indexer) GetType() string { return typeName }

// IsCallbacksEnabled tells eino that Store calls the callbacks itself.
func (x *Indexer) IsCallbacksEnabled() bool { return true }

// Store indexes documents and returns their ids. What is there already, in the
// same state, is not embedded again.
//
// Of the options, WithSubIndexes may name one language, that of documents that
// name none. WithEmbedding is refused: see [FromEmbedder].
func (x *Indexer) Store(ctx context.Context, docs []*schema.Document, opts ...indexer.Option) ([]string, error) {
	ctx = callbacks.EnsureRunInfo(ctx, x.GetType(), components.ComponentOfIndexer)
	ctx = callbacks.OnStart(ctx, &indexer.CallbackInput{Docs: docs})
	ids, added, err := x.store(ctx, docs, indexer.GetCommonOptions(nil, opts...))
	if err != nil {
		callbacks.OnError(ctx, err)
		return nil, err
	}
	callbacks.OnEnd(ctx, &indexer.CallbackOutput{IDs: ids, Extra: map[string]any{"added": added}})
	return ids, nil
}

func (x *Indexer) store(ctx context.Context, docs []*schema.Document, options *indexer.Options) ([]string, querysynergy.Added, error) {
	lang := ""
	switch len(options.SubIndexes) {
	case 0:
	case 1:
		lang = options.SubIndexes[0]
	default:
		return nil, querysynergy.Added{}, fmt.Errorf("store: WithSubIndexes: a document has one language: %w", ErrUnsupported)
	}
	if err := refuseEmbedding(options.Embedding); err != nil {
		return nil, querysynergy.Added{}, fmt.Errorf("store: %w", err)
	}
	ids := make([]string, len(docs))
	var more []querysynergy.Document
	contents := map[string]string{} // by language and id
	for i, doc := range docs {
		d, err := document(doc, lang)
		if err != nil {
			return nil, querysynergy.Added{}, fmt.Errorf("store: document %d: %w", i, err)
		}
		ids[i] = d.ID
		// The same document given twice is one.
		if known, ok := contents[d.Lang+" "+d.ID]; !ok || known != d.ContentID() {
			contents[d.Lang+" "+d.ID] = d.ContentID()
			more = append(more, d)
		}
	}
	added, err := x.into.Add(ctx, more...)
	return ids, added, err
}
