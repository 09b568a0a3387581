package evalsuite

import (
	"context"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Method is a way to rank documents for a question.
type Method string

// The methods of the paper's Table 1.
const (
	SourceOnly   Method = "source"
	AnchorOnly   Method = "anchor"
	QuerySynergy Method = "query-synergy"
)

// Row is one line of an experiment: a method's mean measures over the
// questions of a language.
type Row struct {
	Dataset    string                      `json:"dataset"`
	Lang       string                      `json:"lang"`
	AnchorLang string                      `json:"anchor_lang"`
	Method     Method                      `json:"method"`
	Lambda     float64                     `json:"lambda"`
	Metrics    map[metrics.Measure]float64 `json:"metrics"`
	Queries    int                         `json:"queries"`
}

// Ranker returns the ids of the best documents for a question and its anchor,
// the best first: the search path under evaluation.
type Ranker func(ctx context.Context, lang, question, anchorLang, anchor string, lambda float64) ([]string, error)

// TableOptions say what Table compares.
type TableOptions struct {
	Dataset  string
	Lambda   float64 // of QuerySynergy
	Measures []metrics.Measure
	// Progress, if set, is called after each question.
	Progress func()
}

// Table ranks every question by its source query alone, by its anchor alone and
// by both. An anchor is the question of the same id among the anchors; a
// question without one is an error, as the languages are then not parallel.
func Table(ctx context.Context, opts TableOptions, questions, anchors *Questions, rank Ranker) ([]Row, error) {
	texts := make(map[string]string, len(anchors.List))
	for _, a := range anchors.List {
		texts[a.ID] = a.Text
	}
	methods := []struct {
		method Method
		lambda float64
	}{{SourceOnly, 1}, {AnchorOnly, 0}, {QuerySynergy, opts.Lambda}}
	runs := make([]metrics.Run, len(methods))
	for i := range runs {
		runs[i] = metrics.Run{}
	}
	for _, q := range questions.List {
		anchor, ok := texts[q.ID]
		if !ok {
			return nil, fmt.Errorf("%s: question %q has no parallel in %q", q.Pos, q.ID, anchors.Lang)
		}
		for i, m := range methods {
			ids, err := rank(ctx, questions.Lang, q.Text, anchors.Lang, anchor, m.lambda)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				runs[i][q.ID] = append(runs[i][q.ID], metrics.Scored{DocID: id})
			}
		}
		if opts.Progress != nil {
			opts.Progress()
		}
	}
	rows := make([]Row, len(methods))
	for i, m := range methods {
		evaluation, err := metrics.Evaluate(questions.Qrels, runs[i], metrics.RankedIDs, opts.Measures...)
		if err != nil {
			return nil, fmt.Errorf("%s in %q: %w", opts.Dataset, questions.Lang, err)
		}
		rows[i] = Row{
			Dataset: opts.Dataset, Lang: questions.Lang, AnchorLang: anchors.Lang,
			Method: m.method, Lambda: m.lambda,
			Metrics: evaluation.Means(), Queries: len(evaluation.Queries),
		}
	}
	return rows, nil
}
