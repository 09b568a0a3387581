package anchor_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

const where = "Where is the capital?"

func TestCleanTakesOffWhatIsAround(t *testing.T) {
	for reply, want := range map[string]string{
		where:                                                                        where,
		" Where is the cafe\u0301?\n":                                                "Where is the café?",
		`"Where is the capital?"`:                                                    where,
		"“Where is the capital?”":                                                    where,
		"«Where is the capital?»":                                                    where,
		"**Where is the capital?**":                                                  where,
		"`Where is the capital?`":                                                    where,
		"```\nWhere is the capital?\n```":                                            where,
		"```text\nWhere is the capital?\n```\n":                                      where,
		"Output Sentence: Where is the capital?":                                     where,
		"Translation: \"Where is the capital?\"":                                     where,
		"**Translation:** Where is the capital?":                                     where,
		"English: Where is the capital?":                                             where,
		"English translation：Where is the capital?":                                  where,
		"The translated query is: Where is the capital?":                             where,
		"Sure! Here is the translation:\n\nWhere is the capital?":                    where,
		"Sure! Here is the translation: Where is the capital?":                       where,
		"Certainly!\n\"Where is the capital?\"":                                      where,
		"Here's the translated question:\n\n> x\nWhere?":                             "", // two lines left
		"Where is the capital?\n\nNote: \"capital\" means the city.":                 where,
		"Where is the capital?\n(Literally: where does the capital stay?)":           where,
		"Where is the capital? (Note: of the country)":                               where,
		thai.Text + "\nWhere is the capital?":                                        where,
		"<think>\nThe user wants English.\n</think>\n\nWhere is the capital?":        where,
		"<think>a</think>Translation: “Where is the capital?”\n\nExplanation: easy.": where,
		`"A" or "B"`:            `"A" or "B"`,
		`"open`:                 `"open`,
		"'tis 'it'":             "'tis 'it'",
		"What is sum: a theory": "What is sum: a theory",
	} {
		got, err := anchor.Clean(reply, thai)
		switch {
		case want == "" && !errors.Is(err, anchor.ErrChatter):
			t.Errorf("%q: %q, %v, want it refused as chatter", reply, got, err)
		case want != "" && (err != nil || got != want):
			t.Errorf("%q: %q, %v, want %q", reply, got, err, want)
		}
	}
}

// What the query has itself is the query's own.
func TestCleanKeepsWhatTheQueryHas(t *testing.T) {
	for _, test := range []struct{ source, reply string }{
		{`"เมืองหลวงอยู่ที่ไหน"`, `"Where is the capital?"`},
		{"คำแปล: เมืองหลวงอยู่ที่ไหน", "Translation: where is the capital?"},
		{"เมืองหลวง (หมายเหตุ) อยู่ที่ไหน", "Where is the capital (note)"},
		{"เมืองหลวง\nอยู่ที่ไหน", "The capital:\nwhere is it?"},
	} {
		got, err := anchor.Clean(test.reply, anchor.Request{Text: test.source, From: "th", To: "en"})
		if err != nil || got != test.reply {
			t.Errorf("%q for %q: %q, %v", test.reply, test.source, got, err)
		}
	}
}

