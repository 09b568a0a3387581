package evalsuite_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

var success1 = metrics.Measure{Kind: metrics.Success, K: 1}

// fakeRanker ranks one relevant and one other document: found says whether the
// relevant one comes first. Query i of n has the id "q<i>".
type fakeRanker struct {
	n       int
	found   func(p evalsuite.Pairing, lambda float64, query int) bool
	skipped map[evalsuite.Pairing]int // the first so many questions have no anchor
}

func (f fakeRanker) Qrels(_ context.Context, p evalsuite.Pairing) (metrics.Qrels, error) {
	qrels := metrics.Qrels{}
	for q := f.skipped[p]; q < f.n; q++ {
		qrels[fmt.Sprintf("q%03d", q)] = map[string]int{fmt.Sprintf("right%02d", q/2): 1}
	}
	return qrels, nil
}

func (f fakeRanker) Runs(_ context.Context, p evalsuite.Pairing, lambdas []float64, k int) ([]metrics.Run, error) {
	runs := make([]metrics.Run, len(lambdas))
	for l, lambda := range lambdas {
		runs[l] = metrics.Run{}
		for q := f.skipped[p]; q < f.n; q++ {
			list := []metrics.Scored{{DocID: fmt.Sprintf("right%02d", q/2), Score: 1}, {DocID: "wrong", Score: 0.5}}
			if !f.found(p, lambda, q) {
				list[0].DocID, list[1].DocID = list[1].DocID, list[0].DocID
			}
			runs[l][fmt.Sprintf("q%03d", q)] = list[:min(k, 2)]
		}
	}
	return runs, nil
}

func (f fakeRanker) Evaluate(ctx context.Context, p evalsuite.Pairing, lambdas []float64, measures ...metrics.Measure) ([]*metrics.Evaluation, error) {
	qrels, _ := f.Qrels(ctx, p)
	runs, _ := f.Runs(ctx, p, lambdas, 2)
	evaluations := make([]*metrics.Evaluation, len(runs))
	for i, run := range runs {
		var err error
		if evaluations[i], err = metrics.Evaluate(qrels, run, metrics.RankedIDs, measures...); err != nil {
			return nil, err
		}
	}
	return evaluations, nil
}

// better finds the first 40 questions with any weight on the source, and with
// weight on both as many more as a language is worth.
func better(p evalsuite.Pairing, lambda float64, query int) bool {
	if lambda == 1 {
		return query < 40
	}
	if lambda == 0 {
		return query >= 60
	}
	return query < 40+map[string]int{"th": 20, "el": 1}[p.Lang]
}

func spec(langs ...string) evalsuite.Spec {
	return evalsuite.Spec{
		Dataset: "fake", Langs: langs, Measures: []metrics.Measure{success1},
		Lambda: func(string) float64 { return 0.7 },
	}
}

func TestTable(t *testing.T) {
	result, err := evalsuite.Table(t.Context(), spec("th", "el"), "en", fakeRanker{n: 100, found: better})
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		lang   string
		method evalsuite.Method
		lambda float64
		value  float64
		n      int
	}
	var got []line
	for _, r := range slices.Concat(result.Rows, result.Means) {
		if r.Dataset != "fake" || r.AnchorLang != "en" || r.Translator != evalsuite.Human {
			t.Errorf("row %+v", r)
		}
		if ends := r.Intervals[success1]; ends[0] > r.Metrics[success1] || ends[1] < r.Metrics[success1] || ends[0] == ends[1] {
			t.Errorf("%s %s: interval %v around %v", r.Lang, r.Method, ends, r.Metrics[success1])
		}
		got = append(got, line{r.Lang, r.Method, r.Lambda, math.Round(1000*r.Metrics[success1]) / 1000, r.Queries})
	}
	want := []line{
		{"th", "source", 1, 0.4, 100}, {"th", "anchor", 0, 0.4, 100}, {"th", "query-synergy", 0.7, 0.6, 100},
		{"el", "source", 1, 0.4, 100}, {"el", "anchor", 0, 0.4, 100}, {"el", "query-synergy", 0.7, 0.41, 100},
		{"mean", "source", 1, 0.4, 200}, {"mean", "anchor", 0, 0.4, 200}, {"mean", "query-synergy", 0.7, 0.505, 200},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	if result.Rows[0].Versus != nil {
		t.Error("the baseline is compared")
	}
	th, el, mean := result.Rows[2].Versus[success1], result.Rows[5].Versus[success1], result.Means[2].Versus[success1]
	if th.Wins != 20 || th.Ties != 80 || th.Losses != 0 || math.Abs(th.Delta-0.2) > 1e-12 || !th.Significant() {
		t.Errorf("th: %+v", th)
	}
	if el.Wins != 1 || el.Significant() || el.PHolm < el.P {
		t.Errorf("el: %+v", el)
	}
	if math.Abs(mean.Delta-0.105) > 1e-12 || mean.Wins != 21 || !mean.Significant() {
		t.Errorf("mean: %+v", mean)
	}
	// Four comparisons in the measure: the least p counts fourfold.
	if math.Abs(th.PHolm-4*th.P) > 1e-12 {
		t.Errorf("Holm's p is %v of p %v, want four times", th.PHolm, th.P)
	}
}

