package answers

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Passage is a text that has been tokenized, so that a text that is retrieved
// for many questions is tokenized once.
type Passage struct {
	joined string // the tokens, with single spaces between them
	ends   []int  // where each token ends in joined
}

// Tokenize returns the tokens of a text as a Passage.
func Tokenize(text string) Passage {
	tokens := Tokens(text)
	p := Passage{joined: strings.Join(tokens, " "), ends: make([]int, len(tokens))}
	end := -1
	for i, token := range tokens {
		end += 1 + len(token)
		p.ends[i] = end
	}
	return p
}

// Spans returns the answers that count: all but "yes" and "no".
func Spans(answers []string) []string {
	var spans []string
	for _, answer := range answers {
		if answer != "yes" && answer != "no" {
			spans = append(spans, answer)
		}
	}
	return spans
}

// Found says for each budget, a number of tokens from 1 on, whether one of the
// answers occurs within so many tokens of the ranked passages. It asks for no
// more passages than the largest budget needs, and leaves out the answers that
// Spans leaves out.
func Found(ranked iter.Seq[Passage], answers []string, budgets ...int) []bool {
	found := make([]bool, len(budgets))
	if len(budgets) == 0 {
		return found
	}
	text, ends := head(ranked, slices.Max(budgets))
	for _, answer := range Spans(answers) {
		at := strings.Index(text, answer)
		if at < 0 {
			continue
		}
		for i, budget := range budgets {
			budget = min(budget, len(ends))
			found[i] = found[i] || budget > 0 && at+len(answer) <= ends[budget-1]
		}
	}
	return found
}

// head joins the first tokens of the passages, at most budget of them, and says
// where each ends.
func head(ranked iter.Seq[Passage], budget int) (string, []int) {
	var text strings.Builder
	var ends []int
	for p := range ranked {
		n := min(len(p.ends), budget-len(ends))
		if n > 0 {
			if text.Len() > 0 {
				text.WriteByte(' ')
			}
			offset := text.Len()
			text.WriteString(p.joined[:p.ends[n-1]])
			for _, end := range p.ends[:n] {
				ends = append(ends, offset+end)
			}
		}
		if len(ends) >= budget {
			break
		}
	}
	return text.String(), ends
}

// Question is a question by its answers, any of which is right.
type Question struct {
	ID      string
	Answers []string
}

// Evaluation holds for which questions an answer was found.
type Evaluation struct {
	// Budgets are numbers of tokens.
	Budgets []int
	// Queries are the ids of the questions that count, ascending.
	Queries []string
	// Values[i][j] is 1 where an answer to Queries[j] lies within Budgets[i],
	// else 0.
	Values [][]float64
}

// Evaluate looks for the answers to the questions of one language in what was
// ranked for each: ranked yields the passages for the question with an id, best
// first, and none where nothing was retrieved. It returns an error where two
// questions share an id, an answer is empty, no question counts, or a budget is
// below 1.
func Evaluate(
	questions []Question,
	ranked func(id string) iter.Seq[Passage],
	budgets ...int,
) (*Evaluation, error) {
	for _, budget := range budgets {
		if budget < 1 {
			return nil, fmt.Errorf("budget of %d tokens: want at least 1", budget)
		}
	}
	ordered := slices.SortedFunc(slices.Values(questions), func(a, b Question) int {
		return strings.Compare(a.ID, b.ID)
	})
	evaluation := &Evaluation{Budgets: budgets, Values: make([][]float64, len(budgets))}
	for i, q := range ordered {
		if i > 0 && q.ID == ordered[i-1].ID {
			return nil, fmt.Errorf("two questions have the id %.120q: give each its own", q.ID)
		}
		if slices.Contains(q.Answers, "") {
			return nil, fmt.Errorf("question %.120q has an empty answer, which any text would hold: remove it", q.ID)
		}
		if len(Spans(q.Answers)) == 0 {
			continue
		}
		evaluation.Queries = append(evaluation.Queries, q.ID)
		for b, found := range Found(ranked(q.ID), q.Answers, budgets...) {
			value := 0.0
			if found {
				value = 1
			}
			evaluation.Values[b] = append(evaluation.Values[b], value)
		}
	}
	if len(evaluation.Queries) == 0 {
		return nil, errors.New("no question has an answer other than yes or no: nothing to average")
	}
	return evaluation, nil
}
