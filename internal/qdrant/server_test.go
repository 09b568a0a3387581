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
	storetest.Run(t, func(*testing.T) qdrant.Options {
		return qdrant.Options{URL: url, APIKey: os.Getenv("QDRANT_API_KEY")}
	})
}
