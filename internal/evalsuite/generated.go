package evalsuite

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/trust"
)

// TunedNoLabels is Query-Synergy as generated questions advise it: nobody judged
// anything for it.
const TunedNoLabels Method = "tuned-no-labels"

// Estimate is what generated questions say about the anchors of a pairing. They
// are no people's questions: what is sure about them need not carry over, so a
// Verdict is about them.
type Estimate struct {
	Pairing Pairing
	// Lambda is what all generated questions choose, as Tune does.
	Lambda float64
	// Gain is what the choice gains over the source alone in nDCG@10, on
	// generated questions that it has not seen (by repeated cross-validation),
	// and Interval its 95% bootstrap interval over documents.
	Gain     float64
	Interval Interval
	// Helps is the share of bootstrap samples of the documents with a gain.
	Helps     float64
	Questions int
	// Trust is what the same questions show of the translator without their
	// documents being known: how far the anchors leave the best passage standing
	// out.
	Trust trust.Fit

	held []heldOut // by document, ascending, then by id
}

// heldOut is what a generated question scores under a choice that has not seen
// it, and what that gains over the source alone.
type heldOut struct {
	id, document string
	value, gain  float64
}

// Verdict is what an Estimate comes to.
type Verdict string

// The verdicts, about generated questions.
const (
	AnchorHelps     Verdict = "helps"     // by more than chance, and the translator is trusted
	AnchorUndecided Verdict = "undecided" // the gain may be chance, or the questions are too few
	AnchorUntrusted Verdict = "untrusted" // whatever they gain, the anchors blur the rankings
	AnchorNoHelp    Verdict = "no help"   // the source alone is as good or better
)

// sure is the share of bootstrap samples that rules out chance, one-sided 2.5%.
const sure = 0.975

// Verdict says what to make of the estimate.
func (e Estimate) Verdict() Verdict {
	_, _, known := e.Trust.Margins.Sharpness()
	switch {
	case e.Lambda == 1 || e.Interval[1] <= 0:
		return AnchorNoHelp
	case known && e.Trust.Trust == 0:
		return AnchorUntrusted
	case !known || e.Helps < sure:
		return AnchorUndecided
	default:
		return AnchorHelps
	}
}

// Advice returns the λ and the trust to go by: those found where the anchor
// helps; the source alone where it does not or cannot be trusted; and where
// nothing is decided base with no trust, which is how a translator is treated of
// which nothing is known.
func (e Estimate) Advice(base float64) (lambda, trusted float64) {
	switch e.Verdict() {
	case AnchorHelps:
		return e.Lambda, e.Trust.Trust
	case AnchorUndecided:
		return base, 0
	default:
		return 1, 0
	}
}

// Fit returns the advice as a profile holds it.
func (e Estimate) Fit(base float64) trust.Fit {
	fit := e.Trust
	fit.Lambda, fit.Trust = e.Advice(base)
	return fit
}

// FromGenerated estimates from the questions that ranker and scorer rank, which
// were generated from the documents that its qrels name: λ and what it gains, and
// the trust in the translator. None of the questions may be among those that the
// advice is to serve.
func FromGenerated(ctx context.Context, spec Spec, p Pairing, ranker Ranker, scorer Scorer) (Estimate, error) {
	fail := func(err error) (Estimate, error) {
		return Estimate{}, fmt.Errorf("the generated questions in %q with anchors in %q by %s: %w", p.Lang, p.AnchorLang, p.Translator, err)
	}
	spec.Measures = []metrics.Measure{tuneObjective}
	rows, choice, err := tuneIn(ctx, spec, p, ranker)
	if err != nil {
		return fail(err)
	}
	qrels, err := ranker.Qrels(ctx, p)
	if err != nil {
		return fail(err)
	}
	g, err := newGate(ctx, spec, p, scorer)
	if err != nil {
		return fail(err)
	}
	e := Estimate{Pairing: p, Lambda: choice.Lambda, Questions: choice.Questions, Trust: g.withoutLabels(g.documents)}
	source, held := rows[0].values, rows[2].values
	for i, id := range held.Queries {
		value := held.Values[0][i]
		e.held = append(e.held, heldOut{id, answeredBy(qrels[id]), value, value - source.Values[0][i]})
	}
	slices.SortStableFunc(e.held, func(a, b heldOut) int { return cmp.Compare(a.document, b.document) })
	e.Gain, e.Interval, e.Helps = bootstrapMeans(e.shares(func(q heldOut) float64 { return q.gain }))
	return e, nil
}

