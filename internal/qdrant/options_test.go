package qdrant_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

func TestParseCollectionOptions(t *testing.T) {
	got, err := qdrant.ParseCollectionOptions([]byte(`{
		"shards": 4, "replication": 2, "write_consistency": 2,
		"hnsw": {"m": 32, "ef_construct": 200, "full_scan_kb": 20000},
		"on_disk": ["vectors", "payload"], "datatype": "float16", "quantization": "scalar",
		"payload_indexes": {"year": "integer"}, "shard_key": "lang"}`))
	want := qdrant.CollectionOptions{
		Shards: 4, Replication: 2, WriteConsistency: 2, HNSW: qdrant.HNSW{M: 32, EFConstruct: 200, FullScanKB: 20000},
		OnDisk: []string{"vectors", "payload"}, Datatype: "float16", Quantization: "scalar",
		PayloadIndexes: map[string]string{"year": "integer"}, ShardKey: "lang",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if err := want.Validate(); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		`{"shard": 1}`:    `unknown field "shard"`,
		`{} {}`:           "something after",
		`{"shards":"x"}`:  "collection options: ",
		`{"shards": 1.5}`: "collection options: ",
		``:                "collection options: EOF",
	} {
		if _, err := qdrant.ParseCollectionOptions([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", text, err, want)
		}
	}
}

// What is said nearer goes before what is said farther, field by field.
func TestOptionsOver(t *testing.T) {
	farther := qdrant.CollectionOptions{
		Shards: 4, Replication: 2, WriteConsistency: 2, HNSW: qdrant.HNSW{M: 32, EFConstruct: 200, FullScanKB: 20000},
		OnDisk: []string{"vectors"}, Datatype: "float16", Quantization: "scalar",
		PayloadIndexes: map[string]string{"year": "integer"}, ShardKey: "lang",
	}
	if got := (qdrant.CollectionOptions{}).Over(farther); !reflect.DeepEqual(got, farther) {
		t.Errorf("nothing over %+v is %+v", farther, got)
	}
	nearer := qdrant.CollectionOptions{
		Shards: 1, Replication: 1, WriteConsistency: 1, HNSW: qdrant.HNSW{M: 2, EFConstruct: 4, FullScanKB: 10},
		OnDisk: []string{}, Datatype: "float32", Quantization: "none",
		PayloadIndexes: map[string]string{}, ShardKey: "x",
	}
	if got := nearer.Over(farther); !reflect.DeepEqual(got, nearer) {
		t.Errorf("%+v over the other is %+v", nearer, got)
	}
}

func TestBadCollectionOptions(t *testing.T) {
	for want, o := range map[string]qdrant.CollectionOptions{
		"shards is -1, want 1 to 1024":                   {Shards: -1},
		"hnsw m is 1, want 2 to 512":                     {HNSW: qdrant.HNSW{M: 1}},
		"write consistency 2 is more than the 1 copies":  {WriteConsistency: 2},
		`on disk "text"`:                                 {OnDisk: []string{"text"}},
		"datatype uint8 keeps whole numbers":             {Datatype: "uint8"},
		`datatype "int4"`:                                {Datatype: "int4"},
		`quantization "int8"`:                            {Quantization: "int8"},
		`payload index on year is of type "int"`:         {PayloadIndexes: map[string]string{"year": "int"}},
		`payload index on "a b": filter, at character 2`: {PayloadIndexes: map[string]string{"a b": "integer"}},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error that says %q", o, err, want)
		}
		if _, err := qdrant.Connect(qdrant.Options{URL: "localhost", Collections: o}); err == nil {
			t.Errorf("%+v: connected with them", o)
		}
	}
}

