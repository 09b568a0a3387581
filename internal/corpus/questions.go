package corpus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/text/unicode/norm"
)

// Question is a query of an evaluation set. Its ID and Text meet the rules of a
// Document's.
type Question struct {
	ID   string
	Text string
	// DocID is the paragraph that a SQuAD question was asked about, "" for a
	// BEIR query, whose relevant documents are in the qrels.
	DocID string
	// Answers are a SQuAD question's answers in NFC; none for a BEIR query.
	Answers []string
	Pos     Position
}

// ReadSQuADQuestions returns the questions of a SQuAD or XQuAD file, which may
// be gzipped, in order. Their position is that of the paragraph. The first
// fault ends the reading.
func ReadSQuADQuestions(path string) ([]Question, error) {
	return collect(path, func(src *source, add func(Question) error) error {
		for p, err := range paragraphs(src) {
			if err != nil {
				return err
			}
			asked, err := p.questions()
			if err != nil {
				return &RecordError{Pos: p.pos, Err: fmt.Errorf("paragraph %s: %w", p.id, err)}
			}
			for _, q := range asked {
				if err := add(q); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// ReadQueries returns the queries of a BEIR queries.jsonl, which may be
// gzipped, in order: one object a line with _id and text, other keys ignored.
// The first fault ends the reading.
func ReadQueries(path string) ([]Question, error) {
	return collect(path, func(src *source, add func(Question) error) error {
		for r, err := range rows(src) {
			if err != nil {
				return err
			}
			q, err := r.question("_id", "text")
			if err != nil {
				return &RecordError{Pos: r.pos, Err: err}
			}
			q.Pos = r.pos
			if err := add(q); err != nil {
				return err
			}
		}
		return nil
	})
}

// collect opens a file and gathers the valid questions that read adds.
func collect(path string, read func(src *source, add func(Question) error) error) ([]Question, error) {
	src, err := open(context.Background(), path, Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var all []Question
	seen := make(map[string]Position)
	err = read(src, func(q Question) error {
		var err error
		if err = checkID(q.ID); err == nil {
			if q.Text, err = cleanText("question", q.Text); err != nil {
				err = fmt.Errorf("question %s: %w", quote(q.ID), err)
			}
		}
		if first, twice := seen[q.ID]; err == nil && twice {
			err = fmt.Errorf("question %s: duplicate id, first seen at %s", quote(q.ID), first)
		}
		if err != nil {
			return &RecordError{Pos: q.Pos, Err: err}
		}
		seen[q.ID] = q.Pos
		all = append(all, q)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (o object) question(id, text string) (Question, error) {
	q, idErr := o.id(id)
	asked, textErr := o.text(text)
	return Question{ID: q, Text: asked}, cmp.Or(idErr, textErr)
}

func (p paragraph) questions() ([]Question, error) {
	o, err := parseObject(p.raw)
	if err != nil {
		return nil, err
	}
	var asked []object
	if err := json.Unmarshal(o["qas"], &asked); err != nil {
		return nil, errors.New(`"qas" is not an array of JSON objects`)
	}
	all := make([]Question, len(asked))
	for i, a := range asked {
		q, err := a.question("id", "question")
		if err != nil {
			return nil, fmt.Errorf("question %d: %w", i, err)
		}
		if q.Answers, err = a.answers(); err != nil {
			return nil, fmt.Errorf("question %s: %w", quote(q.ID), err)
		}
		q.DocID, q.Pos = p.id, p.pos
		all[i] = q
	}
	return all, nil
}

// answers returns the texts of "answers"; a question without an answer may lack it.
func (o object) answers() ([]string, error) {
	var given []object
	if raw, ok := o["answers"]; ok {
		if err := json.Unmarshal(raw, &given); err != nil {
			return nil, errors.New(`"answers" is not an array of JSON objects`)
		}
	}
	var all []string
	for _, a := range given {
		text, err := a.text("text")
		if err != nil {
			return nil, err
		}
		all = append(all, norm.NFC.String(text))
	}
	return all, nil
}
