package augment_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

var broncos = corpus.Passage{
	DocID: "0-1", Lang: "en", Title: "Super Bowl 50", Chunks: 1,
	Text: "The Broncos defeated the Pittsburgh Steelers in the divisional round, 23–16. Who would stop them? Manning did not throw an interception.",
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		lang, reply string
		want        []string
	}{
		{"en", "Who won the game?", []string{"Who won the game?"}},
		{"en", " \u00a0Who  won\tthe game?\r\n", []string{"Who won the game?"}},
		{"en", "Where is the cafe\u0301?", []string{"Where is the café?"}},
		{"en", `"Who won the game?"`, []string{"Who won the game?"}},
		{"en", `**"Who won the game?"**`, []string{"Who won the game?"}},
		{"en", `Who said "no"?`, []string{`Who said "no"?`}},
		{"en", "```\nWho won the game?\n```", []string{"Who won the game?"}},
		{"en", "<think>They want a question? Yes.</think>\n\nWho won the game?", []string{"Who won the game?"}},
		{"en", "Sure, here is an English question:\n\nWho won the game?\n\nLet me know if you need more!", []string{"Who won the game?"}},
		{"en", "Certainly! Here's one: Who won the game?", []string{"Who won the game?"}},
		{"en", "Question: Who won the game?\nAnswer: The Broncos.", []string{"Who won the game?"}},
		{"en", "Who won the game? The Broncos did.", []string{"Who won the game?"}},
		{"en", "1. Who won the game?\n2. Who lost it?", []string{"Who won the game?", "Who lost it?"}},
		{"en", "1) Who won the game? 2) Who lost it?", []string{"Who won the game?", "Who lost it?"}},
		{"en", "- **Who won the game?**\n- *Who lost it?*", []string{"Who won the game?", "Who lost it?"}},
		{"en", "Q1: Who won the game?\nA: The Broncos\nQ2: Who lost it?", []string{"Who won the game?", "Who lost it?"}},
		{"en", "Who won the game? Who lost it?", []string{"Who won the game?", "Who lost it?"}},
		{"en", "What did the U.S. do? and why?", []string{"What did the U.S. do? and why?"}},
		{"en", "final score of the Broncos game", []string{"final score of the Broncos game"}},
		{"tr", "19. yüzyılda bu şehirde neler oldu?", []string{"19. yüzyılda bu şehirde neler oldu?"}},
		{"es", "Pregunta en español: ¿Quién ganó el partido? (Who won the game?)", []string{"¿Quién ganó el partido?"}},
		{"es", "¿Quién ganó el partido de los Broncos?", []string{"¿Quién ganó el partido de los Broncos?"}},
		{"zh", "1．谁赢得了比赛？2．谁输了？", []string{"谁赢得了比赛？", "谁输了？"}},
		{"zh", "问题：丹佛野马队赢得了哪一场比赛？", []string{"丹佛野马队赢得了哪一场比赛？"}},
		{"zh", "Broncos队赢得了哪一场比赛？", []string{"Broncos队赢得了哪一场比赛？"}},
		{"th", "คำถาม: ทีมใดชนะการแข่งขัน\nทีมใดแพ้", []string{"ทีมใดชนะการแข่งขัน", "ทีมใดแพ้"}},
		{"el", "Ποιος κέρδισε τον αγώνα; Ποιος έχασε;", []string{"Ποιος κέρδισε τον αγώνα;", "Ποιος έχασε;"}},
		{"el", "Ποιος κέρδισε τον αγώνα\u037e", []string{"Ποιος κέρδισε τον αγώνα;"}},
		{"ar", "سؤال: من فاز في المباراة؟", []string{"من فاز في المباراة؟"}},
	} {
		got, refused := augment.Clean(c.reply, augment.Request{Passage: broncos, Lang: c.lang}, nil)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %q, refused %v, want %q", c.lang, c.reply, got, refused, c.want)
		}
	}
}

