package main

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/vector"
)

const (
	corpusName = "bench"
	corpusLang = "el"
	dimensions = 384
	largeSize  = 100_000
	smallSize  = 100
)

// profile is that of the default model, so that the query command needs no
// settings for the generated index.
var profile = embedding.ProfileFor(config.DefaultEmbeddingModel)

// documents yields n documents of about a paragraph each.
func documents(n int) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for i := range n {
			doc := corpus.Document{
				ID: strconv.Itoa(i), Lang: corpusLang, Title: fmt.Sprintf("Τίτλος %d", i),
				Text: fmt.Sprintf("Έγγραφο %d. ", i) + strings.Repeat("Ο ουρανός είναι γαλάζιος. ", 10),
			}
			if !yield(doc, nil) {
				return
			}
		}
	}
}

// randomUnit returns the i-th random unit vector of a stream.
func randomUnit(stream, i int) []float32 {
	r := rand.New(rand.NewPCG(uint64(stream), uint64(i)))
	v := make([]float32, dimensions)
	for j := range v {
		v[j] = float32(r.NormFloat64())
	}
	return vector.Normalize(v)
}

// The streams of randomUnit.
const (
	documentStream = iota
	queryStream
	noiseStream
	unrelatedStream
)

// anchorCosine is how much the generated anchor query agrees with its source
// query; unrelated ones would have to be searched deeper.
const anchorCosine = 0.9

// anchorOf returns a unit vector that has about anchorCosine with source.
func anchorOf(source []float32) []float32 {
	return mix(source, randomUnit(noiseStream, 0), anchorCosine)
}

// mix returns a unit vector that has about the given cosine with v, both unit
// vectors being unrelated.
func mix(v, noise []float32, cosine float64) []float32 {
	mixed := make([]float32, dimensions)
	for i := range mixed {
		mixed[i] = float32(cosine)*v[i] + float32(math.Sqrt(1-cosine*cosine))*noise[i]
	}
	return vector.Normalize(mixed)
}

// generator is an embedder that costs next to nothing: each text gets the
// vector of its document's number.
type generator struct{ identity embedding.Identity }

func newGenerator() (*generator, error) {
	client, err := embedding.New(embedding.Config{
		BaseURL: config.DefaultEmbeddingBaseURL, Model: config.DefaultEmbeddingModel, Profile: profile,
	})
	if err != nil {
		return nil, err
	}
	return &generator{identity: client.Identity()}, nil
}

func (g *generator) Identity() embedding.Identity { return g.identity }

func (g *generator) Embed(_ context.Context, _ embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		var number int
		if _, err := fmt.Sscanf(text, "Έγγραφο %d.", &number); err != nil {
			return nil, embedding.Stats{}, fmt.Errorf("text %.20q is not a generated document: %w", text, err)
		}
		vectors[i] = randomUnit(documentStream, number)
	}
	return vectors, embedding.Stats{Embedded: len(texts)}, nil
}
