package setup_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// The default that is documented is the adapter's.
func TestDefaultOversampling(t *testing.T) {
	want := fmt.Sprint(qdrant.DefaultOversampling)
	if !slices.ContainsFunc(config.Variables(), func(v config.Variable) bool {
		return v.Name == "QUERY_OVERSAMPLING" && v.Default == want
	}) {
		t.Errorf("QUERY_OVERSAMPLING is not documented with its default %s", want)
	}
}
