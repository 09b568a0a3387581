package embedded

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/query-synergy/query-synergy/internal/filter"
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

// matcher decides which rows of a view a filter keeps. Its semantics are those of
// Qdrant without payload indexes (lib/segment/src/payload_storage there).
type matcher struct {
	view *view
	rows map[pointKey]int // of the ids that the filter names
	test predicate
}

// predicate says whether a row fulfils a condition.
type predicate func(row int, payload payloadFunc) (bool, error)

// payloadFunc reads the payload of a row once.
type payloadFunc func() (map[string]*qc.Value, error)

// newMatcher prepares a filter, which may be nil.
func (v *view) newMatcher(ctx context.Context, tx *sql.Tx, f *qc.Filter) (*matcher, error) {
	m := &matcher{view: v}
	keys, err := filterIDs(f)
	if err != nil {
		return nil, err
	}
	if m.rows, err = v.rowsOf(ctx, tx, keys); err != nil {
		return nil, err
	}
	m.test, err = m.filter(f)
	return m, err
}

// keep says whether the filter keeps the row.
func (m *matcher) keep(row int) (bool, error) {
	var payload map[string]*qc.Value
	var loaded bool
	return m.test(row, func() (map[string]*qc.Value, error) {
		var err error
		if !loaded {
			payload, err = m.view.payload(row)
			loaded = err == nil
		}
		return payload, err
	})
}

