package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// raw is go-client as other programs use it, at the same place as the store.
func (f *fixture) raw(t *testing.T) *qc.Client {
	t.Helper()
	config := &qc.Config{APIKey: f.opts.APIKey, PoolSize: 1, SkipCompatibilityCheck: true}
	if f.opts.Dial != nil {
		config.Host, config.KeepAliveTime = "passthrough:///embedded", -1
		config.GrpcOptions = []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return f.opts.Dial(ctx, address)
		})}
	} else {
		address, err := qdrant.ParseURL(f.opts.URL)
		if err != nil {
			t.Fatal(err)
		}
		config.Host, config.Port, config.UseTLS = address.Host, address.Port, address.TLS
	}
	client, err := qc.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// foreign makes a collection as another program would, and has it dropped.
func (f *fixture) foreign(t *testing.T, vectors *qc.VectorsConfig, points ...*qc.PointStruct) string {
	t.Helper()
	client := f.raw(t)
	name := f.key.Corpus + "-" + uuid.NewString()[:8]
	if err := client.CreateCollection(t.Context(), &qc.CreateCollection{CollectionName: name, VectorsConfig: vectors}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := client.DeleteCollection(ctx, name); err != nil {
			t.Error(err)
		}
	})
	if len(points) == 0 {
		return name
	}
	_, err := client.Upsert(t.Context(), &qc.UpsertPoints{CollectionName: name, Wait: qc.PtrOf(true), Points: points})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func payload(t *testing.T, fields map[string]any) map[string]*qc.Value {
	t.Helper()
	values, err := qc.TryValueMap(fields)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func unnamed(distance qc.Distance) *qc.VectorsConfig {
	return qc.NewVectorsConfig(&qc.VectorParams{Size: 2, Distance: distance})
}

// Collections in the form in which other programs write them by default.
func testForeign(t *testing.T, f *fixture) {
	const node = `{"id_": "n1", "metadata": {"year": 2020}, "text": "ข้อความ", "class_name": "TextNode"}`
	cosine := unnamed(qc.Distance_Cosine)
	named := qc.NewVectorsConfigMap(map[string]*qc.VectorParams{"fast-e5": {Size: 2, Distance: qc.Distance_Cosine}})
	vector, other := []float32{3, 4}, []float32{-3, 4}
	dense, otherDense := qc.NewVectorsDense(vector), qc.NewVectorsDense(other)
	for _, test := range []struct {
		layout  string
		vectors *qc.VectorsConfig
		change  func(*qdrant.Layout)
		points  []*qc.PointStruct // the first is what is searched for
		filter  string            // that keeps the first alone
		id      string
		want    qdrant.Payload
	}{
		{
			layout: "langchain", vectors: cosine,
			points: []*qc.PointStruct{
				{Id: qc.NewID(id(1)), Vectors: dense, Payload: payload(t, map[string]any{
					"page_content": "ข้อความ", "metadata": map[string]any{"source": "a.pdf", "title": "ชื่อ", "year": 2020},
				})},
				{Id: qc.NewID(id(2)), Vectors: otherDense, Payload: payload(t, map[string]any{"page_content": "x", "metadata": map[string]any{"year": 2019}})},
			},
			filter: "year >= 2020 and title = ชื่อ", id: id(1),
			want: qdrant.Payload{DocID: id(1), Lang: "th", Title: "ชื่อ", Text: "ข้อความ", Chunks: 1,
				Metadata: map[string]any{"source": "a.pdf", "title": "ชื่อ", "year": int64(2020)}},
		},
		{
			layout: "langchain", vectors: cosine, change: func(l *qdrant.Layout) { l.DocID = "metadata.source" },
			points: []*qc.PointStruct{
				{Id: qc.NewID(id(1)), Vectors: dense, Payload: payload(t, map[string]any{"page_content": "a", "metadata": map[string]any{"source": "a.pdf"}})},
				{Id: qc.NewID(id(2)), Vectors: otherDense, Payload: payload(t, map[string]any{"page_content": "b", "metadata": nil})},
			},
			filter: "doc_id = a.pdf", id: id(1),
			want: qdrant.Payload{DocID: "a.pdf", Lang: "th", Text: "a", Chunks: 1, Metadata: map[string]any{"source": "a.pdf"}},
		},
		{
			layout: "llamaindex", vectors: qc.NewVectorsConfigMap(map[string]*qc.VectorParams{"text-dense": {Size: 2, Distance: qc.Distance_Cosine}}),
			points: []*qc.PointStruct{
				{Id: qc.NewID(id(1)), Vectors: qc.NewVectorsMap(map[string]*qc.Vector{"text-dense": qc.NewVectorDense(vector)}), Payload: payload(t, map[string]any{
					"_node_content": node, "_node_type": "TextNode", "doc_id": "d1", "document_id": "d1", "ref_doc_id": "d1", "year": 2020,
				})},
				{Id: qc.NewID(id(2)), Vectors: qc.NewVectorsMap(map[string]*qc.Vector{"text-dense": qc.NewVectorDense(other)}), Payload: payload(t, map[string]any{
					"_node_content": `{"text_resource": {"text": "in a resource"}}`, "doc_id": "None",
				})},
			},
			filter: "year = 2020 and doc_id = d1", id: id(1),
			want: qdrant.Payload{DocID: "d1", Lang: "th", Text: "ข้อความ", Chunks: 1, Metadata: map[string]any{
				"_node_type": "TextNode", "doc_id": "d1", "document_id": "d1", "ref_doc_id": "d1", "year": int64(2020),
			}},
		},
		{
			layout: "mcp", vectors: named,
			points: []*qc.PointStruct{
				{Id: qc.NewID(id(1)), Vectors: qc.NewVectorsMap(map[string]*qc.Vector{"fast-e5": qc.NewVectorDense(vector)}),
					Payload: payload(t, map[string]any{"document": "ข้อความ", "metadata": map[string]any{"k": "v"}})},
				{Id: qc.NewID(id(2)), Vectors: qc.NewVectorsMap(map[string]*qc.Vector{"fast-e5": qc.NewVectorDense(other)}),
					Payload: payload(t, map[string]any{"document": "x"})},
			},
			filter: "k = v", id: id(1),
			want: qdrant.Payload{DocID: id(1), Lang: "th", Text: "ข้อความ", Chunks: 1, Metadata: map[string]any{"k": "v"}},
		},
		{ // numbers as ids, up to the largest
			layout: "plain", vectors: cosine,
			points: []*qc.PointStruct{
				{Id: qc.NewIDNum(1<<64 - 1), Vectors: dense, Payload: payload(t, map[string]any{"text": "ข้อความ", "title": "t", "lang": "lo", "n": 1})},
				{Id: qc.NewIDNum(7), Vectors: otherDense, Payload: payload(t, map[string]any{"text": "x"})},
			},
			filter: "lang = lo and n = 1", id: "18446744073709551615",
			want: qdrant.Payload{DocID: "18446744073709551615", Lang: "th", Title: "t", Text: "ข้อความ", Chunks: 1,
				Metadata: map[string]any{"title": "t", "lang": "lo", "n": int64(1)}},
		},
		{ // a document of another language's key, a number as the document's id
			layout: "plain", vectors: cosine, change: func(l *qdrant.Layout) { l.Lang, l.DocID, l.Text = "lang", "nr", "body[0].text" },
			points: []*qc.PointStruct{
				{Id: qc.NewIDNum(0), Vectors: dense, Payload: payload(t, map[string]any{"body": []any{map[string]any{"text": "deep"}}, "lang": "lo", "nr": 12})},
				{Id: qc.NewIDNum(7), Vectors: otherDense, Payload: payload(t, map[string]any{"body": "x"})},
			},
			filter: "doc_id = 12", id: "0",
			want: qdrant.Payload{DocID: "12", Lang: "lo", Text: "deep", Chunks: 1, Metadata: map[string]any{"lang": "lo", "nr": int64(12)}},
		},
		{ // Dot, with unit vectors
			layout: "plain", vectors: unnamed(qc.Distance_Dot),
			points: []*qc.PointStruct{
				{Id: qc.NewIDNum(1), Vectors: qc.NewVectorsDense([]float32{0.6, 0.8}), Payload: payload(t, map[string]any{"text": "a"})},
				{Id: qc.NewIDNum(2), Vectors: qc.NewVectorsDense([]float32{-0.6, 0.8}), Payload: payload(t, map[string]any{"text": "b"})},
			},
			filter: "text = a", id: "1",
			want: qdrant.Payload{DocID: "1", Lang: "th", Text: "a", Chunks: 1},
		},
	} {
		layout, err := qdrant.NamedLayout(test.layout)
		if err != nil {
			t.Fatal(err)
		}
		if test.change != nil {
			test.change(&layout)
		}
		name := f.foreign(t, test.vectors, test.points...)
		index := qdrant.ForeignIndex{Store: f.store, Name: name, Schema: qdrant.Schema{Model: "m", Layout: layout}}
		c, err := index.Lookup(t.Context(), f.key)
		if err != nil {
			t.Errorf("%s: %v", test.layout, err)
			continue
		}
		if !c.Foreign || c.Schema.Dimensions != 2 || c.Name != name {
			t.Errorf("%s: opened as %+v", test.layout, c)
		}
		query := qdrant.Search{Vector: vector, Limit: 5, Exact: true, WithVectors: true, WithPayload: true}
		found := f.search(t, c, query)
		if len(found) != 2 || found[0].ID != test.id || found[0].DocID != test.want.DocID || len(found[0].Vector) != 2 {
			t.Errorf("%s: found %+v", test.layout, found)
			continue
		}
		if got := *found[0].Payload; fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", test.want) {
			t.Errorf("%s: payload\n%#v, want\n%#v", test.layout, got, test.want)
		}
		points, err := f.store.Points(t.Context(), c, []string{test.id, found[1].ID})
		if err != nil || len(points) != 2 || fmt.Sprint(points[test.id].Payload) != fmt.Sprint(test.want) || len(points[test.id].Vector) != 2 {
			t.Errorf("%s: points %+v, %v", test.layout, points, err)
		}
		filtered := c
		filtered.Read.Filter = parse(t, test.filter)
		if found := f.search(t, filtered, query); len(found) != 1 || found[0].ID != test.id {
			t.Errorf("%s: %s finds %+v", test.layout, test.filter, found)
		}
		if err := f.store.Upsert(t.Context(), c, []qdrant.Point{point(9, vector)}); !errors.Is(err, qdrant.ErrForeign) {
			t.Errorf("%s: upsert: %v, want ErrForeign", test.layout, err)
		}
		if err := f.store.Delete(t.Context(), c, []string{test.id}); !errors.Is(err, qdrant.ErrForeign) {
			t.Errorf("%s: delete: %v, want ErrForeign", test.layout, err)
		}
	}
}

