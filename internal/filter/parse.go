package filter

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a filter: its text, and how deep its parts are nested.
const (
	maxBytes = 64 << 10
	maxDepth = 100
)

// SyntaxError says where a filter cannot be read.
type SyntaxError struct {
	At      int // characters before the place
	Problem string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("filter, at character %d: %s", e.At+1, e.Problem)
}

// Parse reads a filter. Its errors are *SyntaxError, but where the text is too
// long or no text.
func Parse(text string) (Expr, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("the filter has more than %d bytes", maxBytes)
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("the filter is not valid UTF-8")
	}
	p := &parser{text: text}
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.space(); !p.done() {
		return nil, p.wrong("expected and, or, or the end, found %s", p.shown())
	}
	return e, nil
}

// ParsePath reads a path as it stands in a filter, but for the words of filters,
// which need no quotes here.
func ParsePath(text string) (Path, error) {
	p := &parser{text: text, alone: true}
	path, err := p.path()
	if err == nil && !p.done() {
		err = p.wrong("expected the end of the path, found %s", p.shown())
	}
	return path, err
}

// parser reads a text from left to right.
type parser struct {
	text string
	at   int // bytes read
	// alone says that the text is a path.
	alone bool
}

func (p *parser) done() bool { return p.at == len(p.text) }

func (p *parser) wrong(format string, args ...any) error {
	return &SyntaxError{At: utf8.RuneCountInString(p.text[:p.at]), Problem: fmt.Sprintf(format, args...)}
}

// shown is what stands next, for errors.
func (p *parser) shown() string {
	const limit = 20
	if p.done() {
		return "the end"
	}
	rest := []rune(p.text[p.at:])
	if len(rest) > limit {
		return fmt.Sprintf("%q...", string(rest[:limit]))
	}
	return fmt.Sprintf("%q", string(rest))
}

func (p *parser) space() {
	p.at = len(p.text) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
}

// take passes over what stands next, after spaces, if it is the given text.
func (p *parser) take(text string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], text) {
		return false
	}
	p.at += len(text)
	return true
}

// keyword passes over a word, whatever its case.
func (p *parser) keyword(word string) bool {
	p.space()
	found := p.run(isKeyRune)
	if !strings.EqualFold(found, word) {
		return false
	}
	p.at += len(found)
	return true
}

// run returns the longest text of such characters that stands next.
func (p *parser) run(of func(rune) bool) string {
	rest := p.text[p.at:]
	end := strings.IndexFunc(rest, func(r rune) bool { return !of(r) })
	if end < 0 {
		end = len(rest)
	}
	return rest[:end]
}

func (p *parser) or(depth int) (Expr, error) {
	parts, err := p.list(depth, "or", p.and)
	if err != nil || len(parts) == 1 {
		return first(parts), err
	}
	return &Or{Of: parts}, nil
}

func (p *parser) and(depth int) (Expr, error) {
	parts, err := p.list(depth, "and", p.not)
	if err != nil || len(parts) == 1 {
		return first(parts), err
	}
	return &And{Of: parts}, nil
}

func first(parts []Expr) Expr {
	if len(parts) == 0 {
		return nil
	}
	return parts[0]
}

func (p *parser) list(depth int, word string, item func(int) (Expr, error)) ([]Expr, error) {
	var parts []Expr
	for {
		e, err := item(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
		if !p.keyword(word) {
			return parts, nil
		}
	}
}

func (p *parser) not(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, p.wrong("nested more than %d deep", maxDepth)
	}
	if p.keyword("not") {
		e, err := p.not(depth + 1)
		if err != nil {
			return nil, err
		}
		return &Not{Of: e}, nil
	}
	if p.take("(") {
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, p.wrong("expected and, or, or ), found %s", p.shown())
		}
		return e, nil
	}
	return p.test()
}

func (p *parser) test() (Expr, error) {
	if p.keyword("exists") {
		if !p.take("(") {
			return nil, p.wrong("expected ( after exists, found %s; to name a field exists, put it in double quotes", p.shown())
		}
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, p.wrong("expected ), found %s", p.shown())
		}
		return &Exists{Path: path}, nil
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if p.keyword("in") {
		return p.in(path)
	}
	if p.keyword("not") {
		if !p.keyword("in") {
			return nil, p.wrong("expected in after not, found %s", p.shown())
		}
		e, err := p.in(path)
		if err != nil {
			return nil, err
		}
		return &Not{Of: e}, nil
	}
	return p.compare(path)
}

func (p *parser) in(path Path) (Expr, error) {
	if !p.take("(") {
		return nil, p.wrong("expected ( after in, found %s", p.shown())
	}
	e := &In{Path: path}
	for {
		v, _, err := p.value()
		if err != nil {
			return nil, err
		}
		e.Values = append(e.Values, v)
		if p.take(")") {
			return e, nil
		}
		if !p.take(",") {
			return nil, p.wrong("expected , or ), found %s", p.shown())
		}
	}
}

