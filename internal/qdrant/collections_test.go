package qdrant_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// catalog is the part of a Qdrant that knows collections and aliases, not points.
// Its zero value is empty.
type catalog struct {
	collections map[string]*qc.CollectionInfo
	aliases     map[string]string
	forgetful   bool     // keeps no metadata, as before 1.16
	log         []string // the writes, in order

	// failAfter, unless 0, is how many calls still succeed. lost has the failing
	// one take effect all the same, its answer alone being lost.
	failAfter int
	lost      bool
}

// killed stands for the end of a run: the adapter does not retry it.
var killed = status.Error(codes.InvalidArgument, "killed")

func (c *catalog) answer(_ context.Context, method string, _ int, request any) (any, error) {
	if c.failAfter > 0 {
		if c.failAfter--; c.failAfter == 0 {
			if c.lost {
				_, _ = c.serve(method, request) // only the effect counts
			}
			return nil, killed
		}
	}
	return c.serve(method, request)
}

func (c *catalog) serve(method string, request any) (any, error) {
	if c.collections == nil {
		c.collections, c.aliases = map[string]*qc.CollectionInfo{}, map[string]string{}
	}
	done := &qc.CollectionOperationResponse{Result: true}
	switch request := request.(type) {
	case *qc.CreateCollection:
		name := request.GetCollectionName()
		if c.collections[name] != nil {
			return nil, status.Error(codes.AlreadyExists, "exists")
		}
		c.put(name, request.GetVectorsConfig(), request.GetMetadata())
		c.log = append(c.log, "create "+name)
		return done, nil
	case *qc.DeleteCollection:
		name := request.GetCollectionName()
		c.log = append(c.log, "delete "+name)
		existed := c.collections[name] != nil
		delete(c.collections, name)
		for alias, target := range c.aliases {
			if target == name {
				delete(c.aliases, alias)
			}
		}
		return &qc.CollectionOperationResponse{Result: existed}, nil
	case *qc.GetCollectionInfoRequest:
		info := c.collections[request.GetCollectionName()]
		if info == nil {
			return nil, status.Error(codes.NotFound, "no such collection")
		}
		return &qc.GetCollectionInfoResponse{Result: info}, nil
	case *qc.ListCollectionsRequest:
		list := &qc.ListCollectionsResponse{}
		for name := range c.collections {
			list.Collections = append(list.Collections, &qc.CollectionDescription{Name: name})
		}
		return list, nil
	case *qc.ListAliasesRequest:
		list := &qc.ListAliasesResponse{}
		for alias, name := range c.aliases {
			list.Aliases = append(list.Aliases, &qc.AliasDescription{AliasName: alias, CollectionName: name})
		}
		return list, nil
	case *qc.ChangeAliases:
		for _, action := range request.GetActions() {
			if made := action.GetCreateAlias(); made != nil {
				c.aliases[made.GetAliasName()] = made.GetCollectionName()
				c.log = append(c.log, "alias "+made.GetAliasName())
			}
			delete(c.aliases, action.GetDeleteAlias().GetAliasName())
		}
		return done, nil
	case *qc.CreateFieldIndexCollection:
		c.collections[request.GetCollectionName()].PayloadSchema[request.GetFieldName()] = &qc.PayloadSchemaInfo{}
		c.log = append(c.log, "index "+request.GetFieldName())
		return completed(), nil
	case *qc.CountPoints:
		n := uint64(7)
		if request.GetFilter() != nil {
			n = 3
		}
		return &qc.CountResponse{Result: &qc.CountResult{Count: n}}, nil
	default:
		return nil, status.Error(codes.Unimplemented, method)
	}
}

// put adds a collection.
func (c *catalog) put(name string, vectors *qc.VectorsConfig, metadata map[string]*qc.Value) {
	if c.forgetful {
		metadata = nil
	}
	c.collections[name] = &qc.CollectionInfo{
		PayloadSchema: map[string]*qc.PayloadSchemaInfo{},
		Config: &qc.CollectionConfig{
			Params:   &qc.CollectionParams{VectorsConfig: vectors},
			Metadata: metadata,
		},
	}
}

