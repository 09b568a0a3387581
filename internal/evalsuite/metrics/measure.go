package metrics

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind names a measure without its cut-off.
type Kind string

// The measures. All lie in [0, 1], higher is better.
const (
	// NDCG is the discounted cumulative gain of the first k documents over that
	// of the best possible ranking.
	NDCG Kind = "ndcg"
	// MRR is one over the rank of the first relevant document, 0 beyond rank k.
	MRR Kind = "mrr"
	// MAP is the mean of the precision at each relevant document of the whole
	// ranking; a relevant document that is missing has precision 0.
	MAP Kind = "map"
	// Recall is the share of the relevant documents among the first k.
	Recall Kind = "recall"
	// Success is 1 where a relevant document is among the first k, else 0.
	Success Kind = "success"
	// AnswerRecall is 1 where an answer lies within the first tokens of the
	// ranked passages, else 0: R@2kt and R@5kt. It takes texts, so that package
	// answers computes it and Evaluate refuses it.
	AnswerRecall Kind = "r"
)

// Measure is a kind of measure with its cut-off. It is comparable, and reads
// and writes itself as text ("ndcg@10"), also as a key in JSON.
type Measure struct {
	Kind Kind
	// K is the number of leading documents that count: at least 1, and 0 for
	// MAP, which has no cut-off. Of AnswerRecall it is a number of tokens, in
	// whole thousands.
	K int
}

// hit is a relevant document that a ranking holds.
type hit struct {
	rank  int // from 1
	grade int // at least 1
}

// definition says how a measure is computed from the hits of one query, by
// ascending rank, and from the grades of all its relevant documents, of which
// there is at least one, descending.
type definition struct {
	kind  Kind
	cut   bool
	value func(k int, hits []hit, grades []int) float64
}

var definitions = []definition{
	{NDCG, true, ndcg},
	{MRR, true, reciprocalRank},
	{MAP, false, averagePrecision},
	{Recall, true, func(k int, hits []hit, grades []int) float64 {
		return float64(within(k, hits)) / float64(len(grades))
	}},
	{Success, true, func(k int, hits []hit, _ []int) float64 {
		return float64(min(1, within(k, hits)))
	}},
}

// kiloTokens follows the number of an AnswerRecall.
const kiloTokens = "kt"

// maxCutoff is beyond any list.
const maxCutoff = 1 << 30 / 1000

// ParseMeasure reads "ndcg@10", "mrr@10", "map", "recall@5", "success@1" or
// "r@2kt", with any cut-off from 1 on, in any case.
func ParseMeasure(text string) (Measure, error) {
	name, cutoff, cut := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "@")
	m := Measure{Kind: Kind(name)}
	unit := 1
	if m.Kind == AnswerRecall {
		thousands, ok := strings.CutSuffix(cutoff, kiloTokens)
		if !ok {
			return Measure{}, fmt.Errorf("measure %.120q: write r@2kt for the first 2,000 tokens", text)
		}
		cutoff, unit = thousands, 1000
	}
	if cut {
		k, err := strconv.Atoi(cutoff)
		if err != nil || k < 1 || k > maxCutoff {
			return Measure{}, fmt.Errorf("measure %.120q: the number after @ must be a whole number from 1 on", text)
		}
		m.K = k * unit
	}
	if m.Kind == AnswerRecall {
		return m, nil
	}
	if _, err := m.definition(); err != nil {
		return Measure{}, err
	}
	return m, nil
}

// String returns the form that ParseMeasure reads.
func (m Measure) String() string {
	switch {
	case m.K == 0:
		return string(m.Kind)
	case m.Kind == AnswerRecall:
		return string(m.Kind) + "@" + strconv.Itoa(m.K/1000) + kiloTokens
	}
	return string(m.Kind) + "@" + strconv.Itoa(m.K)
}

// MarshalText implements encoding.TextMarshaler.
func (m Measure) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Measure) UnmarshalText(text []byte) error {
	parsed, err := ParseMeasure(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// definition returns how m is computed, or an error that lists what is known.
func (m Measure) definition() (definition, error) {
	if m.Kind == AnswerRecall {
		return definition{}, fmt.Errorf("measure %q takes texts and answers: ranks do not give it", m)
	}
	i := slices.IndexFunc(definitions, func(d definition) bool { return d.kind == m.Kind })
	switch {
	case i < 0:
		return definition{}, fmt.Errorf("unknown measure %.120q: known are %s", m.String(), known())
	case definitions[i].cut && m.K < 1:
		return definition{}, fmt.Errorf("measure %q needs a cut-off from 1 on, such as %s@10", m, m.Kind)
	case !definitions[i].cut && m.K != 0:
		return definition{}, fmt.Errorf("measure %q has no cut-off: write %s", m, m.Kind)
	}
	return definitions[i], nil
}

func known() string {
	var names []string
	for _, d := range definitions {
		name := string(d.kind)
		if d.cut {
			name += "@K"
		}
		names = append(names, name)
	}
	names = append(names, string(AnswerRecall)+"@K"+kiloTokens)
	return strings.Join(names, ", ")
}

func ndcg(k int, hits []hit, grades []int) float64 {
	var gained, ideal float64
	for _, h := range hits[:within(k, hits)] {
		gained += discounted(h.grade, h.rank)
	}
	for i, grade := range grades[:min(k, len(grades))] {
		ideal += discounted(grade, i+1)
	}
	return gained / ideal
}

func discounted(grade, rank int) float64 {
	return float64(grade) / math.Log2(float64(rank)+1)
}

func reciprocalRank(k int, hits []hit, _ []int) float64 {
	if within(k, hits) == 0 {
		return 0
	}
	return 1 / float64(hits[0].rank)
}

func averagePrecision(_ int, hits []hit, grades []int) float64 {
	var sum float64
	for i, h := range hits {
		sum += float64(i+1) / float64(h.rank)
	}
	return sum / float64(len(grades))
}

// within returns how many of the hits, by ascending rank, have rank k or better.
func within(k int, hits []hit) int {
	n := 0
	for n < len(hits) && hits[n].rank <= k {
		n++
	}
	return n
}
