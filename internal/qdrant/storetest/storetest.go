// Package storetest is the conformance suite of internal/qdrant: what every
// Qdrant that the adapter talks to must do, the in-process engine and a real
// server alike. Only tests import it.
//
// Each test works on a corpus of its own random name and drops it at the end, so
// that the suite can run against a server in use.
package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// tolerance is how far a score in single precision may lie from the cosine in
// double precision.
const tolerance = 1e-6

// Run runs the suite. start returns how to connect to what is tested; all
// connections of one test see the same collections.
func Run(t *testing.T, start func(t *testing.T) qdrant.Options) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f *fixture)
	}{
		{"health", testHealth},
		{"lifecycle", testLifecycle},
		{"two languages of one corpus", testTwoLanguages},
		{"list counts passages and documents", testList},
		{"another schema is refused", testSchemaMismatch},
		{"bad keys and schemas are refused", testBadKeys},
		{"several make one index at once", testEnsureTogether},
		{"missing collection", testMissingCollection},
		{"payload round trip", testPayload},
		{"upsert overwrites whole points", testOverwrite},
		{"a point twice in one write", testTwiceInOneWrite},
		{"more ids than one request takes", testManyIDs},
		{"stamps of present and absent ids", testStamps},
		{"points with vectors", testPoints},
		{"points after a search", testPointsAfterSearch},
		{"delete", testDelete},
		{"scroll in the order of ids", testScroll},
		{"vectors come back at unit length", testUnitLength},
		{"vectors of any length", testAnyLength},
		{"search against brute force", testSearch},
		{"ties are ordered by id", testTies},
		{"bare search", testBare},
		{"batch equals separate searches", testBatch},
		{"products of vectors as they are", testProducts},
		{"several vectors count as one passage", testSeveralVectors},
		{"answer of more than 4 MiB", testLargeAnswer},
		{"bad points are refused, none is stored", testBadPoints},
		{"bad searches are refused", testBadSearches},
		{"filters", testFilters},
		{"random filters against a plain reading", testRandomFilters},
		{"a filter narrows every read", testFilteredReads},
		{"collection options", testOptions},
		{"collections of other programs", testForeign},
		{"collections of other programs that do not fit", testForeignRefused},
		{"an index in another layout", testOwnLayout},
		{"searches during writes", testConcurrency},
		{"ended context", testEndedContext},
		{"time limit", testTimeLimit},
		{"a rebuild and its versions", testVersions},
		{"an unfinished version", testUnfinished},
		{"readers while the alias moves", testSwitching},
		{"several aliases in one step", testPromoteSeveral},
		{"removing versions", testRemove},
		{"export with vectors", testExport},
		{"export of long texts", testExportLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := start(t)
			test.run(t, &fixture{
				store: Connect(t, opts),
				opts:  opts,
				key:   qdrant.Key{Corpus: "storetest-" + uuid.NewString()[:13], Lang: "th"},
			})
		})
	}
}

// fixture is what one test works on.
type fixture struct {
	store *qdrant.Store
	opts  qdrant.Options // of the store, to open more
	key   qdrant.Key
}

func schema(dimensions int) qdrant.Schema {
	return qdrant.Schema{
		Model:         "test-model",
		Dimensions:    dimensions,
		QueryPrefix:   "query: ",
		PassagePrefix: "passage: ",
		PassageBody:   `{"input_type":"passage"}`,
		EmbedsTitle:   true,
		ChunkRunes:    1200,
		OverlapRunes:  100,
	}
}

// ensure makes the index for key and has it dropped with the test.
func (f *fixture) ensure(t *testing.T, key qdrant.Key, dimensions int) qdrant.Collection {
	t.Helper()
	return f.ensureSchema(t, key, schema(dimensions))
}

func (f *fixture) ensureSchema(t *testing.T, key qdrant.Key, schema qdrant.Schema) qdrant.Collection {
	t.Helper()
	f.dropped(t, key)
	c, err := f.store.Ensure(t.Context(), key, schema)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dropped has an index dropped with the test.
func (f *fixture) dropped(t *testing.T, key qdrant.Key) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // t.Context has ended
		defer cancel()
		if err := f.store.Drop(ctx, key); err != nil && !errors.Is(err, qdrant.ErrNoCollection) {
			t.Errorf("drop %s: %v", key, err)
		}
	})
}

