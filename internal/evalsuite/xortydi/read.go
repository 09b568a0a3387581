package xortydi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// Question is a question in one of the task's languages.
type Question struct {
	ID   string
	Lang string // a canonical tag
	Text string
	// Answers are in English; "yes" and "no" do not count for retrieval. None in
	// the test set, which is scored elsewhere.
	Answers []string
}

// ReadQuestions reads JSON Lines with "id", "lang", "question" and "answers", the
// form of xor_dev_retrieve_eng_span_v1_1.jsonl; name is the file's, for errors. An
// id that stands twice is an error, as is a file without questions. Other fields
// are ignored.
func ReadQuestions(r io.Reader, name string) ([]Question, error) {
	var all []Question
	lines := map[string]int{}
	err := eachLine(r, name, func(number int, line string) error {
		var row struct {
			ID       json.RawMessage
			Lang     string
			Question string
			Answers  []string
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return fmt.Errorf("it is not a JSON object of a question: %w", err)
		}
		q := Question{Text: row.Question, Answers: row.Answers}
		var err error
		if q.ID, err = identifier(row.ID); err != nil {
			return err
		}
		if q.Lang, err = lang.Parse(row.Lang); err != nil {
			return fmt.Errorf(`question %.120q: "lang": %w`, q.ID, err)
		}
		if slices.Contains(q.Answers, "") {
			return fmt.Errorf("question %.120q has an empty answer, which any text would hold", q.ID)
		}
		if first, twice := lines[q.ID]; twice {
			return fmt.Errorf("question %.120q stood in line %d already", q.ID, first)
		}
		lines[q.ID] = number
		all = append(all, q)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: it holds no questions", name)
	}
	return all, err
}

// identifier reads an id that is a string or, as in the task's examples, a number.
func identifier(raw json.RawMessage) (string, error) {
	id := string(raw)
	if strings.HasPrefix(id, `"`) {
		if err := json.Unmarshal(raw, &id); err != nil {
			return "", fmt.Errorf(`"id": %w`, err)
		}
	} else if id != "" && strings.Trim(id, "-0123456789") != "" {
		return "", errors.New(`"id" is neither a string nor an integer`)
	}
	return id, checkID(`"id"`, id)
}

// Passage is a piece of an article.
type Passage struct{ ID, Text, Title string }

// Passages yields the passages of a file as DPR writes them (psgs_w100.tsv):
// tab-separated under a line that names the columns id, text and, optionally,
// title, a value in quotes where it needs them, and plain or gzipped. The error,
// if any, comes last, with no passage.
func Passages(r io.Reader, name string) iter.Seq2[Passage, error] {
	return func(yield func(Passage, error) bool) {
		columns := map[string]int{}
		err := eachLine(r, name, func(_ int, line string) error {
			fields := split(line)
			if len(columns) == 0 {
				for i, column := range fields {
					columns[column] = i
				}
				for _, column := range []string{"id", "text"} {
					if _, ok := columns[column]; !ok {
						return fmt.Errorf("the first line names no column %q: want id, text and title, with tabs between", column)
					}
				}
				return nil
			}
			if len(fields) != len(columns) {
				return fmt.Errorf("it has %d columns, want %d", len(fields), len(columns))
			}
			p := Passage{ID: fields[columns["id"]], Text: fields[columns["text"]]}
			if title, ok := columns["title"]; ok {
				p.Title = fields[title]
			}
			if err := checkID("id", p.ID); err != nil {
				return err
			}
			if !yield(p, nil) {
				return errStop
			}
			return nil
		})
		switch {
		case err == nil && len(columns) == 0:
			yield(Passage{}, fmt.Errorf("%s: it is empty", name))
		case err != nil:
			yield(Passage{}, err)
		}
	}
}

// split returns the fields of a line. One that begins with a quotation mark ends
// with one before a tab or the line's end, and doubles those within; where there
// is no such end, the mark means itself.
func split(line string) []string {
	line = strings.TrimSuffix(line, "\r")
	var fields []string
	for {
		field, rest, more := cut(line)
		fields = append(fields, field)
		if !more {
			return fields
		}
		line = rest
	}
}

func cut(line string) (field, rest string, more bool) {
	if !strings.HasPrefix(line, `"`) {
		return strings.Cut(line, "\t")
	}
	for i := 1; i < len(line); i++ {
		if line[i] != '"' {
			continue
		}
		switch {
		case i+1 == len(line):
			return strings.ReplaceAll(line[1:i], `""`, `"`), "", false
		case line[i+1] == '\t':
			return strings.ReplaceAll(line[1:i], `""`, `"`), line[i+2:], true
		case line[i+1] == '"':
			i++
		}
	}
	return strings.Cut(line, "\t")
}

// ReadRanking reads what was retrieved as Tevatron writes it: a question's id, a
// passage's id and a score, with tabs between, each question's best passage first.
// The passages come back in that order, and the scores do not count.
func ReadRanking(r io.Reader, name string) (map[string][]string, error) {
	ranking := map[string][]string{}
	seen := map[[2]string]bool{}
	err := eachLine(r, name, func(_ int, line string) error {
		fields := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		if len(fields) != 3 {
			return fmt.Errorf("it has %d columns, want 3 with tabs between: question, passage, score", len(fields))
		}
		for i, what := range []string{"the question", "the passage"} {
			if err := checkID(what, fields[i]); err != nil {
				return err
			}
		}
		at := [2]string{fields[0], fields[1]}
		if seen[at] {
			return fmt.Errorf("passage %.120q stands twice in question %.120q", at[1], at[0])
		}
		seen[at] = true
		ranking[at[0]] = append(ranking[at[0]], at[1])
		return nil
	})
	if err == nil && len(ranking) == 0 {
		err = fmt.Errorf("%s: it holds no lines", name)
	}
	return ranking, err
}
