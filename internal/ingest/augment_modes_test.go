package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// rules are the ways in which passages can know their queries.
func rules(queries []augment.Query) map[string]ingest.Augment {
	return map[string]ingest.Augment{
		"blend":             {Queries: queries, Alpha: alpha},
		"dot":               {Queries: queries, Alpha: alpha, Unscaled: true},
		"hub":               {Queries: queries, Hub: 0.2, HubLang: "en"},
		"blend, hub":        {Queries: queries, Alpha: alpha, Hub: 0.2, HubLang: "th"},
		"dot, hub of 5":     {Queries: queries, Alpha: alpha, Unscaled: true, Hub: 2, Neighbours: 5},
		"multi":             {Queries: queries, Alpha: alpha, Mode: augment.ModeMulti},
		"multi, dot, hub 3": {Queries: queries, Alpha: alpha, Mode: augment.ModeMulti, Unscaled: true, Hub: 1, Neighbours: 3, HubLang: "en"},
	}
}

func by(rule ingest.Augment) ingest.Options {
	opts := augmented(nil, 0)
	opts.Augment = &rule
	return opts
}

// oracle makes the vectors of a passage by the definition, without the code of
// the program.
func oracle(rule ingest.Augment, docID string, chunk int, text string) [][]float64 {
	unit := func(role embedding.Role, text string) []float64 {
		v := make([]float64, dimensions)
		for i, x := range embeddingtest.HashedVector(dimensions, role, text) {
			v[i] = float64(x)
		}
		return scaled(v)
	}
	sum := func(queries []augment.Query) []float64 {
		total := make([]float64, dimensions)
		for _, q := range queries {
			for i, x := range unit(embedding.Query, q.Text) {
				total[i] += x
			}
		}
		return total
	}
	of := func(docID string, chunk int) (own []augment.Query) {
		for _, q := range rule.Queries {
			if q.DocID == docID && (q.Chunk == augment.EveryChunk || q.Chunk == chunk) {
				own = append(own, q)
			}
		}
		return own
	}
	var parts [][]float64
	own := of(docID, chunk)
	multi := rule.Mode == augment.ModeMulti
	switch {
	case rule.Alpha == 0:
		parts = [][]float64{make([]float64, dimensions)}
	case len(own) > 0 && multi:
		seen := map[string]bool{}
		for _, q := range own {
			if !seen[q.Text] {
				parts = append(parts, unit(embedding.Query, q.Text))
			}
			seen[q.Text] = true
		}
	case len(own) > 0:
		parts = [][]float64{sum(own)}
	default:
		mean, n := make([]float64, dimensions), 0.0
		seen := map[string]bool{}
		for _, q := range rule.Queries {
			// Every document with rows of single chunks has one of chunk 0.
			chunk := max(0, q.Chunk)
			place := fmt.Sprint(q.DocID, chunk)
			if seen[place] {
				continue
			}
			seen[place] = true
			for i, x := range sum(of(q.DocID, chunk)) {
				mean[i] += x
			}
			if n++; multi {
				n += float64(len(of(q.DocID, chunk)) - 1)
			}
		}
		for i := range mean {
			mean[i] /= n
		}
		parts = [][]float64{mean}
	}
	var vectors [][]float64
	passage := unit(embedding.Passage, "title of "+docID+"\n"+text)
	for _, part := range parts {
		v := make([]float64, dimensions)
		for i := range v {
			v[i] = (1-rule.Alpha)*passage[i] + rule.Alpha*part[i]
		}
		if !rule.Unscaled {
			v = scaled(v)
		}
		vectors = append(vectors, v)
	}
	if rule.Hub == 0 {
		return vectors
	}
	var near []float64
	for _, q := range rule.Queries { // all are in English or, of "th", none
		if q.DocID == docID {
			continue
		}
		best := math.Inf(-1)
		for _, v := range vectors {
			product := 0.0
			for i, x := range unit(embedding.Query, q.Text) {
				product += x * v[i]
			}
			best = max(best, product)
		}
		near = append(near, best)
	}
	slices.Sort(near)
	if rule.Neighbours > 0 {
		near = near[len(near)-rule.Neighbours:]
	}
	hubness := 0.0
	for _, s := range near {
		hubness += s / float64(len(near))
	}
	for i := range vectors {
		vectors[i] = append(vectors[i], hubness)
	}
	return vectors
}

func scaled(v []float64) []float64 {
	square := 0.0
	for _, x := range v {
		square += x * x
	}
	for i := range v {
		v[i] /= math.Sqrt(square)
	}
	return v
}

