package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// write runs fn in the one write transaction and commits it.
func (e *Engine) write(ctx context.Context, fn func(*sql.Tx) error) error {
	if e.writer == nil {
		return status.Errorf(codes.Aborted, "store %s is open for reading only", e.dir)
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	tx, err := e.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write to store %s: %w", e.dir, err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit to store %s: %w", e.dir, err)
	}
	return nil
}

// files returns the collection's files for appending; the caller is in write.
func (e *Engine) files(s *state) (*flatFiles, error) {
	if f := e.appender[s.id]; f != nil {
		if f.generation == s.generation {
			return f, nil
		}
		delete(e.appender, s.id)
		if err := f.close(); err != nil {
			return nil, err
		}
	}
	f, err := openFlatFiles(e.dir, s)
	if err != nil {
		return nil, fmt.Errorf("write to collection %s: %w", s.name, err)
	}
	e.appender[s.id] = f
	return f, nil
}

// newPoint is a point that passed every check.
type newPoint struct {
	key     pointKey
	vector  []float32
	payload []byte
}

// upsert stores the points, each replacing the one of its id. All of them count
// together or, where anything fails, none.
func (e *Engine) upsert(ctx context.Context, name string, points func(*state) ([]newPoint, error)) error {
	var written *state
	err := e.write(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, name)
		if err != nil {
			return err
		}
		fresh, err := points(s)
		if err != nil || len(fresh) == 0 {
			return err
		}
		files, err := e.files(s)
		if err != nil {
			return err
		}
		var vectors []float32
		var records, payloads []byte
		keys := make([]pointKey, len(fresh))
		for i, p := range fresh {
			keys[i] = p.key
			vectors = append(vectors, p.vector...)
			records = appendRecord(records, p.key, s.payloadBytes+int64(len(payloads)), p.payload)
			payloads = append(payloads, p.payload...)
		}
		if err := e.bury(ctx, tx, s, keys); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO "+s.pointsTable()+" (id, row) VALUES (?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := range keys {
			if _, err := insert.ExecContext(ctx, keys[i][:], s.rows+i); err != nil {
				return err
			}
		}
		if err := files.append(s, vectors, records, payloads); err != nil {
			return err
		}
		s.rows += len(fresh)
		s.payloadBytes += int64(len(payloads))
		written = s
		return s.save(ctx, tx)
	})
	if err != nil || written == nil {
		return err
	}
	return e.compactIfWorth(ctx, written)
}

// remove deletes the points; unknown ids are no error.
func (e *Engine) remove(ctx context.Context, name string, find func(*sql.Tx, *state) ([]pointKey, error)) error {
	var written *state
	err := e.write(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, name)
		if err != nil {
			return err
		}
		keys, err := find(tx, s)
		if err != nil {
			return err
		}
		if err := e.bury(ctx, tx, s, keys); err != nil {
			return err
		}
		for i := range keys {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+s.pointsTable()+" WHERE id = ?", keys[i][:]); err != nil {
				return err
			}
		}
		written = s
		return s.save(ctx, tx)
	})
	if err != nil {
		return err
	}
	return e.compactIfWorth(ctx, written)
}

// bury marks the rows that the points have now as dead.
func (e *Engine) bury(ctx context.Context, tx *sql.Tx, s *state, keys []pointKey) error {
	rows, err := s.rowsOf(ctx, tx, keys)
	if err != nil || len(rows) == 0 {
		return err
	}
	dead, err := s.deadRows(ctx, tx)
	if err != nil {
		return err
	}
	touched := map[int]bool{}
	for _, row := range rows {
		dead.set(row)
		touched[row>>3/bitBlock] = true
	}
	for block := range touched {
		bits := dead[block*bitBlock : min((block+1)*bitBlock, len(dead))]
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO "+s.deadTable()+" (block, bits) VALUES (?, ?)", block, []byte(bits)); err != nil {
			return err
		}
	}
	s.dead += len(rows)
	return nil
}