func (f *fixture) upsert(t *testing.T, c qdrant.Collection, points []qdrant.Point) {
	t.Helper()
	if err := f.store.Upsert(t.Context(), c, points); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) search(t *testing.T, c qdrant.Collection, search qdrant.Search) []qdrant.Candidate {
	t.Helper()
	found, err := f.store.Search(t.Context(), c, search)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (f *fixture) wantCount(t *testing.T, c qdrant.Collection, want uint64) {
	t.Helper()
	got, err := f.store.Count(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s holds %d points, want %d", c.Name, got, want)
	}
}

// id returns the id of point i; ids ascend with i.
func id(i int) string {
	return fmt.Sprintf("%08x-0000-5000-8000-000000000000", i)
}

// point returns point i, the only chunk of a document.
func point(i int, v []float32) qdrant.Point {
	return qdrant.Point{ID: id(i), Vector: v, Payload: qdrant.Payload{
		DocID:       fmt.Sprintf("doc-%d", i),
		Lang:        "th",
		Title:       "หัวข้อ",
		Text:        fmt.Sprintf("ข้อความ %d", i),
		Chunks:      1,
		ContentHash: fmt.Sprintf("hash-%d", i),
	}}
}

// randomPoints returns n points with the same vectors at every call.
func randomPoints(n, dimensions int) []qdrant.Point {
	random := newRandom()
	points := make([]qdrant.Point, n)
	for i := range points {
		points[i] = point(i, randomVector(random, dimensions))
	}
	return points
}

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// randomVector returns a vector of random direction and of a length up to 10.
func randomVector(random *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	length := 10 * random.Float64()
	for i := range v {
		v[i] = float32(length * random.NormFloat64())
	}
	return v
}

func testHealth(t *testing.T, f *fixture) {
	version, err := f.store.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if version == "" {
		t.Error("no version")
	}
}

func testLifecycle(t *testing.T, f *fixture) {
	ctx := t.Context()
	if _, err := f.store.Lookup(ctx, f.key); !errors.Is(err, qdrant.ErrNoCollection) || !strings.Contains(err.Error(), f.key.String()) {
		t.Fatalf("lookup before ensure: %v, want ErrNoCollection naming %s", err, f.key)
	}
	if err := f.store.Drop(ctx, f.key); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Fatalf("drop before ensure: %v, want ErrNoCollection", err)
	}
	made := f.ensure(t, f.key, 4)
	want := qdrant.Collection{Key: f.key, Name: f.key.String() + ".v1", Schema: schema(4)}
	if made != want {
		t.Fatalf("ensure returned %+v, want %+v", made, want)
	}
	f.upsert(t, made, randomPoints(3, 4))
	if again := f.ensure(t, f.key, 4); again != made {
		t.Errorf("second ensure returned %+v, want %+v", again, made)
	}
	found, err := f.store.Lookup(ctx, f.key)
	if err != nil || found != made {
		t.Errorf("lookup returned %+v, %v, want %+v", found, err, made)
	}
	f.wantCount(t, found, 3)
	// The alias names the same collection.
	f.wantCount(t, qdrant.Collection{Key: f.key, Name: f.key.String(), Schema: made.Schema}, 3)

	if err := f.store.Drop(ctx, f.key); err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Lookup(ctx, f.key); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("lookup after drop: %v, want ErrNoCollection", err)
	}
	if _, err := f.store.Count(ctx, made); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("count after drop: %v, want ErrNoCollection", err)
	}
	f.wantCount(t, f.ensure(t, f.key, 5), 0)
}

func testTwoLanguages(t *testing.T, f *fixture) {
	thai := f.ensure(t, f.key, 4)
	greek := f.ensure(t, qdrant.Key{Corpus: f.key.Corpus, Lang: "el"}, 4)
	f.upsert(t, thai, randomPoints(3, 4))
	f.upsert(t, greek, randomPoints(2, 4))
	f.wantCount(t, thai, 3)
	f.wantCount(t, greek, 2)
	if err := f.store.Drop(t.Context(), greek.Key); err != nil {
		t.Fatal(err)
	}
	f.wantCount(t, thai, 3)
	_, err := f.store.Lookup(t.Context(), greek.Key)
	if !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("lookup of the dropped language: %v, want ErrNoCollection", err)
	}
}

