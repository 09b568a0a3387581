package storetest

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// testOptions makes a collection with settings, and changes them in a later run.
func testOptions(t *testing.T, f *fixture) {
	const n, dimensions = 300, 32
	first := qdrant.CollectionOptions{
		Shards: 2, HNSW: qdrant.HNSW{M: 8, EFConstruct: 64, FullScanKB: 5000}, OnDisk: []string{"vectors", "hnsw"},
		Quantization: "scalar", PayloadIndexes: map[string]string{"year": "integer", "at": "datetime"},
	}
	opts := f.opts
	opts.Collections = first
	f = &fixture{store: Connect(t, opts), key: f.key}
	c := f.ensure(t, f.key, dimensions)
	points := randomPoints(n, dimensions)
	for i := range points {
		points[i].Payload.Metadata = map[string]any{"year": int64(1900 + i), "at": fmt.Sprintf("20%02d-01-01", i%100)}
	}
	f.upsert(t, c, points)
	query := randomVector(newRandom(), dimensions)
	checkRanking(t, points, query, 20, f.search(t, c, qdrant.Search{Vector: query, Limit: 20, Exact: true}))
	// Settings never change what an approximate search scores, only what it finds.
	for _, found := range f.search(t, c, qdrant.Search{Vector: query, Limit: 20}) {
		exact := f.search(t, c, qdrant.Search{Vector: query, Limit: n, Exact: true})
		checkRanking(t, points, query, n, exact)
		for _, x := range exact {
			if x.ID == found.ID && (x.Score-found.Score > tolerance || found.Score-x.Score > tolerance) {
				t.Errorf("%s scores %v, exactly %v", x.ID, found.Score, x.Score)
			}
		}
	}
	c.Read.Filter = parse(t, "year >= 2100 and at < 2050-01-01")
	checkRanking(t, points[200:250], query, n, f.search(t, c, qdrant.Search{Vector: query, Limit: n, Exact: true}))
	c.Read.Filter = nil

	second := first
	second.Shards, second.HNSW.M, second.Quantization, second.OnDisk = 3, 12, "none", []string{"payload"}
	var log bytes.Buffer
	opts.Collections, opts.Logger = second, slog.New(slog.NewTextHandler(&log, nil))
	f = &fixture{store: Connect(t, opts), key: f.key}
	f.ensure(t, f.key, dimensions)
	for _, want := range []string{
		"cannot be changed: rebuild the index for it\" collection=" + c.Name + " setting=shards has=2 \"asked for\"=3",
		"setting=\"hnsw m\" from=8 to=12", "setting=quantization from=scalar to=none",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
	log.Reset()
	f.ensure(t, f.key, dimensions)
	if text := log.String(); strings.Contains(text, "from=") || !strings.Contains(text, "setting=shards") {
		t.Errorf("once more, the log says\n%s", text)
	}
	checkRanking(t, points, query, 20, f.search(t, c, qdrant.Search{Vector: query, Limit: 20, Exact: true}))
}
