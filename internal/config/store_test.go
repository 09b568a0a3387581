package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/config"
)

func TestStoreSettings(t *testing.T) {
	got := load(t, map[string]string{
		"QDRANT_TLS": "true", "QDRANT_CA_FILE": "ca.pem", "QDRANT_CERT_FILE": "c.pem", "QDRANT_KEY_FILE": "k.pem",
		"QDRANT_COLLECTION_OPTIONS": "o.json", "QDRANT_SHARDS": "2", "QDRANT_REPLICATION": "3", "QDRANT_WRITE_CONSISTENCY": "1",
		"QDRANT_HNSW_M": "32", "QDRANT_HNSW_EF_CONSTRUCT": "200", "QDRANT_HNSW_FULL_SCAN_KB": "100",
		"QDRANT_ON_DISK": "vectors,hnsw", "QDRANT_DATATYPE": "float16", "QDRANT_QUANTIZATION": "scalar",
		"QDRANT_PAYLOAD_INDEXES": "year:integer,a:b:keyword", "QDRANT_SHARD_KEY": "lang",
		"QDRANT_LAYOUT": "mcp", "QDRANT_TEXT_KEY": "a", "QDRANT_TITLE_KEY": "b", "QDRANT_ID_KEY": "c", "QDRANT_LANG_KEY": "d",
		"QDRANT_METADATA_KEY": ".", "QDRANT_VECTOR_NAME": "v",
		"QUERY_FILTER": "year >= 2020", "QUERY_APPROXIMATE": "true", "QUERY_EF": "64", "QUERY_OVERSAMPLING": "2.5", "QUERY_READ_CONSISTENCY": "all", "QUERY_TIMEOUT": "3s",
	})
	if want := (config.TLS{On: true, CAFile: "ca.pem", CertFile: "c.pem", KeyFile: "k.pem"}); got.Qdrant.TLS != want {
		t.Errorf("got %+v, want %+v", got.Qdrant.TLS, want)
	}
	if want := (config.Collections{
		File: "o.json", Shards: 2, Replication: 3, WriteConsistency: 1, HNSWM: 32, HNSWEFConstruct: 200, HNSWFullKB: 100,
		OnDisk: []string{"vectors", "hnsw"}, Datatype: "float16", Quantization: "scalar", ShardKey: "lang",
		PayloadIndexes: map[string]string{"year": "integer", "a:b": "keyword"},
	}); !reflect.DeepEqual(got.Qdrant.Collections, want) {
		t.Errorf("got %+v, want %+v", got.Qdrant.Collections, want)
	}
	if want := (config.Layout{Name: "mcp", Text: "a", Title: "b", DocID: "c", Lang: "d", Metadata: ".", Vector: "v"}); got.Qdrant.Layout != want {
		t.Errorf("got %+v, want %+v", got.Qdrant.Layout, want)
	}
	if want := (config.Read{Filter: "year >= 2020", EF: 64, Oversampling: 2.5, Approximate: true, Consistency: "all", Timeout: 3 * time.Second}); got.Query.Read != want {
		t.Errorf("got %+v, want %+v", got.Query.Read, want)
	}
	exact := false
	if got := load(t, map[string]string{"QUERY_APPROXIMATE": "true"}, config.ReadFlags{Approximate: &exact}); got.Query.Read.Approximate {
		t.Error("--exact does not go before QUERY_APPROXIMATE")
	}
}

func TestStoreFaults(t *testing.T) {
	for name, values := range map[string][]string{
		"QDRANT_TLS": {"perhaps"}, "QDRANT_SHARDS": {"0", "-1", "x"}, "QDRANT_HNSW_M": {"0"}, "QUERY_EF": {"0"}, "QUERY_OVERSAMPLING": {"0.5", "-1", "NaN", "x"},
		"QDRANT_PAYLOAD_INDEXES": {"year", ":integer"}, "QUERY_TIMEOUT": {"2h", "-1s", "x"}, "QUERY_APPROXIMATE": {"ef"},
	} {
		for _, value := range values {
			_, err := config.Load(home(map[string]string{name: value}))
			if err == nil || !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
	if _, err := config.Load(home(map[string]string{"QDRANT_CERT_FILE": "c.pem"})); err == nil || !strings.Contains(err.Error(), "QDRANT_KEY_FILE: ") {
		t.Errorf("a certificate without its key: %v", err)
	}
}
