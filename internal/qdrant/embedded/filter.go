package embedded

import (
	"context"
	"runtime"
	"slices"

	qc "github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// filterIDs lists the point ids that a filter names anywhere, so that their
// rows can be looked up before the scan.
func filterIDs(f *qc.Filter) ([]pointKey, error) {
	var keys []pointKey
	for _, group := range [][]*qc.Condition{f.GetMust(), f.GetShould(), f.GetMustNot(), f.GetMinShould().GetConditions()} {
		for _, c := range group {
			var ids []*qc.PointId
			switch v := c.GetConditionOneOf().(type) {
			case *qc.Condition_HasId:
				ids = v.HasId.GetHasId()
			case *qc.Condition_Filter:
				nested, err := filterIDs(v.Filter)
				if err != nil {
					return nil, err
				}
				keys = append(keys, nested...)
			}
			for _, id := range ids {
				key, err := keyOf(id)
				if err != nil {
					return nil, wrongInput("%v", err)
				}
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// matcher decides which rows of a view a filter keeps.
type matcher struct {
	view *view
	rows map[pointKey]int // of the ids that the filter names
}

// keep says whether the filter, which may be nil, keeps the row.
func (m *matcher) keep(f *qc.Filter, row int) (bool, error) {
	if f == nil {
		return true, nil
	}
	var payload map[string]*qc.Value
	var loaded bool
	load := func() (map[string]*qc.Value, error) {
		var err error
		if !loaded {
			payload, err = m.view.payload(row)
			loaded = err == nil
		}
		return payload, err
	}
	return m.filter(f, row, load)
}

// keepRows returns those of the rows that the filter keeps, in their order. The
// payloads are read on all cores.
func (m *matcher) keepRows(ctx context.Context, f *qc.Filter, rows []int) ([]int, error) {
	keep := make([]bool, len(rows))
	const chunk = 1024
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(rows) && ctx.Err() == nil; from += chunk {
		group.Go(func() error {
			for i := from; i < min(from+chunk, len(rows)); i++ {
				var err error
				if keep[i], err = m.keep(f, rows[i]); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	kept := rows[:0]
	for i, row := range rows {
		if keep[i] {
			kept = append(kept, row)
		}
	}
	return kept, nil
}

type payloadFunc func() (map[string]*qc.Value, error)

func (m *matcher) filter(f *qc.Filter, row int, payload payloadFunc) (bool, error) {
	for _, c := range f.GetMust() {
		if ok, err := m.condition(c, row, payload); err != nil || !ok {
			return false, err
		}
	}
	for _, c := range f.GetMustNot() {
		if ok, err := m.condition(c, row, payload); err != nil || ok {
			return false, err
		}
	}
	if should := f.GetShould(); len(should) > 0 {
		if ok, err := m.atLeast(1, should, row, payload); err != nil || !ok {
			return false, err
		}
	}
	if min := f.GetMinShould(); min != nil {
		return m.atLeast(min.GetMinCount(), min.GetConditions(), row, payload)
	}
	return true, nil
}

func (m *matcher) atLeast(want uint64, conditions []*qc.Condition, row int, payload payloadFunc) (bool, error) {
	var got uint64
	for _, c := range conditions {
		ok, err := m.condition(c, row, payload)
		if err != nil {
			return false, err
		}
		if ok {
			got++
		}
	}
	return got >= want, nil
}

func (m *matcher) condition(c *qc.Condition, row int, payload payloadFunc) (bool, error) {
	switch v := c.GetConditionOneOf().(type) {
	case *qc.Condition_HasId:
		for _, id := range v.HasId.GetHasId() {
			key, err := keyOf(id)
			if err != nil {
				return false, wrongInput("%v", err)
			}
			if at, known := m.rows[key]; known && at == row {
				return true, nil
			}
		}
		return false, nil
	case *qc.Condition_Filter:
		return m.filter(v.Filter, row, payload)
	case *qc.Condition_IsEmpty:
		values, err := valuesAt(payload, v.IsEmpty.GetKey())
		return !slices.ContainsFunc(values, func(v *qc.Value) bool { return !isEmpty(v) }), err
	case *qc.Condition_IsNull:
		values, err := valuesAt(payload, v.IsNull.GetKey())
		return slices.ContainsFunc(values, holdsNull), err
	case *qc.Condition_Field:
		return field(v.Field, payload)
	default:
		return false, status.Errorf(codes.Unimplemented, "the embedded engine has no filter condition %T", v)
	}
}

func field(c *qc.FieldCondition, payload payloadFunc) (bool, error) {
	values, err := lookup(payload, c.GetKey())
	if err != nil {
		return false, err
	}
	switch {
	case c.GetMatch() != nil:
		return match(c.GetMatch(), values)
	case c.GetRange() != nil:
		return slices.ContainsFunc(values, func(v *qc.Value) bool { return inRange(c.GetRange(), v) }), nil
	case c.IsEmpty != nil:
		values, err := valuesAt(payload, c.GetKey())
		return anyIs(values, isEmpty, c.GetIsEmpty(), c.GetIsEmpty()), err
	case c.IsNull != nil:
		values, err := valuesAt(payload, c.GetKey())
		return anyIs(values, holdsNull, c.GetIsNull(), !c.GetIsNull()), err
	default:
		return false, status.Errorf(codes.Unimplemented, "the embedded engine filters field %q by match, range, is_empty and is_null only", c.GetKey())
	}
}

// lookup returns the values at a path, the elements of a list each.
func lookup(payload payloadFunc, key string) ([]*qc.Value, error) {
	values, err := valuesAt(payload, key)
	if err != nil {
		return nil, err
	}
	out := make([]*qc.Value, 0, len(values))
	for _, v := range values {
		if list, ok := v.GetKind().(*qc.Value_ListValue); ok {
			out = append(out, list.ListValue.GetValues()...)
		} else {
			out = append(out, v)
		}
	}
	return out, nil
}

// valuesAt returns the values at a path, lists whole.
func valuesAt(payload payloadFunc, key string) ([]*qc.Value, error) {
	p, err := parsePath(key)
	if err != nil {
		return nil, err
	}
	fields, err := payload()
	if err != nil {
		return nil, err
	}
	return p.values(fields), nil
}

func isNull(v *qc.Value) bool {
	_, null := v.GetKind().(*qc.Value_NullValue)
	return null
}

// isEmpty says whether a value holds nothing.
func isEmpty(v *qc.Value) bool {
	list, ok := v.GetKind().(*qc.Value_ListValue)
	return isNull(v) || ok && len(list.ListValue.GetValues()) == 0
}

// holdsNull says whether a value is null, or a list that has one.
func holdsNull(v *qc.Value) bool {
	return isNull(v) || slices.ContainsFunc(v.GetListValue().GetValues(), isNull)
}

// any of the values, or the lack of values, must be as wanted.
func anyIs(values []*qc.Value, is func(*qc.Value) bool, want, ofNone bool) bool {
	if len(values) == 0 {
		return ofNone
	}
	return slices.ContainsFunc(values, func(v *qc.Value) bool { return is(v) == want })
}

func inRange(r *qc.Range, v *qc.Value) bool {
	var x float64
	switch n := v.GetKind().(type) {
	case *qc.Value_IntegerValue:
		x = float64(n.IntegerValue)
	case *qc.Value_DoubleValue:
		x = n.DoubleValue
	default:
		return false
	}
	return (r.Lt == nil || x < r.GetLt()) && (r.Lte == nil || x <= r.GetLte()) &&
		(r.Gt == nil || x > r.GetGt()) && (r.Gte == nil || x >= r.GetGte())
}

func match(m *qc.Match, values []*qc.Value) (bool, error) {
	var test func(*qc.Value) bool
	switch want := m.GetMatchValue().(type) {
	case *qc.Match_Keyword:
		test = keywordIn(want.Keyword)
	case *qc.Match_Keywords:
		test = keywordIn(want.Keywords.GetStrings()...)
	case *qc.Match_ExceptKeywords:
		in := keywordIn(want.ExceptKeywords.GetStrings()...)
		test = func(v *qc.Value) bool { return !isNull(v) && !in(v) }
	case *qc.Match_Integer:
		test = integerIn(want.Integer)
	case *qc.Match_Integers:
		test = integerIn(want.Integers.GetIntegers()...)
	case *qc.Match_ExceptIntegers:
		in := integerIn(want.ExceptIntegers.GetIntegers()...)
		test = func(v *qc.Value) bool { return !isNull(v) && !in(v) }
	case *qc.Match_Boolean:
		test = func(v *qc.Value) bool {
			b, ok := v.GetKind().(*qc.Value_BoolValue)
			return ok && b.BoolValue == want.Boolean
		}
	default:
		return false, status.Errorf(codes.Unimplemented, "the embedded engine has no match %T", want)
	}
	return slices.ContainsFunc(values, test), nil
}

func keywordIn(want ...string) func(*qc.Value) bool {
	return func(v *qc.Value) bool {
		s, ok := v.GetKind().(*qc.Value_StringValue)
		return ok && slices.Contains(want, s.StringValue)
	}
}

func integerIn(want ...int64) func(*qc.Value) bool {
	return func(v *qc.Value) bool {
		n, ok := v.GetKind().(*qc.Value_IntegerValue)
		return ok && slices.Contains(want, n.IntegerValue)
	}
}