func testList(t *testing.T, f *fixture) {
	thai := f.ensure(t, f.key, 4)
	greek := f.ensure(t, qdrant.Key{Corpus: f.key.Corpus, Lang: "el"}, 4)
	points := randomPoints(5, 4)
	points[3].Payload.Chunk, points[4].Payload.Chunk = 1, 2 // the rest of points[2]'s document
	f.upsert(t, thai, points)

	infos, err := f.store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	infos = slices.DeleteFunc(infos, func(info qdrant.Info) bool { return info.Key.Corpus != f.key.Corpus })
	want := []qdrant.Info{
		{Collection: greek},
		{Collection: thai, Passages: 5, Documents: 3},
	}
	if !slices.Equal(infos, want) {
		t.Errorf("list returned %+v, want %+v", infos, want)
	}
}

func testSchemaMismatch(t *testing.T, f *fixture) {
	made := f.ensure(t, f.key, 4)
	for _, test := range []struct {
		name   string
		change func(*qdrant.Schema)
		want   string
	}{
		{"model", func(s *qdrant.Schema) { s.Model = "other" }, `model: index has "test-model", this run has "other"`},
		{"dimensions", func(s *qdrant.Schema) { s.Dimensions = 5 }, "dimensions: index has 4, this run has 5"},
		{"prefix", func(s *qdrant.Schema) { s.PassagePrefix = "" }, `passage prefix: index has "passage: ", this run has none`},
	} {
		t.Run(test.name, func(t *testing.T) {
			other := schema(4)
			test.change(&other)
			_, err := f.store.Ensure(t.Context(), f.key, other)
			refused, ok := errors.AsType[*qdrant.SchemaError](err)
			if !ok {
				t.Fatalf("ensure: %v, want a SchemaError", err)
			}
			if refused.Key != f.key || !slices.Contains(refused.Differences, test.want) {
				t.Errorf("%+v does not say %q", refused, test.want)
			}
		})
	}
	found, err := f.store.Lookup(t.Context(), f.key)
	if err != nil || found != made {
		t.Errorf("lookup returned %+v, %v, want %+v unchanged", found, err, made)
	}
}

func testBadKeys(t *testing.T, f *fixture) {
	for _, key := range []qdrant.Key{
		{Corpus: "", Lang: "th"},
		{Corpus: "../up", Lang: "th"},
		{Corpus: ".hidden", Lang: "th"},
		{Corpus: strings.Repeat("a", 101), Lang: "th"},
		{Corpus: "docs", Lang: ""},
		{Corpus: "docs", Lang: "zh_TW"},
		{Corpus: "docs", Lang: "th.v1"},
	} {
		if _, err := f.store.Ensure(t.Context(), key, schema(4)); err == nil {
			t.Errorf("ensure accepted %+v", key)
		}
		if _, err := f.store.Lookup(t.Context(), key); err == nil || errors.Is(err, qdrant.ErrNoCollection) {
			t.Errorf("lookup of %+v: %v, want it refused", key, err)
		}
		if err := f.store.Drop(t.Context(), key); err == nil || errors.Is(err, qdrant.ErrNoCollection) {
			t.Errorf("drop of %+v: %v, want it refused", key, err)
		}
	}
	for _, bad := range []qdrant.Schema{{Dimensions: 4}, {Model: "m"}, {Model: "m", Dimensions: 1 << 20}} {
		if _, err := f.store.Ensure(t.Context(), f.key, bad); err == nil {
			t.Errorf("ensure accepted %+v", bad)
		}
	}
}

func testMissingCollection(t *testing.T, f *fixture) {
	ctx := t.Context()
	absent := qdrant.Collection{Key: f.key, Name: f.key.String() + ".v1", Schema: schema(2)}
	search := qdrant.Search{Vector: []float32{1, 0}, Limit: 1}
	calls := map[string]func() error{
		"upsert":   func() error { return f.store.Upsert(ctx, absent, randomPoints(1, 2)) },
		"delete":   func() error { return f.store.Delete(ctx, absent, []string{id(0)}) },
		"stamps":   func() error { _, err := f.store.Stamps(ctx, absent, []string{id(0)}); return err },
		"payloads": func() error { _, err := f.store.Payloads(ctx, absent, []string{id(0)}); return err },
		"points":   func() error { _, err := f.store.Points(ctx, absent, []string{id(0)}); return err },
		"count":    func() error { _, err := f.store.Count(ctx, absent); return err },
		"search":   func() error { _, err := f.store.Search(ctx, absent, search); return err },
		"batch": func() error {
			_, err := f.store.SearchBatch(ctx, absent, []qdrant.Search{search, search})
			return err
		},
		"scroll": func() error {
			for _, err := range f.store.Scroll(ctx, absent, 10) {
				return err
			}
			return nil
		},
	}
	for name, run := range calls {
		if err := run(); !errors.Is(err, qdrant.ErrNoCollection) {
			t.Errorf("%s: %v, want ErrNoCollection", name, err)
		}
	}
}

