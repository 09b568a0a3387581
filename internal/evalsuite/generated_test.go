package evalsuite_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
)

// byMachine is a pairing with the anchors of one of fakeScorer's translators.
func byMachine(anchorLang, translator string) evalsuite.Pairing {
	return evalsuite.Pairing{Lang: "th", AnchorLang: anchorLang, Translator: translator}
}

func estimate(t *testing.T, p evalsuite.Pairing, found func(lambda float64, query int) bool) evalsuite.Estimate {
	t.Helper()
	ranker := fakeRanker{n: 100, found: func(_ evalsuite.Pairing, lambda float64, query int) bool { return found(lambda, query) }}
	e, err := evalsuite.FromGenerated(t.Context(), spec("th"), p, ranker, fakeScorer{100})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFromGenerated(t *testing.T) {
	peak := func(lambda float64, query int) bool { return math.Abs(lambda-0.3) < 0.04 || query < 40 }
	for name, tc := range map[string]struct {
		translator string
		found      func(lambda float64, query int) bool
		verdict    evalsuite.Verdict
		lambda     float64 // found
		advice     float64
		trusted    bool
	}{
		"a clear peak":             {good, peak, evalsuite.AnchorHelps, 0.3, 0.3, true},
		"a peak, by no translator": {gibberish, peak, evalsuite.AnchorUntrusted, 0.3, 1, false},
		"no difference":            {good, func(_ float64, query int) bool { return query < 40 }, evalsuite.AnchorNoHelp, 1, 1, false},
		"the anchor harms":         {good, func(lambda float64, query int) bool { return lambda == 1 || query < 40 }, evalsuite.AnchorNoHelp, 1, 1, false},
		// Two questions of a hundred, of documents that a sample may miss.
		"hardly a difference": {good, func(lambda float64, query int) bool {
			return query < 40 || lambda < 1 && (query == 40 || query == 50)
		}, evalsuite.AnchorUndecided, -1, 0.7, false},
		// It wins as much as it loses, on other documents.
		"up and down": {good, func(lambda float64, query int) bool {
			return (query < 50) == (lambda < 1)
		}, evalsuite.AnchorUndecided, -1, 0.7, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := estimate(t, byMachine("en", tc.translator), tc.found)
			if e.Verdict() != tc.verdict || e.Questions != 100 || tc.lambda >= 0 && math.Abs(e.Lambda-tc.lambda) > 0.005 {
				t.Errorf("%s: %+v, want %s with λ %v", e.Verdict(), e, tc.verdict, tc.lambda)
			}
			lambda, trusted := e.Advice(0.7)
			if math.Abs(lambda-tc.advice) > 0.005 || (trusted > 0) != tc.trusted {
				t.Errorf("advice λ %v, trust %v", lambda, trusted)
			}
			if fit := e.Fit(0.7); fit.Check() != nil || fit.Lambda != lambda || fit.Trust != trusted || fit.Margins.Questions != 100 {
				t.Errorf("fit %+v", fit)
			}
			if !(e.Interval[0] <= e.Gain && e.Gain <= e.Interval[1]) || e.Helps < 0 || e.Helps > 1 {
				t.Errorf("gain %v in %v, helps %v", e.Gain, e.Interval, e.Helps)
			}
			if again := estimate(t, byMachine("en", tc.translator), tc.found); !reflect.DeepEqual(e, again) {
				t.Errorf("a second run differs: %+v", again)
			}
		})
	}
	if _, err := evalsuite.FromGenerated(t.Context(), spec("th"), byMachine("en", good), fakeRanker{n: 10, found: better}, fakeScorer{10}); err == nil {
		t.Error("five documents were enough")
	}
}

func TestBetter(t *testing.T) {
	reaches := func(n int) func(float64, int) bool {
		return func(lambda float64, query int) bool { return query < 40 || lambda < 1 && query < n }
	}
	weak := estimate(t, byMachine("es", good), reaches(60))
	strong := estimate(t, byMachine("en", good), reaches(80))
	none := estimate(t, byMachine("fr", good), reaches(40))
	blurred := estimate(t, byMachine("en", gibberish), reaches(90)) // it would be best, were it to be trusted
	order, sure := evalsuite.Better([]evalsuite.Estimate{none, blurred, weak, strong})
	var got []evalsuite.Pairing
	for _, e := range order {
		got = append(got, e.Pairing)
	}
	want := []evalsuite.Pairing{strong.Pairing, weak.Pairing, blurred.Pairing, none.Pairing}
	if !reflect.DeepEqual(got, want) || sure < 0.99 {
		t.Errorf("%+v, sure %v", got, sure)
	}
	if order, sure := evalsuite.Better([]evalsuite.Estimate{weak}); len(order) != 1 || sure != 1 {
		t.Errorf("alone: %d, sure %v", len(order), sure)
	}
	if _, sure := evalsuite.Better([]evalsuite.Estimate{strong, estimate(t, byMachine("es", good), reaches(80))}); sure != 0 {
		t.Errorf("equal ones: sure %v", sure)
	}
}

func TestCheckEstimates(t *testing.T) {
	p := byMachine("en", good)
	peak := estimate(t, p, func(lambda float64, query int) bool { return query < 40 || lambda < 1 && query < 90 })
	ranker := fakeRanker{n: 100, found: func(asked evalsuite.Pairing, _ float64, query int) bool {
		if asked != p {
			t.Errorf("asked for %+v", asked)
		}
		return query < 40
	}}
	result, err := evalsuite.CheckEstimates(t.Context(), spec("th"), []evalsuite.Estimate{peak}, ranker, fakeScorer{100})
	if err != nil || len(result.Rows) != 4 {
		t.Fatalf("%d rows, error %v", len(result.Rows), err)
	}
	lambda, _ := peak.Advice(0.7)
	if last := result.Rows[3]; last.Method != evalsuite.TunedNoLabels || last.Lambda < lambda || last.Lambda > 1 || last.Queries != 100 || last.Versus == nil {
		t.Errorf("row %+v", last)
	}
}
