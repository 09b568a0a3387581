package qdrant_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
)

// A rebuild that is killed between moving the alias and taking the mark away
// leaves a mark on the current version. It means nothing, also after a rollback.
func TestStaleMark(t *testing.T) {
	ctx := t.Context()
	store := storetest.Embedded(t)
	key := qdrant.Key{Corpus: "docs", Lang: "th"}
	schema := qdrant.Schema{Model: "m", Dimensions: 4, ChunkRunes: 100}
	must := func(c qdrant.Collection, err error) qdrant.Collection {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := func(want ...string) {
		t.Helper()
		versions, err := store.Versions(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range versions {
			got = append(got, fmt.Sprintf("%d current=%t building=%t", v.Number, v.Current, v.Building))
		}
		if !slices.Equal(got, want) {
			t.Errorf("versions are %q, want %q", got, want)
		}
	}
	first := must(store.Ensure(ctx, key, schema))
	second := must(store.Begin(ctx, key, schema))
	if err := store.PointAlias(ctx, second); err != nil {
		t.Fatal(err)
	}
	want("1 current=false building=false", "2 current=true building=false")
	if _, found, err := store.Unfinished(ctx, key); found || err != nil {
		t.Errorf("the current version is unfinished, %v", err)
	}
	if err := store.Promote(ctx, first); err != nil { // back
		t.Fatal(err)
	}
	want("1 current=true building=false", "2 current=false building=false")
	must(store.Begin(ctx, key, schema))
	want("1 current=true building=false", "2 current=false building=false", "3 current=false building=true")
}
