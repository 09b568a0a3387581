package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	qc "github.com/qdrant/go-client/qdrant"
	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"

	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

// foreign writes a collection into the embedded store as another program would,
// with go-client alone: foreign NAME FILE [VECTOR]. Each line of the file is an
// object of an id, the payload, and the text to embed.
func foreign(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: foreign NAME FILE [VECTOR]")
	}
	ctx := context.Background()
	engine, err := embedded.Open(ctx, ts.Getenv("QDRANT_LOCAL_PATH"), embedded.ReadWrite)
	ts.Check(err)
	defer func() { ts.Check(engine.Close()) }()
	client, err := qc.NewClient(&qc.Config{
		Host: "passthrough:///embedded", PoolSize: 1, KeepAliveTime: -1, SkipCompatibilityCheck: true,
		GrpcOptions: []grpc.DialOption{grpc.WithContextDialer(engine.Dial)},
	})
	ts.Check(err)
	defer func() { ts.Check(client.Close()) }()

	var points []*qc.PointStruct
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		var in struct {
			ID      any
			Embed   string
			Payload map[string]any
		}
		ts.Check(json.Unmarshal([]byte(line), &in))
		point := &qc.PointStruct{Payload: qc.NewValueMap(in.Payload)}
		switch id := in.ID.(type) {
		case string:
			point.Id = qc.NewID(id)
		case float64:
			point.Id = qc.NewIDNum(uint64(id))
		}
		vector := embedded384(ts, in.Embed)
		point.Vectors = qc.NewVectorsDense(vector)
		if len(args) == 3 {
			point.Vectors = qc.NewVectorsMap(map[string]*qc.Vector{args[2]: qc.NewVectorDense(vector)})
		}
		points = append(points, point)
	}
	params := &qc.VectorParams{Size: 384, Distance: qc.Distance_Cosine}
	config := qc.NewVectorsConfig(params)
	if len(args) == 3 {
		config = qc.NewVectorsConfigMap(map[string]*qc.VectorParams{args[2]: params})
	}
	ts.Check(client.CreateCollection(ctx, &qc.CreateCollection{CollectionName: args[0], VectorsConfig: config}))
	_, err = client.Upsert(ctx, &qc.UpsertPoints{CollectionName: args[0], Wait: qc.PtrOf(true), Points: points})
	ts.Check(err)
}

// embedded384 asks the script's endpoint for a text's vector.
func embedded384(ts *testscript.TestScript, text string) []float32 {
	body, err := json.Marshal(map[string]any{"input": []string{text}, "model": "m", "input_type": "passage"})
	ts.Check(err)
	reply, err := http.Post(ts.Getenv("EMBEDDING_BASE_URL")+"/embeddings", "application/json", bytes.NewReader(body))
	ts.Check(err)
	defer reply.Body.Close()
	var out struct {
		Data []struct{ Embedding []float32 }
	}
	ts.Check(json.NewDecoder(reply.Body).Decode(&out))
	if len(out.Data) != 1 {
		ts.Fatalf("the endpoint gave %d vectors", len(out.Data))
	}
	return out.Data[0].Embedding
}
