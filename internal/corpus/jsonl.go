package corpus

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"iter"
)

// row is one JSON object of a line-by-line file.
type row struct {
	object
	pos Position
}

// rows yields the object of each line that is not blank.
func rows(src *source) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for l := (lines{src: src}); ; {
			line, err := l.next()
			if errors.Is(err, io.EOF) {
				return
			}
			r := row{pos: l.pos()}
			if err == nil {
				if len(bytes.TrimSpace(line)) == 0 {
					continue
				}
				if r.object, err = parseObject(line); err != nil {
					err = &RecordError{Pos: r.pos, Err: err}
				}
			}
			if !yield(r, err) || !skippable(err) {
				return
			}
		}
	}
}

// skippable says whether the records after err can still be read.
func skippable(err error) bool {
	_, bad := errors.AsType[*RecordError](err)
	return err == nil || bad
}

func readJSONL(src *source) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for r, err := range rows(src) {
			var d Document
			if err == nil {
				if d, err = r.document(); err != nil {
					err = &RecordError{Pos: r.pos, Err: err}
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func (r row) document() (Document, error) {
	id, idErr := r.id("_id")
	title, titleErr := r.text("title")
	text, textErr := r.text("text")
	tag, tagErr := r.text("lang")
	metadata, metadataErr := r.metadata("metadata")
	d := Document{ID: id, Lang: tag, Title: title, Text: text, Metadata: metadata, Pos: r.pos}
	return d, cmp.Or(idErr, titleErr, textErr, tagErr, metadataErr)
}
