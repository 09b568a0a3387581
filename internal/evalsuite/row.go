package evalsuite

import "github.com/query-synergy/query-synergy/internal/evalsuite/metrics"

// Method is a way to rank documents for a question.
type Method string

// The methods of the papers. Those of other systems are named by package peers.
const (
	SourceOnly   Method = "source"
	AnchorOnly   Method = "anchor"
	QuerySynergy Method = "query-synergy"
	// Tuned is Query-Synergy with the λ that Tune chose, on questions that the
	// choice has not seen.
	Tuned Method = "tuned"
	// Gated is Query-Synergy under the rule of package trust, which is told
	// nothing of the translator. The others are told what Trust fitted: without
	// judgements, with them, and on other languages.
	Gated               Method = "gated"
	GatedNoLabels       Method = "gated-no-labels"
	GatedLabels         Method = "gated-labels"
	GatedOtherLanguages Method = "gated-other-languages"
	// XQG is source only on passages that know their queries, XQGSynergy is
	// Query-Synergy on them; WithHub follows the name of a method whose scores
	// were lowered by how near a passage is to everything.
	XQG        Method = "xqg"
	XQGSynergy Method = "xqg+query-synergy"
	WithHub           = "+hub"
)

// Human is the translator of anchors that came with the dataset.
const Human = "human"

// Row is one line of an experiment: a method's mean measures over the
// questions of a language. docs/json.md describes it field by field.
type Row struct {
	Dataset    string                      `json:"dataset"`
	Lang       string                      `json:"lang"`
	AnchorLang string                      `json:"anchor_lang"`
	Method     Method                      `json:"method"`
	Lambda     float64                     `json:"lambda"`
	Metrics    map[metrics.Measure]float64 `json:"metrics"`
	Queries    int                         `json:"queries"`
	Translator string                      `json:"translator,omitempty"` // who wrote the anchors; empty where none took part
	// PassagesLang is the language of the documents where not each has its own.
	PassagesLang string `json:"passages_lang,omitempty"`
	// Mode, Alpha and Hub say how passages were augmented (see Setting); empty,
	// nil and 0 where the experiment is about something else.
	Mode  Mode     `json:"mode,omitempty"`
	Alpha *float64 `json:"alpha,omitempty"` // 0 is a value, that of the plain index
	Hub   float64  `json:"hub,omitempty"`
	Texts *Texts   `json:"texts,omitempty"` // that passages know; nil where none do
	// Intervals are the 95% bootstrap intervals of Metrics.
	Intervals map[metrics.Measure]Interval `json:"intervals"`
	// Versus compares with the experiment's baseline over the same questions;
	// nil for the baseline itself.
	Versus map[metrics.Measure]Difference `json:"versus,omitempty"`
}

// Interval holds the two ends of a confidence interval.
type Interval [2]float64

// Difference says how far a row lies from its baseline, in the measure's own
// unit, and how likely chance alone goes as far.
type Difference struct {
	Delta    float64  `json:"delta"`
	Interval Interval `json:"interval"` // of Delta, 95%, paired bootstrap
	// P is that of the paired sign-flip permutation test, PT that of the paired
	// t-test; both two-sided. Holm's correction is over the experiment's other
	// rows in the same measure.
	P      float64 `json:"p"`
	PHolm  float64 `json:"p_holm"`
	PT     float64 `json:"p_t"`
	PTHolm float64 `json:"p_t_holm"`
	Effect float64 `json:"effect"` // mean over standard deviation of the differences (Cohen's d_z)
	Wins   int     `json:"wins"`   // questions
	Ties   int     `json:"ties"`
	Losses int     `json:"losses"`
}

// Significant says whether chance is ruled out at the 5% level after Holm's
// correction, by the permutation test.
func (d Difference) Significant() bool { return d.PHolm < 0.05 }

// Result is what an experiment found.
type Result struct {
	Rows []Row
	// Means average the rows of several languages, each language weighing the
	// same; Lang is MeanLang. They are a family of their own for Holm.
	Means []Row
}

// MeanLang stands in a Row's Lang where it averages several languages.
const MeanLang = "mean"
