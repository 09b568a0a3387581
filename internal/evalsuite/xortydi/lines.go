package xortydi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// open returns r without gzip, which is recognised by its first bytes, and
// without a byte order mark.
func open(r io.Reader, name string) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	if head, _ := buffered.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		buffered = bufio.NewReaderSize(unzipped, 1<<16)
	}
	if mark, _ := buffered.Peek(3); string(mark) == "\uFEFF" {
		_, _ = buffered.Discard(3) // it was peeked at
	}
	return buffered, nil
}

// eachLine calls handle with the number and the text of each line that is not
// blank, until it returns an error; that of errStop ends the reading without one.
func eachLine(r io.Reader, name string, handle func(number int, line string) error) error {
	in, err := open(r, name)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLineBytes)
	number := 0
	for lines.Scan() {
		number++
		line := lines.Text()
		if strings.TrimSpace(line) == "" {
			continue
		}
		err := handle(number, line)
		if err == nil && !utf8.ValidString(line) {
			err = errors.New("it is not valid UTF-8")
		}
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s:%d: the line is longer than %d bytes: is this the right file?", name, number+1, maxLineBytes)
	case err != nil:
		return fmt.Errorf("%s:%d: read: %w", name, number+1, err)
	}
	return nil
}

// errStop says that nobody wants to hear more.
var errStop = errors.New("stop")

func checkID(what, id string) error {
	switch {
	case strings.TrimSpace(id) == "":
		return fmt.Errorf("%s is missing", what)
	case len(id) > maxIDBytes:
		return fmt.Errorf("%s has %d bytes, want at most %d", what, len(id), maxIDBytes)
	}
	return nil
}
