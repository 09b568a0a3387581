package report

import (
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
)

// Input is what a report is made of. Only Measures must be there.
type Input struct {
	Title string
	// Measures are those that all rows have. The plots and the summary are about
	// the first.
	Measures []metrics.Measure

	// The experiments, in the order of the page; nil where one was not run.
	Table        *evalsuite.Result
	Sweep        *evalsuite.Result
	Tune         *evalsuite.Result
	AnchorMatrix *evalsuite.Result
	EqualMatrix  *evalsuite.Result // the anchor matrix at EqualWeights
	Translators  *evalsuite.Result
	Methods      *evalsuite.Result
	Augmentation *Augmentation
	Movers       []Mover

	// Paper holds printed figures to set beside; nil for none. Its items are
	// found by name: "Table 1" beside Table, "Figure 1" beside Sweep, "Table 2"
	// beside AnchorMatrix and "Figure 2" beside Translators.
	Paper *published.Paper

	// Fusions says what the names in Methods stand for, and Depth how many
	// documents of each search they got; 0 where that is not known.
	Fusions []Fact
	Depth   int
	// Facts are what the figures depend on: model, prefixes, files with their
	// SHA-256.
	Facts []Fact
	// Program is the version of the program. Only the page names it, so that the
	// Markdown changes no more often than its figures.
	Program string
	// Command is the command line that writes the report again.
	Command string
}

// Fact is a name with its value.
type Fact struct{ Name, Value string }

// Mover is a question whose ranking the anchor changed much.
type Mover struct {
	ID         string // of the question
	Lang       string // of question and passages
	AnchorLang string
	Source     string   // the question
	Anchors    []Anchor // what stood for it in AnchorLang; the first was used
	// Before and After are the ranks, from 1, of the first relevant passage by
	// the source query alone and by both; 0 where it was not ranked.
	Before, After int
	Relevant      Passage // the relevant one that Before and After speak of
	// Wrong ranked first without being relevant, in the worse of the two
	// rankings.
	Wrong Passage
}

// Gained says whether the anchor helped.
func (m Mover) Gained() bool { return m.After != 0 && (m.Before == 0 || m.After < m.Before) }

// Anchor is an anchor query with the name of its translator.
type Anchor struct{ Translator, Text string }

// Passage is a passage of a document. The page shows the beginning of its text.
type Passage struct{ ID, Title, Text string }