func testForeignRefused(t *testing.T, f *fixture) {
	long := &qc.PointStruct{Id: qc.NewIDNum(1), Vectors: qc.NewVectorsDense([]float32{3, 4})}
	plain, err := qdrant.NamedLayout("plain")
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*qdrant.Schema)) qdrant.Schema {
		s := qdrant.Schema{Model: "m", Layout: plain}
		change(&s)
		return s
	}
	good := with(func(*qdrant.Schema) {})
	cosine := f.foreign(t, unnamed(qc.Distance_Cosine))
	for _, test := range []struct {
		name   string
		schema qdrant.Schema
		want   string
	}{
		{"no-such-" + f.key.Corpus, good, "doesn't exist"},
		{cosine, with(func(s *qdrant.Schema) { s.Dimensions = 3 }), "has 2, the model gives 3"},
		{cosine, with(func(s *qdrant.Schema) { s.Layout.Vector = "x" }), `no vector "x"`},
		{cosine, with(func(s *qdrant.Schema) { s.Layout.Title = "a b" }), `payload key "a b"`},
		{cosine, with(func(s *qdrant.Schema) { s.Layout = qdrant.Layout{Title: "t"} }), "where the text is"},
		{f.foreign(t, unnamed(qc.Distance_Dot), long), good, "not of unit length"},
		{f.ensure(t, f.key, 2).Name, good, "by its corpus and language"},
	} {
		_, err := f.store.Foreign(t.Context(), f.key, test.name, test.schema)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that says %q", test.name, err, test.want)
		}
	}
}

