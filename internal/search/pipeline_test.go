package search_test

import (
	"flag"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// wantGolden fails unless testdata/name holds got, which -update puts there.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed: see what -update makes of it; now it would be\n%s", path, got)
	}
}

// newClient returns a client of the endpoint that replays recorded vectors.
func newClient(t *testing.T, endpoint http.Handler) *embedding.Client {
	t.Helper()
	client, err := embedding.New(embedding.Config{
		BaseURL: embeddingtest.Start(t, endpoint),
		Model:   embeddingtest.RecordedModel, Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// index writes documents of a format through the whole pipeline.
func index(t *testing.T, store *qdrant.Store, client *embedding.Client, name string, format corpus.Format, docs iter.Seq2[corpus.Document, error]) ingest.Report {
	t.Helper()
	report, err := ingest.Run(t.Context(), store, client,
		ingest.Options{Corpus: name, Chunking: corpus.DefaultChunking, EmbedsTitle: format.EmbedsTitle(), Batch: 64, Concurrency: 2}, docs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
