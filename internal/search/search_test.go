package search_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/search"
)

// The cosine to a query without weight is computed all the same.
func TestLambda(t *testing.T) {
	for _, test := range []struct {
		lambda float64
		want   []string
	}{
		{1, []string{"source", "middle", "anchor"}},
		{0.75, []string{"source", "middle", "anchor"}},
		{0.5, []string{"middle", "source", "anchor"}},
		{0.25, []string{"anchor", "middle", "source"}},
		{0, []string{"anchor", "middle", "source"}},
	} {
		t.Run(fmt.Sprint(test.lambda), func(t *testing.T) {
			store := newFakeStore(2, at("anchor", 85), at("middle", 44), at("source", 10))
			result := run(t, &search.Searcher{Store: store, Embedder: plane}, planeQuery(test.lambda, 10))
			if got := docIDs(result); !slices.Equal(got, test.want) {
				t.Errorf("order is %v, want %v", got, test.want)
			}
			degrees := map[string]float64{"source": 10, "middle": 44, "anchor": 85}
			for i, hit := range result.Hits {
				sin, cos := math.Sincos(degrees[hit.ID] * math.Pi / 180)
				if hit.Anchor == nil || math.Abs(hit.Source-cos) > 1e-6 || math.Abs(*hit.Anchor-sin) > 1e-6 {
					t.Errorf("%s: cosines %v and %v, want %v and %v", hit.ID, hit.Source, hit.Anchor, cos, sin)
				}
				if want := test.lambda*cos + (1-test.lambda)*sin; math.Abs(hit.Score-want) > 1e-6 || hit.Rank != i+1 {
					t.Errorf("%s: rank %d, score %v, want %d, %v", hit.ID, hit.Rank, hit.Score, i+1, want)
				}
			}
			if result.Lambda != test.lambda || !result.Certified {
				t.Errorf("λ = %v, certified %v", result.Lambda, result.Certified)
			}
		})
	}
}

func TestExhaustedIndexIsCertified(t *testing.T) {
	for _, passages := range [][]passage{nil, {at("a", 10), at("b", 80), at("c", 80)}} {
		searcher := &search.Searcher{Store: newFakeStore(2, passages...), Embedder: plane}
		result := run(t, searcher, planeQuery(0.5, 10))
		if !result.Certified || len(result.Hits) != len(passages) {
			t.Errorf("%d passages: %d hits, certified %v", len(passages), len(result.Hits), result.Certified)
		}
		if text, err := json.Marshal(result); err != nil || strings.Contains(string(text), `"hits":null`) {
			t.Errorf("%s, %v: hits must be an array", text, err)
		}
	}
}

func TestHitsAreDocuments(t *testing.T) {
	first, second, other := at("long", 80), at("long", 20), at("short", 30)
	second.chunk = 1
	store := newFakeStore(2, first, second, other)
	store.payload = map[string]any{"year": int64(2026)}
	result := run(t, &search.Searcher{Store: store, Embedder: plane}, planeQuery(1, 10))
	if got := docIDs(result); !slices.Equal(got, []string{"long", "short"}) {
		t.Fatalf("documents %v", got)
	}
	hit := result.Hits[0]
	if hit.Chunk != 1 || hit.Chunks != 2 || hit.Text != "text of long/1" || hit.Title != "title of long" ||
		hit.Lang != "th" || hit.Metadata["year"] != int64(2026) {
		t.Errorf("hit %+v is not the better chunk", hit)
	}
}

