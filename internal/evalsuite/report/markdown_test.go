package report_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
)

// wholeTables checks that every line of a table has as many cells as its head,
// by GitHub's rule: a bar that no backslash escapes ends a cell.
func wholeTables(t rapid.TB, text string) {
	t.Helper()
	bar := regexp.MustCompile(`(?:[^\\]|\\.)*?\|`)
	width := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			width = 0
			continue
		}
		cells := len(bar.FindAllString(strings.TrimPrefix(line, "|"), -1))
		if width != 0 && cells != width {
			t.Errorf("%d cells below a head of %d: %s", cells, width, line)
		}
		width = cells
	}
}

// TestMarkdownSaysWhatThePageSays: every finding and every number of the page's
// tables stands in the Markdown too.
func TestMarkdownSaysWhatThePageSays(t *testing.T) {
	files := write(t, realistic(t))
	text := files[report.MarkdownName]
	wholeTables(t, text)
	number := regexp.MustCompile(`[0-9]+\.[0-9]+`)
	shown := number.FindAllString(text, -1)
	page, _, _ := strings.Cut(files[report.PageName], `<section id="movers"`)
	cells := regexp.MustCompile(`(?s)<td.*?</td>`).FindAllString(page, -1)
	for _, c := range cells {
		for _, n := range number.FindAllString(c, -1) {
			if !slices.Contains(shown, n) {
				t.Errorf("%s of the page is missing", n)
			}
		}
	}
	if len(cells) < 500 {
		t.Errorf("only %d cells in the page", len(cells))
	}
	if strings.Contains(text, "evaluate 9.9") || !strings.Contains(files[report.PageName], "evaluate 9.9") {
		t.Error("the version must stand in the page, and in the Markdown not")
	}
}

func TestMarkdownDistrustsTexts(t *testing.T) {
	const attack = "a|b `c` <script>alert(1)</script> [x](http://y) **z** &amp; $m$\n# d\n- e \u202e\u200fעברית\x1b"
	in := small()
	in.Title, in.Command = attack, "evaluate --out '```\n# x'"
	in.Facts = []report.Fact{{Name: attack, Value: attack}}
	for i := range in.Table.Rows {
		in.Table.Rows[i].Lang, in.Table.Rows[i].Dataset, in.Table.Rows[i].Method = attack, attack, attack
	}
	text := write(t, in)[report.MarkdownName]
	wholeTables(t, text)
	inert := regexp.MustCompile("(?s)````.*?````|``[^\n]*``|`[^`\n]*`").ReplaceAllString(strings.ReplaceAll(text, "\\`", ""), "")
	for _, alive := range []string{" <script", "a|b", "[x]", "**z", " &amp", " $m", "\n# d", "\n- e"} {
		if strings.Contains(inert, alive) {
			t.Errorf("the Markdown has a live %q:\n%s", alive, inert)
		}
	}
	if strings.ContainsAny(text, "\u202e\u200f\x1b") || !strings.Contains(text, "\u2068") {
		t.Error("a text can turn the direction of what stands around it")
	}
	if strings.Count(text, "\u2068") != strings.Count(text, "\u2069") {
		t.Error("an isolate is left open")
	}
}

func TestMarkdownAnyText(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("<>&|`\\*_[]#~$\n\t \u202e\u05d0\u2067")), 0, 60, -1)).Draw(r, "text")
		in := report.Input{
			Title: text, Measures: []metrics.Measure{ndcg1}, Facts: []report.Fact{{Name: text, Value: text}}, Command: text,
			Methods: &evalsuite.Result{Rows: []evalsuite.Row{judged("th", evalsuite.Method(text), 0.7, 2, false)}},
		}
		if err := report.Write(dir, in); err != nil {
			r.Fatal(err)
		}
		got := contents(r, dir)[report.MarkdownName]
		wholeTables(r, got)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }) {
			r.Fatal("the Markdown has control characters")
		}
		if n := strings.Count(got, "\n## "); n != 4 {
			r.Fatalf("%d headings, want 4:\n%s", n, got)
		}
	})
}

