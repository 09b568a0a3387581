package corpus_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// write puts content into a file of a new folder and returns its path.
func write(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func zipped(tb testing.TB, content string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, content)
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// read gathers all documents before the error, if any.
func read(tb testing.TB, opts corpus.Options, paths ...string) ([]corpus.Document, error) {
	tb.Helper()
	var all []corpus.Document
	for d, err := range corpus.Read(tb.Context(), opts, paths...) {
		if err != nil {
			return all, err
		}
		all = append(all, d)
	}
	return all, nil
}

// stdin reads content as standard input, so that positions say "<stdin>".
func stdin(tb testing.TB, opts corpus.Options, content string) ([]corpus.Document, error) {
	tb.Helper()
	opts.Stdin = strings.NewReader(content)
	return read(tb, opts, "-")
}

func jsonl(tag string) corpus.Options {
	return corpus.Options{Format: corpus.FormatJSONL, Lang: tag}
}

func at(line int) corpus.Position { return corpus.Position{File: "<stdin>", Line: line} }

// belebele returns a row as Meta publishes it; the language is named by tag.
func belebele(link string, number int, passage, tag string) string {
	code, err := lang.ISO3Script(tag)
	if err != nil {
		panic(err)
	}
	row, err := json.Marshal(map[string]any{
		"link": link, "question_number": number, "flores_passage": passage, "question": fmt.Sprintf("%s %d?", link, number),
		"mc_answer1": "A", "mc_answer2": "B", "mc_answer3": "C", "mc_answer4": "D", "correct_answer_num": "2",
		"dialect": strings.ReplaceAll(code, "-", "_"), "ds": "2023-05-03",
	})
	if err != nil {
		panic(err)
	}
	return string(row) + "\n"
}

// dialect returns a row for one passage in a dialect.
func dialect(code string) string {
	return `{"link":"a","flores_passage":"x","dialect":"` + code + `"}` + "\n"
}

func TestReadDocuments(t *testing.T) {
	th := func(f corpus.Format) corpus.Options { return corpus.Options{Format: f, Lang: "th"} }
	for _, tc := range []struct {
		name, in string
		opts     corpus.Options
		want     []corpus.Document
	}{
		{"jsonl", `{"_id":"a","title":"T","text":" x \n","lang":"TH","metadata":{"n":1,"big":9007199254740993,"f":1.50,"s":["x",{"y":null}],"b":true}}` + "\n" + `{"_id":7,"text":"y","Text":"not this","ID":1,"title":null,"metadata":{}}`, th("jsonl"), []corpus.Document{
			{ID: "a", Lang: "th", Title: "T", Text: " x \n", Pos: at(1), Metadata: map[string]any{"n": int64(1), "big": int64(9007199254740993), "f": 1.5, "s": []any{"x", map[string]any{"y": nil}}, "b": true}},
			{ID: "7", Lang: "th", Text: "y", Pos: at(2)},
		}},
		{"own languages", `{"_id":"a","text":"x","lang":"pt-br"}` + "\n" + `{"_id":"a","text":"x","lang":"zh_hant"}`, jsonl(""), []corpus.Document{
			{ID: "a", Lang: "pt-BR", Text: "x", Pos: at(1)}, {ID: "a", Lang: "zh-Hant", Text: "x", Pos: at(2)},
		}},
		{"own language within the given", `{"_id":"a","text":"x","lang":"pt-BR"}`, jsonl("pt"), []corpus.Document{{ID: "a", Lang: "pt", Text: "x", Pos: at(1)}}},
		{"byte-order mark, CRLF, blank lines", "\uFEFF\r\n{\"_id\":\"a\",\"text\":\"x\"}\r\n \t\r\n{\"_id\":\"b\",\"text\":\"y\"}\r\n\n", th("beir"), []corpus.Document{
			{ID: "a", Lang: "th", Text: "x", Pos: at(2)}, {ID: "b", Lang: "th", Text: "y", Pos: at(4)},
		}},
		{"NFC, but not of ids", "{\"_id\":\"e\u0301\",\"title\":\"cafe\u0301\",\"text\":\"\u0958\"}\n{\"_id\":\"é\",\"text\":\"e\\u0301\"}", jsonl("hi"), []corpus.Document{
			{ID: "e\u0301", Lang: "hi", Title: "café", Text: "\u0915\u093c", Pos: at(1)}, {ID: "é", Lang: "hi", Text: "é", Pos: at(2)},
		}},
		{"escapes", `{"_id":"a","text":"\ud83d\ude00 \\ud800 \"\ufffd"}`, jsonl("en"), []corpus.Document{{ID: "a", Lang: "en", Text: "😀 \\ud800 \"\uFFFD", Pos: at(1)}}},
		{"empty", "", jsonl("en"), nil},
		{"only a mark", "\uFEFF", jsonl("en"), nil},
		{"tsv", "_id\ttext\tsource\ttitle\tlang\r\n1\t\"x\tweb\tT\t\r\n\r\n2\ty\t\t\tth", th("tsv"), []corpus.Document{
			{ID: "1", Lang: "th", Title: "T", Text: `"x`, Metadata: map[string]any{"source": "web"}, Pos: at(2)},
			{ID: "2", Lang: "th", Text: "y", Metadata: map[string]any{"source": ""}, Pos: at(4)},
		}},
		{"squad", "{\"version\":[1],\n\"data\":[{\"paragraphs\":[\n{\"context\":\"x\"},\n\n{\"context\":\"y\",\"qas\":[]}],\n\"title\":\"e\u0301\"},\n{\"paragraphs\":[]},{\"title\":null,\"other\":{},\"paragraphs\":[{\"context\":\"z\"}]}]}\n", th("squad"), []corpus.Document{
			{ID: "0-0", Lang: "th", Title: "é", Text: "x", Pos: at(3)},
			{ID: "0-1", Lang: "th", Title: "é", Text: "y", Pos: at(5)},
			{ID: "2-0", Lang: "th", Text: "z", Pos: at(7)},
		}},
		{"xquad-r", "{\"data\":[{\"title\":\"T\",\"paragraphs\":[\n{\"context\":\"ก😀. e\u0301x!\",\"sentence_breaks\":[[0,3],[4,8]],\"sentences\":[\"not this\"]},\n{\"context\":\"y\",\"sentence_breaks\":[]}]}]}", th("xquad-r"), []corpus.Document{
			{ID: "0-0-0", Lang: "th", Title: "T", Text: "ก😀.", Pos: at(2)},
			{ID: "0-0-1", Lang: "th", Title: "T", Text: "éx!", Pos: at(2)},
		}},
		{"belebele", belebele("a", 1, "x  y", "th") + belebele("a", 2, "x y\n", "th") + "\n" + belebele("b", 1, "z", "th"), th("belebele"), []corpus.Document{
			{ID: "a", Lang: "th", Text: "x  y", Pos: at(1)}, {ID: "b", Lang: "th", Text: "z", Pos: at(4)},
		}},
		{"belebele, own dialects", dialect("ary_arab") + dialect("zho_Hans") + dialect("zho_Hant") + dialect("arb_Arab") + dialect("hin_Latn"), corpus.Options{Format: "belebele"}, []corpus.Document{
			{ID: "a", Lang: "ary", Text: "x", Pos: at(1)}, {ID: "a", Lang: "zh", Text: "x", Pos: at(2)}, {ID: "a", Lang: "zh-Hant", Text: "x", Pos: at(3)},
			{ID: "a", Lang: "ar", Text: "x", Pos: at(4)}, {ID: "a", Lang: "hi-Latn", Text: "x", Pos: at(5)},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, content := range []string{tc.in, zipped(t, tc.in)} {
				got, err := stdin(t, tc.opts, content)
				if err != nil || !reflect.DeepEqual(got, tc.want) {
					t.Errorf("got  %+v, %v\nwant %+v", got, err, tc.want)
				}
			}
		})
	}
}

// sentences returns an XQuAD-R file with a paragraph on line 2 and a good one
// after it.
func sentences(context, breaks string) string {
	return "{\"data\":[{\"paragraphs\":[\n{\"context\":" + context + breaks + "},\n{\"context\":\"x\",\"sentence_breaks\":[[0,1]]}]}]}"
}

func TestReadBadRecords(t *testing.T) {
	const good = "\n" + `{"_id":"good","text":"x"}`
	row := func(s string) string { return "\n" + s + good }
	for _, tc := range []struct {
		name, format, lang, in, want string
	}{
		{"broken JSON", "jsonl", "en", row(`{"_id":"a","text"`), "<stdin>:2: broken JSON: unexpected end of JSON input"},
		{"two objects", "jsonl", "en", row(`{"_id":"a","text":"x"}{}`), "<stdin>:2: broken JSON: invalid character '{' after top-level value"},
		{"array", "jsonl", "en", row(`["a"]`), "<stdin>:2: not a JSON object"},
		{"null", "beir", "en", row(`null`), "<stdin>:2: not a JSON object"},
		{"no id", "jsonl", "en", row(`{"id":"a","text":"x"}`), "<stdin>:2: the id is missing or empty"},
		{"empty id", "jsonl", "en", row(`{"_id":"","text":"x"}`), "<stdin>:2: the id is missing or empty"},
		{"fractional id", "jsonl", "en", row(`{"_id":1.0,"text":"x"}`), `<stdin>:2: "_id" is neither a string nor an integer`},
		{"boolean id", "jsonl", "en", row(`{"_id":true,"text":"x"}`), `<stdin>:2: "_id" is neither a string nor an integer`},
		{"control character in id", "jsonl", "en", row(`{"_id":"a\tb","text":"x"}`), `<stdin>:2: id "a\tb" contains a control character`},
		{"long id", "jsonl", "en", row(`{"_id":"` + strings.Repeat("é", 257) + `","text":"x"}`), `<stdin>:2: id "` + strings.Repeat("é", 80) + `"… has 514 bytes, at most 512 are allowed`},
		{"no text", "jsonl", "en", row(`{"_id":"a","title":"x"}`), `<stdin>:2: document "a": the text is missing or blank`},
		{"blank text", "jsonl", "en", row(`{"_id":"a","text":" \n\u00a0\u200b\ufeff"}`), `<stdin>:2: document "a": the text is missing or blank`},
		{"text is no string", "jsonl", "en", row(`{"_id":"a","text":5}`), `<stdin>:2: "text" is not a string`},
		{"NUL", "jsonl", "en", row(`{"_id":"a","text":"x\u0000"}`), `<stdin>:2: document "a": the text contains a NUL character`},
		{"NUL in title", "jsonl", "en", row(`{"_id":"a","text":"x","title":"\u0000"}`), `<stdin>:2: document "a": the title contains a NUL character`},
		{"title is no string", "jsonl", "en", row(`{"_id":"a","text":"x","title":[]}`), `<stdin>:2: "title" is not a string`},
		{"invalid UTF-8", "jsonl", "en", row("{\"_id\":\"a\",\"text\":\"x\xe9y\"}"), "<stdin>:2: invalid UTF-8: byte 0xE9 at offset 20 of the record"},
		{"lone high surrogate", "jsonl", "en", row(`{"_id":"a","text":"\\\ud800x"}`), `<stdin>:2: the escape \ud800 is half of a surrogate pair`},
		{"lone low surrogate", "jsonl", "en", row(`{"_id":"a","text":"\uDC00\ud800"}`), `<stdin>:2: the escape \udc00 is half of a surrogate pair`},
		{"two high surrogates", "jsonl", "en", row(`{"_id":"a","text":"\ud83d\ud83d\ude00"}`), `<stdin>:2: the escape \ud83d is half of a surrogate pair`},
		{"metadata is no object", "jsonl", "en", row(`{"_id":"a","text":"x","metadata":[1]}`), `<stdin>:2: "metadata" is not a JSON object`},
		{"integer too large", "jsonl", "en", row(`{"_id":"a","text":"x","metadata":{"n":[9223372036854775808]}}`), `<stdin>:2: "metadata": the integer 9223372036854775808 does not fit in 64 bits: write it as a string`},
		{"number too large", "jsonl", "en", row(`{"_id":"a","text":"x","metadata":{"n":1e999}}`), `<stdin>:2: "metadata": the number 1e999 is out of range: write it as a string`},
		{"metadata too deep", "jsonl", "en", row(`{"_id":"a","text":"x","metadata":{"n":` + strings.Repeat("[", 16) + "1" + strings.Repeat("]", 16) + `}}`), `<stdin>:2: "metadata": nested over 16 deep`},
		{"unknown language", "jsonl", "en", row(`{"_id":"a","text":"x","lang":"english"}`), `<stdin>:2: document "a": "english" is not a language tag (unknown or malformed): want a BCP 47 tag such as "th", "pt-BR" or "zh-Hant"`},
		{"other language", "jsonl", "en", row(`{"_id":"a","text":"x","lang":"th"}`), `<stdin>:2: document "a": language th, but en is being read: drop --lang, or read the file without it`},
		{"no language", "jsonl", "", "\n" + `{"_id":"a","text":"x"}` + "\n" + `{"_id":"good","text":"x","lang":"en"}`, `<stdin>:2: document "a": no language: give the document a lang, or name one for all with --lang`},
		{"duplicate", "jsonl", "en", good + "\n" + `{"_id":"good","text":"y"}`, `<stdin>:3: document "good": duplicate id in en, first seen at <stdin>:2`},
		{"columns", "tsv", "en", "id\ttext\na\tx\ty\ngood\tx", "<stdin>:2: 3 columns, but the header has 2: a tab separates even within quotes"},
		{"missing column", "tsv", "en", "id\ttext\n\ngood\ngood\tx", "<stdin>:3: 1 columns, but the header has 2: a tab separates even within quotes"},
		{"TSV, invalid UTF-8", "tsv", "en", "id\ttext\na\tx\xff\ngood\tx", "<stdin>:2: invalid UTF-8: byte 0xFF at offset 3 of the record"},
		{"TSV, no text", "tsv", "en", "id\ttext\na\t \ngood\tx", `<stdin>:2: document "a": the text is missing or blank`},
		{"paragraph of no context", "squad", "en", `{"data":[{"paragraphs":[` + "\n" + `{"qas":[]},{"context":"x"}]}]}`, `<stdin>:2: document "0-0": the text is missing or blank`},
		{"paragraph of another shape", "squad", "en", `{"data":[{"paragraphs":[` + "\n" + `"x",{"context":"x"}]}]}`, `<stdin>:2: paragraph 0-0: not a JSON object`},
		{"context of another shape", "squad", "en", `{"data":[{"paragraphs":[` + "\n" + `{"context":1},{"context":"x"}]}]}`, `<stdin>:2: paragraph 0-0: "context" is not a string`},
		{"paragraph, invalid UTF-8", "squad", "en", `{"data":[{"paragraphs":[` + "\n{\"context\":\"\xc3\"}," + `{"context":"x"}]}]}`, "<stdin>:2: paragraph 0-0: invalid UTF-8: byte 0xC3 at offset 12 of the record"},
		{"two passages", "belebele", "th", belebele("good", 1, "x", "th") + belebele("good", 2, "y", "th"), `<stdin>:2: link "good" has another passage than at <stdin>:1`},
		{"no link", "belebele", "th", belebele("", 1, "x", "th") + belebele("good", 1, "y", "th"), `<stdin>:1: the id is missing or empty`},
		{"link of another type", "belebele", "th", `{"link":1,"flores_passage":"x"}` + "\n" + belebele("good", 1, "y", "th"), `<stdin>:1: "link" is not a string`},
		{"no passage", "belebele", "th", `{"link":"a","dialect":"tha_Thai"}` + "\n" + belebele("good", 1, "y", "th"), `<stdin>:1: document "a": the text is missing or blank`},
		{"unknown dialect", "belebele", "th", dialect("xyz") + belebele("good", 1, "y", "th"), `<stdin>:1: "xyz" is not a language tag (unknown or malformed): want a BCP 47 tag such as "th", "pt-BR" or "zh-Hant"`},
		{"another dialect", "belebele", "th", dialect("lao_Laoo") + belebele("good", 1, "y", "th"), `<stdin>:1: document "a": language lo, but th is being read: drop --lang, or read the file without it`},
		{"no sentences", "xquad-r", "en", sentences(`"x"`, ``), `<stdin>:2: paragraph 0-0: "sentence_breaks" is not an array of pairs of integers`},
		{"sentences of another shape", "xquad-r", "en", sentences(`"x"`, `,"sentence_breaks":[[0,"1"]]`), `<stdin>:2: paragraph 0-0: "sentence_breaks" is not an array of pairs of integers`},
		{"sentence without an end", "xquad-r", "en", sentences(`"x"`, `,"sentence_breaks":[[0]]`), `<stdin>:2: paragraph 0-0: sentence 0: [0] is not a range of characters behind the last one, within the 1 of the paragraph`},
		{"sentence beyond the end", "xquad-r", "en", sentences(`"กข"`, `,"sentence_breaks":[[0,1],[1,3]]`), `<stdin>:2: paragraph 0-0: sentence 1: [1 3] is not a range of characters behind the last one, within the 2 of the paragraph`},
		{"overlapping sentences", "xquad-r", "en", sentences(`"abc"`, `,"sentence_breaks":[[0,2],[1,3]]`), `<stdin>:2: paragraph 0-0: sentence 1: [1 3] is not a range of characters behind the last one, within the 3 of the paragraph`},
		{"empty sentence", "xquad-r", "en", sentences(`"abc"`, `,"sentence_breaks":[[1,1]]`), `<stdin>:2: paragraph 0-0: sentence 0: [1 1] is not a range of characters behind the last one, within the 3 of the paragraph`},
		{"negative sentence", "xquad-r", "en", sentences(`"abc"`, `,"sentence_breaks":[[-1,1]]`), `<stdin>:2: paragraph 0-0: sentence 0: [-1 1] is not a range of characters behind the last one, within the 3 of the paragraph`},
		{"blank sentence", "xquad-r", "en", sentences(`"  "`, `,"sentence_breaks":[[0,1]]`), `<stdin>:2: document "0-0-0": the text is missing or blank`},
		{"paragraph of another shape", "xquad-r", "en", "{\"data\":[{\"paragraphs\":[\n1,\n{\"context\":\"x\",\"sentence_breaks\":[[0,1]]}]}]}", `<stdin>:2: paragraph 0-0: not a JSON object`},
		{"context of another type", "xquad-r", "en", sentences(`1`, `,"sentence_breaks":[[0,1]]`), `<stdin>:2: paragraph 0-0: "context" is not a string`},
		{"article title, XQuAD-R", "xquad-r", "en", `{"data":[{"title":1,"paragraphs":[` + "\n" + `{"context":"x","sentence_breaks":[[0,1]]}]},{"paragraphs":[{"context":"x","sentence_breaks":[[0,1]]}]}]}`, `<stdin>:2: article of paragraph 0-0: "title" is not a string`},
		{"article of another shape, XQuAD-R", "xquad-r", "en", "{\"data\":[\n1,{\"paragraphs\":[{\"context\":\"x\",\"sentence_breaks\":[[0,1]]}]}]}", `<stdin>:2: article 0: want "{" here`},
		{"article title", "squad", "en", `{"data":[{"title":"\ud800","paragraphs":[` + "\n" + `{"context":"x"}]},{"paragraphs":[{"context":"x"}]}]}`, `<stdin>:2: article of paragraph 0-0: the escape \ud800 is half of a surrogate pair`},
		{"article title of another shape", "squad", "en", `{"data":[{"title":1,"paragraphs":[` + "\n" + `{"context":"x"}]},{"paragraphs":[{"context":"x"}]}]}`, `<stdin>:2: article of paragraph 0-0: "title" is not a string`},
		{"article of another shape", "squad", "en", `{"data":[` + "\n" + `5,{"paragraphs":[{"context":"x"}]}]}`, `<stdin>:2: article 0: want "{" here`},
		{"article without paragraphs", "squad", "en", `{"data":[` + "\n" + `{"title":""},{"paragraphs":[{"context":"x"}]}]}`, `<stdin>:2: article 0: there is no "paragraphs"`},
		{"paragraphs of another shape", "squad", "en", `{"data":[` + "\n" + `{"paragraphs":null},{"paragraphs":[{"context":"x"}]}]}`, `<stdin>:2: article 0: want "[" here`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opts := corpus.Options{Format: corpus.Format(tc.format), Lang: tc.lang}
			_, err := stdin(t, opts, tc.in)
			bad, ok := errors.AsType[*corpus.RecordError](err)
			if !ok || err.Error() != tc.want {
				t.Fatalf("got  %v\nwant %s", err, tc.want)
			}
			if bad.Pos.File != "<stdin>" || bad.Pos.Line < 1 {
				t.Errorf("position %v", bad.Pos)
			}
			var skipped []string
			opts.OnSkip = func(err error) { skipped = append(skipped, err.Error()) }
			docs, err := stdin(t, opts, tc.in)
			if err != nil || len(docs) != 1 || len(skipped) != 1 || skipped[0] != tc.want {
				t.Errorf("skipping: %d documents, skipped %q, %v, want one document and one error", len(docs), skipped, err)
			}
		})
	}
}

