package qdrant_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// manyPoints returns n points, each with a text of so many bytes.
func manyPoints(n, bytes int) []qdrant.Point {
	points := make([]qdrant.Point, n)
	for i := range points {
		points[i] = qdrant.Point{
			ID:      fmt.Sprintf("%08x-0000-5000-8000-000000000000", i),
			Vector:  []float32{1, 0},
			Payload: qdrant.Payload{DocID: "d", Text: strings.Repeat("x", bytes)},
		}
	}
	return points
}

// recorder accepts upserts and keeps the ids in the order they came; refuse may
// turn one away.
func recorder(t *testing.T, refuse func(*qc.UpsertPoints) error) (*server, *[]string) {
	var ids []string
	return &server{answer: func(_ context.Context, _ string, _ int, request any) (any, error) {
		upsert := request.(*qc.UpsertPoints)
		if !upsert.GetWait() {
			t.Error("a write does not wait")
		}
		if err := refuse(upsert); err != nil {
			return nil, err
		}
		for _, point := range upsert.GetPoints() {
			ids = append(ids, point.GetId().GetUuid())
		}
		return completed(), nil
	}}, &ids
}

func TestUpsertBatches(t *testing.T) {
	for _, test := range []struct {
		name             string
		n, bytes, calls  int
		refuseFromPoints int // 0 never
		code             codes.Code
		message          string
	}{
		{"no points", 0, 0, 0, 0, 0, ""},
		{"by count", 600, 10, 3, 0, 0, ""},
		{"by bytes", 10, 5 << 20, 4, 0, 0, ""},
		{"a point past the limit goes alone", 2, 17 << 20, 2, 0, 0, ""},
		{"halved for grpc-go", 8, 10, 6, 3, codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 4)"},
		{"halved for tonic", 8, 10, 6, 3, codes.OutOfRange, "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv, ids := recorder(t, func(request *qc.UpsertPoints) error {
				n := len(request.GetPoints())
				if n > 256 || n > 1 && proto.Size(request) > 17<<20 {
					t.Errorf("a request with %d points, %d bytes", n, proto.Size(request))
				}
				if test.refuseFromPoints > 0 && n >= test.refuseFromPoints {
					return status.Error(test.code, test.message)
				}
				return nil
			})
			points := manyPoints(test.n, test.bytes)
			if err := connect(t, srv, qdrant.Options{}).Upsert(t.Context(), docs, points); err != nil {
				t.Fatal(err)
			}
			if got := srv.count("Upsert"); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
			if len(*ids) != test.n {
				t.Fatalf("%d points came, want %d", len(*ids), test.n)
			}
			for i, id := range *ids {
				if id != points[i].ID {
					t.Fatalf("point %d is %s, want %s", i, id, points[i].ID)
				}
			}
		})
	}
}

func TestUpsertSinglePointTooLarge(t *testing.T) {
	srv, _ := recorder(t, func(*qc.UpsertPoints) error {
		return status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 4)")
	})
	err := connect(t, srv, qdrant.Options{}).Upsert(t.Context(), docs, manyPoints(2, 10))
	wantError(t, err, nil, "upsert 1 points", "larger than max")
	if got := srv.count("Upsert"); got != 2 {
		t.Errorf("%d calls, want 2: both points, then the first", got)
	}
}

func TestUpsertStopsAtFirstFailure(t *testing.T) {
	srv, ids := recorder(t, func(request *qc.UpsertPoints) error {
		if request.GetPoints()[0].GetId().GetUuid() != manyPoints(1, 0)[0].ID {
			return status.Error(codes.InvalidArgument, "no")
		}
		return nil
	})
	err := connect(t, srv, qdrant.Options{}).Upsert(t.Context(), docs, manyPoints(700, 1))
	wantError(t, err, nil, "upsert 256 points")
	if srv.count("Upsert") != 2 || len(*ids) != 256 {
		t.Errorf("%d calls, %d points stored, want 2 and 256", srv.count("Upsert"), len(*ids))
	}
}