// TestStatements: each answer follows from the numbers, whichever way they
// point.
func TestStatements(t *testing.T) {
	const qs = evalsuite.QuerySynergy
	mean := evalsuite.MeanLang
	table := func(higher float64, significant bool) report.Input {
		return report.Input{Paper: &published.Paper{Title: "P", Claim: "C."}, Table: &evalsuite.Result{
			Rows:  []evalsuite.Row{judged("th", qs, 0.7, 2, true), judged("ar", qs, 0.7, -1, true), judged("el", qs, 0.7, -3, false)},
			Means: []evalsuite.Row{judged(mean, qs, 0.7, higher, significant)},
		}}
	}
	sweep := func(means ...evalsuite.Row) report.Input {
		return report.Input{Sweep: &evalsuite.Result{
			Rows: []evalsuite.Row{
				judged("th", qs, 0.4, 1, false), judged("th", qs, 0.5, 3, true), judged("th", qs, 0.6, 3, false),
				judged("ar", qs, 0.4, -2, true), judged("ar", qs, 0.5, -1, false), judged("ar", qs, 0.6, 1, false),
			},
			Means: means,
		}}
	}
	anchored := func(lang, anchorLang string, delta float64, significant bool) evalsuite.Row {
		r := judged(lang, qs, 0.7, delta, significant)
		r.AnchorLang = anchorLang
		return r
	}
	matrix := func(spanish float64) *evalsuite.Result {
		return &evalsuite.Result{
			Rows: []evalsuite.Row{
				anchored("th", "en", 2, true), anchored("ar", "en", 1, false), anchored("el", "en", -1, false),
				anchored("th", "es", spanish, false), anchored("ar", "es", spanish, false), anchored("el", "es", -2, true),
			},
			Means: []evalsuite.Row{anchored(mean, "en", 1, true), anchored(mean, "es", -1, false)},
		}
	}
	machine := func(delta float64, significant bool) report.Input {
		by := func(lang, who string, delta float64, significant bool) evalsuite.Row {
			r := judged(lang, qs, 0.7, delta, significant)
			r.Translator = who
			return r
		}
		return report.Input{Translators: &evalsuite.Result{
			Rows:  []evalsuite.Row{by("th", "qwen", -4, true), by("ar", "qwen", -1, false), by("el", "qwen", 3, false)},
			Means: []evalsuite.Row{by(mean, evalsuite.Human, 1, true), by(mean, "qwen", delta, significant)},
		}}
	}
	methods := func(exact float64) report.Input {
		return report.Input{Methods: &evalsuite.Result{Means: []evalsuite.Row{
			judged(mean, evalsuite.SourceOnly, 1, 0, false), judged(mean, qs, 0.7, exact, true),
			judged(mean, "rrf", 0.7, -2, true), judged(mean, "min-max", 0.7, 1, false),
		}}}
	}
	for _, tc := range []struct {
		name     string
		in       report.Input
		want     []string
		unwanted []string
	}{
		{"agrees", table(1, true), []string{
			"nDCG@1 is higher than by the source alone in 1 of 3 languages, significantly higher in 1 of 3, significantly lower in 1 of 3.",
			"In the mean these data agree with the gain",
		}, nil},
		{"undecided", table(1, false), []string{"neither confirm nor refute"}, []string{"agree with"}},
		{"opposite", table(-1, true), []string{"show the opposite"}, []string{"agree with"}},
		{
			"λ = 0.5 is best", sweep(judged(mean, qs, 0.4, -1, false), judged(mean, qs, 0.5, 2, true), judged(mean, qs, 0.6, 1, false)),
			[]string{"λ = 0.5 is the best of those tried: it reaches 82.00.", "p = 0.020) is significant", "By language, significantly better: Thai (+3.00); not decided by these data: Arabic (−1.00)."},
			[]string{"not tested against each other"},
		},
		{
			"λ = 0.5 is not best", sweep(judged(mean, qs, 0.4, -1, true), judged(mean, qs, 0.5, 1, false), judged(mean, qs, 0.6, 1.5, false)),
			[]string{
				"λ = 0.5 is not the best of those tried: it reaches 81.00, 0.50 points below λ = 0.6.", "p = 0.200) may be chance", "not tested against each other",
				"At none of them is it significantly above the source alone; it is significantly below at λ = 0.4.",
				"highest at a λ of 0.5 in Thai and 0.6 in Arabic, the least where several are equal.",
				"Significantly above the source alone, corrected over all 6 comparisons: Thai at λ = 0.5.",
			},
			[]string{"significantly above the source alone from"},
		},
		{
			"one anchor language helps most", report.Input{AnchorMatrix: matrix(-1)},
			[]string{
				"Of the languages of anchors at λ = 0.7, significantly better: English (+1.00); not decided by these data: Spanish (−1.00).",
				"higher with anchors in English in 2 of 3 languages, with Spanish in none: in more than half of the languages with English only.",
				"Of the 6 pairs of languages, corrected together, 1 is significantly better: English anchors on Thai (+2.00); 1 is significantly worse: Spanish anchors on Greek (−2.00).",
			}, nil,
		},
		{"two anchor languages help most", report.Input{EqualMatrix: matrix(1)}, []string{"in more than half of the languages with English and Spanish."}, []string{"only"}},
		{
			"machine harms", machine(-1, true),
			[]string{"Anchors by qwen harm: −1.00 points", "By the sign alone they lower nDCG@1 in 2 of 3 languages: Thai (−4.00) and Arabic (−1.00); significantly in 1 of 3."},
			[]string{"help or harm"},
		},
		{"machine undecided", machine(-1, false), []string{"Whether anchors by qwen help or harm is not decided: −1.00 points", "over 100 questions in 3 languages"}, []string{"qwen harm"}},
		{"machine helps", machine(1, true), []string{"Anchors by qwen help: +1.00 points"}, []string{"harm"}},
		{"exact first", methods(2), []string{"is first of 3 by nDCG@1, before min-max (81.00)."}, nil},
		{"exact second", methods(0.5), []string{"is in place 2 of 3 by nDCG@1, behind min-max (81.00)."}, []string{"first"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := said(t, tc.in)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("it lacks %q:\n%s", want, got)
				}
			}
			for _, unwanted := range tc.unwanted {
				if strings.Contains(got, unwanted) {
					t.Errorf("it says %q:\n%s", unwanted, got)
				}
			}
		})
	}
}
