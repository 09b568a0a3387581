package report_test

import (
	"encoding/csv"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
)

var (
	update  = flag.Bool("update", false, "rewrite the golden files in testdata")
	preview = flag.String("preview", "", "folder to write the invented report into, to look at")
)

// write writes a report and returns its files by name.
func write(t *testing.T, in report.Input) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := report.Write(dir, in); err != nil {
		t.Fatal(err)
	}
	return contents(t, dir)
}

func contents(t rapid.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

// small has a little of everything.
func small() report.Input {
	two := []string{"ar", "th"}
	half := 0.5
	in := report.Input{
		Title: "Small", Measures: []metrics.Measure{ndcg1},
		Table: over(3, two, func(g int, l string) evalsuite.Row {
			return []evalsuite.Row{
				baseline(l, "en", 96), row(l, "en", evalsuite.AnchorOnly, 0, source[l], -9, 96),
				row(l, "en", evalsuite.QuerySynergy, 0.7, source[l], benefit[l]*3, 96),
			}[g]
		}),
		Sweep: over(3, two, func(g int, l string) evalsuite.Row {
			return []evalsuite.Row{
				row(l, "en", evalsuite.QuerySynergy, 0, source[l], -9, 96), row(l, "en", evalsuite.QuerySynergy, 0.5, source[l], 4, 96),
				row(l, "en", evalsuite.QuerySynergy, 1, source[l], math.NaN(), 96),
			}[g]
		}),
		Movers: []report.Mover{{
			ID: "q1", Lang: "ar", AnchorLang: "en", Source: "ما سبب زرقة الجو؟", Before: 4, After: 1,
			Anchors:  []report.Anchor{{Translator: evalsuite.Human, Text: "Why is the sky blue?"}},
			Relevant: report.Passage{ID: "sky-blue", Title: "السماء", Text: "يحتوي ضوء الشمس على جميع الألوان."},
			Wrong:    report.Passage{ID: "sunset-red", Text: "عندما تكون الشمس عند الأفق."},
		}},
		Paper: &published.Paper{
			Title: "An invented paper", Authors: "N. N.", Venue: "Nowhere", ID: "0", Claim: "Nothing.",
			Items: []published.Item{
				{Name: "Table 1", What: "invented", Source: "text", Cells: []published.Cell{
					{Dataset: "xquad", Model: "bge-m3", Lang: "ar", Method: "source", Measure: "ndcg@1", Value: 12.34},
					{Dataset: "xquad", Model: "bge-m3", Lang: "ar", Method: "query-synergy", Lambda: &half, Measure: "ndcg@1", Value: 23.45},
				}},
				{Name: "Figure 1", What: "invented", Missing: "It was not read."},
			},
		},
		Facts:   []report.Fact{{Name: "Model", Value: "none"}},
		Command: "evaluate report",
	}
	return in
}

func TestGolden(t *testing.T) {
	for path, got := range map[string]string{
		"testdata/small.html":   write(t, small())[report.PageName],
		"testdata/realistic.md": write(t, realistic(t))[report.MarkdownName],
	} {
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("what is written differs from %s: look at both, then run with -update", path)
		}
	}
}

// TestAlone holds the page to loading nothing and running nothing.
func TestAlone(t *testing.T) {
	in := realistic(t)
	dir := t.TempDir()
	if *preview != "" {
		dir = *preview
	}
	if err := report.Write(dir, in); err != nil {
		t.Fatal(err)
	}
	page := contents(t, dir)[report.PageName]
	for _, foreign := range []string{"://", "url(", "@import", "<script", "<link", "src=", "xlink", "javascript:"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %q", foreign)
		}
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(href[1], "#") || !strings.Contains(page, `id="`+href[1][1:]+`"`) {
			t.Errorf("a link leads to %q", href[1])
		}
	}
	wellFormed(t, page)
}

