package corpus_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unicode/utf8"

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

func FuzzQueries(f *testing.F) {
	for _, seed := range []string{`{"_id":"q","text":"?"}`, "{\"_id\":1,\"text\":\"?\"}\r\n\r\n{}", "", "\uFEFFnull", `{"_id":"q"`} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "queries.jsonl")
	f.Fuzz(func(t *testing.T, content []byte) { checkQuestions(t, path, content, corpus.ReadQueries) })
}

func checkQuestions(t *testing.T, path string, content []byte, read func(string) ([]corpus.Question, error)) {
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
	}
}

func FuzzQrels(f *testing.F) {
	for _, seed := range []string{"query-id\tcorpus-id\tscore\nq\td\t1\n", "query-id\tcorpus-id\tscore\r\nq\td\t-1\r\nq\td\t1", "q\td\t1", "", "query-id\tcorpus-id\tscore\nq\td\tx"} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "qrels.tsv")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		qrels, err := corpus.ReadQrels(path)
		if err != nil {
			if bad, ok := errors.AsType[*corpus.RecordError](err); qrels != nil || ok && bad.Pos.Line < 2 {
				t.Errorf("qrels %v, %v", qrels, err)
			}
			return
		}
		for query, docs := range qrels {
			if query == "" || len(docs) == 0 {
				t.Errorf("query %q has %d documents", query, len(docs))
			}
		}
		if again, err := corpus.ReadQrels(path); err != nil || !reflect.DeepEqual(again, qrels) {
			t.Errorf("reading again gives %v, %v", again, err)
		}
	})
}
