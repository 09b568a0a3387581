package corpus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Judgement says how relevant a document is for a query.
type Judgement struct {
	Query, Doc string
	Grade      int
	Pos        Position
}

// beirHeader is the first line of BEIR's qrels.
const beirHeader = "query-id\tcorpus-id\tscore"

var errQrelsLayout = errors.New(
	"want BEIR's header query-id, corpus-id, score, separated by tabs, or TREC's lines of query, 0, document, grade")

// ReadJudgements returns the judgements of a qrels file, which may be gzipped,
// in order. BEIR's begin with a header and are tab-separated; TREC's have no
// header and four columns, of which the second may be anything. The first fault
// ends the reading; a document judged twice for a query is one, and so is a file
// without judgements.
func ReadJudgements(path string) ([]Judgement, error) {
	src, err := open(context.Background(), path, Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	q := qrels{seen: make(map[digest]Position)}
	start, err := src.peek(len(beirHeader))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", src.name, err)
	}
	read := q.readTREC
	if bytes.Equal(start, []byte(beirHeader)) {
		read = q.readBEIR
	}
	if err := read(src); err != nil {
		return nil, err
	}
	if len(q.all) == 0 {
		return nil, fmt.Errorf("%s has no judgement: %w", src.name, errQrelsLayout)
	}
	return q.all, nil
}

// qrels are the judgements read so far.
type qrels struct {
	all  []Judgement
	seen map[digest]Position
}

func (q *qrels) readBEIR(src *source) error {
	t, err := newTSV(src)
	if err != nil {
		return err
	}
	if !slices.Equal(t.header, strings.Split(beirHeader, "\t")) {
		return &RecordError{Pos: t.pos(), Err: errQrelsLayout}
	}
	for cells, err := range t.records() {
		if err != nil {
			return err
		}
		if err := q.add(cells[0], cells[1], cells[2], t.pos()); err != nil {
			return err
		}
	}
	return nil
}

func (q *qrels) readTREC(src *source) error {
	for l := (lines{src: src}); ; {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := checkUTF8(line); err != nil {
			return &RecordError{Pos: l.pos(), Err: err}
		}
		// Other Unicode spaces belong to ids.
		columns := strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(" \t\v\f\r", r) })
		if len(columns) == 0 {
			continue
		}
		if len(columns) != 4 {
			err := errQrelsLayout
			if len(q.all) > 0 {
				err = fmt.Errorf("%d columns, want 4: query, 0, document, grade", len(columns))
			}
			return &RecordError{Pos: l.pos(), Err: err}
		}
		if err := q.add(columns[0], columns[2], columns[3], l.pos()); err != nil {
			return err
		}
	}
}

func (q *qrels) add(query, doc, grade string, pos Position) error {
	j := Judgement{Query: query, Doc: doc, Pos: pos}
	err := q.check(&j, grade)
	if err != nil {
		return &RecordError{Pos: pos, Err: err}
	}
	q.all = append(q.all, j)
	return nil
}

func (q *qrels) check(j *Judgement, grade string) error {
	if err := checkID(j.Query); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if err := checkID(j.Doc); err != nil {
		return fmt.Errorf("document: %w", err)
	}
	var err error
	if j.Grade, err = strconv.Atoi(grade); err != nil {
		return fmt.Errorf("grade %s is not an integer", quote(grade))
	}
	key := digestOf(j.Query, j.Doc)
	if first, twice := q.seen[key]; twice {
		return fmt.Errorf("query %s and document %s are judged twice, first at %s", quote(j.Query), quote(j.Doc), first)
	}
	q.seen[key] = j.Pos
	return nil
}
