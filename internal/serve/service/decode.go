package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Trust is the text of Request.Trust. In JSON a number may stand for its text.
type Trust string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Trust) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err == nil {
		if text != "auto" && text != "always" {
			return errTrust
		}
		*t = Trust(text)
		return nil
	}
	var number float64
	if err := json.Unmarshal(data, &number); err != nil || number < 0 || number > 1 {
		return errTrust
	}
	*t = Trust(strconv.FormatFloat(number, 'g', -1, 64))
	return nil
}

// MarshalJSON implements json.Marshaler.
func (t Trust) MarshalJSON() ([]byte, error) {
	if _, err := strconv.ParseFloat(string(t), 64); err == nil {
		return []byte(t), nil
	}
	return json.Marshal(string(t))
}

var errTrust = errors.New(`want "auto", "always" or a number from 0 to 1`)

// Duration is a time.Duration that JSON writes as "1.5s".
type Duration time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errDuration
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < time.Millisecond || !durationPattern.MatchString(text) {
		return errDuration
	}
	*d = Duration(parsed)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// durationPattern is narrower than Go's, so that openapi.yaml can state it.
var durationPattern = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(ms|s)$`)

var errDuration = errors.New(`want a duration of at least 1ms such as "1.5s"`)

// Decode reads the one JSON object that is a Request. Unlike encoding/json, it
// takes each field once and in its own spelling, no null for a value, and only
// valid UTF-8: what is ignored would be missed. Every error is an *Error and
// names the field.
func Decode(body []byte) (Request, error) {
	var r Request
	if !utf8.Valid(body) {
		return r, invalid(errors.New("the body is not valid UTF-8"))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return r, invalid(errors.New("the body is empty, want a JSON object"))
	}
	fields, err := object(body)
	if err != nil {
		return r, invalid(err)
	}
	target := reflect.ValueOf(&r).Elem()
	var errs []error
	for _, field := range fields {
		into, known := fieldOf(target, field.name)
		if !known {
			errs = append(errs, fmt.Errorf("unknown field %.60q", field.name))
			continue
		}
		if err := set(into, field.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field.name, err))
		}
	}
	for _, needed := range []string{"corpus", "query"} {
		if !has(fields, needed) {
			errs = append(errs, fmt.Errorf("%s: is needed", needed))
		}
	}
	if len(errs) == 0 && has(fields, "top_k") && r.TopK == 0 {
		errs = append(errs, errors.New("top_k: want a whole number from 1"))
	}
	if len(errs) == 0 && has(fields, "strategy") && r.Strategy == "" {
		errs = append(errs, errors.New("strategy: want its name"))
	}
	if err := errors.Join(errs...); err != nil {
		return r, invalid(err)
	}
	return r, nil
}

type member struct {
	name  string
	value json.RawMessage
}

func has(fields []member, name string) bool {
	for _, field := range fields {
		if field.name == name {
			return true
		}
	}
	return false
}

// maxFields is far beyond what a Request has.
const maxFields = 64

// object returns the members of a JSON object in their order.
func object(data []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, syntax(err, decoder)
	}
	var fields []member
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, syntax(err, decoder)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, syntax(err, decoder)
		}
		if has(fields, name) {
			return nil, fmt.Errorf("%.60q is there twice", name)
		}
		if fields = append(fields, member{name, value}); len(fields) > maxFields {
			return nil, fmt.Errorf("there are more than %d fields", maxFields)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, syntax(err, decoder)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return fields, nil
}

func syntax(err error, decoder *json.Decoder) error {
	if err == nil {
		return errors.New("want a JSON object")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends too early")
	}
	return fmt.Errorf("no JSON from byte %d on", decoder.InputOffset())
}

// fieldOf returns the field of a struct whose JSON name is name.
func fieldOf(target reflect.Value, name string) (reflect.Value, bool) {
	for i := range target.NumField() {
		tagged, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("json"), ",")
		if tagged == name {
			return target.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// set reads one value; its errors say what is wanted.
func set(into reflect.Value, data json.RawMessage) error {
	if bytes.Equal(data, []byte("null")) {
		return errors.New("null is no value: leave the field away")
	}
	if custom, ok := into.Addr().Interface().(json.Unmarshaler); ok {
		return custom.UnmarshalJSON(data)
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return set(into.Elem(), data)
	case reflect.Slice:
		var items []json.RawMessage
		if err := json.Unmarshal(data, &items); err != nil {
			return errors.New("want an array")
		}
		if len(items) > maxItems {
			return fmt.Errorf("has more than %d items", maxItems)
		}
		into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
		for i, item := range items {
			if err := set(into.Index(i), item); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	case reflect.Struct:
		fields, err := object(data)
		if err != nil {
			return err
		}
		if len(fields) != into.NumField() {
			return errors.New(`want an object with "lang" and "text"`)
		}
		for _, field := range fields {
			inner, known := fieldOf(into, field.name)
			if !known {
				return fmt.Errorf("unknown field %.60q", field.name)
			}
			if err := set(inner, field.value); err != nil {
				return fmt.Errorf("%s: %w", field.name, err)
			}
		}
		return nil
	case reflect.Int:
		number := math.NaN()
		if err := json.Unmarshal(data, &number); err != nil || number != math.Trunc(number) || math.Abs(number) > math.MaxInt32 {
			return errors.New("want a whole number")
		}
		into.SetInt(int64(number))
		return nil
	}
	wanted := map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false", reflect.Float64: "a number"}
	if err := json.Unmarshal(data, into.Addr().Interface()); err != nil {
		return errors.New("want " + wanted[into.Kind()])
	}
	return nil
}

// maxItems is the most that any array of a Request may hold.
const maxItems = 100
