package evalsuite

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// TextsKind says what texts passages were augmented with.
type TextsKind string

// The kinds of texts.
const (
	GeneratedQueries    TextsKind = "queries"      // that a model generated for the passages (xQG)
	PassageTranslations TextsKind = "translations" // of the passages themselves (passage generation)
)

// Texts are what passages were augmented with.
type Texts struct {
	Kind  TextsKind `json:"kind"`
	Langs []string  `json:"langs"` // of the texts
	By    []string  `json:"by"`    // who wrote them: models, Human or translators; files of queries that name none
	// PerPassage is the most that a passage may have in each language; 0 for as
	// many as there are.
	PerPassage int `json:"per_passage,omitempty"`
}

// String names the texts in a few words: "queries en, 2 each", "translations es
// by human".
func (t Texts) String() string {
	text := string(t.Kind) + " " + strings.Join(t.Langs, "+")
	if t.PerPassage > 0 {
		text += fmt.Sprintf(", %d each", t.PerPassage)
	}
	if len(t.By) > 0 {
		text += " by " + strings.Join(t.By, "+")
	}
	return text
}

// AugmentedRanker ranks passages that know texts, such as the queries generated
// for them.
type AugmentedRanker interface {
	Mode() Mode
	Texts() Texts
	// HasBank says whether there are queries that show which passages are near to
	// everything; without, Setting.Hub must be 0.
	HasBank() bool
	// Qrels is that of Ranker.
	Qrels(ctx context.Context, p Pairing) (metrics.Qrels, error)
	// Evaluate measures the ranking under each setting, over the questions of
	// Qrels.
	Evaluate(ctx context.Context, p Pairing, settings []Setting, measures ...metrics.Measure) ([]*metrics.Evaluation, error)
}

// augmentedRow starts a row of a setting.
func (s Spec) augmentedRow(p Pairing, method Method, ranker AugmentedRanker, at Setting) Row {
	row := s.row(p, method, at.Lambda)
	row.Mode, row.Alpha, row.Hub = ranker.Mode(), &at.Alpha, at.Hub
	if texts := ranker.Texts(); at.Alpha > 0 {
		row.Texts = &texts
	}
	return row
}

// Augment measures source only and Query-Synergy at each α, hub reduction by hub
// included, each against itself on the plain index: α and hub 0. Several rankers,
// whose passages know different texts, are measured side by side; α 0, which is
// the same for all, has its rows once.
func Augment(ctx context.Context, spec Spec, anchorLang string, alphas []float64, hub float64, rankers ...AugmentedRanker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}
		for i, method := range []Method{SourceOnly, QuerySynergy} {
			lambda := []float64{1, spec.Lambda(lang)}[i]
			for r, ranker := range rankers {
				rows, err := augmentAt(ctx, spec, p, method, lambda, alphas, hub, r > 0, ranker)
				if err != nil {
					return nil, err
				}
				all = append(all, rows...)
			}
		}
	}
	return finish(all)
}

// augmentAt measures one method with one ranker. again says that α 0 has had its
// rows.
func augmentAt(ctx context.Context, spec Spec, p Pairing, method Method, lambda float64, alphas []float64, hub float64, again bool, ranker AugmentedRanker) ([]measured, error) {
	settings := []Setting{{Lambda: lambda}} // the plain index
	for _, alpha := range alphas {
		if alpha > 0 || !again {
			settings = append(settings, Setting{lambda, alpha, hub})
		}
	}
	evaluations, err := ranker.Evaluate(ctx, p, settings, spec.Measures...)
	if err != nil {
		return nil, err
	}
	var rows []measured
	for i, at := range settings[1:] {
		m := measured{
			row:    spec.augmentedRow(p, method, ranker, at),
			group:  fmt.Sprintf("%s %s %s", method, ranker.Texts(), strconv.FormatFloat(at.Alpha, 'g', -1, 64)),
			values: evaluations[1+i],
		}
		if at != settings[0] {
			m.baseline = evaluations[0]
		}
		rows = append(rows, m)
	}
	return rows, nil
}
