package embedded_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

// TestModel runs random sequences of writes, deletes, reopenings and reads
// against the engine and against a plain map, which must never disagree.
func TestModel(t *testing.T) {
	// Every write is synced to the disk, which takes most of the time.
	checks := "50"
	if testing.Short() {
		checks = "10"
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "store")
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{t: rt, ctx: t, dir: dir, points: map[int]modelPoint{}}
		m.open()
		defer m.close()
		if err := m.client.CreateCollection(t.Context(), &qc.CreateCollection{
			CollectionName: "c",
			VectorsConfig:  qc.NewVectorsConfig(&qc.VectorParams{Size: modelDim, Distance: qc.Distance_Cosine}),
		}); err != nil {
			rt.Fatal(err)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"upsert": m.upsert,
			"delete": m.delete,
			"reopen": func(*rapid.T) { m.close(); m.open() },
			"search": m.search,
			"get":    m.get,
			"scroll": m.scroll,
			"count":  m.count,
		})
	})
}

const modelDim = 3

type modelPoint struct {
	vector []float32 // as stored: unit length
	group  int64
}

type model struct {
	t      *rapid.T
	ctx    *testing.T
	dir    string
	engine *embedded.Engine
	client *qc.Client
	points map[int]modelPoint
}

func (m *model) open() {
	var err error
	if m.engine, err = embedded.Open(m.ctx.Context(), m.dir, embedded.ReadWrite); err != nil {
		m.t.Fatal(err)
	}
	m.client, err = qc.NewClient(&qc.Config{
		PoolSize: 1, SkipCompatibilityCheck: true, GrpcOptions: []grpc.DialOption{grpc.WithContextDialer(m.engine.Dial)},
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) close() {
	if err := m.client.Close(); err != nil {
		m.t.Fatal(err)
	}
	if err := m.engine.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func drawPoint(t *rapid.T) int { return rapid.IntRange(0, 30).Draw(t, "point") }

// drawVector draws from few directions, so that equal scores are common.
func drawVector(t *rapid.T) []float32 {
	v := make([]float32, modelDim)
	for i := range v {
		v[i] = float32(rapid.IntRange(-1, 1).Draw(t, "x"))
	}
	v[0] += 3
	return v
}

// unit is the engine's normalisation, done again.
func unit(v []float32) []float32 {
	square := 0.0
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	out := slices.Clone(v)
	for i := range out {
		out[i] = float32(float64(out[i]) / math.Sqrt(square))
	}
	return out
}

func (m *model) upsert(t *rapid.T) {
	var batch []*qc.PointStruct
	for range rapid.IntRange(1, 12).Draw(t, "points") {
		n, v, group := drawPoint(t), drawVector(t), rapid.Int64Range(0, 2).Draw(t, "group")
		m.points[n] = modelPoint{unit(v), group} // of an id that comes twice the last counts
		batch = append(batch, &qc.PointStruct{
			Id: qc.NewID(pointID(n)), Vectors: qc.NewVectorsDense(v),
			Payload: map[string]*qc.Value{"n": qc.NewValueInt(int64(n)), "group": qc.NewValueInt(group)},
		})
	}
	if err := upsert(m.ctx.Context(), m.client, "c", batch); err != nil {
		t.Fatal(err)
	}
}

func (m *model) delete(t *rapid.T) {
	selector := qc.NewPointsSelectorFilter(&qc.Filter{Must: []*qc.Condition{qc.NewMatchInt("group", 1)}})
	if rapid.Bool().Draw(t, "by id") {
		n := drawPoint(t)
		delete(m.points, n)
		selector = qc.NewPointsSelector(qc.NewID(pointID(n)))
	} else {
		maps.DeleteFunc(m.points, func(_ int, p modelPoint) bool { return p.group == 1 })
	}
	if _, err := m.client.Delete(m.ctx.Context(), &qc.DeletePoints{CollectionName: "c", Points: selector}); err != nil {
		t.Fatal(err)
	}
}

func (m *model) search(t *rapid.T) {
	q := drawVector(t)
	limit := rapid.IntRange(1, 40).Draw(t, "limit")
	req := &qc.QueryPoints{
		CollectionName: "c", Query: qc.NewQueryDense(q), Limit: qc.PtrOf(uint64(limit)),
		WithPayload: qc.NewWithPayload(true), WithVectors: qc.NewWithVectors(true),
	}
	keep := func(modelPoint) bool { return true }
	if rapid.Bool().Draw(t, "filtered") {
		req.Filter = &qc.Filter{MustNot: []*qc.Condition{qc.NewMatchInt("group", 0)}}
		keep = func(p modelPoint) bool { return p.group != 0 }
	}
	hits, err := m.client.Query(m.ctx.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	truth := map[int]float64{}
	for n, p := range m.points {
		if keep(p) {
			for i, x := range unit(q) {
				truth[n] += float64(x) * float64(p.vector[i])
			}
		}
	}
	if len(hits) != min(limit, len(truth)) {
		t.Fatalf("%d hits of %d points at limit %d", len(hits), len(truth), limit)
	}
	const rounding = 1e-6
	for i, hit := range hits {
		n, score := int(hit.GetPayload()["n"].GetIntegerValue()), float64(hit.GetScore())
		want, kept := truth[n]
		if !kept || hit.GetId().GetUuid() != pointID(n) || math.Abs(score-want) > rounding {
			t.Fatalf("rank %d is point %d with %v, want it with %v (kept: %t)", i, n, score, want, kept)
		}
		delete(truth, n) // what is left was not found
		if got := hit.GetVectors().GetVector().GetDense().GetData(); !slices.Equal(got, m.points[n].vector) {
			t.Fatalf("point %d has vector %v, want %v", n, got, m.points[n].vector)
		}
		if i > 0 && cmp.Or(cmp.Compare(hits[i-1].GetScore(), hit.GetScore()), -cmp.Compare(hits[i-1].GetId().GetUuid(), hit.GetId().GetUuid())) <= 0 {
			t.Fatalf("ranks %d and %d are out of order: %v before %v", i-1, i, hits[i-1], hit)
		}
	}
	for n, score := range truth {
		last := hits[len(hits)-1]
		if score > float64(last.GetScore())+rounding ||
			slices.Equal(m.points[n].vector, last.GetVectors().GetVector().GetDense().GetData()) && pointID(n) < last.GetId().GetUuid() {
			t.Fatalf("point %d with %v was left out for %v", n, score, last)
		}
	}
}

func (m *model) get(t *rapid.T) {
	n := drawPoint(t)
	got, err := m.client.Get(m.ctx.Context(), &qc.GetPoints{
		CollectionName: "c", Ids: []*qc.PointId{qc.NewID(pointID(n)), qc.NewID(pointID(n))}, WithPayload: qc.NewWithPayload(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, there := m.points[n]
	if there != (len(got) == 1) {
		t.Fatalf("point %d: got %d, want it there: %t", n, len(got), there)
	}
	if there && got[0].GetPayload()["group"].GetIntegerValue() != p.group {
		t.Fatalf("point %d has payload %v, want group %d", n, got[0].GetPayload(), p.group)
	}
}

func (m *model) scroll(t *rapid.T) {
	var got []string
	req := &qc.ScrollPoints{CollectionName: "c", Limit: qc.PtrOf(uint32(rapid.IntRange(1, 10).Draw(t, "page")))}
	for {
		points, next, err := m.client.ScrollAndOffset(m.ctx.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			got = append(got, p.GetId().GetUuid())
		}
		if next == nil {
			break
		}
		req.Offset = next
	}
	want := make([]string, 0, len(m.points))
	for n := range m.points {
		want = append(want, pointID(n))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("scrolled over %v, want %v", got, want)
	}
}

func (m *model) count(t *rapid.T) {
	got, err := m.client.Count(m.ctx.Context(), &qc.CountPoints{CollectionName: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if got != uint64(len(m.points)) {
		t.Fatalf("counted %d, want %d", got, len(m.points))
	}
}

// Once most rows are dead the files are rewritten; what a reader finds stays
// the same, and the disk is given back.
func TestCompaction(t *testing.T) {
	const n, dim, rounds = 1500, 8, 8
	dir := t.TempDir()
	client := open(t, dir, embedded.ReadWrite)
	create(t, client, "c", dim, qc.Distance_Cosine)
	for range rounds { // the same points again and again
		fill(t, client, "c", n, dim)
	}
	size := int64(0)
	err := fsWalk(dir, func(name string, bytes int64) {
		if len(name) > 8 && name[len(name)-8:] == ".vectors" {
			size += bytes
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(rounds * n * dim * 4); size >= most {
		t.Errorf("%d bytes of vectors: nothing was given back of %d", size, most)
	}
	for i := range n {
		got, err := client.Get(t.Context(), &qc.GetPoints{
			CollectionName: "c", Ids: []*qc.PointId{qc.NewID(pointID(i))}, WithPayload: qc.NewWithPayload(true),
		})
		if err != nil || len(got) != 1 || got[0].GetPayload()["n"].GetIntegerValue() != int64(i) {
			t.Fatalf("point %d after compaction: %v, %v", i, got, err)
		}
	}
	count, err := client.Count(t.Context(), &qc.CountPoints{CollectionName: "c"})
	if err != nil || count != n {
		t.Fatalf("counted %d, %v, want %d", count, err, n)
	}
}

func fsWalk(dir string, visit func(name string, bytes int64)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := dir + "/" + entry.Name()
		if entry.IsDir() {
			if err := fsWalk(path, visit); err != nil {
				return err
			}
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		visit(path, info.Size())
	}
	return nil
}

// What the engine does not serve it refuses by name: a wrong answer would look
// like a right one.
func TestRefuses(t *testing.T) {
	client := open(t, t.TempDir(), embedded.ReadWrite)
	create(t, client, "c", 2, qc.Distance_Cosine)
	ctx := t.Context()
	dense := qc.NewQueryDense([]float32{1, 0})
	query := func(change func(*qc.QueryPoints)) error {
		q := &qc.QueryPoints{CollectionName: "c", Query: dense}
		change(q)
		_, err := client.Query(ctx, q)
		return err
	}
	collection := func(name string, change func(*qc.CreateCollection)) error {
		c := &qc.CreateCollection{CollectionName: name, VectorsConfig: qc.NewVectorsConfig(&qc.VectorParams{Size: 2, Distance: qc.Distance_Cosine})}
		change(c)
		return client.CreateCollection(ctx, c)
	}
	point := func(id *qc.PointId, v ...float32) error {
		return upsert(ctx, client, "c", []*qc.PointStruct{{Id: id, Vectors: qc.NewVectorsDense(v)}})
	}
	for name, c := range map[string]struct {
		err  error
		want codes.Code
	}{
		"prefetch":          {query(func(q *qc.QueryPoints) { q.Prefetch = []*qc.PrefetchQuery{{Query: dense}} }), codes.Unimplemented},
		"fusion":            {query(func(q *qc.QueryPoints) { q.Query = qc.NewQueryFusion(qc.Fusion_RRF) }), codes.Unimplemented},
		"named vector":      {query(func(q *qc.QueryPoints) { q.Using = qc.PtrOf("text") }), codes.InvalidArgument},
		"limit 0":           {query(func(q *qc.QueryPoints) { q.Limit = qc.PtrOf(uint64(0)) }), codes.InvalidArgument},
		"query width":       {query(func(q *qc.QueryPoints) { q.Query = qc.NewQueryDense([]float32{1}) }), codes.InvalidArgument},
		"no collection":     {query(func(q *qc.QueryPoints) { q.CollectionName = "other" }), codes.NotFound},
		"geo filter":        {point(qc.NewID(pointID(1)), 1, 0), codes.OK},
		"point width":       {point(qc.NewID(pointID(1)), 1), codes.InvalidArgument},
		"not a number":      {point(qc.NewID(pointID(1)), 1, float32(math.NaN())), codes.InvalidArgument},
		"no id":             {point(nil, 1, 0), codes.InvalidArgument},
		"broken UUID":       {point(qc.NewID("zzz"), 1, 0), codes.InvalidArgument},
		"number as id":      {point(qc.NewIDNum(7), 1, 0), codes.OK},
		"name taken":        {collection("c", func(*qc.CreateCollection) {}), codes.AlreadyExists},
		"name with a slash": {collection("../c", func(*qc.CreateCollection) {}), codes.InvalidArgument},
		"two vectors": {collection("d", func(c *qc.CreateCollection) {
			c.VectorsConfig = qc.NewVectorsConfigMap(map[string]*qc.VectorParams{
				"v": {Size: 2, Distance: qc.Distance_Cosine}, "w": {Size: 2, Distance: qc.Distance_Cosine},
			})
		}), codes.Unimplemented},
		"euclid": {collection("d", func(c *qc.CreateCollection) {
			c.VectorsConfig = qc.NewVectorsConfig(&qc.VectorParams{Size: 2, Distance: qc.Distance_Euclid})
		}), codes.Unimplemented},
		"float16": {collection("d", func(c *qc.CreateCollection) {
			c.VectorsConfig.GetParams().Datatype = qc.PtrOf(qc.Datatype_Float16)
		}), codes.Unimplemented},
		"alias named as a collection": {client.CreateAlias(ctx, "c", "c"), codes.InvalidArgument},
		"alias of nothing":            {client.CreateAlias(ctx, "a", "nothing"), codes.NotFound},
	} {
		if got := status.Code(c.err); got != c.want {
			t.Errorf("%s: %v (%v), want %v", name, got, c.err, c.want)
		}
	}
	_, err := client.Query(ctx, &qc.QueryPoints{CollectionName: "c", Query: dense, Filter: &qc.Filter{Must: []*qc.Condition{
		qc.NewGeoRadius("place", 1, 2, 3),
	}}})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("geo filter: %v, want Unimplemented", err)
	}
}

// Whatever a query asks for beyond what is there, it gets what is there.
func TestLimitsBeyondTheCollection(t *testing.T) {
	client := open(t, t.TempDir(), embedded.ReadWrite)
	create(t, client, "c", 2, qc.Distance_Cosine)
	fill(t, client, "c", 5, 2)
	for _, c := range []struct {
		limit, offset uint64
		want          int
	}{
		{math.MaxUint64, 0, 5},
		{math.MaxUint64, 2, 3},
		{2, 4, 1},
		{2, 5, 0},
		{2, math.MaxUint64, 0},
		{math.MaxUint64, math.MaxUint64, 0},
	} {
		hits, err := client.Query(t.Context(), &qc.QueryPoints{
			CollectionName: "c", Query: qc.NewQueryDense([]float32{1, 0}), Limit: &c.limit, Offset: &c.offset,
		})
		if err != nil || len(hits) != c.want {
			t.Errorf("limit %d, offset %d: %d hits, %v, want %d", c.limit, c.offset, len(hits), err, c.want)
		}
	}
}

// A batch with one bad point stores none of the others.
func TestUpsertIsAtomic(t *testing.T) {
	client := open(t, t.TempDir(), embedded.ReadWrite)
	create(t, client, "c", 2, qc.Distance_Cosine)
	err := upsert(t.Context(), client, "c", []*qc.PointStruct{
		{Id: qc.NewID(pointID(1)), Vectors: qc.NewVectorsDense([]float32{1, 0})},
		{Id: qc.NewID(pointID(2)), Vectors: qc.NewVectorsDense([]float32{1, 0, 0})},
	})
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("got %v, want InvalidArgument", err)
	}
	if n, err := client.Count(t.Context(), &qc.CountPoints{CollectionName: "c"}); err != nil || n != 0 {
		t.Fatalf("%d points are stored (%v), want none", n, err)
	}
}

// Dot collections keep vectors as they are.
func TestDotDistance(t *testing.T) {
	client := open(t, t.TempDir(), embedded.ReadWrite)
	create(t, client, "c", 2, qc.Distance_Dot)
	if err := upsert(t.Context(), client, "c", []*qc.PointStruct{
		{Id: qc.NewIDNum(1), Vectors: qc.NewVectorsDense([]float32{3, 4})},
		{Id: qc.NewIDNum(2), Vectors: qc.NewVectorsDense([]float32{1, 0})},
	}); err != nil {
		t.Fatal(err)
	}
	hits, err := client.Query(t.Context(), &qc.QueryPoints{CollectionName: "c", Query: qc.NewQueryDense([]float32{2, 1})})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, hit := range hits {
		fmt.Fprintf(&got, "%d:%v ", hit.GetId().GetNum(), hit.GetScore())
	}
	if want := "1:10 2:2 "; got.String() != want {
		t.Errorf("got %s, want %s", &got, want)
	}
}

// An alias moves from one collection to the next in one step.
func TestAliases(t *testing.T) {
	client := open(t, t.TempDir(), embedded.ReadWrite)
	ctx := t.Context()
	for i, name := range []string{"v1", "v2"} {
		create(t, client, name, 2, qc.Distance_Cosine)
		fill(t, client, name, i+1, 2)
	}
	count := func(name string) uint64 {
		n, err := client.Count(ctx, &qc.CountPoints{CollectionName: name})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := client.CreateAlias(ctx, "live", "v1"); err != nil {
		t.Fatal(err)
	}
	if got := count("live"); got != 1 {
		t.Errorf("live has %d points, want v1's 1", got)
	}
	if err := client.UpdateAliases(ctx, []*qc.AliasOperations{qc.NewAliasDelete("live"), qc.NewAliasCreate("live", "v2")}); err != nil {
		t.Fatal(err)
	}
	if got := count("live"); got != 2 {
		t.Errorf("live has %d points, want v2's 2", got)
	}
	// All or nothing: the second change fails, so the first is not made.
	err := client.UpdateAliases(ctx, []*qc.AliasOperations{qc.NewAliasDelete("live"), qc.NewAliasCreate("live", "v3")})
	if status.Code(err) != codes.NotFound {
		t.Errorf("alias to nothing: %v, want NotFound", err)
	}
	if got := count("live"); got != 2 {
		t.Errorf("live has %d points after a failed change, want 2", got)
	}
	if err := client.RenameAlias(ctx, "live", "now"); err != nil {
		t.Fatal(err)
	}
	if err := client.DeleteCollection(ctx, "v2"); err != nil {
		t.Fatal(err)
	}
	aliases, err := client.ListAliases(ctx)
	if err != nil || len(aliases) != 0 {
		t.Errorf("aliases %v, %v after their collection is gone, want none", aliases, err)
	}
	if exists, err := client.CollectionExists(ctx, "now"); err != nil || exists {
		t.Errorf("now exists: %t, %v", exists, err)
	}
}
