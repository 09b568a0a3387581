package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/stats"
)

// figures is what testdata/oracle.py has from SciPy and statsmodels.
type figures struct {
	Pairs []struct {
		Name               string
		System, Baseline   []float64
		Mean, Effect       float64
		Permutation, TTest float64
		Sampled            bool
		Low, High          float64
		Wins, Ties, Losses int
	}
	Groups []struct {
		Name               string
		Questions          [][]string
		System, Baseline   [][]float64
		Mean               float64
		Permutation, TTest float64
		Low, High          float64
	}
	Signs []struct {
		Positive, N int
		P           float64
	}
	Holm []struct{ P, Adjusted []float64 }
}

func readFigures(t *testing.T) figures {
	t.Helper()
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Pairs) == 0 || len(f.Groups) == 0 || len(f.Signs) == 0 || len(f.Holm) == 0 {
		t.Fatal("testdata/oracle.json lacks a part")
	}
	return f
}

// wantNear fails where got is further than tolerance from want.
func wantNear(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !near(got, want, tolerance) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, tolerance)
	}
}

func TestSciPyPairs(t *testing.T) {
	for _, tc := range readFigures(t).Pairs {
		t.Run(tc.Name, func(t *testing.T) {
			got := compare(t, tc.System, tc.Baseline)
			exact := 1e-12
			if tc.Sampled {
				exact = 5 * math.Sqrt(tc.Permutation*(1-tc.Permutation)/10_000)
			}
			wantNear(t, "mean", got.Mean, tc.Mean, 1e-14)
			wantNear(t, "permutation p", got.Permutation, tc.Permutation, exact)
			wantNear(t, "t-test p", got.TTest, tc.TTest, 1e-10)
			wantNear(t, "effect", got.Effect, tc.Effect, 1e-10)
			// A percentile of 10,000 resamples is off by 0.7% of the width.
			wantNear(t, "low", got.Low, tc.Low, 0.03*(tc.High-tc.Low))
			wantNear(t, "high", got.High, tc.High, 0.03*(tc.High-tc.Low))
			if got.N != len(tc.System) || got.Wins != tc.Wins || got.Ties != tc.Ties || got.Losses != tc.Losses {
				t.Errorf("n, wins, ties, losses = %d %d %d %d, want %d %d %d %d",
					got.N, got.Wins, got.Ties, got.Losses, len(tc.System), tc.Wins, tc.Ties, tc.Losses)
			}
		})
	}
}

func TestStatsmodelsGroups(t *testing.T) {
	for _, tc := range readFigures(t).Groups {
		t.Run(tc.Name, func(t *testing.T) {
			groups := make([]stats.Group, len(tc.Questions))
			for i := range groups {
				groups[i] = stats.Group{Questions: tc.Questions[i], System: tc.System[i], Baseline: tc.Baseline[i]}
			}
			got := compareGroups(t, groups...)
			wantNear(t, "mean", got.Mean, tc.Mean, 1e-13)
			wantNear(t, "permutation p", got.Permutation, tc.Permutation, 1e-12)
			wantNear(t, "t-test p", got.TTest, tc.TTest, 1e-9)
			// The oracle's resamples change the groups' sizes; the linearised
			// mean has that to first order, here in as few as 14 questions.
			wantNear(t, "low", got.Low, tc.Low, 0.06*(tc.High-tc.Low))
			wantNear(t, "high", got.High, tc.High, 0.06*(tc.High-tc.Low))
		})
	}
}

// Differences of one size make the permutation test the sign test.
func TestSciPySigns(t *testing.T) {
	for _, tc := range readFigures(t).Signs {
		d := make([]float64, tc.N+7) // and some ties
		for i := range tc.N {
			d[i] = -0.1
			if i < tc.Positive {
				d[i] = 0.1
			}
		}
		if got := compare(t, d, zeros(d)).Permutation; !near(got, tc.P, 1e-9*tc.P) {
			t.Errorf("%d of %d: p = %v, want %v", tc.Positive, tc.N, got, tc.P)
		}
	}
}

func TestStatsmodelsHolm(t *testing.T) {
	for _, tc := range readFigures(t).Holm {
		for i, got := range stats.Holm(tc.P) {
			if !near(got, tc.Adjusted[i], 1e-14) {
				t.Errorf("Holm(%v)[%d] = %v, want %v", tc.P, i, got, tc.Adjusted[i])
			}
		}
	}
}
