package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/filter"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// matching returns the numbers of the points that a filter keeps, by a search
// and, which must agree, by a count.
func (f *fixture) matching(t testing.TB, c qdrant.Collection, e filter.Expr, all int) []int {
	t.Helper()
	c.Read.Filter = e
	query := make([]float32, c.Schema.Dimensions)
	query[0] = 1
	found, err := f.store.Search(t.Context(), c, qdrant.Search{Vector: query, Limit: all, Exact: true, Bare: true})
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	count, err := f.store.Count(t.Context(), c)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	if count != uint64(len(found)) {
		t.Errorf("%s: %d counted, %d found", e, count, len(found))
	}
	kept := []int{}
	for i := range all {
		if slices.ContainsFunc(found, func(candidate qdrant.Candidate) bool { return candidate.ID == id(i) }) {
			kept = append(kept, i)
		}
	}
	if len(kept) != len(found) {
		t.Errorf("%s: %d points found, %d known", e, len(found), len(kept))
	}
	return kept
}

func parse(t testing.TB, text string) filter.Expr {
	t.Helper()
	e, err := filter.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func testFilters(t *testing.T, f *fixture) {
	c := f.ensure(t, f.key, 2)
	documents := []map[string]any{
		0: {"year": int64(2019), "source": "wiki", "tags": []any{"a", "b"}, "day": "2019-05-01"},
		1: {"year": int64(2020), "source": "news", "tags": []any{}, "day": "2020-02-29T12:30:00Z", "ok": true},
		2: {"year": 2020.5, "source": "Wiki", "tags": "a", "day": "2020-02-29 13:30:00+01:00", "ok": false},
		3: {"year": "2020", "source": []any{"wiki", int64(7)}, "tags": []any{nil}, "day": "soon"},
		4: {"year": nil, "a": map[string]any{"b": int64(1), "c d": "x"}, "rows": []any{map[string]any{"n": int64(1)}, map[string]any{"n": int64(2)}}},
		5: {"year": []any{int64(1999), int64(2030)}, "a": map[string]any{"b": 1.0}, "a.b": int64(9), "big": int64(1<<53 + 1)},
		6: {"title": "inner", "metadata": map[string]any{"year": int64(5)}, "big": int64(1 << 53), "nested": []any{[]any{"deep"}}},
		7: nil,
	}
	var points []qdrant.Point
	for i, metadata := range documents {
		p := point(i, []float32{1, float32(i)})
		p.Payload.Metadata = metadata
		points = append(points, p)
	}
	points[7].Payload.Lang, points[7].Payload.Chunk, points[7].Payload.Title = "lo", 3, "other"
	f.upsert(t, c, points)
	for _, test := range []struct {
		filter string
		want   []int
	}{
		// Numbers, by value.
		{"year = 2020", []int{1}},
		{"year = 2020.5", []int{2}},
		{"year >= 2020", []int{1, 2, 5}},
		{"year > 2020", []int{2, 5}},
		{"year < 2020", []int{0, 5}},
		{"year <= 2020", []int{0, 1, 5}},
		{"year > 2000 and year < 2010", []int{5}}, // one element each
		{"a.b = 1", []int{4, 5}},
		{"a.b in (1, x)", []int{4, 5}},
		{"big = 9007199254740993", []int{5}},
		{"big = 9007199254740992", []int{6}},
		// Texts, in full.
		{"source = wiki", []int{0, 3}},
		{"source in (wiki, news)", []int{0, 1, 3}},
		{"source in (news, 7)", []int{1, 3}},
		{"source = ''", nil},
		{"year = '2020'", []int{3}},
		{"tags = a", []int{0, 2}},
		// What is missing, null or of another kind holds for no test, and so for
		// its negation.
		{"year != 2020", []int{0, 2, 3, 4, 5, 6, 7}},
		{"not year >= 2020", []int{0, 3, 4, 6, 7}},
		{"source not in (wiki, news)", []int{2, 4, 5, 6, 7}},
		{"exists(year)", []int{0, 1, 2, 3, 5}},
		{"not exists(tags)", []int{1, 4, 5, 6, 7}}, // an empty list is none, a list of null is one
		{"exists(a)", []int{4, 5}},
		{"exists(a.b)", []int{4, 5}},
		{"exists(nothing.at.all)", nil},
		{"not exists(nothing)", []int{0, 1, 2, 3, 4, 5, 6, 7}},
		// Bools.
		{"ok = true", []int{1}},
		{"ok = false", []int{2}},
		{"ok in (true, false)", []int{1, 2}},
		// Times.
		{"day = 2019-05-01", []int{0}},
		{"day = 2020-02-29T12:30:00Z", []int{1, 2}},
		{"day > 2019-05-01T00:00:00+01:00", []int{0, 1, 2}},
		{"day >= 2019-05-01 and day < 2020-01-01", []int{0}},
		{"day <= '2020-02-29 12:29:59.999999'", []int{0}},
		{"day in (2019-05-01, soon)", []int{0, 3}},
		// Paths.
		{`a."c d" = x`, []int{4}},
		{`"a.b" = 9`, []int{5}},
		{"rows.n = 1", nil},
		{"rows[].n = 2", []int{4}},
		{"rows[0].n = 2", nil},
		{"rows[1].n = 2", []int{4}},
		{"source[1] = 7", []int{3}},
		{"tags[] = b", []int{0}},
		{"nested = deep", nil}, // a list in a list is not looked into
		{"nested[] = deep", []int{6}},
		// The passage's own fields go before the document's.
		{"doc_id = doc-3", []int{3}},
		{"doc_id in (doc-1, doc-6)", []int{1, 6}},
		{"lang = lo", []int{7}},
		{"lang != th", []int{7}},
		{"title = other", []int{7}},
		{"metadata.title = inner", []int{6}},
		{"metadata.metadata.year = 5", []int{6}},
		{"metadata.year = 2019", []int{0}},
		{"chunk > 0", []int{7}},
		{"chunks = 1", []int{0, 1, 2, 3, 4, 5, 6, 7}},
		// Nesting.
		{"year = 2019 or year = 2020", []int{0, 1}},
		{"(source = wiki or source = news) and year < 2020", []int{0}},
		{"source = wiki or source = news and year < 2020", []int{0, 3}},
		{"not (source = wiki or exists(ok))", []int{4, 5, 6, 7}},
		{"not not source = news", []int{1}},
		{"not (year >= 2020 and not ok = true)", []int{0, 1, 3, 4, 6, 7}},
	} {
		if got := f.matching(t, c, parse(t, test.filter), len(documents)); !slices.Equal(got, test.want) {
			t.Errorf("%s keeps %v, want %v", test.filter, got, test.want)
		}
	}
}

// testRandomFilters compares what the store keeps with what a plain reading of
// the documents keeps.
func testRandomFilters(t *testing.T, f *fixture) {
	const n = 80
	c := f.ensure(t, f.key, 2)
	random := rand.New(rand.NewPCG(11, 12))
	points := make([]qdrant.Point, n)
	for i := range points {
		points[i] = point(i, []float32{1, float32(i)})
		points[i].Payload.Metadata = randomObject(random, 2)
	}
	f.upsert(t, c, points)
	rapid.Check(t, func(rt *rapid.T) {
		e := drawFilter(rt, 3)
		want := []int{}
		for i, p := range points {
			if holds(e, p.Payload.Metadata) {
				want = append(want, i)
			}
		}
		if got := f.matching(t, c, e, n); !slices.Equal(got, want) {
			rt.Fatalf("%s keeps %v, want %v", e, got, want)
		}
	})
}

var (
	filterKeys   = []string{"a", "b", "c d", "κ"}
	filterValues = []any{
		int64(0), int64(1), int64(-3), 1.0, 0.5, true, false, "", "x", "1", "2024-01-01", "2024-01-01T10:00:00+02:00",
		int64(1<<53 + 1), int64(1 << 53),
	}
)

func randomObject(random *rand.Rand, depth int) map[string]any {
	object := map[string]any{}
	for _, key := range filterKeys {
		if random.IntN(4) > 0 {
			object[key] = randomValue(random, depth)
		}
	}
	return object
}

func randomValue(random *rand.Rand, depth int) any {
	switch kind := random.IntN(8); {
	case kind == 0:
		return nil
	case kind == 1 && depth > 0:
		return randomObject(random, depth-1)
	case kind <= 3 && depth > 0:
		list := make([]any, random.IntN(4))
		for i := range list {
			list[i] = randomValue(random, depth-1)
		}
		return list
	default:
		return filterValues[random.IntN(len(filterValues))]
	}
}

func drawFilter(t *rapid.T, depth int) filter.Expr {
	kinds := 3
	if depth > 0 {
		kinds = 6
	}
	parts := func() []filter.Expr {
		out := make([]filter.Expr, rapid.IntRange(2, 3).Draw(t, "parts"))
		for i := range out {
			out[i] = drawFilter(t, depth-1)
		}
		return out
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return &filter.Exists{Path: drawPath(t)}
	case 1:
		values := make([]filter.Value, rapid.IntRange(1, 20).Draw(t, "values"))
		for i := range values {
			values[i] = drawFilterValue(t)
		}
		return &filter.In{Path: drawPath(t), Values: values}
	case 2:
		v, op := drawFilterValue(t), filter.Equal
		switch v.(type) {
		case int64, float64, time.Time:
			op = rapid.SampledFrom([]filter.Op{filter.Equal, filter.Less, filter.LessOrEqual, filter.Greater, filter.GreaterOrEqual}).Draw(t, "op")
		}
		return &filter.Compare{Path: drawPath(t), Op: op, Value: v}
	case 3:
		return &filter.Not{Of: drawFilter(t, depth-1)}
	case 4:
		return &filter.And{Of: parts()}
	default:
		return &filter.Or{Of: parts()}
	}
}

func drawPath(t *rapid.T) filter.Path {
	p := filter.Path{filter.Key(rapid.SampledFrom(filterKeys).Draw(t, "key"))}
	for rapid.IntRange(0, 2).Draw(t, "more") == 0 {
		if rapid.Bool().Draw(t, "element") {
			p = append(p, filter.Element(rapid.IntRange(-1, 1).Draw(t, "index")))
		} else {
			p = append(p, filter.Key(rapid.SampledFrom(filterKeys).Draw(t, "key")))
		}
	}
	return p
}

func drawFilterValue(t *rapid.T) filter.Value {
	v := rapid.SampledFrom(filterValues).Draw(t, "value")
	if text, ok := v.(string); ok && rapid.Bool().Draw(t, "time") {
		if at, ok := filter.ParseTime(text); ok {
			return at
		}
	}
	return v
}

// holds is the plain reading of docs/filters.md.
func holds(e filter.Expr, document map[string]any) bool {
	switch e := e.(type) {
	case *filter.And:
		return !slices.ContainsFunc(e.Of, func(part filter.Expr) bool { return !holds(part, document) })
	case *filter.Or:
		return slices.ContainsFunc(e.Of, func(part filter.Expr) bool { return holds(part, document) })
	case *filter.Not:
		return !holds(e.Of, document)
	case *filter.Exists:
		return slices.ContainsFunc(at(document, e.Path), func(v any) bool {
			list, isList := v.([]any)
			return v != nil && (!isList || len(list) > 0)
		})
	case *filter.In:
		return slices.ContainsFunc(e.Values, func(v filter.Value) bool {
			return holds(&filter.Compare{Path: e.Path, Op: filter.Equal, Value: v}, document)
		})
	case *filter.Compare:
		for _, v := range at(document, e.Path) {
			elements, isList := v.([]any)
			if !isList {
				elements = []any{v}
			}
			if slices.ContainsFunc(elements, func(v any) bool { return compares(v, e.Op, e.Value) }) {
				return true
			}
		}
	}
	return false
}

// at returns what stands at a path.
func at(v any, p filter.Path) []any {
	if len(p) == 0 {
		return []any{v}
	}
	if p[0].Element == nil {
		object, _ := v.(map[string]any)
		if inner, there := object[p[0].Key]; there {
			return at(inner, p[1:])
		}
		return nil
	}
	var found []any
	list, _ := v.([]any)
	for i, element := range list {
		if *p[0].Element < 0 || *p[0].Element == i {
			found = append(found, at(element, p[1:])...)
		}
	}
	return found
}

func compares(v any, op filter.Op, want filter.Value) bool {
	var order int
	switch want := want.(type) {
	case string, bool:
		return v == want
	case time.Time:
		text, _ := v.(string)
		at, ok := filter.ParseTime(text)
		if !ok {
			return false
		}
		order = at.Compare(want)
	case int64, float64:
		if whole, ok := want.(int64); ok && op == filter.Equal && (whole >= 1<<53 || whole <= -(1<<53)) {
			return v == want
		}
		x, y := number(v), number(want)
		if x == nil {
			return false
		}
		switch {
		case *x < *y:
			order = -1
		case *x > *y:
			order = 1
		}
	}
	return strings.Contains(string(op), map[int]string{-1: "<", 0: "=", 1: ">"}[order])
}

func number(v any) *float64 {
	switch v := v.(type) {
	case int64:
		x := float64(v)
		return &x
	case float64:
		return &v
	}
	return nil
}

// Batches, ids and vectors come from the part that the filter keeps.
func testFilteredReads(t *testing.T, f *fixture) {
	const n, dimensions = 200, 16
	c := f.ensure(t, f.key, dimensions)
	points := randomPoints(n, dimensions)
	var kept []qdrant.Point
	for i := range points {
		points[i].Payload.Metadata = map[string]any{"part": int64(i % 3), "name": fmt.Sprint("n", i)}
		if i%3 == 1 {
			kept = append(kept, points[i])
		}
	}
	f.upsert(t, c, points)
	c.Read.Filter = parse(t, "part = 1")
	query := points[0].Vector
	for _, exact := range []bool{true, false} {
		checkRanking(t, kept, query, n, f.search(t, c, qdrant.Search{Vector: query, Limit: n, Exact: exact}))
		lists, err := f.store.SearchBatch(t.Context(), c, []qdrant.Search{
			{Vector: query, Limit: 5, Exact: exact}, {Vector: points[1].Vector, Limit: n, Exact: exact, WithVectors: true, WithPayload: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		checkRanking(t, kept, query, 5, lists[0])
		checkRanking(t, kept, points[1].Vector, n, lists[1])
		if len(lists[1]) > 0 && (lists[1][0].Payload == nil || len(lists[1][0].Vector) != dimensions) {
			t.Error("a filtered search lost vector or payload")
		}
	}
	if got := f.matching(t, c, parse(t, "part = 7"), n); len(got) != 0 {
		t.Errorf("a filter that nothing fulfils keeps %v", got)
	}
	c.Read.Consistency = "many"
	if _, err := f.store.Search(t.Context(), c, qdrant.Search{Vector: query, Limit: 1}); err == nil || !strings.Contains(err.Error(), "read consistency") {
		t.Errorf("an unknown consistency: %v", err)
	}
	for _, consistency := range []qdrant.Consistency{"1", qdrant.ConsistencyMajority, qdrant.ConsistencyQuorum, qdrant.ConsistencyAll} {
		c.Read.Consistency, c.Read.Timeout, c.Read.EF = consistency, 7*time.Second, 64
		checkRanking(t, kept, query, 5, f.search(t, c, qdrant.Search{Vector: query, Limit: 5}))
		if got, err := f.store.Points(t.Context(), c, []string{kept[0].ID}); err != nil || len(got) != 1 {
			t.Errorf("points with consistency %s: %d, %v", consistency, len(got), err)
		}
	}
}
