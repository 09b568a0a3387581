package evalsuite

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/trust"
)

// Scorer gives the scores of which rankings are made; a brute-force Ranker has
// them.
type Scorer interface {
	// Qrels is that of Ranker.
	Qrels(ctx context.Context, p Pairing) (metrics.Qrels, error)
	// Matrices returns the scores of the questions that have an anchor in the
	// pairing, and of their anchors under the same ids.
	Matrices(ctx context.Context, p Pairing) (source, anchor *Matrix, err error)
	// Agreements returns the cosine of each of these questions with its anchor,
	// by the question's id.
	Agreements(ctx context.Context, p Pairing) (map[string]float64, error)
}

// Trust measures the rule of package trust, which lets a translation that does
// not fit count for less. In each language and for each translator its rows are
// source only, Query-Synergy with the λ of spec, and the same λ under the rule:
// Gated, where the translator is not known; GatedNoLabels and GatedLabels, where
// it was fitted on other questions, by repeated cross-validation with all
// questions of a document in one fold; GatedOtherLanguages, where it was fitted
// on all questions of the translator's other languages, if they are enough.
// GatedLabels may have its λ tuned as well. The rule sees no more of a question
// than a query does: the trust.Depth best passages by source and by anchor query.
// A gated row's λ is the mean over its questions.
//
// Trust also returns what all questions show of a translator in a language, and
// what its other languages show where it has translated none. available names
// the translators of a language, Human among them.
func Trust(ctx context.Context, spec Spec, anchorLang string, available func(lang string) []string, scorer Scorer) (*Result, map[Pairing]trust.Fit, error) {
	var pairings []Pairing
	var translators []string
	known := map[Pairing]trust.Sums{}
	for _, lang := range spec.Langs {
		for _, translator := range available(lang) {
			p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: translator}
			g, err := newGate(ctx, spec, p, scorer)
			if err != nil {
				return nil, nil, err
			}
			pairings, known[p] = append(pairings, p), g.margins(g.documents)
			if !slices.Contains(translators, translator) {
				translators = append(translators, translator)
			}
		}
	}
	others := func(p Pairing) (sums []trust.Sums) {
		for _, lang := range spec.Langs {
			if s, ok := known[Pairing{lang, p.AnchorLang, p.Translator}]; ok && lang != p.Lang {
				sums = append(sums, s)
			}
		}
		return sums
	}

	var all []measured
	fits := map[Pairing]trust.Fit{}
	for _, p := range pairings {
		// Scored once more, so that no more than one language is in memory.
		g, err := newGate(ctx, spec, p, scorer)
		if err != nil {
			return nil, nil, err
		}
		rows, fit, err := g.judge(ctx, spec, others(p))
		if err != nil {
			return nil, nil, fmt.Errorf("%s by %s in %q: %w", spec.Dataset, p.Translator, p.Lang, err)
		}
		all, fits[p] = append(all, rows...), fit
	}
	for _, lang := range spec.Langs {
		for _, translator := range translators {
			p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: translator}
			if _, ok := known[p]; ok {
				continue
			}
			if trusted, ok := trust.OfOthers(others(p)...); ok {
				fits[p] = trust.Fit{Trust: trusted, Lambda: spec.Lambda(lang), Method: trust.OtherLanguages}
			}
		}
	}
	result, err := finish(all)
	return result, fits, err
}

// gate holds the judged questions of a pairing and what the rule sees of each.
type gate struct {
	pairing        Pairing
	base           float64 // λ that was not tuned on the pairing
	source, anchor *Matrix // of the questions, in the order of evaluations
	qrels          metrics.Qrels
	signs          []signs    // by question
	documents      []answered // their sums are of the tuning's objective under full trust
	// gains is what full trust changes in each question's objective.
	gains []float64
}

// signs are what a query shows of its anchor without being judged.
type signs struct {
	correlation float64
	margins     trust.Sums
}