func testPayload(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	want := qdrant.Payload{
		DocID:       "วิกิ/ประเทศไทย#1",
		Lang:        "th",
		Title:       "نص عربي \u200f 漢字 🐘",
		Text:        "บรรทัดแรก\nline two\t\"quoted\" \\ \u0000 end",
		Chunk:       2,
		Chunks:      3,
		ContentHash: "0123abcd",
		Metadata: map[string]any{
			"text":   "ค่า",
			"empty":  "",
			"whole":  int64(math.MaxInt64),
			"minus":  int64(-7),
			"real":   2.5,
			"round":  3.0,
			"yes":    true,
			"no":     false,
			"none":   nil,
			"list":   []any{"a", int64(1), 1.5, nil, []any{}, map[string]any{"k": "v"}},
			"nested": map[string]any{"κλειδί": map[string]any{"deep": []any{false}}, "bare": map[string]any{}},
		},
	}
	plain := qdrant.Payload{DocID: "plain"}
	f.upsert(t, c, []qdrant.Point{
		{ID: id(1), Vector: []float32{1, 0}, Payload: want},
		{ID: id(2), Vector: []float32{0, 1}, Payload: plain},
	})
	got, err := f.store.Payloads(t.Context(), c, []string{id(2), id(1), id(9)})
	if err != nil {
		t.Fatal(err)
	}
	if all := map[string]qdrant.Payload{id(1): want, id(2): plain}; !reflect.DeepEqual(got, all) {
		t.Errorf("payloads\n%+v, want\n%+v", got, all)
	}
	if none, err := f.store.Payloads(t.Context(), c, nil); err != nil || len(none) != 0 {
		t.Errorf("payloads of no ids: %v, %v", none, err)
	}
}

func testOverwrite(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	first := point(1, []float32{1, 0})
	first.Payload.Metadata = map[string]any{"old": true}
	f.upsert(t, c, []qdrant.Point{first})
	second := point(1, []float32{0, 1})
	second.Payload.Text = "ใหม่"
	f.upsert(t, c, []qdrant.Point{second})

	f.wantCount(t, c, 1)
	payloads, err := f.store.Payloads(t.Context(), c, []string{id(1)})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(payloads[id(1)], second.Payload) {
		t.Errorf("payload %+v, want %+v", payloads[id(1)], second.Payload)
	}
	found := f.search(t, c, qdrant.Search{Vector: []float32{0, 1}, Limit: 5, WithVectors: true})
	want := []qdrant.Candidate{{ID: id(1), Score: 1, DocID: "doc-1", ContentHash: "hash-1", Vector: []float32{0, 1}}}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("search found %+v, want %+v", found, want)
	}
	found = f.search(t, c, qdrant.Search{Vector: []float32{0, 1}, Limit: 5, WithPayload: true})
	want[0].Vector, want[0].Payload = nil, &second.Payload
	if !reflect.DeepEqual(found, want) {
		t.Errorf("search with payloads found %+v, want %+v", found, want)
	}
}

