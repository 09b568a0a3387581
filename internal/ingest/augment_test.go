package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

const alpha = 0.1

// counting is an endpoint that knows how often it was asked for each text, with
// its prefix.
type counting struct {
	mu    sync.Mutex
	asked map[string]int
	url   string
}

func newCounting(t *testing.T) *counting {
	t.Helper()
	c := &counting{asked: map[string]int{}}
	server := embeddingtest.Hashed(dimensions)
	server.OnRequest = func(_ context.Context, texts []string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, text := range texts {
			c.asked[text]++
		}
	}
	c.url = embeddingtest.Start(t, server)
	return c
}

// client returns a client of the endpoint, with memory where that is not nil.
func (c *counting) client(t *testing.T, memory *cache.Cache) *embedding.Client {
	t.Helper()
	client, err := embedding.New(embedding.Config{
		BaseURL: c.url, Model: "hashed", BatchSize: 3, Cache: memory,
		Profile: embedding.Profile{QueryPrefix: "query: ", PassagePrefix: "passage: "},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// asking are 40 documents, every fourth of three chunks, and their queries: two
// of a document's own, one of them twice, one of two chunks, one that two
// documents share and one that all do; every fifth document has none.
func asking() ([]corpus.Document, []augment.Query) {
	var docs []corpus.Document
	var queries []augment.Query
	for i := range 40 {
		id := fmt.Sprintf("d%02d", i)
		words := []string{fmt.Sprintf("word%02d", i)}
		if i%4 == 0 {
			words = append(words, fmt.Sprintf("more%02d", i), fmt.Sprintf("last%02d", i))
		}
		docs = append(docs, document(id, "th", words...))
		if i%5 == 0 {
			continue
		}
		add := func(chunk int, text string) {
			queries = append(queries, augment.Query{DocID: id, Chunk: chunk, Lang: "en", Text: text, Model: "m"})
		}
		add(augment.EveryChunk, "of "+id)
		add(augment.EveryChunk, "of "+id)
		add(0, "first of "+id)
		if i%4 == 0 {
			add(1, "two of "+id)
			add(2, "two of "+id)
		}
		add(augment.EveryChunk, fmt.Sprintf("pair %d", i/2))
		add(augment.EveryChunk, "of all")
	}
	return docs, queries
}

func augmented(queries []augment.Query, alpha float64) ingest.Options {
	opts := options
	opts.Batch, opts.Concurrency = 4, 4
	opts.Augment = &ingest.Augment{Queries: queries, Alpha: alpha}
	return opts
}

var th = qdrant.Key{Corpus: options.Corpus, Lang: "th"}

func TestAugmentedIndex(t *testing.T) {
	docs, queries := asking()
	endpoint, s := newCounting(t), newFakeStore()
	report, err := ingest.Run(t.Context(), s, endpoint.client(t, nil), augmented(queries, alpha), stream(docs...))
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[string]bool{}
	for _, q := range queries {
		distinct["query: "+q.Text] = true
	}
	passages := len(s.points[th])
	want := ingest.Report{
		Documents: 40, Passages: passages, Written: passages, Embedded: passages + len(distinct), Tokens: report.Tokens,
		Augmented:       passages - 12, // 2 of the 8 documents without queries have three chunks
		Typical:         12,
		QueriesEmbedded: len(distinct),
	}
	if report != want {
		t.Errorf("%+v, want %+v", report, want)
	}
	for text, n := range endpoint.asked {
		if n != 1 {
			t.Errorf("%q was embedded %d times", text, n)
		}
	}
	if len(endpoint.asked) != passages+len(distinct) {
		t.Errorf("%d texts were embedded, want %d passages and %d queries", len(endpoint.asked), passages, len(distinct))
	}
	for _, point := range s.points[th] {
		wantBlend(t, point, queries)
	}
	wantHeld(t, s, docs...)
	got := s.schemas[th].Augment
	if got == nil || got.Alpha != alpha || got.Queries != len(queries) || got.PerPassage != 5 || !reflect.DeepEqual(got.Langs, []string{"en"}) || len(got.Hash) != 64 {
		t.Errorf("schema says %+v", got)
	}
}

// wantBlend computes the blend without the code of the program.
func wantBlend(t *testing.T, point qdrant.Point, queries []augment.Query) {
	t.Helper()
	text := "title of " + point.Payload.DocID + "\n" + point.Payload.Text
	want := make([]float64, dimensions)
	add := func(role embedding.Role, text string, weight float64) {
		for i, x := range embeddingtest.HashedVector(dimensions, role, text) {
			want[i] += weight * float64(x)
		}
	}
	add(embedding.Passage, text, 1-alpha)
	own := false
	for _, q := range queries {
		if q.DocID == point.Payload.DocID && (q.Chunk == augment.EveryChunk || q.Chunk == point.Payload.Chunk) {
			add(embedding.Query, q.Text, alpha)
			own = true
		}
	}
	if !own { // the mean of what the bank's passages have
		places := map[string][]int{}
		for _, q := range queries {
			if q.Chunk != augment.EveryChunk && !slices.Contains(places[q.DocID], q.Chunk) {
				places[q.DocID] = append(places[q.DocID], q.Chunk)
			}
		}
		n := 0.0
		for _, chunks := range places {
			n += float64(len(chunks))
		}
		for _, q := range queries {
			times := 1.0
			if q.Chunk == augment.EveryChunk {
				times = float64(len(places[q.DocID]))
			}
			add(embedding.Query, q.Text, alpha*times/n)
		}
	}
	square := 0.0
	for _, x := range want {
		square += x * x
	}
	for i, x := range want {
		if math.Abs(x/math.Sqrt(square)-float64(point.Vector[i])) > 1e-6 {
			t.Fatalf("%s, chunk %d: component %d is %v, want %v", point.Payload.DocID, point.Payload.Chunk, i, point.Vector[i], x/math.Sqrt(square))
		}
	}
}

func TestAlphaZeroIsThePlainIndex(t *testing.T) {
	docs, queries := asking()
	endpoint, plain, zero := newCounting(t), newFakeStore(), newFakeStore()
	mustRun(t, plain, endpoint.client(t, nil), docs...)
	report, err := ingest.Run(t.Context(), zero, endpoint.client(t, nil), augmented(queries, 0), stream(docs...))
	if err != nil || report.QueriesEmbedded != 0 || report.Augmented != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if !reflect.DeepEqual(zero.points, plain.points) || !reflect.DeepEqual(zero.schemas, plain.schemas) {
		t.Error("the index differs from the plain one")
	}
	for text := range endpoint.asked {
		if strings.HasPrefix(text, "query: ") {
			t.Errorf("%q was embedded for nothing", text)
		}
	}
}

// Whenever a run dies, the next ones end with the index of a run that did not,
// and pay for nothing twice.
func TestAugmentedIndexIsResumed(t *testing.T) {
	docs, queries := asking()
	whole := newFakeStore()
	want, err := ingest.Run(t.Context(), whole, newCounting(t).client(t, nil), augmented(queries, alpha), stream(docs...))
	if err != nil {
		t.Fatal(err)
	}
	for failing := 1; ; failing++ {
		memory, err := cache.Open(filepath.Join(t.TempDir(), "cache.db"), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		client, s := newCounting(t).client(t, memory), newFakeStore()
		upserts, paid := 0, 0
		s.onUpsert = func(context.Context, []qdrant.Point) error {
			if upserts++; upserts == failing || upserts == 2*failing {
				return errBroken
			}
			return nil
		}
		died := 0
		for {
			report, err := ingest.Run(t.Context(), s, client, augmented(queries, alpha), stream(docs...))
			paid += report.Embedded
			if err == nil {
				break
			}
			if died++; died > 2 || !errors.Is(err, errBroken) {
				t.Fatalf("write %d fails: %v", failing, err)
			}
		}
		if paid != want.Embedded {
			t.Errorf("write %d fails: %d texts were embedded, want %d", failing, paid, want.Embedded)
		}
		if !reflect.DeepEqual(s.points, whole.points) || !reflect.DeepEqual(s.schemas, whole.schemas) {
			t.Errorf("write %d fails: the index differs from that of one run", failing)
		}
		if err := memory.Close(); err != nil {
			t.Fatal(err)
		}
		if died == 0 {
			return // it needed fewer writes
		}
	}
}

func TestOtherAugmentationIsRefusedBeforeItEmbeds(t *testing.T) {
	docs, queries := asking()
	s, endpoint := newRealStore(t), newCounting(t)
	if _, err := ingest.Run(t.Context(), s, endpoint.client(t, nil), augmented(queries, alpha), stream(docs...)); err != nil {
		t.Fatal(err)
	}
	paid := len(endpoint.asked)
	with := func(change func(*ingest.Augment)) ingest.Options {
		opts := augmented(queries, alpha)
		change(opts.Augment)
		return opts
	}
	for name, test := range map[string]struct {
		opts ingest.Options
		want string
	}{
		"other alpha":    {augmented(queries, 0.2), "alpha: index has 0.1, this run has 0.2"},
		"fewer queries":  {augmented(queries[1:], alpha), "generated queries: index has "},
		"no queries":     {augmented(nil, 0), "this run has none"},
		"other distance": {with(func(a *ingest.Augment) { a.Unscaled = true }), `distance: index has none, this run has "dot"`},
		"other mode":     {with(func(a *ingest.Augment) { a.Mode = augment.ModeMulti }), `mode: index has none, this run has "multi"`},
		"a hub":          {with(func(a *ingest.Augment) { a.Hub = 0.2 }), "hub: index has 0, this run has 0.2"},
	} {
		_, err := ingest.Run(t.Context(), s, endpoint.client(t, nil), test.opts, stream(append(docs, document("new", "th", "new"))...))
		if _, refused := errors.AsType[*qdrant.SchemaError](err); !refused || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want a SchemaError that says %q", name, err, test.want)
		}
	}
	if len(endpoint.asked) != paid {
		t.Error("something was embedded all the same")
	}
	report, err := ingest.Run(t.Context(), s, endpoint.client(t, nil), augmented(queries, alpha), stream(docs...))
	if err != nil || report.Unchanged != report.Passages {
		t.Errorf("the same again: %+v, %v", report, err)
	}
	for _, bad := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := ingest.Run(t.Context(), s, endpoint.client(t, nil), augmented(queries, bad), stream(docs...)); err == nil {
			t.Errorf("alpha %v was accepted", bad)
		}
	}
}
