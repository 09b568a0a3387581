package trec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

const maxLine = 1 << 20

// byteOrderMark in an id would make it differ from the same id elsewhere, and
// nobody would see why.
const byteOrderMark = "\ufeff"

// isSpace holds for what trec_eval takes for the end of a column. Other Unicode
// spaces belong to ids.
func isSpace(r rune) bool { return strings.ContainsRune(" \t\r\n\v\f", r) }

// eachLine calls handle with the columns of each line of r that is not blank.
// layout names the columns that every line must have. name is the file's, for
// errors.
func eachLine(r io.Reader, name, layout string, handle func(columns []string) error) error {
	want := len(strings.Fields(layout))
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	number, handled := 0, 0
	for lines.Scan() {
		number++
		columns := strings.FieldsFunc(lines.Text(), isSpace)
		if len(columns) == 0 {
			continue
		}
		if len(columns) != want {
			return fmt.Errorf("%s:%d: the line has %d columns, want %d: %s", name, number, len(columns), want, layout)
		}
		if strings.Contains(lines.Text(), byteOrderMark) {
			return fmt.Errorf("%s:%d: the line holds a byte order mark: save the file as UTF-8 without one", name, number)
		}
		if err := handle(columns); err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		handled++
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %d bytes: is this the right file?", name, number+1, maxLine)
	} else if err != nil {
		return fmt.Errorf("%s:%d: read: %w", name, number+1, err)
	}
	if handled == 0 {
		return fmt.Errorf("%s: the file has no lines, want lines of %s", name, layout)
	}
	return nil
}

// checkColumn returns an error where text cannot stand in a column and be read
// back as it is.
func checkColumn(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s is empty: a TREC file cannot hold it", what)
	case strings.ContainsFunc(text, isSpace):
		return fmt.Errorf("%s %.120q holds white space: a TREC file cannot hold it", what, text)
	case strings.Contains(text, byteOrderMark):
		return fmt.Errorf("%s %.120q holds a byte order mark: remove it", what, text)
	case len(text) > maxLine/8:
		return fmt.Errorf("%s %.120q is %d bytes long: a TREC file cannot hold it", what, text, len(text))
	}
	return nil
}
