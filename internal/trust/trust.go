// Package trust says how much weight an anchor query gets: a translation that
// does not fit its source query must not change a ranking for the worse.
//
// Two things decide. How well the source and the anchor query agree about the
// documents at hand (Correlation) is seen of every single query. How far a
// translator can be trusted in a language (a number from 0 to 1) is not: it
// comes from many of its queries, without any judgement (Sums), with judgements
// (WithJudgements), or from the translator's other languages (OfOthers). Weight
// joins the two.
//
// It is arithmetic on scores. It knows no vectors, no documents, and not where
// an anchor came from.
//
// How well it is founded: everything was found and measured on the XQuAD
// passages under one embedding model, multilingual-e5-small in 4 bits, with one
// small chat model, one rule-based translator and people as translators. With
// the chat model, whose anchors cost 17 of 1,428 questions at the fixed λ, the
// rule's gain over source only is one or two questions, which is chance. What it
// does show is that the rule loses next to nothing to bad translations and keeps
// 97% of what people's translations gain. docs/design.md has the figures.
package trust

import "math"

// Depth is how many candidates of each of the two searches Correlation and
// Margins look at. 30 to 100 do much the same; with all passages of a language
// the chat model's anchors pass for good ones, because they agree about what is
// irrelevant.
const Depth = 50

// The ramp of Weight. Its ends are round numbers, chosen with the six languages
// of the chat model in sight. Chosen anew by five of them and judged on the
// sixth, a ramp loses one of 1,428 questions to source only: it is there to do
// no harm. With a lower end of 0.4 two languages already lose.
const (
	rampLow, rampHigh = 0.6, 0.9
	// rampShift is how far full trust moves the ramp down: to −0.3 and 0. Even
	// the anchor of a trusted translator counts for nothing where it ranks the
	// candidates against the source: people's translations of other questions,
	// shuffled, cost 0.4 points in place of 4.6.
	rampShift = 0.9
)

// Correlation is Pearson's, in [−1, 1], of the cosines that the source query and
// the anchor query have with the same candidates: source[i] and anchor[i] with
// the i-th. The candidates are what either query has among its best Depth. It is
// 0 where the scores say nothing, as with fewer than two candidates or with
// equal scores, and NaN where a score is not finite. It panics where the two
// differ in length.
func Correlation(source, anchor []float64) float64 {
	if len(source) != len(anchor) {
		panic("trust: source and anchor scores differ in number")
	}
	if len(source) == 0 {
		return 0
	}
	// Taken from the first score, equal scores vary by nothing at all.
	var meanS, meanA float64
	for i := range source {
		meanS += source[i] - source[0]
		meanA += anchor[i] - anchor[0]
	}
	meanS /= float64(len(source))
	meanA /= float64(len(source))
	var ss, aa, sa float64
	for i := range source {
		s, a := source[i]-source[0]-meanS, anchor[i]-anchor[0]-meanA
		ss += s * s
		aa += a * a
		sa += s * a
	}
	if ss == 0 || aa == 0 {
		return 0
	}
	return max(-1, min(sa/(math.Sqrt(ss)*math.Sqrt(aa)), 1))
}

// Weight returns how much of its weight the anchor of a query keeps, in [0, 1]:
// none up to a correlation of 0.6 and all of it from 0.9 where its translator is
// not trusted, which is the rule where nothing is known; none up to −0.3 and all
// from 0 where it is trusted in full. It is 0 where either is NaN.
func Weight(correlation, trust float64) float64 {
	weight := clamp((correlation + rampShift*clamp(trust) - rampLow) / (rampHigh - rampLow))
	if math.IsNaN(weight) {
		return 0
	}
	return weight
}

// Lambda returns the weight of the source query when the anchor query keeps
// weight of the 1−lambda that it would have: lambda itself for 1, and 1, which
// is source only, for 0.
func Lambda(lambda, weight float64) float64 {
	return lambda + (1-lambda)*(1-weight)
}

func clamp(x float64) float64 { return max(0, min(x, 1)) }
