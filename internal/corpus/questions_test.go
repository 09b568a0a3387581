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
		{ID: "a", Text: "é?", DocIDs: []string{"0-0"}, DocID: "0-0", Answers: []string{"é", "y"}, Pos: corpus.Position{File: path, Line: 2}},
		{ID: "7", Text: "?", DocIDs: []string{"0-0"}, DocID: "0-0", Pos: corpus.Position{File: path, Line: 2}},
		{ID: "c", Text: "!", DocIDs: []string{"0-2"}, DocID: "0-2", Pos: corpus.Position{File: path, Line: 4}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadBelebeleQuestions(t *testing.T) {
	ask := func(link, number, question, right string) string {
		return `{"link":"` + link + `","question_number":` + number + `,"question":"` + question + `","correct_answer_num":` + right +
			`,"mc_answer1":"one","mc_answer2":"two","mc_answer3":"three","mc_answer4":"e` + "\u0301" + `"}` + "\n"
	}
	content := ask("a", "1", "e\u0301?", `"4"`) + ask("a", "2", "x?", "1") + "\n" + ask("b", `"1"`, "y?", "2") + ask("b", "2", "é?", "3") + ask("c", "1", "x?", "1") + ask("b", "3", "é?", "4")
	for _, content := range []string{content, zipped(t, content)} {
		path := write(t, "x.jsonl", content)
		at := func(line int) corpus.Position { return corpus.Position{File: path, Line: line} }
		got, err := corpus.ReadBelebeleQuestions(path)
		want := []corpus.Question{
			{ID: "a#1", Text: "é?", Aliases: []string{"b#2", "b#3"}, DocIDs: []string{"a", "b"}, DocID: "a", Answers: []string{"é", "three"}, Pos: at(1)},
			{ID: "a#2", Text: "x?", Aliases: []string{"c#1"}, DocIDs: []string{"a", "c"}, DocID: "a", Answers: []string{"one"}, Pos: at(2)},
			{ID: "b#1", Text: "y?", DocIDs: []string{"b"}, DocID: "b", Answers: []string{"two"}, Pos: at(4)},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
}

func TestReadXQuADRQuestions(t *testing.T) {
	// Characters beyond the first plane count as one, and a combining accent for
	// itself, before NFC joins it. "cd" starts in the first sentence and ends in
	// the second.
	path := write(t, "xx.json", "{\"data\":[{\"paragraphs\":[\n"+
		`{"context":"😀e`+"\u0301"+`c. d f","sentence_breaks":[[0,5],[6,9]],"qas":[`+
		`{"id":"a","question":"?","answers":[{"text":"e`+"\u0301"+`","answer_start":1}]},`+
		`{"id":"b","question":"?","answers":[{"text":"c. d","answer_start":3},{"text":"f","answer_start":8},{"text":"d","answer_start":6}]}]}]}]}`)
	at := corpus.Position{File: path, Line: 2}
	got, err := corpus.ReadXQuADRQuestions(path)
	want := []corpus.Question{
		{ID: "a", Text: "?", DocIDs: []string{"0-0-0"}, DocID: "0-0-0", Answers: []string{"é"}, Pos: at},
		{ID: "b", Text: "?", DocIDs: []string{"0-0-0", "0-0-1"}, DocID: "0-0-0", Answers: []string{"c. d", "f", "d"}, Pos: at},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadJudgements(t *testing.T) {
	for name, content := range map[string]string{
		"BEIR": "query-id\tcorpus-id\tscore\r\nq1\td1\t1\r\nq1\td2\t0\r\n\r\nq2\td1\t-1\r\n",
		"TREC": "\nq1 0 d1 1\nq1 Q0 d2 0\n\nq2\t0  d1 -1 \r\n",
	} {
		for _, content := range []string{content, "\uFEFF" + content, zipped(t, content)} {
			path := write(t, "test.tsv", content)
			got, err := corpus.ReadJudgements(path)
			at := func(line int) corpus.Position { return corpus.Position{File: path, Line: line} }
			want := []corpus.Judgement{{"q1", "d1", 1, at(2)}, {"q1", "d2", 0, at(3)}, {"q2", "d1", -1, at(5)}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
			}
		}
	}
}

func TestEvaluationFileErrors(t *testing.T) {
	queries := func(path string) error { _, err := corpus.ReadQueries(path); return err }
	squad := func(path string) error { _, err := corpus.ReadSQuADQuestions(path); return err }
	qrels := func(path string) error { _, err := corpus.ReadJudgements(path); return err }
	xquadr := func(path string) error { _, err := corpus.ReadXQuADRQuestions(path); return err }
	belebele := func(path string) error { _, err := corpus.ReadBelebeleQuestions(path); return err }
	const header = "query-id\tcorpus-id\tscore\n"
	paragraph := func(s string) string { return "{\"data\":[{\"paragraphs\":[\n" + s + "]}]}" }
	sentence := func(answer string) string {
		return paragraph(`{"context":"abcd","sentence_breaks":[[0,2],[3,4]],"qas":[{"id":"q","question":"?","answers":[` + answer + `]}]}`)
	}
	const two = `{"id":"q","question":"?","answers":[{"text":"x","answer_start":0}]},{"id":"q","question":"!","answers":[{"text":"x","answer_start":0}]}`
	const bele = `{"link":"a","question_number":1,"question":"?","correct_answer_num":1,"mc_answer1":"x"}`
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
		{"answer missing", squad, paragraph(`{"qas":[{"id":"q","question":"?","answers":[{"text":" "}]}]}`), `:2: paragraph 0-0: question "q": the answer is missing or blank`},
		{"XQuAD-R, no answer", xquadr, sentence(``), `:2: paragraph 0-0: question "q": no answer, and so no sentence that is relevant`},
		{"XQuAD-R, no start", xquadr, sentence(`{"text":"b"}`), `:2: paragraph 0-0: question "q": "answer_start" is not an integer`},
		{"XQuAD-R, start of another type", xquadr, sentence(`{"text":"b","answer_start":"1"}`), `:2: paragraph 0-0: question "q": "answer_start" is not an integer`},
		{"XQuAD-R, start before the text", xquadr, sentence(`{"text":"b","answer_start":-1}`), `:2: paragraph 0-0: question "q": the answer "b" does not stand at character -1 of the paragraph`},
		{"XQuAD-R, start behind the text", xquadr, sentence(`{"text":"b","answer_start":4}`), `:2: paragraph 0-0: question "q": the answer "b" does not stand at character 4 of the paragraph`},
		{"XQuAD-R, start elsewhere", xquadr, sentence(`{"text":"b","answer_start":0}`), `:2: paragraph 0-0: question "q": the answer "b" does not stand at character 0 of the paragraph`},
		{"XQuAD-R, answer between the sentences", xquadr, sentence(`{"text":"c","answer_start":2}`), `:2: paragraph 0-0: question "q": the answer "c" at character 2 lies in no sentence`},
		{"XQuAD-R, no sentences", xquadr, paragraph(`{"context":"x","qas":[]}`), `:2: paragraph 0-0: "sentence_breaks" is not an array of pairs of integers`},
		{"XQuAD-R, question twice", xquadr, paragraph(`{"context":"x","sentence_breaks":[[0,1]],"qas":[` + two + `]}`), `:2: question "q": duplicate id, first seen at PATH:2`},
		{"Belebele, no link", belebele, `{"question_number":1,"question":"?","correct_answer_num":1,"mc_answer1":"x"}`, ":1: link: the id is missing or empty"},
		{"Belebele, no number", belebele, `{"link":"a","question":"?","correct_answer_num":1,"mc_answer1":"x"}`, `:1: question_number "" is not a small whole number`},
		{"Belebele, number of another type", belebele, `{"link":"a","question_number":1.5,"question":"?","correct_answer_num":1,"mc_answer1":"x"}`, `:1: "question_number" is neither a string nor an integer`},
		{"Belebele, no question", belebele, "\n" + `{"link":"a","question_number":1,"correct_answer_num":1,"mc_answer1":"x"}`, `:2: question "a#1": the question is missing or blank`},
		{"Belebele, no right answer", belebele, `{"link":"a","question_number":1,"question":"?","mc_answer1":"x"}`, `:1: question "a#1": correct_answer_num "" is not 1, 2, 3 or 4`},
		{"Belebele, fifth answer", belebele, `{"link":"a","question_number":1,"question":"?","correct_answer_num":5,"mc_answer5":"x"}`, `:1: question "a#1": correct_answer_num "5" is not 1, 2, 3 or 4`},
		{"Belebele, right answer missing", belebele, `{"link":"a","question_number":1,"question":"?","correct_answer_num":"2","mc_answer1":"x"}`, `:1: question "a#1": the right answer is missing or blank`},
		{"Belebele, right answer of another type", belebele, `{"link":"a","question_number":1,"question":"?","correct_answer_num":1,"mc_answer1":1}`, `:1: question "a#1": "mc_answer1" is not a string`},
		{"Belebele, question twice", belebele, bele + "\n" + bele, `:2: question "a#1": duplicate id, first seen at PATH:1`},
		{"Belebele, broken", belebele, bele + "\n{", `:2: broken JSON: unexpected end of JSON input`},
		{"qrels without header", qrels, "q\td\t1\n", ":1: want BEIR's header query-id, corpus-id, score, separated by tabs, or TREC's lines of query, 0, document, grade"},
		{"qrels with another header", qrels, header[:len(header)-1] + "s\nq\td\t1\n", ":1: want BEIR's header query-id, corpus-id, score, separated by tabs, or TREC's lines of query, 0, document, grade"},
		{"a run as qrels", qrels, "q Q0 d 1 0.5 tag\n", ":1: want BEIR's header query-id, corpus-id, score, separated by tabs, or TREC's lines of query, 0, document, grade"},
		{"TREC, columns", qrels, "q 0 d 1\n\nq 0 e\n", ":3: 3 columns, want 4: query, 0, document, grade"},
		{"TREC, grade", qrels, "q 0 d 1\nq 0 e x\n", `:2: grade "x" is not an integer`},
		{"TREC, invalid UTF-8", qrels, "q 0 d 1\nq 0 \xff 1\n", ":2: invalid UTF-8: byte 0xFF at offset 4 of the record"},
		{"TREC, judged twice", qrels, "q 0 d 1\nq 0 d 1\n", `:2: query "q" and document "d" are judged twice, first at PATH:1`},
		{"empty qrels", qrels, "", " has no judgement: want BEIR's header query-id, corpus-id, score, separated by tabs, or TREC's lines of query, 0, document, grade"},
		{"qrels with only a header", qrels, header, " has no judgement: want BEIR's header query-id, corpus-id, score, separated by tabs, or TREC's lines of query, 0, document, grade"},
		{"columns", qrels, header + "\nq\td", ":3: 2 columns, but the header has 3: a tab separates even within quotes"},
		{"grade", qrels, header + "q\td\t1.5", `:2: grade "1.5" is not an integer`},
		{"huge grade", qrels, header + "q\td\t99999999999999999999", `:2: grade "99999999999999999999" is not an integer`},
		{"no query id", qrels, header + "\td\t1", ":2: query: the id is missing or empty"},
		{"no document id", qrels, header + "q\t\t1", ":2: document: the id is missing or empty"},
		{"judged twice", qrels, header + "q\td\t1\nq\td\t0", `:3: query "q" and document "d" are judged twice, first at PATH:2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, "file", tc.content)
			want := path + strings.ReplaceAll(tc.want, "PATH", path)
			if err := tc.read(path); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	for _, read := range []func(string) error{queries, squad, xquadr, belebele, qrels} {
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
	judgements, err := corpus.ReadJudgements(filepath.Join(sample, "qrels", "test.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	judged := make(map[string]bool)
	for _, j := range judgements {
		judged[j.Query] = true
	}
	if len(questions) != 96 || len(judged) != 96 {
		t.Errorf("%d questions, %d judged, want 96", len(questions), len(judged))
	}
	for _, q := range questions {
		if !judged[q.ID] {
			t.Errorf("question %s has no judgement", q.ID)
		}
	}
}
