package cache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/cache"
)

const plenty = 1 << 30

func key(name string) cache.Key { return sha256.Sum256([]byte(name)) }

func open(tb testing.TB, path string, maxBytes int64) *cache.Cache {
	tb.Helper()
	c, err := cache.Open(path, maxBytes)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

func put(tb testing.TB, c *cache.Cache, name string, value []byte) {
	tb.Helper()
	if err := c.PutMany(tb.Context(), map[cache.Key][]byte{key(name): value}); err != nil {
		tb.Fatal(err)
	}
}

// get returns the value and whether there is one.
func get(tb testing.TB, c *cache.Cache, name string) ([]byte, bool) {
	tb.Helper()
	found, err := c.GetMany(tb.Context(), []cache.Key{key(name)})
	if err != nil {
		tb.Fatal(err)
	}
	value, ok := found[key(name)]
	return value, ok
}

func TestStoresAcrossOpens(t *testing.T) {
	// The name has every character that means something in a URI.
	path := filepath.Join(t.TempDir(), "new folder", "a?b#c%41&d.db")
	first, err := cache.Open(path, plenty)
	if err != nil {
		t.Fatal(err)
	}
	put(t, first, "a", []byte("one"))
	put(t, first, "empty", nil)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	second := open(t, path, plenty)
	if value, ok := get(t, second, "a"); !ok || string(value) != "one" {
		t.Errorf("a = %q, %v", value, ok)
	}
	if value, ok := get(t, second, "empty"); !ok || len(value) != 0 {
		t.Errorf("empty = %q, %v", value, ok)
	}
	if _, ok := get(t, second, "never stored"); ok {
		t.Error("a key never stored was found")
	}
}

// The cache agrees with a map as long as nothing is evicted.
func TestBehavesLikeAMap(t *testing.T) {
	dir := t.TempDir()
	var run int
	rapid.Check(t, func(rt *rapid.T) {
		run++
		c := open(t, filepath.Join(dir, strconv.Itoa(run)), plenty)
		want := map[cache.Key][]byte{}
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			batch := map[cache.Key][]byte{}
			for _, name := range rapid.SliceOfN(rapid.StringMatching(`[a-e]`), 0, 5).Draw(rt, "names") {
				value := rapid.SliceOfN(rapid.Byte(), 0, 6000).Draw(rt, "value")
				batch[key(name)], want[key(name)] = value, value
			}
			if err := c.PutMany(t.Context(), batch); err != nil {
				rt.Fatal(err)
			}
		}
		var keys []cache.Key
		for _, name := range "abcdefg" {
			keys = append(keys, key(string(name)))
		}
		got, err := c.GetMany(t.Context(), keys)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(want) {
			rt.Fatalf("%d entries, want %d", len(got), len(want))
		}
		for k, value := range want {
			if !bytes.Equal(got[k], value) {
				rt.Fatalf("entry %x differs", k[:4])
			}
		}
	})
}

func TestOldestEntriesGoFirst(t *testing.T) {
	const entries, size, limit = 100, 1000, 20_000
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, path, limit)
	for i := range entries {
		put(t, c, strconv.Itoa(i), bytes.Repeat([]byte{byte(i)}, size))
		if stored := storedBytes(t, path); stored > limit {
			t.Fatalf("after %d puts the cache holds %d bytes, limit %d", i+1, stored, limit)
		}
	}
	kept := 0
	for i := range entries {
		_, ok := get(t, c, strconv.Itoa(i))
		if kept > 0 && !ok {
			t.Fatalf("entry %d went before an older one", i)
		}
		if ok {
			kept++
		}
	}
	if least := limit*8/10/(size+32) - 1; kept < least {
		t.Errorf("%d entries kept, want at least %d", kept, least)
	}
	// A replaced value changes the total by the difference only.
	put(t, c, strconv.Itoa(entries-1), bytes.Repeat([]byte{1}, 10))
	if total := query[int64](t, path, `SELECT bytes FROM total`); total != storedBytes(t, path) {
		t.Errorf("running total %d, stored %d", total, storedBytes(t, path))
	}
	put(t, c, "larger than the limit", make([]byte, limit+1))
	if stored := storedBytes(t, path); stored > limit {
		t.Errorf("one huge value: the cache holds %d bytes, limit %d", stored, limit)
	}
}

func TestDamageIsAMiss(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, path, plenty)
	for name, damage := range map[string]string{
		"flipped bit": `UPDATE entry SET value = CAST(x'ff' || substr(value, 2) AS BLOB)`,
		"cut":         `UPDATE entry SET value = substr(value, 1, 2)`,
		"other key":   `UPDATE entry SET key = x'` + fmt.Sprintf("%x", key("b")) + `'`,
	} {
		put(t, c, "a", []byte("value"))
		execute(t, path, damage)
		for _, name := range []string{"a", "b"} {
			if value, ok := get(t, c, name); ok {
				t.Errorf("%s: %s gave %q", name, name, value)
			}
		}
		put(t, c, "a", []byte("value"))
		if value, ok := get(t, c, "a"); !ok || string(value) != "value" {
			t.Errorf("%s: not repaired by a put: %q, %v", name, value, ok)
		}
		execute(t, path, `DELETE FROM entry`)
	}
}

