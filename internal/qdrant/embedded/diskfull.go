package embedded

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// explained puts what people call it before an error that comes from a full
// disk; SQLite's own words are "disk I/O error" at worst.
func (e *Engine) explained(err error) error {
	if !isDiskFull(err) {
		return err
	}
	return fmt.Errorf("no space left on the disk of store %s: %w", e.dir, err)
}

// isDiskFull also knows SQLite's index of its log: it is mapped, and hence a
// file whose room is taken before it is needed.
func isDiskFull(err error) bool {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return true
	}
	fault, ok := errors.AsType[*sqlite.Error](err)
	return ok && (fault.Code()&0xff == sqlite3.SQLITE_FULL || fault.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
}