// What the options ask for is in the request that makes the collection, and
// writes go to the shard key.
func TestOptionsAreSent(t *testing.T) {
	key := qdrant.Key{Corpus: "docs", Lang: "th"}
	var made *qc.CreateCollection
	var shardKey string
	fields := map[string]qc.FieldType{}
	srv := &server{answer: func(_ context.Context, method string, _ int, request any) (any, error) {
		switch r := request.(type) {
		case *qc.CreateCollection:
			made = r
			return &qc.CollectionOperationResponse{Result: true}, nil
		case *qc.GetCollectionInfoRequest:
			return &qc.GetCollectionInfoResponse{Result: &qc.CollectionInfo{Config: &qc.CollectionConfig{
				Metadata: made.Metadata, HnswConfig: made.HnswConfig, QuantizationConfig: made.QuantizationConfig,
				Params: &qc.CollectionParams{
					ShardNumber: made.GetShardNumber(), ReplicationFactor: made.ReplicationFactor,
					WriteConsistencyFactor: made.WriteConsistencyFactor, VectorsConfig: made.VectorsConfig,
					OnDiskPayload: made.GetOnDiskPayload(), //nolint:staticcheck // what 1.18 knows
				},
			}}}, nil
		case *qc.CreateShardKeyRequest:
			shardKey = r.GetRequest().GetShardKey().GetKeyword()
			return &qc.CreateShardKeyResponse{Result: true}, nil
		case *qc.CreateFieldIndexCollection:
			fields[r.GetFieldName()] = r.GetFieldType()
			return completed(), nil
		case *qc.UpsertPoints:
			if got := r.GetShardKeySelector().GetShardKeys(); len(got) != 1 || got[0].GetKeyword() != "th" {
				t.Errorf("upsert to the shard keys %v", got)
			}
			return completed(), nil
		case *qc.DeletePoints:
			if got := r.GetShardKeySelector().GetShardKeys(); len(got) != 1 || got[0].GetKeyword() != "th" {
				t.Errorf("delete from the shard keys %v", got)
			}
			return completed(), nil
		}
		switch method {
		case "ListAliases":
			return &qc.ListAliasesResponse{}, nil
		case "List":
			return &qc.ListCollectionsResponse{}, nil
		case "ListShardKeys":
			return &qc.ListShardKeysResponse{}, nil
		case "UpdateAliases":
			return &qc.CollectionOperationResponse{Result: true}, nil
		}
		t.Errorf("unexpected %s", method)
		return nil, nil
	}}
	store := connect(t, srv, qdrant.Options{Collections: qdrant.CollectionOptions{
		Shards: 3, Replication: 2, WriteConsistency: 2, HNSW: qdrant.HNSW{M: 32, EFConstruct: 200, FullScanKB: 20000},
		OnDisk: []string{"vectors", "payload", "hnsw"}, Datatype: "float16", Quantization: "binary",
		PayloadIndexes: map[string]string{"year": "integer", "title": "keyword"}, ShardKey: "lang",
	}})
	c, err := store.Ensure(t.Context(), key, docs.Schema)
	if err != nil {
		t.Fatal(err)
	}
	if c.ShardKey != "th" || c.Datatype != "float16" || shardKey != "th" {
		t.Errorf("made %+v with shard key %q", c, shardKey)
	}
	vectors, hnsw := made.GetVectorsConfig().GetParams(), made.GetHnswConfig()
	//nolint:staticcheck // what 1.18 knows
	if made.GetShardNumber() != 3 || made.GetReplicationFactor() != 2 || made.GetWriteConsistencyFactor() != 2 ||
		hnsw.GetM() != 32 || hnsw.GetEfConstruct() != 200 || hnsw.GetFullScanThreshold() != 20000 || !hnsw.GetOnDisk() ||
		!vectors.GetOnDisk() || !made.GetOnDiskPayload() || vectors.GetDatatype() != qc.Datatype_Float16 ||
		made.GetQuantizationConfig().GetBinary() == nil || made.GetShardingMethod() != qc.ShardingMethod_Custom {
		t.Errorf("asked for %v", made)
	}
	if want := map[string]qc.FieldType{
		"doc_id": qc.FieldType_FieldTypeKeyword, "chunk": qc.FieldType_FieldTypeInteger,
		"metadata.year": qc.FieldType_FieldTypeInteger, "title": qc.FieldType_FieldTypeKeyword,
	}; !reflect.DeepEqual(fields, want) {
		t.Errorf("payload indexes %v, want %v", fields, want)
	}
	if err := store.Upsert(t.Context(), c, onePoint); err != nil {
		t.Error(err)
	}
	if err := store.Delete(t.Context(), c, []string{onePoint[0].ID}); err != nil {
		t.Error(err)
	}
}
