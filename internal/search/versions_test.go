package search_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/search"
)

// versionedStore has removed every version of its index but the one it names.
type versionedStore struct {
	*fakeStore
	now string
}

func (v *versionedStore) Lookup(context.Context, qdrant.Key) (qdrant.Collection, error) {
	c := v.collection
	c.Name = v.now
	return c, nil
}

func (v *versionedStore) SearchBatch(ctx context.Context, c qdrant.Collection, searches []qdrant.Search) ([][]qdrant.Candidate, error) {
	if c.Name != v.now {
		return nil, fmt.Errorf("search %s: %w", c.Name, qdrant.ErrNoCollection)
	}
	return v.fakeStore.SearchBatch(ctx, c, searches)
}

// A version that is removed between a query's opening the index and searching it
// has a successor, which answers.
func TestVersionRemovedInMidQuery(t *testing.T) {
	store := &versionedStore{newFakeStore(2, at("a", 10), at("b", 20)), "docs_th.v1"}
	searcher := &search.Searcher{Store: store, Embedder: plane}
	prepared, err := searcher.Prepare(t.Context(), planeQuery(0.5, 1))
	if err != nil {
		t.Fatal(err)
	}
	store.now = "docs_th.v2"
	result, err := searcher.Answer(t.Context(), prepared)
	if err != nil || len(result.Hits) != 1 {
		t.Errorf("%d hits, %v", len(result.Hits), err)
	}
	// Where the version that the alias names is gone, there is no successor.
	store.onSearch = func([]qdrant.Search) error { return qdrant.ErrNoCollection }
	if _, err := searcher.Answer(t.Context(), prepared); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("error is %v", err)
	}
}
