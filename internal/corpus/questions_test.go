package corpus_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

func TestReadQueries(t *testing.T) {
	content := "\uFEFF" + `{"_id":"q1","text":"e` + "\u0301" + `?","metadata":{}}` + "\r\n\r\n" + `{"_id":2,"text":"?"}`
	path := write(t, "queries.jsonl", zipped(t, content))
	got, err := corpus.ReadQueries(path)
	want := []corpus.Question{
		{ID: "q1", Text: "é?", Pos: corpus.Position{File: path, Line: 1}},
		{ID: "2", Text: "?", Pos: corpus.Position{File: path, Line: 3}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadSQuADQuestions(t *testing.T) {
	path := write(t, "squad.json", "{\"data\":[{\"paragraphs\":[\n"+
		`{"context":"x","qas":[{"id":"a","question":"e`+"\u0301"+`?","answers":[{"text":"e`+"\u0301"+`","answer_start":1},{"text":"y"}]},{"id":7,"question":"?","is_impossible":true}]},`+
		"\n"+`{"context":"y","qas":[]},`+"\n"+`{"qas":[{"id":"c","question":"!","answers":[]}]}]}]}`)
	got, err := corpus.ReadSQuADQuestions(path)
	want := []corpus.Question{
		{ID: "a", Text: "é?", DocID: "0-0", Answers: []string{"é", "y"}, Pos: corpus.Position{File: path, Line: 2}},
		{ID: "7", Text: "?", DocID: "0-0", Pos: corpus.Position{File: path, Line: 2}},
		{ID: "c", Text: "!", DocID: "0-2", Pos: corpus.Position{File: path, Line: 4}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadQrels(t *testing.T) {
	path := write(t, "test.tsv", "query-id\tcorpus-id\tscore\r\nq1\td1\t1\r\nq1\td2\t0\r\n\r\nq2\td1\t-1\r\n")
	got, err := corpus.ReadQrels(path)
	if want := (corpus.Qrels{"q1": {"d1": 1, "d2": 0}, "q2": {"d1": -1}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestEvaluationFileErrors(t *testing.T) {
	queries := func(path string) error { _, err := corpus.ReadQueries(path); return err }
	squad := func(path string) error { _, err := corpus.ReadSQuADQuestions(path); return err }
	qrels := func(path string) error { _, err := corpus.ReadQrels(path); return err }
	const header = "query-id\tcorpus-id\tscore\n"
	paragraph := func(s string) string { return "{\"data\":[{\"paragraphs\":[\n" + s + "]}]}" }
	for _, tc := range []struct {
		name    string
		read    func(string) error
		content string
		want    string // without the path before it
	}{
		{"query without id", queries, `{"text":"?"}`, ":1: the id is missing or empty"},
		{"query without text", queries, `{"_id":"q","text":" "}`, `:1: question "q": the question is missing or blank`},
		{"query id of another type", queries, `{"_id":{},"text":"?"}`, `:1: "_id" is neither a string nor an integer`},
		{"query text of another type", queries, `{"_id":"q","text":1}`, `:1: "text" is not a string`},
		{"query twice", queries, `{"_id":"q","text":"?"}` + "\n\n" + `{"_id":"q","text":"!"}`, `:3: question "q": duplicate id, first seen at PATH:1`},
		{"broken query", queries, "\n{", ":2: broken JSON: unexpected end of JSON input"},
		{"surrogate in a query", queries, `{"_id":"q","text":"\ud800"}`, `:1: the escape \ud800 is half of a surrogate pair`},
		{"no qas", squad, paragraph(`{"context":"x"}`), `:2: paragraph 0-0: "qas" is not an array of JSON objects`},
		{"qas of another shape", squad, paragraph(`{"qas":[1]}`), `:2: paragraph 0-0: "qas" is not an array of JSON objects`},
		{"no question id", squad, paragraph(`{"qas":[{"question":"?"}]}`), `:2: the id is missing or empty`},
		{"no question", squad, paragraph(`{"qas":[{"id":"q"}]}`), `:2: question "q": the question is missing or blank`},
		{"question of another type", squad, paragraph(`{"qas":[{"id":"q","question":1}]}`), `:2: paragraph 0-0: question 0: "question" is not a string`},
		{"answers of another shape", squad, paragraph(`{"qas":[{"id":"q","question":"?","answers":{}}]}`), `:2: paragraph 0-0: question "q": "answers" is not an array of JSON objects`},
		{"answer of another type", squad, paragraph(`{"qas":[{"id":"q","question":"?","answers":[{"text":1}]}]}`), `:2: paragraph 0-0: question "q": "text" is not a string`},
		{"question twice", squad, paragraph(`{"qas":[{"id":"q","question":"?"}]},` + "\n" + `{"qas":[{"id":"q","question":"?"}]}`), `:3: question "q": duplicate id, first seen at PATH:2`},
		{"paragraph of another shape", squad, paragraph(`1`), `:2: paragraph 0-0: not a JSON object`},
		{"article of another shape", squad, "{\"data\":[\n1]}", `:2: article 0: want "{" here`},
		{"qrels without header", qrels, "q\td\t1\n", ":1: header line: want the columns query-id, corpus-id and score, separated by tabs"},
		{"TREC qrels", qrels, "q 0 d 1\n", ":1: header line: want the columns query-id, corpus-id and score, separated by tabs"},
		{"empty qrels", qrels, "", " is empty: want a header line that names the columns, separated by tabs"},
		{"columns", qrels, header + "\nq\td", ":3: 2 columns, but the header has 3: a tab separates even within quotes"},
		{"score", qrels, header + "q\td\t1.5", `:2: score "1.5" is not an integer`},
		{"huge score", qrels, header + "q\td\t99999999999999999999", `:2: score "99999999999999999999" is not an integer`},
		{"no query id", qrels, header + "\td\t1", ":2: query-id: the id is missing or empty"},
		{"no document id", qrels, header + "q\t\t1", ":2: corpus-id: the id is missing or empty"},
		{"judged twice", qrels, header + "q\td\t1\nq\td\t0", `:3: query "q" and document "d" were judged before`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, "file", tc.content)
			want := path + strings.ReplaceAll(tc.want, "PATH", path)
			if err := tc.read(path); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	for _, read := range []func(string) error{queries, squad, qrels} {
		if err := read(filepath.Join(t.TempDir(), "missing")); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("missing file: %v", err)
		}
	}
}

func TestSampleEvaluation(t *testing.T) {
	sample := filepath.Join(testenv.Root(t), "sample", "en")
	questions, err := corpus.ReadQueries(filepath.Join(sample, "queries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	qrels, err := corpus.ReadQrels(filepath.Join(sample, "qrels", "test.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(questions) != 96 || len(qrels) != 96 {
		t.Errorf("%d questions, %d judged, want 96", len(questions), len(qrels))
	}
	for _, q := range questions {
		if len(qrels[q.ID]) == 0 {
			t.Errorf("question %s has no judgement", q.ID)
		}
	}
}