func (p *parser) compare(path Path) (Expr, error) {
	var op string
	for _, op = range []string{"==", "=", "!=", "<=", ">=", "<", ">", ""} {
		if op != "" && p.take(op) {
			break
		}
	}
	if op == "" {
		return nil, p.wrong("expected =, !=, <, <=, >, >= or in after %s, found %s", path, p.shown())
	}
	p.space()
	at := p.at
	v, quoted, err := p.value()
	if err != nil {
		return nil, err
	}
	switch op {
	case "=", "==":
		return &Compare{path, Equal, v}, nil
	case "!=":
		return &Not{Of: &Compare{path, Equal, v}}, nil
	}
	switch known := v.(type) {
	case int64, float64, time.Time:
		return &Compare{path, Op(op), v}, nil
	case string:
		if t, ok := ParseTime(known); ok && quoted {
			return &Compare{path, Op(op), t.Truncate(time.Microsecond)}, nil
		}
	}
	p.at = at
	return nil, p.wrong("%s wants a number or a time such as 2024-12-31 or 2024-12-31T23:59:59Z, found %s: texts have no order", op, p.shown())
}

func (p *parser) path() (Path, error) {
	p.space()
	var path Path
	for {
		key, err := p.key(len(path) == 0)
		if err != nil {
			return nil, err
		}
		path = append(path, Key(key))
		for strings.HasPrefix(p.text[p.at:], "[") {
			p.at++
			digits := p.run(func(r rune) bool { return r >= '0' && r <= '9' })
			p.at += len(digits)
			index, err := strconv.ParseUint("0"+digits, 10, 31)
			if err != nil || !strings.HasPrefix(p.text[p.at:], "]") {
				return nil, p.wrong("expected a whole number and ], or ] alone, found %s", p.shown())
			}
			p.at++
			if digits == "" {
				path = append(path, Element(-1))
			} else {
				path = append(path, Element(int(index)))
			}
		}
		if !strings.HasPrefix(p.text[p.at:], ".") {
			return path, nil
		}
		p.at++
	}
}

func (p *parser) key(first bool) (string, error) {
	if strings.HasPrefix(p.text[p.at:], `"`) {
		rest := p.text[p.at+1:]
		end := strings.IndexAny(rest, `"\`)
		if end < 0 || rest[end] == '\\' {
			return "", p.wrong("the name of a field has no closing quote, or a backslash")
		}
		p.at += end + 2
		return rest[:end], nil
	}
	key := p.run(isKeyRune)
	switch {
	case key == "":
		return "", p.wrong("expected the name of a field, found %s; one with other characters than letters, digits, _ and - needs double quotes", p.shown())
	case first && !p.alone && isKeyword(key):
		return "", p.wrong("expected the name of a field, found %s; a field of that name needs double quotes", p.shown())
	}
	p.at += len(key)
	return key, nil
}

var (
	numberPattern = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	wholePattern  = regexp.MustCompile(`^-?[0-9]+$`)
)

// value reads a value and says whether it was put in quotes.
func (p *parser) value() (v Value, quoted bool, err error) {
	p.space()
	if rest := p.text[p.at:]; rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		text, err := p.quoted()
		return text, true, err
	}
	word := p.run(func(r rune) bool { return !unicode.IsSpace(r) && !strings.ContainsRune(`()[],=<>!"'\`, r) })
	switch {
	case word == "" || isKeyword(word):
		return nil, false, p.wrong("expected a value, found %s; a text with spaces or signs, or that is a word of filters, needs quotes", p.shown())
	case strings.EqualFold(word, "true"):
		v = true
	case strings.EqualFold(word, "false"):
		v = false
	case wholePattern.MatchString(word) && numberPattern.MatchString(word):
		if v, err = strconv.ParseInt(word, 10, 64); err != nil {
			return nil, false, p.wrong("%s does not fit into 64 bits", p.shown())
		}
	case numberPattern.MatchString(word):
		if v, err = strconv.ParseFloat(word, 64); err != nil {
			return nil, false, p.wrong("%s is out of range", p.shown())
		}
	case timePattern.MatchString(word):
		t, ok := ParseTime(word)
		if !ok {
			return nil, false, p.wrong("%s is no time; a text that looks like one needs quotes", p.shown())
		}
		v = t.Truncate(time.Microsecond)
	default:
		v = word
	}
	p.at += len(word)
	return v, false, nil
}

// quoted reads a text in double or single quotes, in which a backslash stands
// before a quote or a backslash.
func (p *parser) quoted() (string, error) {
	start := p.at
	quote := p.text[p.at]
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; c {
		case quote:
			p.at = i + 1
			return b.String(), nil
		case '\\':
			if i++; i == len(p.text) || !strings.ContainsRune(`\"'`, rune(p.text[i])) {
				p.at = i - 1
				return "", p.wrong(`a backslash stands only before ", ' or another backslash`)
			}
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	p.at = start
	return "", p.wrong("the text has no closing quote")
}
