package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"modernc.org/sqlite"
)

const schemaVersion = 1

// schema is made in one transaction, so a reader sees all of it or none.
const schema = `
CREATE TABLE collections (
	id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: it names the folder
	name          TEXT NOT NULL UNIQUE,
	config        BLOB NOT NULL,                     -- qdrant.CreateCollection
	epoch         INTEGER NOT NULL DEFAULT 0,        -- grows with every committed change
	generation    INTEGER NOT NULL DEFAULT 1,        -- which set of flat files
	rows          INTEGER NOT NULL DEFAULT 0,
	dead          INTEGER NOT NULL DEFAULT 0,
	payload_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE aliases (alias TEXT PRIMARY KEY, collection TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE indexes (
	collection INTEGER NOT NULL, field TEXT NOT NULL, type INTEGER NOT NULL,
	PRIMARY KEY (collection, field)
) WITHOUT ROWID;
`

// state is a collection as the catalog has it at one moment.
type state struct {
	id           int64
	name         string
	config       *qc.CreateCollection
	vectorName   string // empty: unnamed
	dimensions   int
	distance     qc.Distance
	epoch        int64
	generation   int64
	rows         int
	dead         int
	payloadBytes int64
}

func (s *state) pointsTable() string { return "points_" + strconv.FormatInt(s.id, 10) }
func (s *state) deadTable() string   { return "dead_" + strconv.FormatInt(s.id, 10) }

// file returns the path of one of the collection's flat files.
func (s *state) file(dir, kind string) string {
	return filepath.Join(collectionDir(dir, s.id), fmt.Sprintf("%d.%s", s.generation, kind))
}

func collectionDir(dir string, id int64) string {
	return filepath.Join(dir, "collections", strconv.FormatInt(id, 10))
}

// openDB opens the catalog with one connection for writing or several for
// reading. WAL mode lets other processes read while this one writes.
func openDB(dir string, write bool) *sql.DB {
	pragmas := url.Values{}
	// FULL: a write that was acknowledged survives a power cut.
	pragmas.Add("_pragma", "busy_timeout(10000)")
	pragmas.Add("_pragma", "synchronous(FULL)")
	pragmas.Add("_pragma", "journal_size_limit(0)")
	conns := 16
	if write {
		pragmas.Add("_txlock", "immediate")
		pragmas.Add("_pragma", "journal_mode(WAL)")
		conns = 1
	} else {
		pragmas.Add("_pragma", "query_only(1)")
	}
	path := url.URL{Path: filepath.Join(dir, "store.db")}
	// Opaque: a relative path must not be read as a host.
	dsn := url.URL{Scheme: "file", Opaque: path.EscapedPath(), RawQuery: pragmas.Encode()}
	db := sql.OpenDB(connector{&sqlite.Driver{}, dsn.String()})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

// checkSchema makes the tables of a new store, or refuses one of a later
// version.
func checkSchema(ctx context.Context, db *sql.DB, create bool) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case version != 0:
		return fmt.Errorf("its version is %d, this program reads version %d: use the program that wrote it", version, schemaVersion)
	case !create:
		return ErrNoStore
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema+"PRAGMA user_version = "+strconv.Itoa(schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// newestState asks which state of a collection is the newest: what a search
// needs to know to answer from a view that it has.
const newestState = `
	SELECT id, epoch FROM collections
	WHERE name = coalesce((SELECT collection FROM aliases WHERE alias = ?1), ?1)`

// resolve finds a collection by its name or by an alias of it.
func resolve(ctx context.Context, tx *sql.Tx, name string) (*state, error) {
	s := &state{}
	var config []byte
	err := tx.QueryRowContext(ctx, `
		SELECT id, name, config, epoch, generation, rows, dead, payload_bytes FROM collections
		WHERE name = coalesce((SELECT collection FROM aliases WHERE alias = ?1), ?1)`, name).
		Scan(&s.id, &s.name, &config, &s.epoch, &s.generation, &s.rows, &s.dead, &s.payloadBytes)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(name)
	}
	if err != nil {
		return nil, err
	}
	s.config = &qc.CreateCollection{}
	if err := proto.Unmarshal(config, s.config); err != nil {
		return nil, fmt.Errorf("settings of collection %q are damaged: %w", name, err)
	}
	var params *qc.VectorParams
	s.vectorName, params = soleVector(s.config)
	s.dimensions, s.distance = int(params.GetSize()), params.GetDistance()
	return s, nil
}

// soleVector returns the only vector of a point; nil if there is another number.
func soleVector(config *qc.CreateCollection) (name string, params *qc.VectorParams) {
	if named := config.GetVectorsConfig().GetParamsMap().GetMap(); len(named) == 1 {
		name = slices.Collect(maps.Keys(named))[0]
		return name, named[name]
	}
	return "", config.GetVectorsConfig().GetParams()
}

func notFound(name string) error {
	return status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
}

func wrongInput(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "Wrong input: "+format, args...)
}

// rowsOf finds the rows of the points; unknown points are left out.
func (s *state) rowsOf(ctx context.Context, tx *sql.Tx, keys []pointKey) (map[pointKey]int, error) {
	rows := make(map[pointKey]int, len(keys))
	if len(keys) == 0 {
		return rows, nil
	}
	stmt, err := tx.PrepareContext(ctx, "SELECT row FROM "+s.pointsTable()+" WHERE id = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	for _, key := range keys {
		var row int
		switch err := stmt.QueryRowContext(ctx, key[:]).Scan(&row); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, err
		default:
			rows[key] = row
		}
	}
	return rows, nil
}

// deadRows reads which rows no longer count.
func (s *state) deadRows(ctx context.Context, tx *sql.Tx) (bitset, error) {
	if s.dead == 0 {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT block, bits FROM "+s.deadTable())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	bits := make(bitset, (s.rows+7)/8)
	for rows.Next() {
		var block int
		var b []byte
		if err := rows.Scan(&block, &b); err != nil {
			return nil, err
		}
		if at := block * bitBlock; at < len(bits) {
			copy(bits[at:], b)
		}
	}
	return bits, rows.Err()
}
