package anchor

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// Limits of a file of translations, which is held in memory.
const (
	maxFileBytes = 256 << 20
	maxLineBytes = 1 << 20
)

// File is a file of translations.
type File struct {
	name string
	rows map[fileKey][]fileRow
}

// fileKey names a query, by its id or by its text.
type fileKey struct {
	byID bool
	name string
}

// fileRow is one translation. An empty from or to stands for any language.
type fileRow struct {
	from, to string
	text     string
	line     int
}

// record is a line of the file.
type record struct {
	id, source, from, to, translation string
}

// OpenFile reads the file of translations at path. See ReadFile.
func OpenFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read translations: %w", err)
	}
	defer f.Close()
	return ReadFile(path, f)
}

// ReadFile reads translations, up to 256 MiB of them, in one of two forms:
//
//   - JSON Lines: "translation" or "text" is the anchor query, "source" the
//     query that it translates or "id" that query's id, "lang" or "from" the
//     source's language, "target" or "to" the anchor's. Other fields are
//     ignored.
//   - tab-separated values under a line of column names: translation, source
//     and, optionally, id, from and to, with the same meaning.
//
// A row without a language serves all. Two rows that answer the same query
// differently are an error: nothing would say which is meant.
func ReadFile(name string, r io.Reader) (*File, error) {
	file := &File{name: filepath.Base(name), rows: map[fileKey][]fileRow{}}
	limited := &io.LimitedReader{R: r, N: maxFileBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLineBytes)
	var parse func(line string) (record, error)
	at := 0
	for lines.Scan() {
		at++
		line := lines.Text()
		if at == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		var row record
		var err error
		switch {
		case !utf8.ValidString(line):
			err = errors.New("it is not valid UTF-8")
		case parse == nil && !strings.HasPrefix(line, "{"):
			parse, err = tsvParser(line)
		default:
			if parse == nil {
				parse = parseJSON
			}
			if row, err = parse(line); err == nil {
				err = file.add(row, at)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("read translations: %s:%d: %w", name, at, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("read translations: %s:%d: the line is longer than %d bytes", name, at+1, maxLineBytes)
	case err != nil:
		return nil, fmt.Errorf("read translations: %s: %w", name, err)
	case limited.N == 0:
		return nil, fmt.Errorf("read translations: %s: the file is larger than %d MiB", name, maxFileBytes>>20)
	case len(file.rows) == 0:
		return nil, fmt.Errorf("read translations: %s: it holds none", name)
	}
	return file, nil
}

// parseJSON reads a line of JSON.
func parseJSON(line string) (record, error) {
	var fields struct {
		ID          string `json:"id"`
		Source      string `json:"source"`
		Text        string `json:"text"`
		Translation string `json:"translation"`
		Lang        string `json:"lang"`
		From        string `json:"from"`
		Target      string `json:"target"`
		To          string `json:"to"`
	}
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return record{}, fmt.Errorf("it is not a JSON object of texts: %w", err)
	}
	translation, err := either("translation", fields.Translation, "text", fields.Text)
	from, fromErr := either("from", fields.From, "lang", fields.Lang)
	to, toErr := either("to", fields.To, "target", fields.Target)
	if err := errors.Join(err, fromErr, toErr); err != nil {
		return record{}, err
	}
	return record{id: fields.ID, source: fields.Source, from: from, to: to, translation: translation}, nil
}

// either returns the value of a field that has two names.
func either(name, value, alias, other string) (string, error) {
	if value != "" && other != "" && value != other {
		return "", fmt.Errorf("%q and %q mean the same here and differ", name, alias)
	}
	return cmp.Or(value, other), nil
}

// tsvParser returns the parser for the lines under a line of column names.
func tsvParser(header string) (func(string) (record, error), error) {
	names := strings.Split(strings.TrimRight(header, "\r"), "\t")
	columns := map[string]int{}
	for i, name := range names {
		switch name {
		case "id", "source", "translation", "from", "to":
		default:
			return nil, fmt.Errorf("%q is no column: want source and translation, and optionally id, from and to, between tabs", excerpt(name))
		}
		if _, twice := columns[name]; twice {
			return nil, fmt.Errorf("the column %s stands twice", name)
		}
		columns[name] = i
	}
	return func(line string) (record, error) {
		cells := strings.Split(strings.TrimRight(line, "\r"), "\t")
		if len(cells) != len(names) {
			return record{}, fmt.Errorf("it has %d columns, the heading has %d", len(cells), len(names))
		}
		cell := func(name string) string {
			if i, ok := columns[name]; ok {
				return cells[i]
			}
			return ""
		}
		return record{
			id: cell("id"), source: cell("source"), translation: cell("translation"),
			from: cell("from"), to: cell("to"),
		}, nil
	}, nil
}

// add checks a record and files it under its id and its source.
func (f *File) add(r record, line int) error {
	row := fileRow{text: tidy(r.translation), line: line}
	if row.text == "" {
		return errors.New("the translation is missing")
	}
	var fromErr, toErr error
	row.from, fromErr = parseOptional(r.from)
	row.to, toErr = parseOptional(r.to)
	if err := errors.Join(fromErr, toErr); err != nil {
		return err
	}
	keys := keysOf(r.id, r.source)
	if len(keys) == 0 {
		return errors.New("it has neither an id nor a source query")
	}
	for _, key := range keys {
		known := false
		for _, other := range f.rows[key] {
			if !overlap(row.from, other.from) || !overlap(row.to, other.to) {
				continue
			}
			if other.text != row.text {
				return fmt.Errorf("%q is translated otherwise on line %d", excerpt(key.name), other.line)
			}
			known = known || other.from == row.from && other.to == row.to
		}
		if !known {
			f.rows[key] = append(f.rows[key], row)
		}
	}
	return nil
}

func parseOptional(tag string) (string, error) {
	if tag == "" {
		return "", nil
	}
	return lang.Parse(tag)
}

// keysOf returns what a query is filed under, what identifies it best first.
func keysOf(id, source string) []fileKey {
	var keys []fileKey
	if id != "" {
		keys = append(keys, fileKey{byID: true, name: id})
	}
	if source = tidy(source); source != "" {
		keys = append(keys, fileKey{name: source})
	}
	return keys
}

// overlap says whether two languages, "" being any, may be the same.
func overlap(a, b string) bool {
	return a == "" || b == "" || a == b || lang.Base(a) == lang.Base(b)
}

// Translate looks the query up by its id, then by its text.
func (f *File) Translate(_ context.Context, request Request) (Anchor, error) {
	for _, key := range keysOf(request.ID, request.Text) {
		for _, row := range f.rows[key] {
			if overlap(row.from, request.From) && overlap(row.to, request.To) {
				return Anchor{Text: row.text, Lang: request.To, Origin: OriginFile + f.name}, nil
			}
		}
	}
	return Anchor{}, fmt.Errorf("%w from %s to %s of %q in %s",
		ErrNoTranslation, request.From, request.To, excerpt(request.Text), f.name)
}
