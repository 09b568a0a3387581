package storetest

import (
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

// Embedded returns the adapter over an in-process engine with an empty store of
// its own. Both are closed with the test.
func Embedded(tb testing.TB) *qdrant.Store {
	tb.Helper()
	engine, err := embedded.Open(tb.Context(), tb.TempDir(), embedded.ReadWrite)
	if err != nil {
		tb.Fatal(err)
	}
	store, err := qdrant.Connect(qdrant.Options{Dial: engine.Dial})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
		if err := engine.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}