func testStamps(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	points := randomPoints(3, 2)
	points[1].Payload.Chunk, points[1].Payload.Chunks = 4, 9
	f.upsert(t, c, points)
	got, err := f.store.Stamps(t.Context(), c, []string{id(1), id(7), id(0)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]qdrant.Stamp{
		id(0): {ID: id(0), DocID: "doc-0", Chunks: 1, ContentHash: "hash-0"},
		id(1): {ID: id(1), DocID: "doc-1", Chunk: 4, Chunks: 9, ContentHash: "hash-1"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stamps %+v, want %+v", got, want)
	}
	if _, err := f.store.Stamps(t.Context(), c, []string{"not-a-uuid"}); err == nil {
		t.Error("stamps accepted a bad id")
	}
}

func testPoints(t *testing.T, f *fixture) {
	const dimensions = 8
	c := f.ensure(t, f.key, dimensions)
	points := randomPoints(3, dimensions)
	for i := range points {
		points[i].Vector = vector.Normalize(points[i].Vector)
	}
	points[1].Payload.Metadata = map[string]any{"year": int64(2024), "tags": []any{"a", "b"}}
	f.upsert(t, c, points)
	got, err := f.store.Points(t.Context(), c, []string{id(1), id(7), id(0), id(1)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]qdrant.Point{id(0): points[0], id(1): points[1]}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("points %+v, want %+v", got, want)
	}
	if _, err := f.store.Points(t.Context(), c, []string{"not-a-uuid"}); err == nil {
		t.Error("points accepted a bad id")
	}
}

// What a search found is read as it is now, not as it was found.
func testPointsAfterSearch(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	f.upsert(t, c, []qdrant.Point{point(0, []float32{1, 0}), point(1, []float32{0, 1}), point(2, []float32{0.6, 0.8})})
	read := func() map[string]qdrant.Point {
		t.Helper()
		f.search(t, c, qdrant.Search{Vector: []float32{1, 0}, Limit: 2, Exact: true, Bare: true}) // all but point 1
		got, err := f.store.Points(t.Context(), c, []string{id(0), id(1), id(2)})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(); len(got) != 3 || got[id(2)].Payload.Text != "ข้อความ 2" {
		t.Errorf("got %+v", got)
	}
	changed := point(2, []float32{0.8, 0.6})
	changed.Payload.Text = "เปลี่ยน"
	f.upsert(t, c, []qdrant.Point{changed})
	got, err := f.store.Points(t.Context(), c, []string{id(2)})
	if err != nil || !reflect.DeepEqual(got[id(2)], changed) {
		t.Errorf("after an overwrite: %+v, %v, want %+v", got[id(2)], err, changed)
	}
	read()
	if err := f.store.Delete(t.Context(), c, []string{id(0)}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.store.Points(t.Context(), c, []string{id(0), id(2)}); err != nil || len(got) != 1 {
		t.Errorf("after a delete: %d points, %v, want 1", len(got), err)
	}
}

func testDelete(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 4)
	f.upsert(t, c, randomPoints(4, 4))
	if err := f.store.Delete(t.Context(), c, []string{id(1), id(3), id(99)}); err != nil {
		t.Fatal(err)
	}
	f.wantCount(t, c, 2)
	found := f.search(t, c, qdrant.Search{Vector: []float32{1, 0, 0, 0}, Limit: 10})
	got := []string{}
	for _, candidate := range found {
		got = append(got, candidate.ID)
	}
	if slices.Sort(got); !slices.Equal(got, []string{id(0), id(2)}) {
		t.Errorf("search after delete found %v", got)
	}
	if err := f.store.Delete(t.Context(), c, nil); err != nil {
		t.Errorf("delete of nothing: %v", err)
	}
	f.wantCount(t, c, 2)
}

func testScroll(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 4)
	const n = 23
	points := randomPoints(n, 4)
	var want []qdrant.Stamp
	for _, p := range points {
		want = append(want, qdrant.Stamp{
			ID: p.ID, DocID: p.Payload.DocID, Chunk: p.Payload.Chunk, Chunks: p.Payload.Chunks, ContentHash: p.Payload.ContentHash,
		})
	}
	newRandom().Shuffle(n, func(i, j int) { points[i], points[j] = points[j], points[i] })
	f.upsert(t, c, points)
	for _, pageSize := range []int{1, 5, n - 1, n, n + 1, 1000} {
		var got []qdrant.Stamp
		for stamp, err := range f.store.Scroll(t.Context(), c, pageSize) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, stamp)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %+v, want %+v", pageSize, got, want)
		}
	}
	seen := 0
	for _, err := range f.store.Scroll(t.Context(), c, 5) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 7 {
			break
		}
	}
	for _, err := range f.store.Scroll(t.Context(), c, 0) {
		if err == nil {
			t.Error("a page size of 0 was accepted")
		}
	}
}

func testUnitLength(t *testing.T, f *fixture) {
	const dimensions = 96
	c := f.ensure(t, f.key, dimensions)
	random := newRandom()
	long := randomVector(random, dimensions)
	unit := vector.Normalize(randomVector(random, dimensions))
	f.upsert(t, c, []qdrant.Point{point(0, long), point(1, unit)})

	got := map[string][]float32{}
	for _, candidate := range f.search(t, c, qdrant.Search{Vector: unit, Limit: 2, WithVectors: true}) {
		got[candidate.ID] = candidate.Vector
	}
	if !slices.Equal(got[id(1)], unit) {
		t.Error("a vector of unit length did not come back bit for bit")
	}
	want := vector.Normalize(long)
	if len(got[id(0)]) != dimensions {
		t.Fatalf("got a vector of %d dimensions", len(got[id(0)]))
	}
	for i, x := range got[id(0)] {
		if math.Abs(float64(x)-float64(want[i])) > tolerance {
			t.Fatalf("component %d is %v, want %v", i, x, want[i])
		}
	}
	for _, candidate := range f.search(t, c, qdrant.Search{Vector: unit, Limit: 2}) {
		if candidate.Vector != nil {
			t.Error("a vector came back unasked")
		}
	}
}

