package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// begin makes a version to rebuild in.
func (f *fixture) begin(t *testing.T, key qdrant.Key, s qdrant.Schema) qdrant.Collection {
	t.Helper()
	c, err := f.store.Begin(t.Context(), key, s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fixture) promote(t *testing.T, collections ...qdrant.Collection) {
	t.Helper()
	if err := f.store.Promote(t.Context(), collections...); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) wantCurrent(t *testing.T, want qdrant.Collection) {
	t.Helper()
	if got, err := f.store.Lookup(t.Context(), want.Key); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("lookup returned %+v, %v, want %+v", got, err, want)
	}
}

// wantVersions demands versions such as "1 old 3" (number, state, passages).
func (f *fixture) wantVersions(t *testing.T, key qdrant.Key, want ...string) {
	t.Helper()
	versions, err := f.store.Versions(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range versions {
		state := "old"
		if v.Current {
			state = "current"
		}
		if v.Building {
			state += " building"
		}
		if v.Number != v.Collection.Number() {
			t.Errorf("version %d says that it is %d", v.Number, v.Collection.Number())
		}
		got = append(got, fmt.Sprintf("%d %s %d", v.Number, strings.TrimPrefix(state, "old "), v.Passages))
	}
	if !slices.Equal(got, want) {
		t.Errorf("versions are %q, want %q", got, want)
	}
}

// otherSchema is of another model and width.
func otherSchema() qdrant.Schema {
	s := schema(3)
	s.Model, s.PassagePrefix = "other-model", ""
	s.Augment = &qdrant.Augment{Alpha: 0.125, Queries: 2, PerPassage: 1, Langs: []string{"en", "th"}, Models: []string{}, Prompts: []string{}, Hash: "h"}
	return s
}

func testVersions(t *testing.T, f *fixture) {
	first := f.ensure(t, f.key, 4)
	f.upsert(t, first, randomPoints(3, 4))
	second := f.begin(t, f.key, otherSchema())
	if second.Name != f.key.String()+".v2" || !reflect.DeepEqual(second.Schema, otherSchema()) {
		t.Fatalf("begin returned %+v", second)
	}
	f.upsert(t, second, randomPoints(2, 3))
	f.wantCurrent(t, first) // nobody sees it before it is promoted
	f.wantVersions(t, f.key, "1 current 3", "2 building 2")
	if again := f.ensure(t, f.key, 4); again.Name != first.Name {
		t.Errorf("ensure returned %s", again.Name)
	}
	f.promote(t, second)
	f.wantCurrent(t, second)
	f.wantVersions(t, f.key, "1 old 3", "2 current 2")
	f.promote(t, second) // again
	f.wantCurrent(t, second)

	f.promote(t, first) // back
	f.wantCurrent(t, first)
	f.wantVersions(t, f.key, "1 current 3", "2 old 2")
	third := f.begin(t, f.key, schema(4))
	if third.Name != f.key.String()+".v3" {
		t.Errorf("the version after 2 is %s", third.Name)
	}
	f.promote(t, third)
	f.wantVersions(t, f.key, "1 old 3", "2 old 2", "3 current 0")
	all, err := f.store.AllVersions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(v qdrant.Version) bool { return v.Key != f.key })
	if len(all) != 3 || all[0].Name != first.Name || !all[2].Current {
		t.Errorf("all versions: %+v", all)
	}
	if err := f.store.Drop(t.Context(), f.key); err != nil {
		t.Fatal(err)
	}
	f.wantVersions(t, f.key)
}

func testUnfinished(t *testing.T, f *fixture) {
	unfinished := func() string {
		t.Helper()
		c, found, err := f.store.Unfinished(t.Context(), f.key)
		if err != nil || found != (c.Name != "") {
			t.Fatalf("unfinished: %+v, %t, %v", c, found, err)
		}
		return c.Name
	}
	if got := unfinished(); got != "" {
		t.Errorf("without an index, %s is unfinished", got)
	}
	half := f.begin(t, f.key, schema(4))
	f.upsert(t, half, randomPoints(2, 4))
	if got := unfinished(); got != half.Name {
		t.Errorf("unfinished is %q, want %s", got, half.Name)
	}
	if _, err := f.store.Lookup(t.Context(), f.key); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("a half-made version was taken for the index: %v", err)
	}
	// Nor does a run that finds no alias take it.
	first := f.ensure(t, f.key, 4)
	if first.Name == half.Name {
		t.Fatalf("ensure took the half-made %s", half.Name)
	}
	f.wantCount(t, first, 0)
	if got := unfinished(); got != "" {
		t.Errorf("%s, older than the current version, is to be finished", got)
	}
	second := f.begin(t, f.key, schema(4)) // the older half-made one goes
	f.upsert(t, second, randomPoints(3, 4))
	f.wantVersions(t, f.key, "2 current 0", "3 building 3")
	if again := f.begin(t, f.key, schema(4)); !reflect.DeepEqual(again, second) {
		t.Errorf("begin did not go on with %+v but %+v", second, again)
	}
	third := f.begin(t, f.key, otherSchema())
	f.wantVersions(t, f.key, "2 current 0", "4 building 0")
	f.promote(t, third)
	if got := unfinished(); got != "" {
		t.Errorf("%s is unfinished after it was promoted", got)
	}
}

