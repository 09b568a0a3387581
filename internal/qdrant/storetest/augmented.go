package storetest

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// augmentedSchema returns a schema of an augmented index.
func augmentedSchema(dimensions int, change func(*qdrant.Augment)) qdrant.Schema {
	s := schema(dimensions)
	s.Augment = &qdrant.Augment{
		Alpha: 0.1, Queries: 3, PerPassage: 1, Langs: []string{"en"}, Models: []string{}, Prompts: []string{}, Hash: "0123456789abcdef",
	}
	change(s.Augment)
	return s
}

// testProducts holds scores against the dot products of vectors that are as long
// as they came, which an index with hubness has as well: its vectors are one
// component wider than those that are embedded.
func testProducts(t *testing.T, f *fixture) {
	const n, dimensions = 200, 16
	for name, s := range map[string]qdrant.Schema{
		"dot": augmentedSchema(dimensions, func(a *qdrant.Augment) { a.Distance, a.MaxLength = qdrant.DistanceDot, 10 }),
		"hub": augmentedSchema(dimensions-1, func(a *qdrant.Augment) { a.Hub = &qdrant.Hub{Weight: 0.25, Neighbours: 3, Lang: "en"} }),
	} {
		key := qdrant.Key{Corpus: f.key.Corpus + "-" + name, Lang: f.key.Lang}
		c := f.ensureSchema(t, key, s)
		if found, err := f.store.Lookup(t.Context(), key); err != nil || !reflect.DeepEqual(found.Schema, s) || found.Schema.Width() != dimensions {
			t.Fatalf("%s: schema %+v, %v", name, found.Schema, err)
		}
		points := randomPoints(n, dimensions)
		for i := range points {
			for k := range points[i].Vector {
				points[i].Vector[k] *= float32(1 + i%5)
			}
		}
		f.upsert(t, c, points)
		query := randomVector(newRandom(), dimensions)
		found := f.search(t, c, qdrant.Search{Vector: query, Limit: n, Exact: true, WithVectors: true})
		if len(found) != n || !slices.IsSortedFunc(found, byScoreThenID) {
			t.Fatalf("%s: %d candidates, or in another order than by score and id", name, len(found))
		}
		byID := map[string][]float32{}
		for _, p := range points {
			byID[p.ID] = p.Vector
		}
		for _, x := range found {
			want := byID[x.ID]
			if !slices.Equal(x.Vector, want) {
				t.Fatalf("%s: %s came back as another vector", name, x.ID)
			}
			bulk := math.Sqrt(vector.Dot64(query, query) * vector.Dot64(want, want))
			if product := vector.Dot64(query, want); math.Abs(x.Score-product) > tolerance*max(1, bulk) {
				t.Errorf("%s: score %v, want %v", name, x.Score, product)
			}
		}
		stored, err := f.store.Points(t.Context(), c, []string{id(3)})
		if err != nil || !slices.Equal(stored[id(3)].Vector, byID[id(3)]) {
			t.Errorf("%s: read by id as another vector, %v", name, err)
		}
		refusal, refused := errors.AsType[*qdrant.SchemaError](ensureError(t, f, key, schema(dimensions)))
		if !refused || !strings.Contains(refusal.Error(), "distance: index has Dot, this run has Cosine") {
			t.Errorf("%s: as a plain index: %v", name, refusal)
		}
		if err := f.store.Upsert(t.Context(), c, []qdrant.Point{point(0, query[1:])}); err == nil {
			t.Errorf("%s: a narrower vector was stored", name)
		}
	}
	for name, change := range map[string]func(*qdrant.Augment){
		"no length":          func(a *qdrant.Augment) { a.Distance = qdrant.DistanceDot },
		"other distance":     func(a *qdrant.Augment) { a.Distance = "euclid" },
		"other mode":         func(a *qdrant.Augment) { a.Mode = "many" },
		"nothing":            func(a *qdrant.Augment) { a.Alpha = 0 },
		"no weight":          func(a *qdrant.Augment) { a.Hub = &qdrant.Hub{} },
		"negative weight":    func(a *qdrant.Augment) { a.Hub = &qdrant.Hub{Weight: -0.2} },
		"heavy":              func(a *qdrant.Augment) { a.Hub = &qdrant.Hub{Weight: 11} },
		"less than no query": func(a *qdrant.Augment) { a.Hub = &qdrant.Hub{Weight: 1, Neighbours: -1} },
	} {
		if err := ensureError(t, f, f.key, augmentedSchema(dimensions, change)); err == nil {
			t.Errorf("%s: the schema was accepted", name)
		}
	}
}

func ensureError(t *testing.T, f *fixture, key qdrant.Key, s qdrant.Schema) error {
	t.Helper()
	_, err := f.store.Ensure(t.Context(), key, s)
	return err
}

// testSeveralVectors has a document of two chunks, the second of three vectors.
func testSeveralVectors(t *testing.T, f *fixture) {
	c := f.ensureSchema(t, f.key, augmentedSchema(4, func(a *qdrant.Augment) { a.Mode = qdrant.ModeMulti }))
	points := randomPoints(4, 4)
	for i := range points {
		points[i].Payload.DocID, points[i].Payload.Chunk, points[i].Payload.Chunks = "doc", min(i, 1), 2
		points[i].Payload.Vector = max(0, i-1)
	}
	f.upsert(t, c, points)
	infos, err := f.store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if info.Key == f.key && (info.Passages != 2 || info.Documents != 1) {
			t.Errorf("%d documents, %d passages, want 1 and 2", info.Documents, info.Passages)
		}
	}
	f.wantCount(t, c, 4)
	stored, err := f.store.Payloads(t.Context(), c, []string{id(1), id(3)})
	if err != nil || stored[id(1)].Vector != 0 || stored[id(3)].Vector != 2 {
		t.Errorf("vectors are number %d and %d, want 0 and 2, %v", stored[id(1)].Vector, stored[id(3)].Vector, err)
	}
}
