package corpus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Question is a query of an evaluation set. Its ID and Text meet the rules of a
// Document's.
type Question struct {
	ID   string
	Text string
	// Aliases are the ids of further questions of the file with the same text,
	// which this one stands for.
	Aliases []string
	// DocIDs are the relevant documents, the first of them also as DocID. A BEIR
	// query has none: they are in the qrels.
	DocIDs []string
	DocID  string
	// Answers are the texts that answer the question, in NFC and not blank; none
	// for a BEIR query.
	Answers []string
	Pos     Position
}

// ReadSQuADQuestions returns the questions of a SQuAD or XQuAD file, which may
// be gzipped, in order. Relevant is the paragraph that a question was asked
// about, and the position is that paragraph's. The first fault ends the reading.
func ReadSQuADQuestions(path string) ([]Question, error) {
	return paragraphQuestions(path, func(p paragraph) ([]Question, error) {
		o, err := parseObject(p.raw)
		if err != nil {
			return nil, err
		}
		return p.questions(o, func(q *Question, _ []object) error {
			q.DocID, q.DocIDs = p.id, []string{p.id}
			return nil
		})
	})
}

// paragraphQuestions collects what ask finds in each paragraph of a file.
func paragraphQuestions(path string, ask func(paragraph) ([]Question, error)) ([]Question, error) {
	return collect(path, func(src *source, add func(Question) error) error {
		for p, err := range paragraphs(src) {
			if err != nil {
				return err
			}
			asked, err := ask(p)
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

// questions returns the questions of a paragraph, decoded as o. locate sets
// which documents are relevant.
func (p paragraph) questions(o object, locate func(q *Question, answers []object) error) ([]Question, error) {
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
		var given []object
		if q.Answers, given, err = a.answers(); err == nil {
			err = locate(&q, given)
		}
		if err != nil {
			return nil, fmt.Errorf("question %s: %w", quote(q.ID), err)
		}
		q.Pos = p.pos
		all[i] = q
	}
	return all, nil
}

// answers returns "answers" and their texts; a question without an answer may
// lack it.
func (o object) answers() ([]string, []object, error) {
	var given []object
	if raw, ok := o["answers"]; ok {
		if err := json.Unmarshal(raw, &given); err != nil {
			return nil, nil, errors.New(`"answers" is not an array of JSON objects`)
		}
	}
	var all []string
	for _, a := range given {
		text, err := a.text("text")
		if err == nil {
			text, err = cleanText("answer", text)
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, text)
	}
	return all, given, nil
}
