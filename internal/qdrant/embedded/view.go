package embedded

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// view is one whole committed state of a collection: a number of rows, which of
// them are dead, and the mapped files. It never changes. Who acquires it
// releases it.
type view struct {
	*state
	deadBits bitset

	vectors, records, payloads *mapping
	recent                     *recentRows
}

// live returns how many points the view has.
func (v *view) live() int { return v.rows - v.dead }

func (v *view) vector(row int) []float32 {
	return v.allVectors()[row*v.dimensions : (row+1)*v.dimensions]
}

func (v *view) allVectors() []float32 {
	return v.vectors.floats(int64(v.rows) * int64(v.dimensions) * 4)
}

func (v *view) record(row int) record {
	return v.records.bytes[row*recordSize : (row+1)*recordSize]
}

// compareKeys orders two rows by their point ids.
func (v *view) compareKeys(a, b int) int {
	const size = len(pointKey{})
	return bytes.Compare(v.record(a)[:size], v.record(b)[:size])
}

func (v *view) release() error { return releaseAll(v.vectors, v.records, v.payloads) }

func (v *view) retain() *view {
	return &view{
		state: v.state, deadBits: v.deadBits, recent: v.recent,
		vectors: v.vectors.retain(), records: v.records.retain(), payloads: v.payloads.retain(),
	}
}

// views keeps the newest view of each collection that was read, so that a
// long-lived process maps files only when they have outgrown their mapping.
type views struct {
	mu      sync.Mutex
	current map[int64]*view
}

// acquire returns the view of s, whose rows must come from the same transaction.
func (vs *views) acquire(ctx context.Context, dir string, tx *sql.Tx, s *state) (*view, error) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	old := vs.current[s.id]
	if old != nil && old.epoch == s.epoch {
		return old.retain(), nil
	}
	dead, err := s.deadRows(ctx, tx)
	if err != nil {
		return nil, err
	}
	own := *s // a writer goes on to change its state
	v := &view{state: &own, deadBits: dead, recent: &recentRows{}}
	for _, part := range []struct {
		kind string
		need int64
		dst  **mapping
		old  func(*view) *mapping
	}{
		{"vectors", int64(s.rows) * int64(s.dimensions) * 4, &v.vectors, func(o *view) *mapping { return o.vectors }},
		{"rows", int64(s.rows) * recordSize, &v.records, func(o *view) *mapping { return o.records }},
		{"payloads", s.payloadBytes, &v.payloads, func(o *view) *mapping { return o.payloads }},
	} {
		if old != nil && old.generation == s.generation && int64(len(part.old(old).bytes)) >= part.need {
			*part.dst = part.old(old).retain()
			continue
		}
		m, err := mapFile(s.file(dir, part.kind), part.need)
		if err != nil {
			return nil, errors.Join(err, v.release())
		}
		*part.dst = m
	}
	if old == nil {
		if err := vs.forgetDropped(ctx, tx); err != nil {
			return nil, errors.Join(err, v.release())
		}
	} else if err := old.release(); err != nil {
		return nil, errors.Join(err, v.release())
	}
	vs.current[s.id] = v
	return v.retain(), nil
}

// forgetDropped lets go of collections that are no more, so that a process that
// reads across many rebuilds does not keep their disk space.
func (vs *views) forgetDropped(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT id FROM collections")
	if err != nil {
		return err
	}
	defer rows.Close()
	alive := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		alive[id] = true
	}
	for id, v := range vs.current {
		if !alive[id] {
			delete(vs.current, id)
			if err := v.release(); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

func (vs *views) close() error {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	var errs []error
	for _, v := range vs.current {
		errs = append(errs, v.release())
	}
	clear(vs.current)
	return errors.Join(errs...)
}

// newest returns the view of the newest state if it is at hand, else nil.
func (vs *views) newest(id, epoch int64) *view {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if v := vs.current[id]; v != nil && v.epoch == epoch {
		return v.retain()
	}
	return nil
}

// search runs fn, which looks nothing up by id, on one whole state of the named
// collection. Where the view is at hand already, that takes one small question
// to the catalog instead of a transaction.
func (e *Engine) search(ctx context.Context, name string, fn func(*view) error) error {
	var id, epoch int64
	switch err := e.newest.QueryRowContext(ctx, name).Scan(&id, &epoch); {
	case errors.Is(err, sql.ErrNoRows):
		return notFound(name)
	case err != nil:
		return fmt.Errorf("read store %s: %w", e.dir, err)
	}
	if v := e.views.newest(id, epoch); v != nil {
		return errors.Join(fn(v), v.release())
	}
	return e.read(ctx, name, func(_ *sql.Tx, v *view) error { return fn(v) })
}

// read runs fn on one whole state of the named collection.
func (e *Engine) read(ctx context.Context, name string, fn func(*sql.Tx, *view) error) error {
	return e.snapshot(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, name)
		if err != nil {
			return err
		}
		v, err := e.views.acquire(ctx, e.dir, tx, s)
		if err != nil {
			return err
		}
		return errors.Join(fn(tx, v), v.release())
	})
}

// snapshotTries bounds how often a reader that lost its files to a compaction
// or a drop by another process looks again.
const snapshotTries = 5

// snapshot runs fn in a read transaction.
func (e *Engine) snapshot(ctx context.Context, fn func(*sql.Tx) error) error {
	var err error
	for range snapshotTries {
		err = func() error {
			tx, err := e.reader.BeginTx(ctx, nil)
			if err != nil {
				return fmt.Errorf("read store %s: %w", e.dir, err)
			}
			defer tx.Rollback()
			return fn(tx)
		}()
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}