// newGate does not fill in gains and the documents' sums: they take long.
func newGate(ctx context.Context, spec Spec, p Pairing, scorer Scorer) (*gate, error) {
	fail := func(err error) (*gate, error) {
		return nil, fmt.Errorf("%s by %s in %q: %w", spec.Dataset, p.Translator, p.Lang, err)
	}
	g := &gate{pairing: p, base: spec.Lambda(p.Lang)}
	var err error
	if g.qrels, err = scorer.Qrels(ctx, p); err != nil {
		return nil, err
	}
	if g.source, g.anchor, err = scorer.Matrices(ctx, p); err != nil {
		return nil, err
	}
	agreements, err := scorer.Agreements(ctx, p)
	if err != nil {
		return nil, err
	}
	judged, err := g.source.Evaluate(g.qrels, tuneObjective)
	if err != nil {
		return fail(err)
	}
	if g.source, err = g.source.Select(judged.Queries); err != nil {
		return fail(err)
	}
	if g.anchor, err = g.anchor.Select(judged.Queries); err != nil {
		return fail(err)
	}
	if g.documents, err = byDocument(judged.Queries, g.qrels); err != nil {
		return fail(err)
	}
	for q, id := range judged.Queries {
		source, anchor := candidates(g.source.row(q), g.anchor.row(q), trust.Depth)
		seen := signs{correlation: trust.Correlation(source, anchor)}
		if alone, fused, ok := trust.Margins(source, anchor, agreements[id]); ok {
			seen.margins.Add(alone, fused)
		}
		g.signs = append(g.signs, seen)
	}
	return g, nil
}

// ranking is a method with the λ of each question, or of each question in each
// of several partitions, whose values are averaged.
type ranking struct {
	method  Method
	lambdas [][]float64
}

// judge returns the rows of the pairing and what all its questions show.
func (g *gate) judge(ctx context.Context, spec Spec, others []trust.Sums) ([]measured, trust.Fit, error) {
	if err := g.measureFullTrust(); err != nil {
		return nil, trust.Fit{}, err
	}
	noLabels, err := g.heldOut(ctx, g.withoutLabels)
	if err != nil {
		return nil, trust.Fit{}, err
	}
	labels, err := g.heldOut(ctx, g.withLabels)
	if err != nil {
		return nil, trust.Fit{}, err
	}
	rankings := []ranking{
		{SourceOnly, [][]float64{g.fixed(1)}},
		{QuerySynergy, [][]float64{g.fixed(g.base)}},
		{Gated, [][]float64{g.lambdas(g.base, 0)}},
		{GatedNoLabels, noLabels},
		{GatedLabels, labels},
	}
	if trusted, ok := trust.OfOthers(others...); ok {
		rankings = append(rankings, ranking{GatedOtherLanguages, [][]float64{g.lambdas(g.base, trusted)}})
	}
	var rows []measured
	for i, r := range rankings {
		values, mean, err := g.measure(r.lambdas, spec.Measures)
		if err != nil {
			return nil, trust.Fit{}, err
		}
		rows = append(rows, measured{
			row: spec.row(g.pairing, r.method, mean), group: g.pairing.Translator + " " + string(r.method), values: values,
		})
		if i > 0 {
			rows[i].baseline = rows[0].values
		}
	}
	return rows, g.withLabels(g.documents), nil
}

// fixed returns λ for every question.
func (g *gate) fixed(lambda float64) []float64 {
	return slices.Repeat([]float64{lambda}, len(g.signs))
}

// lambdas returns the λ of every question under the rule.
func (g *gate) lambdas(lambda, trusted float64) []float64 {
	each := make([]float64, len(g.signs))
	for q, seen := range g.signs {
		each[q] = trust.Lambda(lambda, trust.Weight(seen.correlation, trusted))
	}
	return each
}

// measure returns what the questions score with these λ, averaged over the
// partitions, and the mean λ.
func (g *gate) measure(partitions [][]float64, measures []metrics.Measure) (*metrics.Evaluation, float64, error) {
	var sum *metrics.Evaluation
	first := partitions[0][0]
	var more float64 // than first; 0 to the bit where all are one
	for _, lambdas := range partitions {
		fused, err := FuseEach(g.source, g.anchor, lambdas)
		if err != nil {
			return nil, 0, err
		}
		e, err := fused.Evaluate(g.qrels, measures...)
		if err != nil {
			return nil, 0, err
		}
		if sum == nil {
			sum = zeros(e)
		}
		for m, values := range e.Values {
			for q, value := range values {
				sum.Values[m][q] += value
			}
		}
		for _, l := range lambdas {
			more += l - first
		}
	}
	divide(sum, float64(len(partitions)))
	return sum, first + more/float64(len(partitions)*len(g.signs)), nil
}

