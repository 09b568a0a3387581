package retrieve_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/query-synergy/query-synergy/internal/filter"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
)

var strategies = []retrieve.Strategy{retrieve.Union, retrieve.Fused, retrieve.Synergy}

// cosine is the oracle's: a plain double loop that shares no code with the
// project.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa) / math.Sqrt(bb)
}

type ranked struct {
	doc   string
	score float64
}

// bruteForce ranks all documents of the store by the definition.
func bruteForce(points []qdrant.Point, legs []rerank.Leg, weights []float64) []ranked {
	best := map[string]float64{}
	for _, p := range points {
		s := 0.0
		for i, leg := range legs {
			if weights[i] > 0 {
				s += weights[i] * cosine(leg.Vector, p.Vector)
			}
		}
		if old, ok := best[p.Payload.DocID]; !ok || s > old {
			best[p.Payload.DocID] = s
		}
	}
	var out []ranked
	for doc, s := range best {
		out = append(out, ranked{doc, s})
	}
	slices.SortFunc(out, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc))
	})
	return out
}

// fuseAll ranks all documents with the fusion core: the very order that is
// wanted, where bruteForce may round a tie otherwise.
func fuseAll(points []qdrant.Point, legs []rerank.Leg, weights []float64) ([]rerank.Hit, error) {
	legs = slices.Clone(legs)
	for i := range legs {
		legs[i].Weight = weights[i]
	}
	candidates := make([]rerank.Candidate, len(points))
	for i, p := range points {
		candidates[i] = rerank.Candidate{ID: p.ID, DocID: p.Payload.DocID, Chunk: p.Payload.Chunk, Vector: p.Vector}
	}
	return rerank.Fuse(legs, candidates)
}

// check compares an answer with both oracles; points are as stored.
func (s scenario) check(points []qdrant.Point, got retrieve.Answer) error {
	if !slices.Equal(got.Weights, s.final) {
		return fmt.Errorf("weights %v, want %v", got.Weights, s.final)
	}
	want, err := fuseAll(points, s.request.Legs, s.final)
	if err != nil {
		return err
	}
	want = want[:min(s.request.TopK, len(want))]
	naive := bruteForce(points, s.request.Legs, s.final)
	if len(got.Hits) != len(want) {
		return fmt.Errorf("%d hits, want %d", len(got.Hits), len(want))
	}
	for i, hit := range got.Hits {
		if hit.ID != want[i].ID || hit.Score != want[i].Score {
			return fmt.Errorf("rank %d is %s of %s with %v, want %s of %s with %v", i+1,
				hit.ID, hit.DocID, hit.Score, want[i].ID, want[i].DocID, want[i].Score)
		}
		if math.Abs(hit.Score-naive[i].score) > 1e-6 {
			return fmt.Errorf("rank %d scores %v, by the definition %v", i+1, hit.Score, naive[i].score)
		}
		for j, leg := range s.request.Legs {
			if want := cosine(leg.Vector, hit.Vector); math.Abs(hit.Cosines[j]-want) > 1e-6 {
				return fmt.Errorf("rank %d: cosine %d is %v, want %v", i+1, j, hit.Cosines[j], want)
			}
		}
		if hit.Payload.DocID != hit.DocID || hit.Payload.Text != fmt.Sprintf("%s/%d", hit.DocID, hit.Chunk) {
			return fmt.Errorf("rank %d is %s with the payload of %s", i+1, hit.DocID, hit.Payload.Text)
		}
	}
	if !got.Certified { // every generated index is small enough to be searched whole
		return fmt.Errorf("not certified at depth %d, threshold %v", got.Depth, got.Threshold)
	}
	return nil
}

// tally counts what a run of scenarios showed.
type tally struct{ proven int } // answers certified without the whole index

// run asks every strategy and compares the answers.
func (s scenario) run(ctx context.Context, seen *tally) error {
	store := newFakeStore(s.points)
	for _, strategy := range strategies {
		s.request.Strategy = strategy
		got, err := retrieve.RunFrom(ctx, store, s.request, s.single, s.fused)
		if err != nil {
			return fmt.Errorf("%s: %w", strategy, err)
		}
		if err := s.check(store.points, got); err != nil {
			return fmt.Errorf("%s: %w", strategy, err)
		}
		if !math.IsInf(got.Threshold, -1) {
			seen.proven++
		}
	}
	return nil
}

