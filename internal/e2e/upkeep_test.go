package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// upkeep is a store on which commands are killed.
type upkeep struct {
	*bench
	random   *rand.Rand
	editions []*edition    // that differ in texts, and in which documents there are
	now      int           // the one that the index holds
	length   time.Duration // of the last command that ended by itself
}

func newUpkeep(t *testing.T) *upkeep {
	t.Helper()
	testenv.Long(t)
	seed := newSeed(t)
	server := embeddingtest.Hashed(dimensions)
	server.OnRequest = func(context.Context, []string) { time.Sleep(time.Millisecond) }
	u := &upkeep{
		bench:  newBench(t, embeddingtest.Start(t, server)),
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	for n, size := range []int{60, 45, 70} {
		u.editions = append(u.editions, newEdition(t, size, func(i int) int {
			if i%3 == 1 {
				return 0
			}
			return n
		}))
	}
	return u
}

// wanted is how many kills a test makes.
func wanted() int {
	if testenv.Soaking() {
		return 100
	}
	return 6
}

// other draws an edition that the index does not hold.
func (u *upkeep) other() int { return (u.now + 1 + u.random.IntN(len(u.editions)-1)) % len(u.editions) }

// args is a command on the index.
func args(command string, further ...string) []string {
	return append([]string{command, "--corpus", key.Corpus, "--lang", key.Lang}, further...)
}

// cut are the flags that say how documents are cut.
func cut() []string {
	return []string{"--chunk-runes", fmt.Sprint(chunking.MaxRunes), "--overlap-runes", fmt.Sprint(chunking.OverlapRunes)}
}

// killed runs a command and kills it at a random moment. It says whether the
// kill came before the end.
func (u *upkeep) killed(t *testing.T, command []string, longest time.Duration) bool {
	t.Helper()
	p := u.start(t, "indexer", command...)
	u.await(p, longest)
	p.kill()
	switch code := p.ProcessState.ExitCode(); code {
	case -1:
		return true
	case 0:
		return false
	default:
		t.Fatalf("indexer %s ended with %d:\n%s", strings.Join(command, " "), code, p.stderr.String())
		return false
	}
}

// await waits for a random time, or until the process ends.
func (u *upkeep) await(p *process, longest time.Duration) {
	select {
	case <-p.ended:
	case <-time.After(time.Duration(u.random.Int64N(int64(longest)))):
	}
}

// whole runs a command to its end.
func (u *upkeep) whole(t *testing.T, b *bench, command []string) {
	t.Helper()
	start := time.Now()
	if out := b.run(t, "indexer", command...); out.code != 0 {
		t.Fatalf("indexer %s ended with %d:\n%s", strings.Join(command, " "), out.code, out.stderr)
	}
	u.length = max(20*time.Millisecond, time.Since(start))
}

// verify demands that an index agrees with an edition.
func verify(t *testing.T, b *bench, e *edition) {
	t.Helper()
	if out := b.run(t, "indexer", args("verify", "--json", e.file)...); out.code != 0 {
		t.Fatalf("verify ended with %d: %s%s", out.code, out.stdout, out.stderr)
	}
}

// isWhole demands that an index is one of the editions, whole, and returns which.
func isWhole(t *testing.T, got map[string]qdrant.Point, editions ...*edition) int {
	t.Helper()
	n := slices.IndexFunc(editions, func(e *edition) bool { return e.is(got) })
	if n < 0 {
		t.Fatalf("an index of %d points is none of the %d editions", len(got), len(editions))
	}
	return n
}

func (e *edition) is(got map[string]qdrant.Point) bool {
	if len(got) != len(e.points) {
		return false
	}
	for id, p := range e.points {
		if stored, there := got[id]; !there || !equal(stored, p) {
			return false
		}
	}
	return true
}

// wantMixture demands that every point is one edition's or the other's, and that
// every document of both has its first chunk: none that was acknowledged is lost.
func wantMixture(t *testing.T, got map[string]qdrant.Point, before, after *edition) {
	t.Helper()
	for id, p := range got {
		old, wasThere := before.points[id]
		now, isThere := after.points[id]
		if (!wasThere || !equal(p, old)) && (!isThere || !equal(p, now)) {
			t.Fatalf("%s chunk %d is neither as before nor as it should be", p.Payload.DocID, p.Payload.Chunk)
		}
	}
	for id, p := range before.points {
		if _, stays := after.points[id]; stays && p.Payload.Chunk == 0 {
			if _, there := got[id]; !there {
				t.Fatalf("%s is lost", p.Payload.DocID)
			}
		}
	}
}

// readers search the index without a pause until the test ends or stop is
// called: each answer must be one of the editions, whole.
func (u *upkeep) readers(t *testing.T, store *qdrant.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var answers atomic.Int64
	for range 2 {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := u.readWhole(ctx, store); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				answers.Add(1)
				time.Sleep(time.Millisecond) // the commands need the processors, too
			}
		})
	}
	return func() {
		cancel()
		group.Wait()
		t.Logf("readers saw %d whole versions", answers.Load())
	}
}