// The length of a vector counts for nothing, however short or long it is.
func testAnyLength(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	lengths := []float32{1e-30, 1e-5, 3e-4, 1, 1e5, 1e15}
	for i, length := range lengths {
		f.upsert(t, c, []qdrant.Point{point(i, []float32{0.6 * length, 0.8 * length})})
	}
	for _, length := range lengths {
		found := f.search(t, c, qdrant.Search{Vector: []float32{length, 0}, Limit: 10, Exact: true, WithVectors: true})
		if len(found) != len(lengths) {
			t.Fatalf("query of length %v: found %d points, want %d", length, len(found), len(lengths))
		}
		for _, candidate := range found {
			square := vector.Dot64(candidate.Vector, candidate.Vector)
			if math.Abs(candidate.Score-0.6) > tolerance || math.Abs(square-1) > tolerance {
				t.Errorf("query of length %v: %s scores %v with a squared length of %v, want 0.6 and 1", length, candidate.ID, candidate.Score, square)
			}
		}
	}
}

func testSearch(t *testing.T, f *fixture) {
	const n, dimensions = 300, 32
	c := f.ensure(t, f.key, dimensions)
	points := randomPoints(n, dimensions)
	f.upsert(t, c, points)
	random := rand.New(rand.NewPCG(3, 4))
	for _, limit := range []int{1, 10, n, n + 50} {
		for _, exact := range []bool{true, false} {
			query := randomVector(random, dimensions)
			found := f.search(t, c, qdrant.Search{Vector: query, Limit: limit, Exact: exact})
			checkRanking(t, points, query, limit, found)
		}
	}
}

// checkRanking compares found with the true cosines. Candidates that lie within
// the tolerance of each other may stand in either order.
func checkRanking(t *testing.T, points []qdrant.Point, query []float32, limit int, found []qdrant.Candidate) {
	t.Helper()
	cosines := map[string]float64{}
	docs := map[string]string{}
	var best []float64
	for _, p := range points {
		cosines[p.ID] = vector.Cosine(query, p.Vector)
		docs[p.ID] = p.Payload.DocID
		best = append(best, cosines[p.ID])
	}
	slices.SortFunc(best, func(a, b float64) int { return cmp.Compare(b, a) })
	if want := min(limit, len(points)); len(found) != want {
		t.Fatalf("limit %d: found %d candidates, want %d", limit, len(found), want)
	}
	seen := map[string]bool{}
	for rank, candidate := range found {
		cosine, ok := cosines[candidate.ID]
		if !ok || seen[candidate.ID] {
			t.Fatalf("rank %d: id %s is unknown or repeated", rank, candidate.ID)
		}
		seen[candidate.ID] = true
		if math.Abs(candidate.Score-cosine) > tolerance {
			t.Errorf("rank %d: score %v, want %v", rank, candidate.Score, cosine)
		}
		if cosine < best[rank]-2*tolerance {
			t.Errorf("rank %d: cosine %v, the true one there is %v", rank, cosine, best[rank])
		}
		if candidate.DocID != docs[candidate.ID] {
			t.Errorf("rank %d: document %q, want %q", rank, candidate.DocID, docs[candidate.ID])
		}
	}
	if !slices.IsSortedFunc(found, byScoreThenID) {
		t.Error("candidates are not in order of score and id")
	}
}

func byScoreThenID(a, b qdrant.Candidate) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
}

