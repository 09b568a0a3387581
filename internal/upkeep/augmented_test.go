package upkeep_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/upkeep"
)

// everything is the rule that uses all that an index can hold: several vectors a
// passage, of any length, with hubness.
func everything(docs int) ingest.Options {
	opts := options
	opts.Augment = &ingest.Augment{Alpha: 0.3, Mode: augment.ModeMulti, Unscaled: true, Hub: 0.5, HubLang: "en"}
	for i := range docs {
		for n := range i % 4 { // every fourth has none
			opts.Augment.Queries = append(opts.Augment.Queries, augment.Query{
				DocID: fmt.Sprintf("d%03d", i), Chunk: augment.EveryChunk, Lang: "en", Text: fmt.Sprintf("question %d of %d", n, i),
			})
		}
	}
	return opts
}

func contents(t *testing.T, store *qdrant.Store) map[string]qdrant.Point {
	t.Helper()
	c, err := store.Lookup(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	points := map[string]qdrant.Point{}
	for p, err := range store.Export(t.Context(), c, "") {
		if err != nil {
			t.Fatal(err)
		}
		points[p.ID] = p
	}
	return points
}

// An augmented index is rebuilt from a plain one, synchronised, verified, and
// copied to a file and back, as any other; its further vectors come and go with
// their passages.
func TestAugmentedIndexIsKeptUp(t *testing.T) {
	docs, opts := documents(30), everything(30)
	store := storetest.Embedded(t)
	index(t, store, docs...)
	report, rebuilt, err := upkeep.Rebuild(t.Context(), store, embedder{}, opts, stream(docs...))
	if err != nil || len(rebuilt) != 1 || report.Written != 60 {
		t.Fatalf("rebuild: %+v, %+v, %v", report, rebuilt, err)
	}
	whole := contents(t, store)
	if len(whole) <= 60 {
		t.Fatalf("%d points: no passage has several vectors", len(whole))
	}
	if got := differences(t, store, docs...); len(got) > 0 {
		t.Errorf("rebuilt, and it differs: %q", got)
	}

	// Document 3 goes, and 11 loses two of its three chunks.
	fewer := slices.Delete(slices.Clone(docs), 3, 4)
	fewer[10] = document("d011", "w11")
	synced, err := upkeep.Sync(t.Context(), store, embedder{}, opts, key, stream(fewer...), 1, func() bool { return false })
	if err != nil || synced.DeletedDocuments != 1 || synced.Removed != 2 {
		t.Errorf("sync: %+v, %v", synced, err)
	}
	fresh := storetest.Embedded(t)
	if _, err := ingest.Run(t.Context(), fresh, embedder{}, opts, stream(fewer...)); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "synchronised", contents(t, store), contents(t, fresh))
	if got := differences(t, store, fewer...); len(got) > 0 {
		t.Errorf("synchronised, and it differs: %q", got)
	}

	from, err := upkeep.FromStore(t.Context(), store, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "index.jsonl.gz")
	if _, err := upkeep.CopyToFile(t.Context(), from, path, nil); err != nil {
		t.Fatal(err)
	}
	file, err := upkeep.FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := storetest.Embedded(t)
	if _, err := upkeep.CopyToStore(t.Context(), file, copied, nil); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "copied", contents(t, copied), contents(t, store))
}

func wantSame(t *testing.T, what string, got, want map[string]qdrant.Point) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d points, want %d", what, len(got), len(want))
	}
	for id, w := range want {
		g, there := got[id]
		if !there || !slices.Equal(g.Vector, w.Vector) || g.Payload.Vector != w.Payload.Vector || g.Payload.Text != w.Payload.Text {
			t.Fatalf("%s: vector %d of %s, chunk %d, is another or missing", what, w.Payload.Vector, w.Payload.DocID, w.Payload.Chunk)
		}
	}
}
