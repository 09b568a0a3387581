package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/dump"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/upkeep"
)

const dimensions = 8

var (
	key     = qdrant.Key{Corpus: "docs", Lang: "th"}
	options = ingest.Options{Corpus: "docs", Chunking: corpus.Chunking{MaxRunes: 10}, EmbedsTitle: true, Batch: 4, Concurrency: 2}
)

// embedder makes vectors up, and does before what a test tells it.
type embedder struct {
	model  string
	before func(texts []string) error
}

func (e embedder) Identity() embedding.Identity {
	model := e.model
	if model == "" {
		model = "m"
	}
	return embedding.Identity{Model: model}
}

func (e embedder) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	if e.before != nil {
		if err := e.before(texts); err != nil {
			return nil, embedding.Stats{}, err
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = embeddingtest.HashedVector(dimensions, role, e.model+text)
	}
	return vectors, embedding.Stats{Embedded: len(texts)}, ctx.Err()
}

// document has a chunk of ten characters for each of the words.
func document(id string, words ...string) corpus.Document {
	var text strings.Builder
	for _, word := range words {
		fmt.Fprintf(&text, "%-10s", word+".")
	}
	return corpus.Document{ID: id, Lang: key.Lang, Text: text.String(), Metadata: map[string]any{"round": 3.0}}
}