func TestLargeAnswer(t *testing.T) {
	const n, dimensions = 1500, 1024 // 6 MiB, over gRPC's own limit of 4
	data := make([]float32, dimensions)
	data[0] = 1
	answer := &qc.QueryResponse{}
	for i := range n {
		answer.Result = append(answer.Result, &qc.ScoredPoint{
			Id: qc.NewIDUUID(manyPoints(1, 0)[0].ID), Score: float32(i),
			Vectors: &qc.VectorsOutput{VectorsOptions: &qc.VectorsOutput_Vector{Vector: &qc.VectorOutput{
				Vector: &qc.VectorOutput_Dense{Dense: &qc.DenseVector{Data: data}},
			}}},
		})
	}
	srv := &server{answer: func(context.Context, string, int, any) (any, error) { return answer, nil }}
	search := qdrant.Search{Vector: []float32{1, 0}, Limit: n, WithVectors: true}
	found, err := connect(t, srv, qdrant.Options{}).Search(t.Context(), docs, search)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != n || found[0].Score != n-1 || len(found[n-1].Vector) != dimensions {
		t.Errorf("got %d candidates, the first scored %v", len(found), found[0].Score)
	}
}

func TestTiesAreSortedHere(t *testing.T) {
	// A real server leaves ties in the order of its segments.
	answer := &qc.QueryResponse{}
	for _, hit := range []struct {
		n     int
		score float32
	}{{4, 0.5}, {3, 0.5}, {9, 0.5}, {1, 0.25}, {2, 0.75}} {
		answer.Result = append(answer.Result, &qc.ScoredPoint{
			Id: qc.NewIDUUID(manyPoints(hit.n+1, 0)[hit.n].ID), Score: hit.score,
			Payload: map[string]*qc.Value{"chunk": qc.NewValueInt(int64(hit.n))},
		})
	}
	srv := &server{answer: func(context.Context, string, int, any) (any, error) { return answer, nil }}
	found, err := connect(t, srv, qdrant.Options{}).Search(t.Context(), docs, qdrant.Search{Vector: []float32{1, 0}, Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, candidate := range found {
		got = append(got, candidate.Chunk)
	}
	if want := []int{2, 3, 4, 9, 1}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestOldServersVectors(t *testing.T) {
	// Before 1.16 a vector came in the field that is deprecated now.
	srv := &server{answer: func(context.Context, string, int, any) (any, error) {
		return &qc.QueryResponse{Result: []*qc.ScoredPoint{{
			Id: qc.NewIDUUID(onePoint[0].ID),
			Vectors: &qc.VectorsOutput{VectorsOptions: &qc.VectorsOutput_Vector{
				Vector: &qc.VectorOutput{Data: []float32{0.6, 0.8}}, //nolint:staticcheck // what older servers fill
			}},
		}}}, nil
	}}
	search := qdrant.Search{Vector: []float32{1, 0}, Limit: 1, WithVectors: true}
	found, err := connect(t, srv, qdrant.Options{}).Search(t.Context(), docs, search)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !slices.Equal(found[0].Vector, []float32{0.6, 0.8}) {
		t.Errorf("found %+v", found)
	}
}

func TestShortBatchAnswer(t *testing.T) {
	srv := &server{answer: func(context.Context, string, int, any) (any, error) {
		return &qc.QueryBatchResponse{Result: []*qc.BatchResult{{}}}, nil
	}}
	search := qdrant.Search{Vector: []float32{1, 0}, Limit: 1}
	_, err := connect(t, srv, qdrant.Options{}).SearchBatch(t.Context(), docs, []qdrant.Search{search, search})
	wantError(t, err, nil, "got 1 lists")
}

func TestScrollStopsWhereTheServerRepeatsItself(t *testing.T) {
	srv := &server{answer: func(context.Context, string, int, any) (any, error) {
		id := qc.NewIDUUID(onePoint[0].ID)
		return &qc.ScrollResponse{Result: []*qc.RetrievedPoint{{Id: id}}, NextPageOffset: id}, nil
	}}
	var last error
	for _, err := range connect(t, srv, qdrant.Options{}).Scroll(t.Context(), docs, 1) {
		last = err
	}
	wantError(t, last, nil, "not after the last")
	if got := srv.count("Scroll"); got != 2 {
		t.Errorf("%d calls, want 2", got)
	}
}
