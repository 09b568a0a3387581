package embedded_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// operation is a line of the script that the engine and its oracles all answer.
// Only the fields of its kind are set.
type operation struct {
	kind      string // create, upsert, delete, query, scroll, count or get
	size      int
	distance  qc.Distance
	points    []*qc.PointStruct
	ids       []*qc.PointId
	filter    *qc.Filter
	vector    []float32
	limit     uint64
	offset    uint64      // of a query
	from      *qc.PointId // of a scroll
	threshold *float32
	exact     bool
	payload   *qc.WithPayloadSelector
	vectors   bool
}

func (o operation) asks() bool {
	return slices.Contains([]string{"query", "scroll", "count", "get"}, o.kind)
}

// script draws operations until so many of them ask something, the same ones for
// the same seed. Every collection is small, holds ids of both kinds, vectors that
// tie and payloads of every shape, and is asked, changed and asked again.
func script(seed uint64, asks int) []operation {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
	for count := 0; count < asks; {
		w.collection()
		for range 3 + w.IntN(3) {
			w.change()
			for range 40 {
				w.ask()
				count++
			}
		}
	}
	return w.script
}

type writer struct {
	*rand.Rand
	script []operation
	size   int
	dot    bool
	unit   [][]float32 // vectors to draw from again, so that scores tie
	ids    []*qc.PointId
}

func (w *writer) collection() {
	w.size = pick(w, 1, 2, 3, 8, 16, 33, 100)
	w.unit, w.ids = nil, nil
	distance := qc.Distance_Cosine
	if w.dot = w.IntN(4) == 0; w.dot {
		distance = qc.Distance_Dot
	}
	w.script = append(w.script, operation{kind: "create", size: w.size, distance: distance})
}

func (w *writer) change() {
	points := make([]*qc.PointStruct, 20+w.IntN(80))
	for i := range points {
		points[i] = &qc.PointStruct{Id: w.newID(), Vectors: qc.NewVectorsDense(w.vector()), Payload: w.payload()}
		w.ids = append(w.ids, points[i].GetId())
	}
	w.script = append(w.script, operation{kind: "upsert", points: points})
	if w.IntN(2) == 0 {
		w.script = append(w.script, operation{kind: "delete", ids: []*qc.PointId{w.id(), w.id(), w.newID()}})
	}
	if w.IntN(3) == 0 {
		which := w.condition(0)
		for which.GetField().GetMatch() != nil { // of which an oracle misreads some
			which = w.condition(0)
		}
		w.script = append(w.script, operation{kind: "delete", filter: &qc.Filter{Must: []*qc.Condition{
			which, qc.NewHasID(w.id(), w.id(), w.id(), w.id()),
		}}})
	}
}

func (w *writer) ask() {
	o := operation{
		kind:    pick(w, "query", "query", "query", "query", "query", "scroll", "count", "get"),
		limit:   pick[uint64](w, 1, 2, 5, 10, 50, 1000),
		exact:   w.IntN(2) == 0,
		vectors: w.IntN(4) == 0,
		payload: w.selector(),
	}
	if w.IntN(4) > 0 {
		o.filter = w.filter(2)
	}
	switch o.kind {
	case "query":
		o.vector = w.vector()
		if w.IntN(3) == 0 {
			o.offset = uint64(w.IntN(20))
		}
		if w.IntN(5) == 0 {
			threshold := float32(w.Float64()*2 - 1)
			o.threshold = &threshold
		}
	case "scroll":
		if w.IntN(2) == 0 {
			o.from = pick(w, w.id(), w.newID())
		}
	case "get":
		for range w.IntN(6) {
			o.ids = append(o.ids, pick(w, w.id(), w.newID()))
		}
	}
	w.script = append(w.script, o)
}

func pick[T any](w *writer, from ...T) T { return from[w.IntN(len(from))] }

