package evalsuite

import (
	"context"
	"fmt"
	"maps"
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
	for _, lang := range spec.Langs {
		rows, choice, err := tuneIn(ctx, spec, Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}, ranker)
		if err != nil {
			return nil, nil, err
		}
		choices[lang] = choice
		all = append(all, rows...)
	}
	result, err := finish(all)
	return result, choices, err
}

// tuneIn tunes with the anchors of a pairing, and returns Tune's rows.
func tuneIn(ctx context.Context, spec Spec, p Pairing, ranker Ranker) (rows []measured, choice Choice, err error) {
	given := spec.Lambda(p.Lang)
	lambdas := append(steps(tuneFine), given)
	evaluations, err := ranker.Evaluate(ctx, p, lambdas, append(slices.Clone(spec.Measures), tuneObjective)...)
	if err != nil {
		return nil, choice, err
	}
	qrels, err := ranker.Qrels(ctx, p)
	if err != nil {
		return nil, choice, err
	}
	t, err := newTuning(evaluations[:tuneFine+1], qrels)
	if err != nil {
		return nil, choice, fmt.Errorf("%s in %q: %w", spec.Dataset, p.Lang, err)
	}
	held, err := t.heldOut(ctx)
	if err != nil {
		return nil, choice, err
	}
	choice = Choice{Lambda: lambdas[choose(t.documents)], Questions: len(held.Queries)}
	source := withoutLast(evaluations[tuneFine])
	rows = []measured{
		{row: spec.row(p, SourceOnly, 1), group: string(SourceOnly), values: source},
		{row: spec.row(p, QuerySynergy, given), group: string(QuerySynergy), values: withoutLast(evaluations[tuneFine+1]), baseline: source},
		{row: spec.row(p, Tuned, choice.Lambda), group: string(Tuned), values: withoutLast(held), baseline: source},
	}
	return rows, choice, nil
}

// steps returns the λ from 0 to 1 in n steps.
func steps(n int) []float64 {
	lambdas := make([]float64, n+1)
	for i := range lambdas {
		lambdas[i] = float64(i) / float64(n)
	}
	return lambdas
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
	documents, err := byDocument(evaluations[0].Queries, qrels)
	if err != nil {
		return nil, err
	}
	for step := range tuneCoarse + 1 {
		e := evaluations[step*(tuneFine/tuneCoarse)]
		addObjective(documents, step, e.Values[len(e.Values)-1])
	}
	return &tuning{values: evaluations, documents: documents}, nil
}

// byDocument groups judged questions, ascending by document. It returns an error
// where there are too few documents for the folds.
func byDocument(questions []string, qrels metrics.Qrels) ([]answered, error) {
	grouped := map[string]*answered{}
	for i, id := range questions {
		document := answeredBy(qrels[id])
		if grouped[document] == nil {
			grouped[document] = &answered{}
		}
		grouped[document].questions = append(grouped[document].questions, i)
	}
	if err := enoughToTune(len(grouped)); err != nil {
		return nil, fmt.Errorf("its %w", err)
	}
	var documents []answered
	for _, document := range slices.Sorted(maps.Keys(grouped)) {
		documents = append(documents, *grouped[document])
	}
	return documents, nil
}

// answeredBy returns the first of a question's relevant documents.
func answeredBy(judged map[string]int) string {
	document := ""
	for candidate, grade := range judged {
		if grade > 0 && (document == "" || candidate < document) {
			document = candidate
		}
	}
	return document
}

// enoughToTune returns an error where there are too few documents for the folds.
func enoughToTune(documents int) error {
	if documents < tuneFolds {
		return fmt.Errorf("questions are about %d documents, which is too few to choose lambda and to judge the choice: want %d or more", documents, tuneFolds)
	}
	return nil
}

// addObjective adds what the questions score at a step of λ to the sums of their
// documents.
func addObjective(documents []answered, step int, values []float64) {
	for i := range documents {
		for _, q := range documents[i].questions {
			documents[i].sums[step] += values[q]
		}
	}
}

// choose returns the λ, in steps of 1/tuneFine, that the questions of these
// documents choose. The same documents choose the same.
func choose(documents []answered) int {
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
	held := zeros(first)
	err := crossValidate(ctx, t.documents, func(_ int, seen, unseen []answered) error {
		chosen := t.values[choose(seen)]
		for _, d := range unseen {
			for _, q := range d.questions {
				for m := range held.Values {
					held.Values[m][q] += chosen.Values[m][q]
				}
			}
		}
		return nil
	})
	divide(held, tuneRepeats)
	return held, err
}

// crossValidate calls use for each fold of each partition: repeat counts the
// partitions, and unseen are the fold's documents, which use judges by what it
// finds with seen, the others.
func crossValidate[D any](ctx context.Context, documents []D, use func(repeat int, seen, unseen []D) error) error {
	for repeat := range tuneRepeats {
		// Drawn by the number of documents alone: parallel languages get the
		// same folds.
		order := rand.New(rand.NewPCG(2, uint64(repeat))).Perm(len(documents))
		for fold := range tuneFolds {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("cross-validate: %w", err)
			}
			var seen, unseen []D
			for i, d := range order {
				if i%tuneFolds == fold {
					unseen = append(unseen, documents[d])
				} else {
					seen = append(seen, documents[d])
				}
			}
			if err := use(repeat, seen, unseen); err != nil {
				return err
			}
		}
	}
	return nil
}

// zeros returns an evaluation of the same questions by the same measures.
func zeros(like *metrics.Evaluation) *metrics.Evaluation {
	e := &metrics.Evaluation{Measures: like.Measures, Queries: like.Queries, Values: make([][]float64, len(like.Measures))}
	for m := range e.Values {
		e.Values[m] = make([]float64, len(e.Queries))
	}
	return e
}

func divide(e *metrics.Evaluation, by float64) {
	for _, values := range e.Values {
		for q := range values {
			values[q] /= by
		}
	}
}