func testTies(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 3)
	var points []qdrant.Point
	for _, i := range []int{5, 2, 9, 1, 7} {
		points = append(points, point(i, []float32{1, 2, 2}))
	}
	points = append(points, point(0, []float32{-1, 0, 0}), point(3, []float32{3, 6, 7}))
	f.upsert(t, c, points)
	found := f.search(t, c, qdrant.Search{Vector: []float32{3, 6, 7}, Limit: 10})
	var got []string
	for _, candidate := range found {
		got = append(got, candidate.ID)
	}
	if want := []string{id(3), id(1), id(2), id(5), id(7), id(9), id(0)}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func testBare(t *testing.T, f *fixture) {
	const dimensions = 8
	c := f.ensure(t, f.key, dimensions)
	f.upsert(t, c, randomPoints(20, dimensions))
	search := qdrant.Search{Vector: randomVector(newRandom(), dimensions), Limit: 5, Exact: true, WithVectors: true}
	full := f.search(t, c, search)
	search.Bare = true
	bare := f.search(t, c, search)
	if len(bare) != len(full) {
		t.Fatalf("%d candidates, want %d", len(bare), len(full))
	}
	for i, got := range bare {
		want := full[i]
		if want.DocID == "" || want.ContentHash == "" {
			t.Fatal("a search that is not bare says too little")
		}
		want.DocID, want.Chunk, want.ContentHash = "", 0, ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("rank %d: %+v, want %+v", i, got, want)
		}
	}
}

func testBatch(t *testing.T, f *fixture) {
	const dimensions = 16
	c := f.ensure(t, f.key, dimensions)
	f.upsert(t, c, randomPoints(60, dimensions))
	random := rand.New(rand.NewPCG(5, 6))
	var searches []qdrant.Search
	for i := range 4 {
		searches = append(searches, qdrant.Search{
			Vector: randomVector(random, dimensions), Limit: 5 + 20*i, Exact: i%2 == 0, WithVectors: i > 1,
		})
	}
	lists, err := f.store.SearchBatch(t.Context(), c, searches)
	if err != nil {
		t.Fatal(err)
	}
	if len(lists) != len(searches) {
		t.Fatalf("got %d lists", len(lists))
	}
	for i, search := range searches {
		alone := f.search(t, c, search)
		if len(alone) != len(lists[i]) {
			t.Fatalf("query %d: %d candidates, alone %d", i, len(lists[i]), len(alone))
		}
		for rank, candidate := range lists[i] {
			if candidate.ID != alone[rank].ID || math.Abs(candidate.Score-alone[rank].Score) > tolerance ||
				!slices.Equal(candidate.Vector, alone[rank].Vector) {
				t.Errorf("query %d, rank %d: %s %v, alone %s %v", i, rank,
					candidate.ID, candidate.Score, alone[rank].ID, alone[rank].Score)
			}
		}
	}
	if lists, err := f.store.SearchBatch(t.Context(), c, nil); err != nil || len(lists) != 0 {
		t.Errorf("a batch of none: %v, %v", lists, err)
	}
}

func testLargeAnswer(t *testing.T, f *fixture) {
	const n, dimensions = 1100, 1024
	c := f.ensure(t, f.key, dimensions)
	points := randomPoints(n, dimensions)
	f.upsert(t, c, points)
	f.wantCount(t, c, n)
	query := points[0].Vector
	found := f.search(t, c, qdrant.Search{Vector: query, Limit: n, Exact: true, WithVectors: true})
	checkRanking(t, points, query, n, found)
	if len(found[n-1].Vector) != dimensions {
		t.Error("the last candidate lacks its vector")
	}
}

