package evalsuite

import (
	"context"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Fusion is another system's way to make one ranking of a source and an anchor
// ranking; package peers has them.
type Fusion struct {
	Name string
	Fuse func(source, anchor []metrics.Scored, lambda float64) []metrics.Scored
}

// Methods compares Query-Synergy with other fusions of the same two searches,
// each depth documents deep, and all of them with source only. The exact method
// needs no depth: it ranks what deeper searches would find as well.
func Methods(ctx context.Context, spec Spec, anchorLang string, depth int, fusions []Fusion, ranker Ranker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		p, lambda := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}, spec.Lambda(lang)
		exact, err := ranker.Evaluate(ctx, p, []float64{1, lambda}, spec.Measures...)
		if err != nil {
			return nil, err
		}
		all = append(all,
			measured{row: spec.row(p, SourceOnly, 1), group: string(SourceOnly), values: exact[0]},
			measured{row: spec.row(p, QuerySynergy, lambda), group: string(QuerySynergy), values: exact[1], baseline: exact[0]})
		lists, err := ranker.Runs(ctx, p, []float64{1, 0}, depth)
		if err != nil {
			return nil, err
		}
		qrels, err := ranker.Qrels(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, fusion := range fusions {
			run := metrics.Run{}
			for id, source := range lists[0] {
				run[id] = fusion.Fuse(source, lists[1][id], lambda)
			}
			values, err := metrics.Evaluate(qrels, run, metrics.RankedIDs, spec.Measures...)
			if err != nil {
				return nil, fmt.Errorf("%s in %q: %w", fusion.Name, lang, err)
			}
			all = append(all, measured{
				row: spec.row(p, Method(fusion.Name), lambda), group: fusion.Name, values: values, baseline: exact[0],
			})
		}
	}
	return finish(all)
}

// NamedRun is a run with the name that its rows bear.
type NamedRun struct {
	Name string
	Run  metrics.Run
}

// CompareRuns measures runs, each ranked as trec_eval ranks it, and compares all
// of them with the first.
func CompareRuns(dataset string, qrels metrics.Qrels, runs []NamedRun, measures []metrics.Measure) (*Result, error) {
	var all []measured
	for i, r := range runs {
		values, err := metrics.Evaluate(qrels, r.Run, metrics.TRECOrder, measures...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		m := measured{row: Row{Dataset: dataset, Method: Method(r.Name)}, values: values}
		if i > 0 {
			m.baseline = all[0].values
		}
		all = append(all, m)
	}
	return finish(all)
}