// Every rule makes the vectors that it says, and has every text embedded once.
func TestAugmentedVectors(t *testing.T) {
	docs, queries := asking()
	for name, rule := range rules(queries) {
		t.Run(name, func(t *testing.T) {
			endpoint, s := newCounting(t), newFakeStore()
			report, err := ingest.Run(t.Context(), s, endpoint.client(t, nil), by(rule), stream(docs...))
			if err != nil {
				t.Fatal(err)
			}
			distinct := map[string]bool{}
			for _, q := range queries {
				distinct[q.Text] = true
			}
			if report.Embedded != 60+len(distinct) || report.QueriesEmbedded != len(distinct) || report.Written != 60 || len(endpoint.asked) != report.Embedded {
				t.Errorf("%+v, %d texts asked for, want 60 passages and %d queries", report, len(endpoint.asked), len(distinct))
			}
			checked := 0
			for _, doc := range docs {
				for _, p := range options.Chunking.Passages(doc) {
					want := oracle(rule, p.DocID, p.Chunk, p.Text)
					for n := range want {
						id := corpus.PointID(options.Corpus, "th", p.DocID, p.Chunk)
						if n > 0 {
							id = corpus.VectorID(options.Corpus, "th", p.DocID, p.Chunk, n)
						}
						point, there := s.points[th][id]
						if !there || point.Payload.Vector != n || point.Payload.Text != p.Text || point.Payload.ContentHash != p.ContentHash() {
							t.Fatalf("%s, chunk %d, vector %d: %+v", p.DocID, p.Chunk, n, point.Payload)
						}
						length := 0.0
						for i, x := range point.Vector {
							if math.Abs(float64(x)-want[n][i]) > 1e-6 {
								t.Fatalf("%s, chunk %d, vector %d: component %d is %v, want %v", p.DocID, p.Chunk, n, i, x, want[n][i])
							}
							if i < dimensions {
								length += float64(x) * float64(x)
							}
						}
						if most := s.schemas[th].Augment.MaxLength; rule.Unscaled && math.Sqrt(length) > most {
							t.Errorf("%s has length %v, of %v at most", p.DocID, math.Sqrt(length), most)
						}
						checked++
					}
				}
			}
			if checked != len(s.points[th]) {
				t.Errorf("%d points, want %d", len(s.points[th]), checked)
			}
		})
	}
}

// Whenever a run dies, the next ones end with the index of a run that did not.
func TestAugmentedVectorsAreResumed(t *testing.T) {
	docs, queries := asking()
	for name, rule := range rules(queries) {
		t.Run(name, func(t *testing.T) {
			endpoint := newCounting(t)
			memory, err := cache.Open(filepath.Join(t.TempDir(), "cache.db"), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := memory.Close(); err != nil {
					t.Error(err)
				}
			}()
			client, whole := endpoint.client(t, memory), newFakeStore()
			if _, err := ingest.Run(t.Context(), whole, client, by(rule), stream(docs...)); err != nil {
				t.Fatal(err)
			}
			for failing := 1; ; failing += 2 {
				s := newFakeStore()
				upserts, died := 0, 0
				s.onUpsert = func(_ context.Context, points []qdrant.Point) error {
					if upserts++; upserts != failing {
						return nil
					}
					s.mu.Lock() // a part of the points is there all the same
					defer s.mu.Unlock()
					for _, p := range points[:len(points)/2] {
						s.points[th][p.ID] = p
					}
					return errBroken
				}
				for {
					report, err := ingest.Run(t.Context(), s, client, by(rule), stream(docs...))
					if report.Embedded != 0 {
						t.Fatalf("%d texts were embedded again", report.Embedded)
					}
					if err == nil {
						break
					}
					if died++; died > 1 || !errors.Is(err, errBroken) {
						t.Fatalf("write %d fails: %v", failing, err)
					}
				}
				if !reflect.DeepEqual(s.points, whole.points) || !reflect.DeepEqual(s.schemas, whole.schemas) {
					t.Fatalf("write %d fails: the index differs from that of one run", failing)
				}
				if died == 0 {
					return // it needed fewer writes
				}
			}
		})
	}
}

// A document that shrinks loses all vectors of the chunks that go.
func TestSeveralVectorsGoWithTheirChunk(t *testing.T) {
	docs, queries := asking()
	s, client := newFakeStore(), newCounting(t).client(t, nil)
	opts := by(rules(queries)["multi"])
	if _, err := ingest.Run(t.Context(), s, client, opts, stream(docs...)); err != nil {
		t.Fatal(err)
	}
	docs[4] = document("d04", "th", "word04") // of three chunks before
	report, err := ingest.Run(t.Context(), s, client, opts, stream(docs...))
	if err != nil || report.Removed != 2 || report.Written != 1 {
		t.Errorf("%+v, %v, want 2 passages removed and 1 written", report, err)
	}
	fresh := newFakeStore()
	if _, err := ingest.Run(t.Context(), fresh, client, opts, stream(docs...)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.points, fresh.points) {
		t.Errorf("%d points, in a fresh index %d, or others", len(s.points[th]), len(fresh.points[th]))
	}
}

// Alpha 0 without a hub is the plain index, whatever else is said.
func TestNoWeightIsThePlainIndex(t *testing.T) {
	docs, queries := asking()
	endpoint, plain, zero := newCounting(t), newFakeStore(), newFakeStore()
	mustRun(t, plain, endpoint.client(t, nil), docs...)
	rule := ingest.Augment{Queries: queries, Mode: augment.ModeMulti, Unscaled: true, Neighbours: 3, HubLang: "en"}
	if _, err := ingest.Run(t.Context(), zero, endpoint.client(t, nil), by(rule), stream(docs...)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(zero.points, plain.points) || !reflect.DeepEqual(zero.schemas, plain.schemas) {
		t.Error("the index differs from the plain one")
	}
}
