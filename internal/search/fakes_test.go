package search_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// passage is a chunk of a document in a fakeStore.
type passage struct {
	doc    string
	chunk  int
	vector []float32
}

func (p passage) id() string { return fmt.Sprintf("%s/%d", p.doc, p.chunk) }

// fakeStore is an index in memory that a test can make go wrong.
type fakeStore struct {
	collection qdrant.Collection
	passages   []passage
	payload    map[string]any // the metadata of every passage

	// onSearch, if set, sees each call before it is answered; an error of its is
	// the answer.
	onSearch func(searches []qdrant.Search) error
}

var key = qdrant.Key{Corpus: "docs", Lang: "th"}

func newFakeStore(dimensions int, passages ...passage) *fakeStore {
	return &fakeStore{
		collection: qdrant.Collection{Key: key, Name: "docs_th.v1", Schema: qdrant.Schema{
			Model: "fake", Dimensions: dimensions, QueryPrefix: "query: ", PassagePrefix: "passage: ",
			EmbedsTitle: true, ChunkRunes: 4000, OverlapRunes: 200,
		}},
		passages: passages,
	}
}

func (f *fakeStore) Lookup(_ context.Context, k qdrant.Key) (qdrant.Collection, error) {
	if k != f.collection.Key {
		return qdrant.Collection{}, qdrant.ErrNoCollection
	}
	return f.collection, nil
}

// SearchBatch scans exactly and, like a server, keeps unit vectors and gives
// scores in single precision.
func (f *fakeStore) SearchBatch(ctx context.Context, _ qdrant.Collection, searches []qdrant.Search) ([][]qdrant.Candidate, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.onSearch != nil {
		if err := f.onSearch(searches); err != nil {
			return nil, err
		}
	}
	lists := make([][]qdrant.Candidate, len(searches))
	for i, s := range searches {
		if !s.Exact {
			return nil, errors.New("fakeStore: only exact searches are expected")
		}
		for _, p := range f.passages {
			c := qdrant.Candidate{
				ID: p.id(), DocID: p.doc, Chunk: p.chunk, ContentHash: p.id(),
				Score: float64(float32(vector.Cosine(s.Vector, p.vector))),
			}
			if s.WithVectors {
				c.Vector = vector.Normalize(p.vector)
			}
			if s.WithPayload {
				payload := f.payloadOf(p)
				c.Payload = &payload
			}
			lists[i] = append(lists[i], c)
		}
		slices.SortFunc(lists[i], func(a, b qdrant.Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
		})
		lists[i] = lists[i][:min(s.Limit, len(lists[i]))]
	}
	return lists, nil
}

func (f *fakeStore) Points(_ context.Context, _ qdrant.Collection, ids []string) (map[string]qdrant.Point, error) {
	found := map[string]qdrant.Point{}
	for _, p := range f.passages {
		if slices.Contains(ids, p.id()) {
			found[p.id()] = qdrant.Point{ID: p.id(), Vector: vector.Normalize(p.vector), Payload: f.payloadOf(p)}
		}
	}
	return found, nil
}

func (f *fakeStore) payloadOf(p passage) qdrant.Payload {
	return qdrant.Payload{
		DocID: p.doc, Lang: key.Lang, Title: "title of " + p.doc, Text: "text of " + p.id(),
		Chunk: p.chunk, Chunks: f.chunks(p.doc), ContentHash: p.id(), Metadata: f.payload,
	}
}

func (f *fakeStore) chunks(doc string) int {
	n := 0
	for _, p := range f.passages {
		if p.doc == doc {
			n++
		}
	}
	return n
}

// fakeEmbedder looks texts up.
type fakeEmbedder struct {
	vectors map[string][]float32
	// before, if set, is called first; an error of its is the answer.
	before func(ctx context.Context, texts []string) error
	calls  *atomic.Int64
	model  string // "fake" if empty
}

func (f fakeEmbedder) Identity() embedding.Identity {
	return embedding.Identity{Model: cmp.Or(f.model, "fake"), QueryPrefix: "query: ", PassagePrefix: "passage: "}
}

func (f fakeEmbedder) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	if f.calls != nil {
		f.calls.Add(1)
	}
	if f.before != nil {
		if err := f.before(ctx, texts); err != nil {
			return nil, embedding.Stats{}, err
		}
	}
	if role != embedding.Query {
		return nil, embedding.Stats{}, fmt.Errorf("role is %s, want query", role)
	}
	return knownVectors{vectors: f.vectors}.Embed(ctx, role, texts)
}

// translatorFunc is a translator made of a function.
type translatorFunc func(context.Context, anchor.Request) (anchor.Anchor, error)

func (f translatorFunc) Translate(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
	return f(ctx, r)
}

// The plane's vectors: the source query points along x, the anchor along y.
const (
	sourceText = "คำถาม"
	anchorText = "question"
)

var plane = fakeEmbedder{vectors: map[string][]float32{sourceText: {1, 0}, anchorText: {0, 1}}}

// at is a passage of the plane at an angle in degrees from the source query.
func at(doc string, degrees float64) passage {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return passage{doc: doc, vector: []float32{float32(cos), float32(sin)}}
}

// planeQuery asks with an anchor.
func planeQuery(lambda float64, topK int) search.Query {
	return search.Query{
		Corpus: key.Corpus, Lang: key.Lang, Text: sourceText,
		Anchor: anchorText, AnchorLang: "en", Lambda: lambda, TopK: topK,
	}
}

func run(t *testing.T, searcher *search.Searcher, q search.Query) search.Result {
	t.Helper()
	result, err := searcher.Run(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func docIDs(result search.Result) []string {
	ids := []string{}
	for _, hit := range result.Hits {
		ids = append(ids, hit.ID)
	}
	return ids
}
