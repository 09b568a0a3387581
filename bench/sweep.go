package main

import (
	"context"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
)

const (
	wholeRounds = 3
	growth      = 10 // times the documents
)

var (
	sweepMeasures = []metrics.Measure{{Kind: metrics.NDCG, K: 1}, {Kind: metrics.NDCG, K: 3}, {Kind: metrics.NDCG, K: 10}}
	sweepLambdas  = steps(20)
)

// steps returns 0 to 1 in n steps.
func steps(n int) []float64 {
	values := make([]float64, n+1)
	for i := range values {
		values[i] = float64(i) / float64(n)
	}
	return values
}

// benchSweep measures the sweep of λ by brute force: beside ranx, and as a
// whole, with statistics and over more documents.
func benchSweep(ctx context.Context, t *table, root, dir string) error {
	e, err := openExperiment(ctx, root)
	if err != nil {
		return err
	}
	if err := benchAgainstRanx(ctx, t, e, root, dir); err != nil {
		return err
	}
	return benchWholeSweep(ctx, t, e)
}

func pairing(lang string) evalsuite.Pairing {
	return evalsuite.Pairing{Lang: lang, AnchorLang: sweepAnchor, Translator: evalsuite.Human}
}

// benchWholeSweep measures sweeps of all languages in one run, on all cores.
func benchWholeSweep(ctx context.Context, t *table, e *experiment) error {
	group := fmt.Sprintf("The sweep of %d languages and %d lambdas in one run, %s, all cores", len(sweepLangs), len(sweepLambdas), e)
	small, large := lab.New(e, e.sets...), e.grown(growth)
	big := lab.New(large, large.sets...)
	figures := func(l *lab.Lab) func() error {
		return func() error {
			brute := l.Brute(corpus.DefaultChunking) // a new one: it keeps scores
			for _, lang := range sweepLangs {
				if _, err := brute.Evaluate(ctx, pairing(lang), sweepLambdas, sweepMeasures...); err != nil {
					return err
				}
			}
			return nil
		}
	}
	spec := evalsuite.Spec{Dataset: e.sets[0].Name, Langs: sweepLangs, Measures: sweepMeasures}
	took, err := takeTurns(wholeRounds,
		side{"figures", figures(small)},
		side{"figures, more documents", figures(big)},
		side{"with statistics", func() error {
			_, err := evalsuite.Sweep(ctx, spec, sweepAnchor, sweepLambdas, small.Brute(corpus.DefaultChunking))
			return err
		}},
	)
	if err != nil {
		return err
	}
	documents := len(e.sets[0].Documents)
	t.add(row{Group: group, Name: fmt.Sprintf("figures, %d passages", documents), Unit: "ms", spread: spreadOf(took[0])})
	for i, name := range []string{
		fmt.Sprintf("figures, %d passages, most generated", growth*documents),
		fmt.Sprintf("with statistics, %d passages", documents),
	} {
		t.add(row{
			Group: group, Name: name, Unit: "ms", spread: spreadOf(took[i+1]),
			Against: &against{Name: "the figures alone", Unit: "x", spread: paired(took[i+1], took[0], ratio)},
		})
	}
	return nil
}