func TestCleanRefuses(t *testing.T) {
	for _, c := range []struct {
		lang, reply string
		want        augment.Reason
	}{
		{"en", "", augment.ReasonEmpty},
		{"en", " \n\u2003", augment.ReasonEmpty},
		{"en", "?!…", augment.ReasonEmpty},
		{"en", "Sure, here is a question:", augment.ReasonChatter},
		{"en", "Answer: the Broncos", augment.ReasonChatter},
		{"en", "I'm sorry, but I can't help with that.", augment.ReasonChatter},
		{"en", "<think>Let me see. What could be", augment.ReasonTooLong},
		{"en", strings.Repeat("Who won? ", 8000), augment.ReasonTooLong},
		{"en", "What " + strings.Repeat("very ", 100) + "happened?", augment.ReasonTooLong},
		{"en", "Generate a English question for this passage: Super Bowl 50", augment.ReasonEcho},
		{"en", "the broncos defeated the Pittsburgh Steelers in the divisional round", augment.ReasonEcho},
		{"en", "Who would stop them?", augment.ReasonEcho},
		{"en", "Super Bowl 50", augment.ReasonEcho},
		{"es", "Who won the divisional round game?", augment.ReasonLanguage},
		{"en", "¿Quién ganó el partido de los Broncos?", augment.ReasonLanguage},
		{"zh", "Who won the divisional round game?", augment.ReasonLanguage},
		{"zh", "Кто выиграл матч?", augment.ReasonLanguage},
		{"th", "谁赢得了比赛？", augment.ReasonLanguage},
		{"en", "WHO knows: the “final” score", augment.ReasonDuplicate},
	} {
		got, refused := augment.Clean(c.reply, augment.Request{Passage: broncos, Lang: c.lang}, []string{"Who knows the final score?"})
		if len(got) != 0 || len(refused) == 0 || slices.ContainsFunc(refused, func(r augment.Reason) bool { return r != c.want }) {
			t.Errorf("%s %.60q: %q, refused %v, want %v", c.lang, c.reply, got, refused, c.want)
		}
	}
	got, refused := augment.Clean("Who won the game?\nWho won the game?", augment.Request{Passage: broncos, Lang: "en"}, nil)
	if len(got) != 1 || !slices.Equal(refused, []augment.Reason{augment.ReasonDuplicate}) {
		t.Errorf("the same twice in a reply: %q, %v", got, refused)
	}
}

// passages returns the passages of XQuAD by their index.
func passages(t *testing.T, dir, tag string) []corpus.Passage {
	t.Helper()
	var all []corpus.Passage
	for d, err := range corpus.Read(t.Context(), corpus.Options{Format: corpus.FormatSQuAD, Lang: tag}, filepath.Join(dir, "xquad."+tag+".json")) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, corpus.Passage{DocID: d.ID, Lang: d.Lang, Title: d.Title, Text: d.Text, Chunks: 1})
	}
	return all
}

// What a small model really answered.
func TestCleanRecorded(t *testing.T) {
	dir := testenv.XQuAD(t)
	english := passages(t, dir, "en")
	var ids []string
	byID := map[string]corpus.Passage{}
	for _, p := range english {
		ids = append(ids, p.DocID)
		byID[p.DocID] = p
	}
	for _, c := range []struct {
		file                  string
		rows, kept, unchanged int
		refused               map[augment.Reason]int
	}{
		// Some rows hold up to seven questions.
		{"en.en.qwen2.5-coder-1.5b.jsonl", 1156, 1152, 1146, map[augment.Reason]int{
			augment.ReasonDuplicate: 3, augment.ReasonEcho: 4, augment.ReasonLanguage: 2,
		}},
		{"en.es.qwen2.5-coder-1.5b.jsonl", 562, 662, 524, map[augment.Reason]int{
			augment.ReasonDuplicate: 2, augment.ReasonLanguage: 9,
		}},
		{"wrong-language.zh.jsonl", 739, 0, 0, map[augment.Reason]int{augment.ReasonLanguage: 739}},
	} {
		rows, err := augment.ReadFile(filepath.Join(dir, "generated-queries", c.file), ids)
		if err != nil || len(rows) != c.rows {
			t.Fatalf("%s: %d rows, %v", c.file, len(rows), err)
		}
		known := map[string][]string{}
		refused := map[augment.Reason]int{}
		kept, unchanged := 0, 0
		for _, row := range rows {
			got, reasons := augment.Clean(row.Text, augment.Request{Passage: byID[row.DocID], Lang: row.Lang}, known[row.DocID])
			known[row.DocID] = append(known[row.DocID], got...)
			kept += len(got)
			if slices.Equal(got, []string{row.Text}) {
				unchanged++
			}
			for _, reason := range reasons {
				refused[reason]++
			}
		}
		if kept != c.kept || unchanged != c.unchanged || !maps.Equal(refused, c.refused) {
			t.Errorf("%s: %d queries, %d rows as they were, refused %v, want %d, %d, %v",
				c.file, kept, unchanged, refused, c.kept, c.unchanged, c.refused)
		}
	}
}