func TestRefusesFilesThatAreNoCache(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"text", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("not a database\n", 100))) }, "delete it"},
		{"other database", func(t *testing.T, path string) { execute(t, path, `CREATE TABLE photos (a)`) }, "another program's"},
		{"other layout", func(t *testing.T, path string) {
			if c, err := cache.Open(path, plenty); err != nil || c.Close() != nil {
				t.Fatal(err)
			}
			execute(t, path, `PRAGMA user_version = 99`)
		}, "layout 99"},
		{"folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "cache"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.db")
			tt.make(t, path)
			before, _ := os.ReadFile(path)
			_, err := cache.Open(path, plenty)
			if err == nil {
				t.Fatal("opened")
			}
			for _, want := range []string{path, tt.want} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestDamagedPagesGiveAClearErrorOrAMiss(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c, err := cache.Open(path, plenty)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		put(t, c, strconv.Itoa(i), bytes.Repeat([]byte{byte(i)}, 500))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096; at < len(file); at++ {
		file[at] ^= 0x55
	}
	write(t, path, file)
	c, err = cache.Open(path, plenty)
	if err == nil {
		_, err = c.GetMany(t.Context(), []cache.Key{key("1")})
		err = errors.Join(err, c.Close())
	}
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("error %v, want one that names %s and says to delete it", err, path)
	}
}

func TestOpenFaults(t *testing.T) {
	if _, err := cache.Open(filepath.Join(t.TempDir(), "c.db"), 0); err == nil {
		t.Error("a limit of 0 bytes was accepted")
	}
}

func TestCancelledContext(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "cache.db"), plenty)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.GetMany(ctx, []cache.Key{key("a")}); !errors.Is(err, context.Canceled) {
		t.Errorf("GetMany: %v", err)
	}
	if err := c.PutMany(ctx, map[cache.Key][]byte{key("a"): nil}); !errors.Is(err, context.Canceled) {
		t.Errorf("PutMany: %v", err)
	}
}

// Goroutines on two handles, opened at once on a file that does not exist yet.
func TestConcurrentHandles(t *testing.T) {
	const workers, rounds = 8, 20
	path := filepath.Join(t.TempDir(), "cache.db")
	handles := make([]*cache.Cache, 2)
	var opening sync.WaitGroup
	for i := range handles {
		opening.Go(func() {
			var err error
			if handles[i], err = cache.Open(path, plenty); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		t.FailNow()
	}
	var working sync.WaitGroup
	for worker := range workers {
		c := handles[worker%len(handles)]
		working.Go(func() {
			for round := range rounds {
				own := fmt.Sprintf("%d/%d", worker, round)
				err := c.PutMany(t.Context(), map[cache.Key][]byte{key(own): []byte(own), key("shared"): []byte("same")})
				if err != nil {
					t.Error(err)
				}
				found, err := c.GetMany(t.Context(), []cache.Key{key(own), key("shared")})
				if err != nil || string(found[key(own)]) != own || string(found[key("shared")]) != "same" {
					t.Errorf("%s: %v, %v", own, found, err)
				}
			}
		})
	}
	working.Wait()
	for _, c := range handles {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := query[int64](t, path, `SELECT count(*) FROM entry`); n != workers*rounds+1 {
		t.Errorf("%d entries, want %d", n, workers*rounds+1)
	}
}

// A process killed while it writes leaves whole batches only.
func TestKilledWriter(t *testing.T) {
	const variable = "CACHE_TEST_WRITE_TO"
	if path := os.Getenv(variable); path != "" {
		writeUntilKilled(t, path)
	}
	path := filepath.Join(t.TempDir(), "cache.db")
	for range 3 {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriter$")
		command.Env = append(os.Environ(), variable+"="+path)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil { // it is writing now
			t.Fatal(err)
		}
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = command.Wait()
		c := open(t, path, plenty)
		for batch := 0; ; batch++ {
			found, err := c.GetMany(t.Context(), batchKeys(batch))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				if batch == 0 {
					t.Fatal("nothing was stored")
				}
				break
			}
			if len(found) != batchSize {
				t.Fatalf("batch %d has %d of %d entries", batch, len(found), batchSize)
			}
		}
	}
}

const batchSize = 10

func batchKeys(batch int) []cache.Key {
	keys := make([]cache.Key, batchSize)
	for i := range keys {
		keys[i] = key(fmt.Sprintf("%d/%d", batch, i))
	}
	return keys
}

func writeUntilKilled(t *testing.T, path string) {
	c := open(t, path, plenty)
	for batch := 0; ; batch++ {
		entries := map[cache.Key][]byte{}
		for _, k := range batchKeys(batch) {
			entries[k] = bytes.Repeat(k[:], 100)
		}
		if err := c.PutMany(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		if batch == 3 {
			fmt.Print(".")
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "cache.db")
	warm := open(b, path, plenty)
	for i := range 1000 {
		if err := warm.PutMany(b.Context(), map[cache.Key][]byte{key(strconv.Itoa(i)): make([]byte, 1536)}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		c, err := cache.Open(path, plenty)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.GetMany(b.Context(), []cache.Key{key("1"), key("2")}); err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func storedBytes(tb testing.TB, path string) int64 {
	return query[int64](tb, path, `SELECT coalesce(sum(length(key) + length(value)), 0) FROM entry`)
}

func query[T any](tb testing.TB, path, statement string) (value T) {
	tb.Helper()
	withDatabase(tb, path, func(db *sql.DB) error {
		return db.QueryRowContext(tb.Context(), statement).Scan(&value)
	})
	return value
}

func execute(tb testing.TB, path, statement string) {
	tb.Helper()
	withDatabase(tb, path, func(db *sql.DB) error {
		_, err := db.ExecContext(tb.Context(), statement)
		return err
	})
}

func withDatabase(tb testing.TB, path string, work func(*sql.DB) error) {
	tb.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(work(db), db.Close()); err != nil {
		tb.Fatal(err)
	}
}

func write(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}
