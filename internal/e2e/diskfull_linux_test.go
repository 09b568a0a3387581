package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// disk is a file system of a small fixed size.
type disk struct{ folder string }

func newDisk(t *testing.T, bytes int) disk {
	t.Helper()
	folder := t.TempDir()
	err := unix.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", bytes))
	if errors.Is(err, unix.EPERM) {
		testenv.Missing(t, "the right to mount a tmpfs", "run the tests as root")
	}
	if err != nil {
		t.Fatalf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
	return disk{folder}
}

func (d disk) ballast() string { return filepath.Join(d.folder, "ballast") }

// leave fills the disk until so many bytes are free.
func (d disk) leave(t *testing.T, free int64) {
	t.Helper()
	var stat unix.Statfs_t
	if err := unix.Statfs(d.folder, &stat); err != nil {
		t.Fatal(err)
	}
	fill := int64(stat.Bavail)*stat.Bsize - free
	if fill < 0 {
		t.Fatalf("%d bytes are wanted free, there are %d", free, free+fill)
	}
	if err := os.WriteFile(d.ballast(), make([]byte, fill), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeRoom undoes leave.
func (d disk) makeRoom(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		t.Fatal(err)
	}
}

// The disk fills up while an index grows: what is there stays right and can be
// read even where not one byte is free, and with room again the run goes on.
func TestDiskFullWhileGrowing(t *testing.T) {
	server := embeddingtest.Hashed(dimensions)
	small, large := newDisk(t, 1<<20), newEdition(t, 1200, func(int) int { return 1 })
	b := newBench(t, embeddingtest.Start(t, server))
	b.store = filepath.Join(small.folder, "store")
	small.leave(t, 700<<10) // enough for some windows, not for all

	b.run(t, "indexer", indexing(large.file)...).wantError(t, "no space left", b.store)
	got := contents(t, b.store)
	written := wantWhole(t, got, nil, large)
	if written == 0 || len(got) == len(large.order) {
		t.Fatalf("%d of %d passages were written before the disk was full: want some", len(got), len(large.order))
	}

	if err := os.Rename(small.ballast(), small.ballast()+".1"); err != nil {
		t.Fatal(err)
	}
	small.leave(t, 0)
	if again := contents(t, b.store); len(again) != len(got) {
		t.Errorf("with no byte free %d points can be read, with a few %d", len(again), len(got))
	}
	wantReadable(t, b, len(got))
	b.run(t, "indexer", indexing(large.file)...).wantError(t, "no space left", b.store)
	if now := wantWhole(t, contents(t, b.store), nil, large); now < written {
		t.Errorf("%d writes were in the store and are %d after a run on a full disk", written, now)
	}

	if err := unix.Mount("tmpfs", small.folder, "tmpfs", unix.MS_REMOUNT, "size=16777216"); err != nil {
		t.Fatal(err)
	}
	report := b.index(t, large.file)
	if report.Unchanged < len(got) || report.Written != len(large.order)-report.Unchanged {
		t.Errorf("with room again the run reports %+v", report)
	}
	wantExactly(t, contents(t, b.store), large)
	wantNothingToDo(t, b, large)
}

// wantReadable demands that the commands that only read work.
func wantReadable(t *testing.T, b *bench, passages int) {
	t.Helper()
	status := b.run(t, "indexer", "status", "--json")
	var indexes struct {
		Indexes []struct{ Passages int }
	}
	if status.code != 0 {
		t.Fatalf("indexer status ended with %d:\n%s", status.code, status.stderr)
	}
	decode(t, status.stdout, &indexes)
	if len(indexes.Indexes) != 1 || indexes.Indexes[0].Passages != passages {
		t.Errorf("indexer status says %s, want one index of %d passages", status.stdout, passages)
	}
	query := b.run(t, "query", "--corpus", key.Corpus, "--lang", key.Lang, "--json", "το ποτάμι")
	var answer struct{ Hits []struct{ ID string } }
	if query.code != 0 {
		t.Fatalf("query ended with %d:\n%s", query.code, query.stderr)
	}
	decode(t, query.stdout, &answer)
	if len(answer.Hits) != 10 {
		t.Errorf("query finds %d documents, want 10", len(answer.Hits))
	}
}

// The disk is too full for the first index, at every step of making one.
func TestDiskFullFromTheStart(t *testing.T) {
	b := newBench(t, embeddingtest.Start(t, embeddingtest.Hashed(dimensions)))
	few := newEdition(t, 100, func(int) int { return 1 })
	small := newDisk(t, 1<<20)
	for free := int64(0); free <= 128<<10; free += 16 << 10 {
		t.Run(fmt.Sprintf("%dKiB", free>>10), func(t *testing.T) {
			b := *b
			b.store = filepath.Join(small.folder, fmt.Sprintf("store-%d", free))
			small.leave(t, free)
			b.run(t, "indexer", indexing(few.file)...).wantError(t, "no space left", b.store)
			small.makeRoom(t)
			if got := contents(t, b.store); wantWhole(t, got, nil, few) == len(few.order)/window {
				t.Errorf("all %d points fitted: the disk was not full", len(got))
			}
			b.index(t, few.file)
			wantExactly(t, contents(t, b.store), few)
			if err := os.RemoveAll(b.store); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A cache only saves work: a run goes on where its disk is full.
func TestDiskFullForTheCache(t *testing.T) {
	few := newEdition(t, 200, func(int) int { return 1 })
	for _, free := range []int64{0, 24 << 10, 100 << 10} {
		t.Run(fmt.Sprintf("%dKiB", free>>10), func(t *testing.T) {
			b := newBench(t, embeddingtest.Start(t, embeddingtest.Hashed(dimensions)))
			small := newDisk(t, 1<<20)
			small.leave(t, free)
			path := filepath.Join(small.folder, "cache.db")
			out := b.with("EMBEDDING_CACHE="+path).run(t, "indexer", indexing(few.file)...)
			if out.code != 0 || !strings.Contains(out.stderr, "cache") || !strings.Contains(out.stderr, path) {
				t.Fatalf("indexer ended with %d, want 0 and a warning that names the cache:\n%s", out.code, out.stderr)
			}
			if report := out.report(t); report.Written != len(few.order) || report.Embedded != len(few.order) {
				t.Errorf("the run reports %+v for %d passages", report, len(few.order))
			}
			wantExactly(t, contents(t, b.store), few)
		})
	}
}
