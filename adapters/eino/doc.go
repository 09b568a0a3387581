// Package eino lets a graph of CloudWeGo's eino retrieve with Query-Synergy: a
// [Retriever] is eino's retriever.Retriever, an [Indexer] its indexer.Indexer.
//
// It translates between the two and decides nothing: what is asked for in
// options of eino is done, or refused with an error, never ignored. Callbacks
// hear of what was really asked.
package eino

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/cloudwego/eino/components/embedding"
	"github.com/cloudwego/eino/schema"

	querysynergy "github.com/query-synergy/query-synergy"
)

// Keys of a document's metadata, which eino has no fields for. They are read when
// documents are stored, and set on those that are found. Other keys come back as
// they were given.
const (
	KeyLang  = "lang"  // string, a BCP 47 tag; without it the sub-index, or what Open was told
	KeyTitle = "title" // string, embedded with the content
)

// ErrUnsupported means that an option asks for what cannot be done.
var ErrUnsupported = errors.New("unsupported option")

const typeName = "QuerySynergy"

func refuseEmbedding(e embedding.Embedder) error {
	if e == nil {
		return nil
	}
	return fmt.Errorf("WithEmbedding: an index keeps to the model that it was built with: %w", ErrUnsupported)
}

// document takes the keys above out of the metadata. A document without an id
// gets one made of its content.
func document(doc *schema.Document, lang string) (querysynergy.Document, error) {
	if doc == nil {
		return querysynergy.Document{}, fmt.Errorf("it is nil: %w", querysynergy.ErrInvalid)
	}
	d := querysynergy.Document{ID: doc.ID, Lang: lang, Text: doc.Content, Metadata: maps.Clone(doc.MetaData)}
	for key, field := range map[string]*string{KeyLang: &d.Lang, KeyTitle: &d.Title} {
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

// found is a hit as eino has documents, its score being eino's own Score().
func found(hit querysynergy.Hit) *schema.Document {
	m := maps.Clone(hit.Metadata)
	if m == nil {
		m = map[string]any{}
	}
	m[KeyLang] = hit.Lang
	if hit.Title != "" {
		m[KeyTitle] = hit.Title
	}
	return (&schema.Document{ID: hit.ID, Content: hit.Text, MetaData: m}).WithScore(hit.Score)
}

// FromEmbedder makes an Embedder for querysynergy.WithEmbedder out of eino's,
// which embeds queries and passages alike. The options go with each call.
func FromEmbedder(e embedding.Embedder, opts ...embedding.Option) querysynergy.Embedder {
	return querysynergy.EmbedderFunc(func(ctx context.Context, _ querysynergy.Role, texts []string) ([][]float32, error) {
		wide, err := e.EmbedStrings(ctx, texts, opts...)
		if err != nil {
			return nil, err
		}
		vectors := make([][]float32, len(wide))
		for i, v := range wide {
			vectors[i] = make([]float32, len(v))
			for k, x := range v {
				vectors[i][k] = float32(x)
			}
		}
		return vectors, nil
	})
}