func TestReadFailures(t *testing.T) {
	long := zipped(t, strings.Repeat(`{"_id":"a","text":"x"}`+"\n", 100_000))
	flipped := []byte(zipped(t, `{"_id":"a","text":"x"}`+"\n"))
	flipped[len(flipped)-8] ^= 1 // the checksum
	for _, tc := range []struct{ name, format, in, want string }{
		{"truncated gzip", "jsonl", long[:len(long)/2], "unexpected EOF"},
		{"gzip header only", "jsonl", long[:4], "read <stdin>: unexpected EOF"},
		{"gzip checksum", "jsonl", string(flipped), "read <stdin>:2: gzip: invalid checksum"},
		{"UTF-16", "jsonl", "\xff\xfe{\x00", "read <stdin>: the text is UTF-16: convert it with iconv -f UTF-16 -t UTF-8"},
		{"empty TSV", "tsv", "", "<stdin> is empty: want a header line that names the columns, separated by tabs"},
		{"blank header", "tsv", "\nx\ty", "<stdin>:1: header line: column 1 has no name"},
		{"no id", "tsv", "text\ttitle\n", `<stdin>:1: header line: no column "id": want the columns id and text, and optionally title and lang`},
		{"no text", "tsv", "id,text\n", `<stdin>:1: header line: no column "id": want the columns id and text, and optionally title and lang`},
		{"id only", "tsv", "id\n", `<stdin>:1: header line: no column "text": want the columns id and text, and optionally title and lang`},
		{"two ids", "tsv", "id\t_id\ttext\n", `<stdin>:1: header line: both "id" and "_id" are there: keep one`},
		{"column twice", "tsv", "id\ttext\ttext\n", `<stdin>:1: header line: column "text" is there twice`},
		{"header, invalid UTF-8", "tsv", "id\t\xfftext\n", `<stdin>:1: header line: invalid UTF-8: byte 0xFF at offset 3 of the record`},
		{"not JSON", "squad", "<html>", `<stdin>:1: not readable as SQuAD JSON: invalid character '<' looking for beginning of value`},
		{"nothing", "squad", "\n", `<stdin>:1: not readable as SQuAD JSON: unexpected EOF`},
		{"array", "squad", "\n[]", `<stdin>:2: not readable as SQuAD JSON: want "{" here`},
		{"no data", "squad", "{\"version\":1\n}", `<stdin>:2: not readable as SQuAD JSON: there is no "data"`},
		{"data of another shape", "squad", "{\n\"data\":{}}", `<stdin>:2: not readable as SQuAD JSON: want "[" here`},
		{"cut off", "squad", "{\"data\":[\n{\"paragraphs\":[{\"context\":\"x\"}]}\n,", `<stdin>:3: not readable as SQuAD JSON: unexpected EOF`},
		{"more", "squad", "{\"data\":[]}\n{}", `<stdin>:2: not readable as SQuAD JSON: more follows the end of the JSON`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opts := corpus.Options{Format: corpus.Format(tc.format), Lang: "en"}
			if tc.name == "truncated gzip" {
				opts.OnSkip = func(error) {} // of the duplicates
			} else {
				opts.OnSkip = func(err error) { t.Errorf("skipped: %v", err) }
			}
			_, err := stdin(t, opts, tc.in)
			if _, bad := errors.AsType[*corpus.RecordError](err); err == nil || bad || !strings.HasSuffix(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s, not skippable", err, tc.want)
			}
		})
	}
}

