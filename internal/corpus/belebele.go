package corpus

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// readBelebele yields a document for each link that is new. The rows that ask a
// further question about a passage repeat it.
func readBelebele(src *source) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		seen := make(map[digest]belebelePassage)
		for r, err := range rows(src) {
			var d Document
			if err == nil {
				if d, err = r.belebeleDocument(); err == nil && d.ID != "" {
					key, passage := digestOf(d.Lang, d.ID), belebelePassage{spaceless(d.Text), d.Pos}
					first, again := seen[key]
					if again && first.text == passage.text {
						continue
					}
					if again {
						err = fmt.Errorf("link %s has another passage than at %s", quote(d.ID), first.pos)
					} else {
						seen[key] = passage
					}
				}
				if err != nil {
					err = &RecordError{Pos: r.pos, Err: err}
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

type belebelePassage struct {
	text digest
	pos  Position
}

// spaceless identifies a text but for its white space.
func spaceless(text string) digest { return digestOf(strings.Fields(text)...) }

func (r row) belebeleDocument() (Document, error) {
	link, linkErr := r.text("link")
	text, textErr := r.text("flores_passage")
	dialect, dialectErr := r.text("dialect")
	d := Document{ID: link, Text: text, Pos: r.pos}
	err := cmp.Or(linkErr, textErr, dialectErr)
	if err == nil && dialect != "" {
		d.Lang, err = lang.FromISO3Script(dialect)
	}
	return d, err
}

// ReadBelebeleQuestions returns the questions of a Belebele file, which may be
// gzipped, in order. A question's id is <link>#<question_number>, the same in
// every language. Questions with the same text are one, as in MTEB's Belebele
// task: it has the id and place of the first, the others' ids as Aliases, and
// the passages and right answers of all. Which questions are equal differs from
// language to language, so ids are parallel only through the aliases. The first
// fault ends the reading.
func ReadBelebeleQuestions(path string) ([]Question, error) {
	all, err := collect(path, func(src *source, add func(Question) error) error {
		for r, err := range rows(src) {
			if err != nil {
				return err
			}
			q, err := r.belebeleQuestion()
			if err != nil {
				return &RecordError{Pos: r.pos, Err: err}
			}
			if err := add(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return mergeEqual(all), nil
}

func (r row) belebeleQuestion() (Question, error) {
	link, linkErr := r.text("link")
	number, numberErr := r.id("question_number")
	text, textErr := r.text("question")
	right, rightErr := r.id("correct_answer_num")
	if err := cmp.Or(linkErr, numberErr, textErr, rightErr); err != nil {
		return Question{}, err
	}
	if err := checkID(link); err != nil {
		return Question{}, fmt.Errorf("link: %w", err)
	}
	if _, err := strconv.ParseUint(number, 10, 16); err != nil {
		return Question{}, fmt.Errorf("question_number %s is not a small whole number", quote(number))
	}
	q := Question{ID: link + "#" + number, Text: text, DocID: link, DocIDs: []string{link}, Pos: r.pos}
	if !slices.Contains([]string{"1", "2", "3", "4"}, right) {
		return Question{}, fmt.Errorf("question %s: correct_answer_num %s is not 1, 2, 3 or 4", quote(q.ID), quote(right))
	}
	answer, err := r.text("mc_answer" + right)
	if err == nil {
		answer, err = cleanText("right answer", answer)
	}
	if err != nil {
		return Question{}, fmt.Errorf("question %s: %w", quote(q.ID), err)
	}
	q.Answers = []string{answer}
	return q, nil
}

// mergeEqual makes one question of those with the same text.
func mergeEqual(all []Question) []Question {
	first := make(map[string]int)
	var merged []Question
	for _, q := range all {
		at, again := first[q.Text]
		if !again {
			first[q.Text] = len(merged)
			merged = append(merged, q)
			continue
		}
		m := &merged[at]
		m.Aliases = append(m.Aliases, q.ID)
		m.DocIDs = appendNew(m.DocIDs, q.DocIDs...)
		m.Answers = appendNew(m.Answers, q.Answers...)
	}
	return merged
}

// appendNew appends those of more that are not there yet.
func appendNew(all []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
