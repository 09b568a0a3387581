package corpus

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf8"
)

// candidates are the sentences of a paragraph of XQuAD-R. The file marks them by
// ranges of characters (code points) in the paragraph; as in LAReQA, it is these
// ranges that count, not the copies under "sentences".
type candidates struct {
	paragraph paragraph
	text      string
	starts    []int    // byte offset of each code point, and the length of text
	spans     [][2]int // in code points, ascending, disjoint
}

func (p paragraph) candidates() (*candidates, object, error) {
	o, err := parseObject(p.raw)
	if err != nil {
		return nil, nil, err
	}
	c := &candidates{paragraph: p}
	if c.text, err = o.text("context"); err != nil {
		return nil, nil, err
	}
	for i := range c.text {
		c.starts = append(c.starts, i)
	}
	c.starts = append(c.starts, len(c.text))
	var breaks [][]int
	if err := json.Unmarshal(o["sentence_breaks"], &breaks); err != nil {
		return nil, nil, errors.New(`"sentence_breaks" is not an array of pairs of integers`)
	}
	end := 0
	for i, b := range breaks {
		if len(b) != 2 || b[0] < end || b[1] <= b[0] || b[1] >= len(c.starts) {
			return nil, nil, fmt.Errorf("sentence %d: %.40s is not a range of characters behind the last one, within the %d of the paragraph",
				i, fmt.Sprint(b), len(c.starts)-1)
		}
		end = b[1]
		c.spans = append(c.spans, [2]int{b[0], b[1]})
	}
	return c, o, nil
}

func (c *candidates) id(i int) string { return c.paragraph.id + "-" + strconv.Itoa(i) }

// slice returns the text between two code points.
func (c *candidates) slice(start, end int) string { return c.text[c.starts[start]:c.starts[end]] }

// holding returns the id of the sentence in which an answer starts. That it may
// end in the next one is LAReQA's rule as well.
func (c *candidates) holding(answer object) (string, error) {
	text, err := answer.text("text")
	if err != nil {
		return "", err
	}
	var start int
	if err := json.Unmarshal(answer["answer_start"], &start); err != nil {
		return "", errors.New(`"answer_start" is not an integer`)
	}
	end := start + utf8.RuneCountInString(text)
	if start < 0 || end >= len(c.starts) || c.slice(start, end) != text {
		return "", fmt.Errorf("the answer %s does not stand at character %d of the paragraph", quote(text), start)
	}
	for i, s := range c.spans {
		if s[0] <= start && start < s[1] {
			return c.id(i), nil
		}
	}
	return "", fmt.Errorf("the answer %s at character %d lies in no sentence", quote(text), start)
}

func readXQuADR(src *source) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for p, err := range paragraphs(src) {
			if err != nil {
				if !yield(Document{}, err) {
					return
				}
				continue
			}
			c, _, err := p.candidates()
			if err != nil {
				err = fmt.Errorf("paragraph %s: %w", p.id, err)
			}
			title, titleErr := p.articleTitle()
			if err = cmp.Or(err, titleErr); err != nil {
				if !yield(Document{}, &RecordError{Pos: p.pos, Err: err}) {
					return
				}
				continue
			}
			for i, s := range c.spans {
				if !yield(Document{ID: c.id(i), Title: title, Text: c.slice(s[0], s[1]), Pos: p.pos}, nil) {
					return
				}
			}
		}
	}
}

// ReadXQuADRQuestions returns the questions of an XQuAD-R file, which may be
// gzipped, in order. Relevant are the sentences in which an answer starts, as
// LAReQA has it. The position is that of the paragraph. The first fault ends
// the reading.
func ReadXQuADRQuestions(path string) ([]Question, error) {
	return paragraphQuestions(path, func(p paragraph) ([]Question, error) {
		c, o, err := p.candidates()
		if err != nil {
			return nil, err
		}
		return p.questions(o, func(q *Question, answers []object) error {
			for _, a := range answers {
				id, err := c.holding(a)
				if err != nil {
					return err
				}
				q.DocIDs = appendNew(q.DocIDs, id)
			}
			if len(q.DocIDs) == 0 {
				return errors.New("no answer, and so no sentence that is relevant")
			}
			q.DocID = q.DocIDs[0]
			return nil
		})
	})
}
