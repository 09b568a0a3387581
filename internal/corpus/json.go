package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// object is a JSON object, its values not yet decoded. Its keys are exact,
// where decoding into a struct would ignore their case.
type object map[string]json.RawMessage

// parseObject decodes one JSON object, and nothing but it.
func parseObject(raw []byte) (object, error) {
	if err := checkEncoding(raw); err != nil {
		return nil, err
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, errors.New("not a JSON object")
		}
		return nil, fmt.Errorf("broken JSON: %w", err)
	}
	if o == nil { // a JSON null
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

// text returns a string, or "" where the key is missing or null.
func (o object) text(key string) (string, error) {
	return decodeText(key, o[key])
}

// id returns an id: a string, or an integer as it is written.
func (o object) id(key string) (string, error) {
	raw := o[key]
	if len(raw) == 0 || raw[0] == '"' {
		return o.text(key)
	}
	if strings.Trim(string(raw), "-0123456789") != "" {
		return "", fmt.Errorf("%s is neither a string nor an integer", quote(key))
	}
	return string(raw), nil
}

// metadata returns an object with its numbers as int64 or float64, or nil where
// the key is missing, null or an empty object.
func (o object) metadata(key string) (map[string]any, error) {
	raw := o[key]
	if len(raw) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("%s is not a JSON object", quote(key))
	}
	if len(m) == 0 {
		return nil, nil
	}
	if _, err := exact(m, 1); err != nil {
		return nil, fmt.Errorf("%s: %w", quote(key), err)
	}
	return m, nil
}

// exact replaces each json.Number within v by an int64 or a float64.
func exact(v any, depth int) (any, error) {
	if depth > maxMetaNested+1 {
		return nil, fmt.Errorf("nested over %d deep", maxMetaNested)
	}
	var err error
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case map[string]any:
		for key, value := range v {
			if v[key], err = exact(value, depth+1); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, value := range v {
			if v[i], err = exact(value, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func number(s string) (any, error) {
	if !strings.ContainsAny(s, ".eE") {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the integer %.40s does not fit in 64 bits: write it as a string", s)
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %.40s is out of range: write it as a string", s)
	}
	return f, nil
}

// decodeText decodes a JSON string; a missing or null one is "".
func decodeText(key string, raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%s is not a string", quote(key))
	}
	return s, nil
}

// checkEncoding refuses the two faults that encoding/json replaces by U+FFFD
// without a word: bytes that are not UTF-8, and halves of surrogate pairs.
func checkEncoding(raw []byte) error {
	if err := checkUTF8(raw); err != nil {
		return err
	}
	for rest := raw; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 || i+1 == len(rest) {
			return nil
		}
		unit, ok := escapedUnit(rest[i:])
		if !ok {
			rest = rest[i+2:]
			continue
		}
		after := rest[i+6:]
		if utf16.IsSurrogate(unit) {
			low, _ := escapedUnit(after)
			if utf16.DecodeRune(unit, low) == utf8.RuneError {
				return fmt.Errorf(`the escape \u%04x is half of a surrogate pair`, unit)
			}
			after = after[6:]
		}
		rest = after
	}
}

// escapedUnit returns the UTF-16 code unit of a \uXXXX that s starts with.
func escapedUnit(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	return rune(unit), err == nil
}

// checkUTF8 names the first byte that is not UTF-8.
func checkUTF8(raw []byte) error {
	if utf8.Valid(raw) { // several times as fast as the search
		return nil
	}
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("invalid UTF-8: byte 0x%02X at offset %d of the record", raw[i], i)
		}
		i += size
	}
	return nil
}
