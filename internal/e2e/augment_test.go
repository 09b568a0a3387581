package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// An indexer that has passages know generated queries is killed at random
// moments. What it ends with is the index of a run that nobody killed, and what
// was embedded and kept is not asked for again.
func TestKillWhileAugmenting(t *testing.T) {
	kills := 6
	if testenv.Soaking() {
		kills = 100
	}
	for name, flags := range map[string][]string{
		"blend": nil,
		"dot":   {"--distance", "dot"},
		"hub":   {"--hub", "0.2", "--hub-neighbours", "7"},
		"multi": {"--mode", "multi", "--hub", "0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "dot" || name == "hub" { // the others do what they do
				testenv.Soak(t)
			}
			killWhileAugmenting(t, kills, flags...)
		})
	}
}

func killWhileAugmenting(t *testing.T, kills int, flags ...string) {
	const (
		docs = 150
		// inFlight is how many texts a killed process may have asked for in vain.
		inFlight = 4 * 4 * 4 // batches, requests of each, texts of each
	)
	edition := newEdition(t, docs, func(int) int { return 1 })
	queries := filepath.Join(t.TempDir(), "queries.jsonl")
	var lines []byte
	distinct := 1
	for i := range docs {
		if i%7 == 0 {
			continue
		}
		distinct += 2
		for _, text := range []string{"first of %d", "second of %d", "second of %d", "all"} {
			if text != "all" {
				text = fmt.Sprintf(text, i)
			}
			lines = fmt.Appendf(lines, "{\"doc\":%d,\"lang\":\"en\",\"text\":%q}\n", i, text)
		}
	}
	if err := os.WriteFile(queries, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	args := indexing(edition.file, append(flags, "--augment", queries, "--alpha", "0.1")...)

	server := embeddingtest.Hashed(dimensions)
	server.OnRequest = func(context.Context, []string) { time.Sleep(2 * time.Millisecond) }
	url := embeddingtest.Start(t, server)
	calm := newBench(t, url).with("EMBEDDING_BATCH_SIZE=4")
	if out := calm.run(t, "indexer", args...); out.code != 0 {
		t.Fatalf("exit code %d:\n%s", out.code, out.stderr)
	}
	if want := len(edition.order) + distinct; server.Texts() != want {
		t.Errorf("%d texts were embedded, want %d passages and %d queries, each once", server.Texts(), len(edition.order), distinct)
	}
	want := contents(t, calm.store)

	random := rand.New(rand.NewPCG(newSeed(t), 0))
	b := newBench(t, url)
	b = b.with("EMBEDDING_BATCH_SIZE=4", "EMBEDDING_CACHE="+filepath.Join(b.folder, "embeddings.db"))
	before, killed := server.Texts(), 0
	for range kills {
		requests := server.Requests() + random.IntN(30)
		p := b.start(t, "indexer", args...)
		for waiting := true; waiting && server.Requests() < requests; {
			select {
			case <-p.ended:
				waiting = false
			case <-time.After(100 * time.Microsecond):
			}
		}
		select {
		case <-p.ended:
		case <-time.After(time.Duration(random.Int64N(int64(8 * time.Millisecond)))):
		}
		p.kill()
		if p.ProcessState.ExitCode() == -1 {
			killed++
		}
	}
	if killed == 0 {
		t.Error("no run was killed")
	}
	if out := b.run(t, "indexer", args...); out.code != 0 {
		t.Fatalf("exit code %d after %d kills:\n%s", out.code, killed, out.stderr)
	}
	if got := contents(t, b.store); !maps.EqualFunc(got, want, equal) {
		t.Errorf("after %d kills the index of %d passages differs from that of one run, of %d", killed, len(got), len(want))
	}
	if asked := server.Texts() - before; asked > len(edition.order)+distinct+killed*inFlight {
		t.Errorf("%d texts were asked for in %d runs, of %d", asked, killed+1, len(edition.order)+distinct)
	}
	out := b.run(t, "indexer", args...)
	if again := out.report(t); again.Embedded != 0 || again.Cached != 0 || again.Unchanged != len(edition.order) {
		t.Errorf("the same again reports %+v", again)
	}
	t.Logf("%d kills, %d texts of %d asked for", killed, server.Texts()-before, len(edition.order)+distinct)
}