func TestCleanRefuses(t *testing.T) {
	long := strings.Repeat("a", 4*19+60) // the source has 19 letters
	if got, err := anchor.Clean(long, thai); err != nil || got != long {
		t.Errorf("a reply just short enough: %v", err)
	}
	for _, test := range []struct {
		from, to, source, reply string
		want                    error // nil: accepted as it is
	}{
		{"th", "en", thai.Text, " \n", anchor.ErrEmptyReply},
		{"th", "en", thai.Text, `""`, anchor.ErrEmptyReply},
		{"th", "en", thai.Text, "?!", anchor.ErrEmptyReply},
		{"th", "en", thai.Text, "Translation:", nil}, // odd, yet a text
		{"th", "en", thai.Text, long + "a", anchor.ErrTooLong},
		{"th", "en", thai.Text, strings.Repeat("\"", 1<<15), anchor.ErrTooLong},
		{"th", "en", thai.Text, thai.Text + "?", anchor.ErrEcho},
		{"th", "en", thai.Text, "เมืองหลวงใหญ่อยู่ที่ไหน", anchor.ErrWrongScript},
		{"th", "en", thai.Text, "首都在哪里？", anchor.ErrWrongScript},
		{"th", "en", thai.Text, "One thing.\nAnother thing.", anchor.ErrChatter},
		{"th", "en", thai.Text, "<think>\nThe user", anchor.ErrChatter},
		{"th", "en", thai.Text, "I'm sorry, but I can't assist with that.", anchor.ErrChatter},
		{"th", "en", thai.Text, "Please provide the sentence you would like translated.", anchor.ErrChatter},
		{"th", "en", "NFL", "NFL", nil},
		{"th", "en", "Who leads the NFL?", "Who leads the NFL?", nil}, // was English from the start
		{"th", "en", "ใครคือ Mary Poppins", "ใครคือ Mary Poppins", anchor.ErrEcho},
		{"en", "th", "Super Bowl 50", "Super Bowl 50", nil},
		{"en", "th", where, where, anchor.ErrEcho},
		{"en", "th", where, "Where's the main city?", anchor.ErrWrongScript},
		{"es", "en", "¿Dónde está la capital?", "Dónde está la capital", anchor.ErrEcho},
		{"es", "en", "hotel", "hotel", nil},
		{"es", "en", "COVID-19", "covid-19", nil},
		{"es", "en", "iPhone 15", "iPhone 15", nil},
		{"es", "en", "2024", "2024", nil},
		{"en", "zh", "Where is Energiprojekt AB?", "Energiprojekt AB公司位于何处?", nil},
		{"zh", "ja", "回回是什么？", "回回是什么？", anchor.ErrEcho},
		{"zh", "en", "回回是什么？", `What is "回回"?`, nil},
		{"zh", "en", "BSkyB的标清广播兼容什么？", "BSkyB的标清广播兼容什么", anchor.ErrEcho},
		{"zh", "en", "2015年黑豹队的防守有多少次拦截记录？", strings.Repeat("How many interceptions ", 8), nil},
	} {
		want := strings.TrimSpace(test.reply)
		got, err := anchor.Clean(test.reply, anchor.Request{Text: test.source, From: test.from, To: test.to})
		if test.want == nil {
			if err != nil || got != want {
				t.Errorf("%s-%s %q: %q, %v, want it as it is", test.from, test.to, test.reply, got, err)
			}
			continue
		}
		refused, ok := errors.AsType[*anchor.RefusedError](err)
		if !ok || refused.Reason != test.want || got != "" { //nolint:errorlint // the reason itself, unwrapped
			t.Errorf("%s-%s %.40q: %q, %v, want it refused: %v", test.from, test.to, test.reply, got, err, test.want)
		}
	}
}

// tally counts what becomes of replies.
type tally struct{ kept, cleaned, refused int }

func (c *tally) add(t *testing.T, reply string, request anchor.Request) {
	t.Helper()
	got, err := anchor.Clean(reply, request)
	switch {
	case err != nil:
		c.refused++
		t.Logf("refused: %q for %q: %v", reply, request.Text, err)
	case got != strings.TrimSpace(norm.NFC.String(reply)):
		c.cleaned++
		t.Logf("cleaned: %q for %q: %q", reply, request.Text, got)
	default:
		c.kept++
	}
}

// A human translation is neither refused nor changed, from whatever language.
func TestCleanKeepsHumanTranslations(t *testing.T) {
	english := xquad(t, "en")
	for _, language := range []string{"ar", "el", "es", "hi", "th", "tr", "vi", "zh"} {
		var count tally
		for id, source := range xquad(t, language) {
			count.add(t, english[id], anchor.Request{Text: source, From: language, To: "en"})
		}
		if want := (tally{kept: 1190}); count != want {
			t.Errorf("%s: %+v, want %+v", language, count, want)
		}
	}
}

// The same the other way round. The three refused in Greek are English
// questions that XQuAD's Greek leaves untranslated; see the log of -v.
func TestCleanKeepsHumanTranslationsFromEnglish(t *testing.T) {
	english := xquad(t, "en")
	for language, want := range map[string]tally{
		"ar": {1190, 0, 0}, "el": {1187, 0, 3}, "es": {1190, 0, 0}, "hi": {1190, 0, 0},
		"th": {1190, 0, 0}, "tr": {1190, 0, 0}, "vi": {1190, 0, 0}, "zh": {1190, 0, 0},
	} {
		var count tally
		for id, reply := range xquad(t, language) {
			count.add(t, reply, anchor.Request{Text: english[id], From: "en", To: language})
		}
		if count != want {
			t.Errorf("%s: %+v, want %+v", language, count, want)
		}
	}
}

// Real replies: these translators answer with the sentence alone, and what is
// wrong with it is its meaning.
func TestCleanRealReplies(t *testing.T) {
	for name, want := range map[string]tally{
		"ar.qwen2.5-coder-1.5b": {238, 0, 0}, "el.qwen2.5-coder-1.5b": {238, 0, 0}, "es.qwen2.5-coder-1.5b": {238, 0, 0},
		"th.qwen2.5-coder-1.5b": {238, 0, 0}, "tr.qwen2.5-coder-1.5b": {238, 0, 0}, "zh.qwen2.5-coder-1.5b": {238, 0, 0},
		"es.apertium": {1190, 0, 0},
	} {
		var count tally
		sources := xquad(t, name[:2])
		for _, row := range rows(t, filepath.Join("translations", name+".jsonl")) {
			count.add(t, row.Text, anchor.Request{Text: sources[row.ID], From: row.Lang, To: row.Target})
		}
		if count != want {
			t.Errorf("%s: %+v, want %+v", name, count, want)
		}
	}
}