// wellFormed checks that every tag is closed, ids are unique, and a parser
// changes nothing.
func wellFormed(t rapid.TB, page string) {
	t.Helper()
	void := map[string]bool{"meta": true, "link": true, "br": true, "img": true, "hr": true}
	var open []string
	ids := map[string]bool{}
	for tokens := html.NewTokenizer(strings.NewReader(page)); tokens.Next() != html.ErrorToken; {
		token := tokens.Token()
		switch {
		case token.Type == html.StartTagToken && !void[token.Data]:
			open = append(open, token.Data)
		case token.Type == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes none of %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
		for _, a := range token.Attr {
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("id %q stands twice", a.Val)
			} else if a.Key == "id" {
				ids[a.Val] = true
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v", open)
	}
	once := reparse(t, page)
	if again := reparse(t, once); again != once {
		t.Error("a parser reads the page otherwise than it stands")
	}
	// Rows and cells that a parser had to move would show up as a difference in
	// number.
	for _, tag := range []string{"<tr", "<td", "<th", "<dd", "<svg", "<p"} {
		if strings.Count(page, tag) != strings.Count(once, tag) {
			t.Errorf("%d %s as written, %d as read", strings.Count(page, tag), tag, strings.Count(once, tag))
		}
	}
}

func reparse(t rapid.TB, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := html.Render(&b, root); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNumbersAreInCSV: every number in a cell of the page is one of the CSV
// files, rounded.
func TestNumbersAreInCSV(t *testing.T) {
	for name, in := range map[string]report.Input{"small": small(), "realistic": realistic(t)} {
		files := write(t, in)
		known := map[string]bool{}
		for file, data := range files {
			if !strings.HasSuffix(file, ".csv") {
				continue
			}
			lines, err := csv.NewReader(strings.NewReader(data)).ReadAll()
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, line := range lines {
				for _, field := range line {
					if x, err := strconv.ParseFloat(field, 64); err == nil {
						known[strconv.FormatFloat(math.Abs(x), 'f', 2, 64)] = true
						known[strconv.FormatFloat(math.Abs(100*x), 'f', 2, 64)] = true
						known[strconv.FormatFloat(x, 'f', 3, 64)] = true
						known[field] = true
					}
				}
			}
		}
		cells := regexp.MustCompile(`(?s)<td.*?</td>`).FindAllString(files[report.PageName], -1)
		tag := regexp.MustCompile(`<[^>]*>`)
		shown := 0
		for _, c := range cells {
			for _, number := range regexp.MustCompile(`[0-9][0-9.]*`).FindAllString(tag.ReplaceAllString(strings.ReplaceAll(html.UnescapeString(c), "<0.001", ""), " "), -1) {
				shown++
				if !known[number] {
					t.Errorf("%s: %s in %s is in no CSV file", name, number, c)
				}
			}
		}
		if shown < 50 {
			t.Errorf("%s: only %d numbers in the page's tables", name, shown)
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	first, second := write(t, realistic(t)), write(t, realistic(t))
	if len(first) != 17 {
		t.Errorf("%d files, want the page, its Markdown and 15 CSV files", len(first))
	}
	for name := range first {
		if first[name] != second[name] {
			t.Errorf("%s differs from one run to the next", name)
		}
	}
}

// TestPartial writes reports in which all but one experiment are missing.
func TestPartial(t *testing.T) {
	whole := realistic(t)
	for _, tc := range []struct {
		section string
		in      report.Input
	}{
		{"", report.Input{}},
		{"table", report.Input{Table: whole.Table}},
		{"sweep", report.Input{Sweep: whole.Sweep}},
		{"tune", report.Input{Tune: whole.Tune}},
		{"anchors", report.Input{AnchorMatrix: whole.AnchorMatrix}},
		{"anchors", report.Input{EqualMatrix: whole.EqualMatrix}},
		{"translators", report.Input{Translators: whole.Translators}},
		{"methods", report.Input{Methods: whole.Methods}},
		{"augment", report.Input{Augmentation: whole.Augmentation}},
		{"augment", report.Input{Augmentation: &report.Augmentation{Sweep: whole.Augmentation.Sweep}}},
		{"augment", report.Input{Augmentation: &report.Augmentation{Blend: &evalsuite.AugmentTuned{Result: whole.Augmentation.Blend.Result, Own: whole.Augmentation.Blend.Own}}}},
		{"augment", report.Input{Augmentation: &report.Augmentation{Across: whole.Augmentation.Across}}},
		{"movers", report.Input{Movers: whole.Movers[:1]}},
		{"table", report.Input{Table: &evalsuite.Result{Rows: whole.Table.Rows[:3]}}},
		{"sweep", report.Input{Sweep: &evalsuite.Result{Rows: whole.Sweep.Rows[:1]}}},
		{"translators", report.Input{Translators: &evalsuite.Result{}}},
	} {
		tc.in.Measures = whole.Measures
		page := write(t, tc.in)[report.PageName]
		wellFormed(t, page)
		for _, section := range []string{"table", "sweep", "tune", "anchors", "translators", "methods", "augment", "movers"} {
			if has := strings.Contains(page, `<section id="`+section+`"`); has != (section == tc.section) {
				t.Errorf("report of %q has a section %q: %v", tc.section, section, has)
			}
		}
	}
	if err := report.Write(t.TempDir(), report.Input{}); err == nil {
		t.Error("a report without a measure was written")
	}
}

// TestOldFilesGo: a report leaves no numbers behind that it does not show.
func TestOldFilesGo(t *testing.T) {
	dir := t.TempDir()
	if err := report.Write(dir, realistic(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.csv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	in := small()
	in.Sweep, in.Movers, in.Paper = nil, nil, nil
	if err := report.Write(dir, in); err != nil {
		t.Fatal(err)
	}
	files := contents(t, dir)
	for _, name := range []string{report.PageName, report.MarkdownName, "table.csv", "mine.csv"} {
		if _, ok := files[name]; !ok {
			t.Errorf("%s is gone", name)
		}
	}
	if len(files) != 4 {
		t.Errorf("%d files are left, want 4", len(files))
	}
}

// TestHostileTexts puts into every text what would break a page that trusts it.
func TestHostileTexts(t *testing.T) {
	const attack = "\"'></bdi></p></style></svg><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\x00\x1b\u202e{{.}}"
	in := small()
	in.Title, in.Command = attack, attack
	in.Facts = []report.Fact{{Name: attack, Value: attack}}
	p := report.Passage{ID: attack, Title: attack, Text: attack}
	in.Movers = []report.Mover{
		{ID: attack, Lang: attack, AnchorLang: attack, Source: attack, Anchors: []report.Anchor{{Translator: attack, Text: attack}}, Before: 1, After: 2, Relevant: p, Wrong: p},
		{ID: "=1+1", Lang: "ar", AnchorLang: "en", Source: "@SUM(A1)", Before: 1, After: 2},
	}
	hostile := func(r *evalsuite.Result) *evalsuite.Result {
		out := &evalsuite.Result{}
		for _, rows := range []*[]evalsuite.Row{&r.Rows, &r.Means} {
			for i := range *rows {
				h := (*rows)[i]
				h.Dataset, h.Lang, h.AnchorLang, h.Translator, h.Method = attack, attack, attack, attack, attack
				out.Rows = append(out.Rows, h)
			}
		}
		return out
	}
	in.Table, in.Sweep = hostile(in.Table), hostile(in.Sweep)
	in.Translators, in.Methods, in.AnchorMatrix, in.Tune = in.Table, in.Table, in.Table, in.Table
	in.EqualMatrix = in.Table
	in.Paper = &published.Paper{
		Title: attack, Authors: attack, Venue: attack, ID: attack, Claim: attack,
		Items: []published.Item{
			{Name: "Table 1", What: attack, Source: attack, Cells: []published.Cell{{Dataset: attack, Model: attack, Lang: attack, Measure: attack}}},
			{Name: "Figure 1", What: attack, Missing: attack},
		},
	}
	files := write(t, in)
	page := files[report.PageName]
	wellFormed(t, page)
	for _, alive := range []string{"<script", "<img", "\x00", "\x1b", "</style></svg>"} {
		if strings.Contains(page, alive) {
			t.Errorf("the page has a live %q: %.300q", alive, page[max(0, strings.Index(page, alive)-200):])
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("the page does not show the text at all")
	}
	isolated(t, page)
	for _, want := range []string{"'=1+1", "'@SUM(A1)"} {
		if !strings.Contains(files["movers.csv"], want) {
			t.Errorf("movers.csv lacks %q: a spreadsheet would run the text", want)
		}
	}
}

// isolated checks that a text which turns the direction of writing stands in an
// element that ends its influence.
func isolated(t *testing.T, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	block := map[string]bool{"title": true, "pre": true, "p": true, "summary": true, "caption": true, "text": true, "bdi": true}
	for n := range root.Descendants() {
		if n.Type != html.TextNode || !strings.Contains(n.Data, "\u202e") {
			continue
		}
		safe := block[n.Parent.Data]
		for _, a := range n.Parent.Attr {
			safe = safe || a.Key == "dir"
		}
		if !safe {
			t.Errorf("<%s> does not isolate %.60q", n.Parent.Data, n.Data)
		}
	}
}

// TestNoNumber: what cannot be computed is left out, never shown as NaN.
func TestNoNumber(t *testing.T) {
	in := realistic(t)
	for _, r := range []*evalsuite.Result{in.Table, in.Sweep, in.Tune, in.AnchorMatrix, in.EqualMatrix, in.Translators, in.Methods} {
		for _, rows := range [][]evalsuite.Row{r.Rows, r.Means} {
			for i := range rows {
				nan, inf := math.NaN(), math.Inf(1)
				for m := range rows[i].Metrics {
					rows[i].Metrics[m], rows[i].Intervals[m] = nan, evalsuite.Interval{nan, inf}
				}
				for m, d := range rows[i].Versus {
					d.Delta, d.Interval, d.P, d.PHolm, d.Effect = nan, evalsuite.Interval{nan, inf}, nan, nan, inf
					rows[i].Versus[m] = d
				}
			}
		}
	}
	files := write(t, in)
	wellFormed(t, files[report.PageName])
	for _, name := range []string{report.PageName, report.MarkdownName} {
		for _, wrong := range []string{"NaN", "Inf"} {
			if strings.Contains(files[name], wrong) {
				t.Errorf("%s shows %s", name, wrong)
			}
		}
	}
}

// TestAnyText: whatever the texts are, the page stays whole and they stay text.
func TestAnyText(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("<>&\"'/=a!-\u202e\u0000\u0301")), 0, 400, -1))
		in := report.Input{
			Title: text.Draw(r, "title"), Measures: []metrics.Measure{ndcg1},
			Movers: []report.Mover{{ID: "q", Lang: "ar", AnchorLang: "en", Source: text.Draw(r, "source"), Before: 2, After: 1, Wrong: report.Passage{Text: text.Draw(r, "passage")}}},
		}
		if err := report.Write(dir, in); err != nil {
			r.Fatal(err)
		}
		page := contents(r, dir)[report.PageName]
		if !utf8.ValidString(page) || strings.ContainsFunc(page, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }) {
			r.Fatal("the page has characters that HTML forbids")
		}
		wellFormed(r, page)
	})
}