// heldOut returns, for each partition, the λ of each question as a fit to the
// other folds has it.
func (g *gate) heldOut(ctx context.Context, fit func(documents []answered) trust.Fit) ([][]float64, error) {
	partitions := make([][]float64, tuneRepeats)
	err := crossValidate(ctx, g.documents, func(repeat int, seen, unseen []answered) error {
		if partitions[repeat] == nil {
			partitions[repeat] = make([]float64, len(g.signs))
		}
		found := fit(seen)
		lambdas := g.lambdas(found.Lambda, found.Trust)
		for _, d := range unseen {
			for _, q := range d.questions {
				partitions[repeat][q] = lambdas[q]
			}
		}
		return nil
	})
	return partitions, err
}

// measureFullTrust fills in gains and the documents' sums.
func (g *gate) measureFullTrust() error {
	objective := func(lambda, trusted float64) ([]float64, error) {
		e, _, err := g.measure([][]float64{g.lambdas(lambda, trusted)}, []metrics.Measure{tuneObjective})
		if err != nil {
			return nil, err
		}
		return e.Values[0], nil
	}
	for step := range tuneCoarse + 1 {
		values, err := objective(float64(step)/tuneCoarse, 1)
		if err != nil {
			return err
		}
		addObjective(g.documents, step, values)
	}
	trusted, err := objective(g.base, 1)
	if err != nil {
		return err
	}
	untrusted, err := objective(g.base, 0)
	if err != nil {
		return err
	}
	for q := range trusted {
		g.gains = append(g.gains, trusted[q]-untrusted[q])
	}
	return nil
}

// withoutLabels fits the rule to the questions of these documents without their
// judgements.
func (g *gate) withoutLabels(documents []answered) trust.Fit {
	margins := g.margins(documents)
	return trust.Fit{Trust: margins.Trust(), Lambda: g.base, Method: trust.NoLabels, Margins: margins}
}

// withLabels fits it with their judgements too, and tunes λ under full trust
// where they prove that the anchors help.
func (g *gate) withLabels(documents []answered) trust.Fit {
	fit := g.withoutLabels(documents)
	fit.Method, fit.Z = trust.Labels, g.z(documents)
	fit.Trust = trust.WithJudgements(fit.Trust, fit.Z)
	if trust.Proven(fit.Z) {
		fit.Lambda += fit.Trust * (float64(choose(documents))/tuneFine - g.base)
	}
	return fit
}

func (g *gate) margins(documents []answered) (sum trust.Sums) {
	for _, d := range documents {
		for _, q := range d.questions {
			sum.Merge(g.signs[q].margins)
		}
	}
	return sum
}

// z returns the gain of full trust over none in standard errors. The questions
// of a document, which resemble each other, are one draw.
func (g *gate) z(documents []answered) float64 {
	var gain, questions float64
	gains := make([]float64, len(documents))
	for i, d := range documents {
		for _, q := range d.questions {
			gains[i] += g.gains[q]
		}
		gain += gains[i]
		questions += float64(len(d.questions))
	}
	var squares float64
	for i, d := range documents {
		away := gains[i] - gain/questions*float64(len(d.questions))
		squares += away * away
	}
	const nothing = 1e-9 // where no question gains or loses, z is 0
	return gain / (math.Sqrt(squares) + nothing)
}

// candidates returns the scores of the passages that are among the best depth
// for the source query or for the anchor query, by passage.
func candidates(source, anchor []float64, depth int) (s, a []float64) {
	among := map[int]bool{}
	for _, row := range [][]float64{source, anchor} {
		for _, passage := range top(row, depth) {
			among[passage] = true
		}
	}
	for _, passage := range slices.Sorted(maps.Keys(among)) {
		s, a = append(s, source[passage]), append(a, anchor[passage])
	}
	return s, a
}

// top returns the columns of the highest k scores of a row, best first; of equal
// ones the first.
func top(row []float64, k int) []int {
	best := make([]int, 0, k+1)
	for column, score := range row {
		if len(best) == k && row[best[k-1]] >= score {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, score, func(b int, score float64) int {
			if row[b] >= score {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, column)
		best = best[:min(k, len(best))]
	}
	return best
}
