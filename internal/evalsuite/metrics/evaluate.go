package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Qrels holds relevance judgements: query id to document id to grade. See the
// package comment for what a grade means.
type Qrels map[string]map[string]int

// Evaluation holds what each query scored on each measure.
type Evaluation struct {
	Measures []Measure
	// Queries are the queries with a relevant document, ascending.
	Queries []string
	// Values[i][j] is Measures[i] of Queries[j], so that one measure's values
	// over two evaluations of the same qrels are paired samples.
	Values [][]float64
}

// Means returns each measure averaged over the queries.
func (e *Evaluation) Means() map[Measure]float64 {
	means := make(map[Measure]float64, len(e.Measures))
	for i, m := range e.Measures {
		var sum float64
		for _, v := range e.Values[i] {
			sum += v
		}
		means[m] = sum / float64(len(e.Queries))
	}
	return means
}

// Evaluate measures a run, with each query's documents ranked by order. Queries
// of the run without judgements are ignored. It returns an error where a list
// holds a document twice or a score that is NaN or infinite, where run and
// qrels share no query, where no query has a relevant document, and for a
// measure that ParseMeasure would not accept.
func Evaluate(qrels Qrels, run Run, order Order, measures ...Measure) (*Evaluation, error) {
	shared := false
	evaluation, err := EvaluateRanks(qrels, func(query string, relevant []string) ([]int, error) {
		documents, ok := run[query]
		shared = shared || ok
		position := make(map[string]int, len(documents))
		for _, d := range documents {
			if math.IsNaN(d.Score) || math.IsInf(d.Score, 0) {
				return nil, fmt.Errorf("document %.120q has score %v", d.DocID, d.Score)
			}
		}
		for i, id := range order(documents) {
			if _, twice := position[id]; twice {
				return nil, fmt.Errorf("document %.120q is in the list twice", id)
			}
			position[id] = i + 1
		}
		ranks := make([]int, len(relevant))
		for i, id := range relevant {
			ranks[i] = position[id]
		}
		return ranks, nil
	}, measures...)
	if err != nil {
		return nil, err
	}
	if !shared {
		return nil, errors.New("run and qrels share no query: check that they belong together")
	}
	return evaluation, nil
}

// EvaluateRanks measures any ranking of which it is known where the relevant
// documents stand, which is all that the measures need. ranks is called once for
// each query with a relevant document, in ascending order, with the ids of those
// documents, ascending; it returns the rank of each, counted from 1, or 0 for
// one that was not returned. Its errors are passed on with the query named.
func EvaluateRanks(
	qrels Qrels,
	ranks func(query string, relevant []string) ([]int, error),
	measures ...Measure,
) (*Evaluation, error) {
	evaluation := &Evaluation{Measures: measures, Values: make([][]float64, len(measures))}
	computed := make([]definition, len(measures))
	for i, m := range measures {
		var err error
		if computed[i], err = m.definition(); err != nil {
			return nil, err
		}
	}
	for _, query := range slices.Sorted(maps.Keys(qrels)) {
		relevant := relevantIDs(qrels[query])
		if len(relevant) == 0 {
			continue
		}
		at, err := ranks(query, relevant)
		if err != nil {
			return nil, fmt.Errorf("evaluate query %.120q: %w", query, err)
		}
		grades := make([]int, len(relevant))
		var hits []hit
		for i, id := range relevant {
			grades[i] = qrels[query][id]
			if at[i] > 0 {
				hits = append(hits, hit{rank: at[i], grade: grades[i]})
			}
		}
		slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.rank, b.rank) })
		slices.SortFunc(grades, func(a, b int) int { return cmp.Compare(b, a) })
		evaluation.Queries = append(evaluation.Queries, query)
		for i, m := range measures {
			evaluation.Values[i] = append(evaluation.Values[i], computed[i].value(m.K, hits, grades))
		}
	}
	if len(evaluation.Queries) == 0 {
		return nil, errors.New("no query of the qrels has a relevant document: nothing to average")
	}
	return evaluation, nil
}

func relevantIDs(judged map[string]int) []string {
	ids := make([]string, 0, len(judged))
	for id, grade := range judged {
		if grade > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
