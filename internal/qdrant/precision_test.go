package qdrant_test

import (
	"context"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// A collection says where its vectors are kept in less than single precision.
func TestLookupDatatype(t *testing.T) {
	for datatype, want := range map[qc.Datatype]string{
		qc.Datatype_Default: "", qc.Datatype_Float32: "", qc.Datatype_Float16: "float16", qc.Datatype_Uint8: "uint8",
	} {
		c, store := ensured(t)
		c.collections["docs_th.v1"].GetConfig().GetParams().GetVectorsConfig().GetParams().Datatype = &datatype
		found, err := store.Lookup(t.Context(), docs.Key)
		if err != nil || found.Datatype != want {
			t.Errorf("%s: got %q, %v, want %q", datatype, found.Datatype, err, want)
		}
	}
}

// Scores come from the stored vectors, whatever a server keeps beside them:
// exact searches pass quantised vectors by, others have them scored again.
func TestSearchesAreRescored(t *testing.T) {
	for _, test := range []struct {
		exact              bool
		oversampling, want float64
	}{{exact: true}, {want: qdrant.DefaultOversampling}, {oversampling: 1, want: 1}, {oversampling: 2.5, want: 2.5}} {
		exact, docs := test.exact, docs
		docs.Read.Oversampling = test.oversampling
		store := connect(t, &server{answer: func(_ context.Context, _ string, _ int, request any) (any, error) {
			params := request.(*qc.QueryPoints).GetParams()
			if params.GetExact() != exact || params.GetQuantization().GetRescore() == exact ||
				params.GetQuantization().GetOversampling() != test.want {
				t.Errorf("%+v: parameters %v", test, params)
			}
			return &qc.QueryResponse{}, nil
		}}, qdrant.Options{})
		if _, err := store.Search(t.Context(), docs, qdrant.Search{Vector: []float32{1, 0}, Limit: 1, Exact: exact}); err != nil {
			t.Fatal(err)
		}
	}
}