// The three strategies give what brute force gives, in the same order, and what
// is certified is the whole index's top k: over 100,000 generated cases.
func TestStrategiesAgainstBruteForce(t *testing.T) {
	cases := 100_000
	if testing.Short() {
		cases = 3_000
	}
	workers := runtime.GOMAXPROCS(0)
	seen := make([]tally, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < cases && !t.Failed(); i += workers {
				s := newScenario(rand.New(rand.NewPCG(uint64(i), 5)), 60)
				if err := s.run(t.Context(), &seen[w]); err != nil {
					t.Errorf("case %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	proven := 0
	for _, s := range seen {
		proven += s.proven
	}
	if proven < cases && !t.Failed() { // of three answers to each
		t.Errorf("of %d cases, %d answers were proven without the whole index: the test shows too little", cases, proven)
	}
}

func FuzzStrategies(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, seed*31, uint8(10*seed))
	}
	f.Fuzz(func(t *testing.T, a, b uint64, most uint8) {
		s := newScenario(rand.New(rand.NewPCG(a, b)), 1+int(most))
		if err := s.run(t.Context(), &tally{}); err != nil {
			t.Fatal(err)
		}
	})
}

// The same over the real engine.
func TestStrategiesOverEmbeddedStore(t *testing.T) {
	store := storetest.Embedded(t)
	cases := 60
	if testing.Short() {
		cases = 20
	}
	for i := range cases {
		s := newScenario(rand.New(rand.NewPCG(uint64(i), 6)), 150)
		key := qdrant.Key{Corpus: fmt.Sprint("case-", i), Lang: "th"}
		schema := s.request.Collection.Schema
		c, err := store.Ensure(t.Context(), key, schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Upsert(t.Context(), c, s.points); err != nil {
			t.Fatal(err)
		}
		s.request.Collection = c
		stored := newFakeStore(s.points).points
		for _, strategy := range strategies {
			s.request.Strategy = strategy
			got, err := retrieve.RunFrom(t.Context(), store, s.request, s.single, s.fused)
			if err != nil {
				t.Fatalf("case %d, %s: %v", i, strategy, err)
			}
			if err := s.check(stored, got); err != nil {
				t.Fatalf("case %d, %s: %v", i, strategy, err)
			}
		}
		// The same within a filter, of which the proof then speaks.
		part, kept := halved(s.points)
		s.request.Collection.Read.Filter, s.request.Strategy = part, strategies[i%len(strategies)]
		got, err := retrieve.RunFrom(t.Context(), store, s.request, s.single, s.fused)
		if err != nil {
			t.Fatalf("case %d, filtered: %v", i, err)
		}
		if err := s.check(newFakeStore(kept).points, got); err != nil {
			t.Fatalf("case %d, filtered: %v", i, err)
		}
		if err := store.Drop(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}

// halved returns a filter that keeps every other document, and its passages.
func halved(points []qdrant.Point) (filter.Expr, []qdrant.Point) {
	keep := &filter.In{Path: filter.Path{filter.Key("doc_id")}, Values: []filter.Value{""}}
	seen := map[string]bool{}
	var kept []qdrant.Point
	for _, p := range points {
		id := p.Payload.DocID
		in, known := seen[id]
		if !known {
			in = len(seen)%2 == 0
			seen[id] = in
			if in {
				keep.Values = append(keep.Values, id)
			}
		}
		if in {
			kept = append(kept, p)
		}
	}
	return keep, kept
}

// realistic returns an index of many passages with a source and an anchor that
// agree as translations do.
func realistic(n int) ([]qdrant.Point, []rerank.Leg) {
	const dimensions = 24
	r := rand.New(rand.NewPCG(7, 7))
	draw := func(near []float32) []float32 {
		v := make([]float32, dimensions)
		for i := range v {
			v[i] = float32(r.NormFloat64())
			if near != nil {
				v[i] = near[i] + 0.3*v[i]
			}
		}
		return v
	}
	points := make([]qdrant.Point, n)
	for i := range points {
		points[i] = point(i, fmt.Sprint("d", i), 0, draw(nil))
	}
	source := draw(nil)
	return points, rerank.Lambda(source, draw(source), 0.7)
}

// A query that nothing makes difficult takes one request, and with the source's
// and the anchor's own searches it takes no more.
func TestOneRequest(t *testing.T) {
	points, legs := realistic(3000)
	for strategy, want := range map[retrieve.Strategy]struct{ searches, reads int }{
		retrieve.Fused:   {1, 0},
		retrieve.Synergy: {3, 0},
		retrieve.Union:   {2, 1},
		"":               {3, 0},
	} {
		store := newFakeStore(points)
		got, err := retrieve.Run(t.Context(), store, retrieve.Request{
			Collection: collection(24), Legs: legs, TopK: 10, Strategy: strategy, Exact: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Certified || math.IsInf(got.Threshold, -1) || got.Rounds != 1 || len(got.Hits) != 10 {
			t.Errorf("%q: certified %t, threshold %v, %d rounds, %d hits", strategy, got.Certified, got.Threshold, got.Rounds, len(got.Hits))
		}
		if len(store.searches[0]) != want.searches || store.reads != want.reads {
			t.Errorf("%q: %d searches and %d reads, want %+v", strategy, len(store.searches[0]), store.reads, want)
		}
		if got.Hits[9].Score <= got.Threshold {
			t.Errorf("%q: rank 10 scores %v, threshold %v", strategy, got.Hits[9].Score, got.Threshold)
		}
		if got.Precision.Datatype != "float32" || got.Precision.MaxError != 0 {
			t.Errorf("%q: %+v", strategy, got.Precision)
		}
	}
}

// A hit's ranks are its places in the legs' own lists.
func TestRanks(t *testing.T) {
	points, legs := realistic(500)
	store := newFakeStore(points)
	got, err := retrieve.Run(t.Context(), store, retrieve.Request{Collection: collection(24), Legs: legs, TopK: 10, Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	inside := 0
	for _, hit := range got.Hits {
		for i, leg := range legs {
			want := 1
			for _, p := range store.points {
				if cosine(leg.Vector, p.Vector) > cosine(leg.Vector, hit.Vector) {
					want++
				}
			}
			if want > retrieve.MinDepth {
				want = 0
			} else {
				inside++
			}
			if hit.Ranks[i] != want {
				t.Errorf("%s has rank %d in list %d, want %d", hit.DocID, hit.Ranks[i], i, want)
			}
		}
	}
	if inside < 10 {
		t.Errorf("only %d ranks lie within the lists: the test shows little", inside)
	}
}

// Reweigh sees exact cosines over the passages that either query finds, the same
// with every strategy, and what it returns is what the hits are ranked by.
func TestReweigh(t *testing.T) {
	points, legs := realistic(3000)
	var first *retrieve.Signals
	for _, strategy := range strategies {
		for _, weights := range [][]float64{{0.7, 0.3}, {1, 0}, {0.85, 0.15}, {0, 1}} {
			store := newFakeStore(points)
			calls := 0
			s := scenario{final: weights, request: retrieve.Request{
				Collection: collection(24), Legs: legs, TopK: 10, Strategy: strategy, Exact: true,
				Reweigh: func(retrieve.Signals) []float64 { calls++; return weights },
			}}
			got, err := retrieve.Run(t.Context(), store, s.request)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.check(store.points, got); err != nil {
				t.Fatalf("%s, %v: %v", strategy, weights, err)
			}
			if calls != 1 {
				t.Errorf("Reweigh was called %d times", calls)
			}
			if weights[0] >= 0.7 && weights[0] < 1 && strategy == retrieve.Synergy && got.Rounds != 1 {
				t.Errorf("weights %v needed %d rounds", weights, got.Rounds)
			}
			if first == nil {
				first = got.Signals
				checkSignals(t, store.points, legs, *first)
			} else if fmt.Sprint(*got.Signals) != fmt.Sprint(*first) {
				t.Errorf("%s: the signals depend on the strategy", strategy)
			}
		}
	}
}

func checkSignals(t *testing.T, points []qdrant.Point, legs []rerank.Leg, got retrieve.Signals) {
	t.Helper()
	byID := slices.Clone(points)
	slices.SortFunc(byID, func(a, b qdrant.Point) int { return cmp.Compare(a.ID, b.ID) })
	var all, kept [2][]float64
	for _, p := range byID {
		for i := range all {
			all[i] = append(all[i], cosine(legs[i].Vector, p.Vector))
		}
	}
	bar := [2]float64{}
	for i := range bar {
		sorted := slices.Sorted(slices.Values(all[i]))
		bar[i] = sorted[len(sorted)-retrieve.MinDepth]
	}
	var mixed []float64
	length := math.Sqrt(0.49 + 0.09 + 0.42*cosine(legs[0].Vector, legs[1].Vector))
	for i := range byID {
		if all[0][i] >= bar[0] || all[1][i] >= bar[1] {
			kept[0], kept[1] = append(kept[0], all[0][i]), append(kept[1], all[1][i])
			mixed = append(mixed, (0.7*all[0][i]+0.3*all[1][i])/length)
		}
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	if !slices.EqualFunc(got.Source, kept[0], near) || !slices.EqualFunc(got.Anchor, kept[1], near) {
		t.Errorf("cosines of %d and %d passages, want %d", len(got.Source), len(got.Anchor), len(kept[0]))
	}
	two := func(x []float64) [2]float64 {
		x = slices.Sorted(slices.Values(x))
		return [2]float64{x[len(x)-1], x[len(x)-2]}
	}
	s, a, m := two(kept[0]), two(kept[1]), two(mixed)
	if !slices.EqualFunc(got.SourceTop[:], s[:], near) || !slices.EqualFunc(got.AnchorTop[:], a[:], near) ||
		!near(got.SourceMargin, s[0]-s[1]) || !near(got.FusedMargin, m[0]-m[1]) || got.Whole {
		t.Errorf("signals %v %v %v %v %t", got.SourceTop, got.AnchorTop, got.SourceMargin, got.FusedMargin, got.Whole)
	}
}

// A document that is overwritten or deleted while a query runs: the answer is
// still one state's, and every hit's payload is that of the vector scored.
func TestChangeBetweenSearchAndReading(t *testing.T) {
	points, legs := realistic(400)
	for name, change := range map[string]func(f *fakeStore, at int){
		"deleted": func(f *fakeStore, at int) {
			f.points = slices.Delete(f.points, at, at+1)
			*f = *newFakeStore(f.points)
		},
		"overwritten": func(f *fakeStore, at int) {
			v := slices.Clone(f.points[at].Vector)
			slices.Reverse(v)
			f.points[at].Vector = v
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := scenario{final: []float64{0.7, legs[1].Weight}, request: retrieve.Request{
				Collection: collection(24), Legs: legs, TopK: 10, Strategy: retrieve.Union, Exact: true,
			}}
			store := newFakeStore(points)
			before, err := retrieve.Run(t.Context(), store, s.request)
			if err != nil {
				t.Fatal(err)
			}
			victim := before.Hits[0].ID
			store = newFakeStore(points)
			store.onPoints = func(f *fakeStore) {
				f.onPoints = nil
				change(f, f.byID[victim])
			}
			got, err := retrieve.Run(t.Context(), store, s.request)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.check(store.points, got); err != nil {
				t.Fatal(err)
			}
			if got.Rounds != 2 || got.Hits[0].ID == victim {
				t.Errorf("%d rounds, first hit %s", got.Rounds, got.Hits[0].DocID)
			}
		})
	}
}

// A document whose metadata change between the filtered search and the reading,
// so that the filter keeps it no longer, is no hit, though its vector is the same.
func TestFilterHoldsOfWhatIsRead(t *testing.T) {
	points, legs := realistic(60)
	for i := range points {
		points[i].Payload.Metadata = map[string]any{"state": "open"}
	}
	for name, foreign := range map[string]bool{"own": false, "foreign": true} {
		t.Run(name, func(t *testing.T) {
			store := &changingStore{Store: storetest.Embedded(t)}
			c, err := store.Ensure(t.Context(), collection(24).Key, collection(24).Schema)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Upsert(t.Context(), c, points); err != nil {
				t.Fatal(err)
			}
			own := c
			c.Foreign = foreign
			c.Read.Filter = &filter.Compare{Path: filter.Path{filter.Key("state")}, Op: filter.Equal, Value: "open"}
			request := retrieve.Request{Collection: c, Legs: legs, TopK: 5, Strategy: retrieve.Union, Exact: true}
			before, err := retrieve.Run(t.Context(), store, request)
			if err != nil {
				t.Fatal(err)
			}
			victim := points[slices.IndexFunc(points, func(p qdrant.Point) bool { return p.ID == before.Hits[0].ID })]
			victim.Payload.Metadata, victim.Payload.ContentHash = map[string]any{"state": "closed"}, "another"
			changed := false
			store.onPoints = func() error {
				changed = true
				return store.Upsert(t.Context(), own, []qdrant.Point{victim})
			}
			got, err := retrieve.Run(t.Context(), store, request)
			if err != nil {
				t.Fatal(err)
			}
			for _, hit := range got.Hits {
				if hit.Payload.Metadata["state"] != "open" {
					t.Errorf("hit %s has %v, which the filter does not keep", hit.DocID, hit.Payload.Metadata)
				}
			}
			// A foreign index is read in one request, so nothing comes in between.
			if len(got.Hits) != 5 || changed == foreign || (got.Hits[0].ID == victim.ID) == changed {
				t.Errorf("%d hits, the first %s; changed: %t", len(got.Hits), got.Hits[0].DocID, changed)
			}
		})
	}
}

// changingStore calls a function before points are read.
type changingStore struct {
	*qdrant.Store
	onPoints func() error
}

func (s *changingStore) Points(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Point, error) {
	if s.onPoints != nil {
		if err := s.onPoints(); err != nil {
			return nil, err
		}
	}
	return s.Store.Points(ctx, c, ids)
}

// Without exact searches nothing is certified, and what was found is still
// scored exactly.
func TestApproximate(t *testing.T) {
	points, legs := realistic(1000)
	for _, strategy := range strategies {
		store := newFakeStore(points)
		got, err := retrieve.Run(t.Context(), store, retrieve.Request{
			Collection: collection(24), Legs: legs, TopK: 10, Strategy: strategy,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Certified || got.Rounds != 1 || len(got.Hits) != 10 {
			t.Errorf("%s: certified %t, %d rounds, %d hits", strategy, got.Certified, got.Rounds, len(got.Hits))
		}
		for _, hit := range got.Hits {
			if want := 0.7*cosine(legs[0].Vector, hit.Vector) + 0.3*cosine(legs[1].Vector, hit.Vector); math.Abs(hit.Score-want) > 1e-6 {
				t.Errorf("%s: %s scores %v, want %v", strategy, hit.DocID, hit.Score, want)
			}
		}
	}
}

// Collections whose vectors lost precision say so; where nothing bounds the
// loss, nothing is certified.
func TestPrecision(t *testing.T) {
	points, legs := realistic(1000)
	for datatype, want := range map[string]struct {
		most      float64
		certified bool
	}{"": {0, true}, "float16": {6e-4, true}, "uint8": {2, false}} {
		c := collection(24)
		c.Datatype = datatype
		got, err := retrieve.Run(t.Context(), newFakeStore(points), retrieve.Request{Collection: c, Legs: legs, TopK: 10, Exact: true})
		if err != nil {
			t.Fatal(err)
		}
		if got.Certified != want.certified || got.Precision.MaxError > want.most || (want.most > 0) != (got.Precision.MaxError > 0) ||
			got.Rounds != 1 || len(got.Hits) != 10 {
			t.Errorf("%q: certified %t, %+v, %d rounds, %d hits", datatype, got.Certified, got.Precision, got.Rounds, len(got.Hits))
		}
	}
}

func TestRefuses(t *testing.T) {
	points, legs := realistic(5)
	good := retrieve.Request{Collection: collection(24), Legs: legs, TopK: 1}
	for name, c := range map[string]struct {
		change func(*retrieve.Request)
		want   string
	}{
		"no leg":       {func(r *retrieve.Request) { r.Legs = nil }, "at least one"},
		"weights":      {func(r *retrieve.Request) { r.Legs = legs[:1] }, "sum to"},
		"top-k":        {func(r *retrieve.Request) { r.TopK = 0 }, "top-k is 0"},
		"strategy":     {func(r *retrieve.Request) { r.Strategy = "best" }, `strategy "best"`},
		"dimensions":   {func(r *retrieve.Request) { r.Collection.Schema.Dimensions = 3 }, "dimensions"},
		"new weights":  {func(r *retrieve.Request) { r.Reweigh = func(retrieve.Signals) []float64 { return []float64{1} } }, "1 weights for 2"},
		"new negative": {func(r *retrieve.Request) { r.Reweigh = func(retrieve.Signals) []float64 { return []float64{2, -1} } }, "new weights"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			c.change(&r)
			if _, err := retrieve.Run(t.Context(), newFakeStore(points), r); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// Legs that cancel each other out have no direction to search: they are searched
// one by one, and what rounding leaves of the scores is ranked all the same.
func TestCancellingLegs(t *testing.T) {
	points, legs := realistic(200)
	for _, off := range []float32{0, 1e-5} {
		opposite := make([]float32, len(legs[0].Vector))
		for i, x := range legs[0].Vector {
			opposite[i] = -x
		}
		opposite[0] += off
		for _, strategy := range strategies {
			s := scenario{final: []float64{0.5, 0.5}, request: retrieve.Request{
				Collection: collection(24), Legs: rerank.Lambda(legs[0].Vector, opposite, 0.5), TopK: 5, Strategy: strategy, Exact: true,
			}}
			store := newFakeStore(points)
			got, err := retrieve.Run(t.Context(), store, s.request)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.check(store.points, got); err != nil {
				t.Errorf("%s: %v", strategy, err)
			}
			if slices.ContainsFunc(got.Lists, func(l retrieve.List) bool { return l.Leg == retrieve.FusedLeg }) {
				t.Errorf("%s: the sum of the legs was searched", strategy)
			}
		}
	}
}