func TestReadMisuse(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name, want string
		opts       corpus.Options
		paths      []string
	}{
		{"no paths", "no input", jsonl("en"), nil},
		{"format", `unknown format "csv": want one of jsonl, beir, squad, xquad-r, belebele, tsv`, corpus.Options{Format: "csv"}, []string{"-"}},
		{"language", `"xx" is not a language tag`, jsonl("xx"), []string{"-"}},
		{"no standard input", `no standard input to read "-" from`, jsonl("en"), []string{"-"}},
		{"missing file", "no such file", jsonl("en"), []string{filepath.Join(dir, "missing")}},
		{"folder", "is a folder", jsonl("en"), []string{dir}},
		{"folder without corpus", "has no corpus.jsonl", corpus.Options{Format: corpus.FormatBEIR, Lang: "en"}, []string{dir}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			docs, err := read(t, tc.opts, tc.paths...)
			if err == nil || len(docs) > 0 || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %d documents, %v, want %s", len(docs), err, tc.want)
			}
		})
	}
}

func TestReadSeveralFiles(t *testing.T) {
	a := write(t, "a.jsonl", `{"_id":"1","text":"x"}`)
	b := write(t, "b", zipped(t, "\n"+`{"_id":"2","text":"y"}`+"\n"+`{"_id":"1","text":"z"}`))
	docs, err := read(t, jsonl("el"), a, b)
	want := fmt.Sprintf(`%s:3: document "1": duplicate id in el, first seen at %s:1`, b, a)
	if len(docs) != 2 || err == nil || err.Error() != want {
		t.Errorf("got %d documents, %v\nwant 2, %s", len(docs), err, want)
	}
	if docs[1].Pos.String() != b+":2" {
		t.Errorf("position %s", docs[1].Pos)
	}
}

