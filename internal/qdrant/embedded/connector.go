package embedded

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// connector makes the catalog's connections.
type connector struct {
	driver *sqlite.Driver
	dsn    string
}

// Connect keeps SQLite from deleting the write-ahead log and its index when the
// last connection closes: to make them anew takes room, and reading must work
// on a full disk.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	control, ok := conn.(sqlite.FileControl)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver has no file control"), conn.Close())
	}
	if _, err := control.FileControlPersistWAL("main", 1); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (c connector) Driver() driver.Driver { return c.driver }
