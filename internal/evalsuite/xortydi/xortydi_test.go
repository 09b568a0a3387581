package xortydi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/evalsuite/xortydi"
)

func TestReadQuestions(t *testing.T) {
	const text = "\uFEFF" + `{"id": "-12", "question": "東京は?", "lang": "ja", "split": "dev", "answers": ["Tokyo", "yes"]}

{"id": 7, "lang": "te", "question": "?"}
`
	want := []xortydi.Question{
		{ID: "-12", Lang: "ja", Text: "東京は?", Answers: []string{"Tokyo", "yes"}}, {ID: "7", Lang: "te", Text: "?"},
	}
	for name, content := range map[string][]byte{"plain": []byte(text), "gzipped": gzipped(t, text)} {
		got, err := xortydi.ReadQuestions(bytes.NewReader(content), "q.jsonl")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for content, want := range map[string]string{
		`{"id": "a", "lang": "ja"` + "\n":                                "q.jsonl:1: it is not a JSON object",
		"\n" + `{"lang": "ja"}`:                                          `q.jsonl:2: "id" is missing`,
		`{"id": [], "lang": "ja"}`:                                       `"id" is neither`,
		`{"id": "a", "lang": "?"}`:                                       `question "a": "lang"`,
		`{"id": "a", "lang": "ja", "answers": [""]}`:                     "empty answer",
		`{"id": "a", "lang": "ja"}` + "\n" + `{"id": "a", "lang": "ko"}`: `q.jsonl:2: question "a" stood in line 1 already`,
		"": "q.jsonl: it holds no questions",
		`{"id": "a", "lang": "ja", "question": "` + "\xff" + `"}`:                   "q.jsonl:1: it is not valid UTF-8",
		`{"id": "` + strings.Repeat("a", 600) + `", "lang": "ja", "question": "x"}`: `"id" has 600 bytes`,
	} {
		if _, err := xortydi.ReadQuestions(strings.NewReader(content), "q.jsonl"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", content, err, want)
		}
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// collect returns what a sequence yields until it fails.
func collect[T any](all iter.Seq2[T, error]) (items []T, err error) {
	for item, err := range all {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

func TestPassages(t *testing.T) {
	const text = "id\ttext\ttitle\r\n" +
		"1\t\"Aaron said \"\"I\tgo\"\".\"\tAaron\r\n" +
		"2\tplain \"text\"\t\"\"\"Heroes\"\" (album)\"\n" +
		"3\t\"Heroes\" is one\t\n"
	want := []xortydi.Passage{
		{"1", "Aaron said \"I\tgo\".", "Aaron"}, {"2", `plain "text"`, `"Heroes" (album)`}, {"3", `"Heroes" is one`, ""},
	}
	for name, content := range map[string][]byte{"plain": []byte(text), "gzipped": gzipped(t, text)} {
		got, err := collect(xortydi.Passages(bytes.NewReader(content), "p.tsv"))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	got, err := collect(xortydi.Passages(strings.NewReader("text\tid\nsome\tx\n"), "p.tsv"))
	if err != nil || !slices.Equal(got, []xortydi.Passage{{ID: "x", Text: "some"}}) {
		t.Errorf("other columns: %q, %v", got, err)
	}
	for content, want := range map[string]string{
		"":                           "p.tsv: it is empty",
		"1\tsome text\ttitle\n":      `p.tsv:1: the first line names no column "id"`,
		"id\ttext\n1\ta\n2\tb\tc\n":  "p.tsv:3: it has 3 columns, want 2",
		"id\ttext\n\ta\n":            "p.tsv:2: id is missing",
		"id\ttext\n1\t\xff\n":        "p.tsv:2: it is not valid UTF-8",
		"\x1f\x8bno gzip after all!": "p.tsv: gzip",
	} {
		if _, err := collect(xortydi.Passages(strings.NewReader(content), "p.tsv")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	for p, err := range xortydi.Passages(strings.NewReader(text), "p.tsv") {
		if p.ID != "1" || err != nil {
			t.Errorf("%+v, %v", p, err)
		}
		break // and nothing more is yielded
	}
}

func TestPredictions(t *testing.T) {
	const text = `[
  {"id": "a", "lang": "ja", "ctxs": ["Tokyo is", ""]},
  {"id": 7, "lang": "ko", "ctxs": [{"id": "1", "text": "Seoul", "score": 1}], "more": 1}
]
`
	want := []xortydi.Prediction{
		{ID: "a", Lang: "ja", Contexts: []string{"Tokyo is", ""}, Line: 2}, {ID: "7", Lang: "ko", Contexts: []string{"Seoul"}, Line: 3},
	}
	for name, content := range map[string][]byte{"plain": []byte(text), "gzipped": gzipped(t, text)} {
		got, err := collect(xortydi.Predictions(bytes.NewReader(content), "r.json"))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for content, want := range map[string]string{
		"":   "r.json:1: it ends within the array",
		"{}": `r.json:1: it is no array`,
		"[]": "r.json:1: it holds no predictions",
		"[\n{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": []}\n":                                                             "r.json:2: it ends within the array",
		"[\n{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": []},\n{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": []}]":            `r.json:3: question "a" stood in line 2 already`,
		"[\n{\"id\": \"a\", \"lang\": \"ja\"}]":                                                                            `r.json:2: question "a" has no "ctxs"`,
		"[{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": [\"x\", 5]}]":                                                        `r.json:1: question "a": context 2 is neither`,
		"[{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": [{}]}]":                                                              `context 1 is neither`,
		"[{\"lang\": \"ja\", \"ctxs\": []}]":                                                                               `"id" is missing`,
		"[{\"id\": \"a\", \"ctxs\": []}]":                                                                                  `"lang"`,
		"[{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": []}] []":                                                             "there is more behind the array",
		"[\n\n\n{\"id\": \"a\", \"lang\": \"ja\", \"ctxs\": []},\n{\"id\": \"b\",\n \"lang\": \"ja\", \"ctxs\": 5}\n,\n5]": "r.json:6:",
	} {
		if _, err := collect(xortydi.Predictions(strings.NewReader(content), "r.json")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", content, err, want)
		}
	}
}

// A prediction has a bound; any number of them has none.
func TestLongPredictions(t *testing.T) {
	old := *xortydi.MaxElementBytes
	*xortydi.MaxElementBytes = 5000
	defer func() { *xortydi.MaxElementBytes = old }()
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf(`{"id": %d, "lang": "ja", "ctxs": [%q]}`, i, strings.Repeat("x", 900)))
	}
	if got, err := collect(xortydi.Predictions(strings.NewReader("["+strings.Join(all, ",")+"]"), "r.json")); err != nil || len(got) != 100 {
		t.Errorf("%d, %v", len(got), err)
	}
	all[50] = fmt.Sprintf(`{"id": 50, "lang": "ja", "ctxs": [%q]}`, strings.Repeat("x", 20000))
	if got, err := collect(xortydi.Predictions(strings.NewReader("["+strings.Join(all, ",\n")+"]"), "r.json")); err == nil ||
		!strings.Contains(err.Error(), "a prediction is longer than 5000 bytes") || len(got) != 50 {
		t.Errorf("%d, %v", len(got), err)
	}
}

func TestReadRanking(t *testing.T) {
	got, err := xortydi.ReadRanking(strings.NewReader("a\t9\t0.5\nb\t1\t3\r\na\t2\t0.7\n"), "r.tsv")
	if want := map[string][]string{"a": {"9", "2"}, "b": {"1"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for content, want := range map[string]string{
		"":                   "r.tsv: it holds no lines",
		"a 1 2\n":            "r.tsv:1: it has 1 columns",
		"a\t1\t2\na\t1\t1\n": `r.tsv:2: passage "1" stands twice in question "a"`,
		"\t1\t2\n":           "r.tsv:1: the question is missing",
	} {
		if _, err := xortydi.ReadRanking(strings.NewReader(content), "r.tsv"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

// FuzzQuestions holds that what is read keeps what is promised, and is the same
// when written and read again.
func FuzzQuestions(f *testing.F) {
	f.Add([]byte(`{"id": "a", "question": "?", "lang": "ja", "answers": ["x"]}`))
	f.Add([]byte("{\"id\": -5, \"lang\": \"pt-br\"}\n\n{"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, content []byte) {
		questions, err := xortydi.ReadQuestions(bytes.NewReader(content), "f")
		if err != nil {
			return
		}
		var written bytes.Buffer
		for _, q := range questions {
			row, err := json.Marshal(map[string]any{"id": q.ID, "lang": q.Lang, "question": q.Text, "answers": q.Answers})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&written, "%s\n", row)
		}
		again, err := xortydi.ReadQuestions(&written, "again")
		if err != nil || !reflect.DeepEqual(again, questions) {
			t.Fatalf("%+v, read again %+v, %v", questions, again, err)
		}
	})
}

// FuzzPassages holds the same for passages.
func FuzzPassages(f *testing.F) {
	f.Add([]byte("id\ttext\ttitle\n1\t\"a \"\"b\"\"\"\tt\n"))
	f.Add([]byte("id\ttext\n1\t\"\"\"\n2\t\"\"\"\"\n3\t\"a\"b\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		passages, err := collect(xortydi.Passages(bytes.NewReader(content), "f"))
		if err != nil {
			return
		}
		var written strings.Builder
		written.WriteString("id\ttext\ttitle\n")
		quote := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
		for _, p := range passages {
			if !utf8.ValidString(p.Text) || p.ID == "" {
				t.Fatalf("passage %+v", p)
			}
			fmt.Fprintf(&written, "%s\t%s\t%s\n", quote(p.ID), quote(p.Text), quote(p.Title))
		}
		again, err := collect(xortydi.Passages(strings.NewReader(written.String()), "again"))
		if err != nil || !slices.Equal(again, passages) {
			t.Fatalf("%q, read again %q, %v", passages, again, err)
		}
	})
}

// FuzzPredictions holds the same for predictions, whose lines may differ.
func FuzzPredictions(f *testing.F) {
	f.Add([]byte(`[{"id": "a", "lang": "ja", "ctxs": ["x", {"text": "y"}]}]`))
	f.Add([]byte("[\n{\"id\": 1, \"lang\": \"ko\", \"ctxs\": []}\n,"))
	f.Fuzz(func(t *testing.T, content []byte) {
		predictions, err := collect(xortydi.Predictions(bytes.NewReader(content), "f"))
		if err != nil {
			return
		}
		var rows []map[string]any
		for i, p := range predictions {
			rows = append(rows, map[string]any{"id": p.ID, "lang": p.Lang, "ctxs": append([]string{}, p.Contexts...)})
			if p.Line < 1 || p.Line > 1+bytes.Count(content, []byte("\n")) && content[0] != 0x1f {
				t.Fatalf("line %d", p.Line)
			}
			predictions[i].Line = 1
		}
		written, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		again, err := collect(xortydi.Predictions(bytes.NewReader(written), "again"))
		if err != nil || !reflect.DeepEqual(again, predictions) {
			t.Fatalf("%+v, read again %+v, %v", predictions, again, err)
		}
	})
}

// FuzzRanking holds the same for rankings.
func FuzzRanking(f *testing.F) {
	f.Add([]byte("a\t1\t0.5\na\t2\t0.5\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		ranking, err := xortydi.ReadRanking(bytes.NewReader(content), "f")
		if err != nil {
			return
		}
		var written strings.Builder
		for question, passages := range ranking {
			for _, p := range passages {
				fmt.Fprintf(&written, "%s\t%s\t0\n", question, p)
			}
		}
		again, err := xortydi.ReadRanking(strings.NewReader(written.String()), "again")
		if err != nil || !reflect.DeepEqual(again, ranking) {
			t.Fatalf("%q, read again %q, %v", ranking, again, err)
		}
	})
}
