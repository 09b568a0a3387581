package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// seedVariable repeats a run's choices: its value is logged as "seed".
const seedVariable = "E2E_SEED"

func newSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("seed: %s=%d", seedVariable, seed)
	return seed
}

// compactFrom is how many dead rows make the engine rewrite a collection.
const compactFrom = 4096

// The indexer is killed at 50 random moments or more, in every stage of its work: while it makes a
// store, fills it, changes documents in it, and compacts it. Nothing is ever
// repaired; the next run goes on.
func TestKillDashNine(t *testing.T) {
	kills := 50
	if testenv.Soaking() {
		kills = 100
	}
	seed := newSeed(t)
	k := &killing{
		random: rand.New(rand.NewPCG(seed, 0)), server: embeddingtest.Hashed(dimensions),
		killed: map[string]int{},
	}
	k.server.OnRequest = func(context.Context, []string) { time.Sleep(2 * time.Millisecond) }
	k.bench = newBench(t, embeddingtest.Start(t, k.server))
	for revision := range 3 {
		k.editions = append(k.editions, newEdition(t, 400, func(i int) int {
			if i%3 == 1 {
				return 0 // unchanged
			}
			return revision
		}))
	}
	k.begin(t)
	for total := 0; total < kills || len(k.killed) < len(stages); {
		if total == 10*kills {
			t.Fatalf("%d kills did not fall into all of %q: %v", total, stages, k.killed)
		}
		m := k.choose()
		if !k.indexAndKill(t, m) {
			k.completed(t)
			continue
		}
		total++
		k.killed[m.stage]++
		t.Logf("kill %d, %s", total, m)
		k.check(t)
		if k.random.IntN(12) == 0 {
			k.begin(t)
		}
	}
	t.Logf("kills by stage: %v", k.killed)
	k.finish(t)
}

// killing is one store's way through many kills.
type killing struct {
	*bench
	random   *rand.Rand
	server   *embeddingtest.Server
	editions []*edition
	killed   map[string]int // by stage

	stores   int
	old, new *edition // what is stored, and what is being indexed
	written  int      // windows of new that were seen in the store
	aged     bool     // the next update will compact
}

// begin goes on with an empty store.
func (k *killing) begin(t *testing.T) {
	t.Helper()
	k.stores++
	t.Logf("store %d", k.stores)
	k.store = filepath.Join(k.folder, fmt.Sprintf("store-%d", k.stores))
	k.old, k.new, k.written, k.aged = nil, k.editions[0], 0, false
}

// moment is when to kill: some time after something happened.
type moment struct {
	stage string
	nth   int // of the requests
	delay time.Duration
}

func (m moment) String() string {
	return fmt.Sprintf("stage %s, request %d, %s later", m.stage, m.nth, m.delay)
}

// The stages by what begins them: the process starts, the catalog's file is
// there, a request is made, vectors are appended, a compaction's files are there.
const (
	opening    = "opening"
	creating   = "creating"
	requesting = "embedding"
	writing    = "writing"
	compacting = "compacting"
)

var stages = []string{opening, creating, requesting, writing, compacting}

// choose draws a moment; a stage that cannot come is not drawn.
func (k *killing) choose() moment {
	possible := []string{opening, requesting, writing, writing}
	if k.old == nil && k.written == 0 {
		possible = append(possible, creating, creating)
	}
	if k.aged {
		possible = []string{compacting, compacting, writing}
	}
	m := moment{stage: possible[k.random.IntN(len(possible))]}
	longest := 12 * time.Millisecond
	switch m.stage {
	case opening:
		longest = 40 * time.Millisecond
	case requesting:
		m.nth = 1 + k.random.IntN(60)
	}
	m.delay = time.Duration(k.random.Int64N(int64(longest)))
	return m
}