func TestReadBEIRFolder(t *testing.T) {
	sample := filepath.Join(testenv.Root(t), "sample", "en")
	docs, err := read(t, corpus.Options{Format: corpus.FormatBEIR, Lang: "en"}, sample)
	if err != nil || len(docs) != 48 {
		t.Fatalf("%d documents, %v, want 48", len(docs), err)
	}
	plain, err := os.ReadFile(filepath.Join(sample, "corpus.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	gz := filepath.Dir(write(t, "corpus.jsonl.gz", zipped(t, string(plain))))
	again, err := read(t, corpus.Options{Format: corpus.FormatBEIR, Lang: "en"}, gz)
	if err != nil || len(again) != len(docs) {
		t.Fatalf("gzipped: %d documents, %v", len(again), err)
	}
	for i := range docs {
		docs[i].Pos, again[i].Pos = corpus.Position{}, corpus.Position{}
	}
	if !reflect.DeepEqual(docs, again) {
		t.Error("the gzipped folder reads differently")
	}
}

func TestReadXQuAD(t *testing.T) {
	path := filepath.Join(testenv.XQuAD(t), "xquad.th.json")
	docs, err := read(t, corpus.Options{Format: corpus.FormatSQuAD, Lang: "th"}, path)
	if err != nil || len(docs) != 240 || docs[0].ID != "0-0" {
		t.Fatalf("%d documents, %v, want 240 from 0-0 on", len(docs), err)
	}
	// Positions are the lines of the opening braces of the paragraphs.
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fileLines := strings.Split(string(raw), "\n")
	ids := make(map[string]bool)
	for _, d := range docs {
		ids[d.ID] = true
		if strings.TrimSpace(fileLines[d.Pos.Line-1]) != "{" || !strings.Contains(fileLines[d.Pos.Line], `"context"`) {
			t.Errorf("%s: %s is not the start of a paragraph", d.ID, d.Pos)
		}
		if d.Title == "" {
			t.Errorf("%s has no title", d.ID)
		}
		if got := corpus.DefaultChunking.Split(d.Text); len(got) != 1 {
			t.Errorf("%s is cut into %d chunks by default", d.ID, len(got))
		}
	}
	questions, err := corpus.ReadSQuADQuestions(path)
	if err != nil || len(questions) != 1190 {
		t.Fatalf("%d questions, %v, want 1190", len(questions), err)
	}
	for _, q := range questions {
		if !ids[q.DocID] || len(q.Answers) == 0 {
			t.Errorf("question %s: document %q, %d answers", q.ID, q.DocID, len(q.Answers))
		}
	}
	// The second file's ids are the first's.
	if _, err := read(t, corpus.Options{Format: corpus.FormatSQuAD, Lang: "th"}, path, path); err == nil || !strings.Contains(err.Error(), `"0-0": duplicate id`) {
		t.Errorf("the same file twice: %v", err)
	}
}

func TestReadStops(t *testing.T) {
	in := strings.Repeat(`{"_id":1,"text":"x"}`+"\n", 3)
	n := 0
	opts := jsonl("en")
	opts.Stdin = strings.NewReader(in)
	for _, err := range corpus.Read(t.Context(), opts, "-") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d documents after break", n)
	}
	for _, f := range corpus.Formats() {
		ctx, cancel := context.WithCancel(t.Context())
		opts := corpus.Options{Format: f, Lang: "en", OnSkip: func(err error) { t.Errorf("skipped: %v", err) }}
		opts.Stdin = strings.NewReader(map[corpus.Format]string{
			corpus.FormatJSONL: in, corpus.FormatBEIR: in, corpus.FormatTSV: "id\ttext\n1\tx\n1\tx\n",
			corpus.FormatSQuAD:    `{"data":[{"paragraphs":[{"context":"x"},{"context":"x"},{"context":"x"}]}]}`,
			corpus.FormatXQuADR:   `{"data":[{"paragraphs":[{"context":"xyz","sentence_breaks":[[0,1],[1,2],[2,3]]}]}]}`,
			corpus.FormatBelebele: `{"link":"a","flores_passage":"x"}` + "\n" + `{"link":"b","flores_passage":"y"}` + "\n" + `{"link":"c","flores_passage":"z"}`,
		}[f])
		var errs []error
		for _, err := range corpus.Read(ctx, opts, "-") {
			errs = append(errs, err)
			cancel()
		}
		if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], context.Canceled) {
			t.Errorf("%s: cancelled after the first document: %v", f, errs)
		}
		cancel()
	}
}

