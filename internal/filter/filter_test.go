package filter_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/filter"
)

func path(keys ...string) filter.Path {
	var p filter.Path
	for _, key := range keys {
		p = append(p, filter.Key(key))
	}
	return p
}

func equal(key string, v filter.Value) filter.Expr {
	return &filter.Compare{Path: path(key), Op: filter.Equal, Value: v}
}

func TestParse(t *testing.T) {
	date := time.Date(2024, 12, 31, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]filter.Expr{
		"year>=2020":                    &filter.Compare{Path: path("year"), Op: filter.GreaterOrEqual, Value: int64(2020)},
		" year  <  -1.5e3 ":             &filter.Compare{Path: path("year"), Op: filter.Less, Value: -1500.0},
		"source=wiki":                   equal("source", "wiki"),
		"source == 'two words'":         equal("source", "two words"),
		`source = "a \"b\" \\ 'c'"`:     equal("source", `a "b" \ 'c'`),
		"url=https://x.test/a-b#c":      equal("url", "https://x.test/a-b#c"),
		"zip = 01234":                   equal("zip", "01234"),
		"n = 0":                         equal("n", int64(0)),
		"n = 9223372036854775807":       equal("n", int64(9223372036854775807)),
		"n = 1.0":                       equal("n", 1.0),
		"done = TRUE":                   equal("done", true),
		"lang!=th":                      &filter.Not{Of: equal("lang", "th")},
		"day = 2024-12-31":              equal("day", date),
		"day = '2024-12-31'":            equal("day", "2024-12-31"),
		"day > '2024-12-31 01:00+0100'": nil,
		"day > '2024-12-31T01:00:00+01:00'": &filter.Compare{
			Path: path("day"), Op: filter.Greater, Value: date},
		"day <= 2024-12-31T00:00:00.0000019Z": &filter.Compare{
			Path: path("day"), Op: filter.LessOrEqual, Value: date.Add(time.Microsecond)},
		"tags in (a, 'b c', 3)":     &filter.In{Path: path("tags"), Values: []filter.Value{"a", "b c", int64(3)}},
		"tags NOT IN (a)":           &filter.Not{Of: &filter.In{Path: path("tags"), Values: []filter.Value{"a"}}},
		"exists(x.y)":               &filter.Exists{Path: path("x", "y")},
		"ปี = 1":                    equal("ปี", int64(1)),
		`"odd key".b = 1`:           &filter.Compare{Path: path("odd key", "b"), Op: filter.Equal, Value: int64(1)},
		`"in" in (x)`:               &filter.In{Path: path("in"), Values: []filter.Value{"x"}},
		"a.in = x":                  &filter.Compare{Path: path("a", "in"), Op: filter.Equal, Value: "x"},
		"a[].b[12].c = x":           &filter.Compare{Path: filter.Path{filter.Key("a"), filter.Element(-1), filter.Key("b"), filter.Element(12), filter.Key("c")}, Op: filter.Equal, Value: "x"},
		"a=1 or b=2 and c=3":        &filter.Or{Of: []filter.Expr{equal("a", int64(1)), &filter.And{Of: []filter.Expr{equal("b", int64(2)), equal("c", int64(3))}}}},
		"(a=1 or b=2)and(c=3)":      &filter.And{Of: []filter.Expr{&filter.Or{Of: []filter.Expr{equal("a", int64(1)), equal("b", int64(2))}}, equal("c", int64(3))}},
		"not a=1 and b=2":           &filter.And{Of: []filter.Expr{&filter.Not{Of: equal("a", int64(1))}, equal("b", int64(2))}},
		"not not a=1":               &filter.Not{Of: &filter.Not{Of: equal("a", int64(1))}},
		"android=1 and order=2":     &filter.And{Of: []filter.Expr{equal("android", int64(1)), equal("order", int64(2))}},
		"exi\u017fts(a)":            &filter.Exists{Path: path("a")}, // folds to an s, of two bytes
		"a = x or\nexists ( b ) \t": &filter.Or{Of: []filter.Expr{equal("a", "x"), &filter.Exists{Path: path("b")}}},
	} {
		got, err := filter.Parse(text)
		if want == nil {
			if err == nil {
				t.Errorf("%s: accepted as %v", text, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "at character 1: expected the name of a field, found the end",
		"year":                       "at character 5: expected =, !=, <, <=, >, >= or in after year, found the end",
		"year >":                     "at character 7: expected a value",
		"year > wiki":                `at character 8: > wants a number or a time such as 2024-12-31`,
		"year > '2020'":              "at character 8: > wants a number or a time",
		"year > true":                "texts have no order",
		"ปี > wiki":                  "at character 6:",
		"year=2020 source=wiki":      "at character 11: expected and, or, or the end",
		"(year=2020":                 "expected and, or, or ), found the end",
		"year=2020)":                 `found ")"`,
		"a in b":                     "expected ( after in",
		"a in ()":                    "expected a value",
		"a in (1 2)":                 "expected , or )",
		"a not b":                    "expected in after not",
		"and = 1":                    "needs double quotes",
		"exists = 1":                 "put it in double quotes",
		"exists(a":                   "expected )",
		"a = and":                    "needs quotes",
		"a b = 1":                    "after a, found",
		"'a' = 1":                    "expected the name of a field",
		`"a = 1`:                     "no closing quote",
		`a = "b`:                     "at character 5: the text has no closing quote",
		`a = "\n"`:                   "at character 6: a backslash stands only before",
		"a[x] = 1":                   "expected a whole number and ]",
		"a. = 1":                     "expected the name of a field",
		"n = 9223372036854775808":    "does not fit into 64 bits",
		"n = 1e999":                  "out of range",
		"d = 2024-13-01":             "is no time",
		"\xff = 1":                   "not valid UTF-8",
		strings.Repeat("(", 200):     "nested more than 100 deep",
		strings.Repeat("not ", 200):  "nested more than 100 deep",
		strings.Repeat("a", 1<<16+1): "more than 65536 bytes",
	} {
		got, err := filter.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, %v, want an error that says %q", text, got, err, want)
		}
	}
	var syntax *filter.SyntaxError
	if _, err := filter.Parse("a = "); !errors.As(err, &syntax) || syntax.At != 4 {
		t.Errorf("got %v, want a SyntaxError after 4 characters", err)
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2023, 2, 8, 10, 49, 0, 0, time.UTC)
	for _, text := range []string{
		"2023-02-08T10:49:00Z", "2023-02-08T11:49:00+01:00", "2023-02-08 11:49:00+0100", "2023-02-08T10:49:00",
		"2023-02-08T10:49", "2023-02-08 10:49", "2023-02-08t10:49:00.000z",
	} {
		if got, ok := filter.ParseTime(text); !ok || !got.Equal(want) {
			t.Errorf("%s: got %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "wiki", "2023", "2023-02-30", "2023-02-08T25:00:00Z", "0000-01-01", "9999-12-31T23:59:59-01:00"} {
		if got, ok := filter.ParseTime(text); ok {
			t.Errorf("%s: read as %v", text, got)
		}
	}
}

func TestParsePath(t *testing.T) {
	want := filter.Path{filter.Key("in"), filter.Element(-1), filter.Key("a b")}
	if got, err := filter.ParsePath(`in[]."a b"`); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "a.", "a b", "a =", ".a", "a[", "'a'"} {
		if got, err := filter.ParsePath(bad); err == nil {
			t.Errorf("%q: read as %v", bad, got)
		}
	}
}

// genExpr draws any filter.
func genExpr(depth int) *rapid.Generator[filter.Expr] {
	return rapid.Custom(func(t *rapid.T) filter.Expr {
		p := genPath().Draw(t, "path")
		kinds := 3
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return &filter.Exists{Path: p}
		case 1:
			return &filter.In{Path: p, Values: rapid.SliceOfN(genValue(), 1, 4).Draw(t, "values")}
		case 2:
			v := genValue().Draw(t, "value")
			op := filter.Equal
			switch v.(type) {
			case int64, float64, time.Time:
				op = rapid.SampledFrom([]filter.Op{filter.Equal, filter.Less, filter.LessOrEqual, filter.Greater, filter.GreaterOrEqual}).Draw(t, "op")
			}
			return &filter.Compare{Path: p, Op: op, Value: v}
		case 3:
			return &filter.Not{Of: genExpr(depth-1).Draw(t, "of")}
		case 4:
			return &filter.And{Of: rapid.SliceOfN(genExpr(depth-1), 2, 3).Draw(t, "and")}
		default:
			return &filter.Or{Of: rapid.SliceOfN(genExpr(depth-1), 2, 3).Draw(t, "or")}
		}
	})
}

func genPath() *rapid.Generator[filter.Path] {
	key := rapid.OneOf(
		rapid.SampledFrom([]string{"a", "b-c", "and", "in", "NOT", "exists", "", "odd key", "ปี", "a.b", "a[]"}),
		rapid.StringMatching(`[^"\\]*`),
	)
	return rapid.Custom(func(t *rapid.T) filter.Path {
		p := filter.Path{filter.Key(key.Draw(t, "key"))}
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "element") {
				p = append(p, filter.Element(rapid.IntRange(-1, 1<<31-1).Draw(t, "index")))
			} else {
				p = append(p, filter.Key(key.Draw(t, "key")))
			}
		}
		return p
	})
}

