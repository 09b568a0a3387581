package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Rebuilt is an index whose alias was moved.
type Rebuilt struct {
	Lang       string `json:"lang"`
	Collection string `json:"collection"` // the new version
	Replaced   string `json:"replaced"`   // the one before; "" where there was none
}

// Rebuild indexes the documents into new versions of their indexes, whatever the
// settings of those there are, verifies them and makes all of them current in
// one step. A rebuild that was cut short is gone on with if its settings are the
// same. The old versions stay.
//
// Verified are the number of points, their ids and content hashes against the
// documents, and a sample of the vectors, read back, against those embedded.
func Rebuild(ctx context.Context, store Store, embedder ingest.Embedder, opts ingest.Options, docs iter.Seq2[corpus.Document, error]) (report ingest.Report, rebuilt []Rebuilt, err error) {
	l, err := openLedger(ctx)
	if err != nil {
		return ingest.Report{}, nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	samples := map[qdrant.Key]*sample{}
	opts.Rebuild = store
	opts.Planned = func(key qdrant.Key, s qdrant.Stamp) error { return l.add(ctx, key, inSource, s) }
	opts.Stored = func(c qdrant.Collection, points []qdrant.Point) {
		if samples[c.Key] == nil {
			samples[c.Key] = newSample()
		}
		samples[c.Key].add(points)
	}
	if report, err = ingest.Run(ctx, store, embedder, opts, docs); err != nil {
		return report, nil, err
	}
	var finished []qdrant.Collection
	for _, key := range slices.SortedFunc(maps.Keys(l.table), func(a, b qdrant.Key) int { return cmp.Compare(a.Lang, b.Lang) }) {
		c, unfinished, err := store.Unfinished(ctx, key)
		if err == nil && !unfinished {
			err = fmt.Errorf("rebuild %s: the new version is gone, another process removed it", key)
		}
		if err != nil {
			return report, nil, err
		}
		if err := l.settle(ctx, store, c, samples[key]); err != nil {
			return report, nil, fmt.Errorf("rebuild %s: %w", key, err)
		}
		before, err := store.Lookup(ctx, key)
		if err != nil && !errors.Is(err, qdrant.ErrNoCollection) {
			return report, nil, err
		}
		finished = append(finished, c)
		rebuilt = append(rebuilt, Rebuilt{Lang: key.Lang, Collection: c.Name, Replaced: before.Name})
	}
	if err := store.Promote(ctx, finished...); err != nil {
		return report, nil, err
	}
	return report, rebuilt, nil
}

// settle removes from a new version what an earlier try wrote and the source no
// longer has, and verifies the rest.
func (l *ledger) settle(ctx context.Context, store Store, c qdrant.Collection, s *sample) error {
	if err := l.addIndex(ctx, store, c); err != nil {
		return err
	}
	counts, err := l.counts(ctx, c.Key)
	if err != nil {
		return err
	}
	for ids, err := range l.surplus(ctx, c.Key) {
		if err == nil {
			err = store.Delete(ctx, c, ids)
		}
		if err != nil {
			return err
		}
	}
	stored, err := store.Count(ctx, c)
	if err != nil {
		return err
	}
	if counts.Wrong > 0 || stored != uint64(counts.Passages) {
		return fmt.Errorf("%s holds %d passages and should hold %d, of which %d are missing or of another content: nothing was switched; run the rebuild again",
			c.Name, stored, counts.Passages, counts.Wrong)
	}
	return s.check(ctx, store, c)
}

// sampleSize is how many vectors of a new version are read back.
const sampleSize = 256

// sample holds some of the points that were stored, each with the same chance.
type sample struct {
	points []qdrant.Point
	seen   int
	random *rand.Rand
}

func newSample() *sample { return &sample{random: rand.New(rand.NewPCG(1, 2))} }

func (s *sample) add(points []qdrant.Point) {
	for _, p := range points {
		s.seen++
		if len(s.points) < sampleSize {
			s.points = append(s.points, p)
		} else if at := s.random.IntN(s.seen); at < sampleSize {
			s.points[at] = p
		}
	}
}

// vectorTolerance is how far a component of a stored unit vector may lie from
// what was embedded: rounding, when the store scaled it and as its data type
// has it. Of types that are not listed no vector is compared.
var vectorTolerance = map[string]float64{"": 1e-6, "float16": 1e-3}

// check reads the sample back. A nil sample holds nothing.
func (s *sample) check(ctx context.Context, store Store, c qdrant.Collection) error {
	tolerance, comparable := vectorTolerance[c.Datatype]
	if s == nil || !comparable {
		return nil
	}
	ids := make([]string, len(s.points))
	for i, p := range s.points {
		ids[i] = p.ID
	}
	stored, err := store.Points(ctx, c, ids)
	if err != nil {
		return err
	}
	for _, p := range s.points {
		if !c.Schema.Products() {
			p.Vector = vector.Normalize(p.Vector)
		}
		if got, there := stored[p.ID]; !there || !near(got.Vector, p.Vector, tolerance) {
			return fmt.Errorf("the vector of document %.80q, chunk %d, is in %s otherwise than it was embedded: nothing was switched", p.Payload.DocID, p.Payload.Chunk, c.Name)
		}
	}
	return nil
}

// near says whether two vectors differ by no more than a tolerance in any
// component.
func near(a, b []float32, tolerance float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if d := float64(a[i]) - float64(b[i]); d > tolerance || d < -tolerance {
			return false
		}
	}
	return true
}
