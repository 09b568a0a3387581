package metrics_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

func parse(t testing.TB, text string) metrics.Measure {
	t.Helper()
	m, err := metrics.ParseMeasure(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ranked lists documents in the order given, with descending scores.
func ranked(ids ...string) []metrics.Scored {
	documents := make([]metrics.Scored, len(ids))
	for i, id := range ids {
		documents[i] = metrics.Scored{DocID: id, Score: float64(len(ids) - i)}
	}
	return documents
}

// The figures are worked by hand: log2(2)=1, log2(4)=2, 1/log2(3)=0.63092975.
func TestHandWorked(t *testing.T) {
	const second = 0.6309297535714575
	graded := map[string]int{"a": 3, "b": 2, "c": 1, "zero": 0, "bad": -4}
	tests := []struct {
		name    string
		measure string
		judged  map[string]int
		list    []string
		want    float64
	}{
		{"ideal order", "ndcg@3", graded, []string{"a", "b", "c"}, 1},
		{"graded, gains linear", "ndcg@3", graded, []string{"c", "x", "a"}, (1 + 3.0/2) / (3 + 2*second + 1.0/2)},
		{"the ideal is cut as well", "ndcg@1", graded, []string{"b"}, 2.0 / 3},
		{"what was not returned stays in the ideal", "ndcg@10", graded, []string{"a"}, 3 / (3 + 2*second + 1.0/2)},
		{"a negative grade gains nothing and costs nothing", "ndcg@2", graded, []string{"bad", "a"}, 3 * second / (3 + 2*second)},
		{"unjudged", "ndcg@2", graded, []string{"x", "y"}, 0},
		{"first relevant at 2", "mrr@10", graded, []string{"zero", "b", "a"}, 0.5},
		{"first relevant beyond k", "mrr@1", graded, []string{"zero", "b", "a"}, 0},
		{"negative is not relevant", "mrr@10", graded, []string{"bad", "x", "x2", "c"}, 0.25},
		{"all found", "map", graded, []string{"a", "x", "b", "c"}, (1 + 2.0/3 + 3.0/4) / 3},
		{"one of three found", "map", graded, []string{"x", "c"}, 0.5 / 3},
		{"two of three in five", "recall@5", graded, []string{"x", "a", "bad", "zero", "c", "b"}, 2.0 / 3},
		{"k beyond the list", "recall@100", graded, []string{"a"}, 1.0 / 3},
		{"within k", "success@2", graded, []string{"x", "c", "a"}, 1},
		{"not within k", "success@1", graded, []string{"x", "c", "a"}, 0},
		{"empty list", "ndcg@10", graded, nil, 0},
		{"empty list", "map", graded, nil, 0},
	}
	for _, tc := range tests {
		t.Run(tc.measure+" "+tc.name, func(t *testing.T) {
			e := evaluate(t, metrics.Qrels{"q": tc.judged}, metrics.Run{"q": ranked(tc.list...)},
				metrics.RankedIDs, parse(t, tc.measure))
			if got := e.Values[0][0]; math.Abs(got-tc.want) > 1e-15 {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOrders(t *testing.T) {
	documents := []metrics.Scored{{"b", 1}, {"a", 1}, {"c", 2}, {"d", 1}, {"e", -1}}
	if got, want := metrics.TRECOrder(documents), []string{"c", "d", "b", "a", "e"}; !slices.Equal(got, want) {
		t.Errorf("TRECOrder = %v, want %v", got, want)
	}
	if got, want := metrics.RankedIDs(documents), []string{"b", "a", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("RankedIDs = %v, want %v", got, want)
	}
}

func TestWhichQueriesCount(t *testing.T) {
	qrels := metrics.Qrels{
		"found":     {"a": 1},
		"missing":   {"a": 1},
		"fruitless": {"a": 0, "b": -1},
		"unjudged":  {},
	}
	run := metrics.Run{"found": ranked("a"), "fruitless": ranked("a"), "stranger": ranked("a")}
	success := parse(t, "success@1")
	e := evaluate(t, qrels, run, metrics.RankedIDs, success)
	if want := []string{"found", "missing"}; !slices.Equal(e.Queries, want) {
		t.Errorf("queries = %v, want %v", e.Queries, want)
	}
	if want := []float64{1, 0}; !slices.Equal(e.Values[0], want) {
		t.Errorf("values = %v, want %v", e.Values[0], want)
	}
	if got := e.Means()[success]; got != 0.5 {
		t.Errorf("mean = %v, want 0.5", got)
	}
}

func TestParseMeasure(t *testing.T) {
	for text, want := range map[string]metrics.Measure{
		"ndcg@10":   {metrics.NDCG, 10},
		"nDCG@3":    {metrics.NDCG, 3},
		"mrr@10":    {metrics.MRR, 10},
		" MAP ":     {metrics.MAP, 0},
		"recall@5":  {metrics.Recall, 5},
		"success@1": {metrics.Success, 1},
		"R@2kt":     {metrics.AnswerRecall, 2000},
	} {
		got := parse(t, text)
		if got != want {
			t.Errorf("ParseMeasure(%q) = %v, want %v", text, got, want)
		}
		if again := parse(t, got.String()); again != got {
			t.Errorf("%v does not read its own form %q", got, got)
		}
	}
	for text, want := range map[string]string{
		"":            "known are ndcg@K, mrr@K, map, recall@K, success@K, r@Kkt",
		"precision@5": "known are ndcg@K, mrr@K, map, recall@K, success@K, r@Kkt",
		"ndcg":        "needs a cut-off",
		"ndcg@0":      "whole number from 1 on",
		"ndcg@-1":     "whole number from 1 on",
		"ndcg@1.5":    "whole number from 1 on",
		"ndcg@":       "whole number from 1 on",
		"map@10":      "has no cut-off",
		"r@5":         "write r@2kt",
		"r":           "write r@2kt",
		"r@0kt":       "whole number from 1 on",
	} {
		if _, err := metrics.ParseMeasure(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseMeasure(%q) gives error %v, want one that says %q", text, err, want)
		}
	}
}

func TestMeasureAsJSONKey(t *testing.T) {
	const text = `{"map":0.5,"ndcg@10":1}`
	var means map[metrics.Measure]float64
	if err := json.Unmarshal([]byte(text), &means); err != nil {
		t.Fatal(err)
	}
	if back, err := json.Marshal(means); err != nil || string(back) != text {
		t.Errorf("got %s (error %v), want %s", back, err, text)
	}
	if err := json.Unmarshal([]byte(`{"dcg@1":1}`), &means); err == nil {
		t.Error("an unknown measure is accepted")
	}
}

func TestEvaluateErrors(t *testing.T) {
	judged := metrics.Qrels{"q": {"a": 1}}
	tests := []struct {
		name    string
		qrels   metrics.Qrels
		run     metrics.Run
		measure metrics.Measure
		want    string
	}{
		{"twice", judged, metrics.Run{"q": ranked("x", "a", "x")}, metrics.Measure{Kind: metrics.MAP}, `query "q": document "x" is in the list twice`},
		{"NaN", judged, metrics.Run{"q": {{"x", math.NaN()}}}, metrics.Measure{Kind: metrics.MAP}, `document "x" has score NaN`},
		{"Inf", judged, metrics.Run{"q": {{"x", math.Inf(-1)}}}, metrics.Measure{Kind: metrics.MAP}, `document "x" has score -Inf`},
		{"strangers", judged, metrics.Run{"p": ranked("a")}, metrics.Measure{Kind: metrics.MAP}, "share no query"},
		{"empty run", judged, nil, metrics.Measure{Kind: metrics.MAP}, "share no query"},
		{"nothing relevant", metrics.Qrels{"q": {"a": 0}}, metrics.Run{"q": ranked("a")}, metrics.Measure{Kind: metrics.MAP}, "no query of the qrels has a relevant document"},
		{"no cut-off", judged, metrics.Run{"q": ranked("a")}, metrics.Measure{Kind: metrics.NDCG}, "needs a cut-off"},
		{"unknown measure", judged, metrics.Run{"q": ranked("a")}, metrics.Measure{Kind: "err", K: 3}, "unknown measure"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := metrics.Evaluate(tc.qrels, tc.run, metrics.TRECOrder, tc.measure)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
		})
	}
}
