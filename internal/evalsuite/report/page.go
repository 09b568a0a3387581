package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// page is what the template shows.
type page struct {
	Title    string
	Subtitle string
	Style    template.CSS
	Measure  string
	Findings []finding
	Sections []section
	Reading  []string // paragraphs on how to read it
	Facts    []Fact
	Program  string
	Command  string
	Cite     string // the paper's title, with Imprint and Claim behind
	Imprint  string
	Claim    string
}

// section is an experiment, or the movers.
type section struct {
	ID, Title  string
	Intro      string
	CSV        string // names of its files
	Figures    []figure
	FigureNote string
	Tables     []table
	Legend     []Fact
	Printed    *printedItem
	Movers     []moverGroup
}

// printedItem is what the paper has beside an experiment.
type printedItem struct {
	Name, What, Source, Missing string
	Table                       *table // nil where the item has no cells
}

type moverGroup struct {
	Title  string
	Movers []mover
}

// mover is a Mover as it is shown. Language tags are valid ones, or empty.
type mover struct {
	ID               string
	Lang, AnchorLang string
	Language         string
	Ranks            string
	Source           string
	Anchors          []Anchor
	Relevant, Wrong  *Passage
	WrongBy          string
}

func newPage(in Input) (*page, error) {
	p := &page{
		Title: cmp.Or(in.Title, "Evaluation"), Subtitle: subtitle(in), Style: template.CSS(pageStyle), //nolint:gosec // the program's own
		Measure: measure(in.Measures[0]), Findings: summary(in), Reading: reading, Facts: in.Facts, Program: in.Program, Command: in.Command,
	}
	if in.Paper != nil {
		p.Cite, p.Claim = in.Paper.Title, in.Paper.Claim
		p.Imprint = fmt.Sprintf("%s. %s (%s).", in.Paper.Authors, in.Paper.Venue, in.Paper.ID)
	}
	m := in.Measures[0]
	if in.Table != nil {
		p.Sections = append(p.Sections, tableSection(in))
	}
	if in.Sweep != nil {
		s, err := sweepSection(in.Sweep, m)
		if err != nil {
			return nil, err
		}
		s.Printed = in.printed("Figure 1")
		p.Sections = append(p.Sections, s)
	}
	if in.Tune != nil {
		p.Sections = append(p.Sections, section{
			ID: "tune", Title: "λ chosen on other questions", CSV: "tune.csv",
			Intro:  "Each question is judged with the λ that other questions chose, by repeated cross-validation; a λ that was given may have been picked on these very questions. The λ named is the one that all questions together choose.",
			Tables: []table{comparison(in.Tune, m, "Held out: "+measure(m)+", against the source alone", named)},
		})
	}
	if in.AnchorMatrix != nil || in.EqualMatrix != nil {
		anchors := section{
			ID: "anchors", Title: "Languages of anchors", CSV: "anchors.csv, anchors-percent.csv",
			Intro:   "Which language should the second query be in? Where it is the documents' own there is nothing to add, and the mean leaves it out.",
			Printed: in.printed("Table 2"),
		}
		for _, r := range []*evalsuite.Result{in.AnchorMatrix, in.EqualMatrix} {
			if r != nil {
				anchors.Tables = append(anchors.Tables, heatMap(r, m))
			}
		}
		if in.EqualMatrix != nil {
			anchors.CSV += ", anchors-equal.csv"
		}
		p.Sections = append(p.Sections, anchors)
	}
	if in.Translators != nil {
		s, err := translatorSection(in.Translators, m)
		if err != nil {
			return nil, err
		}
		s.Printed = in.printed("Figure 2")
		p.Sections = append(p.Sections, s)
	}
	if in.Methods != nil {
		p.Sections = append(p.Sections, methodsSection(in))
	}
	if in.Augmentation != nil {
		p.Sections = append(p.Sections, augmentSection(in.Augmentation, m))
	}
	if len(in.Movers) > 0 {
		p.Sections = append(p.Sections, section{
			ID: "movers", Title: "Questions that moved most", CSV: "movers.csv",
			Intro:  "Single questions explain; they prove nothing.",
			Movers: movers(in.Movers),
		})
	}
	return p, nil
}

func subtitle(in Input) string {
	for _, r := range []*evalsuite.Result{in.Table, in.Sweep, in.Tune, in.AnchorMatrix, in.Methods, in.Translators} {
		if r == nil || len(r.Rows) == 0 {
			continue
		}
		least, most := r.Rows[0].Queries, r.Rows[0].Queries
		for _, row := range r.Rows {
			least, most = min(least, row.Queries), max(most, row.Queries)
		}
		questions := plural(least, "question")
		if least != most {
			questions = count(least) + " to " + plural(most, "question")
		}
		if len(languages(r)) > 1 {
			questions += " a language,"
		}
		return fmt.Sprintf("%s on %s: %s in %s", measure(in.Measures[0]), r.Rows[0].Dataset, questions, list(names(languages(r))))
	}
	return measure(in.Measures[0])
}

