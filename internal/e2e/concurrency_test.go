package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// While one indexer writes, a second is refused by the first one's pid and
// readers work; when the first is killed, the second can write at once.
func TestTwoWriters(t *testing.T) {
	server := embeddingtest.Hashed(dimensions)
	var hanging atomic.Bool
	reached := make(chan struct{}, 100)
	server.OnRequest = func(ctx context.Context, texts []string) {
		if hanging.Load() && strings.HasPrefix(texts[0], "passage: ") {
			reached <- struct{}{}
			<-ctx.Done()
		}
	}
	b := newBench(t, embeddingtest.Start(t, server))
	old := newEdition(t, 50, func(int) int { return 0 })
	b.index(t, old.file)

	hanging.Store(true)
	changed := newEdition(t, 60, func(i int) int { return i % 2 })
	first := b.start(t, "indexer", indexing(changed.file)...)
	select {
	case <-reached:
	case <-first.ended:
		t.Fatalf("the first indexer ended: %s", first.stderr.String())
	}
	b.run(t, "indexer", indexing(changed.file)...).
		wantError(t, b.store, fmt.Sprintf("is being written by process %d:", first.Process.Pid))
	b.run(t, "indexer", "delete", "--corpus", key.Corpus, "--lang", key.Lang, "--yes").
		wantError(t, b.store, fmt.Sprintf("is being written by process %d:", first.Process.Pid))
	wantReadable(t, b, len(old.order))
	wantExactly(t, contents(t, b.store), old)

	first.kill()
	hanging.Store(false)
	if report := b.index(t, changed.file); report.Written == 0 {
		t.Errorf("the second indexer reports %+v", report)
	}
	wantExactly(t, contents(t, b.store), changed)
}

// Four readers ask without a pause while an indexer rewrites every document,
// several times and through a compaction: two search, one runs the command
// again and again, and one reads everything. What is read at once is of one
// whole state, and every hit's text is the one that its score belongs to.
func TestManyReadersWhileOneWrites(t *testing.T) {
	const topK = 20
	b := newBench(t, embeddingtest.Start(t, embeddingtest.Hashed(dimensions)))
	var editions [2]*edition
	for revision := range editions {
		// By paragraph's rule the same number of chunks, with another text in each.
		editions[revision] = newEdition(t, 500, func(int) int { return 3 * revision })
	}
	b.index(t, editions[0].file)

	var stores [3]*qdrant.Store
	for i := range stores {
		store, shut, err := openStore(t, b.store, embedded.ReadOnly)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(shut)
		stores[i] = store
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	t.Cleanup(func() { // before the stores are closed
		cancel()
		group.Wait()
	})
	var wholes, answers, processes atomic.Int64
	repeat := func(count *atomic.Int64, ask func() error) {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := ask(); err != nil {
					t.Error(err)
					return
				}
				count.Add(1)
			}
		})
	}
	repeat(&wholes, func() error { return checkWhole(t.Context(), stores[0], editions[:]) })
	for _, store := range stores[1:] {
		embedder, err := embedding.New(embedding.Config{
			BaseURL: b.url, Model: model, Profile: embedding.Profile{QueryPrefix: "query: ", PassagePrefix: "passage: "},
		})
		if err != nil {
			t.Fatal(err)
		}
		searcher := &search.Searcher{Store: store, Embedder: embedder}
		repeat(&answers, func() error {
			query := search.Query{Corpus: key.Corpus, Lang: key.Lang, Text: "το ποτάμι", Anchor: "the river", AnchorLang: "en", Lambda: 0.7, TopK: topK}
			result, err := searcher.Run(t.Context(), query)
			if err != nil {
				return err
			}
			return checkHits(result, query.Text)
		})
	}
	repeat(&processes, func() error {
		const text = "deniz"
		output, err := b.command(t, "query", "--corpus", key.Corpus, "--lang", key.Lang, "--json", "--top-k", strconv.Itoa(topK), text).Output()
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			return fmt.Errorf("query: %w: %s", err, failed.Stderr)
		}
		var result search.Result
		if err := errors.Join(err, json.Unmarshal(output, &result)); err != nil {
			return err
		}
		return checkHits(result, text)
	})
	rewrites := 0
	for ; rewrites < 12 || min(wholes.Load(), answers.Load(), processes.Load()) < 20; rewrites++ {
		if t.Failed() {
			break
		}
		e := editions[(rewrites+1)%2]
		if report := b.index(t, e.file); report.Written != len(e.order) {
			t.Errorf("rewrite %d reports %+v for %d passages", rewrites, report, len(e.order))
		}
	}
	cancel()
	group.Wait()
	t.Logf("%d rewrites; %d whole reads, %d answers in the process, %d by processes",
		rewrites, wholes.Load(), answers.Load(), processes.Load())
	wantExactly(t, contents(t, b.store), editions[rewrites%2])
	if exists(filepath.Join(b.store, "collections", "1", "1.vectors")) {
		t.Error("the store was never compacted while it was read")
	}
}

// checkWhole reads all vectors in one search. Every window must be one
// edition's, all of it.
func checkWhole(ctx context.Context, store *qdrant.Store, editions []*edition) error {
	collection, err := store.Lookup(ctx, key)
	if err != nil {
		return err
	}
	order := editions[0].order
	found, err := store.Search(ctx, collection, qdrant.Search{
		Vector: embeddingtest.HashedVector(dimensions, embedding.Query, "all"), Limit: 2 * len(order), Exact: true, WithVectors: true,
	})
	if err != nil {
		return err
	}
	if len(found) != len(order) {
		return fmt.Errorf("a search finds %d of %d points", len(found), len(order))
	}
	vectors := make(map[string][]float32, len(found))
	for _, c := range found {
		vectors[c.ID] = c.Vector
	}
	for w := range slices.Chunk(order, window) {
		if !slices.ContainsFunc(editions, func(e *edition) bool {
			return !slices.ContainsFunc(w, func(id string) bool { return !slices.Equal(vectors[id], e.points[id].Vector) })
		}) {
			return fmt.Errorf("a window of %d points is no edition's", len(w))
		}
	}
	return nil
}

// checkHits embeds every hit's text and demands the score that it came with.
func checkHits(result search.Result, query string) error {
	source := embeddingtest.HashedVector(dimensions, embedding.Query, query)
	for _, hit := range result.Hits {
		passage := embeddingtest.HashedVector(dimensions, embedding.Passage, hit.Title+"\n"+hit.Text)
		if want := vector.Cosine(source, passage); math.Abs(hit.Source-want) > 1e-6 {
			return fmt.Errorf("hit %d, %s chunk %d, has the cosine %.4f, and its text %.4f", hit.Rank, hit.ID, hit.Chunk, hit.Source, want)
		}
	}
	if len(result.Hits) != result.TopK {
		return fmt.Errorf("%d hits, want %d", len(result.Hits), result.TopK)
	}
	return nil
}
