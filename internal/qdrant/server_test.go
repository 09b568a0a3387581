package qdrant_test

import (
	"os"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// TestServer runs the conformance suite against a real Qdrant.
func TestServer(t *testing.T) {
	url, ok := testenv.QdrantURL()
	if !ok {
		t.Skip("skipped: no Qdrant server: set QDRANT_URL to test against one")
	}
	storetest.Run(t, func(t *testing.T) *qdrant.Store {
		store, err := qdrant.Connect(qdrant.Options{URL: url, APIKey: os.Getenv("QDRANT_API_KEY")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		return store
	})
}
