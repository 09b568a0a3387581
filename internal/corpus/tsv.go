package corpus

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// tsv reads tab-separated lines without quoting, as BEIR and MS MARCO have them.
type tsv struct {
	lines
	header []string
}

// newTSV reads the header. Without one nothing can be read.
func newTSV(src *source) (*tsv, error) {
	t := &tsv{lines: lines{src: src}}
	line, err := t.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty: want a header line that names the columns, separated by tabs", src.name)
	}
	if err == nil {
		err = checkUTF8(line)
	}
	if err != nil {
		return nil, t.headerError("%w", err)
	}
	t.header = strings.Split(string(line), "\t")
	for i, name := range t.header {
		if strings.TrimSpace(name) == "" {
			return nil, t.headerError("column %d has no name", i+1)
		}
		if slices.Contains(t.header[:i], name) {
			return nil, t.headerError("column %s is there twice", quote(name))
		}
	}
	return t, nil
}

// headerError is no *RecordError: no record can be read without the header.
func (t *tsv) headerError(format string, args ...any) error {
	return fmt.Errorf("%s: header line: %w", Position{t.src.name, 1}, fmt.Errorf(format, args...))
}

// records yields the cells of each line that is not empty, as many as the
// header has.
func (t *tsv) records() iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for {
			line, err := t.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var cells []string
			if err == nil {
				if len(line) == 0 {
					continue
				}
				if cells, err = t.split(line); err != nil {
					err = &RecordError{Pos: t.pos(), Err: err}
				}
			}
			if !yield(cells, err) || !skippable(err) {
				return
			}
		}
	}
}

func (t *tsv) split(line []byte) ([]string, error) {
	if err := checkUTF8(line); err != nil {
		return nil, err
	}
	cells := strings.Split(string(line), "\t")
	if len(cells) != len(t.header) {
		return nil, fmt.Errorf("%d columns, but the header has %d: a tab separates even within quotes", len(cells), len(t.header))
	}
	return cells, nil
}

func readTSV(src *source) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		t, err := newTSV(src)
		if err == nil {
			err = t.checkColumns()
		}
		if err != nil {
			yield(Document{}, err)
			return
		}
		for cells, err := range t.records() {
			if !yield(t.document(cells), err) {
				return
			}
		}
	}
}

func (t *tsv) checkColumns() error {
	switch plain, underscored := slices.Contains(t.header, "id"), slices.Contains(t.header, "_id"); {
	case plain && underscored:
		return t.headerError(`both "id" and "_id" are there: keep one`)
	case !plain && !underscored:
		return t.headerError(`no column "id": want the columns id and text, and optionally title and lang`)
	case !slices.Contains(t.header, "text"):
		return t.headerError(`no column "text": want the columns id and text, and optionally title and lang`)
	}
	return nil
}

// document fills a document from the cells of one line; none make an empty one.
func (t *tsv) document(cells []string) Document {
	d := Document{Pos: t.pos()}
	for i, cell := range cells {
		switch name := t.header[i]; name {
		case "id", "_id":
			d.ID = cell
		case "title":
			d.Title = cell
		case "text":
			d.Text = cell
		case "lang":
			d.Lang = cell
		default:
			if d.Metadata == nil {
				d.Metadata = make(map[string]any)
			}
			d.Metadata[name] = cell
		}
	}
	return d
}
