package corpus_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/corpus"
)

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{
		`{"_id":"a","title":"t","text":"x","lang":"th","metadata":{"a":[1,2.5,"x",null,{"b":true}]}}`,
		"\uFEFF{\"_id\":1,\"text\":\"e\u0301\"}\r\n\r\n{\"_id\":1,\"text\":\"\"}",
		`{"_id":"a","text":"\ud83d\ude00 \ud800"}`, "{\"_id\":\"a\",\"text\":\"\xff\"}", `{"_id":`, "\x1f\x8b", "null\n[]\n5",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		docs := checkRead(t, corpus.FormatJSONL, content)
		// Written as JSONL and read again, they are the same.
		var written []byte
		for _, d := range docs {
			row, err := json.Marshal(map[string]any{"_id": d.ID, "lang": d.Lang, "title": d.Title, "text": d.Text, "metadata": d.Metadata})
			if err != nil {
				t.Fatal(err)
			}
			written = append(append(written, row...), '\n')
		}
		again := checkRead(t, corpus.FormatJSONL, written)
		if len(again) != len(docs) {
			t.Fatalf("%d documents, read again %d", len(docs), len(again))
		}
		for i, d := range docs {
			if again[i].Pos.Line != i+1 {
				t.Errorf("document %d is at %s", i, again[i].Pos)
			}
			// A number such as 1.0 is written as 1; the JSON is the same.
			a, _ := json.Marshal(d.Metadata)
			b, _ := json.Marshal(again[i].Metadata)
			if string(a) != string(b) || d.ID != again[i].ID || d.Title != again[i].Title || d.Text != again[i].Text {
				t.Errorf("%+v reads again as %+v", d, again[i])
			}
		}
	})
}

func FuzzTSV(f *testing.F) {
	for _, seed := range []string{"id\ttext\n1\tx\n", "_id\ttext\ttitle\tlang\textra\r\n1\tx\tt\tth\ty\r\n", "id\n", "", "\t\n", "id\ttext\n\xff\tx\n1\t \n1\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkRead(t, corpus.FormatTSV, content) })
}

var squadSeeds = []string{
	`{"data":[{"title":"t","paragraphs":[{"context":"x","qas":[{"id":"q","question":"?","answers":[{"text":"x","answer_start":0}]}]}]}],"version":"1.1"}`,
	`{"data":[{"paragraphs":[{"context":""},{"context":"y"}],"title":"t"},5]}`,
	`{"data":[`, `{}`, `{"data":null}`, `[]`, "", `{"data":[{"paragraphs":[{"context":"\ud800","qas":5}]}]} x`, "{\n1:2}",
}

func FuzzSQuAD(f *testing.F) {
	for _, seed := range squadSeeds {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "squad.json")
	f.Fuzz(func(t *testing.T, content []byte) {
		checkRead(t, corpus.FormatSQuAD, content)
		checkQuestions(t, path, content, corpus.ReadSQuADQuestions)
	})
}

func FuzzXQuADR(f *testing.F) {
	for _, seed := range squadSeeds {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"data":[{"paragraphs":[{"context":"a😀. b","sentence_breaks":[[0,3],[4,5]],"qas":[{"id":"q","question":"?","answers":[{"text":"😀. b","answer_start":1}]}]}]}]}`))
	f.Add([]byte(`{"data":[{"paragraphs":[{"context":"a","sentence_breaks":[[0,2],[-1]],"qas":[{"id":"q","question":"?","answers":[{"text":"a","answer_start":9}]}]}]}]}`))
	path := filepath.Join(f.TempDir(), "xx.json")
	f.Fuzz(func(t *testing.T, content []byte) {
		checkRead(t, corpus.FormatXQuADR, content)
		questions := checkQuestions(t, path, content, corpus.ReadXQuADRQuestions)
		checkRelevant(t, corpus.FormatXQuADR, content, questions)
	})
}

func FuzzBelebele(f *testing.F) {
	for _, seed := range []string{
		belebele("a", 1, "x", "th") + belebele("a", 2, "x ", "th") + belebele("b", 1, "y", "th"),
		belebele("a", 1, "x", "th") + belebele("a", 1, "y", "lo"), dialect("tha_Thai"), dialect("xyz"), "null\n[]", `{"link":"`,
		`{"link":"a","question_number":"1","question":"?","correct_answer_num":"1","mc_answer1":"e` + "\u0301" + `","flores_passage":"p"}`,
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "xxx_Yyyy.jsonl")
	f.Fuzz(func(t *testing.T, content []byte) {
		checkRead(t, corpus.FormatBelebele, content)
		questions := checkQuestions(t, path, content, corpus.ReadBelebeleQuestions)
		checkRelevant(t, corpus.FormatBelebele, content, questions)
		ids, texts := make(map[string]bool), make(map[string]bool)
		for _, q := range questions {
			if texts[q.Text] {
				t.Errorf("two questions are %q", q.Text)
			}
			texts[q.Text] = true
			for _, id := range append(q.Aliases, q.ID) {
				if ids[id] {
					t.Errorf("id %q is there twice", id)
				}
				ids[id] = true
			}
		}
	})
}

func FuzzQueries(f *testing.F) {
	for _, seed := range []string{`{"_id":"q","text":"?"}`, "{\"_id\":1,\"text\":\"?\"}\r\n\r\n{}", "", "\uFEFFnull", `{"_id":"q"`} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "queries.jsonl")
	f.Fuzz(func(t *testing.T, content []byte) { checkQuestions(t, path, content, corpus.ReadQueries) })
}

