package embedded_test

import (
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
)

// openStore returns the adapter on an engine over dir.
func openStore(t testing.TB, dir string, mode embedded.Mode) *qdrant.Store {
	t.Helper()
	engine, err := embedded.Open(t.Context(), dir, mode)
	if err != nil {
		t.Fatal(err)
	}
	store, err := qdrant.Connect(qdrant.Options{Dial: engine.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *qdrant.Store {
		return openStore(t, t.TempDir(), embedded.ReadWrite)
	})
}