// While the alias moves back and forth, every look-up finds one of the versions,
// and every search one of them whole.
func testSwitching(t *testing.T, f *fixture) {
	const dimensions, moves = 4, 30
	first := f.ensure(t, f.key, dimensions)
	points := randomPoints(20, dimensions)
	f.upsert(t, first, points[:10])
	second := f.begin(t, f.key, schema(dimensions))
	f.upsert(t, second, points[10:])
	halves := [][]qdrant.Point{points[:10], points[10:]}

	moved := make(chan struct{})
	var group sync.WaitGroup
	alias := qdrant.Collection{Key: f.key, Name: f.key.String(), Schema: first.Schema}
	for range 3 {
		group.Go(func() {
			for done := false; !done; {
				select {
				case <-moved:
					done = true
				default:
				}
				if _, err := f.store.Lookup(t.Context(), f.key); err != nil {
					t.Errorf("lookup: %v", err)
					return
				}
				found, err := f.store.Search(t.Context(), alias, qdrant.Search{Vector: points[0].Vector, Limit: 20, Exact: true})
				if err != nil {
					t.Errorf("search: %v", err)
					return
				}
				var ids []string
				for _, c := range found {
					ids = append(ids, c.ID)
				}
				slices.Sort(ids)
				if !slices.ContainsFunc(halves, func(half []qdrant.Point) bool {
					return slices.EqualFunc(half, ids, func(p qdrant.Point, id string) bool { return p.ID == id })
				}) {
					t.Errorf("a search found neither version whole: %v", ids)
					return
				}
			}
		})
	}
	for i := range moves {
		if err := f.store.Promote(t.Context(), []qdrant.Collection{second, first}[i%2]); err != nil {
			t.Errorf("move %d: %v", i, err)
			break
		}
	}
	close(moved)
	group.Wait()
	f.wantCurrent(t, first)
}

func testPromoteSeveral(t *testing.T, f *fixture) {
	greekKey := qdrant.Key{Corpus: f.key.Corpus, Lang: "el"}
	thai := f.ensure(t, f.key, 4)
	f.ensure(t, greekKey, 4)
	newThai, newGreek := f.begin(t, f.key, schema(4)), f.begin(t, greekKey, schema(4))
	absent := newGreek
	absent.Name = greekKey.String() + ".v9"
	if err := f.store.Promote(t.Context(), newThai, absent); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("a version that is not there was made current: %v", err)
	}
	f.wantCurrent(t, thai)
	f.promote(t, newThai, newGreek)
	f.wantCurrent(t, newThai)
	f.wantCurrent(t, newGreek)
	f.promote(t) // nothing
	f.promote(t, thai)
	f.wantCurrent(t, newGreek)
}

func testRemove(t *testing.T, f *fixture) {
	ctx := t.Context()
	first := f.ensure(t, f.key, 4)
	second := f.begin(t, f.key, schema(4))
	f.promote(t, second)
	if err := f.store.Remove(ctx, second); err == nil || !strings.Contains(err.Error(), "current version") {
		t.Errorf("removing the current version: %v", err)
	}
	foreign := first
	foreign.Name = f.key.String()
	if err := f.store.Remove(ctx, foreign); err == nil {
		t.Error("the alias was removed as a version")
	}
	if err := f.store.Remove(ctx, first); err != nil {
		t.Fatal(err)
	}
	if err := f.store.Remove(ctx, first); err != nil {
		t.Errorf("removing it again: %v", err)
	}
	f.wantVersions(t, f.key, "2 current 0")
	if _, err := f.store.Count(ctx, first); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("count of a removed version: %v", err)
	}
}

func testExport(t *testing.T, f *fixture) {
	// Widths at which a server that sums lengths in single precision is off the
	// most: vectors of unit length must come back bit for bit.
	for _, dimensions := range []int{8, 384, 1536} {
		key := qdrant.Key{Corpus: f.key.Corpus, Lang: map[int]string{8: "th", 384: "el", 1536: "tr"}[dimensions]}
		c := f.ensure(t, key, dimensions)
		random := rand.New(rand.NewPCG(7, 8))
		want := make([]qdrant.Point, 300)
		for i := range want {
			want[i] = point(i, vector.Normalize(randomVector(random, dimensions)))
			want[i].Payload.Metadata = map[string]any{"n": int64(i), "half": float64(i), "list": []any{nil, true, "ก"}}
		}
		shuffled := slices.Clone(want)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		f.upsert(t, c, shuffled)
		for _, after := range []int{-1, 0, 254, 255, 256, 299} {
			from := ""
			if after >= 0 {
				from = id(after)
			}
			n := after + 1
			for p, err := range f.store.Export(t.Context(), c, from) {
				if err != nil {
					t.Fatal(err)
				}
				if n == len(want) || !reflect.DeepEqual(p, want[n]) {
					t.Fatalf("%d dimensions, point %d after %q is %s, or it differs", dimensions, n, from, p.ID)
				}
				n++
			}
			if n != len(want) {
				t.Errorf("%d dimensions: the export after %q ended at %d of %d", dimensions, from, n, len(want))
			}
		}
	}
	absent := qdrant.Collection{Key: f.key, Name: f.key.String() + ".v9", Schema: schema(8)}
	for _, err := range f.store.Export(t.Context(), absent, "") {
		if !errors.Is(err, qdrant.ErrNoCollection) {
			t.Errorf("export of a collection that is not there: %v", err)
		}
	}
}

// A page whose texts exceed a reply's limit is fetched in smaller ones.
func testExportLong(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	long := strings.Repeat("ก", 3<<20)
	var points []qdrant.Point
	for i := range 12 {
		p := point(i, []float32{1, 0})
		p.Payload.Text = long
		points = append(points, p)
	}
	f.upsert(t, c, points)
	n := 0
	for p, err := range f.store.Export(t.Context(), c, "") {
		if err != nil {
			t.Fatal(err)
		}
		if p.ID != id(n) || len(p.Payload.Text) != len(long) {
			t.Fatalf("point %d is %s with %d bytes", n, p.ID, len(p.Payload.Text))
		}
		n++
	}
	if n != len(points) {
		t.Errorf("exported %d of %d points", n, len(points))
	}
}
