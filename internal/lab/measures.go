package lab

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/answers"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/search"
)

// answerDepth is how many documents an answer is looked for in: as many as a
// query may ask for. Documents of five tokens each fill the largest published
// budget.
const answerDepth = search.MaxTopK

// withAnswers evaluates the measures that ranks give with byRank, and those that
// take texts over the rankings that runs gives, of so many documents. A question
// whose only answers are yes and no counts in neither, as all measures must be
// over the same questions. The documents, and with them the answers, are those of
// the language given.
func (l *Lab) withAnswers(
	ctx context.Context, p evalsuite.Pairing, documents string, measures []metrics.Measure,
	byRank func(qrels metrics.Qrels, measures []metrics.Measure) ([]*metrics.Evaluation, error),
	runs func(k int) ([]metrics.Run, error),
) ([]*metrics.Evaluation, error) {
	qrels, err := l.qrels(ctx, p)
	if err != nil {
		return nil, err
	}
	var ranked, texts []metrics.Measure
	var budgets []int
	for _, m := range measures {
		if m.Kind == metrics.AnswerRecall {
			texts, budgets = append(texts, m), append(budgets, m.K)
		} else {
			ranked = append(ranked, m)
		}
	}
	if len(texts) == 0 {
		return byRank(qrels, ranked)
	}
	set, err := l.Set(documents)
	if err != nil {
		return nil, err
	}
	asked, err := l.Set(p.Lang)
	if err != nil {
		return nil, err
	}
	parallel, err := dataset.Anchors(asked, set)
	if err != nil {
		return nil, err
	}
	var questions []answers.Question
	for i, q := range asked.Questions {
		given := parallel[i].Answers
		switch {
		case qrels[q.ID] == nil:
		case len(answers.Spans(given)) == 0:
			delete(qrels, q.ID)
		default:
			questions = append(questions, answers.Question{ID: q.ID, Answers: given})
		}
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("measure %s needs answers, and the questions in %q bring none", texts[0], p.Lang)
	}
	passages := make(map[string]answers.Passage, len(set.Documents))
	for _, d := range set.Documents {
		passages[d.ID] = answers.Tokenize(d.Text)
	}
	all, err := runs(answerDepth)
	if err != nil {
		return nil, err
	}
	evaluations, err := byRank(qrels, ranked)
	if err != nil {
		return nil, err
	}
	for i, run := range all {
		found, err := answers.Evaluate(questions, func(id string) iter.Seq[answers.Passage] {
			return func(yield func(answers.Passage) bool) {
				for _, d := range run[id] {
					if !yield(passages[d.DocID]) {
						return
					}
				}
			}
		}, budgets...)
		if err != nil {
			return nil, fmt.Errorf("the answers in %q: %w", p.Lang, err)
		}
		if !slices.Equal(found.Queries, evaluations[i].Queries) {
			return nil, errors.New("a question with an answer has no relevant document: the measures cannot be compared")
		}
		evaluations[i] = merge(measures, evaluations[i], texts, found.Values)
	}
	return evaluations, nil
}

// merge puts the values of two kinds of measures into the order asked for.
func merge(order []metrics.Measure, ranked *metrics.Evaluation, texts []metrics.Measure, found [][]float64) *metrics.Evaluation {
	merged := &metrics.Evaluation{Measures: order, Queries: ranked.Queries}
	for _, m := range order {
		if i := slices.Index(texts, m); i >= 0 {
			merged.Values = append(merged.Values, found[i])
		} else {
			merged.Values = append(merged.Values, ranked.Values[slices.Index(ranked.Measures, m)])
		}
	}
	return merged
}
