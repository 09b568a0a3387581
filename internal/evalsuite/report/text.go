package report

import (
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
)

// excerpt is how many characters of a passage are shown.
const excerpt = 260

// clean makes a text fit for HTML: control characters, which HTML forbids, are
// replaced, as is what is not UTF-8. Those that set the direction of writing
// stay; the page isolates every text.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
			return unicode.ReplacementChar
		default:
			return r
		}
	}, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), string(unicode.ReplacementChar)))
}

// cleaned returns a copy in which every text is clean. It is the only place
// where that is seen to.
func (in Input) cleaned() Input {
	cleanAll(&in.Title, &in.Command, &in.Program)
	in.Facts = each(in.Facts, func(f *Fact) { cleanAll(&f.Name, &f.Value) })
	in.Fusions = each(in.Fusions, func(f *Fact) { cleanAll(&f.Name, &f.Value) })
	in.Movers = each(in.Movers, func(m *Mover) {
		cleanAll(&m.ID, &m.Lang, &m.AnchorLang, &m.Source)
		for _, p := range []*Passage{&m.Relevant, &m.Wrong} {
			cleanAll(&p.ID, &p.Title, &p.Text)
		}
		m.Anchors = each(m.Anchors, func(a *Anchor) { cleanAll(&a.Translator, &a.Text) })
	})
	results := []**evalsuite.Result{&in.Table, &in.Sweep, &in.Tune, &in.AnchorMatrix, &in.EqualMatrix, &in.Translators, &in.Methods}
	if in.Augmentation != nil {
		in.Augmentation = in.Augmentation.clone()
		results = append(results, in.Augmentation.results()...)
	}
	for _, r := range results {
		if *r != nil {
			*r = &evalsuite.Result{Rows: each((*r).Rows, cleanRow), Means: each((*r).Means, cleanRow)}
		}
	}
	if in.Paper != nil {
		paper := *in.Paper
		cleanAll(&paper.Title, &paper.Authors, &paper.Venue, &paper.ID, &paper.Claim)
		paper.Items = each(paper.Items, func(i *published.Item) {
			cleanAll(&i.Name, &i.What, &i.Source, &i.Missing)
			i.Cells = each(i.Cells, func(c *published.Cell) {
				cleanAll(&c.Dataset, &c.Model, &c.Lang, &c.AnchorLang, &c.Translator, &c.Method, &c.Measure)
			})
		})
		in.Paper = &paper
	}
	return in
}

func cleanRow(r *evalsuite.Row) {
	cleanAll(&r.Dataset, &r.Lang, &r.AnchorLang, &r.Translator)
	r.Method = evalsuite.Method(clean(string(r.Method)))
	cleanAll(&r.PassagesLang)
	if r.Texts != nil {
		texts := *r.Texts
		texts.Langs = each(texts.Langs, func(l *string) { cleanAll(l) })
		texts.By = each(texts.By, func(by *string) { cleanAll(by) })
		r.Texts = &texts
	}
}

func cleanAll(texts ...*string) {
	for _, text := range texts {
		*text = clean(*text)
	}
}

// each returns a changed copy of a list.
func each[T any](list []T, change func(*T)) []T {
	list = slices.Clone(list)
	for i := range list {
		change(&list[i])
	}
	return list
}

// shorten cuts a text to n characters as a reader counts them.
func shorten(text string, n int) string {
	rest, state := text, -1
	for range n {
		_, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if rest == "" {
			return text
		}
	}
	return strings.TrimSpace(text[:len(text)-len(rest)]) + "…"
}
