package generate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/query-synergy/query-synergy/internal/augment"
)

const (
	// syncEvery is how many appends may be lost to a power cut.
	syncEvery = 32
	// maxRowBytes is the most that a torn last row can have.
	maxRowBytes = 1 << 20
)

// Journal is a file of generated queries that grows. Each Append adds whole rows
// with one write, so that a killed process leaves at most its last row torn,
// which opening drops. It is opened for one Run, and by one process at a time.
type Journal struct {
	path     string
	file     *os.File
	present  map[place][]string
	models   map[string]int // to the first row
	prompts  map[string]int
	unsynced int
}

// OpenJournal opens the journal at path, or begins it. Its rows are checked as
// augment.Read does it: it may also be a file that was made elsewhere.
func OpenJournal(path string) (*Journal, error) {
	fail := func(err error) (*Journal, error) { return nil, fmt.Errorf("open journal of queries: %w", err) }
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // what it holds goes with the corpus, and is shared as such
	if err != nil {
		return fail(err)
	}
	j := &Journal{path: path, file: file, present: map[place][]string{}, models: map[string]int{}, prompts: map[string]int{}}
	if err := j.load(); err != nil {
		return fail(errors.Join(err, file.Close()))
	}
	return j, nil
}

// load reads the rows, drops a torn last one and leaves the file at its end.
func (j *Journal) load() error {
	if err := unix.Flock(int(j.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%s: another process writes to it: %w", j.path, err)
	}
	end, last, err := j.lastLine()
	if err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	whole := false
	if len(last) > 0 {
		_, err := augment.Parse(string(last), nil)
		if whole = err == nil; !whole && !tornRow(last) {
			return fmt.Errorf("%s: its last line is no row of a journal: %w", j.path, err)
		}
	}
	length := end
	if !whole {
		length -= int64(len(last))
	}
	rows, err := augment.Read(j.path, io.NewSectionReader(j.file, 0, length), nil)
	if err != nil {
		return err
	}
	for i, q := range rows {
		at := place{q.DocID, q.Chunk, q.Lang}
		j.present[at] = append(j.present[at], q.Text)
		if _, known := j.models[q.Model]; !known {
			j.models[q.Model] = i + 1
		}
		if _, known := j.prompts[q.Prompt]; !known {
			j.prompts[q.Prompt] = i + 1
		}
	}
	if err := j.file.Truncate(length); err != nil {
		return err
	}
	if _, err := j.file.Seek(length, io.SeekStart); err != nil {
		return err
	}
	if whole {
		_, err = j.file.WriteString("\n")
	}
	return err
}

// lastLine returns the file's length and what follows its last line end.
func (j *Journal) lastLine() (end int64, line []byte, err error) {
	if end, err = j.file.Seek(0, io.SeekEnd); err != nil {
		return 0, nil, err
	}
	line = make([]byte, min(end, maxRowBytes))
	if _, err := j.file.ReadAt(line, end-int64(len(line))); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, err
	}
	return end, line[bytes.LastIndexByte(line, '\n')+1:], nil
}

// tornRow says whether a line is the beginning of a row that Append wrote, and
// not of somebody's notes.
func tornRow(line []byte) bool {
	begin := []byte(`{"doc_id":`)
	n := min(len(line), len(begin))
	return bytes.Equal(line[:n], begin[:n]) && !json.Valid(line)
}

// admit refuses rows of another model or prompt. Rows that name none, from
// elsewhere, may stay.
func (j *Journal) admit(model, prompt string) error {
	for _, c := range []struct {
		what, want string
		found      map[string]int
	}{{"model", model, j.models}, {"prompt", prompt, j.prompts}} {
		for _, name := range slices.Sorted(maps.Keys(c.found)) {
			if name != "" && name != c.want {
				return fmt.Errorf("journal of queries %s: its row %d is from %s %.80q, and this run's is %.80q: give another file",
					j.path, c.found[name], c.what, name, c.want)
			}
		}
	}
	return nil
}

// texts returns the queries that were there when the journal was opened.
func (j *Journal) texts(at place) []string { return j.present[at] }

// Append adds queries as rows.
func (j *Journal) Append(queries []augment.Query) error {
	if len(queries) == 0 {
		return nil
	}
	var rows []byte
	for _, q := range queries {
		rows = q.Append(rows)
	}
	if _, err := j.file.Write(rows); err != nil {
		return fmt.Errorf("write journal of queries: %w", err)
	}
	if j.unsynced++; j.unsynced < syncEvery {
		return nil
	}
	return j.Sync()
}

// Sync returns once what was appended is on the disk.
func (j *Journal) Sync() error {
	if j.unsynced == 0 {
		return nil
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync journal of queries: %w", err)
	}
	j.unsynced = 0
	return nil
}

// Close syncs and releases the file.
func (j *Journal) Close() error {
	if err := errors.Join(j.Sync(), j.file.Close()); err != nil {
		return fmt.Errorf("close journal of queries: %w", err)
	}
	return nil
}
