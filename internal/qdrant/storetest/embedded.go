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
	return Connect(tb, Engine(tb))
}

// Engine starts an in-process engine with an empty store of its own, and returns
// how to connect to it. It is closed with the test.
func Engine(tb testing.TB) qdrant.Options {
	tb.Helper()
	engine, err := embedded.Open(tb.Context(), tb.TempDir(), embedded.ReadWrite)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := engine.Close(); err != nil {
			tb.Error(err)
		}
	})
	return qdrant.Options{Dial: engine.Dial}
}

// Connect returns a store that is closed with the test.
func Connect(tb testing.TB, opts qdrant.Options) *qdrant.Store {
	tb.Helper()
	store, err := qdrant.Connect(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}
