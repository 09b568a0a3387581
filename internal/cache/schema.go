package cache

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// schema keeps the running total by triggers: it is then part of every
// transaction, whichever process makes it.
const schema = `
CREATE TABLE entry (
	seq      INTEGER PRIMARY KEY,
	key      BLOB NOT NULL UNIQUE,
	checksum INTEGER NOT NULL,
	value    BLOB NOT NULL
) STRICT;
CREATE TABLE total (bytes INTEGER NOT NULL) STRICT;
INSERT INTO total VALUES (0);
CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
	UPDATE total SET bytes = bytes + length(new.key) + length(new.value);
END;
CREATE TRIGGER entry_changed AFTER UPDATE OF value ON entry BEGIN
	UPDATE total SET bytes = bytes + length(new.value) - length(old.value);
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN
	UPDATE total SET bytes = bytes - length(old.key) - length(old.value);
END;
PRAGMA application_id = %d;
PRAGMA user_version = %d;
`

// foreignError says that the file is a database, but not a cache that this
// version can use.
type foreignError struct{ reason string }

func (e *foreignError) Error() string { return e.reason }

// prepare checks that the file is a cache, or makes an empty file one.
func (c *Cache) prepare() error {
	ctx := context.Background()
	fresh, err := isFresh(ctx, c.db)
	if err != nil || !fresh {
		return err
	}
	// The mode stays with the file. Two processes that switch it at once get
	// "busy" without SQLite waiting, hence the loop.
	for deadline := time.Now().Add(busyTimeout); ; time.Sleep(5 * time.Millisecond) {
		_, err := c.db.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
		if err == nil {
			break
		}
		if !hasCode(err, sqlite3.SQLITE_BUSY) || time.Now().After(deadline) {
			return err
		}
	}
	return c.transact(ctx, nil, func(tx *sql.Tx) error {
		fresh, err := isFresh(ctx, tx) // another process may have been faster
		if err != nil || !fresh {
			return err
		}
		_, err = tx.ExecContext(ctx, fmt.Sprintf(schema, applicationID, schemaVersion))
		return err
	})
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// isFresh says whether the database is empty; one that holds something other
// than a cache of this version is an error.
func isFresh(ctx context.Context, db querier) (bool, error) {
	var application, version, objects int
	row := db.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`)
	if err := row.Scan(&application, &version, &objects); err != nil {
		return false, err
	}
	switch {
	case application == 0 && version == 0 && objects == 0:
		return true, nil
	case application != applicationID:
		return false, &foreignError{"it is another program's database"}
	case version != schemaVersion:
		return false, &foreignError{fmt.Sprintf("it has layout %d, this program reads %d", version, schemaVersion)}
	default:
		return false, nil
	}
}