func TestSweepAndMatrix(t *testing.T) {
	ranker := fakeRanker{n: 100, found: better}
	sweep, err := evalsuite.Sweep(t.Context(), spec("th", "el"), "en", []float64{0, 0.5, 1}, ranker)
	if err != nil {
		t.Fatal(err)
	}
	if len(sweep.Rows) != 6 || len(sweep.Means) != 3 || sweep.Rows[2].Lambda != 1 || sweep.Rows[2].Versus != nil || sweep.Rows[1].Versus == nil {
		t.Errorf("sweep: %+v", sweep)
	}
	matrix, err := evalsuite.AnchorMatrix(t.Context(), spec("th", "el"), []string{"th", "el", "en"}, ranker)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, r := range matrix.Rows {
		pairs = append(pairs, r.AnchorLang+">"+r.Lang+" "+string(r.Method))
	}
	want := []string{
		"th>th source", "el>th query-synergy", "en>th query-synergy",
		"th>el query-synergy", "el>el source", "en>el query-synergy",
	}
	if !slices.Equal(pairs, want) {
		t.Errorf("matrix: %q, want %q", pairs, want)
	}
	// Only English and source only stand in both languages.
	if len(matrix.Means) != 2 || matrix.Means[1].AnchorLang != "en" {
		t.Errorf("means: %+v", matrix.Means)
	}
}