// open returns a store over c.
func (c *catalog) open(t *testing.T) *qdrant.Store {
	return connect(t, &server{answer: c.answer}, qdrant.Options{})
}

// ensured returns a catalog that holds the index docs_th.
func ensured(t *testing.T) (*catalog, *qdrant.Store) {
	t.Helper()
	c := &catalog{}
	store := c.open(t)
	if _, err := store.Ensure(t.Context(), docs.Key, docs.Schema); err != nil {
		t.Fatal(err)
	}
	return c, store
}

func TestEnsureOrder(t *testing.T) {
	c, store := ensured(t)
	want := []string{"create docs_th.v1", "index doc_id", "index chunk", "alias docs_th"}
	if !slices.Equal(c.log, want) {
		t.Errorf("wrote %q, want %q", c.log, want)
	}
	if _, err := store.Ensure(t.Context(), docs.Key, docs.Schema); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.log, want) {
		t.Errorf("a second ensure wrote more: %q", c.log)
	}
}

func TestEnsureAfterAnyInterruption(t *testing.T) {
	for _, lost := range []bool{false, true} {
		calls := 1
		for ; ; calls++ {
			c := &catalog{failAfter: calls, lost: lost}
			store := c.open(t)
			_, err := store.Ensure(t.Context(), docs.Key, docs.Schema)
			if err == nil {
				break // it needed fewer calls
			}
			c.failAfter = 0
			got, err := store.Ensure(t.Context(), docs.Key, docs.Schema)
			if err != nil {
				t.Fatalf("after call %d failed: %v", calls, err)
			}
			if found, err := store.Lookup(t.Context(), docs.Key); err != nil || found != got {
				t.Errorf("after call %d failed: lookup %+v, %v", calls, found, err)
			}
			info := c.collections["docs_th.v1"]
			if got != docs || len(c.collections) != 1 || len(info.GetPayloadSchema()) != 2 {
				t.Errorf("after call %d failed: %+v, %d collections, indexes %v",
					calls, got, len(c.collections), info.GetPayloadSchema())
			}
		}
		if calls < 7 {
			t.Errorf("only %d calls were interrupted", calls-1)
		}
	}
}

