package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

const (
	model      = "hashed"
	dimensions = 64
)

var (
	key      = qdrant.Key{Corpus: "docs", Lang: "th"}
	chunking = corpus.Chunking{MaxRunes: 200, OverlapRunes: 20}
)

// edition is one state of a corpus: its documents in a file, and the points
// that an index of it holds.
type edition struct {
	file   string
	docs   int
	order  []string // point ids, in the order of the file
	points map[string]qdrant.Point
}

// newEdition writes n documents to a file. The revision decides a document's
// text; every fifth is long, and has one to six chunks, as its revision says.
func newEdition(t *testing.T, n int, revision func(i int) int) *edition {
	t.Helper()
	e := &edition{docs: n, points: map[string]qdrant.Point{}}
	var lines []byte
	for i := range n {
		rev := revision(i)
		d := corpus.Document{
			ID: fmt.Sprintf("doc-%03d", i), Lang: key.Lang, Title: fmt.Sprintf("Τίτλος %d", i),
			Text:     paragraph(i, rev),
			Metadata: map[string]any{"number": int64(i), "revision": int64(rev)},
		}
		line, err := json.Marshal(map[string]any{"_id": d.ID, "title": d.Title, "text": d.Text, "metadata": d.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
		for _, p := range chunking.Passages(d) {
			id := corpus.PointID(key.Corpus, key.Lang, p.DocID, p.Chunk)
			e.order = append(e.order, id)
			e.points[id] = qdrant.Point{
				ID:     id,
				Vector: embeddingtest.HashedVector(dimensions, embedding.Passage, p.EmbeddingText(true)),
				Payload: qdrant.Payload{
					DocID: p.DocID, Lang: p.Lang, Title: p.Title, Text: p.Text, Chunk: p.Chunk, Chunks: p.Chunks,
					ContentHash: p.ContentHash(), Metadata: p.Metadata,
				},
			}
		}
	}
	e.file = filepath.Join(t.TempDir(), "docs.jsonl")
	if err := os.WriteFile(e.file, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	return e
}

// paragraph returns the same text on every run.
func paragraph(i, revision int) string {
	words := []string{"น้ำ", "ภูเขา", "το", "ποτάμι", "rüzgâr", "deniz", "ماء", "山", "stone", "light"}
	random := rand.New(rand.NewPCG(uint64(i), uint64(revision)))
	runes := 120
	if i%5 == 0 {
		runes = 120 + 180*((i/5+2*revision)%6)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Document %d in revision %d.", i, revision)
	for count := b.Len(); count < runes; {
		word := words[random.IntN(len(words))]
		b.WriteString(" " + word + ".")
		count += len([]rune(word)) + 2
	}
	return b.String()
}

// equal says whether two points are the same, vectors bit for bit.
func equal(a, b qdrant.Point) bool {
	return a.ID == b.ID && slices.Equal(a.Vector, b.Vector) && reflect.DeepEqual(a.Payload, b.Payload)
}

// openStore opens a store in this process until the test ends or the returned
// function is called.
func openStore(t *testing.T, dir string, mode embedded.Mode) (*qdrant.Store, func(), error) {
	t.Helper()
	engine, err := embedded.Open(t.Context(), dir, mode)
	if err != nil {
		return nil, nil, err
	}
	store, err := qdrant.Connect(qdrant.Options{Dial: engine.Dial})
	if err != nil {
		t.Fatal(errors.Join(err, engine.Close()))
	}
	return store, func() {
		if err := errors.Join(store.Close(), engine.Close()); err != nil {
			t.Error(err)
		}
	}, nil
}

// contents reads the whole index through a reader, in every way there is, and
// demands that they agree. Where there is no store or no index yet it is nil.
func contents(t *testing.T, dir string) map[string]qdrant.Point {
	t.Helper()
	store, shut, err := openStore(t, dir, embedded.ReadOnly)
	if errors.Is(err, embedded.ErrNoStore) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer shut()
	collection, err := store.Lookup(t.Context(), key)
	if errors.Is(err, qdrant.ErrNoCollection) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	count, err := store.Count(t.Context(), collection)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for stamp, err := range store.Scroll(t.Context(), collection, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, stamp.ID)
	}
	if uint64(len(ids)) != count || !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Fatalf("the index counts %d points, and a scroll yields %d ids, each once and in order: %t", count, len(ids), slices.IsSorted(ids))
	}
	payloads, err := store.Payloads(t.Context(), collection, ids)
	if err != nil {
		t.Fatal(err)
	}
	// A search that asks for more than there is returns every vector.
	found, err := store.Search(t.Context(), collection, qdrant.Search{
		Vector: embeddingtest.HashedVector(collection.Schema.Width(), embedding.Query, "all"), Limit: len(ids) + 1, Exact: true, WithVectors: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	points := make(map[string]qdrant.Point, len(found))
	for _, c := range found {
		points[c.ID] = qdrant.Point{ID: c.ID, Vector: c.Vector, Payload: payloads[c.ID]}
	}
	if len(found) != len(ids) || len(points) != len(ids) || len(payloads) != len(ids) {
		t.Fatalf("of %d points a search finds %d, %d of them distinct, and %d have a payload", len(ids), len(found), len(points), len(payloads))
	}
	return points
}

// wantExactly demands that the index is the edition's.
func wantExactly(t *testing.T, got map[string]qdrant.Point, want *edition) {
	t.Helper()
	for id, point := range want.points {
		if stored, ok := got[id]; !ok {
			t.Errorf("%s chunk %d is missing", point.Payload.DocID, point.Payload.Chunk)
		} else if !equal(stored, point) {
			t.Errorf("%s chunk %d is stored wrong: %+v", point.Payload.DocID, point.Payload.Chunk, stored.Payload)
		}
	}
	for id, point := range got {
		if _, ok := want.points[id]; !ok {
			t.Errorf("%s chunk %d should not be there", point.Payload.DocID, point.Payload.Chunk)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// window is how many passages are written together, or not at all: the least,
// as the writer joins what is ready.
const window = 8

// wantWhole demands that every window of the new edition is stored in full or
// not at all; what is not must be as the old edition has it, nil for an empty
// index. It returns how many windows hold something new, all of it.
func wantWhole(t *testing.T, got map[string]qdrant.Point, old, new *edition) (written int) {
	t.Helper()
	before := map[string]qdrant.Point{}
	if old != nil {
		before = old.points
	}
	renewed := map[string]bool{} // documents whose first chunk is new
	for w := range slices.Chunk(new.order, window) {
		isNew, isOld := 0, 0
		for _, id := range w {
			stored, there := got[id]
			was, existed := before[id]
			switch fresh := new.points[id]; {
			case there && equal(stored, fresh) && existed && equal(fresh, was): // unchanged
			case there && equal(stored, fresh):
				isNew++
				if fresh.Payload.Chunk == 0 {
					renewed[fresh.Payload.DocID] = true
				}
			case there == existed && (!there || equal(stored, was)):
				isOld++
			default:
				t.Fatalf("%s chunk %d is neither as before nor as it should be: %+v", fresh.Payload.DocID, fresh.Payload.Chunk, stored.Payload)
			}
		}
		if isNew > 0 && isOld > 0 {
			t.Fatalf("a write is there in part: %d of %d changed passages", isNew, isNew+isOld)
		}
		written += min(isNew, 1)
	}
	for id, stored := range got {
		if _, ok := new.points[id]; ok {
			continue
		}
		if was, ok := before[id]; !ok || !equal(stored, was) {
			t.Fatalf("%s chunk %d was never written like this: %+v", stored.Payload.DocID, stored.Payload.Chunk, stored.Payload)
		}
		if renewed[stored.Payload.DocID] {
			t.Fatalf("%s became shorter and still has chunk %d", stored.Payload.DocID, stored.Payload.Chunk)
		}
	}
	return written
}