// shares adds up by document what figure returns for its questions.
func (e Estimate) shares(figure func(heldOut) float64) []share {
	var shares []share
	for i, q := range e.held {
		if i == 0 || q.document != e.held[i-1].document {
			shares = append(shares, share{})
		}
		last := &shares[len(shares)-1]
		last.sum += figure(q)
		last.questions++
	}
	return shares
}

// share is a document's part in a mean over questions.
type share struct{ sum, questions float64 }

// bootstrapMeans returns the mean over all questions, its 95% interval over
// samples of the documents, whose questions resemble each other, and the share
// of the samples with a mean above 0. The same documents draw the same.
func bootstrapMeans(documents []share) (mean float64, interval Interval, above float64) {
	const samples, cut = 2000, 50
	if len(documents) == 0 {
		return 0, Interval{}, 0
	}
	random := rand.New(rand.NewPCG(3, 1))
	drawn, means := make([]share, len(documents)), make([]float64, samples)
	for s := range means {
		for i := range drawn {
			drawn[i] = documents[random.IntN(len(documents))]
		}
		means[s] = meanOf(drawn)
		if means[s] > rounding {
			above += 1.0 / samples
		}
	}
	slices.Sort(means)
	return meanOf(documents), Interval{means[cut], means[samples-1-cut]}, above
}

func meanOf(shares []share) float64 {
	var total share
	for _, s := range shares {
		total.sum += s.sum
		total.questions += s.questions
	}
	return total.sum / max(1, total.questions)
}

// Better orders the estimates of a language, the best anchors first: by their
// verdict, then by what they reach on the generated questions that all of them
// have an anchor for. sure is the share of bootstrap samples of the documents in
// which the first reaches more than the second; 1 where there is one only.
func Better(estimates []Estimate) (order []Estimate, sure float64) {
	all := make([]map[string]float64, len(estimates)) // what each question scores
	have := map[string]int{}
	for i, e := range estimates {
		all[i] = map[string]float64{}
		for _, q := range e.held {
			all[i][q.id] = q.value
			have[q.id]++
		}
	}
	// Over the questions that all have; the others are alike in all.
	lead := func(i, over int) float64 { return meanOf(estimates[i].over(have, len(estimates), all[over])) }
	rank := map[Verdict]int{AnchorHelps: 0, AnchorUndecided: 1, AnchorUntrusted: 2, AnchorNoHelp: 2}
	places := make([]int, len(estimates))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int {
		return cmp.Or(cmp.Compare(rank[estimates[a].Verdict()], rank[estimates[b].Verdict()]), cmp.Compare(0, lead(a, b)))
	})
	for _, i := range places {
		order = append(order, estimates[i])
	}
	if len(order) < 2 {
		return order, 1
	}
	_, _, sure = bootstrapMeans(order[0].over(have, len(estimates), all[places[1]]))
	return order, sure
}

// over returns by how much the questions that n estimates have score higher than
// those of another, by document.
func (e Estimate) over(have map[string]int, n int, other map[string]float64) []share {
	kept := e
	kept.held = slices.DeleteFunc(slices.Clone(e.held), func(q heldOut) bool { return have[q.id] < n })
	return kept.shares(func(q heldOut) float64 { return q.value - other[q.id] })
}

// CheckEstimates sets what estimates advise beside source only, the λ of spec and
// the λ that judged questions choose (held out), on those judged questions and
// with the same translator's anchors. A row's λ is the mean over its questions,
// as the rule of package trust leaves some anchors less weight.
func CheckEstimates(ctx context.Context, spec Spec, estimates []Estimate, ranker Ranker, scorer Scorer) (*Result, error) {
	var all []measured
	for _, e := range estimates {
		rows, _, err := tuneIn(ctx, spec, e.Pairing, ranker)
		if err != nil {
			return nil, err
		}
		g, err := newGate(ctx, spec, e.Pairing, scorer)
		if err != nil {
			return nil, err
		}
		lambda, trusted := e.Advice(g.base)
		values, mean, err := g.measure([][]float64{g.lambdas(lambda, trusted)}, spec.Measures)
		if err != nil {
			return nil, err
		}
		rows = append(rows, measured{row: spec.row(e.Pairing, TunedNoLabels, mean), group: string(TunedNoLabels), values: values, baseline: rows[0].values})
		for i := range rows {
			rows[i].group = fmt.Sprintf("%s %s %s", e.Pairing.AnchorLang, e.Pairing.Translator, rows[i].row.Method)
		}
		all = append(all, rows...)
	}
	return finish(all)
}
