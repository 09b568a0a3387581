package augment_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

func TestRead(t *testing.T) {
	const file = "\uFEFF" + `{"doc_id": "a", "lang": "th", "text": "ใคร", "model": "m", "prompt": "0011"}
{"doc_id": 7, "lang": "EN", "text": " Who?\u0301 ", "unknown": [1]}

{"doc": 1, "lang": "zh-CN", "text": "谁", "chunk": 2}
{"doc": 1, "lang": "zh-CN", "text": "谁", "chunk": 2}` + "\r\n"
	got, err := augment.Read("f", strings.NewReader(file), []string{"x", "y"})
	zh := augment.Query{DocID: "y", Chunk: 2, Lang: "zh-CN", Text: "谁"}
	want := []augment.Query{
		{DocID: "a", Chunk: augment.EveryChunk, Lang: "th", Text: "ใคร", Model: "m", Prompt: "0011"},
		{DocID: "7", Chunk: augment.EveryChunk, Lang: "en", Text: " Who?\u0301 "}, zh, zh,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"no JSON":        {`who?`, "f:2: it is not a JSON object"},
		"a list":         {`[]`, "f:2: it is not a JSON object"},
		"cut":            {`{"doc_id": "a", "la`, "f:2: it is not a JSON object"},
		"no document":    {`{"lang": "en", "text": "x"}`, `f:2: it names no document: want "doc_id"`},
		"blank id":       {`{"doc_id": "", "lang": "en", "text": "x"}`, "has 0 bytes"},
		"long id":        {`{"doc_id": "` + strings.Repeat("a", 513) + `", "lang": "en", "text": "x"}`, "has 513 bytes"},
		"other id":       {`{"doc_id": 1.5, "lang": "en", "text": "x"}`, "neither a string nor an integer"},
		"index too high": {`{"doc": 1, "lang": "en", "text": "x"}`, `"doc" is 1, but there are 1 documents`},
		"index below 0":  {`{"doc": -1, "lang": "en", "text": "x"}`, `"doc" is -1`},
		"chunk below 0":  {`{"doc": 0, "chunk": -1, "lang": "en", "text": "x"}`, "chunks count from 0"},
		"no lang":        {`{"doc": 0, "text": "x"}`, `"lang" is missing`},
		"bad lang":       {`{"doc": 0, "lang": "english", "text": "x"}`, `"english" is not a language tag`},
		"no text":        {`{"doc": 0, "lang": "en"}`, `"text" is missing or blank`},
		"blank text":     {`{"doc": 0, "lang": "en", "text": "\n "}`, `"text" is missing or blank`},
		"text no text":   {`{"doc": 0, "lang": "en", "text": 5}`, "f:2: it is not a JSON object"},
		"UTF-8":          {"{\"doc\": 0, \"lang\": \"en\", \"text\": \"\xff\"}", "f:2: it is not valid UTF-8"},
		"long line":      {`{"text": "` + strings.Repeat("a", 1<<20) + `"}`, "f:2: the line is longer than"},
	} {
		file := `{"doc": 0, "lang": "en", "text": "x"}` + "\n" + c.line + "\n"
		if got, err := augment.Read("f", strings.NewReader(file), []string{"a"}); err == nil || got != nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 400 {
			t.Errorf("%s: %v, %v, want %q", name, got, err, c.want)
		}
	}
	if _, err := augment.ReadFile(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a missing file was read")
	}
}

func TestReadRecorded(t *testing.T) {
	dir := testenv.XQuAD(t)
	ids := make([]string, 240)
	for i, p := range passages(t, dir, "en") {
		ids[i] = p.DocID
	}
	rows, err := augment.ReadFile(filepath.Join(dir, "generated-queries/en.en.qwen2.5-coder-1.5b.jsonl"), ids)
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := os.Stat(filepath.Join(dir, "generated-queries/en.en.qwen2.5-coder-1.5b.f32"))
	if err != nil || int(vectors.Size()) != len(rows)*384*4 {
		t.Fatalf("%d rows, %d bytes of vectors, %v", len(rows), vectors.Size(), err)
	}
	bank := augment.NewBank(rows)
	s := bank.Summary()
	if s.Queries != 1156 || s.Documents != 240 || s.PerPassage != 5 || !slices.Equal(s.Langs, []string{"en"}) || len(s.Models) != 0 {
		t.Errorf("%+v", s)
	}
	// Row 3 and row 5 of the first passage are the same question.
	if of := bank.Of(ids[0], 0); len(of) != 5 || of[2].Text != of[4].Text {
		t.Errorf("%+v", of)
	}
}

func TestBank(t *testing.T) {
	q := func(docID string, chunk int, tag, text string) augment.Query {
		return augment.Query{DocID: docID, Chunk: chunk, Lang: tag, Text: text, Model: "m"}
	}
	rows := []augment.Query{
		q("a", augment.EveryChunk, "en", "1"), q("a", 1, "en", "2"), q("b", augment.EveryChunk, "en", "3"),
		q("a", 0, "th", "4"), q("a", 1, "en", "5"), q("a", 1, "pt-BR", "6"),
	}
	texts := func(queries []augment.Query) string {
		all := ""
		for _, q := range queries {
			all += q.Text
		}
		return all
	}
	bank := augment.NewBank(rows)
	for want, of := range map[string][]augment.Query{
		"14": bank.Of("a", 0), "1256": bank.Of("a", 1), "1": bank.Of("a", 2), "3": bank.Of("b", 7), "": bank.Of("c", 0),
	} {
		if texts(of) != want {
			t.Errorf("%s, want %s", texts(of), want)
		}
	}
	for want, selected := range map[string][]augment.Query{
		"123456": augment.Select(rows, nil, 0), "12346": augment.Select(rows, nil, 1),
		"1235": augment.Select(rows, []string{"en"}, 0), "46": augment.Select(rows, []string{"th", "pt"}, 1),
		"": augment.Select(rows, []string{"zh"}, 1),
	} {
		if texts(selected) != want {
			t.Errorf("%s, want %s", texts(selected), want)
		}
	}
	s := bank.Summary()
	if s.Queries != 6 || s.Documents != 2 || s.PerPassage != 3 || !slices.Equal(s.Langs, []string{"en", "pt-BR", "th"}) || !slices.Equal(s.Models, []string{"m"}) || len(s.Hash) != 64 {
		t.Errorf("%+v", s)
	}
	slices.Reverse(rows)
	if other := augment.NewBank(rows).Summary(); other.Hash == s.Hash {
		t.Error("another order, the same hash")
	}
	if empty := augment.NewBank(nil).Summary(); empty.Queries != 0 || empty.PerPassage != 0 {
		t.Errorf("%+v", empty)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"doc_id": "a", "lang": "th", "text": "ใคร", "model": "m"}`, `{"doc": 0, "lang": "zh", "text": "x", "chunk": 3}` + "\n\n",
		`{"doc_id": 12, "lang": "en", "text": "<&>\u2028", "prompt": "p"}`, "\uFEFF{}", `{"doc_id": null, "doc": 9}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := augment.Read("f", bytes.NewReader(file), []string{"zero", "one"})
		if err != nil {
			if rows != nil || !strings.HasPrefix(err.Error(), "read generated queries: f:") {
				t.Fatalf("%v, %v", rows, err)
			}
			return
		}
		var written bytes.Buffer
		for _, row := range rows {
			written.Write(row.Append(nil))
		}
		again, err := augment.Read("f", &written, nil)
		if err != nil || !slices.Equal(again, rows) {
			t.Fatalf("%+v, then %+v, %v", rows, again, err)
		}
	})
}