// newID draws from few ids, so that points are overwritten, and from the ends
// of both kinds' ranges.
func (w *writer) newID() *qc.PointId {
	switch w.IntN(8) {
	case 0:
		return qc.NewIDNum(pick[uint64](w, 0, 1, math.MaxInt64, math.MaxInt64+1, math.MaxUint64))
	case 1:
		return qc.NewID(pick(w, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"))
	case 2, 3, 4:
		return qc.NewIDNum(w.Uint64N(200))
	default:
		return qc.NewID(fmt.Sprintf("%08x-0000-5000-8000-%012x", w.Uint32N(4)<<30, w.IntN(60)))
	}
}

func (w *writer) id() *qc.PointId {
	if len(w.ids) == 0 {
		return w.newID()
	}
	return pick(w, w.ids...)
}

// Qdrant takes a vector that is shorter than the square root of float32's epsilon
// for one of no length. TestWantedDifferences holds the difference.
const shortest = 4e-4

// vector draws a direction: any, one on a grid, or one drawn before; scaled to
// unit length, nearly so, not at all, or so that single precision is strained.
func (w *writer) vector() []float32 {
	v := make([]float32, w.size)
	switch kind := w.IntN(6); {
	case kind == 0 && len(w.unit) > 0:
		return slices.Clone(pick(w, w.unit...))
	case kind <= 2:
		for i := range v {
			v[i] = float32(w.IntN(3) - 1)
		}
	default:
		for i := range v {
			v[i] = float32(w.NormFloat64())
		}
	}
	switch w.IntN(6) {
	case 0, 1:
		v = vector.Normalize(v)
	case 2: // its squared length is off 1 by less or by more than the rule allows
		off := pick(w, 1-8e-7, 1-2e-7, 1+2e-7, 1+4e-7, 1+3e-6, 1-3e-6)
		for i, x := range vector.Normalize(v) {
			v[i] = float32(float64(x) * off)
		}
	case 3:
		scale := pick[float32](w, 1e-2, 1e3, 1e9)
		if w.dot { // where the rounding of the longest would hide all others
			scale = pick[float32](w, 1e-2, 10)
		}
		for i := range v {
			v[i] *= scale
		}
	}
	if square := vector.Dot64(v, v); square > 0 && square < shortest*shortest {
		return w.vector()
	}
	w.unit = append(w.unit, v)
	return slices.Clone(v)
}

var words = []string{"th", "el", "ar", "", "ไทย", "Ελλάδα", "a b"}

// times are in the forms that Qdrant reads, and in some that it does not.
var times = []string{
	"2024-02-29", "2024-02-29T12:30:00Z", "2024-02-29T12:30:00.123456Z", "2024-02-29T14:30:00+02:00", "2024-02-29 12:30:00",
	"2024-02-29T12:30:00", "2023-12-31T23:59:59-08:00", "2024-02-30", "2024", "12:30", "1969-07-20T20:17:40Z",
}

// payload draws fields that are there or not, of the type one expects or not.
func (w *writer) payload() map[string]*qc.Value {
	out := map[string]*qc.Value{}
	for _, key := range []string{"lang", "year", "tags", "ok", "metadata", "dot.ted", "published"} {
		if w.IntN(5) > 0 {
			out[key] = w.field(key)
		}
	}
	return out
}

func (w *writer) field(key string) *qc.Value {
	if w.IntN(6) == 0 {
		return w.value(2)
	}
	switch key {
	case "lang", "dot.ted", "name":
		return qc.NewValueString(pick(w, words...))
	case "year", "n":
		return qc.NewValueInt(int64(w.IntN(8)))
	case "tags":
		list := make([]*qc.Value, w.IntN(4))
		for i := range list {
			list[i] = pick(w, qc.NewValueString(pick(w, words...)), qc.NewValueInt(int64(w.IntN(8))))
		}
		return listValue(list...)
	case "ok":
		return qc.NewValueBool(w.IntN(2) == 0)
	case "published":
		return qc.NewValueString(pick(w, times...))
	case "author":
		return structValue(map[string]*qc.Value{"name": w.field("name"), "year": w.field("year")})
	case "metadata":
		fields := map[string]*qc.Value{}
		for _, key := range []string{"year", "author", "parts"} {
			if w.IntN(4) > 0 {
				fields[key] = w.field(key)
			}
		}
		return structValue(fields)
	default: // parts
		list := make([]*qc.Value, w.IntN(4))
		for i := range list {
			list[i] = structValue(map[string]*qc.Value{"n": w.field("n"), "tags": w.field("tags")})
		}
		return listValue(list...)
	}
}

// value draws any value of that depth at most.
func (w *writer) value(depth int) *qc.Value {
	kind := w.IntN(8)
	if depth == 0 {
		kind = w.IntN(6)
	}
	switch kind {
	case 0:
		return qc.NewValueNull()
	case 1:
		return qc.NewValueString(pick(w, words...))
	case 2:
		return qc.NewValueInt(pick[int64](w, 0, 1, -3, 7, 1<<53+1, math.MaxInt64, math.MinInt64))
	case 3:
		return qc.NewValueDouble(pick(w, 0, 2, 2.5, -7.25, 1e300))
	case 4:
		return qc.NewValueBool(w.IntN(2) == 0)
	case 5:
		return listValue()
	case 6:
		list := make([]*qc.Value, 1+w.IntN(3))
		for i := range list {
			list[i] = w.value(depth - 1)
		}
		return listValue(list...)
	default:
		return structValue(map[string]*qc.Value{"n": w.value(depth - 1), "year": w.value(depth - 1)})
	}
}

func listValue(values ...*qc.Value) *qc.Value {
	return qc.NewValueFromList(values...)
}

func structValue(fields map[string]*qc.Value) *qc.Value {
	return &qc.Value{Kind: &qc.Value_StructValue{StructValue: &qc.Struct{Fields: fields}}}
}

func (w *writer) selector() *qc.WithPayloadSelector {
	switch w.IntN(8) {
	case 0:
		return qc.NewWithPayloadInclude("lang", "year", "nothing")
	case 1:
		return qc.NewWithPayloadExclude("metadata", "lang", "nothing")
	case 2:
		return qc.NewWithPayloadInclude("metadata.year", "metadata.parts[].n", "tags")
	case 3, 4:
		return qc.NewWithPayload(true)
	default:
		return qc.NewWithPayload(false)
	}
}

// filter draws one whose groups nest that deep at most.
func (w *writer) filter(depth int) *qc.Filter {
	conditions := func() []*qc.Condition {
		out := make([]*qc.Condition, 1+w.IntN(2))
		for i := range out {
			out[i] = w.condition(depth)
		}
		return out
	}
	f := &qc.Filter{}
	for f.Must == nil && f.Should == nil && f.MustNot == nil && f.MinShould == nil {
		if w.IntN(2) == 0 {
			f.Must = conditions()
		}
		if w.IntN(3) == 0 {
			f.Should = conditions()
		}
		if w.IntN(4) == 0 {
			f.MustNot = conditions()
		}
		if w.IntN(8) == 0 {
			f.MinShould = &qc.MinShould{Conditions: slices.Concat(conditions(), conditions()), MinCount: 1 + w.Uint64N(3)}
		}
	}
	return f
}

var paths = []string{
	"lang", "year", "tags", "ok", "metadata", "missing",
	"metadata.year", "metadata.author.name", "metadata.author.year", "metadata.missing",
	"metadata.parts", "metadata.parts[].n", "metadata.parts[0].n", "metadata.parts[].tags", "metadata.parts[1].tags[0]",
	"metadata.parts.n", "tags[]", "tags[0]", "tags[7]", "year[]", "dot.ted", `"dot.ted"`, `metadata."year"`, "published",
}

func (w *writer) condition(depth int) *qc.Condition {
	key := pick(w, paths...)
	someWords := func() []string {
		out := make([]string, w.IntN(3))
		for i := range out {
			out[i] = pick(w, words...)
		}
		return out
	}
	someInts := func() []int64 {
		out := make([]int64, w.IntN(3))
		for i := range out {
			out[i] = int64(w.IntN(8))
		}
		return out
	}
	kind := w.IntN(15)
	if depth == 0 && kind >= 13 {
		kind -= 13
	}
	switch kind {
	case 0, 1:
		return qc.NewMatchKeyword(key, pick(w, words...))
	case 2, 3:
		return qc.NewMatchInt(key, pick[int64](w, 0, 1, 2, 3, 4, 5, 6, 7, 1<<53+1, math.MaxInt64))
	case 4:
		return qc.NewMatchBool(key, w.IntN(2) == 0)
	case 5:
		return qc.NewMatchKeywords(key, someWords()...)
	case 6:
		return pick(w, qc.NewMatchInts(key, someInts()...), qc.NewMatchExceptInts(key, someInts()...))
	case 7:
		return qc.NewMatchExceptKeywords(key, someWords()...)
	case 8:
		r := &qc.Range{}
		for _, bound := range []**float64{&r.Gt, &r.Gte, &r.Lt, &r.Lte} {
			if w.IntN(3) == 0 {
				*bound = qc.PtrOf(pick(w, -1, 0, 2, 2.5, 4, 6.5, 1e18))
			}
		}
		return qc.NewRange(key, r)
	case 9:
		ids := make([]*qc.PointId, w.IntN(12))
		for i := range ids {
			ids[i] = pick(w, w.id(), w.newID())
		}
		return qc.NewHasID(ids...)
	case 10:
		return qc.NewIsEmpty(key)
	case 11:
		return qc.NewIsNull(key)
	case 12:
		r := &qc.DatetimeRange{Gte: timestamppb.New(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))} // without a bound, it would be a range of numbers
		for _, bound := range []**timestamppb.Timestamp{&r.Gt, &r.Gte, &r.Lt, &r.Lte} {
			if w.IntN(3) == 0 {
				*bound = timestamppb.New(time.Date(2024, 2, 29, 12, pick(w, 0, 30, 31), 0, 0, time.UTC))
			}
		}
		return qc.NewDatetimeRange("published", r)
	default:
		return qc.NewFilterAsCondition(w.filter(depth - 1))
	}
}

// MarshalJSON writes the operation as the oracles read it: filters and payloads
// in the form of Qdrant's REST API, vectors as base64.
func (o operation) MarshalJSON() ([]byte, error) {
	out := map[string]any{"op": o.kind}
	if o.filter != nil {
		out["filter"] = restFilter(o.filter)
	}
	switch o.kind {
	case "create":
		out["size"], out["distance"] = o.size, o.distance.String()
	case "upsert":
		points := make([]any, len(o.points))
		for i, p := range o.points {
			points[i] = map[string]any{
				"id": restID(p.GetId()), "vector": packed(p.GetVectors().GetVector().GetDense().GetData()), "payload": restFields(p.GetPayload()),
			}
		}
		out["points"] = points
	case "delete":
		if o.filter == nil {
			out["ids"] = restIDs(o.ids)
		}
	case "query":
		out["vector"], out["limit"], out["exact"] = packed(o.vector), o.limit, o.exact
		if o.offset > 0 {
			out["offset"] = o.offset
		}
		if o.threshold != nil {
			out["score_threshold"] = *o.threshold
		}
	case "scroll":
		out["limit"] = o.limit
		if o.from != nil {
			out["offset"] = restID(o.from)
		}
	case "get":
		out["ids"] = restIDs(o.ids)
	}
	if o.payload != nil {
		out["with_payload"], out["with_vector"] = restSelector(o.payload), o.vectors
	}
	return json.Marshal(out)
}

func packed(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func restID(id *qc.PointId) any {
	if id.GetUuid() != "" {
		return id.GetUuid()
	}
	return id.GetNum()
}

func restIDs(ids []*qc.PointId) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = restID(id)
	}
	return out
}

