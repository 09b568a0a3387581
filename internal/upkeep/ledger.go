package upkeep

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"

	_ "modernc.org/sqlite" // the driver

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// The sides of a ledger.
const (
	inSource = 0
	inIndex  = 1
)

// ledger lists the passages that a source and an index have, in a temporary
// SQLite database that has no name, spills to disk, and ends with the process.
// It takes about 150 bytes a passage and side there, and 64 MiB of memory.
type ledger struct {
	db     *sql.DB
	tx     *sql.Tx
	insert map[qdrant.Key]*sql.Stmt
	table  map[qdrant.Key]string
	// several says that the source's side lacks what only the generated queries
	// tell: how many further vectors a passage has. Any number is right.
	several bool
}

const ledgerCache = 64 << 10 // KiB

func openLedger(ctx context.Context) (*ledger, error) {
	// The empty name is that of a database in a temporary file, which is unlinked
	// as soon as it is open.
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return nil, ledgerError(err)
	}
	db.SetMaxOpenConns(1) // another connection would see another database
	pragmas := "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -" + strconv.Itoa(ledgerCache)
	if _, err := db.ExecContext(ctx, pragmas); err != nil {
		return nil, errors.Join(ledgerError(err), db.Close())
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(ledgerError(err), db.Close())
	}
	return &ledger{db: db, tx: tx, insert: map[qdrant.Key]*sql.Stmt{}, table: map[qdrant.Key]string{}}, nil
}

func ledgerError(err error) error {
	return fmt.Errorf("keep track of the passages in a temporary file (TMPDIR says where): %w", err)
}

func (l *ledger) close() error {
	for _, stmt := range l.insert {
		_ = stmt.Close()
	}
	_ = l.tx.Rollback() // it ends with the database, or has ended with its context
	return l.db.Close()
}

// add notes a passage that one side of an index has.
func (l *ledger) add(ctx context.Context, key qdrant.Key, side int, s qdrant.Stamp) error {
	insert := l.insert[key]
	if insert == nil {
		table := "passages_" + strconv.Itoa(len(l.table))
		if _, err := l.tx.ExecContext(ctx, "CREATE TABLE "+table+" (doc TEXT, side INTEGER, chunk INTEGER, chunks INTEGER, id TEXT, hash TEXT)"); err != nil {
			return ledgerError(err)
		}
		var err error
		if insert, err = l.tx.PrepareContext(ctx, "INSERT INTO "+table+" VALUES (?, ?, ?, ?, ?, ?)"); err != nil {
			return ledgerError(err)
		}
		l.table[key], l.insert[key] = table, insert
	}
	if _, err := insert.ExecContext(ctx, s.DocID, side, s.Chunk, s.Chunks, s.ID, s.ContentHash); err != nil {
		return ledgerError(err)
	}
	return nil
}

