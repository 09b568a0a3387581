package metrics_test

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// oracle is what testdata/oracle.py wrote; it says what each part is.
type oracle struct {
	Qrels  metrics.Qrels                          `json:"qrels"`
	Run    map[string]map[string]float64          `json:"run"`
	Pytrec map[string]map[metrics.Measure]float64 `json:"pytrec_eval"`
	RR     map[string]map[metrics.Measure]float64 `json:"ir_measures_rr"`
	Means  map[metrics.Measure]float64            `json:"ir_measures_mean"`
}

func readOracle(t *testing.T) (oracle, metrics.Run) {
	t.Helper()
	data, err := os.ReadFile("../testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	run := metrics.Run{}
	for query, documents := range o.Run {
		for id, score := range documents {
			run[query] = append(run[query], metrics.Scored{DocID: id, Score: score})
		}
		slices.SortFunc(run[query], func(a, b metrics.Scored) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.DocID, b.DocID))
		})
	}
	return o, run
}

func TestEqualsPytrecEval(t *testing.T) {
	o, run := readOracle(t)
	measures := measuresOf(t, o.Pytrec)
	got := evaluate(t, o.Qrels, run, metrics.TRECOrder, measures...)
	if len(o.Pytrec) < 50 || len(got.Queries) <= len(o.Pytrec) {
		t.Fatalf("the oracle has %d queries, the evaluation %d: want queries that the run lacks on top", len(o.Pytrec), len(got.Queries))
	}
	for q, query := range got.Queries {
		for i, m := range measures {
			// trec_eval has no figures for a query that the run lacks: it counts 0.
			if want := o.Pytrec[query][m]; !near(got.Values[i][q], want) {
				t.Errorf("%s of %s = %v, trec_eval has %v", m, query, got.Values[i][q], want)
			}
		}
	}
	means := got.Means()
	if len(o.Means) < 10 {
		t.Fatalf("the oracle has only %d means", len(o.Means))
	}
	for m, want := range o.Means {
		if !near(means[m], want) {
			t.Errorf("mean %s = %v, ir_measures has %v", m, means[m], want)
		}
	}
}

// TestEqualsMSMARCO holds the project's own tie order, ascending ids, against a
// tool that has the same.
func TestEqualsMSMARCO(t *testing.T) {
	o, run := readOracle(t)
	measures := measuresOf(t, o.RR)
	got := evaluate(t, o.Qrels, run, metrics.RankedIDs, measures...)
	differ := 0
	for q, query := range got.Queries {
		for i, m := range measures {
			want, ok := o.RR[query][m]
			if !ok || !near(got.Values[i][q], want) {
				t.Errorf("%s of %s = %v, ir_measures has %v", m, query, got.Values[i][q], want)
			}
			if !near(want, o.Pytrec[query][m]) {
				differ++
			}
		}
	}
	if differ == 0 {
		t.Error("both orders give the same figures: the oracle's ties test nothing")
	}
}

func measuresOf(t *testing.T, figures map[string]map[metrics.Measure]float64) []metrics.Measure {
	t.Helper()
	seen := map[metrics.Measure]bool{}
	var measures []metrics.Measure
	for _, values := range figures {
		for m := range values {
			if !seen[m] {
				seen[m] = true
				measures = append(measures, m)
			}
		}
	}
	if len(measures) == 0 {
		t.Fatal("the oracle holds no figures")
	}
	return measures
}

func evaluate(t testing.TB, qrels metrics.Qrels, run metrics.Run, order metrics.Order, measures ...metrics.Measure) *metrics.Evaluation {
	t.Helper()
	e, err := metrics.Evaluate(qrels, run, order, measures...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }
