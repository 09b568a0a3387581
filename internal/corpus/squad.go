package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// paragraph is one paragraph of a SQuAD file, not yet decoded.
type paragraph struct {
	id    string // <article>-<paragraph>, both from 0
	title json.RawMessage
	raw   json.RawMessage
	pos   Position
}

// errStop ends a walk whose caller wants no more.
var errStop = errors.New("stop")

// paragraphs yields the paragraphs of {"data": [{"title", "paragraphs": [...]}]}.
// It holds one article at a time, because the title may come after the
// paragraphs, as it does in XQuAD. A *RecordError passes over an article of
// another shape; any other error ends the sequence, as broken JSON leaves no
// place to go on from.
func paragraphs(src *source) iter.Seq2[paragraph, error] {
	return func(yield func(paragraph, error) bool) {
		w := newWalker(src, Position{File: src.name, Line: 1})
		err := walkArticles(w, func(number int, raw json.RawMessage, pos Position) error {
			found, err := splitArticle(number, raw, pos)
			if err != nil {
				err = &RecordError{Pos: pos, Err: fmt.Errorf("article %d: %w", number, err)}
				if !yield(paragraph{}, err) {
					return errStop
				}
			}
			for _, p := range found {
				if !yield(p, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(paragraph{}, fmt.Errorf("%s: not readable as SQuAD JSON: %w", w.pos(), err))
		}
	}
}

// walkArticles visits the articles of a file, numbered from 0.
func walkArticles(w *walker, visit func(number int, raw json.RawMessage, pos Position) error) error {
	number, found := 0, false
	err := w.object(func(key string) error {
		if key != "data" {
			_, _, err := w.value()
			return err
		}
		found = true
		return w.array(func() error {
			raw, pos, err := w.value()
			if err != nil {
				return err
			}
			number++
			return visit(number-1, raw, pos)
		})
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New(`there is no "data"`)
	}
	return w.end()
}

// splitArticle returns the paragraphs of an article, which is well-formed JSON;
// none, if it does not have the shape of one.
func splitArticle(number int, raw json.RawMessage, pos Position) ([]paragraph, error) {
	w := newWalker(bytes.NewReader(raw), pos)
	var title json.RawMessage
	var found []paragraph
	seen := false
	err := w.object(func(key string) (err error) {
		switch key {
		case "title":
			title, _, err = w.value()
			return err
		case "paragraphs":
			seen = true
			return w.array(func() error {
				p := paragraph{id: fmt.Sprintf("%d-%d", number, len(found))}
				p.raw, p.pos, err = w.value()
				found = append(found, p)
				return err
			})
		}
		_, _, err = w.value()
		return err
	})
	if err != nil {
		return nil, err
	}
	if !seen {
		return nil, errors.New(`there is no "paragraphs"`)
	}
	for i := range found {
		found[i].title = title
	}
	return found, nil
}

func readSQuAD(src *source) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for p, err := range paragraphs(src) {
			var d Document
			if err == nil {
				if d, err = p.document(); err != nil {
					err = &RecordError{Pos: p.pos, Err: err}
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func (p paragraph) document() (Document, error) {
	d := Document{ID: p.id, Pos: p.pos}
	o, err := parseObject(p.raw)
	if err != nil {
		return d, fmt.Errorf("paragraph %s: %w", p.id, err)
	}
	if d.Text, err = o.text("context"); err != nil {
		return d, fmt.Errorf("paragraph %s: %w", p.id, err)
	}
	d.Title, err = p.articleTitle()
	return d, err
}

func (p paragraph) articleTitle() (string, error) {
	err := checkEncoding(p.title)
	var title string
	if err == nil {
		title, err = decodeText("title", p.title)
	}
	if err != nil {
		return "", fmt.Errorf("article of paragraph %s: %w", p.id, err)
	}
	return title, nil
}
