// Package langchaingo lets a chain of langchaingo retrieve with Query-Synergy: a
// [Store] is a vectorstores.VectorStore, and vectorstores.ToRetriever makes a
// schema.Retriever of it.
//
// It translates between the two and decides nothing: what is asked for in
// options of langchaingo is done, or refused with an error, never ignored.
package langchaingo

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"

	querysynergy "github.com/query-synergy/query-synergy"
)

// Keys of a document's metadata, which langchaingo has no fields for. They are
// read when documents are added, and set on those that are found. Other keys
// come back as they were given.
const (
	KeyID    = "id"    // string; without it the id is made of the content
	KeyLang  = "lang"  // string, a BCP 47 tag; without it the name space, or what Open was told
	KeyTitle = "title" // string, embedded with the content
)

// ErrUnsupported means that an option asks for what this store cannot do.
var ErrUnsupported = errors.New("unsupported option")

// Store is a vectorstores.VectorStore over a Retriever. It is safe for
// concurrent use.
type Store struct {
	// OnResult, if set before use, hears of each answer what langchaingo has no
	// place for: what became of the anchor, and whether the hits are proven.
	OnResult func(context.Context, querysynergy.Result)

	retriever *querysynergy.Retriever
}

var _ vectorstores.VectorStore = (*Store)(nil)

// New returns a Store over a Retriever, which the caller closes in the end.
func New(r *querysynergy.Retriever) *Store { return &Store{retriever: r} }

// AddDocuments indexes documents and returns their ids. A document that is there
// already, in the same state, is not embedded again.
//
// Of the options, WithNameSpace is the language of documents that name none, and
// WithDeduplicater leaves documents out, whose ids are then not returned.
// WithEmbedder is refused: an index keeps to one model, see [FromEmbedder].
func (s *Store) AddDocuments(ctx context.Context, docs []schema.Document, options ...vectorstores.Option) ([]string, error) {
	opts := read(options)
	if opts.ScoreThreshold != 0 || opts.Filters != nil {
		return nil, fmt.Errorf("add documents: WithScoreThreshold and WithFilters: %w", ErrUnsupported)
	}
	if err := refuseEmbedder(opts); err != nil {
		return nil, fmt.Errorf("add documents: %w", err)
	}
	ids := []string{}
	var added []querysynergy.Document
	contents := map[string]string{} // by language and id
	for i, doc := range docs {
		if opts.Deduplicater != nil && opts.Deduplicater(ctx, doc) {
			continue
		}
		d, err := document(doc, opts.NameSpace)
		if err != nil {
			return nil, fmt.Errorf("add documents: document %d: %w", i, err)
		}
		ids = append(ids, d.ID)
		// The same document given twice is one.
		if known, ok := contents[d.Lang+" "+d.ID]; !ok || known != d.ContentID() {
			contents[d.Lang+" "+d.ID] = d.ContentID()
			added = append(added, d)
		}
	}
	if _, err := s.retriever.Add(ctx, added...); err != nil {
		return nil, err
	}
	return ids, nil
}

// SimilaritySearch returns at most numDocuments documents, the best first, with
// their fused scores.
//
// Of the options, WithNameSpace names the language of the query and of the
// documents, or "all"; WithScoreThreshold leaves out what scores less, from 0 to
// 1; WithFilters takes a filter as querysynergy.WithFilter has it, or a
// map[string]any of values that the metadata must have. WithEmbedder and
// WithDeduplicater are refused.
func (s *Store) SimilaritySearch(ctx context.Context, query string, numDocuments int, options ...vectorstores.Option) ([]schema.Document, error) {
	opts := read(options)
	if opts.Deduplicater != nil {
		return nil, fmt.Errorf("search: WithDeduplicater: %w", ErrUnsupported)
	}
	if err := refuseEmbedder(opts); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if !(opts.ScoreThreshold >= 0 && opts.ScoreThreshold <= 1) {
		return nil, fmt.Errorf("search: the score threshold %v is not in [0, 1]: %w", opts.ScoreThreshold, querysynergy.ErrInvalid)
	}
	ask := []querysynergy.QueryOption{querysynergy.WithTopK(numDocuments)}
	if opts.NameSpace != "" {
		ask = append(ask, querysynergy.WithLang(opts.NameSpace))
	}
	if opts.ScoreThreshold > 0 {
		ask = append(ask, querysynergy.WithMinScore(float64(opts.ScoreThreshold)))
	}
	switch only := opts.Filters.(type) {
	case nil:
	case string:
		ask = append(ask, querysynergy.WithFilter(only))
	case map[string]any:
		ask = append(ask, querysynergy.WithMetadata(only))
	default:
		return nil, fmt.Errorf("search: WithFilters: a %T, want a string or a map[string]any: %w", only, ErrUnsupported)
	}
	result, err := s.retriever.Retrieve(ctx, query, ask...)
	if err != nil {
		return nil, err
	}
	if s.OnResult != nil {
		s.OnResult(ctx, result)
	}
	found := make([]schema.Document, len(result.Hits))
	for i, hit := range result.Hits {
		found[i] = schema.Document{PageContent: hit.Text, Score: float32(hit.Score), Metadata: metadata(hit)}
	}
	return found, nil
}

func read(options []vectorstores.Option) vectorstores.Options {
	var opts vectorstores.Options
	for _, option := range options {
		option(&opts)
	}
	return opts
}

func refuseEmbedder(opts vectorstores.Options) error {
	if opts.Embedder == nil {
		return nil
	}
	return fmt.Errorf("WithEmbedder: an index keeps to the model that it was built with: %w", ErrUnsupported)
}

// document takes the keys above out of the metadata.
func document(doc schema.Document, lang string) (querysynergy.Document, error) {
	d := querysynergy.Document{Lang: lang, Text: doc.PageContent, Metadata: maps.Clone(doc.Metadata)}
	for key, field := range map[string]*string{KeyID: &d.ID, KeyLang: &d.Lang, KeyTitle: &d.Title} {
		value, ok := d.Metadata[key]
		if !ok {
			continue
		}
		text, isText := value.(string)
		if !isText {
			return d, fmt.Errorf("metadata %q is a %T, want a string: %w", key, value, querysynergy.ErrInvalid)
		}
		*field = text
		delete(d.Metadata, key)
	}
	if d.ID == "" {
		d.ID = d.ContentID()
	}
	return d, nil
}

func metadata(hit querysynergy.Hit) map[string]any {
	m := maps.Clone(hit.Metadata)
	if m == nil {
		m = map[string]any{}
	}
	m[KeyID], m[KeyLang] = hit.ID, hit.Lang
	if hit.Title != "" {
		m[KeyTitle] = hit.Title
	}
	return m
}

// FromEmbedder makes an Embedder for querysynergy.WithEmbedder out of
// langchaingo's. langchaingo's own splits texts into batches.
func FromEmbedder(e embeddings.Embedder) querysynergy.Embedder {
	return querysynergy.EmbedderFunc(func(ctx context.Context, role querysynergy.Role, texts []string) ([][]float32, error) {
		if role == querysynergy.Passage {
			return e.EmbedDocuments(ctx, texts)
		}
		vectors := make([][]float32, len(texts))
		for i, text := range texts {
			var err error
			if vectors[i], err = e.EmbedQuery(ctx, text); err != nil {
				return nil, err
			}
		}
		return vectors, nil
	})
}
