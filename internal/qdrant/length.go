package qdrant

import (
	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// sent returns a vector as the collection is to have it. A Cosine collection gets
// it at unit length: Qdrant scales by itself, but in single precision, and not
// where the squared length is below float32's epsilon. It takes such a vector for
// one of no length, and its scores are products that come near 0.
func (s Schema) sent(v []float32) []float32 {
	if s.distance() != qc.Distance_Cosine {
		return v
	}
	return vector.Normalize(v)
}
