package evalsuite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// How λ is chosen. The numbers are round ones, not fitted: docs/design.md has
// what was compared.
const (
	// tuneFine is 1/step of the λ that are judged, tuneCoarse of those that
	// stand for choice.
	tuneFine, tuneCoarse = 100, 20
	// resamples is how many bootstrap samples of the questions choose, each for
	// itself; λ is the mean of their choices. It steadies small samples.
	tuneResamples = 200
	// tunePull is the price, in questions lost, of giving all weight to the
	// anchor: it decides where the questions do not.
	tunePull = 1.0
	// A question is judged by the choice of the other folds. The partition into
	// folds is drawn repeats times, and the values averaged, so that no figure
	// hangs on a lucky draw.
	tuneFolds, tuneRepeats = 10, 10
)

// tuneObjective is what the choice maximises: smoother than nDCG@1, which a few
// questions move.
var tuneObjective = metrics.Measure{Kind: metrics.NDCG, K: 10}

// Choice is what Tune found for a language.
type Choice struct {
	Lambda    float64 // chosen by all questions, in steps of 0.01
	Questions int
}

// Tune chooses λ for each language, and judges the choice on questions that it
// has not seen: by repeated cross-validation with all questions of a document
// in one fold. The result's rows are source only, Query-Synergy with the λ of
// spec, and Tuned, whose λ is that chosen by all questions and whose values are
// held out.
func Tune(ctx context.Context, spec Spec, anchorLang string, ranker Ranker) (*Result, map[string]Choice, error) {
	var all []measured
	choices := map[string]Choice{}
	lambdas := make([]float64, tuneFine+1)
	for i := range lambdas {
		lambdas[i] = float64(i) / tuneFine
	}
	for _, lang := range spec.Langs {
		p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}
		given := spec.Lambda(lang)
		evaluations, err := ranker.Evaluate(ctx, p, append(slices.Clone(lambdas), given), append(slices.Clone(spec.Measures), tuneObjective)...)
		if err != nil {
			return nil, nil, err
		}
		qrels, err := ranker.Qrels(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		t, err := newTuning(evaluations[:tuneFine+1], qrels)
		if err != nil {
			return nil, nil, fmt.Errorf("%s in %q: %w", spec.Dataset, lang, err)
		}
		held, err := t.heldOut(ctx)
		if err != nil {
			return nil, nil, err
		}
		choice := Choice{Lambda: lambdas[t.choose(t.documents)], Questions: len(evaluations[0].Queries)}
		choices[lang] = choice
		source := withoutLast(evaluations[tuneFine])
		all = append(all,
			measured{row: spec.row(p, SourceOnly, 1), group: string(SourceOnly), values: source},
			measured{row: spec.row(p, QuerySynergy, given), group: string(QuerySynergy), values: withoutLast(evaluations[tuneFine+1]), baseline: source},
			measured{row: spec.row(p, Tuned, choice.Lambda), group: string(Tuned), values: withoutLast(held), baseline: source})
	}
	result, err := finish(all)
	return result, choices, err
}

// withoutLast drops the objective, which stands after the measures asked for.
func withoutLast(e *metrics.Evaluation) *metrics.Evaluation {
	n := len(e.Measures) - 1
	return &metrics.Evaluation{Measures: e.Measures[:n], Queries: e.Queries, Values: e.Values[:n]}
}

// tuning holds the questions of a language by the document that answers them.
type tuning struct {
	values    []*metrics.Evaluation // by λ, in steps of 1/tuneFine; the objective last
	documents []answered
}

// answered is a document with the questions that it answers: they go into one
// fold and one bootstrap draw, as they resemble each other.
type answered struct {
	questions []int                   // as evaluations number them
	sums      [tuneCoarse + 1]float64 // of the objective, by λ in steps of 1/tuneCoarse
}

func newTuning(evaluations []*metrics.Evaluation, qrels metrics.Qrels) (*tuning, error) {
	byDocument := map[string]*answered{}
	var order []string
	for i, id := range evaluations[0].Queries {
		document := "" // the first relevant one
		for candidate, grade := range qrels[id] {
			if grade > 0 && (document == "" || candidate < document) {
				document = candidate
			}
		}
		if byDocument[document] == nil {
			byDocument[document] = &answered{}
			order = append(order, document)
		}
		a := byDocument[document]
		a.questions = append(a.questions, i)
		for step := range a.sums {
			e := evaluations[step*(tuneFine/tuneCoarse)]
			a.sums[step] += e.Values[len(e.Values)-1][i]
		}
	}
	if len(order) < tuneFolds {
		return nil, fmt.Errorf("its questions are about %d documents, which is too few to choose lambda and to judge the choice: want %d or more", len(order), tuneFolds)
	}
	slices.Sort(order)
	t := &tuning{values: evaluations}
	for _, document := range order {
		t.documents = append(t.documents, *byDocument[document])
	}
	return t, nil
}

// choose returns the λ, in steps of 1/tuneFine, that the questions of these
// documents choose. The same documents choose the same.
func (t *tuning) choose(documents []answered) int {
	draws := rand.New(rand.NewPCG(1, 1))
	var mean float64
	for range tuneResamples {
		var objective [tuneCoarse + 1]float64
		questions := 0
		for range documents {
			drawn := &documents[draws.IntN(len(documents))]
			questions += len(drawn.questions)
			for step, sum := range drawn.sums {
				objective[step] += sum
			}
		}
		mean += best(objective[:], questions) / tuneResamples
	}
	return int(math.Round(mean * tuneFine))
}

// best returns the λ of the highest objective, less what the pull costs; of
// equal ones their mean.
func best(objective []float64, questions int) float64 {
	for step := range objective {
		away := 1 - float64(step)/tuneCoarse
		objective[step] = (objective[step] - tunePull*away*away) / float64(questions)
	}
	highest := slices.Max(objective)
	sum, n := 0.0, 0.0
	for step, value := range objective {
		if value > highest-1e-9 { // rounding
			sum += float64(step) / tuneCoarse
			n++
		}
	}
	return sum / n
}

// heldOut returns what each question scores at the λ that the other folds
// choose, averaged over the partitions.
func (t *tuning) heldOut(ctx context.Context) (*metrics.Evaluation, error) {
	first := t.values[0]
	held := &metrics.Evaluation{Measures: first.Measures, Queries: first.Queries, Values: make([][]float64, len(first.Measures))}
	for m := range held.Values {
		held.Values[m] = make([]float64, len(first.Queries))
	}
	for repeat := range tuneRepeats {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(errors.New("tune"), err)
		}
		// Drawn by the number of documents alone: parallel languages get the
		// same folds.
		order := rand.New(rand.NewPCG(2, uint64(repeat))).Perm(len(t.documents))
		for fold := range tuneFolds {
			var seen, unseen []answered
			for i, d := range order {
				if i%tuneFolds == fold {
					unseen = append(unseen, t.documents[d])
				} else {
					seen = append(seen, t.documents[d])
				}
			}
			chosen := t.values[t.choose(seen)]
			for _, d := range unseen {
				for _, q := range d.questions {
					for m := range held.Values {
						held.Values[m][q] += chosen.Values[m][q]
					}
				}
			}
		}
	}
	for _, values := range held.Values {
		for q := range values {
			values[q] /= tuneRepeats
		}
	}
	return held, nil
}