func restSelector(sel *qc.WithPayloadSelector) any {
	switch s := sel.GetSelectorOptions().(type) {
	case *qc.WithPayloadSelector_Include:
		return map[string]any{"include": s.Include.GetFields()}
	case *qc.WithPayloadSelector_Exclude:
		return map[string]any{"exclude": s.Exclude.GetFields()}
	default:
		return sel.GetEnable()
	}
}

func restFields(fields map[string]*qc.Value) map[string]any {
	out := make(map[string]any, len(fields))
	for key, v := range fields {
		out[key] = restValue(v)
	}
	return out
}

func restValue(v *qc.Value) any {
	switch kind := v.GetKind().(type) {
	case *qc.Value_BoolValue:
		return kind.BoolValue
	case *qc.Value_IntegerValue:
		return kind.IntegerValue
	case *qc.Value_DoubleValue: // 2.0 must not become the integer 2
		text := strconv.FormatFloat(kind.DoubleValue, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.RawMessage(text)
	case *qc.Value_StringValue:
		return kind.StringValue
	case *qc.Value_ListValue:
		list := make([]any, len(kind.ListValue.GetValues()))
		for i, v := range kind.ListValue.GetValues() {
			list[i] = restValue(v)
		}
		return list
	case *qc.Value_StructValue:
		return restFields(kind.StructValue.GetFields())
	default:
		return nil
	}
}

func restFilter(f *qc.Filter) map[string]any {
	out := map[string]any{}
	for name, group := range map[string][]*qc.Condition{"must": f.GetMust(), "should": f.GetShould(), "must_not": f.GetMustNot()} {
		if group != nil {
			out[name] = restConditions(group)
		}
	}
	if m := f.GetMinShould(); m != nil {
		out["min_should"] = map[string]any{"conditions": restConditions(m.GetConditions()), "min_count": m.GetMinCount()}
	}
	return out
}

func restConditions(conditions []*qc.Condition) []any {
	out := make([]any, len(conditions))
	for i, c := range conditions {
		out[i] = restCondition(c)
	}
	return out
}

func restCondition(c *qc.Condition) map[string]any {
	key := func(key string) map[string]any { return map[string]any{"key": key} }
	switch c := c.GetConditionOneOf().(type) {
	case *qc.Condition_HasId:
		return map[string]any{"has_id": restIDs(c.HasId.GetHasId())}
	case *qc.Condition_Filter:
		return restFilter(c.Filter)
	case *qc.Condition_IsEmpty:
		return map[string]any{"is_empty": key(c.IsEmpty.GetKey())}
	case *qc.Condition_IsNull:
		return map[string]any{"is_null": key(c.IsNull.GetKey())}
	case *qc.Condition_Field:
		out := key(c.Field.GetKey())
		if r := c.Field.GetRange(); r != nil {
			bounds := map[string]any{}
			for name, bound := range map[string]*float64{"gt": r.Gt, "gte": r.Gte, "lt": r.Lt, "lte": r.Lte} {
				if bound != nil {
					bounds[name] = *bound
				}
			}
			out["range"] = bounds
		}
		if r := c.Field.GetDatetimeRange(); r != nil {
			bounds := map[string]any{}
			for name, bound := range map[string]*timestamppb.Timestamp{"gt": r.Gt, "gte": r.Gte, "lt": r.Lt, "lte": r.Lte} {
				if bound != nil {
					bounds[name] = bound.AsTime().Format(time.RFC3339Nano)
				}
			}
			out["range"] = bounds
		}
		if m := c.Field.GetMatch(); m != nil {
			out["match"] = restMatch(m)
		}
		return out
	default:
		panic(fmt.Sprintf("the script has no condition %T", c))
	}
}

func restMatch(m *qc.Match) map[string]any {
	switch m := m.GetMatchValue().(type) {
	case *qc.Match_Keyword:
		return map[string]any{"value": m.Keyword}
	case *qc.Match_Integer:
		return map[string]any{"value": m.Integer}
	case *qc.Match_Boolean:
		return map[string]any{"value": m.Boolean}
	case *qc.Match_Keywords:
		return map[string]any{"any": listOf(m.Keywords.GetStrings())}
	case *qc.Match_Integers:
		return map[string]any{"any": listOf(m.Integers.GetIntegers())}
	case *qc.Match_ExceptKeywords:
		return map[string]any{"except": listOf(m.ExceptKeywords.GetStrings())}
	case *qc.Match_ExceptIntegers:
		return map[string]any{"except": listOf(m.ExceptIntegers.GetIntegers())}
	default:
		panic(fmt.Sprintf("the script has no match %T", m))
	}
}

// listOf writes no elements as [], not null.
func listOf[T any](values []T) []T { return append([]T{}, values...) }

func unpacked(text string) []float32 {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}
