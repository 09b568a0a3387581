package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// markdown returns the page's words and tables as GitHub-flavoured Markdown,
// for a file that is kept under version control: without plots, without the
// questions that moved most, whose texts are the dataset's, and without what
// changes while no figure does.
func (p *page) markdown() []byte {
	var b bytes.Buffer
	line := func(format string, parts ...any) { fmt.Fprintf(&b, format+"\n", parts...) }
	line("<!-- Written by evaluate report: edit nothing here. -->")
	line("# %s\n\n%s.", prose(p.Title), prose(p.Subtitle))
	heading := "What the numbers say"
	if p.Cite != "" {
		heading = "What the paper claims, and what these data say"
	}
	if p.Cite != "" || len(p.Findings) > 0 {
		line("\n## %s", heading)
	}
	if p.Cite != "" {
		line("\n*%s*. %s %s", prose(p.Cite), prose(p.Imprint), prose(p.Claim+p.missing()))
	}
	if len(p.Findings) > 0 {
		line("\nIn points of %s × 100, against the source query alone:\n", prose(p.Measure))
		for _, f := range p.Findings {
			line("- **%s.** %s", prose(f.Head), prose(f.Text))
		}
	}
	for _, s := range p.Sections {
		tables := s.Tables
		if s.Printed != nil && s.Printed.Table != nil {
			tables = append(slices.Clone(tables), *s.Printed.Table)
		}
		if len(tables) == 0 {
			continue
		}
		line("\n## %s\n\n%s", prose(s.Title), prose(s.Intro))
		for _, t := range tables {
			line("\n%s:\n", prose(t.Caption))
			t.markdown(&b)
		}
		if s.Printed != nil && s.Printed.Table != nil {
			line("\nRead from: %s.", prose(s.Printed.Source))
		}
		if len(s.Legend) > 0 {
			line("")
		}
		for _, f := range s.Legend {
			line("- **%s**: %s", prose(f.Name), prose(f.Value))
		}
	}
	line("\n## How to read this")
	for _, paragraph := range p.Reading {
		line("\n%s", prose(paragraph))
	}
	line("\n## To run it again")
	if p.Command != "" {
		fence := fenceFor(p.Command, 3)
		line("\n%s\n%s\n%s", fence, strings.ReplaceAll(p.Command, " --", " \\\n  --"), fence)
	}
	if len(p.Facts) > 0 {
		line("")
	}
	for _, f := range p.Facts {
		line("- %s: %s", prose(f.Name), verbatim(f.Value))
	}
	return b.Bytes()
}

// missing says which items of the paper cannot be set beside, and why.
func (p *page) missing() string {
	var reasons []string
	items := map[string][]string{}
	for _, s := range p.Sections {
		if s.Printed == nil || s.Printed.Table != nil {
			continue
		}
		if items[s.Printed.Missing] == nil {
			reasons = append(reasons, s.Printed.Missing)
		}
		items[s.Printed.Missing] = append(items[s.Printed.Missing], s.Printed.Name)
	}
	text := ""
	for _, reason := range reasons {
		text += fmt.Sprintf(" No figures of its %s stand here. %s", list(items[reason]), reason)
	}
	return text
}

// markdown writes the table. The name of a group stands in the first of its
// rows.
func (t table) markdown(b *bytes.Buffer) {
	grouped := slices.ContainsFunc(t.Groups, func(g group) bool { return g.Name != "" })
	row := func(cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	var head, rule []string
	if grouped {
		head, rule = []string{"Language"}, []string{"-"}
	}
	head, rule = append(head, prose(t.Corner)), append(rule, "-")
	for _, c := range t.Columns {
		head, rule = append(head, prose(c)), append(rule, "-:")
	}
	row(head)
	row(rule)
	for _, g := range t.Groups {
		for i, l := range g.Rows {
			var cells []string
			switch {
			case grouped && i == 0 && g.Note != "":
				cells = []string{prose(g.Name + ", " + g.Note)}
			case grouped && i == 0:
				cells = []string{prose(g.Name)}
			case grouped:
				cells = []string{""}
			}
			cells = append(cells, prose(l.Name))
			for _, c := range l.Cells {
				cells = append(cells, c.markdown())
			}
			row(cells)
		}
	}
}

func (c cell) markdown() string {
	text := prose(c.Text)
	if c.Best {
		text = "**" + text + "**"
	}
	switch c.Mark {
	case up:
		text += " ▲"
	case down:
		text += " ▼"
	}
	if c.Detail != "" {
		text += " (" + prose(c.Detail) + ")"
	}
	return text
}

var escaper = strings.NewReplacer(func() []string {
	pairs := []string{"<0", "<0", "<\u00a0", "<\u00a0"} // p-values, which begin no tag
	for _, c := range "\\`*_[]<>|~$&#" {
		pairs = append(pairs, string(c), `\`+string(c))
	}
	return pairs
}()...)

// prose makes a text that may come from anywhere fit to stand within a line of
// Markdown: on one line, without a character that means something there, and
// with no effect on the direction of what stands around it.
func prose(text string) string { return escaper.Replace(isolated(text)) }

// verbatim is prose for what is shown letter by letter.
func verbatim(text string) string {
	text = isolated(text)
	if text == "" {
		return ""
	}
	fence := fenceFor(text, 1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// fenceFor returns at least n backticks, and more than text has anywhere.
func fenceFor(text string, n int) string {
	run := 0
	for _, c := range text {
		if c != '`' {
			run = 0
			continue
		}
		run++
		n = max(n, run+1)
	}
	return strings.Repeat("`", n)
}

// isolated puts a text on one line, drops its controls of direction and, where
// it has letters that run from the right, isolates it: GitHub strips <bdi>.
func isolated(text string) string {
	const first, pop = "\u2068", "\u2069"
	rightToLeft := false
	text = strings.Map(func(r rune) rune {
		properties, _ := bidi.LookupRune(r)
		switch properties.Class() {
		case bidi.R, bidi.AL:
			rightToLeft = true
		case bidi.LRO, bidi.RLO, bidi.LRE, bidi.RLE, bidi.PDF, bidi.LRI, bidi.RLI, bidi.FSI, bidi.PDI:
			return -1
		}
		if r == '\u200e' || r == '\u200f' || r == '\u061c' {
			return -1
		}
		return r
	}, strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " "))
	if rightToLeft {
		return first + text + pop
	}
	return text
}
