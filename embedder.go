package querysynergy

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Role is what a text is to the search. Many models embed the two differently,
// as by a prefix; an Embedder must do what its model wants.
type Role int

// The roles of a text.
const (
	Query Role = iota
	Passage
)

// String returns "query" or "passage".
func (r Role) String() string { return embedding.Role(r).String() }

// Embedder turns texts into vectors. It must be safe for concurrent use.
type Embedder interface {
	// Embed returns one vector for each text, in order, all of the same width
	// and none of length zero. They need not be unit vectors.
	Embed(ctx context.Context, role Role, texts []string) ([][]float32, error)
}

// EmbedderFunc is a function that is an Embedder.
type EmbedderFunc func(ctx context.Context, role Role, texts []string) ([][]float32, error)

// Embed calls f.
func (f EmbedderFunc) Embed(ctx context.Context, role Role, texts []string) ([][]float32, error) {
	return f(ctx, role, texts)
}

// ownEmbedder lets nothing through that could not be stored and searched, as
// package embedding does with an endpoint's replies.
type ownEmbedder struct {
	model    string
	embedder Embedder
	// dimensions is the width of all vectors, 0 until it is known.
	dimensions atomic.Int64
}

// Identity names the model, and the vectors' width once one came.
func (e *ownEmbedder) Identity() embedding.Identity {
	return embedding.Identity{Model: e.model, Dimensions: int(e.dimensions.Load())}
}

// Embed checks the texts, and the vectors that come back.
func (e *ownEmbedder) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	for i, text := range texts {
		if !utf8.ValidString(text) || strings.TrimSpace(text) == "" {
			return nil, embedding.Stats{}, fmt.Errorf("embed with %s: text %d is blank or not UTF-8", e.model, i)
		}
	}
	vectors, err := e.embedder.Embed(ctx, Role(role), texts)
	if err != nil {
		return nil, embedding.Stats{}, fmt.Errorf("embed with %s: %w", e.model, err)
	}
	unit, err := e.check(vectors, len(texts))
	if err != nil {
		return nil, embedding.Stats{}, fmt.Errorf("embed with %s: the embedder's answer: %w", e.model, err)
	}
	return unit, embedding.Stats{Embedded: len(texts), Requests: 1}, nil
}

// check returns the vectors at unit length; the embedder's own stay as they are.
func (e *ownEmbedder) check(vectors [][]float32, want int) ([][]float32, error) {
	if len(vectors) != want {
		return nil, fmt.Errorf("%d vectors for %d texts", len(vectors), want)
	}
	unit := make([][]float32, want)
	for i, v := range vectors {
		if err := vector.Check(v, len(vectors[0])); err != nil {
			return nil, fmt.Errorf("vector %d: %w", i, err)
		}
		unit[i] = vector.Normalize(v)
	}
	if want == 0 {
		return unit, nil
	}
	width := int64(len(vectors[0]))
	e.dimensions.CompareAndSwap(0, width)
	if known := e.dimensions.Load(); width != known {
		return nil, fmt.Errorf("vectors have %d dimensions, those before had %d", width, known)
	}
	return unit, nil
}
