package ingest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
)

const (
	dimensions = 8
	window     = 256 // passages in a batch
)

var errBroken = errors.New("broken")

// store is a Store whose content a test can look at.
type store interface {
	ingest.Store
	// held returns the content hashes of an index by point id, nil where there
	// is no index.
	held(t *testing.T, key qdrant.Key) map[string]string
}

// fakeStore keeps points in memory and does as a test tells it.
type fakeStore struct {
	onUpsert func(ctx context.Context, points []qdrant.Point) error // nil: succeed

	mu      sync.Mutex
	schemas map[qdrant.Key]qdrant.Schema
	points  map[qdrant.Key]map[string]qdrant.Point
}

func newFakeStore() *fakeStore {
	return &fakeStore{schemas: map[qdrant.Key]qdrant.Schema{}, points: map[qdrant.Key]map[string]qdrant.Point{}}
}

func (f *fakeStore) Lookup(_ context.Context, key qdrant.Key) (qdrant.Collection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	schema, ok := f.schemas[key]
	if !ok {
		return qdrant.Collection{}, fmt.Errorf("%s: %w", key, qdrant.ErrNoCollection)
	}
	return qdrant.Collection{Key: key, Schema: schema}, nil
}

func (f *fakeStore) Ensure(ctx context.Context, key qdrant.Key, schema qdrant.Schema) (qdrant.Collection, error) {
	if found, err := f.Lookup(ctx, key); err == nil {
		if diff := found.Schema.Diff(schema); len(diff) > 0 {
			return qdrant.Collection{}, &qdrant.SchemaError{Key: key, Differences: diff}
		}
		return found, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schemas[key], f.points[key] = schema, map[string]qdrant.Point{}
	return qdrant.Collection{Key: key, Schema: schema}, nil
}

func (f *fakeStore) Stamps(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Stamp, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps := map[string]qdrant.Stamp{}
	for _, id := range ids {
		if p, ok := f.points[c.Key][id]; ok {
			stamps[id] = qdrant.Stamp{ID: id, DocID: p.Payload.DocID, Chunk: p.Payload.Chunk, Chunks: p.Payload.Chunks, ContentHash: p.Payload.ContentHash}
		}
	}
	return stamps, ctx.Err()
}

func (f *fakeStore) Upsert(ctx context.Context, c qdrant.Collection, points []qdrant.Point) error {
	if f.onUpsert != nil {
		if err := f.onUpsert(ctx, points); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range points {
		if len(p.Vector) != f.schemas[c.Key].Width() {
			return fmt.Errorf("point %s has %d dimensions", p.ID, len(p.Vector))
		}
		f.points[c.Key][p.ID] = p
	}
	return ctx.Err()
}

func (f *fakeStore) Delete(ctx context.Context, c qdrant.Collection, ids []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		delete(f.points[c.Key], id)
	}
	return ctx.Err()
}

func (f *fakeStore) held(_ *testing.T, key qdrant.Key) map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.points[key] == nil {
		return nil
	}
	hashes := map[string]string{}
	for id, p := range f.points[key] {
		hashes[id] = p.Payload.ContentHash
	}
	return hashes
}

// realStore is the adapter over an embedded engine.
type realStore struct{ *qdrant.Store }

func newRealStore(t *testing.T) realStore { return realStore{storetest.Embedded(t)} }

func (r realStore) held(t *testing.T, key qdrant.Key) map[string]string {
	t.Helper()
	c, err := r.Lookup(t.Context(), key)
	if errors.Is(err, qdrant.ErrNoCollection) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for stamp, err := range r.Scroll(t.Context(), c, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		hashes[stamp.ID] = stamp.ContentHash
	}
	return hashes
}

// fakeEmbedder makes vectors up.
type fakeEmbedder struct {
	model  string
	known  int                                             // dimensions before the first vector
	before func(ctx context.Context, texts []string) error // nil: succeed

	mu    sync.Mutex
	texts []string
}

func (f *fakeEmbedder) Identity() embedding.Identity {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := embedding.Identity{Model: cmp.Or(f.model, "m"), Dimensions: f.known, QueryPrefix: "query: ", PassagePrefix: "passage: "}
	if len(f.texts) > 0 {
		id.Dimensions = dimensions
	}
	return id
}

func (f *fakeEmbedder) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	if f.before != nil {
		if err := f.before(ctx, texts); err != nil {
			return nil, embedding.Stats{}, err
		}
	}
	if role != embedding.Passage {
		return nil, embedding.Stats{}, fmt.Errorf("role is %s, want passage", role)
	}
	f.mu.Lock()
	f.texts = append(f.texts, texts...)
	f.mu.Unlock()
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = embeddingtest.HashedVector(dimensions, role, text)
	}
	return vectors, embedding.Stats{Embedded: len(texts), Tokens: len(texts)}, ctx.Err()
}

// Chunks of at most ten characters: document makes a text of them.
var options = ingest.Options{Corpus: "docs", Chunking: corpus.Chunking{MaxRunes: 10}, EmbedsTitle: true, Batch: window, Concurrency: 2}

// document has a chunk of ten characters for each of the words.
func document(id, lang string, words ...string) corpus.Document {
	var text strings.Builder
	for _, word := range words {
		fmt.Fprintf(&text, "%-10s", word+".")
	}
	return corpus.Document{ID: id, Lang: lang, Title: "title of " + id, Text: text.String()}
}

// documents are n of one chunk each.
func documents(lang string, n int) []corpus.Document {
	docs := make([]corpus.Document, n)
	for i := range docs {
		docs[i] = document(fmt.Sprintf("d%04d", i), lang, fmt.Sprintf("word%04d", i))
	}
	return docs
}

func stream(docs ...corpus.Document) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for _, doc := range docs {
			if !yield(doc, nil) {
				return
			}
		}
	}
}

// wantHeld fails unless the store holds exactly the passages of these documents.
func wantHeld(t *testing.T, s store, docs ...corpus.Document) {
	t.Helper()
	want := map[qdrant.Key]map[string]string{}
	for _, doc := range docs {
		key := qdrant.Key{Corpus: options.Corpus, Lang: doc.Lang}
		if want[key] == nil {
			want[key] = map[string]string{}
		}
		for _, p := range options.Chunking.Passages(doc) {
			want[key][corpus.PointID(key.Corpus, key.Lang, p.DocID, p.Chunk)] = p.ContentHash()
		}
	}
	for key, passages := range want {
		if got := s.held(t, key); !maps.Equal(got, passages) {
			t.Errorf("%s holds %d passages, want %d, or their content differs", key, len(got), len(passages))
		}
	}
}

func mustRun(t *testing.T, s ingest.Store, e ingest.Embedder, docs ...corpus.Document) ingest.Report {
	t.Helper()
	report, err := ingest.Run(t.Context(), s, e, options, stream(docs...))
	if err != nil {
		t.Fatal(err)
	}
	return report
}
