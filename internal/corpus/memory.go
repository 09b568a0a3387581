package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// Check yields documents that come from a program instead of a file, by the
// rules that Read holds for every document; their metadata may be whatever
// encodes to a JSON object. What breaks a rule ends the sequence with a
// *RecordError, whose line is the document's place in it. language is that of
// documents that name none; empty: each must.
func Check(language string, docs iter.Seq2[Document, error]) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		rules, err := newRules("")
		if err != nil {
			yield(Document{}, err)
			return
		}
		place := 0
		for d, err := range docs {
			if err != nil {
				yield(Document{}, err)
				return
			}
			place++
			d.Pos = Position{File: "documents", Line: place}
			if d.Lang == "" {
				d.Lang = language
			}
			if d.Metadata, err = asJSON(d.Metadata); err == nil && d.Lang == "" {
				err = errors.New("it has no language")
			}
			if err != nil {
				err = &RecordError{Pos: d.Pos, Err: fmt.Errorf("document %s: %w", quote(d.ID), err)}
			} else {
				err = rules.apply(&d)
			}
			if err != nil {
				yield(Document{}, err)
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// asJSON returns metadata as if it had been read from a file.
func asJSON(metadata map[string]any) (map[string]any, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return nil, errors.New("the metadata cannot be written as JSON")
	}
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	return o.metadata("metadata")
}