// People's questions in the language asked for are kept, and those in another
// refused.
func TestLanguages(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	tags := []string{"ar", "el", "en", "es", "hi", "th", "tr", "vi", "zh"}
	questions := map[string][]corpus.Question{}
	for _, tag := range tags {
		all, err := corpus.ReadSQuADQuestions(filepath.Join(dir, "xquad."+tag+".json"))
		if err != nil {
			t.Fatal(err)
		}
		questions[tag] = all[:100]
	}
	refused := func(asked, got, from string) float64 {
		n := 0
		for _, q := range questions[got] {
			_, reasons := augment.Clean(q.Text, augment.Request{Passage: corpus.Passage{Lang: from}, Lang: asked}, nil)
			if slices.Contains(reasons, augment.ReasonLanguage) {
				n++
			}
		}
		return float64(n) / float64(len(questions[got]))
	}
	var right, wrong float64
	for _, tag := range tags {
		share := refused(tag, tag, "en")
		right += share / float64(len(tags))
		if share > 0.01 {
			t.Errorf("%s: %.1f%% of the questions refused", tag, 100*share)
		}
		for _, other := range tags {
			if other == tag {
				continue
			}
			share := refused(tag, other, "en")
			wrong += share / float64(len(tags)*(len(tags)-1))
			if share < 0.97 {
				t.Errorf("asked in %s, answered in %s: %.1f%% refused", tag, other, 100*share)
			}
		}
	}
	if right > 0.005 || wrong < 0.995 {
		t.Errorf("%.2f%% of the right ones refused, %.2f%% of the wrong ones", 100*right, 100*wrong)
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{
		"Who won?", "1. Who won the game?\n2) Who lost?", "Sure, here is one:\n\"Who?\"", "<think>a?</think>b?", "**Q1:** x?\nA: y",
		"1. 1. 2. what? 3. no?", "(“«x?»”)", "谁？谁？", "Ποιος; Τι;", "\xff\x00", "- - - - - - - - a?", "* *a** ?", "1．2．x？ a? (b?)",
	} {
		f.Add(seed, "en")
		f.Add(seed, "zh")
	}
	f.Fuzz(func(t *testing.T, reply, tag string) {
		if !slices.Contains([]string{"en", "zh", "el", "th"}, tag) {
			tag = "en"
		}
		request := augment.Request{Passage: broncos, Lang: tag}
		queries, refused := augment.Clean(reply, request, nil)
		if len(queries)+len(refused) == 0 {
			t.Fatalf("%q: neither a query nor a reason", reply)
		}
		for _, query := range queries {
			if !utf8.ValidString(query) || !norm.NFC.IsNormalString(query) || strings.Join(strings.Fields(query), " ") != query {
				t.Fatalf("%q gives %q, which is not tidy", reply, query)
			}
			if again, reasons := augment.Clean(query, request, nil); !slices.Equal(again, []string{query}) {
				t.Fatalf("%q gives %q, which then gives %q, %v", reply, query, again, reasons)
			}
			if again, reasons := augment.Clean(query, request, queries); len(again) != 0 || !slices.Contains(reasons, augment.ReasonDuplicate) {
				t.Fatalf("%q is not known after itself", query)
			}
		}
	})
}