// save records the new counts under a new epoch.
func (s *state) save(ctx context.Context, tx *sql.Tx) error {
	s.epoch++
	_, err := tx.ExecContext(ctx,
		"UPDATE collections SET epoch = ?, generation = ?, rows = ?, dead = ?, payload_bytes = ? WHERE id = ?",
		s.epoch, s.generation, s.rows, s.dead, s.payloadBytes, s.id)
	return err
}

// A collection is compacted when its dead rows are many and outnumber the live
// ones: then the work is paid for by the writes that killed them.
const compactFrom = 4096

func (e *Engine) compactIfWorth(ctx context.Context, s *state) error {
	if s.dead < compactFrom || s.dead <= s.rows/2 {
		return nil
	}
	err := e.compact(ctx, s.name)
	if err == nil || ctx.Err() != nil {
		return nil //nolint:nilerr // the write itself is done; the next one tries again
	}
	// No room for the copy: the store stays as it is, larger than need be.
	return e.discardGeneration(s, s.generation+1)
}

// compact copies the live rows, ordered by point id, to the files of the next
// generation and switches to them.
func (e *Engine) compact(ctx context.Context, name string) error {
	var old *state
	err := e.write(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, name)
		if err != nil {
			return err
		}
		v, err := e.views.acquire(ctx, e.dir, tx, s)
		if err != nil {
			return err
		}
		next := *s
		next.generation++
		next.rows, next.dead, next.payloadBytes = 0, 0, 0
		if err := errors.Join(e.copyLive(ctx, tx, v, &next), v.release()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+s.deadTable()); err != nil {
			return err
		}
		old = s
		return next.save(ctx, tx)
	})
	if err != nil {
		return err
	}
	return e.discardGeneration(old, old.generation)
}

// copyLive appends v's live rows to next in chunks of bounded size.
func (e *Engine) copyLive(ctx context.Context, tx *sql.Tx, v *view, next *state) error {
	files, err := openFlatFiles(e.dir, next)
	if err != nil {
		return err
	}
	defer files.close() //nolint:errcheck // everything in them is synced
	order, err := v.rowsByID(ctx, tx)
	if err != nil {
		return err
	}
	update, err := tx.PrepareContext(ctx, "UPDATE "+v.pointsTable()+" SET row = ? WHERE id = ?")
	if err != nil {
		return err
	}
	defer update.Close()
	const chunk = 4096
	for len(order) > 0 {
		n := min(chunk, len(order))
		var vectors []float32
		var records, payloads []byte
		for i, row := range order[:n] {
			rec := v.record(row)
			key := rec.key()
			offset, length := rec.span()
			payload := v.payloads.bytes[offset : offset+length]
			if !rec.intact(payload) {
				return fmt.Errorf("payload of row %d of collection %s is damaged", row, v.name)
			}
			vectors = append(vectors, v.vector(row)...)
			records = appendRecord(records, key, next.payloadBytes+int64(len(payloads)), payload)
			payloads = append(payloads, payload...)
			if _, err := update.ExecContext(ctx, next.rows+i, key[:]); err != nil {
				return err
			}
		}
		if err := files.append(next, vectors, records, payloads); err != nil {
			return err
		}
		next.rows += n
		next.payloadBytes += int64(len(payloads))
		order = order[n:]
	}
	return nil
}

// rowsByID lists the live rows in the order of their point ids.
func (s *state) rowsByID(ctx context.Context, tx *sql.Tx) ([]int, error) {
	rows, err := tx.QueryContext(ctx, "SELECT row FROM "+s.pointsTable()+" ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var order []int
	for rows.Next() {
		var row int
		if err := rows.Scan(&row); err != nil {
			return nil, err
		}
		order = append(order, row)
	}
	return order, rows.Err()
}

// discardGeneration removes files that nothing in the catalog names.
func (e *Engine) discardGeneration(s *state, generation int64) error {
	gone := *s
	gone.generation = generation
	for _, kind := range []string{"vectors", "rows", "payloads"} {
		if err := os.Remove(gone.file(e.dir, kind)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("tidy collection %s: %w", s.name, err)
		}
	}
	return nil
}