func (u *upkeep) readWhole(ctx context.Context, store *qdrant.Store) error {
	search := qdrant.Search{
		Vector: embeddingtest.HashedVector(dimensions, embedding.Query, "all"), Limit: 1000, Exact: true, WithVectors: true, WithPayload: true,
	}
	var found []qdrant.Candidate
	for try := 0; ; try++ {
		collection, err := store.Lookup(ctx, key)
		if err != nil {
			return err
		}
		found, err = store.Search(ctx, collection, search)
		if errors.Is(err, qdrant.ErrNoCollection) && try == 0 {
			continue // it was pruned in between; internal/search looks again, too
		}
		if err != nil {
			return err
		}
		break
	}
	got := make(map[string]qdrant.Point, len(found))
	for _, c := range found {
		got[c.ID] = qdrant.Point{ID: c.ID, Vector: c.Vector, Payload: *c.Payload}
	}
	if !slices.ContainsFunc(u.editions, func(e *edition) bool { return e.is(got) }) {
		return fmt.Errorf("a reader saw %d points that are no edition", len(got))
	}
	return nil
}

// reading opens a store beside the commands and starts readers.
func (u *upkeep) reading(t *testing.T, folder string) (stop func()) {
	t.Helper()
	store, shut, err := openStore(t, folder, embedded.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	stopReaders := u.readers(t, store)
	return func() {
		stopReaders()
		shut()
	}
}

// campaign repeats once, which says whether its kill came before the end, until
// there were as many kills as wanted.
func campaign(t *testing.T, once func() bool) {
	t.Helper()
	kills, tries := 0, 0
	for ; kills < wanted(); tries++ {
		if tries == 10*wanted() {
			t.Fatalf("only %d of %d kills came before the end", kills, tries)
		}
		if once() {
			kills++
			t.Logf("kill %d, run %d", kills, tries+1)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills in %d runs", kills, tries)
}

// Killed in a sync, the next one completes it.
func TestKillSync(t *testing.T) {
	u := newUpkeep(t)
	sync := func(e *edition) []string {
		return append(args("sync", "--yes", "--force", e.file), cut()...)
	}
	u.whole(t, u.bench, sync(u.editions[0]))
	campaign(t, func() bool {
		next := u.other()
		before, after := u.editions[u.now], u.editions[next]
		killed := u.killed(t, sync(after), u.length)
		if killed {
			wantMixture(t, contents(t, u.store), before, after)
			u.whole(t, u.bench, sync(after))
		}
		verify(t, u.bench, after)
		wantExactly(t, contents(t, u.store), after)
		u.now = next
		return killed
	})
}

// Killed in a rebuild, the old version stays, whole, or the new one is there,
// whole; readers see nothing else. Pruning is killed, too.
func TestKillRebuild(t *testing.T) {
	u := newUpkeep(t)
	u.index(t, u.editions[0].file)
	defer u.reading(t, u.store)()
	rebuild := func(e *edition) []string {
		return append(args("index", "--rebuild", e.file), cut()...)
	}
	u.whole(t, u.bench, rebuild(u.editions[0]))
	campaign(t, func() bool {
		next := u.other()
		before, after := u.editions[u.now], u.editions[next]
		killed := u.killed(t, rebuild(after), u.length)
		if killed {
			switched := isWhole(t, contents(t, u.store), before, after) == 1
			if !switched || u.random.IntN(2) == 0 {
				u.whole(t, u.bench, rebuild(after))
			}
		}
		verify(t, u.bench, after)
		wantExactly(t, contents(t, u.store), after)
		u.now = next
		if u.random.IntN(2) == 0 {
			u.killed(t, args("prune", "--yes", "--unfinished"), 50*time.Millisecond)
			verify(t, u.bench, after)
		}
		return killed
	})
}

// Killed in a rollback, the index is one version or the other.
func TestKillRollback(t *testing.T) {
	u := newUpkeep(t)
	u.index(t, u.editions[0].file)
	for _, e := range u.editions[1:] {
		u.whole(t, u.bench, append(args("index", "--rebuild", e.file), cut()...))
	}
	defer u.reading(t, u.store)()
	u.now = len(u.editions) - 1
	to := func(n int) []string { return args("rollback", "--to", fmt.Sprint(n+1)) }
	u.whole(t, u.bench, to(u.now))
	campaign(t, func() bool {
		next := u.other()
		before, after := u.editions[u.now], u.editions[next]
		killed := u.killed(t, to(next), u.length)
		if killed {
			isWhole(t, contents(t, u.store), before, after)
			u.whole(t, u.bench, to(next))
		}
		verify(t, u.bench, after)
		wantExactly(t, contents(t, u.store), after)
		u.now = next
		return killed
	})
}

// Killed in a copy, the target is what it was, or the whole copy; the next one
// completes it. Copies go from store to file, and from file to store.
func TestKillCopy(t *testing.T) {
	u := newUpkeep(t)
	u.index(t, u.editions[0].file)
	folder := filepath.Join(u.folder, "target")
	target := u.with("QDRANT_LOCAL_PATH=" + folder)
	u.whole(t, u.bench, args("copy", "--to", folder))
	defer u.reading(t, folder)()
	held, copies, file := 0, 0, "" // what the target holds; the last file, "" once it was copied from
	campaign(t, func() bool {
		if file == "" {
			u.now = u.other()
			u.whole(t, u.bench, append(args("sync", "--yes", "--force", u.editions[u.now].file), cut()...))
			copies++
			file = filepath.Join(u.folder, fmt.Sprintf("copy-%d.jsonl%s", copies, []string{"", ".gz"}[copies%2]))
			command := args("copy", "--to", file)
			killed := u.killed(t, command, u.length)
			if killed {
				u.whole(t, u.bench, command)
			}
			if exists(file + ".part") {
				t.Errorf("%s.part is left", file)
			}
			return killed
		}
		command := args("copy", "--from", file, "--to", folder)
		killed := u.killed(t, command, u.length)
		if killed {
			isWhole(t, contents(t, folder), u.editions[held], u.editions[u.now])
			u.whole(t, u.bench, command)
		}
		verify(t, target, u.editions[u.now])
		wantExactly(t, contents(t, folder), u.editions[u.now])
		held, file = u.now, ""
		return killed
	})
}

// The store's server is killed and started again while the indexer works: the
// indexer goes on, or ends with an error that says what is wrong; the next one
// completes the work, and nothing that was acknowledged is missing.
func TestKillServer(t *testing.T) {
	u := newUpkeep(t)
	s := &server{folder: filepath.Join(u.folder, "served")}
	s.start(t)
	defer func() { s.kill() }()
	remote := u.with("QDRANT_URL="+s.url(), "QDRANT_TIMEOUT=5s")
	commands := map[string]func(e *edition) []string{
		"index":   func(e *edition) []string { return append(args("index", e.file), cut()...) },
		"sync":    func(e *edition) []string { return append(args("sync", "--yes", "--force", e.file), cut()...) },
		"rebuild": func(e *edition) []string { return append(args("index", "--rebuild", e.file), cut()...) },
	}
	u.whole(t, remote, commands["sync"](u.editions[0]))
	commands["copy"] = func(e *edition) []string {
		u.whole(t, u.bench, commands["sync"](e)) // into the store that is copied
		return args("copy", "--to", s.url())
	}
	names := []string{"index", "sync", "rebuild", "copy"}
	survived, failed := 0, 0
	for round := range wanted() {
		name := names[round%len(names)]
		next := u.other()
		before, after := u.editions[u.now], u.editions[next]
		command, b := commands[name](after), remote
		if name == "copy" {
			b = u.bench
		}
		p := b.start(t, "indexer", command...)
		u.await(p, u.length)
		s.kill()
		got := contents(t, s.folder)
		if name == "rebuild" || name == "copy" {
			isWhole(t, got, before, after)
		} else {
			wantMixture(t, got, before, after)
		}
		if u.random.IntN(2) == 0 {
			time.Sleep(time.Duration(u.random.Int64N(int64(300 * time.Millisecond))))
		}
		s.start(t)
		switch code := p.wait(t); code {
		case 0:
			survived++
		case 1:
			failed++
			if !strings.Contains(p.stderr.String(), s.address) {
				t.Errorf("%s: the error does not say where the store is: %s", name, p.stderr.String())
			}
		default:
			t.Fatalf("%s ended with %d: %s", name, code, p.stderr.String())
		}
		// Indexing deletes nothing, so that a sync makes the index the edition's.
		u.whole(t, b, command)
		if name == "index" {
			u.whole(t, remote, commands["sync"](after))
		}
		verify(t, remote, after)
		u.now = next
		t.Logf("kill %d, %s", round+1, name)
		if name == "copy" {
			u.whole(t, remote, args("prune", "--yes"))
		}
	}
	t.Logf("of %d indexers whose server was killed %d went on, %d ended with an error", wanted(), survived, failed)

	s.kill()
	out := remote.run(t, "indexer", commands["index"](u.editions[u.other()])...)
	out.wantError(t, s.address, "is Qdrant running there?")
	s.start(t)
	verify(t, remote, u.editions[u.now])
}