// indexAndKill says whether the kill came before the end.
func (k *killing) indexAndKill(t *testing.T, m moment) bool {
	t.Helper()
	cache := "EMBEDDING_CACHE=off"
	if k.random.IntN(3) == 0 {
		cache = "EMBEDDING_CACHE=" + k.store + ".cache"
	}
	requests, size := k.server.Requests(), k.size("vectors")
	happened := map[string]func() bool{
		opening:    func() bool { return true },
		creating:   func() bool { return exists(filepath.Join(k.store, "store.db")) },
		requesting: func() bool { return k.server.Requests() >= requests+m.nth },
		writing:    func() bool { return k.size("vectors") > size },
		compacting: func() bool { return k.compacted() },
	}[m.stage]
	p := k.with(cache).start(t, "indexer", indexing(k.new.file)...)
	for !happened() {
		select {
		case <-p.ended:
		case <-time.After(100 * time.Microsecond):
			continue
		}
		break
	}
	select {
	case <-p.ended:
	case <-time.After(m.delay):
	}
	p.kill()
	switch code := p.ProcessState.ExitCode(); code {
	case 0:
		return false
	case -1:
		return true
	default:
		t.Fatalf("indexer ended with %d after moment %s:\n%s", code, m, p.stderr.String())
		return false
	}
}

// size returns that of the collection's first file of a kind, 0 without one.
func (k *killing) size(kind string) int64 {
	stat, err := os.Stat(filepath.Join(k.store, "collections", "1", "1."+kind))
	if err != nil {
		return 0
	}
	return stat.Size()
}

func (k *killing) compacted() bool {
	return exists(filepath.Join(k.store, "collections", "1", "2.vectors"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// check reads the store as the kill left it: nothing but whole writes, and
// those that were seen before are still there.
func (k *killing) check(t *testing.T) {
	t.Helper()
	got := contents(t, k.store)
	written := wantWhole(t, got, k.old, k.new)
	if written < k.written {
		t.Fatalf("%d writes were in the store and are %d after a kill", k.written, written)
	}
	k.written = written
}

// completed checks a run that ended by itself, and goes on with a changed
// corpus or an empty store.
func (k *killing) completed(t *testing.T) {
	t.Helper()
	wantExactly(t, contents(t, k.store), k.new)
	if k.aged && !k.compacted() {
		t.Fatal("the store was not compacted, so no kill can have fallen into that")
	}
	first := k.old == nil
	k.old, k.written, k.aged = k.new, 0, false
	k.new = k.editions[(1+k.random.IntN(2)+k.number(k.new))%len(k.editions)]
	if first {
		k.age(t)
	} else if k.random.IntN(2) == 0 {
		k.begin(t)
	}
}

func (k *killing) number(e *edition) int {
	for i := range k.editions {
		if k.editions[i] == e {
			return i
		}
	}
	return -1
}

// age writes the stored points again and again until a hundred dead rows are
// lacking to make a compaction worth while.
func (k *killing) age(t *testing.T) {
	t.Helper()
	store, shut, err := openStore(t, k.store, embedded.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer shut()
	collection, err := store.Lookup(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for left := compactFrom - 100; left > 0; {
		var points []qdrant.Point
		for _, id := range k.old.order[:min(left, len(k.old.order))] {
			points = append(points, k.old.points[id])
		}
		if err := store.Upsert(t.Context(), collection, points); err != nil {
			t.Fatal(err)
		}
		left -= len(points)
	}
	k.aged = true
}

// finish runs to the end, and once more.
func (k *killing) finish(t *testing.T) {
	t.Helper()
	report := k.index(t, k.new.file)
	if report.Documents != k.new.docs || report.Passages != len(k.new.order) || report.Written != report.Passages-report.Unchanged {
		t.Errorf("the last run reports %+v for %d documents in %d passages", report, k.new.docs, len(k.new.order))
	}
	wantExactly(t, contents(t, k.store), k.new)
	wantNothingToDo(t, k.bench, k.new)
}

// wantNothingToDo indexes the same edition again.
func wantNothingToDo(t *testing.T, b *bench, e *edition) {
	t.Helper()
	again := b.index(t, e.file)
	if again.Embedded != 0 || again.Written != 0 || again.Removed != 0 || again.Unchanged != len(e.order) {
		t.Errorf("indexing the same again reports %+v", again)
	}
}