func tableSection(in Input) section {
	m := in.Measures[0]
	s := section{
		ID: "table", Title: "Source, anchor, both", CSV: "table.csv",
		Intro:   "The source query is the question in the documents' language, the anchor the same question in another. Query-Synergy scores a passage by λ times the one and 1 − λ times the other.",
		Tables:  []table{comparison(in.Table, m, measure(m)+", against the source alone", named)},
		Printed: in.printed("Table 1"),
	}
	if len(in.Measures) > 1 {
		s.Tables = append(s.Tables, measuresTable(in.Table, in.Measures, "All measures, and the difference to the source alone"))
	}
	return s
}

func sweepSection(r *evalsuite.Result, m metrics.Measure) (section, error) {
	figures, err := curves(r, m)
	return section{
		ID: "sweep", Title: "The weight λ", CSV: "sweep.csv", Figures: figures,
		Intro: "At λ = 1 the source query ranks alone, at λ = 0 the anchor.",
		FigureNote: "Difference in " + measure(m) + " to the source alone, in points, with its 95% band. Dots mark significant differences. " +
			"All panels have one scale; a curve that leaves it below goes on in the table.",
		Tables: []table{sweepTable(r, m)},
	}, err
}

func translatorSection(r *evalsuite.Result, m metrics.Measure) (section, error) {
	figures, err := translatorBars(r, m)
	s := section{
		ID: "translators", Title: "Who translated the anchors", CSV: "translators.csv", Figures: figures,
		Intro: "In each language over the questions that all of its translators have translated.",
		FigureNote: "Difference in " + measure(m) + " to the source alone, in points, with its 95% interval. Coloured bars are significant, " +
			"grey ones are not. All panels have one scale.",
		Tables: []table{comparison(r, m, measure(m)+" by translator, against the source alone", func(row evalsuite.Row) string {
			if row.Method == evalsuite.SourceOnly {
				return named(row)
			}
			return row.Translator + ", " + lambdaOf(row)
		})},
	}
	s.Tables[0].Folded = true
	return s, err
}

func methodsSection(in Input) section {
	m := in.Measures[0]
	s := section{
		ID: "methods", Title: "Other ways to fuse", CSV: "methods.csv", Legend: in.Fusions,
		Intro: "The same two searches, made one ranking as other systems do it.",
		Tables: []table{pivot(in.Methods, measure(m)+atLambda(in.Methods.Rows)+" by way of fusing, and the difference to the source alone", "Method",
			func(r evalsuite.Row) string { return method(r.Method) },
			func(r evalsuite.Row) cell { return valueCell(r, m) })},
	}
	if in.Depth > 0 {
		s.Intro += fmt.Sprintf(" They get the first %s of each search; Query-Synergy scores every document by both queries.", plural(in.Depth, "document"))
	}
	return s
}

// reading is how to read the tables.
var reading = []string{
	"Measures are shown ×100, differences in points of that. ▲ (better) and ▼ (worse) mark a difference that is significant: p below 0.05 by the paired sign-flip permutation test over the questions, two-sided, after Holm's correction over the rows of the same experiment, the means being a family of their own. There is no correction across experiments: one and the same difference can be significant in one and, where more was tested, not in another. What is not marked is not shown to be equal.",
	"Ranges are 95% bootstrap intervals, those of differences paired and uncorrected, so an interval may leave out 0 where the corrected test is not significant. The effect is the mean of the differences over their standard deviation. In a mean every language weighs the same; its n counts a question once for each language, but its tests draw the question once for all of them.",
	"The figures are about these questions, passages and this model. Another corpus or model may differ: run it there.",
}

// printed returns what the paper has under a name; nil where there is no paper.
func (in Input) printed(name string) *printedItem {
	if in.Paper == nil {
		return nil
	}
	item, ok := in.Paper.Item(name)
	if !ok {
		return nil
	}
	p := &printedItem{Name: item.Name, What: item.What, Source: item.Source, Missing: item.Missing}
	if len(item.Cells) > 0 {
		t := printed(item)
		t.Caption = fmt.Sprintf("%s of the paper: %s", p.Name, p.What)
		p.Table = &t
	}
	return p
}

func movers(all []Mover) []moverGroup {
	gained, lost := moverGroup{Title: "Gained"}, moverGroup{Title: "Lost"}
	for _, m := range all {
		shown := mover{
			ID: m.ID, Lang: tag(m.Lang), AnchorLang: tag(m.AnchorLang), Language: language(m.Lang),
			Ranks:  fmt.Sprintf("Rank %s → %s", rank(m.Before), rank(m.After)),
			Source: m.Source, Anchors: m.Anchors, Relevant: passage(m.Relevant), Wrong: passage(m.Wrong),
		}
		if m.Gained() {
			shown.WrongBy = "by the source alone"
			gained.Movers = append(gained.Movers, shown)
		} else {
			shown.WrongBy = "by both"
			lost.Movers = append(lost.Movers, shown)
		}
	}
	return slices.DeleteFunc([]moverGroup{gained, lost}, func(g moverGroup) bool { return len(g.Movers) == 0 })
}

func rank(n int) string {
	if n == 0 {
		return "not found"
	}
	return strconv.Itoa(n)
}

func passage(p Passage) *Passage {
	if p == (Passage{}) {
		return nil
	}
	return &Passage{ID: p.ID, Title: p.Title, Text: shorten(p.Text, excerpt)}
}

// tag returns a language for a lang attribute, "" where it is none.
func tag(language string) string {
	parsed, err := lang.Parse(language)
	if err != nil {
		return ""
	}
	return parsed
}