func checkQuestions(t *testing.T, path string, content []byte, read func(string) ([]corpus.Question, error)) []corpus.Question {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	questions, err := read(path)
	if bad, ok := errors.AsType[*corpus.RecordError](err); ok && bad.Pos.Line < 1 {
		t.Errorf("position %v", bad.Pos)
	}
	seen := make(map[string]bool)
	for _, q := range questions {
		if q.ID == "" || seen[q.ID] || q.Text == "" || !utf8.ValidString(q.Text) || q.Pos.Line < 1 {
			t.Errorf("question %+v", q)
		}
		seen[q.ID] = true
		for _, a := range q.Answers {
			if strings.TrimSpace(a) == "" || !norm.NFC.IsNormalString(a) {
				t.Errorf("answer %q of question %s", a, q.ID)
			}
		}
	}
	return questions
}

// checkRelevant holds that where all of a file can be read, its questions name
// its documents.
func checkRelevant(t *testing.T, format corpus.Format, content []byte, questions []corpus.Question) {
	t.Helper()
	docs, err := stdin(t, corpus.Options{Format: format, Lang: "th"}, string(content))
	if err != nil {
		return
	}
	ids := make(map[string]bool)
	for _, d := range docs {
		ids[d.ID] = true
	}
	for _, q := range questions {
		if len(q.DocIDs) == 0 || q.DocIDs[0] != q.DocID {
			t.Errorf("question %s has the documents %q and %q", q.ID, q.DocIDs, q.DocID)
		}
		for _, id := range q.DocIDs {
			if !ids[id] {
				t.Errorf("question %s names document %q, which is not there", q.ID, id)
			}
		}
	}
}

func FuzzQrels(f *testing.F) {
	for _, seed := range []string{
		"query-id\tcorpus-id\tscore\nq\td\t1\n", "query-id\tcorpus-id\tscore\r\nq\td\t-1\r\nq\td\t1", "q\td\t1", "",
		"query-id\tcorpus-id\tscore\nq\td\tx", "q 0 d 1\nq Q0\te 2 \r\n\n", "q 0 d 1\nq 0 d 2", "q 0 d\xff 1", "q Q0 d 1 0.5 t",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "qrels.tsv")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		judgements, err := corpus.ReadJudgements(path)
		if err != nil {
			if bad, ok := errors.AsType[*corpus.RecordError](err); judgements != nil || ok && bad.Pos.Line < 1 {
				t.Errorf("judgements %v, %v", judgements, err)
			}
			return
		}
		if len(judgements) == 0 {
			t.Error("no judgement and no error")
		}
		seen := make(map[[2]string]bool)
		for _, j := range judgements {
			pair := [2]string{j.Query, j.Doc}
			if j.Query == "" || j.Doc == "" || seen[pair] || j.Pos.Line < 1 {
				t.Errorf("judgement %+v", j)
			}
			seen[pair] = true
		}
	})
}
