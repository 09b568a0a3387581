package embedded

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	qc "github.com/qdrant/go-client/qdrant"
)

// A path leads to values of a payload, as in Qdrant (lib/segment/src/json_path):
// `metadata.year`, `parts[0].n`, `parts[].tags`, and in quotes what is not of
// letters, digits, _ and -, as in `metadata."page title"`. Lists are entered
// by an index or by [], never by a key.
type path []step

// step is a key or a place in a list.
type step struct {
	key   string
	index int // of a list; anyIndex for [], noIndex for a key
}

const (
	anyIndex = -1
	noIndex  = -2
)

func parsePath(text string) (path, error) {
	bad := wrongInput("%.80q is no path of payload fields", text)
	key, rest, ok := cutKey(text)
	if !ok {
		return nil, bad
	}
	p := path{{key, noIndex}}
	for rest != "" {
		s := step{index: noIndex}
		switch {
		case strings.HasPrefix(rest, "[]"):
			s.index, rest = anyIndex, rest[2:]
		case rest[0] == '[':
			digits, after, closed := strings.Cut(rest[1:], "]")
			n, err := strconv.ParseUint(digits, 10, 64)
			if !closed || err != nil {
				return nil, bad
			}
			s.index, rest = int(min(n, math.MaxInt)), after
		case rest[0] == '.':
			if s.key, rest, ok = cutKey(rest[1:]); !ok {
				return nil, bad
			}
		default:
			return nil, bad
		}
		p = append(p, s)
	}
	return p, nil
}

// cutKey takes a key, quoted or not, from the front of a path.
func cutKey(text string) (key, rest string, ok bool) {
	if quoted, is := strings.CutPrefix(text, `"`); is {
		key, rest, ok = strings.Cut(quoted, `"`)
		return key, rest, ok && !strings.Contains(key, `\`)
	}
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], end > 0
}

// values returns what the path leads to, lists whole.
func (p path) values(fields map[string]*qc.Value) []*qc.Value {
	v, ok := fields[p[0].key]
	if !ok {
		return nil
	}
	return p[1:].follow(v, nil)
}

func (p path) follow(v *qc.Value, found []*qc.Value) []*qc.Value {
	if len(p) == 0 {
		return append(found, v)
	}
	list := v.GetListValue().GetValues()
	switch at := p[0].index; {
	case at == noIndex:
		if next, ok := v.GetStructValue().GetFields()[p[0].key]; ok {
			found = p[1:].follow(next, found)
		}
	case at == anyIndex:
		for _, next := range list {
			found = p[1:].follow(next, found)
		}
	case at < len(list):
		found = p[1:].follow(list[at], found)
	}
	return found
}

// A selection is which part of payloads an answer holds. The zero value is none.
type selection struct {
	some    bool
	exclude bool
	paths   []path
}

func selectionOf(sel *qc.WithPayloadSelector) (selection, error) {
	var fields []string
	s := selection{some: true}
	switch sel := sel.GetSelectorOptions().(type) {
	case *qc.WithPayloadSelector_Enable:
		s.some, s.exclude = sel.Enable, true
	case *qc.WithPayloadSelector_Include:
		fields = sel.Include.GetFields()
	case *qc.WithPayloadSelector_Exclude:
		s.exclude, fields = true, sel.Exclude.GetFields()
	default:
		s.some = false
	}
	for _, field := range fields {
		p, err := parsePath(field)
		if err != nil {
			return selection{}, err
		}
		s.paths = append(s.paths, p)
	}
	return s, nil
}

// flat says whether whole fields are selected, so that nothing is to be decoded.
func (s selection) flat() bool {
	for _, p := range s.paths {
		if len(p) > 1 {
			return false
		}
	}
	return true
}

// field says whether a flat selection keeps a field.
func (s selection) field(key string) bool {
	for _, p := range s.paths {
		if p[0].key == key {
			return !s.exclude
		}
	}
	return s.exclude
}

// keeps says whether what stands at a path is kept, at least in part. Elements of
// lists have the index anyIndex, and a pattern with a place in a list keeps none
// of them, as in Qdrant.
func (s selection) keeps(at path) bool {
	for _, p := range s.paths {
		n := min(len(p), len(at))
		if s.exclude {
			n = len(p)
		}
		if n <= len(at) && samePath(p[:n], at[:n]) {
			return !s.exclude
		}
	}
	return s.exclude
}

func samePath(a, b path) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// of returns the selected part of fields that stand below a path.
func (s selection) of(fields map[string]*qc.Value, below path) map[string]*qc.Value {
	out := make(map[string]*qc.Value, len(fields))
	for key, v := range fields {
		if at := slices.Concat(below, path{{key, noIndex}}); s.keeps(at) {
			out[key] = s.value(v, at)
		}
	}
	return out
}

func (s selection) value(v *qc.Value, at path) *qc.Value {
	switch kind := v.GetKind().(type) {
	case *qc.Value_StructValue:
		return &qc.Value{Kind: &qc.Value_StructValue{StructValue: &qc.Struct{Fields: s.of(kind.StructValue.GetFields(), at)}}}
	case *qc.Value_ListValue:
		list := &qc.ListValue{}
		if element := slices.Concat(at, path{{"", anyIndex}}); s.keeps(element) {
			for _, v := range kind.ListValue.GetValues() {
				list.Values = append(list.Values, s.value(v, element))
			}
		}
		return &qc.Value{Kind: &qc.Value_ListValue{ListValue: list}}
	default:
		return v
	}
}
