package embedded_test

import (
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) qdrant.Options { return storetest.Engine(t) })
}
