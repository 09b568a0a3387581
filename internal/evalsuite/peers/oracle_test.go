package peers_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// oracle is what testdata/oracle.py wrote; it says what computed each figure.
type oracle struct {
	Cases []struct {
		Source []scored                      `json:"source"`
		Anchor []scored                      `json:"anchor"`
		Lambda float64                       `json:"lambda"`
		Fused  map[string]map[string]float64 `json:"fused"`
	} `json:"cases"`
}

// scored reads a document written as [id, score].
type scored metrics.Scored

func (s *scored) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&s.DocID, &s.Score})
}

func list(documents []scored) []metrics.Scored {
	out := make([]metrics.Scored, len(documents))
	for i, d := range documents {
		out[i] = metrics.Scored(d)
	}
	return out
}

func TestEqualsThePeersOwnCode(t *testing.T) {
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	// float32 against Python's float64; dbsf divides by a small spread.
	tolerances := map[string]float64{"rrf": 1e-6, "weighted-rrf": 1e-6, "dbsf": 2e-5, "formula-zero": 1e-6, "min-max": 1e-12}
	orderOnly := map[string]bool{"rrf60": true, "weighted-rrf60": true}
	if len(o.Cases) < 40 {
		t.Fatalf("the oracle has %d cases, want 40", len(o.Cases))
	}
	for n, c := range o.Cases {
		if len(c.Fused) != len(tolerances)+len(orderOnly) {
			t.Fatalf("case %d has %d fusions", n, len(c.Fused))
		}
		for name, want := range c.Fused {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				got := fusion(t, name).Fuse(list(c.Source), list(c.Anchor), c.Lambda)
				if len(got) != len(want) {
					t.Fatalf("%d documents, want %d", len(got), len(want))
				}
				for i, d := range got {
					figure, ok := want[d.DocID]
					if !ok {
						t.Fatalf("%s is in neither list", d.DocID)
					}
					if !orderOnly[name] && math.Abs(d.Score-figure) > tolerances[name] {
						t.Errorf("%s has score %v, want %v", d.DocID, d.Score, figure)
					}
					for _, before := range got[:i] {
						if orderOnly[name] && before.Score > d.Score && want[before.DocID] < figure {
							t.Errorf("%s ranks before %s, the peer has it behind", before.DocID, d.DocID)
						}
					}
				}
			})
		}
	}
}
