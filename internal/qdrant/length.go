package qdrant

import "github.com/query-synergy/query-synergy/internal/vector"

// unit returns a vector as a Cosine collection is to have it. Qdrant scales to
// unit length by itself, but in single precision, and not where the squared
// length is below float32's epsilon: it takes such a vector for one of no length,
// and its scores are products that come near 0.
func unit(v []float32) []float32 { return vector.Normalize(v) }