// A model that was asked for Chinese and answered in English is refused.
func TestCleanWrongLanguage(t *testing.T) {
	var count tally
	for _, row := range rows(t, filepath.Join("generated-queries", "wrong-language.zh.jsonl")) {
		if _, err := anchor.Clean(row.Text, anchor.Request{Text: strings.Repeat("question ", 20), From: "en", To: row.Lang}); errors.Is(err, anchor.ErrWrongScript) {
			count.refused++
		} else {
			count.kept++
			t.Logf("kept: %q, %v", row.Text, err)
		}
	}
	if want := (tally{refused: 739}); count != want {
		t.Errorf("%+v, want %+v", count, want)
	}
}

// Whatever one chatty model or another puts around a translation, the
// translation is what comes out.
func TestCleanUndoesChatter(t *testing.T) {
	before := []string{"", "Translation: ", "Output Sentence: ", "Sure! Here is the translation:\n\n", "Certainly!\n", "<think>\nhm\n</think>\n\n", "The translation is: ", "English: "}
	after := []string{"", "\n\nNote: this is free.", "\n(Literally: so.)", "\n\nLet me know if you need more!", " (Note: free)"}
	around := [][2]string{{"", ""}, {`"`, `"`}, {"“", "”"}, {"**", "**"}, {"```\n", "\n```"}}
	english := xquad(t, "en")
	var ids []string
	for id := range english {
		ids = append(ids, id)
	}
	source := xquad(t, "th")
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom(ids).Draw(t, "id")
		want := strings.TrimSpace(norm.NFC.String(english[id]))
		wrap := rapid.SampledFrom(around).Draw(t, "around")
		if strings.ContainsAny(want, `"“”`) || strings.ContainsAny(source[id], ":()\"'“‘") {
			return // the query's own marks make the others ambiguous
		}
		reply := rapid.SampledFrom(before).Draw(t, "before") + wrap[0] + want + wrap[1] + rapid.SampledFrom(after).Draw(t, "after")
		if got, err := anchor.Clean(reply, anchor.Request{Text: source[id], From: "th", To: "en"}); err != nil || got != want {
			t.Fatalf("%q: %q, %v", reply, got, err)
		}
	})
}

func FuzzClean(f *testing.F) {
	for _, seed := range []struct{ reply, source string }{
		{where, thai.Text}, {"", ""}, {"Sure! Here is the translation:\n\n\"x\"", "首都"}, {"<think>a</think><think>b</think>c", "x y"},
		{"```\n**“‘x’”**\n```\n(Note: y)", "q"}, {"a\xffb", "\xff"}, {"\u0301Translation: \u0301x", "\u0301"}, {"a\nb\nc", "a\nb"},
	} {
		f.Add(seed.reply, seed.source, "th", "en")
	}
	f.Fuzz(func(t *testing.T, reply, source, from, to string) {
		request := anchor.Request{Text: source, From: from, To: to}
		text, err := anchor.Clean(reply, request)
		if err != nil {
			if _, ok := errors.AsType[*anchor.RefusedError](err); !ok || text != "" || len(err.Error()) > 200 {
				t.Fatalf("%q, %v", text, err)
			}
			return
		}
		if strings.TrimSpace(text) == "" || strings.TrimFunc(text, unicode.IsSpace) != text || !utf8.ValidString(text) || !norm.NFC.IsNormalString(text) ||
			strings.Count(text, "\n") > strings.Count(source, "\n") || utf8.RuneCountInString(text) > 12*utf8.RuneCountInString(source)+60 {
			t.Fatalf("%q for %q became %q", reply, source, text)
		}
		if again, err := anchor.Clean(text, request); err != nil || again != text {
			t.Fatalf("%q became %q, then %q, %v", reply, text, again, err)
		}
	})
}

// row is a line of a recorded file.
type row struct{ ID, Lang, Target, Text string }

func rows(t *testing.T, name string) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.XQuAD(t), name))
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for line := range strings.Lines(string(text)) {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// xquad returns a language's 1,190 questions by id, as its file has them.
func xquad(t *testing.T, language string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.XQuAD(t), "xquad."+language+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Data []struct {
			Paragraphs []struct {
				QAs []struct{ ID, Question string }
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	questions := map[string]string{}
	for _, article := range file.Data {
		for _, paragraph := range article.Paragraphs {
			for _, qa := range paragraph.QAs {
				questions[qa.ID] = qa.Question
			}
		}
	}
	return questions
}
