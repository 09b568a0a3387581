package evalsuite

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// TunedNoLabels is Query-Synergy with a λ that generated questions chose: nobody
// judged anything for it.
const TunedNoLabels Method = "tuned-no-labels"

// Estimate is what generated questions say about anchors in a language.
type Estimate struct {
	// Lambda is the largest λ whose nDCG@10 lies within one standard error of
	// the best. Generated questions are clumsier than people's, so they make the
	// anchor look better than it is; the step towards the source is the caution.
	Lambda float64
	// Best has the highest nDCG@10.
	Best float64
	// Helps is the share of bootstrap samples of the documents in which some
	// anchor weight beats the source alone, in [0, 1].
	Helps     float64
	Questions int
}

// FromGenerated estimates λ from the questions that ranker ranks, which were
// generated from the documents that its qrels name. None of them may be among
// those that the λ is to serve.
func FromGenerated(ctx context.Context, p Pairing, ranker Ranker) (Estimate, error) {
	evaluations, err := ranker.Evaluate(ctx, p, steps(tuneCoarse), tuneObjective)
	if err != nil {
		return Estimate{}, err
	}
	qrels, err := ranker.Qrels(ctx, p)
	if err != nil {
		return Estimate{}, err
	}
	documents, err := byDocument(evaluations[0].Queries, qrels)
	if err != nil {
		return Estimate{}, fmt.Errorf("the generated questions in %q: %w", p.Lang, err)
	}
	for step, e := range evaluations {
		addObjective(documents, step, e.Values[0])
	}
	return estimate(documents, len(evaluations[0].Queries)), nil
}

func estimate(documents []answered, questions int) Estimate {
	var total [tuneCoarse + 1]float64
	for _, d := range documents {
		for step, sum := range d.sums {
			total[step] += sum
		}
	}
	top := 0
	for step, sum := range total {
		if sum >= total[top]-1e-9 { // of equal ones the one nearest to the source
			top = step
		}
	}
	cautious := top
	for step := top + 1; step <= tuneCoarse; step++ {
		if total[top]-total[step] <= standardError(documents, questions, top, step) {
			cautious = step
		}
	}
	draws := rand.New(rand.NewPCG(3, 1))
	helps := 0
	for range tuneResamples {
		var sums [tuneCoarse + 1]float64
		for range documents {
			for step, sum := range documents[draws.IntN(len(documents))].sums {
				sums[step] += sum
			}
		}
		if slices.Max(sums[:tuneCoarse]) > sums[tuneCoarse]+1e-9 {
			helps++
		}
	}
	return Estimate{
		Lambda: float64(cautious) / tuneCoarse, Best: float64(top) / tuneCoarse,
		Helps: float64(helps) / tuneResamples, Questions: questions,
	}
}

// standardError is that of what the questions lose, all together, from one step
// to another; the questions of a document count as one draw.
func standardError(documents []answered, questions, from, to int) float64 {
	lost := 0.0
	for _, d := range documents {
		lost += d.sums[from] - d.sums[to]
	}
	mean, squares := lost/float64(questions), 0.0
	for _, d := range documents {
		off := d.sums[from] - d.sums[to] - mean*float64(len(d.questions))
		squares += off * off
	}
	n := float64(len(documents))
	return math.Sqrt(squares * n / (n - 1))
}

// CheckEstimates compares λ estimated without judgements with source only, with
// the λ of spec, and with the λ that judged questions choose (held out), on
// those judged questions and with the same translator's anchors.
func CheckEstimates(ctx context.Context, spec Spec, anchorLang, translator string, estimates map[string]Estimate, ranker Ranker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		p, found := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: translator}, estimates[lang].Lambda
		rows, _, at, err := tuneIn(ctx, spec, p, ranker, found)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		all = append(all, measured{row: spec.row(p, TunedNoLabels, found), group: string(TunedNoLabels), values: at[0], baseline: rows[0].values})
	}
	return finish(all)
}