// keepRows returns those of the rows that the filter keeps, in their order. The
// payloads are read on all cores.
func (m *matcher) keepRows(ctx context.Context, rows []int) ([]int, error) {
	keep := make([]bool, len(rows))
	const chunk = 1024
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(rows) && ctx.Err() == nil; from += chunk {
		group.Go(func() error {
			for i := from; i < min(from+chunk, len(rows)); i++ {
				var err error
				if keep[i], err = m.keep(rows[i]); err != nil {
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

func (m *matcher) filter(f *qc.Filter) (predicate, error) {
	must, err := m.conditions(f.GetMust())
	if err != nil {
		return nil, err
	}
	mustNot, err := m.conditions(f.GetMustNot())
	if err != nil {
		return nil, err
	}
	should, err := m.conditions(f.GetShould())
	if err != nil {
		return nil, err
	}
	several, err := m.conditions(f.GetMinShould().GetConditions())
	if err != nil {
		return nil, err
	}
	return func(row int, payload payloadFunc) (bool, error) {
		if ok, err := atLeast(len(must), must, row, payload); err != nil || !ok {
			return false, err
		}
		if ok, err := atLeast(1, mustNot, row, payload); err != nil || ok {
			return false, err
		}
		if ok, err := atLeast(min(1, len(should)), should, row, payload); err != nil || !ok {
			return false, err
		}
		return atLeast(int(f.GetMinShould().GetMinCount()), several, row, payload)
	}, nil
}

func (m *matcher) conditions(list []*qc.Condition) ([]predicate, error) {
	tests := make([]predicate, len(list))
	for i, c := range list {
		var err error
		if tests[i], err = m.condition(c); err != nil {
			return nil, err
		}
	}
	return tests, nil
}

// atLeast says whether so many of the tests hold, and asks no more than it must.
func atLeast(want int, tests []predicate, row int, payload payloadFunc) (bool, error) {
	for i, test := range tests {
		if want <= 0 || want > len(tests)-i {
			break
		}
		ok, err := test(row, payload)
		if err != nil {
			return false, err
		}
		if ok {
			want--
		}
	}
	return want <= 0, nil
}

func (m *matcher) condition(c *qc.Condition) (predicate, error) {
	switch v := c.GetConditionOneOf().(type) {
	case *qc.Condition_HasId:
		return m.hasID(v.HasId.GetHasId())
	case *qc.Condition_Filter:
		return m.filter(v.Filter)
	case *qc.Condition_IsEmpty:
		return onValues(v.IsEmpty.GetKey(), func(values []*qc.Value) bool {
			return !slices.ContainsFunc(values, func(v *qc.Value) bool { return !isEmpty(v) })
		})
	case *qc.Condition_IsNull:
		return onValues(v.IsNull.GetKey(), func(values []*qc.Value) bool { return slices.ContainsFunc(values, holdsNull) })
	case *qc.Condition_Field:
		return field(v.Field)
	default:
		return nil, status.Errorf(codes.Unimplemented, "the embedded engine has no filter condition %T", v)
	}
}

func (m *matcher) hasID(ids []*qc.PointId) (predicate, error) {
	wanted := make(map[int]bool, len(ids))
	for _, id := range ids {
		key, err := keyOf(id)
		if err != nil {
			return nil, wrongInput("%v", err)
		}
		if row, known := m.rows[key]; known {
			wanted[row] = true
		}
	}
	return func(row int, _ payloadFunc) (bool, error) { return wanted[row], nil }, nil
}

// onValues tests what is found at a path: nothing where the path leads nowhere,
// several values where it goes through each element of a list.
func onValues(text string, test func([]*qc.Value) bool) (predicate, error) {
	p, err := parsePath(text)
	if err != nil {
		return nil, err
	}
	return func(_ int, payload payloadFunc) (bool, error) {
		root, err := payload()
		if err != nil {
			return false, err
		}
		return test(p.values(root)), nil
	}, nil
}

func field(c *qc.FieldCondition) (predicate, error) {
	var tests []func(*qc.Value) bool
	if c.GetMatch() != nil {
		test, err := match(c.GetMatch())
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	switch {
	case c.GetRange() != nil:
		tests = append(tests, func(v *qc.Value) bool { return inRange(c.GetRange(), v) })
	case c.GetDatetimeRange() != nil:
		tests = append(tests, func(v *qc.Value) bool { return inTimeRange(c.GetDatetimeRange(), v) })
	}
	switch {
	case c.GetGeoBoundingBox() != nil || c.GetGeoRadius() != nil || c.GetGeoPolygon() != nil || c.GetValuesCount() != nil,
		len(tests) == 0 && c.IsEmpty == nil && c.IsNull == nil:
		return nil, status.Errorf(codes.Unimplemented, "the embedded engine filters field %.80q by match, range, datetime_range, is_empty and is_null only", c.GetKey())
	case c.IsEmpty != nil:
		return onValues(c.GetKey(), func(values []*qc.Value) bool {
			return len(values) == 0 && c.GetIsEmpty() ||
				slices.ContainsFunc(values, func(v *qc.Value) bool { return isEmpty(v) == c.GetIsEmpty() })
		})
	case c.IsNull != nil:
		return onValues(c.GetKey(), func(values []*qc.Value) bool {
			return len(values) == 0 && !c.GetIsNull() ||
				slices.ContainsFunc(values, func(v *qc.Value) bool { return holdsNull(v) == c.GetIsNull() })
		})
	}
	return onValues(c.GetKey(), func(values []*qc.Value) bool {
		for _, v := range values {
			for _, element := range flatten(v) {
				if slices.ContainsFunc(tests, func(test func(*qc.Value) bool) bool { return test(element) }) {
					return true
				}
			}
		}
		return false
	})
}

// flatten returns the elements of a list, which count each, or else the value.
func flatten(v *qc.Value) []*qc.Value {
	if list, ok := v.GetKind().(*qc.Value_ListValue); ok {
		return list.ListValue.GetValues()
	}
	return []*qc.Value{v}
}

func isNull(v *qc.Value) bool {
	switch v.GetKind().(type) {
	case nil, *qc.Value_NullValue:
		return true
	}
	return false
}

// isEmpty says whether a value is null or an empty list. A list of null is not.
func isEmpty(v *qc.Value) bool {
	list, ok := v.GetKind().(*qc.Value_ListValue)
	return isNull(v) || ok && len(list.ListValue.GetValues()) == 0
}

func holdsNull(v *qc.Value) bool { return slices.ContainsFunc(flatten(v), isNull) }

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

func inTimeRange(r *qc.DatetimeRange, v *qc.Value) bool {
	s, ok := v.GetKind().(*qc.Value_StringValue)
	if !ok {
		return false
	}
	at, ok := filter.ParseTime(s.StringValue)
	if !ok {
		return false
	}
	compare := func(to interface{ AsTime() time.Time }) int { return at.Compare(to.AsTime()) }
	return (r.Lt == nil || compare(r.Lt) < 0) && (r.Lte == nil || compare(r.Lte) <= 0) &&
		(r.Gt == nil || compare(r.Gt) > 0) && (r.Gte == nil || compare(r.Gte) >= 0)
}

func match(m *qc.Match) (func(*qc.Value) bool, error) {
	switch want := m.GetMatchValue().(type) {
	case *qc.Match_Keyword:
		return keywordIn(want.Keyword), nil
	case *qc.Match_Keywords:
		return keywordIn(want.Keywords.GetStrings()...), nil
	case *qc.Match_ExceptKeywords:
		return except(keywordIn(want.ExceptKeywords.GetStrings()...)), nil
	case *qc.Match_Integer:
		return integerIn(want.Integer), nil
	case *qc.Match_Integers:
		return integerIn(want.Integers.GetIntegers()...), nil
	case *qc.Match_ExceptIntegers:
		return except(integerIn(want.ExceptIntegers.GetIntegers()...)), nil
	case *qc.Match_Boolean:
		return func(v *qc.Value) bool {
			b, ok := v.GetKind().(*qc.Value_BoolValue)
			return ok && b.BoolValue == want.Boolean
		}, nil
	default:
		return nil, status.Errorf(codes.Unimplemented, "the embedded engine has no match %T", want)
	}
}

// except holds for all values but null that the test does not hold for.
func except(test func(*qc.Value) bool) func(*qc.Value) bool {
	return func(v *qc.Value) bool { return !isNull(v) && !test(v) }
}

func keywordIn(want ...string) func(*qc.Value) bool {
	has := contains(want)
	return func(v *qc.Value) bool {
		s, ok := v.GetKind().(*qc.Value_StringValue)
		return ok && has(s.StringValue)
	}
}

func integerIn(want ...int64) func(*qc.Value) bool {
	has := contains(want)
	return func(v *qc.Value) bool {
		n, ok := v.GetKind().(*qc.Value_IntegerValue)
		return ok && has(n.IntegerValue)
	}
}

func contains[T comparable](values []T) func(T) bool {
	const many = 16 // from here on a set is faster
	if len(values) < many {
		return func(v T) bool { return slices.Contains(values, v) }
	}
	set := make(map[T]bool, len(values))
	for _, v := range values {
		set[v] = true
	}
	return func(v T) bool { return set[v] }
}