// TestReadBounds reads what is too large, through a pipe, and checks that it is
// passed over and never held.
func TestReadBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: writes 300 MB through a pipe")
	}
	const documents = 50_000
	text := strings.Repeat("plain text ", 400) + "ภาษาไทย" // 4,421 bytes
	r, w := io.Pipe()
	go func() {
		var err error
		for i := 0; i < documents && err == nil; i++ {
			_, err = fmt.Fprintf(w, "{\"_id\":%d,\"text\":\"%s\"}\n", i, text)
		}
		filler := strings.Repeat("x", 1<<20)
		for i := 0; i < 80 && err == nil; i++ { // one line of 80 MiB
			_, err = io.WriteString(w, filler)
		}
		if err == nil {
			_, err = io.WriteString(w, "\n"+`{"_id":"last","text":"x"}`)
		}
		w.CloseWithError(err)
	}()
	defer r.Close()
	var skipped []string
	opts := jsonl("th")
	opts.Stdin = r
	opts.OnSkip = func(err error) { skipped = append(skipped, err.Error()) }
	n := 0
	var peak uint64
	var mem runtime.MemStats
	for d, err := range corpus.Read(t.Context(), opts, "-") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%5000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&mem)
			peak = max(peak, mem.HeapAlloc)
		}
		if n == documents+1 && d.ID != "last" {
			t.Errorf("the last document is %q", d.ID)
		}
	}
	if n != documents+1 {
		t.Errorf("%d documents, want %d", n, documents+1)
	}
	if want := fmt.Sprintf("<stdin>:%d: the line is over 64 MiB", documents+1); len(skipped) != 1 || skipped[0] != want {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
	if peak > 64<<20 {
		t.Errorf("the heap reached %d MiB", peak>>20)
	}
}

