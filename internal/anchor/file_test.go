package anchor_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

func read(t *testing.T, text string) *anchor.File {
	t.Helper()
	file, err := anchor.ReadFile("dir/queries.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFileLookup(t *testing.T) {
	const jsonl = "\uFEFF" + `{"source": " cafe\u0301 ou\u0300 ? ", "lang": "fr", "target": "en", "text": "Where is the café?", "row": 7}

{"source": "gift", "from": "de", "to": "en", "translation": "poison"}
{"source": "gift", "from": "sv", "translation": "married"}
{"id": "q1", "text": "by id"}
{"id": "q2", "source": "both", "text": "by id or source"}
{"source": "both", "text": "by id or source"}
`
	const tsv = "source\tfrom\tto\ttranslation\tid\r\n" +
		"café où ?\tfr\ten\tWhere is the café?\t\r\n" +
		"gift\tde\ten\tpoison\t\r\ngift\tsv\t\tmarried\t\r\n\r\n" +
		"\t\t\tby id\tq1\r\nboth\t\t\tby id or source\tq2\r\n"
	for form, text := range map[string]string{"jsonl": jsonl, "tsv": tsv} {
		file := read(t, text)
		tests := []struct {
			request anchor.Request
			want    string // "" where there is none
		}{
			{anchor.Request{Text: "café où ?", From: "fr", To: "en"}, "Where is the café?"},
			{anchor.Request{Text: "\tcafe\u0301 où ?", From: "fr-CA", To: "en-GB"}, "Where is the café?"},
			{anchor.Request{Text: "café où ?", From: "it", To: "en"}, ""},
			{anchor.Request{Text: "café où ?", From: "fr", To: "es"}, ""},
			{anchor.Request{Text: "gift", From: "de", To: "en"}, "poison"},
			{anchor.Request{Text: "gift", From: "sv", To: "fi"}, "married"},
			{anchor.Request{ID: "q1", Text: "anything", From: "th", To: "en"}, "by id"},
			{anchor.Request{ID: "q2", Text: "gift", From: "de", To: "en"}, "by id or source"},
			{anchor.Request{ID: "q3", Text: "gift", From: "de", To: "en"}, "poison"},
			{anchor.Request{Text: "both", From: "el", To: "en"}, "by id or source"},
			{anchor.Request{Text: "q1", From: "el", To: "en"}, ""},
			{anchor.Request{Text: "", From: "el", To: "en"}, ""},
		}
		for _, test := range tests {
			got, err := file.Translate(t.Context(), test.request)
			if test.want == "" {
				if !errors.Is(err, anchor.ErrNoTranslation) || !strings.Contains(err.Error(), "queries.txt") {
					t.Errorf("%s: %+v: %+v, %v, want ErrNoTranslation", form, test.request, got, err)
				}
				continue
			}
			if want := (anchor.Anchor{Text: test.want, Lang: test.request.To, Origin: "file:queries.txt"}); err != nil || got != want {
				t.Errorf("%s: %+v: %+v, %v, want %+v", form, test.request, got, err, want)
			}
		}
	}
}

func TestFileFaults(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"\n\n", "f: it holds none"},
		"heading alone":     {"source\ttranslation\n", "f: it holds none"},
		"unknown column":    {"source\tenglish\n", `f:1: "english" is no column`},
		"column twice":      {"source\tsource\n", "f:1: the column source stands twice"},
		"too few cells":     {"source\ttranslation\na\n", "f:2: it has 1 columns, the heading has 2"},
		"broken JSON":       {"{\"id\":\"a\",\"text\":\"b\"}\n{\"id\":", "f:2: it is not a JSON object"},
		"a number":          {`{"id": 7, "text": "b"}`, "f:1: it is not a JSON object of texts"},
		"no key":            {`{"text": "b"}`, "f:1: it has neither an id nor a source query"},
		"no translation":    {`{"id": "a", "text": " "}`, "f:1: the translation is missing"},
		"unknown language":  {`{"id": "a", "text": "b", "lang": "klingonish"}`, "f:1: \"klingonish\" is not a language tag"},
		"two names":         {`{"id": "a", "text": "b", "translation": "c"}`, `f:1: "translation" and "text" mean the same here and differ`},
		"conflict":          {"source\ttranslation\na\tb\n\na\tc\n", `f:4: "a" is translated otherwise on line 2`},
		"conflict with any": {"{\"id\":\"a\",\"lang\":\"th\",\"text\":\"b\"}\n{\"id\":\"a\",\"text\":\"c\"}", `f:2: "a" is translated otherwise on line 1`},
		"not UTF-8":         {"source\ttranslation\na\t\xff\n", "f:2: it is not valid UTF-8"},
		"long line":         {"source\ttranslation\na\t" + strings.Repeat("b", 1<<20), "f:2: the line is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := anchor.ReadFile("f", strings.NewReader(test.text))
			if err == nil || !strings.HasPrefix(err.Error(), "read translations: "+test.want) || len(err.Error()) > 300 {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	if _, err := anchor.OpenFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestXQuADTranslations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.XQuAD(t), "translations", "*.jsonl"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		file, err := anchor.OpenFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for line := range strings.Lines(string(text)) {
			var row struct{ ID, Lang, Target, Text string }
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			got, err := file.Translate(t.Context(), anchor.Request{ID: row.ID, Text: "?", From: row.Lang, To: row.Target})
			if err != nil || strings.Join(strings.Fields(got.Text), "") != strings.Join(strings.Fields(row.Text), "") {
				t.Errorf("%s %s: %+v, %v, want %q", path, row.ID, got, err, row.Text)
			}
			rows++
		}
		if rows != 238 && rows != 1190 {
			t.Errorf("%s: %d rows", path, rows)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	for _, text := range []string{
		"", "{}", `{"id":"a","lang":"th","target":"en","text":"b"}`, `{"source":"a","translation":"b"}` + "\n{", "source\ttranslation\na\tb\n",
		"source\ttranslation\tfrom\tto\tid\r\na\tb\tzh-TW\ten\tq\r\n", "\uFEFFsource\ttranslation\n\xff\t\xff", "source\ttranslation\n \u0301\t \n",
	} {
		f.Add(text, "a")
	}
	f.Fuzz(func(t *testing.T, text, query string) {
		file, err := anchor.ReadFile("f", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read translations: f:") || len(err.Error()) > 2000 {
				t.Errorf("error %q", err)
			}
			return
		}
		got, err := file.Translate(t.Context(), anchor.Request{ID: query, Text: query, From: "th", To: "en"})
		if err == nil && (got.Text == "" || got.Text != strings.TrimSpace(got.Text)) || err != nil && !errors.Is(err, anchor.ErrNoTranslation) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
