package embedded_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// BenchmarkMissingScores compares the ways to the scores of all passages that
// two searches find, against both queries: 2 x 50 of 100,000 x 384, where the
// queries have a cosine of 0.9. The ways take turns, and medians are reported.
func BenchmarkMissingScores(b *testing.B) {
	const n, dimensions, depth = 100_000, 384, 50
	ctx := b.Context()
	engine, err := embedded.Open(ctx, b.TempDir(), embedded.ReadWrite)
	if err != nil {
		b.Fatal(err)
	}
	store, err := qdrant.Connect(qdrant.Options{Dial: engine.Dial})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
		if err := engine.Close(); err != nil {
			b.Error(err)
		}
	})
	c, err := store.Ensure(ctx, qdrant.Key{Corpus: "missing", Lang: "th"}, qdrant.Schema{Model: "none", Dimensions: dimensions})
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	draw := func() []float32 {
		v := make([]float32, dimensions)
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
		return vector.Normalize(v)
	}
	points := make([]qdrant.Point, 0, 10_000)
	for i := range n {
		points = append(points, qdrant.Point{ID: fmt.Sprintf("%08x-0000-5000-8000-000000000000", i), Vector: draw(), Payload: qdrant.Payload{DocID: fmt.Sprint(i)}})
		if len(points) == cap(points) {
			if err := store.Upsert(ctx, c, points); err != nil {
				b.Fatal(err)
			}
			points = points[:0]
		}
	}
	source, noise := draw(), draw()
	anchor := make([]float32, dimensions)
	for i := range anchor {
		anchor[i] = 0.9*source[i] + float32(math.Sqrt(1-0.81))*noise[i]
	}
	legs := [][]float32{source, vector.Normalize(anchor)}

	// missing lists, for each leg, what only the other one's list holds.
	missing := func(lists [][]qdrant.Candidate) [2][]string {
		var out [2][]string
		for i := range out {
			for _, x := range lists[1-i] {
				if !slices.ContainsFunc(lists[i], func(y qdrant.Candidate) bool { return y.ID == x.ID }) {
					out[i] = append(out[i], x.ID)
				}
			}
		}
		return out
	}
	searches := func(vectors bool) []qdrant.Search {
		out := make([]qdrant.Search, len(legs))
		for i, leg := range legs {
			out[i] = qdrant.Search{Vector: leg, Limit: depth, Exact: true, WithVectors: vectors, Bare: true}
		}
		return out
	}
	client := rawClient(b, engine)
	ways := []struct {
		name string
		run  func() error
	}{
		{"vectors-with-the-lists", func() error {
			lists, err := store.SearchBatch(ctx, c, searches(true))
			if err != nil {
				return err
			}
			for _, leg := range legs {
				for _, list := range lists {
					for _, x := range list {
						_ = vector.Cosine(leg, x.Vector)
					}
				}
			}
			return nil
		}},
		{"scores-then-has_id", func() error {
			lists, err := store.SearchBatch(ctx, c, searches(false))
			if err != nil {
				return err
			}
			return byHasID(ctx, client, c.Name, legs, missing(lists))
		}},
		{"scores-then-missing-vectors", func() error {
			lists, err := store.SearchBatch(ctx, c, searches(false))
			if err != nil {
				return err
			}
			absent := missing(lists)
			found, err := store.Points(ctx, c, slices.Concat(absent[0], absent[1]))
			for i, ids := range absent {
				for _, id := range ids {
					_ = vector.Cosine(legs[i], found[id].Vector)
				}
			}
			return err
		}},
		{"scores-alone", func() error {
			_, err := store.SearchBatch(ctx, c, searches(false))
			return err
		}},
	}
	took := make([][]float64, len(ways))
	for b.Loop() {
		for i, way := range ways {
			start := time.Now()
			if err := way.run(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], float64(time.Since(start).Microseconds()))
		}
	}
	for i, way := range ways {
		slices.Sort(took[i])
		b.ReportMetric(took[i][len(took[i])/2], "µs/"+way.name)
	}
}

func rawClient(b testing.TB, engine *embedded.Engine) *qc.Client {
	client, err := qc.NewClient(&qc.Config{
		Host: "passthrough:///embedded", SkipCompatibilityCheck: true, PoolSize: 1, KeepAliveTime: -1,
		GrpcOptions: []grpc.DialOption{grpc.WithContextDialer(engine.Dial)},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := client.Close(); err != nil {
			b.Error(err)
		}
	})
	return client
}

// byHasID asks for the missing scores with a filter, as one would of a server.
func byHasID(ctx context.Context, client *qc.Client, name string, legs [][]float32, missing [2][]string) error {
	request := &qc.QueryBatchPoints{CollectionName: name}
	for i, ids := range missing {
		if len(ids) == 0 {
			continue
		}
		points := make([]*qc.PointId, len(ids))
		for j, id := range ids {
			points[j] = qc.NewIDUUID(id)
		}
		request.QueryPoints = append(request.QueryPoints, &qc.QueryPoints{
			CollectionName: name, Query: qc.NewQueryDense(legs[i]), Limit: qc.PtrOf(uint64(len(ids))),
			Filter: &qc.Filter{Must: []*qc.Condition{qc.NewHasID(points...)}},
			Params: &qc.SearchParams{Exact: qc.PtrOf(true)},
		})
	}
	_, err := client.QueryBatch(ctx, request)
	return err
}
