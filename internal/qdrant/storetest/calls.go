package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Several runs that make the same index at once all get it.
func testEnsureTogether(t *testing.T, f *fixture) {
	want := qdrant.Collection{Key: f.key, Name: f.key.String() + ".v1", Schema: schema(4)}
	defer f.ensure(t, f.key, 4) // which has it dropped
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			got, err := f.store.Ensure(t.Context(), f.key, schema(4))
			if err != nil || got != want {
				t.Errorf("ensure returned %+v, %v, want %+v", got, err, want)
			}
		})
	}
	group.Wait()
}

// The calls cut long lists of ids and points into requests.
func testManyIDs(t *testing.T, f *fixture) {
	const n, gone = 2300, 1200
	c := f.ensure(t, f.key, 2)
	points := randomPoints(n, 2)
	f.upsert(t, c, points)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = id(i)
	}
	stamps, err := f.store.Stamps(t.Context(), c, ids)
	if err != nil || len(stamps) != n || stamps[id(n-1)].DocID != points[n-1].Payload.DocID {
		t.Errorf("got %d stamps, %v, want %d", len(stamps), err, n)
	}
	if err := f.store.Delete(t.Context(), c, ids[:gone]); err != nil {
		t.Fatal(err)
	}
	f.wantCount(t, c, n-gone)
	read, err := f.store.Points(t.Context(), c, ids)
	if err != nil || len(read) != n-gone {
		t.Errorf("read %d points after the delete, %v, want %d", len(read), err, n-gone)
	}
	payloads, err := f.store.Payloads(t.Context(), c, ids)
	if err != nil || len(payloads) != n-gone {
		t.Errorf("read %d payloads after the delete, %v, want %d", len(payloads), err, n-gone)
	}
	if found := f.search(t, c, qdrant.Search{Vector: []float32{1, 0}, Limit: n, Exact: true, Bare: true}); len(found) != n-gone {
		t.Errorf("found %d points after the delete, want %d", len(found), n-gone)
	}
}

// Of a point that comes twice in one write, the last counts.
func testTwiceInOneWrite(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	first, last := point(1, []float32{1, 0}), point(1, []float32{0, 1})
	last.Payload.Text = "ใหม่"
	f.upsert(t, c, []qdrant.Point{first, point(2, []float32{1, 0}), last})
	f.wantCount(t, c, 2)
	got, err := f.store.Points(t.Context(), c, []string{id(1)})
	if err != nil || got[id(1)].Payload.Text != "ใหม่" || !slices.Equal(got[id(1)].Vector, last.Vector) {
		t.Errorf("got %+v, %v, want the second one", got[id(1)], err)
	}
}

// A time limit that has passed ends every call at once, by its own name.
func testTimeLimit(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	search := qdrant.Search{Vector: []float32{1, 0}, Limit: 1}
	for name, run := range map[string]func() error{
		"ensure": func() error { _, err := f.store.Ensure(ctx, f.key, schema(2)); return err },
		"lookup": func() error { _, err := f.store.Lookup(ctx, f.key); return err },
		"upsert": func() error { return f.store.Upsert(ctx, c, randomPoints(1, 2)) },
		"points": func() error { _, err := f.store.Points(ctx, c, []string{id(0)}); return err },
		"stamps": func() error { _, err := f.store.Stamps(ctx, c, []string{id(0)}); return err },
		"batch":  func() error { _, err := f.store.SearchBatch(ctx, c, []qdrant.Search{search}); return err },
	} {
		if err := run(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want context.DeadlineExceeded", name, err)
		}
	}
}
