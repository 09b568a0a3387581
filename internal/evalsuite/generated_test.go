package evalsuite_test

import (
	"math"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
)

var machine = evalsuite.Pairing{Lang: "th", AnchorLang: "en", Translator: "machine"}

func TestFromGenerated(t *testing.T) {
	for name, tc := range map[string]struct {
		found func(lambda float64, query int) bool
		want  evalsuite.Estimate
	}{
		"a clear peak": {
			func(lambda float64, query int) bool { return math.Abs(lambda-0.3) < 0.04 || query < 40 },
			evalsuite.Estimate{Lambda: 0.3, Best: 0.3, Helps: 1, Questions: 100},
		},
		"no difference": {
			func(_ float64, query int) bool { return query < 40 },
			evalsuite.Estimate{Lambda: 1, Best: 1, Helps: 0, Questions: 100},
		},
		"the anchor harms": {
			func(lambda float64, query int) bool { return lambda == 1 || query < 40 },
			evalsuite.Estimate{Lambda: 1, Best: 1, Helps: 0, Questions: 100},
		},
		// One question of a hundred is within a standard error.
		"hardly a difference": {
			func(lambda float64, query int) bool { return query < 40 || lambda == 0.5 && query == 40 },
			evalsuite.Estimate{Lambda: 1, Best: 0.5, Helps: -1, Questions: 100},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ranker := fakeRanker{n: 100, found: func(_ evalsuite.Pairing, lambda float64, query int) bool { return tc.found(lambda, query) }}
			got, err := evalsuite.FromGenerated(t.Context(), machine, ranker)
			if tc.want.Helps < 0 { // by chance, but neither never nor always
				if got.Helps <= 0.2 || got.Helps >= 0.95 {
					t.Errorf("helps in %v of the samples", got.Helps)
				}
				got.Helps = tc.want.Helps
			}
			if err != nil || got != tc.want {
				t.Errorf("got %+v (error %v), want %+v", got, err, tc.want)
			}
		})
	}
	if _, err := evalsuite.FromGenerated(t.Context(), machine, fakeRanker{n: 10, found: better}); err == nil {
		t.Error("five documents were enough")
	}
}

func TestCheckEstimates(t *testing.T) {
	ranker := fakeRanker{n: 100, found: func(p evalsuite.Pairing, lambda float64, query int) bool {
		if p != machine {
			t.Errorf("asked for %+v", p)
		}
		return query < 40 || lambda == 0.65 && query < 60
	}}
	result, err := evalsuite.CheckEstimates(t.Context(), spec("th"), "en", "machine", map[string]evalsuite.Estimate{"th": {Lambda: 0.65}}, ranker)
	if err != nil || len(result.Rows) != 4 {
		t.Fatalf("%d rows, error %v", len(result.Rows), err)
	}
	last := result.Rows[3]
	if last.Method != evalsuite.TunedNoLabels || last.Lambda != 0.65 || last.Metrics[success1] != 0.6 || last.Versus[success1].Wins != 20 {
		t.Errorf("row %+v", last)
	}
}
