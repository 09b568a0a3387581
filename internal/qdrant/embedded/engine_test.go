package embedded_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/uuid"
	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"

	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

// open serves the store in dir and returns go-client's own client for it.
func open(tb testing.TB, dir string, mode embedded.Mode) *qc.Client {
	tb.Helper()
	engine, err := embedded.Open(tb.Context(), dir, mode)
	if err != nil {
		tb.Fatal(err)
	}
	client, err := qc.NewClient(&qc.Config{
		PoolSize: 1, SkipCompatibilityCheck: true,
		GrpcOptions: []grpc.DialOption{
			grpc.WithContextDialer(engine.Dial),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256 << 20)),
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := client.Close(); err != nil {
			tb.Error(err)
		}
		if err := engine.Close(); err != nil {
			tb.Error(err)
		}
	})
	return client
}

func create(tb testing.TB, client *qc.Client, name string, dim uint64, distance qc.Distance) {
	tb.Helper()
	err := client.CreateCollection(tb.Context(), &qc.CreateCollection{
		CollectionName: name,
		VectorsConfig:  qc.NewVectorsConfig(&qc.VectorParams{Size: dim, Distance: distance}),
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// pointID is a UUID that depends on n alone.
func pointID(n int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(strconv.Itoa(n))).String()
}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func upsert(ctx context.Context, client *qc.Client, name string, points []*qc.PointStruct) error {
	_, err := client.Upsert(ctx, &qc.UpsertPoints{CollectionName: name, Wait: qc.PtrOf(true), Points: points})
	return err
}

// fill stores n random points; with their number in the payload.
func fill(tb testing.TB, client *qc.Client, name string, n, dim int) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	const batch = 1000
	for from := 0; from < n; from += batch {
		points := make([]*qc.PointStruct, 0, batch)
		for i := from; i < min(from+batch, n); i++ {
			points = append(points, &qc.PointStruct{
				Id:      qc.NewID(pointID(i)),
				Vectors: qc.NewVectorsDense(randomVector(r, dim)),
				Payload: map[string]*qc.Value{
					"n":    qc.NewValueInt(int64(i)),
					"text": qc.NewValueString(fmt.Sprintf("passage %d of %d", i, n)),
				},
			})
		}
		if err := upsert(tb.Context(), client, name, points); err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	const n, dim = 100_000, 384
	dir := b.TempDir()
	client := open(b, dir, embedded.ReadWrite)
	create(b, client, "bench", dim, qc.Distance_Cosine)
	fill(b, client, "bench", n, dim)
	r := rand.New(rand.NewPCG(3, 4))
	for _, queries := range []int{1, 2, 3} {
		b.Run(fmt.Sprintf("queries=%d", queries), func(b *testing.B) {
			req := &qc.QueryBatchPoints{CollectionName: "bench"}
			for range queries {
				req.QueryPoints = append(req.QueryPoints, &qc.QueryPoints{
					CollectionName: "bench", Query: qc.NewQueryDense(randomVector(r, dim)), Limit: qc.PtrOf(uint64(10)),
				})
			}
			b.SetBytes(n * dim * 4)
			for b.Loop() {
				if _, err := client.QueryBatch(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