func testBadPoints(t *testing.T, f *fixture) {
	const dimensions = 3
	c := f.ensure(t, f.key, dimensions)
	change := func(edit func(*qdrant.Point)) qdrant.Point {
		p := point(1, []float32{0, 1, 0})
		edit(&p)
		return p
	}
	for name, bad := range map[string]qdrant.Point{
		"too few dimensions":  change(func(p *qdrant.Point) { p.Vector = []float32{1, 0} }),
		"too many dimensions": change(func(p *qdrant.Point) { p.Vector = []float32{1, 0, 0, 0} }),
		"no vector":           change(func(p *qdrant.Point) { p.Vector = nil }),
		"NaN":                 change(func(p *qdrant.Point) { p.Vector[1] = float32(math.NaN()) }),
		"infinity":            change(func(p *qdrant.Point) { p.Vector[1] = float32(math.Inf(-1)) }),
		"zero length":         change(func(p *qdrant.Point) { p.Vector[1] = 0 }),
		"id":                  change(func(p *qdrant.Point) { p.ID = "1" }),
		"id in capitals":      change(func(p *qdrant.Point) { p.ID = "0000000A-0000-5000-8000-00000000000A" }),
		"invalid UTF-8":       change(func(p *qdrant.Point) { p.Payload.Text = "\xff" }),
		"metadata type":       change(func(p *qdrant.Point) { p.Payload.Metadata = map[string]any{"f": func() {}} }),
	} {
		if err := f.store.Upsert(t.Context(), c, []qdrant.Point{point(0, []float32{1, 0, 0}), bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Past the adapter's own check: the engine must refuse it too.
	unchecked := c
	unchecked.Schema.Dimensions = 0
	if err := f.store.Upsert(t.Context(), unchecked, []qdrant.Point{point(0, []float32{1, 0})}); err == nil {
		t.Error("wrong dimensions: accepted by the engine")
	}
	f.wantCount(t, c, 0)
}

func testBadSearches(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	f.upsert(t, c, randomPoints(2, 2))
	good := qdrant.Search{Vector: []float32{1, 0}, Limit: 1}
	for name, bad := range map[string]qdrant.Search{
		"dimensions": {Vector: []float32{1, 0, 0}, Limit: 1},
		"NaN":        {Vector: []float32{1, float32(math.NaN())}, Limit: 1},
		"zero":       {Vector: []float32{0, 0}, Limit: 1},
		"limit":      {Vector: []float32{1, 0}},
		"bare":       {Vector: []float32{1, 0}, Limit: 1, Bare: true, WithPayload: true},
	} {
		if _, err := f.store.Search(t.Context(), c, bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := f.store.SearchBatch(t.Context(), c, []qdrant.Search{good, bad}); err == nil {
			t.Errorf("%s in a batch: accepted", name)
		}
	}
	unchecked := c
	unchecked.Schema.Dimensions = 0
	if _, err := f.store.Search(t.Context(), unchecked, qdrant.Search{Vector: []float32{1, 0, 0}, Limit: 1}); err == nil {
		t.Error("wrong dimensions: accepted by the engine")
	}
}

func testConcurrency(t *testing.T, f *fixture) {
	const dimensions, rounds, perRound = 8, 20, 10
	c := f.ensure(t, f.key, dimensions)
	points := randomPoints(rounds*perRound, dimensions)
	f.upsert(t, c, points[:perRound])

	written := make(chan struct{})
	var group sync.WaitGroup
	for reader := range 3 {
		query := points[reader].Vector
		group.Go(func() {
			for done := false; !done; {
				select {
				case <-written:
					done = true // one more search, over all points
				default:
				}
				found, err := f.store.Search(t.Context(), c, qdrant.Search{Vector: query, Limit: 5, Exact: true})
				if err != nil {
					t.Errorf("reader %d: %v", reader, err)
					return
				}
				// Its own vector was there from the start.
				if len(found) != 5 || found[0].ID != id(reader) || !slices.IsSortedFunc(found, byScoreThenID) {
					t.Errorf("reader %d: found %+v", reader, found)
					return
				}
			}
		})
	}
	for round := 1; round < rounds; round++ {
		if err := f.store.Upsert(t.Context(), c, points[round*perRound:(round+1)*perRound]); err != nil {
			t.Errorf("writer: %v", err)
			break
		}
	}
	close(written)
	group.Wait()
	f.wantCount(t, c, rounds*perRound)
}

func testEndedContext(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	search := qdrant.Search{Vector: []float32{1, 0}, Limit: 1}
	for name, run := range map[string]func() error{
		"health":   func() error { _, err := f.store.Health(ctx); return err },
		"ensure":   func() error { _, err := f.store.Ensure(ctx, f.key, schema(2)); return err },
		"lookup":   func() error { _, err := f.store.Lookup(ctx, f.key); return err },
		"list":     func() error { _, err := f.store.List(ctx); return err },
		"drop":     func() error { return f.store.Drop(ctx, f.key) },
		"upsert":   func() error { return f.store.Upsert(ctx, c, randomPoints(1, 2)) },
		"delete":   func() error { return f.store.Delete(ctx, c, []string{id(0)}) },
		"payloads": func() error { _, err := f.store.Payloads(ctx, c, []string{id(0)}); return err },
		"count":    func() error { _, err := f.store.Count(ctx, c); return err },
		"search":   func() error { _, err := f.store.Search(ctx, c, search); return err },
		"scroll": func() error {
			for _, err := range f.store.Scroll(ctx, c, 10) {
				return err
			}
			return nil
		},
	} {
		if err := run(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	f.wantCount(t, c, 0)
}
