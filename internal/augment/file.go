package augment

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// Limits of a file of queries, which is held in memory.
const (
	maxFileBytes = 1 << 30
	maxLineBytes = 1 << 20
	maxIDBytes   = 512 // as a document's
)

// record is a line of a file.
type record struct {
	DocID  json.RawMessage `json:"doc_id,omitempty"` // a string, or an integer as it is written
	Doc    *int            `json:"doc,omitempty"`
	Chunk  *int            `json:"chunk,omitempty"`
	Lang   string          `json:"lang"`
	Text   string          `json:"text"`
	Model  string          `json:"model,omitempty"`
	Prompt string          `json:"prompt,omitempty"`
}

// ReadFile reads the file of queries at path. See Read.
func ReadFile(path string, docIDs []string) ([]Query, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read generated queries: %w", err)
	}
	defer f.Close()
	return Read(path, f, docIDs)
}

// Read reads JSON Lines, up to 1 GiB of them, into queries in the order of their
// rows; name stands for the file in errors, which also name the line. Every row
// counts as it is, repeats too; only NFC is applied to the text.
//
// A row has "lang", "text" and either "doc_id" or "doc", the index of a document
// among docIDs, the corpus's documents in file order; "model", "chunk" and
// "prompt" are optional, other fields are ignored. A row without "chunk" belongs
// to every chunk of its document.
func Read(name string, r io.Reader, docIDs []string) ([]Query, error) {
	limited := &io.LimitedReader{R: r, N: maxFileBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLineBytes)
	var queries []Query
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
		q, err := Parse(line, docIDs)
		if err != nil {
			return nil, fmt.Errorf("read generated queries: %s:%d: %w", name, at, err)
		}
		queries = append(queries, q)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("read generated queries: %s:%d: the line is longer than %d bytes", name, at+1, maxLineBytes)
	case err != nil:
		return nil, fmt.Errorf("read generated queries: %s: %w", name, err)
	case limited.N == 0:
		return nil, fmt.Errorf("read generated queries: %s: the file is larger than %d MiB: split it", name, maxFileBytes>>20)
	}
	return queries, nil
}

// Parse reads one line of such a file.
func Parse(line string, docIDs []string) (Query, error) {
	if !utf8.ValidString(line) {
		return Query{}, errors.New("it is not valid UTF-8")
	}
	var row record
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		return Query{}, fmt.Errorf("it is not a JSON object of a generated query: %w", err)
	}
	q := Query{Chunk: EveryChunk, Text: norm.NFC.String(row.Text), Model: row.Model, Prompt: row.Prompt}
	var idErr, langErr, textErr, chunkErr error
	q.DocID, idErr = row.docID(docIDs)
	if row.Chunk != nil {
		if q.Chunk = *row.Chunk; q.Chunk < 0 {
			chunkErr = fmt.Errorf("chunk %d: chunks count from 0", q.Chunk)
		}
	}
	if q.Lang = row.Lang; q.Lang == "" {
		langErr = errors.New(`"lang" is missing`)
	} else {
		q.Lang, langErr = lang.Parse(row.Lang)
	}
	if strings.TrimSpace(q.Text) == "" {
		textErr = errors.New(`"text" is missing or blank`)
	}
	if err := errors.Join(idErr, chunkErr, langErr, textErr); err != nil {
		return Query{}, err
	}
	return q, nil
}

// docID returns the id of a row's document.
func (r record) docID(docIDs []string) (string, error) {
	switch raw := string(r.DocID); {
	case raw == "" || raw == "null":
		if r.Doc == nil {
			return "", errors.New(`it names no document: want "doc_id"`)
		}
		if *r.Doc < 0 || *r.Doc >= len(docIDs) {
			return "", fmt.Errorf(`"doc" is %d, but there are %d documents to count among`, *r.Doc, len(docIDs))
		}
		return docIDs[*r.Doc], nil
	case raw[0] == '"':
		var id string
		if err := json.Unmarshal(r.DocID, &id); err != nil {
			return "", fmt.Errorf(`"doc_id": %w`, err)
		}
		if id == "" || len(id) > maxIDBytes {
			return "", fmt.Errorf(`"doc_id" has %d bytes, want 1 to %d`, len(id), maxIDBytes)
		}
		return id, nil
	case strings.Trim(raw, "-0123456789") == "" && len(raw) <= maxIDBytes:
		return raw, nil
	}
	return "", errors.New(`"doc_id" is neither a string nor an integer`)
}

// Append appends the query's row, with its line end.
func (q Query) Append(to []byte) []byte {
	row := record{Lang: q.Lang, Text: q.Text, Model: q.Model, Prompt: q.Prompt, DocID: encode(q.DocID)}
	if q.Chunk != EveryChunk {
		row.Chunk = &q.Chunk
	}
	return append(append(to, encode(row)...), '\n')
}

// encode leaves <, > and & as they are, for people to read. What it is given
// are texts and numbers, which cannot fail.
func encode(value any) json.RawMessage {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return json.RawMessage(strings.TrimSuffix(text.String(), "\n"))
}