func TestReadLargeText(t *testing.T) {
	large := strings.Repeat("x", 16<<20)
	docs, err := stdin(t, jsonl("en"), `{"_id":"a","text":"`+large+`"}`)
	if err != nil || len(docs) != 1 {
		t.Errorf("a text of 16 MiB: %v", err)
	}
	_, err = stdin(t, jsonl("en"), `{"_id":"a","text":"`+large+`x"}`)
	if want := `<stdin>:1: document "a": the text has 16777217 bytes, at most 16777216 (16 MiB) are allowed`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	squad := corpus.Options{Format: corpus.FormatSQuAD, Lang: "en"}
	_, err = stdin(t, squad, "{\"data\":[\n{\"title\":\""+strings.Repeat(large, 4)+`"}]}`)
	if want := `<stdin>:2: not readable as SQuAD JSON: one value is over 64 MiB: split it`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestFormats(t *testing.T) {
	for _, f := range corpus.Formats() {
		if got, err := corpus.ParseFormat(string(f)); err != nil || got != f {
			t.Errorf("ParseFormat(%q) = %q, %v", f, got, err)
		}
		if got, want := f.EmbedsTitle(), f != "squad" && f != "xquad-r"; got != want {
			t.Errorf("%s embeds the title: %v", f, got)
		}
	}
	for _, bad := range []string{"", "JSONL", "csv"} {
		if _, err := corpus.ParseFormat(bad); err == nil {
			t.Errorf("ParseFormat(%q) has no error", bad)
		}
	}
}

// checkRead reads content, skipping what is bad, and checks what Read promises.
func checkRead(t *testing.T, format corpus.Format, content []byte) []corpus.Document {
	t.Helper()
	var docs []corpus.Document
	seen := make(map[string]bool)
	opts := corpus.Options{Format: format, Lang: "th", Stdin: bytes.NewReader(content)}
	opts.OnSkip = func(err error) {
		if bad, ok := errors.AsType[*corpus.RecordError](err); !ok || bad.Pos.Line < 1 || !utf8.ValidString(err.Error()) {
			t.Errorf("skipped %q", err)
		}
	}
	for d, err := range corpus.Read(t.Context(), opts, "-") {
		if err != nil {
			continue
		}
		if d.ID == "" || len(d.ID) > 512 || !utf8.ValidString(d.ID) || seen[d.ID] {
			t.Errorf("id %q", d.ID)
		}
		seen[d.ID] = true
		for _, s := range []string{d.Text, d.Title} {
			if !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) || strings.Contains(s, "\x00") {
				t.Errorf("%q is not valid", s)
			}
		}
		if strings.TrimSpace(d.Text) == "" || d.Lang != "th" || d.Pos.Line < 1 {
			t.Errorf("document %+v", d)
		}
		for i, p := range corpus.DefaultChunking.Passages(d) {
			if p.Chunk != i || p.ContentHash() == "" {
				t.Errorf("passage %+v", p)
			}
		}
		docs = append(docs, d)
	}
	return docs
}