func genValue() *rapid.Generator[filter.Value] {
	return rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) filter.Value { return s }),
		rapid.Map(rapid.SampledFrom([]string{"and", "true", "1", "2024-12-31", `\`, `"'`, ""}), func(s string) filter.Value { return s }),
		rapid.Map(rapid.Int64(), func(n int64) filter.Value { return n }),
		rapid.Map(rapid.Float64(), func(x float64) filter.Value { return x + 0 }),
		rapid.Map(rapid.Bool(), func(b bool) filter.Value { return b }),
		rapid.Map(rapid.Int64Range(-62135596800_000000, 253402300799_999999), func(us int64) filter.Value { return time.UnixMicro(us).UTC() }),
	)
}

// What is printed reads back as it was.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genExpr(3).Draw(t, "filter")
		text := e.String()
		got, err := filter.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("%s: read as %s", text, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"year>=2020 and not (lang = th or exists(draft))", "tags in (a,'b c',3) or a[].b[1] != \"x\\\"\"",
		"d < 2024-12-31T23:59:59.5+02:00", "", "((", "not not a=1", `"q k".x == -1.5e-3`, "a = 1 and",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := filter.Parse(text)
		if err != nil {
			if e != nil {
				t.Errorf("both a filter and %v", err)
			}
			return
		}
		again, err := filter.Parse(e.String())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, e, err)
		}
		if !reflect.DeepEqual(e, again) {
			t.Errorf("%q prints as %q, which reads as %q", text, e, again)
		}
	})
}