func TestEnsureWhenAnotherRunIsFaster(t *testing.T) {
	c := &catalog{}
	store := connect(t, &server{answer: func(ctx context.Context, method string, n int, request any) (any, error) {
		if method == "Create" && n == 1 {
			if _, err := c.answer(ctx, method, n, request); err != nil {
				return nil, err
			}
		}
		return c.answer(ctx, method, n, request)
	}}, qdrant.Options{})
	got, err := store.Ensure(t.Context(), docs.Key, docs.Schema)
	if err != nil || got != docs {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEnsureRefusesOtherVectors(t *testing.T) {
	params := func(size uint64, distance qc.Distance) *qc.VectorsConfig {
		return qc.NewVectorsConfig(&qc.VectorParams{Size: size, Distance: distance})
	}
	for _, test := range []struct {
		vectors *qc.VectorsConfig
		want    string
	}{
		{params(3, qc.Distance_Cosine), "vector size: index has 3, this run has 2"},
		{params(2, qc.Distance_Dot), "distance: index has Dot, this run has Cosine"},
		{qc.NewVectorsConfigMap(nil), "vectors: index has named ones, this run has one unnamed"},
	} {
		c, store := ensured(t)
		c.collections["docs_th.v1"].Config.Params.VectorsConfig = test.vectors
		_, err := store.Ensure(t.Context(), docs.Key, docs.Schema)
		refused, ok := errors.AsType[*qdrant.SchemaError](err)
		if !ok || !slices.Equal(refused.Differences, []string{test.want}) {
			t.Errorf("%v, want a SchemaError saying %q", err, test.want)
		}
	}
}

func TestEnsureNeedsCollectionMetadata(t *testing.T) {
	c := &catalog{forgetful: true}
	_, err := c.open(t).Ensure(t.Context(), docs.Key, docs.Schema)
	wantError(t, err, nil, "Qdrant 1.16 or newer")
	if len(c.collections) != 0 {
		t.Error("the useless collection was left behind")
	}
}

func TestForeignCollections(t *testing.T) {
	vectors := qc.NewVectorsConfig(&qc.VectorParams{Size: 2, Distance: qc.Distance_Cosine})
	for name, test := range map[string]struct {
		metadata map[string]any
		want     string
	}{
		"no record":      {nil, "did not write it"},
		"newer schema":   {map[string]any{"query_synergy": map[string]any{"schema_version": 2}}, "schema version 2"},
		"not an object":  {map[string]any{"query_synergy": "x"}, "cannot be read"},
		"another corpus": {map[string]any{"query_synergy": map[string]any{"schema_version": 1, "corpus": "a", "lang": "b"}}, "holds a_b, not docs_th"},
	} {
		t.Run(name, func(t *testing.T) {
			metadata, err := qc.TryValueMap(test.metadata)
			if err != nil {
				t.Fatal(err)
			}
			c, store := ensured(t)
			c.put("docs_th.v1", vectors, metadata)
			_, err = store.Ensure(t.Context(), docs.Key, docs.Schema)
			wantError(t, err, nil, test.want)
			_, err = store.Lookup(t.Context(), docs.Key)
			wantError(t, err, nil, test.want)
			err = store.Drop(t.Context(), docs.Key)
			wantError(t, err, nil, test.want)
			if c.collections["docs_th.v1"] == nil {
				t.Error("drop deleted a collection that is not ours")
			}
		})
	}
}

func TestListLeavesForeignCollectionsOut(t *testing.T) {
	c, store := ensured(t)
	c.put("theirs.v1", nil, nil)
	c.put("other", nil, nil)
	c.aliases["theirs"], c.aliases["mine"], c.aliases["gone"] = "theirs.v1", "other", "gone.v1"
	infos, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []qdrant.Info{{Collection: docs, Passages: 7, Documents: 3}}
	if !slices.Equal(infos, want) {
		t.Errorf("got %+v, want %+v", infos, want)
	}
}

func TestLookupSaysWhatIsThere(t *testing.T) {
	c, store := ensured(t)
	for i := range 9 {
		alias := fmt.Sprintf("more%d_el", i)
		c.aliases[alias] = alias + ".v1"
	}
	_, err := store.Lookup(t.Context(), qdrant.Key{Corpus: "docs", Lang: "de"})
	wantError(t, err, qdrant.ErrNoCollection,
		"docs_de", "there is docs_th, more0_el", "and 2 more")
	if strings.Contains(err.Error(), "more8_el") {
		t.Errorf("the list has no end: %v", err)
	}
}

func TestDropAllVersions(t *testing.T) {
	c, store := ensured(t)
	ours := c.collections["docs_th.v1"].GetConfig()
	for _, name := range []string{"docs_th.v2", "docs_th.v10"} {
		c.put(name, ours.GetParams().GetVectorsConfig(), ours.GetMetadata())
	}
	c.put("docs_th.vx", nil, nil)  // no version
	c.put("docs_th2.v1", nil, nil) // another index
	c.aliases["docs_th"] = "docs_th.v2"
	c.log = nil
	if err := store.Drop(t.Context(), docs.Key); err != nil {
		t.Fatal(err)
	}
	want := []string{"delete docs_th.v1", "delete docs_th.v10", "delete docs_th.v2"}
	if !slices.Equal(c.log, want) {
		t.Errorf("deleted %q, want %q", c.log, want)
	}
	if len(c.collections) != 2 || len(c.aliases) != 0 {
		t.Errorf("%d collections and aliases %v are left", len(c.collections), c.aliases)
	}
}

func TestDropRemovesADanglingAlias(t *testing.T) {
	c, store := ensured(t)
	delete(c.collections, "docs_th.v1")
	if err := store.Drop(t.Context(), docs.Key); err != nil {
		t.Fatal(err)
	}
	if len(c.aliases) != 0 {
		t.Errorf("aliases %v are left", c.aliases)
	}
}
