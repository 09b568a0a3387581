package corpus

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

const bufferBytes = 64 << 10

// source is one opened input: its bytes, decompressed and without a byte-order
// mark.
type source struct {
	name string
	*bufio.Reader
	file *os.File // nil for standard input, which is not ours to close
}

// open opens a path, where "-" is stdin. Reads end when ctx does; one that
// already blocks, on a terminal or a pipe, ends with its next byte.
func open(ctx context.Context, path string, opts Options) (*source, error) {
	src := &source{name: path}
	raw := opts.Stdin
	if path == "-" {
		src.name = "<stdin>"
		if raw == nil {
			return nil, errors.New(`no standard input to read "-" from`)
		}
	} else {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open input: %w", err)
		}
		raw, src.file = file, file
	}
	if err := src.decode(watchedReader{ctx, raw, opts.OnRead}); err != nil {
		src.Close()
		return nil, fmt.Errorf("read %s: %w", src.name, err)
	}
	return src, nil
}

func (s *source) decode(raw io.Reader) error {
	s.Reader = bufio.NewReaderSize(raw, bufferBytes)
	magic, err := s.peek(2)
	if err != nil {
		return err
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(s.Reader)
		if err != nil {
			return err
		}
		s.Reader = bufio.NewReaderSize(zip, bufferBytes)
	}
	mark, err := s.peek(3)
	if err != nil {
		return err
	}
	switch {
	case bytes.Equal(mark, []byte("\uFEFF")):
		_, err = s.Discard(len(mark))
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		err = errors.New("the text is UTF-16: convert it with iconv -f UTF-16 -t UTF-8")
	}
	return err
}

// peek returns up to n of the next bytes: fewer where the input ends.
func (s *source) peek(n int) ([]byte, error) {
	next, err := s.Peek(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return next, err
}

func (s *source) Close() {
	if s.file != nil {
		_ = s.file.Close() // only read from: nothing can be lost
	}
}

// watchedReader ends with its context and tells how much was read.
type watchedReader struct {
	ctx    context.Context
	r      io.Reader
	onRead func(bytes int)
}

func (w watchedReader) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.r.Read(p)
	if w.onRead != nil {
		w.onRead(n)
	}
	return n, err
}

// errLineTooLong says that a line was passed over because of its length.
var errLineTooLong = fmt.Errorf("the line is over %d MiB", maxLineBytes>>20)

// lines splits a source into lines.
type lines struct {
	src *source
	n   int // of the line that next returned, from 1
	buf []byte
}

// next returns the next line without its line end, valid until the next call.
// It returns io.EOF after the last line, and a *RecordError for one that is too
// long, after which it can be called again. What precedes any other error is
// lost: a line cut off by a broken input is no record.
func (l *lines) next() ([]byte, error) {
	line, err := l.src.ReadSlice('\n')
	if len(line) == 0 && errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	l.n++
	tooLong := false
	if errors.Is(err, bufio.ErrBufferFull) {
		l.buf = append(l.buf[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = l.src.ReadSlice('\n')
			if tooLong = tooLong || len(l.buf)+len(line) > maxLineBytes; !tooLong {
				l.buf = append(l.buf, line...)
			}
		}
		line = l.buf
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", l.pos(), err)
	}
	if tooLong {
		l.buf = nil
		return nil, &RecordError{Pos: l.pos(), Err: errLineTooLong}
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

func (l *lines) pos() Position { return Position{File: l.src.name, Line: l.n} }