// addIndex notes all that a collection holds.
func (l *ledger) addIndex(ctx context.Context, store Reader, c qdrant.Collection) error {
	for stamp, err := range store.Scroll(ctx, c, scrollPage) {
		if err == nil {
			err = l.add(ctx, c.Key, inIndex, stamp)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// document is what both sides have of one document.
type document struct {
	id             string
	source, stored []qdrant.Stamp // by chunk
	several        bool           // of its ledger
}

// documents yields what the ledger holds of an index, by document id.
func (l *ledger) documents(ctx context.Context, key qdrant.Key) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		table, known := l.table[key]
		if !known {
			return
		}
		rows, err := l.tx.QueryContext(ctx, "SELECT doc, side, chunk, chunks, id, hash FROM "+table+" ORDER BY doc, side, chunk, id")
		if err != nil {
			yield(document{}, ledgerError(err))
			return
		}
		defer rows.Close()
		d := document{several: l.several}
		for rows.Next() {
			var s qdrant.Stamp
			var side int
			if err := rows.Scan(&s.DocID, &side, &s.Chunk, &s.Chunks, &s.ID, &s.ContentHash); err != nil {
				yield(document{}, ledgerError(err))
				return
			}
			if s.DocID != d.id && len(d.source)+len(d.stored) > 0 {
				if !yield(d, nil) {
					return
				}
				d = document{several: l.several}
			}
			d.id = s.DocID
			if side == inSource {
				d.source = append(d.source, s)
			} else {
				d.stored = append(d.stored, s)
			}
		}
		if err := rows.Err(); err != nil {
			yield(document{}, ledgerError(err))
			return
		}
		if len(d.source)+len(d.stored) > 0 {
			yield(d, nil)
		}
	}
}

// State says in what a document of the source and of the index differ.
type State string

// Missing documents are not in the index at all, extra ones not in the source.
// Of a stale one the index has other passages than the source: some are missing,
// of another content, or left over.
const (
	Missing State = "missing"
	Extra   State = "extra"
	Stale   State = "stale"
)

// Difference is a document that source and index do not agree on.
type Difference struct {
	DocID  string
	State  State
	Source int // passages that it has in the source
	Stored int // passages that the index has of it
	// Wrong are those of the source that the index lacks or has otherwise.
	Wrong int
	// Surplus are ids that the index has and the source has not.
	Surplus []string
}

// difference compares the two sides, and says whether they differ.
func (d document) difference() (Difference, bool) {
	diff := Difference{DocID: d.id, Source: len(d.source), Stored: len(d.stored)}
	want := make(map[string]qdrant.Stamp, len(d.source))
	content := make(map[qdrant.Stamp]bool, len(d.source)) // without ids
	for _, s := range d.source {
		want[s.ID] = s
		s.ID = ""
		content[s] = true
	}
	matched := 0
	for _, s := range d.stored {
		w, known := want[s.ID]
		of := s
		of.ID = ""
		switch {
		case !known && d.several && content[of]: // a further vector of a passage that is as it should be
			diff.Stored--
		case !known:
			diff.Surplus = append(diff.Surplus, s.ID)
		case w == s:
			matched++
		}
	}
	diff.Wrong = len(d.source) - matched
	switch {
	case len(d.source) == 0:
		diff.State = Extra
	case len(d.stored) == 0:
		diff.State = Missing
	case diff.Wrong > 0 || len(diff.Surplus) > 0:
		diff.State = Stale
	default:
		return diff, false
	}
	return diff, true
}

// Counts are documents, but for Passages and Stored.
type Counts struct {
	Documents int // in the source
	Indexed   int // in the index
	Passages  int // in the source
	Stored    int // passages in the index
	Missing   int
	Extra     int
	Stale     int
	// Wrong are passages of the source that the index lacks or has otherwise.
	Wrong int
	// Surplus are passages that the index has and the source has not, of extra
	// and of stale documents.
	Surplus int
}

// Agree says whether index and source hold the same.
func (c Counts) Agree() bool { return c.Missing+c.Extra+c.Stale == 0 }

// counts compares the two sides of an index.
func (l *ledger) counts(ctx context.Context, key qdrant.Key) (Counts, error) {
	var c Counts
	for d, err := range l.documents(ctx, key) {
		if err != nil {
			return Counts{}, err
		}
		diff, differs := d.difference()
		c.Passages += len(d.source)
		c.Stored += diff.Stored
		if len(d.source) > 0 {
			c.Documents++
		}
		if len(d.stored) > 0 {
			c.Indexed++
		}
		if !differs {
			continue
		}
		c.Surplus += len(diff.Surplus)
		c.Wrong += diff.Wrong
		switch diff.State {
		case Missing:
			c.Missing++
		case Extra:
			c.Extra++
		case Stale:
			c.Stale++
		}
	}
	return c, nil
}

// surplus yields the ids to delete from an index, as many at a time as one call
// should take and, where that is possible, whole documents.
func (l *ledger) surplus(ctx context.Context, key qdrant.Key) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		var batch []string
		for d, err := range l.documents(ctx, key) {
			if err != nil {
				yield(nil, err)
				return
			}
			diff, _ := d.difference()
			if len(batch) > 0 && len(batch)+len(diff.Surplus) > deleteBatch {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
			batch = append(batch, diff.Surplus...)
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