func TestOtherModelIsRefused(t *testing.T) {
	var calls atomic.Int64
	store := newFakeStore(2, at("a", 10))
	store.collection.Schema.QueryPrefix = "Frage: "
	store.onSearch = func([]qdrant.Search) error { t.Error("searched all the same"); return nil }
	embedder := fakeEmbedder{model: "another", calls: &calls}
	_, err := (&search.Searcher{Store: store, Embedder: embedder}).Run(t.Context(), planeQuery(0.5, 10))
	var refusal *qdrant.SchemaError
	if !errors.As(err, &refusal) || refusal.Key != key {
		t.Fatalf("error is %v, want a SchemaError of %s", err, key)
	}
	for _, part := range []string{`"fake"`, `"another"`, `"Frage: "`, `"query: "`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
	if calls.Load() != 0 {
		t.Error("embedded all the same")
	}
}

func TestMissingIndex(t *testing.T) {
	q := planeQuery(0.5, 10)
	q.Lang = "el"
	_, err := (&search.Searcher{Store: newFakeStore(2), Embedder: plane}).Run(t.Context(), q)
	if !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("error is %v, want ErrNoCollection", err)
	}
}

func TestErrorsPassThrough(t *testing.T) {
	broken := errors.New("broken")
	for name, spoil := range map[string]func(*fakeStore){
		"search": func(f *fakeStore) { f.onSearch = func([]qdrant.Search) error { return broken } },
	} {
		store := newFakeStore(2, at("a", 10))
		spoil(store)
		if _, err := (&search.Searcher{Store: store, Embedder: plane}).Run(t.Context(), planeQuery(0.5, 10)); !errors.Is(err, broken) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*search.Query)
		want   string // in the error; none if empty
	}{
		"good":             {func(*search.Query) {}, ""},
		"no anchor":        {func(q *search.Query) { q.Anchor = "" }, ""},
		"edges":            {func(q *search.Query) { q.Lambda, q.TopK = 1, search.MaxTopK }, ""},
		"λ NaN":            {func(q *search.Query) { q.Lambda = math.NaN() }, "lambda is NaN"},
		"λ below":          {func(q *search.Query) { q.Lambda = -0.01 }, "lambda is -0.01"},
		"λ above":          {func(q *search.Query) { q.Lambda = math.Inf(1) }, "lambda is +Inf"},
		"top 0":            {func(q *search.Query) { q.TopK = 0 }, "top-k is 0"},
		"top 1001":         {func(q *search.Query) { q.TopK = 1001 }, "top-k is 1001"},
		"empty":            {func(q *search.Query) { q.Text = "" }, "query is empty"},
		"blank":            {func(q *search.Query) { q.Text = " \n\u3000" }, "query is empty"},
		"not UTF-8":        {func(q *search.Query) { q.Text = "\xff" }, "query is not valid UTF-8"},
		"long":             {func(q *search.Query) { q.Text = strings.Repeat("ก", 8193) }, "query has more than 8192"},
		"blank anchor":     {func(q *search.Query) { q.Anchor = "\t" }, "anchor is empty"},
		"anchor not UTF-8": {func(q *search.Query) { q.Anchor = "a\xc0" }, "anchor is not valid UTF-8"},
		"corpus":           {func(q *search.Query) { q.Corpus = "" }, "corpus name"},
		"language":         {func(q *search.Query) { q.Lang = "th_TH" }, "language"},
		"two faults":       {func(q *search.Query) { q.Lambda, q.TopK = 2, 0 }, "lambda is 2, want a number in [0, 1]\ntop-k is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			q := planeQuery(0.5, 10)
			test.change(&q)
			err := q.Validate()
			if test.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error is %v, want %q in it", err, test.want)
			}
			// Run refuses it too, before it asks anybody.
			if _, ran := (&search.Searcher{}).Run(t.Context(), q); ran == nil || ran.Error() != err.Error() {
				t.Errorf("Run says %v, Validate %v", ran, err)
			}
		})
	}
}

