// Package cache keeps answers that cost money or time to get again, embeddings
// and translations, in one SQLite file that several processes share.
//
// It maps a 32-byte key to bytes and knows nothing of what either means: the
// caller hashes everything that decides the answer into the key, so that the
// file never holds the text that was asked. Losing the cache loses time only.
// The file survives kill -9 (write-ahead log); an entry that was damaged is a
// miss, and a file that is not a cache is refused by name, never overwritten.
package cache

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// applicationID marks the file as ours in its SQLite header ("QSyC").
	applicationID = 0x51537943
	schemaVersion = 1

	busyTimeout = 5 * time.Second
	// evictionSlack is the share of the limit that an eviction frees beyond
	// what it must, so that not every later put evicts again.
	evictionSlack = 10
)

var checksumTable = crc32.MakeTable(crc32.Castagnoli)

// Key names an entry: a SHA-256 over everything that decides its value.
type Key [32]byte

// Cache is an open cache file. It is safe for use by several goroutines, and
// the file by several processes.
type Cache struct {
	path     string
	maxBytes int64
	db       *sql.DB
	// writing keeps this process's writers from waiting for each other in
	// SQLite's busy loop, which polls.
	writing sync.Mutex
}

// Open opens the cache file at path, creating it and its folder where missing.
// maxBytes > 0 bounds the sum of the sizes of keys and values; the file itself
// is somewhat larger. Beyond it the entries stored first go first.
func Open(path string, maxBytes int64) (*Cache, error) {
	if maxBytes <= 0 {
		return nil, fmt.Errorf("open cache %s: limit of %d bytes, want more than 0", path, maxBytes)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open cache %s: %w", path, err)
	}
	// Cached translations are what people searched for: nobody else's business.
	if err := os.MkdirAll(filepath.Dir(absolute), 0o700); err != nil {
		return nil, fmt.Errorf("open cache %s: %w", path, err)
	}
	dsn := url.URL{
		Scheme: "file",
		Path:   filepath.ToSlash(absolute),
		RawQuery: url.Values{
			"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "synchronous(normal)"},
			"_txlock": {"immediate"},
		}.Encode(),
	}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open cache %s: %w", path, err)
	}
	c := &Cache{path: path, maxBytes: maxBytes, db: db}
	if err := c.prepare(); err != nil {
		return nil, errors.Join(c.fault("open", err), db.Close())
	}
	return c, nil
}

// Close releases the file.
func (c *Cache) Close() error {
	if err := c.db.Close(); err != nil {
		return c.fault("close", err)
	}
	return nil
}

// GetMany returns the values of those keys that the cache holds undamaged.
func (c *Cache) GetMany(ctx context.Context, keys []Key) (map[Key][]byte, error) {
	found := make(map[Key][]byte, len(keys))
	err := c.transact(ctx, &sql.TxOptions{ReadOnly: true}, func(tx *sql.Tx) error {
		get, err := tx.PrepareContext(ctx, `SELECT value, checksum FROM entry WHERE key = ?`)
		if err != nil {
			return err
		}
		defer get.Close()
		for _, key := range keys {
			var value []byte
			var sum uint32
			err := get.QueryRowContext(ctx, key[:]).Scan(&value, &sum)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			if sum == checksum(key, value) {
				found[key] = value
			}
		}
		return nil
	})
	if err != nil {
		return nil, c.fault("read", err)
	}
	return found, nil
}

// PutMany stores all entries or, on an error, none. A value already stored
// under a key is replaced and keeps its age.
func (c *Cache) PutMany(ctx context.Context, entries map[Key][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.transact(ctx, nil, func(tx *sql.Tx) error {
		put, err := tx.PrepareContext(ctx, `INSERT INTO entry (key, checksum, value) VALUES (?, ?, ?)
			ON CONFLICT (key) DO UPDATE SET checksum = excluded.checksum, value = excluded.value`)
		if err != nil {
			return err
		}
		defer put.Close()
		// Sorted, so that what an eviction takes does not depend on map order.
		for _, key := range slices.SortedFunc(maps.Keys(entries), func(a, b Key) int { return bytes.Compare(a[:], b[:]) }) {
			value := entries[key]
			if value == nil {
				value = []byte{} // nil would be NULL
			}
			if _, err := put.ExecContext(ctx, key[:], checksum(key, value), value); err != nil {
				return err
			}
		}
		return c.evict(ctx, tx)
	})
	if err != nil {
		return c.fault("write", err)
	}
	return nil
}

// evict removes the oldest entries where the limit is passed.
func (c *Cache) evict(ctx context.Context, tx *sql.Tx) error {
	var total int64
	if err := tx.QueryRowContext(ctx, `SELECT bytes FROM total`).Scan(&total); err != nil {
		return err
	}
	if total <= c.maxBytes {
		return nil
	}
	excess := total - (c.maxBytes - c.maxBytes/evictionSlack)
	last, err := oldest(ctx, tx, excess)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM entry WHERE seq <= ?`, last)
	return err
}

// oldest returns the last of the entries, oldest first, that together hold at
// least the given number of bytes.
func oldest(ctx context.Context, tx *sql.Tx, bytes int64) (last int64, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, length(key) + length(value) FROM entry ORDER BY seq`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for bytes > 0 && rows.Next() {
		var size int64
		if err := rows.Scan(&last, &size); err != nil {
			return 0, err
		}
		bytes -= size
	}
	return last, rows.Err()
}

// transact runs work in one transaction, which it commits where work succeeds.
func (c *Cache) transact(ctx context.Context, options *sql.TxOptions, work func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		_ = tx.Rollback() // the first error says more
		return err
	}
	return tx.Commit()
}

// checksum covers the key too, so that a value under another's key is damage.
func checksum(key Key, value []byte) uint32 {
	sum := crc32.Checksum(key[:], checksumTable)
	sum = crc32.Update(sum, checksumTable, binary.LittleEndian.AppendUint64(nil, uint64(len(value))))
	return crc32.Update(sum, checksumTable, value)
}

// fault says what failed on which file, and what to do about a broken one.
func (c *Cache) fault(verb string, err error) error {
	var refused *foreignError
	if errors.As(err, &refused) || hasCode(err, sqlite3.SQLITE_CORRUPT) || hasCode(err, sqlite3.SQLITE_NOTADB) {
		return fmt.Errorf("%s cache %s: not a usable cache file (delete it to start an empty one): %w", verb, c.path, err)
	}
	return fmt.Errorf("%s cache %s: %w", verb, c.path, err)
}

// hasCode says whether err is SQLite's and of the given primary result code.
func hasCode(err error, code int) bool {
	var fault *sqlite.Error
	return errors.As(err, &fault) && fault.Code()&0xff == code
}
