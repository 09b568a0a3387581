package dump

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// LineError is a fault of one line of a file.
type LineError struct {
	File string
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// ReadHeader returns the header of a file.
func ReadHeader(path string) (Header, error) {
	file, err := os.Open(path)
	if err != nil {
		return Header{}, fmt.Errorf("open the file of an index: %w", err)
	}
	defer file.Close()
	lines, err := newLines(path, file)
	if err != nil {
		return Header{}, err
	}
	return lines.header()
}

// Read yields the passages of a file in the order of their ids. Gzip is
// recognised by its first bytes. The error, if any, comes last: a *LineError for
// a line that is wrong, also for a file that was cut off.
func Read(ctx context.Context, path string) iter.Seq2[qdrant.Point, error] {
	return func(yield func(qdrant.Point, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(qdrant.Point{}, fmt.Errorf("open the file of an index: %w", err))
			return
		}
		defer file.Close()
		read(ctx, path, file)(yield)
	}
}

func read(ctx context.Context, name string, r io.Reader) iter.Seq2[qdrant.Point, error] {
	return func(yield func(qdrant.Point, error) bool) {
		lines, err := newLines(name, r)
		if err != nil {
			yield(qdrant.Point{}, err)
			return
		}
		h, err := lines.header()
		if err != nil {
			yield(qdrant.Point{}, err)
			return
		}
		last, n := "", 0
		for {
			if err := context.Cause(ctx); err != nil {
				yield(qdrant.Point{}, err)
				return
			}
			raw, err := lines.next()
			if errors.Is(err, io.EOF) {
				err = lines.fault(errors.New("the file was cut off: its last line, with the number of passages, is missing"))
			}
			if err != nil {
				yield(qdrant.Point{}, err)
				return
			}
			if e, ok := parseEnd(raw); ok {
				if err := lines.finish(e, n); err != nil {
					yield(qdrant.Point{}, err)
				}
				return
			}
			point, err := parsePoint(h, raw, last)
			if err != nil {
				yield(qdrant.Point{}, lines.fault(err))
				return
			}
			last = point.ID
			n++
			if !yield(point, nil) {
				return
			}
		}
	}
}

// lines reads a file line by line.
type lines struct {
	name string
	r    *bufio.Reader
	line int       // of the last one read
	sum  hash.Hash // of all lines before that
	last []byte    // the last one, with its end
}

func newLines(name string, r io.Reader) (*lines, error) {
	l := &lines{name: name, r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	magic, err := l.r.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(l.r)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		l.r = bufio.NewReaderSize(zip, 1<<16)
	}
	return l, nil
}

func (l *lines) fault(err error) error { return &LineError{File: l.name, Line: l.line, Err: err} }

// next returns the next line without its end, io.EOF where there is none. A last
// line without an end counts as cut off.
func (l *lines) next() ([]byte, error) {
	raw, err := readLine(l.r)
	l.line++
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, l.fault(err)
	}
	if err != nil {
		return nil, io.EOF
	}
	l.sum.Write(l.last)
	l.last = raw
	return bytes.TrimSuffix(raw[:len(raw)-1], []byte("\r")), nil
}

var errLongLine = fmt.Errorf("the line has more than %d bytes", maxLineBytes)

// readLine returns a line with its end, io.EOF where none is whole.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLineBytes {
			return nil, errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (l *lines) header() (Header, error) {
	raw, err := l.next()
	if errors.Is(err, io.EOF) {
		raw, err = nil, nil
	}
	if err != nil {
		return Header{}, err
	}
	h, err := parseHeader(raw)
	if err != nil {
		return Header{}, l.fault(err)
	}
	return h, nil
}

// finish checks the last line, which tells of those before.
func (l *lines) finish(e end, passages int) error {
	sum := hex.EncodeToString(l.sum.Sum(nil))
	if e.Passages != passages {
		return l.fault(fmt.Errorf("the file holds %d passages, and says that it has %d", passages, e.Passages))
	}
	if e.SHA256 != "" && e.SHA256 != sum {
		return l.fault(fmt.Errorf("the lines before were changed: their SHA-256 is %s, and should be %s (leave it out of a file that you changed yourself)", sum, e.SHA256))
	}
	switch _, err := l.next(); {
	case err == nil:
		return l.fault(errors.New("the last line is followed by another"))
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