// TestAgreesWithBruteForce compares with the definition, over corpora with equal
// vectors and with documents of several chunks.
func TestAgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimensions := rapid.IntRange(2, 4).Draw(t, "dimensions")
		vectors := rapid.Custom(func(t *rapid.T) []float32 {
			v := make([]float32, dimensions)
			for i := range v {
				v[i] = float32(rapid.IntRange(-3, 3).Draw(t, "x"))
			}
			v[rapid.IntRange(0, dimensions-1).Draw(t, "at")] = 1 // not zero
			return v
		})
		store := newFakeStore(dimensions)
		for d := range rapid.IntRange(0, 150).Draw(t, "documents") {
			for chunk := range rapid.IntRange(1, 3).Draw(t, "chunks") {
				store.passages = append(store.passages, passage{fmt.Sprintf("d%03d", d), chunk, vectors.Draw(t, "v")})
			}
		}
		source, anchored := vectors.Draw(t, "source"), vectors.Draw(t, "anchor")
		q := planeQuery(rapid.SampledFrom([]float64{0, 0.3, 0.5, 0.7, 1}).Draw(t, "λ"), rapid.IntRange(1, 40).Draw(t, "k"))
		embedder := fakeEmbedder{vectors: map[string][]float32{sourceText: source, anchorText: anchored}}
		result, err := (&search.Searcher{Store: store, Embedder: embedder}).Run(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if !result.Certified {
			t.Fatal("not certified, and the depth has room for the whole index")
		}
		best := map[string]float64{}
		for _, p := range store.passages {
			score := q.Lambda*cosine(source, p.vector) + (1-q.Lambda)*cosine(anchored, p.vector)
			if old, known := best[p.doc]; !known || score > old {
				best[p.doc] = score
			}
		}
		want := slices.SortedFunc(func(yield func(float64) bool) {
			for _, score := range best {
				if !yield(score) {
					return
				}
			}
		}, func(a, b float64) int { return cmp.Compare(b, a) })
		if len(result.Hits) != min(q.TopK, len(want)) {
			t.Fatalf("%d hits, want %d", len(result.Hits), min(q.TopK, len(want)))
		}
		for i, hit := range result.Hits {
			// Documents closer than rounding may stand in either order.
			if math.Abs(hit.Score-want[i]) > 1e-6 || math.Abs(hit.Score-best[hit.ID]) > 1e-6 {
				t.Fatalf("rank %d is %s with %v; that document has %v, that rank %v", i+1, hit.ID, hit.Score, best[hit.ID], want[i])
			}
			if i == 0 {
				continue
			}
			if before := result.Hits[i-1]; before.Score < hit.Score || before.Score == hit.Score && before.ID >= hit.ID {
				t.Fatalf("%s with %v stands before %s with %v", before.ID, before.Score, hit.ID, hit.Score)
			}
		}
	})
}

// cosine shares no code with the program.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa) / math.Sqrt(bb)
}

// The names of the JSON fields are a contract: docs/json.md describes them.
func TestResultJSON(t *testing.T) {
	agreement, anchored := 0.91, 0.8
	full := search.Result{
		Version: 1, Corpus: "docs", Query: "คำถาม", Lang: "th", Lambda: 0.7, TopK: 10,
		Anchor:   search.Anchor{Text: "question", Lang: "en", Origin: "given", Agreement: &agreement, Status: search.StatusOK},
		Strategy: retrieve.Synergy, Certified: true, Depth: 50,
		Hits: []search.Hit{{
			Rank: 1, ID: "d", Score: 0.83, Source: 0.85, Anchor: &anchored, Lang: "th", Title: "title", Text: "text",
			Chunk: 1, Chunks: 2, Metadata: map[string]any{"year": 2026},
		}},
		Timings: search.Timings{Translate: 1.5, Embed: 2.5, Search: 3.5, Fuse: 4.5, Total: 12},
	}
	bare := search.Result{
		Version: 1, Anchor: search.Anchor{Status: search.StatusUnavailable, Error: "why"},
		Hits: []search.Hit{{Metadata: map[string]any{}}},
	}
	text, err := json.MarshalIndent([]search.Result{full, bare}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "result.json", string(text)+"\n")
}
