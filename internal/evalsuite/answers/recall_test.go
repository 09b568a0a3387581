package answers_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/answers"
)

// ranking yields the passages, tokenized, and fails the test beyond limit.
func ranking(t *testing.T, limit int, texts ...string) iter.Seq[answers.Passage] {
	t.Helper()
	return func(yield func(answers.Passage) bool) {
		for i, text := range texts {
			if i >= limit {
				t.Errorf("passage %d was asked for, want at most %d", i+1, limit)
			}
			if !yield(answers.Tokenize(text)) {
				return
			}
		}
	}
}

func TestFound(t *testing.T) {
	for _, tc := range []struct {
		name    string
		texts   []string
		answers []string
		budgets []int
		want    []bool
	}{
		{"the last token of the budget counts", []string{"one two three four"}, []string{"three"}, []int{2, 3}, []bool{false, true}},
		{"an answer must lie within as a whole", []string{"one two three four"}, []string{"two three"}, []int{2, 3}, []bool{false, true}},
		{"a part of a token will do", []string{"Untersee"}, []string{"see"}, []int{1}, []bool{true}},
		{"case counts", []string{"Lake"}, []string{"lake"}, []int{1}, []bool{false}},
		{"any answer will do", []string{"one two"}, []string{"zero", "two"}, []int{1, 2}, []bool{false, true}},
		{"the first of its places counts", []string{"one two", "one"}, []string{"one"}, []int{1}, []bool{true}},
		{"across passages", []string{"the river", "", "Aare is long"}, []string{"river Aare"}, []int{2, 3}, []bool{false, true}},
		{"periods are tokens", []string{"It is. So", "be it"}, []string{"be"}, []int{4, 5}, []bool{false, true}},
		{"white space becomes one space", []string{"one\n\n two"}, []string{"one two"}, []int{2}, []bool{true}},
		{"an answer is not tokenized", []string{"(about 5)"}, []string{"(about 5)"}, []int{10}, []bool{false}},
		{"nor its quotation marks", []string{`so "called" one`}, []string{`"called"`}, []int{10}, []bool{false}},
		{"the end of the budget is no space", []string{"one two"}, []string{"one "}, []int{1, 2}, []bool{false, true}},
		{"yes and no do not count", []string{"yes no"}, []string{"yes", "no"}, []int{10}, []bool{false}},
		{"but Yes does", []string{"Yes"}, []string{"yes", "Yes"}, []int{10}, []bool{true}},
		{"budgets in any order", []string{"one two"}, []string{"two"}, []int{9, 1, 2}, []bool{true, false, true}},
		{"nothing retrieved", nil, []string{"one"}, []int{10}, []bool{false}},
		{"no budget", []string{"one"}, []string{"one"}, nil, []bool{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := answers.Found(ranking(t, len(tc.texts), tc.texts...), tc.answers, tc.budgets...)
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestFoundAsksForNoMore(t *testing.T) {
	texts := []string{"one two", "three four", "five"}
	if got := answers.Found(ranking(t, 2, texts...), []string{"four"}, 1, 4); !slices.Equal(got, []bool{false, true}) {
		t.Errorf("got %v, want false and true", got)
	}
}

func TestEvaluate(t *testing.T) {
	questions := []answers.Question{
		{ID: "late", Answers: []string{"two"}},
		{ID: "yes/no", Answers: []string{"yes"}},
		{ID: "none"},
		{ID: "early", Answers: []string{"no", "one"}},
		{ID: "absent", Answers: []string{"one"}},
	}
	got, err := answers.Evaluate(questions, func(id string) iter.Seq[answers.Passage] {
		if id == "absent" {
			return ranking(t, 0)
		}
		return ranking(t, 1, "one two")
	}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"absent", "early", "late"}; !slices.Equal(got.Queries, want) {
		t.Errorf("questions %v, want %v", got.Queries, want)
	}
	if want := []int{1, 2}; !slices.Equal(got.Budgets, want) {
		t.Errorf("budgets %v, want %v", got.Budgets, want)
	}
	want := [][]float64{{0, 1, 0}, {0, 1, 1}}
	if !slices.EqualFunc(got.Values, want, slices.Equal) {
		t.Errorf("values %v, want %v", got.Values, want)
	}
}

func TestEvaluateErrors(t *testing.T) {
	one := answers.Question{ID: "q", Answers: []string{"one"}}
	for _, tc := range []struct {
		name      string
		questions []answers.Question
		budget    int
		want      string
	}{
		{"twice", []answers.Question{one, one}, 1, `two questions have the id "q"`},
		{"empty answer", []answers.Question{{ID: "q", Answers: []string{"one", ""}}}, 1, `"q" has an empty answer`},
		{"yes/no only", []answers.Question{{ID: "q", Answers: []string{"yes"}}}, 1, "no question has an answer"},
		{"no questions", nil, 1, "no question has an answer"},
		{"no tokens", []answers.Question{one}, 0, "budget of 0 tokens"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := answers.Evaluate(tc.questions, func(string) iter.Seq[answers.Passage] {
				return ranking(t, 1, "one")
			}, tc.budget)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}