func TestTranslatorsShareTheirQuestions(t *testing.T) {
	machine := evalsuite.Pairing{Lang: "th", AnchorLang: "en", Translator: "machine"}
	ranker := fakeRanker{n: 100, skipped: map[evalsuite.Pairing]int{machine: 30}, found: func(p evalsuite.Pairing, lambda float64, query int) bool {
		return lambda == 1 && query < 50 || lambda < 1 && p.Translator == evalsuite.Human
	}}
	available := func(lang string) []string {
		if lang == "th" {
			return []string{evalsuite.Human, "machine"}
		}
		return []string{evalsuite.Human}
	}
	result, err := evalsuite.Translators(t.Context(), spec("th", "el"), "en", available, ranker)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range result.Rows {
		got = append(got, fmt.Sprintf("%s %s %s %.3f/%d", r.Lang, r.Method, r.Translator, r.Metrics[success1], r.Queries))
	}
	want := []string{"th source  0.286/70", "th query-synergy human 1.000/70", "th query-synergy machine 0.000/70"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMethods(t *testing.T) {
	var depths []int
	reverse := evalsuite.Fusion{Name: "reverse", Fuse: func(source, anchor []metrics.Scored, lambda float64) []metrics.Scored {
		depths = append(depths, len(source), len(anchor))
		if lambda != 0.7 {
			t.Errorf("λ = %v", lambda)
		}
		source = slices.Clone(source)
		slices.Reverse(source)
		return source
	}}
	result, err := evalsuite.Methods(t.Context(), spec("th"), "en", 2, []evalsuite.Fusion{reverse}, fakeRanker{n: 100, found: better})
	if err != nil {
		t.Fatal(err)
	}
	last := result.Rows[2]
	if last.Method != "reverse" || last.Metrics[success1] != 0.6 || last.Versus[success1].Losses != 40 {
		t.Errorf("reverse: %+v", last)
	}
	if slices.Min(depths) != 2 || len(depths) != 200 {
		t.Errorf("lists of %v", depths)
	}
}

func TestCompareRuns(t *testing.T) {
	qrels := metrics.Qrels{"a": {"x": 1}, "b": {"y": 1}}
	good := metrics.Run{"a": {{DocID: "x", Score: 1}}, "b": {{DocID: "y", Score: 1}}}
	// Equal scores rank as trec_eval has them, by descending id.
	tied := metrics.Run{"a": {{DocID: "x", Score: 1}, {DocID: "z", Score: 1}}, "b": {{DocID: "y", Score: 1}, {DocID: "a", Score: 1}}}
	result, err := evalsuite.CompareRuns("q", qrels, []evalsuite.NamedRun{{Name: "good", Run: good}, {Name: "tied", Run: tied}}, []metrics.Measure{success1})
	if err != nil {
		t.Fatal(err)
	}
	if r := result.Rows[1]; r.Method != "tied" || r.Metrics[success1] != 0.5 || r.Versus[success1].Losses != 1 {
		t.Errorf("tied: %+v", r)
	}
	if _, err := evalsuite.CompareRuns("q", qrels, []evalsuite.NamedRun{{Name: "none"}}, []metrics.Measure{success1}); err == nil {
		t.Error("an empty run was compared")
	}
}

// TestTuneFindsThePeak gives every λ near 0.3 a better ranking than the others.
func TestTuneFindsThePeak(t *testing.T) {
	ranker := fakeRanker{n: 100, found: func(_ evalsuite.Pairing, lambda float64, query int) bool {
		return math.Abs(lambda-0.3) < 0.04 || query < 40
	}}
	result, choices, err := evalsuite.Tune(t.Context(), spec("th"), "en", ranker)
	if err != nil {
		t.Fatal(err)
	}
	if c := choices["th"]; math.Abs(c.Lambda-0.3) > 0.02 || c.Questions != 100 {
		t.Errorf("choice %+v, want λ 0.3 from 100 questions", c)
	}
	if tuned := result.Rows[2]; tuned.Method != evalsuite.Tuned || tuned.Metrics[success1] != 1 {
		t.Errorf("held out: %+v, want all found", tuned)
	}
	again, _, err := evalsuite.Tune(t.Context(), spec("th"), "en", ranker)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(result) {
		t.Errorf("a second run differs (error %v)", err)
	}
}

// TestTuneWithoutReason leaves all weight to the source where the anchor
// changes nothing.
func TestTuneWithoutReason(t *testing.T) {
	ranker := fakeRanker{n: 100, found: func(_ evalsuite.Pairing, _ float64, query int) bool { return query < 40 }}
	_, choices, err := evalsuite.Tune(t.Context(), spec("th"), "en", ranker)
	if err != nil || choices["th"].Lambda != 1 {
		t.Errorf("choice %+v (error %v), want λ 1", choices["th"], err)
	}
	ranker.n = 12
	if _, _, err := evalsuite.Tune(t.Context(), spec("th"), "en", ranker); err == nil {
		t.Error("six documents were enough to tune on")
	}
}

func TestCSV(t *testing.T) {
	result, err := evalsuite.Table(t.Context(), spec("th"), "en", fakeRanker{n: 100, found: better})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := evalsuite.WriteCSV(&out, []metrics.Measure{success1}, result.Rows); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(lines) != 4 {
		t.Fatalf("%d lines (error %v), want 4", len(lines), err)
	}
	value, delta, wins := slices.Index(lines[0], "value"), slices.Index(lines[0], "delta"), slices.Index(lines[0], "wins")
	if lines[1][delta] != "" || lines[3][wins] != "20" {
		t.Errorf("lines %q", lines)
	}
	if got, err := strconv.ParseFloat(lines[3][value], 64); err != nil || got != 0.6 {
		t.Errorf("value %q, want 0.6", lines[3][value])
	}
}
