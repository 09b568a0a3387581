package qdrant

import (
	"fmt"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/query-synergy/query-synergy/internal/filter"
)

// maxExact is below what every whole number has a float64 of its own.
const maxExact = 1 << 53

// message says a filter in Qdrant's words; nil for none.
func (c Collection) message(e filter.Expr) *qc.Filter {
	switch e := e.(type) {
	case nil:
		return nil
	case *filter.And:
		return &qc.Filter{Must: c.conditions(e.Of)}
	case *filter.Or:
		return &qc.Filter{Should: c.conditions(e.Of)}
	case *filter.Not:
		return &qc.Filter{MustNot: c.conditions([]filter.Expr{e.Of})}
	default:
		return &qc.Filter{Must: c.conditions([]filter.Expr{e})}
	}
}

func (c Collection) conditions(parts []filter.Expr) []*qc.Condition {
	out := make([]*qc.Condition, len(parts))
	for i, e := range parts {
		switch e := e.(type) {
		case *filter.Compare:
			out[i] = comparison(c.fieldPath(e.Path), e.Op, e.Value)
		case *filter.In:
			out[i] = membership(c.fieldPath(e.Path), e.Values)
		case *filter.Exists:
			empty := qc.NewIsEmpty(c.fieldPath(e.Path))
			out[i] = qc.NewFilterAsCondition(&qc.Filter{MustNot: []*qc.Condition{empty}})
		default:
			out[i] = qc.NewFilterAsCondition(c.message(e))
		}
	}
	return out
}

func comparison(key string, op filter.Op, v filter.Value) *qc.Condition {
	switch v := v.(type) {
	case time.Time:
		lt, lte, gt, gte := ends(op, timestamppb.New(v))
		return qc.NewDatetimeRange(key, &qc.DatetimeRange{Lt: lt, Lte: lte, Gt: gt, Gte: gte})
	case bool:
		return qc.NewMatchBool(key, v)
	case int64:
		// Qdrant matches a whole number with whole numbers only, but ranges hold
		// numbers of both kinds.
		if op == filter.Equal && (v >= maxExact || v <= -maxExact) {
			return qc.NewMatchInt(key, v)
		}
		return numeric(key, op, float64(v))
	case float64:
		return numeric(key, op, v)
	default:
		return qc.NewMatchKeyword(key, fmt.Sprint(v))
	}
}

func numeric(key string, op filter.Op, v float64) *qc.Condition {
	lt, lte, gt, gte := ends(op, &v)
	return qc.NewRange(key, &qc.Range{Lt: lt, Lte: lte, Gt: gt, Gte: gte})
}

// ends puts a value where it bounds a range.
func ends[T any](op filter.Op, v *T) (lt, lte, gt, gte *T) {
	switch op {
	case filter.Less:
		return v, nil, nil, nil
	case filter.LessOrEqual:
		return nil, v, nil, nil
	case filter.Greater:
		return nil, nil, v, nil
	case filter.GreaterOrEqual:
		return nil, nil, nil, v
	default:
		return nil, v, nil, v
	}
}

// membership asks for all texts at once, of which there may be many.
func membership(key string, values []filter.Value) *qc.Condition {
	var words []string
	var either []*qc.Condition
	for _, v := range values {
		if word, ok := v.(string); ok {
			words = append(words, word)
		} else {
			either = append(either, comparison(key, filter.Equal, v))
		}
	}
	if len(words) > 0 {
		either = append(either, qc.NewMatchKeywords(key, words...))
	}
	return qc.NewFilterAsCondition(&qc.Filter{Should: either})
}
