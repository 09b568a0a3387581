package evalsuite

import (
	"context"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// AugmentedRanker ranks passages that know the queries generated for them.
type AugmentedRanker interface {
	Mode() Mode
	// Qrels is that of Ranker.
	Qrels(ctx context.Context, p Pairing) (metrics.Qrels, error)
	// Evaluate measures the ranking under each setting, over the questions of
	// Qrels.
	Evaluate(ctx context.Context, p Pairing, settings []Setting, measures ...metrics.Measure) ([]*metrics.Evaluation, error)
}

// augmentedRow starts a row of a setting.
func (s Spec) augmentedRow(p Pairing, method Method, mode Mode, at Setting) Row {
	row := s.row(p, method, at.Lambda)
	row.Mode, row.Alpha, row.Hub = mode, &at.Alpha, at.Hub
	return row
}

// Augment measures source only and Query-Synergy at each α, hub reduction by hub
// included, each against itself on the plain index: α and hub 0.
func Augment(ctx context.Context, spec Spec, anchorLang string, alphas []float64, hub float64, ranker AugmentedRanker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}
		methods := []Method{SourceOnly, QuerySynergy}
		var settings []Setting // of each method the plain index, then α by α
		for _, lambda := range []float64{1, spec.Lambda(lang)} {
			settings = append(settings, Setting{Lambda: lambda})
			for _, alpha := range alphas {
				settings = append(settings, Setting{lambda, alpha, hub})
			}
		}
		evaluations, err := ranker.Evaluate(ctx, p, settings, spec.Measures...)
		if err != nil {
			return nil, err
		}
		for i, method := range methods {
			plain := i * (1 + len(alphas))
			for k := range alphas {
				at := settings[plain+1+k]
				m := measured{
					row:    spec.augmentedRow(p, method, ranker.Mode(), at),
					group:  string(method) + " " + strconv.FormatFloat(at.Alpha, 'g', -1, 64),
					values: evaluations[plain+1+k],
				}
				if at != settings[plain] {
					m.baseline = evaluations[plain]
				}
				all = append(all, m)
			}
		}
	}
	return finish(all)
}
