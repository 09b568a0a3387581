package qdrant

import qc "github.com/qdrant/go-client/qdrant"

// fromValue turns a stored value into nil, bool, int64, float64, string, []any
// or map[string]any.
func fromValue(value *qc.Value) any {
	switch kind := value.GetKind().(type) {
	case *qc.Value_BoolValue:
		return kind.BoolValue
	case *qc.Value_IntegerValue:
		return kind.IntegerValue
	case *qc.Value_DoubleValue:
		return kind.DoubleValue
	case *qc.Value_StringValue:
		return kind.StringValue
	case *qc.Value_ListValue:
		items := make([]any, len(kind.ListValue.GetValues()))
		for i, item := range kind.ListValue.GetValues() {
			items[i] = fromValue(item)
		}
		return items
	case *qc.Value_StructValue:
		return fromFields(kind.StructValue.GetFields())
	default:
		return nil
	}
}

func fromFields(fields map[string]*qc.Value) map[string]any {
	out := make(map[string]any, len(fields))
	for name, field := range fields {
		out[name] = fromValue(field)
	}
	return out
}
