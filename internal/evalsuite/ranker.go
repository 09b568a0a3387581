package evalsuite

import (
	"context"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Pairing names the anchors that stand beside a language's questions.
type Pairing struct {
	Lang       string // of questions and documents
	AnchorLang string
	Translator string // who wrote the anchors: Human, or a name that the Ranker knows
}

// Ranker ranks the documents of a language for its questions: by brute force,
// or through the search path that queries take.
type Ranker interface {
	// Qrels returns the judgements of the questions that have an anchor in the
	// pairing.
	Qrels(ctx context.Context, p Pairing) (metrics.Qrels, error)
	// Evaluate measures the ranking at each λ, over the questions of Qrels.
	Evaluate(ctx context.Context, p Pairing, lambdas []float64, measures ...metrics.Measure) ([]*metrics.Evaluation, error)
	// Runs returns, for each λ, the best k documents of every question that has
	// an anchor in the pairing.
	Runs(ctx context.Context, p Pairing, lambdas []float64, k int) ([]metrics.Run, error)
}

// restrict returns what the named questions, ascending, scored. All must be
// there.
func restrict(e *metrics.Evaluation, questions []string) (*metrics.Evaluation, error) {
	out := &metrics.Evaluation{Measures: e.Measures, Queries: questions, Values: make([][]float64, len(e.Values))}
	next := 0
	for _, id := range questions {
		for next < len(e.Queries) && e.Queries[next] < id {
			next++
		}
		if next == len(e.Queries) || e.Queries[next] != id {
			return nil, fmt.Errorf("question %.120q was not evaluated", id)
		}
		for m := range e.Values {
			out.Values[m] = append(out.Values[m], e.Values[m][next])
		}
	}
	return out, nil
}

// shared returns the questions that every evaluation has, ascending.
func shared(evaluations ...*metrics.Evaluation) []string {
	count := map[string]int{}
	for _, e := range evaluations {
		for _, id := range e.Queries {
			count[id]++
		}
	}
	var ids []string
	for _, id := range evaluations[0].Queries {
		if count[id] == len(evaluations) {
			ids = append(ids, id)
		}
	}
	return ids
}