// An index of ours in the layout of another program is one that it can read.
func testOwnLayout(t *testing.T, f *fixture) {
	layout := qdrant.OwnLayout()
	layout.Text, layout.Vector, layout.Metadata = "page_content", "fast-e5", "meta"
	s := schema(2)
	s.Layout = layout
	f.dropped(t, f.key)
	c, err := f.store.Ensure(t.Context(), f.key, s)
	if err != nil {
		t.Fatal(err)
	}
	p := point(1, []float32{0.6, 0.8})
	p.Payload.Metadata = map[string]any{"year": int64(2020)}
	f.upsert(t, c, []qdrant.Point{p, point(2, []float32{-0.6, 0.8})})
	client := f.raw(t)
	got, err := client.Get(t.Context(), &qc.GetPoints{
		CollectionName: c.Name, Ids: []*qc.PointId{qc.NewID(p.ID)}, WithPayload: qc.NewWithPayload(true), WithVectors: qc.NewWithVectors(true),
	})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	fields := got[0].GetPayload()
	if fields["page_content"].GetStringValue() != p.Payload.Text || fields["meta"].GetStructValue().GetFields()["year"].GetIntegerValue() != 2020 ||
		fields["doc_id"].GetStringValue() != p.Payload.DocID || len(fields) != 8 {
		t.Errorf("stored as %v", fields)
	}
	if v := got[0].GetVectors().GetVectors().GetVectors()["fast-e5"]; v.GetDense() == nil && v.GetData() == nil { //nolint:staticcheck // as older servers answer
		t.Errorf("stored with the vectors %v", got[0].GetVectors())
	}
	points, err := f.store.Points(t.Context(), c, []string{p.ID})
	if err != nil || fmt.Sprint(points[p.ID]) != fmt.Sprint(p) {
		t.Errorf("read as %+v, %v, want %+v", points[p.ID], err, p)
	}
	c.Read.Filter = parse(t, "year = 2020")
	if found := f.search(t, c, qdrant.Search{Vector: p.Vector, Limit: 5}); len(found) != 1 || found[0].ID != p.ID {
		t.Errorf("found %+v", found)
	}
	if _, err := f.store.Ensure(t.Context(), f.key, schema(2)); err == nil || !strings.Contains(err.Error(), `key of the text: index has "page_content", this run has "text"`) {
		t.Errorf("ensured in another layout: %v", err)
	}
	for want, change := range map[string]func(*qdrant.Layout){
		"is that of both":         func(l *qdrant.Layout) { l.Text = "title" },
		"this program's own":      func(l *qdrant.Layout) { l.Text = "chunk" },
		"want one of letters":     func(l *qdrant.Layout) { l.Text = "a.b" },
		"cannot be written":       func(l *qdrant.Layout) { l.TextInJSON = "text" },
		`payload key "" of the t`: func(l *qdrant.Layout) { l.Title = "" },
	} {
		bad := schema(2)
		bad.Layout = qdrant.OwnLayout()
		change(&bad.Layout)
		if _, err := f.store.Ensure(t.Context(), f.key, bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error that says %q", bad.Layout, err, want)
		}
	}
}