func documents(n int) []corpus.Document {
	docs := make([]corpus.Document, n)
	for i := range docs {
		docs[i] = document(fmt.Sprintf("d%03d", i), slices.Repeat([]string{fmt.Sprintf("w%d", i)}, 1+i%3)...)
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

func index(t *testing.T, store *qdrant.Store, docs ...corpus.Document) qdrant.Collection {
	t.Helper()
	if _, err := ingest.Run(t.Context(), store, embedder{}, options, stream(docs...)); err != nil {
		t.Fatal(err)
	}
	c, err := store.Lookup(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// differences compares the index with documents: "missing d001" and so on.
func differences(t *testing.T, store *qdrant.Store, docs ...corpus.Document) []string {
	t.Helper()
	v, err := upkeep.Verify(t.Context(), store, key, stream(docs...))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []string
	for d, err := range v.Differences(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s: %d of %d wrong, %d left over", d.State, d.DocID, d.Wrong, d.Source, len(d.Surplus)))
	}
	if v.Agree() != (len(all) == 0) || v.Missing+v.Extra+v.Stale != len(all) || v.Documents != len(docs) {
		t.Errorf("%d differences, and the counts are %+v", len(all), v.Counts)
	}
	return all
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("differences are %q, want %q", got, want)
	}
}

func TestVerify(t *testing.T) {
	store := storetest.Embedded(t)
	c := index(t, store, document("a", "one"), document("b", "one", "two", "three"), document("c", "one"), document("d", "one", "two"))
	want(t, differences(t, store, document("a", "one"), document("b", "one", "two", "three"), document("c", "one"), document("d", "one", "two")))
	want(t, differences(t, store, document("a", "uno"), document("b", "one", "two"), document("d", "one", "two"), document("e", "one")),
		"stale a: 1 of 1 wrong, 0 left over",
		"stale b: 2 of 2 wrong, 1 left over", // the number of chunks is part of the content
		"extra c: 0 of 0 wrong, 1 left over",
		"missing e: 1 of 1 wrong, 0 left over")

	// What no run of ours leaves: a chunk is lost, one is left over, one is there
	// twice, a first chunk is gone.
	points, err := store.Points(t.Context(), c, []string{corpus.PointID("docs", "th", "b", 1)})
	if err != nil {
		t.Fatal(err)
	}
	stray := points[corpus.PointID("docs", "th", "b", 1)]
	twice := stray
	twice.ID = corpus.PointID("docs", "th", "elsewhere", 0)
	stray.ID, stray.Payload.DocID, stray.Payload.Chunk = corpus.PointID("docs", "th", "a", 4), "a", 4
	if err := errors.Join(
		store.Delete(t.Context(), c, []string{corpus.PointID("docs", "th", "b", 2), corpus.PointID("docs", "th", "d", 0)}),
		store.Upsert(t.Context(), c, []qdrant.Point{stray, twice}),
	); err != nil {
		t.Fatal(err)
	}
	docs := []corpus.Document{document("a", "one"), document("b", "one", "two", "three"), document("c", "one"), document("d", "one", "two")}
	want(t, differences(t, store, docs...),
		"stale a: 0 of 1 wrong, 1 left over",
		"stale b: 1 of 3 wrong, 1 left over",
		"stale d: 1 of 2 wrong, 0 left over")
	// Sync mends all of it.
	if _, err := upkeep.Sync(t.Context(), store, embedder{}, options, key, stream(docs...), 0, func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	want(t, differences(t, store, docs...))
	if _, err := upkeep.Verify(t.Context(), store, key, stream(corpus.Document{ID: "x", Lang: "el", Text: "x"})); err == nil || !strings.Contains(err.Error(), "is in el") {
		t.Errorf("a document in another language: %v", err)
	}
}

func TestSync(t *testing.T) {
	store := storetest.Embedded(t)
	docs := documents(30)
	sync := func(agreed int, docs ...corpus.Document) (upkeep.Synced, error) {
		return upkeep.Sync(t.Context(), store, embedder{}, options, key, stream(docs...), agreed, func() bool { return false })
	}
	if r, err := sync(0, docs...); err != nil || r.Embedded != r.Passages || r.Written != r.Passages {
		t.Fatalf("%+v, %v", r, err)
	}
	later := slices.Clone(docs[5:])
	later[0] = document("d005", "changed")
	later = append(later, document("new", "one"))
	counts, err := upkeep.Plan(t.Context(), store, key, options.Chunking, stream(later...))
	if err != nil || counts.Extra != 5 || counts.Missing != 1 || counts.Stale != 1 || counts.Indexed != 30 {
		t.Errorf("planned %+v, %v", counts, err)
	}
	// More vanished than was agreed to: what is new is written, nothing deleted.
	r, err := sync(4, later...)
	if refused, ok := errors.AsType[*upkeep.VanishedError](err); !ok || refused.Vanished != 5 || r.DeletedPassages != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = sync(5, later...); err != nil || r.DeletedDocuments != 5 || r.DeletedPassages != 9 || r.Embedded != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	want(t, differences(t, store, later...))

	other := options.Chunking
	other.MaxRunes++
	_, err = upkeep.Plan(t.Context(), store, key, other, stream(later...))
	if _, ok := errors.AsType[*qdrant.SchemaError](err); !ok {
		t.Errorf("another cut: %v", err)
	}
}

var errBroken = errors.New("broken")

// A rebuild that fails in the middle leaves the index alone, and the next one
// goes on; one of another model starts anew.
func TestRebuildGoesOn(t *testing.T) {
	store := storetest.Embedded(t)
	docs := documents(40)
	first := index(t, store, docs[:3]...)
	fail := func(model string, docs ...corpus.Document) {
		t.Helper()
		breaking := embedder{model: model, before: func(texts []string) error {
			if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "w39") }) {
				return nil
			}
			for ; ; time.Sleep(time.Millisecond) { // until something was written
				c, found, err := store.Unfinished(t.Context(), key)
				if err != nil {
					return err
				}
				if found && c.Schema.Model == model {
					if n, err := store.Count(t.Context(), c); err != nil || n >= 20 {
						return errors.Join(err, errBroken)
					}
				}
			}
		}}
		_, rebuilt, err := upkeep.Rebuild(t.Context(), store, breaking, options, stream(docs...))
		if !errors.Is(err, errBroken) || rebuilt != nil {
			t.Fatalf("%v, %v", rebuilt, err)
		}
		if now, err := store.Lookup(t.Context(), key); err != nil || now.Name != first.Name {
			t.Fatalf("the index is %s, %v", now.Name, err)
		}
		want(t, differences(t, store, docs[:3]...))
	}
	fail("new", docs...)
	// The source has changed since: what it no longer has does not stay.
	fewer := docs[1:]
	report, rebuilt, err := upkeep.Rebuild(t.Context(), store, embedder{model: "new"}, options, stream(fewer...))
	if err != nil || report.Unchanged < 19 || report.Written+report.Unchanged != report.Passages {
		t.Fatalf("%+v, %v", report, err)
	}
	if !reflect.DeepEqual(rebuilt, []upkeep.Rebuilt{{Lang: "th", Collection: "docs_th.v2", Replaced: "docs_th.v1"}}) {
		t.Errorf("rebuilt %+v", rebuilt)
	}
	want(t, differences(t, store, fewer...))

	// One with other settings does not go on with what there is.
	second, err := store.Lookup(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	first = second
	if err := store.Promote(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Begin(t.Context(), key, first.Schema); err != nil {
		t.Fatal(err)
	}
	if report, rebuilt, err = upkeep.Rebuild(t.Context(), store, embedder{model: "newer"}, options, stream(docs...)); err != nil || report.Unchanged != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if rebuilt[0].Collection != "docs_th.v4" {
		t.Errorf("rebuilt %+v", rebuilt)
	}
	want(t, differences(t, store, docs...))
}

// spoiled is a store that loses or changes what is written to it.
type spoiled struct {
	*qdrant.Store
	spoil func([]qdrant.Point) []qdrant.Point
}

func (s spoiled) Upsert(ctx context.Context, c qdrant.Collection, points []qdrant.Point) error {
	return s.Store.Upsert(ctx, c, s.spoil(slices.Clone(points)))
}

// A version that does not hold what it should is never switched to.
func TestRebuildVerifies(t *testing.T) {
	docs := documents(20)
	for name, test := range map[string]struct {
		spoil func([]qdrant.Point) []qdrant.Point
		want  string
	}{
		"a point is lost":  {func(p []qdrant.Point) []qdrant.Point { return p[1:] }, "are missing or of another content: nothing was switched"},
		"another content":  {func(p []qdrant.Point) []qdrant.Point { p[0].Payload.ContentHash = "x"; return p }, "are missing or of another content: nothing was switched"},
		"another vector":   {func(p []qdrant.Point) []qdrant.Point { p[0].Vector = p[1].Vector; return p }, "otherwise than it was embedded: nothing was switched"},
		"vectors shuffled": {func(p []qdrant.Point) []qdrant.Point { p[0].Vector, p[1].Vector = p[1].Vector, p[0].Vector; return p }, "otherwise than it was embedded"},
	} {
		store := storetest.Embedded(t)
		first := index(t, store, docs[0])
		broken := spoiled{store, func(p []qdrant.Point) []qdrant.Point {
			if len(p) < 2 {
				return p
			}
			return test.spoil(p)
		}}
		_, rebuilt, err := upkeep.Rebuild(t.Context(), broken, embedder{}, options, stream(docs...))
		if err == nil || !strings.Contains(err.Error(), test.want) || rebuilt != nil {
			t.Errorf("%s: %v, error %v", name, rebuilt, err)
		}
		if now, err := store.Lookup(t.Context(), key); err != nil || now.Name != first.Name {
			t.Errorf("%s: the index is %s, %v", name, now.Name, err)
		}
	}
}

// Documents in several languages are switched together.
func TestRebuildLanguages(t *testing.T) {
	store := storetest.Embedded(t)
	thai, greek := document("a", "one"), document("a", "two")
	greek.Lang = "el"
	_, rebuilt, err := upkeep.Rebuild(t.Context(), store, embedder{}, options, stream(thai, greek))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rebuilt, []upkeep.Rebuilt{{Lang: "el", Collection: "docs_el.v1"}, {Lang: "th", Collection: "docs_th.v1"}}) {
		t.Errorf("rebuilt %+v", rebuilt)
	}
}

func TestCopy(t *testing.T) {
	ctx := t.Context()
	from, to := storetest.Embedded(t), storetest.Embedded(t)
	docs := documents(700)
	index(t, from, docs...)
	origin, err := upkeep.FromStore(ctx, from, key)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := upkeep.CopyToStore(ctx, origin, to, nil)
	if err != nil || copied.Written != copied.Passages || copied.Unchanged != 0 {
		t.Fatalf("%+v, %v", copied, err)
	}
	n := copied.Passages
	// Again, there is nothing to do, and no new version.
	if copied, err = upkeep.CopyToStore(ctx, origin, to, nil); err != nil || copied != (upkeep.Copied{Passages: n, Unchanged: n, Collection: "docs_th.v1"}) {
		t.Errorf("%+v, %v", copied, err)
	}
	for _, name := range []string{"copy.jsonl", "copy.jsonl.gz"} {
		path := filepath.Join(t.TempDir(), name)
		if copied, err = upkeep.CopyToFile(ctx, origin, path, nil); err != nil || copied.Written != n {
			t.Errorf("%+v, %v", copied, err)
		}
		if copied, err = upkeep.CopyToFile(ctx, origin, path, nil); err != nil || copied.Unchanged != n {
			t.Errorf("%+v, %v", copied, err)
		}
		file, err := upkeep.FromFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if copied, err = upkeep.CopyToStore(ctx, file, to, nil); err != nil || copied.Unchanged != n {
			t.Errorf("%+v, %v", copied, err)
		}
	}
	want(t, differences(t, to, docs...))

	// Onto a half-made version that holds something else: it is brought into line.
	index(t, from, document("d001", "changed"), document("zzz", "new"))
	half, err := to.Begin(ctx, key, origin.Schema)
	if err != nil {
		t.Fatal(err)
	}
	var points []qdrant.Point
	for p, err := range origin.All(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if len(points) == 600 {
			break
		}
		points = append(points, p)
	}
	points[7].Vector = points[8].Vector
	points[9].Payload.Metadata = map[string]any{"round": int64(3)} // which is not 3.0
	stray := points[0]
	stray.ID = "ffffffff-0000-5000-8000-000000000000"
	first := stray
	first.ID = "00000000-0000-5000-8000-000000000000"
	if err := to.Upsert(ctx, half, append(points, stray, first)); err != nil {
		t.Fatal(err)
	}
	copied, err = upkeep.CopyToStore(ctx, origin, to, nil)
	if err != nil || copied.Unchanged != 598 || copied.Removed != 2 || copied.Written != copied.Passages-598 || copied.Collection != half.Name {
		t.Errorf("%+v, %v", copied, err)
	}
}

// A part that was left by a copy of an earlier state is not made into a file.
func TestCopyOverChangedPart(t *testing.T) {
	ctx := t.Context()
	store := storetest.Embedded(t)
	index(t, store, documents(20)...)
	origin, err := upkeep.FromStore(ctx, store, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.jsonl")
	w, err := dump.Create(path, origin.Header)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for p, err := range origin.All(ctx, "") {
		if err = errors.Join(err, w.Write(p)); err != nil {
			t.Fatal(err)
		}
		if n++; n == 10 {
			break
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	changed := documents(20)
	for i := range changed {
		changed[i].Text = "changed"
	}
	index(t, store, changed...)
	copied, err := upkeep.CopyToFile(ctx, origin, path, nil)
	if err != nil || copied.Written != copied.Passages {
		t.Errorf("%+v, %v", copied, err)
	}
	if _, err := os.Stat(dump.Part(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the part: %v", err)
	}
	other := storetest.Embedded(t)
	file, err := upkeep.FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := upkeep.CopyToStore(ctx, file, other, nil); err != nil {
		t.Fatal(err)
	}
	want(t, differences(t, other, changed...))
}

// Passages with a vector for each of their queries are several points. Verify,
// which knows no queries, takes any number of them; sync and rebuild know it.
func TestSeveralVectors(t *testing.T) {
	store := storetest.Embedded(t)
	opts := options
	queries := func(docs ...string) (all []augment.Query) {
		for _, doc := range docs {
			for n := range 3 {
				all = append(all, augment.Query{DocID: doc, Chunk: augment.EveryChunk, Lang: "en", Text: fmt.Sprintf("%s %d", doc, n)})
			}
		}
		return all
	}
	opts.Augment = &ingest.Augment{Queries: queries("a", "b"), Alpha: 0.25, Mode: augment.ModeMulti}
	a, b, c := document("a", "one", "two"), document("b", "one"), document("c", "one")
	if _, rebuilt, err := upkeep.Rebuild(t.Context(), store, embedder{}, opts, stream(a, b, c)); err != nil || len(rebuilt) != 1 {
		t.Fatalf("%v, %v", rebuilt, err)
	}
	now, err := store.Lookup(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := store.Count(t.Context(), now); err != nil || n != 3*3+1 {
		t.Fatalf("the index has %d points, %v", n, err)
	}
	want(t, differences(t, store, a, b, c))
	want(t, differences(t, store, document("a", "one"), c),
		"stale a: 1 of 1 wrong, 5 left over", "extra b: 0 of 0 wrong, 3 left over")
	counts, err := upkeep.Plan(t.Context(), store, key, opts.Chunking, stream(a, b))
	if err != nil || counts.Extra != 1 || counts.Wrong != 0 || counts.Surplus != 1 {
		t.Errorf("planned %+v, %v", counts, err)
	}
	// A further vector is lost: sync does not look for it, but says so.
	if err := store.Delete(t.Context(), now, []string{corpus.VectorID("docs", "th", "b", 0, 2)}); err != nil {
		t.Fatal(err)
	}
	_, err = upkeep.Sync(t.Context(), store, embedder{}, opts, key, stream(a, b, c), 0, func() bool { return false })
	if err == nil || !strings.Contains(err.Error(), "does not hold what was written to it") {
		t.Errorf("error is %v", err)
	}
	if _, _, err := upkeep.Rebuild(t.Context(), store, embedder{}, opts, stream(a, c)); err != nil {
		t.Fatal(err)
	}
	if _, err := upkeep.Sync(t.Context(), store, embedder{}, opts, key, stream(a), 1, func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	want(t, differences(t, store, a))
	// All of it goes through a file, in the widths and lengths that it has.
	for name, change := range map[string]func(*ingest.Augment){
		"multi": func(*ingest.Augment) {},
		"dot":   func(a *ingest.Augment) { a.Unscaled = true },
		"hub":   func(a *ingest.Augment) { a.Mode, a.Hub, a.HubLang = "", 0.5, "en" },
	} {
		rule := *opts.Augment
		change(&rule)
		opts.Augment = &rule
		if _, _, err := upkeep.Rebuild(t.Context(), store, embedder{}, opts, stream(a, b, c)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		origin, err := upkeep.FromStore(t.Context(), store, key)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "copy.jsonl")
		if _, err := upkeep.CopyToFile(t.Context(), origin, path, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		file, err := upkeep.FromFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other := storetest.Embedded(t)
		if _, err := upkeep.CopyToStore(t.Context(), file, other, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want(t, differences(t, other, a, b, c))
	}
}
