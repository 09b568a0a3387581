package peers_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/peers"
)

func fusion(t *testing.T, name string) peers.Fusion {
	t.Helper()
	for _, f := range peers.All() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no fusion is named %q", name)
	return peers.Fusion{}
}

// The figures are worked by hand from the formulas in the peers' sources.
func TestHandWorked(t *testing.T) {
	type docs = []scored
	source := docs{{"a", 0.9}, {"b", 0.8}, {"c", 0.4}}
	anchor := docs{{"b", 0.7}, {"d", 0.6}}
	one, equal := docs{{"a", 0.25}}, docs{{"b", 0.25}, {"a", 0.25}}
	// Two scores x > y lie 1/√2 sample deviations above and below their mean.
	above, below := 0.5+1/(6*math.Sqrt2), 0.5-1/(6*math.Sqrt2)

	tests := []struct {
		name           string
		fusion         string
		source, anchor []scored
		lambda         float64
		want           []scored
	}{
		{"both", "rrf", source, anchor, 0.5, docs{{"b", 1.0/3 + 1.0/2}, {"a", 1.0 / 2}, {"d", 1.0 / 3}, {"c", 1.0 / 4}}},
		{"lambda is ignored", "rrf", source, nil, 0, docs{{"a", 1.0 / 2}, {"b", 1.0 / 3}, {"c", 1.0 / 4}}},
		{"swapped ranks tie, the lower id leads", "rrf", docs{{"y", 3}, {"x", 2}}, docs{{"x", 3}, {"y", 2}}, 1, docs{{"x", 5.0 / 6}, {"y", 5.0 / 6}}},
		{"scores do not count", "rrf", equal, nil, 1, docs{{"b", 1.0 / 2}, {"a", 1.0 / 3}}},
		{"both", "weighted-rrf", source, anchor, 0.75, docs{{"b", 1/(2/0.75+1) + 1/(1/0.25+1)}, {"a", 1 / (1/0.75 + 1)}, {"c", 1 / (3/0.75 + 1)}, {"d", 1 / (2/0.25 + 1)}}},
		{"source only", "weighted-rrf", source, anchor, 1, docs{{"a", 1.0 / 2}, {"b", 1.0 / 3}, {"c", 1.0 / 4}, {"d", 0}}},
		{"anchor only", "weighted-rrf", source, anchor, 0, docs{{"b", 1.0 / 2}, {"d", 1.0 / 3}, {"a", 0}, {"c", 0}}},
		{"both", "rrf60", source, anchor, 0.5, docs{{"b", 1.0/62 + 1.0/61}, {"a", 1.0 / 61}, {"d", 1.0 / 62}, {"c", 1.0 / 63}}},
		{"both", "weighted-rrf60", source, anchor, 0.75, docs{{"b", 0.75/62 + 0.25/61}, {"a", 0.75 / 61}, {"c", 0.75 / 63}, {"d", 0.25 / 62}}},
		{"anchor only", "weighted-rrf60", source, anchor, 0, docs{{"b", 1.0 / 61}, {"d", 1.0 / 62}, {"a", 0}, {"c", 0}}},
		{"two and two", "dbsf", source[:2], anchor, 1, docs{{"b", below + above}, {"a", above}, {"d", below}}},
		{"one document", "dbsf", one, anchor, 0.5, docs{{"b", above}, {"a", 0.5}, {"d", below}}},
		{"equal scores", "dbsf", equal, nil, 0.5, docs{{"a", 0.5}, {"b", 0.5}}},
		{"an outlier is not cut off", "dbsf", outlier(16), nil, 0.5, outlierByDistribution(16)},
		{"both", "min-max", source, anchor, 0.75, docs{{"b", 0.75*0.8 + 0.25}, {"a", 0.75}, {"c", 0}, {"d", 0}}},
		{"one document gets its weight", "min-max", one, anchor, 0.75, docs{{"a", 0.75}, {"b", 0.25}, {"d", 0}}},
		{"so do equal scores", "min-max", equal, nil, 0.75, docs{{"a", 0.75}, {"b", 0.75}}},
		{"source only", "min-max", source, anchor, 1, docs{{"a", 1}, {"b", 0.8}, {"c", 0}, {"d", 0}}},
		{"missing is 0", "formula-zero", source, anchor, 0.75, docs{{"b", 0.75*0.8 + 0.25*0.7}, {"a", 0.75 * 0.9}, {"c", 0.75 * 0.4}, {"d", 0.25 * 0.6}}},
		{"missing outranks negative", "formula-zero", docs{{"a", -0.5}}, docs{{"b", 0.5}}, 1, docs{{"b", 0}, {"a", -0.5}}},
		{"anchor only", "formula-zero", source, anchor, 0, docs{{"b", 0.7}, {"d", 0.6}, {"a", 0}, {"c", 0}}},
	}
	for _, tc := range tests {
		t.Run(tc.fusion+" "+tc.name, func(t *testing.T) {
			got := fusion(t, tc.fusion).Fuse(list(tc.source), list(tc.anchor), tc.lambda)
			same := func(a, b metrics.Scored) bool { return a.DocID == b.DocID && math.Abs(a.Score-b.Score) < 1e-6 }
			if !slices.EqualFunc(got, list(tc.want), same) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// outlier lists one document of score 1 before n-1 of score 0.
func outlier(n int) []scored {
	documents := make([]scored, n)
	for i := range documents {
		documents[i].DocID = string(rune('a' + i))
	}
	documents[0].Score = 1
	return documents
}

// outlierByDistribution is outlier(n) as dbsf scales it: the mean is 1/n, the
// sample variance 1/n. With 16 the first gets 1.125, more than 1.
func outlierByDistribution(n int) []scored {
	documents := outlier(n)
	mean, deviation := 1/float64(n), math.Sqrt(1/float64(n))
	for i := range documents {
		documents[i].Score = 0.5 + (documents[i].Score-mean)/(6*deviation)
	}
	return documents
}

func TestNothingToFuse(t *testing.T) {
	for _, f := range peers.All() {
		if got := f.Fuse(nil, nil, 0.5); len(got) != 0 {
			t.Errorf("%s makes %v of two empty lists", f.Name, got)
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range peers.All() {
		if f.Name == "" || seen[f.Name] || strings.ToLower(f.Name) != f.Name {
			t.Errorf("%q is no name, or one given twice", f.Name)
		}
		if f.Doc == "" || strings.Contains(f.Doc, "\n") {
			t.Errorf("%s: Doc is not one line: %q", f.Name, f.Doc)
		}
		seen[f.Name] = true
	}
}
