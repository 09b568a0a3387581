// Package filter is the language in which a query says which documents it is
// for:
//
//	year >= 2020 and not (lang = th or exists(draft))
//
// It knows the grammar, which docs/filters.md describes, and the tree that a
// text stands for; not what a document is, nor who carries a filter out.
package filter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Expr is a filter or a part of one: *And, *Or, *Not, *Compare, *In or *Exists.
// It is not to be changed once it is in use.
type Expr interface {
	// String returns the filter as Parse reads it.
	String() string
	expr()
}

type (
	// And holds where all its parts do. There is at least one.
	And struct{ Of []Expr }

	// Or holds where one of its parts does. There is at least one.
	Or struct{ Of []Expr }

	// Not holds where its part does not, so also where a field is missing.
	Not struct{ Of Expr }

	// Compare holds where the field, or an element of it if it is a list, compares
	// with the value as Op says.
	Compare struct {
		Path  Path
		Op    Op
		Value Value // of an ordering a number or a time
	}

	// In holds where the field, or an element of it, equals one of the values.
	In struct {
		Path   Path
		Values []Value // at least one
	}

	// Exists holds where the field is there and neither null nor an empty list.
	Exists struct{ Path Path }
)

// Value is a string, an int64, a finite float64, a bool, or a time.Time in UTC,
// in whole microseconds and of the years 1 to 9999.
//
// Numbers compare by value, whole or not. A time equals, or comes before, a
// string that holds a time; a string equals the same string only.
type Value any

// Op is a comparison.
type Op string

// The comparisons. "not equal" is Not of Equal.
const (
	Equal          Op = "="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
)

// Path leads to a field. Its first step is a key.
type Path []Step

// Step is one step of a path.
type Step struct {
	Key string // of an object; without a double quote and a backslash
	// Element is that of a list in place of a key; -1 stands for each one.
	Element *int
}

// Key makes a step.
func Key(name string) Step { return Step{Key: name} }

// Element makes a step into a list; each element counts where i is -1.
func Element(i int) Step { return Step{Element: &i} }

func (*And) expr()     {}
func (*Or) expr()      {}
func (*Not) expr()     {}
func (*Compare) expr() {}
func (*In) expr()      {}
func (*Exists) expr()  {}

func (e *And) String() string { return joined(e.Of, " and ") }
func (e *Or) String() string  { return joined(e.Of, " or ") }
func (e *Not) String() string { return "not " + part(e.Of) }

func (e *Compare) String() string {
	return e.Path.String() + " " + string(e.Op) + " " + valueText(e.Value)
}

func (e *In) String() string {
	values := make([]string, len(e.Values))
	for i, v := range e.Values {
		values[i] = valueText(v)
	}
	return e.Path.String() + " in (" + strings.Join(values, ", ") + ")"
}

func (e *Exists) String() string { return "exists(" + e.Path.String() + ")" }

func joined(parts []Expr, with string) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = part(p)
	}
	return strings.Join(texts, with)
}

// part puts what is joined itself into parentheses.
func part(e Expr) string {
	switch e.(type) {
	case *And, *Or:
		return "(" + e.String() + ")"
	default:
		return e.String()
	}
}

// String returns the path as Parse, and Qdrant, read it.
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch {
		case step.Element != nil && *step.Element < 0:
			b.WriteString("[]")
		case step.Element != nil:
			b.WriteString("[" + strconv.Itoa(*step.Element) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			if isPlainKey(step.Key) && (i > 0 || !isKeyword(step.Key)) {
				b.WriteString(step.Key)
			} else {
				b.WriteString(`"` + step.Key + `"`)
			}
		}
	}
	return b.String()
}

// isPlainKey says whether a key certainly needs no quotes, here and in Qdrant,
// whose letters are not quite these.
func isPlainKey(key string) bool {
	for _, r := range key {
		if r > unicode.MaxASCII || !isKeyRune(r) {
			return false
		}
	}
	return key != ""
}

func isKeyRune(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd) || r == '_' || r == '-'
}

func isKeyword(word string) bool {
	switch strings.ToLower(word) {
	case "and", "or", "not", "in", "exists":
		return true
	}
	return false
}

func valueText(v Value) string {
	switch v := v.(type) {
	case string:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0" // else it would read as a whole number
		}
		return text
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format("2006-01-02T15:04:05.999999Z07:00")
	default:
		return fmt.Sprint(v)
	}
}
