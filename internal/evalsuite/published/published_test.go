package published_test

import (
	"math"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// TestPapers holds every item to what the package comment promises: cells with
// their source, or the reason why there are none.
func TestPapers(t *testing.T) {
	for _, p := range []*published.Paper{published.QuerySynergy(), published.XQG()} {
		for _, field := range []string{p.Title, p.Authors, p.Venue, p.ID, p.Claim} {
			if field == "" {
				t.Errorf("%.40q: a field is empty", p.Title)
			}
		}
		for _, item := range p.Items {
			if (len(item.Cells) == 0) == (item.Missing == "") || (len(item.Cells) == 0) != (item.Source == "") {
				t.Errorf("%s: want cells with a source, or a reason for none", item.Name)
			}
			for i, c := range item.Cells {
				if tag, err := lang.Parse(c.Lang); c.Lang != "mean" && (err != nil || tag != c.Lang) {
					t.Errorf("%s, cell %d: language %q", item.Name, i, c.Lang)
				}
				if c.Dataset == "" || c.Model == "" || c.Measure == "" || c.Value == 0 {
					t.Errorf("%s, cell %d says too little: %+v", item.Name, i, c)
				}
			}
		}
	}
}

func TestQuerySynergyHasItsPlaces(t *testing.T) {
	for _, name := range []string{"Table 1", "Figure 1", "Table 2", "Figure 2"} {
		if _, ok := published.QuerySynergy().Item(name); !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestXQGAverages guards against misread digits: each printed average is that of
// the seven languages beside it.
func TestXQGAverages(t *testing.T) {
	for _, item := range published.XQG().Items {
		for _, method := range []string{"plain", "augmented"} {
			var values []float64
			mean := math.NaN()
			for _, c := range item.Cells {
				switch {
				case c.Method != method:
				case c.Lang == "mean":
					mean = c.Value
				default:
					values = append(values, c.Value)
				}
			}
			var sum float64
			for _, v := range values {
				sum += v
			}
			if got := sum / float64(len(values)); len(values) != 7 || math.Abs(got-mean) > 0.0051 {
				t.Errorf("%s, %s: %d languages average %.3f, printed %.2f", item.Name, method, len(values), got, mean)
			}
		}
	}
	r2, _ := published.XQG().Item("R@2kt")
	if !slices.ContainsFunc(r2.Cells, func(c published.Cell) bool {
		return c.Lang == "ja" && c.Method == "augmented" && c.Value == 33.61
	}) {
		t.Error("the loss in Japanese is missing")
	}
}
