package trec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/trec"
)

func TestReadRun(t *testing.T) {
	const text = "q2 Q0 d1 1 0.5 tag\r\n" +
		"\n" +
		"q1\tQ0\tlow  -7 -1e-3 tag\n" +
		"q1 0 high 99 2 other-tag\n" +
		"  q1 Q0 alike 0 2.0 tag"
	got, err := trec.ReadRun(strings.NewReader(text), "a.run")
	want := metrics.Run{
		"q1": {{DocID: "high", Score: 2}, {DocID: "alike", Score: 2}, {DocID: "low", Score: -0.001}},
		"q2": {{DocID: "d1", Score: 0.5}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v (error %v), want %v", got, err, want)
	}
}

func TestReadRunKeepsTheOrderOfTies(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "q Q0 d%d %d %d tag\n", i, i+1, i%2)
	}
	run, err := trec.ReadRun(strings.NewReader(text.String()), "a.run")
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range run["q"] {
		if want := fmt.Sprint("d", (2*i+1)%101); d.DocID != want {
			t.Fatalf("document %d is %s, want %s", i, d.DocID, want)
		}
	}
}

func TestReadQrels(t *testing.T) {
	got, err := trec.ReadQrels(strings.NewReader("q1 0 d1 2\nq1 Q0 d2 -1\nq2 0 d1 0\n"), "a.qrels")
	want := metrics.Qrels{"q1": {"d1": 2, "d2": -1}, "q2": {"d1": 0}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v (error %v), want %v", got, err, want)
	}
}

func TestReadErrors(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	run := func(text string) error {
		_, err := trec.ReadRun(strings.NewReader(text), "a.txt")
		return err
	}
	qrels := func(text string) error {
		_, err := trec.ReadQrels(strings.NewReader(text), "a.txt")
		return err
	}
	tests := []struct {
		name, text string
		read       func(string) error
		want       string
	}{
		{"column missing", "q Q0 d 1 0.5 t\nq Q0 e 2 0.4\n", run, "a.txt:2: the line has 5 columns, want 6: query Q0 document rank score tag"},
		{"column too many", "\n\nq Q0 d 1 0.5 my tag\n", run, "a.txt:3: the line has 7 columns"},
		{"NaN", "q Q0 d 1 NaN t\n", run, `a.txt:1: score "NaN" is not a finite number`},
		{"Inf", "q Q0 d 1 -inf t\n", run, `a.txt:1: score "-inf" is not a finite number`},
		{"overflow", "q Q0 d 1 1e999 t\n", run, `a.txt:1: score "1e999" is not`},
		{"score and rank swapped", "q Q0 d 0.5 1 t\n", run, `a.txt:1: rank "0.5" is not a whole number`},
		{"document twice", "q Q0 d 1 2 t\np Q0 d 1 2 t\nq Q0 d 2 1 t\n", run, `a.txt:3: document "d" stands twice in query "q"`},
		{"empty", "\n \n", run, "a.txt: the file has no lines"},
		{"byte order mark", "\ufeffq Q0 d 1 2 t\n", run, "a.txt:1: the line holds a byte order mark"},
		{"endless line", "q Q0 d 1 2 t\n" + long, run, "a.txt:2: the line is longer than"},
		{"a run as qrels", "q Q0 d 1 2 t\n", qrels, "a.txt:1: the line has 6 columns, want 4: query 0 document grade"},
		{"grade", "q 0 d 1\nq 0 e 0.5\n", qrels, `a.txt:2: grade "0.5" is not a whole number`},
		{"judged twice", "q 0 d 1\nq 0 d 1\n", qrels, `a.txt:2: document "d" is judged twice in query "q"`},
		{"empty", "", qrels, "a.txt: the file has no lines"},
		{"endless word", "q Q0 d " + long[:1000] + " 1 t\n", run, strings.Repeat("x", 120) + `" is not`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.read(tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v, want one that says %q", err, tc.want)
			}
			if len(err.Error()) > 400 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

func TestReadPassesCauseOn(t *testing.T) {
	cause := errors.New("disk on fire")
	_, err := trec.ReadRun(brokenReader{cause}, "a.run")
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "a.run:1:") {
		t.Errorf("error = %v, want the cause and the place", err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestWriteRun(t *testing.T) {
	var out bytes.Buffer
	run := metrics.Run{
		"b":     {{DocID: "x", Score: 1.0 / 3}, {DocID: "a", Score: 0.25}, {DocID: "b", Score: 0.25}},
		"a":     {{DocID: "y", Score: 1e-300}},
		"empty": nil,
	}
	if err := trec.WriteRun(&out, run, "fused"); err != nil {
		t.Fatal(err)
	}
	const want = `a Q0 y 1 1e-300 fused
b Q0 x 1 0.3333333333333333 fused
b Q0 a 2 0.25 fused
b Q0 b 3 0.25 fused
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestWriteErrors(t *testing.T) {
	one := func(id string, score float64) metrics.Run {
		return metrics.Run{"q": {{DocID: id, Score: score}}}
	}
	tests := []struct {
		name string
		run  metrics.Run
		tag  string
		want string
	}{
		{"white space in id", one("a b", 1), "t", `query "q": document id "a b" holds white space`},
		{"empty id", one("", 1), "t", "document id is empty"},
		{"byte order mark", one("\ufeffa", 1), "t", "holds a byte order mark"},
		{"huge id", one(strings.Repeat("x", 1<<18), 1), "t", "is 262144 bytes long"},
		{"tag", one("a", 1), "my run", `tag "my run" holds white space`},
		{"query", metrics.Run{"q\n": one("a", 1)["q"]}, "t", `query id "q\n" holds white space`},
		{"NaN", one("a", math.NaN()), "t", `document "a" has score NaN`},
		{"Inf", one("a", math.Inf(1)), "t", `document "a" has score +Inf`},
		{"twice", metrics.Run{"q": {{DocID: "a", Score: 2}, {DocID: "a", Score: 1}}}, "t", `document "a" stands twice`},
		{"unranked", metrics.Run{"q": {{DocID: "a", Score: 1}, {DocID: "b", Score: 2}}}, "t", "scores do not descend"},
		{"nothing", metrics.Run{"q": nil}, "t", "it has no documents"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			err := trec.WriteRun(&out, tc.run, tc.tag)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
			if out.Len() != 0 {
				t.Errorf("%q was written", out.String())
			}
		})
	}
	for want, qrels := range map[string]metrics.Qrels{
		"there is no judgement":            {"q": nil},
		`query id "a b" holds white space`: {"a b": {"d": 1}},
		`query "q": document id is empty`:  {"q": {"": 1}},
	} {
		var out bytes.Buffer
		err := trec.WriteQrels(&out, qrels)
		if err == nil || !strings.Contains(err.Error(), want) || out.Len() != 0 {
			t.Errorf("error = %v after %d bytes, want one that says %q before any", err, out.Len(), want)
		}
	}
}

func TestWritePassesCauseOn(t *testing.T) {
	cause := errors.New("disk full")
	if err := trec.WriteRun(fullWriter{cause}, metrics.Run{"q": {{DocID: "d", Score: 1}}}, "t"); !errors.Is(err, cause) {
		t.Errorf("WriteRun: error = %v, want the cause", err)
	}
	if err := trec.WriteQrels(fullWriter{cause}, metrics.Qrels{"q": {"d": 1}}); !errors.Is(err, cause) {
		t.Errorf("WriteQrels: error = %v, want the cause", err)
	}
}

type fullWriter struct{ err error }

func (w fullWriter) Write([]byte) (int, error) { return 0, w.err }

var ids = rapid.StringMatching(`[^ \t\r\n\v\f\x{feff}]{1,6}`)

func TestRunRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := metrics.Run{}
		for _, query := range rapid.SliceOfNDistinct(ids, 1, 4, rapid.ID).Draw(t, "queries") {
			score := math.MaxFloat64
			for _, id := range rapid.SliceOfNDistinct(ids, 1, 6, rapid.ID).Draw(t, "documents") {
				score = rapid.Float64Max(score).Filter(func(f float64) bool { return !math.IsInf(f, 0) }).Draw(t, "score")
				run[query] = append(run[query], metrics.Scored{DocID: id, Score: score})
			}
		}
		var out bytes.Buffer
		if err := trec.WriteRun(&out, run, "tag"); err != nil {
			t.Fatal(err)
		}
		got, err := trec.ReadRun(&out, "run")
		if err != nil || !reflect.DeepEqual(got, run) {
			t.Fatalf("got %v (error %v), want %v", got, err, run)
		}
	})
}

func TestQrelsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		qrels := metrics.Qrels(rapid.MapOfN(ids, rapid.MapOfN(ids, rapid.Int(), 1, 5), 1, 4).Draw(t, "qrels"))
		var out bytes.Buffer
		if err := trec.WriteQrels(&out, qrels); err != nil {
			t.Fatal(err)
		}
		got, err := trec.ReadQrels(&out, "qrels")
		if err != nil || !reflect.DeepEqual(got, qrels) {
			t.Fatalf("got %v (error %v), want %v", got, err, qrels)
		}
	})
}

// FuzzReadRun holds that what is read can be written and read again.
func FuzzReadRun(f *testing.F) {
	for _, seed := range []string{
		"q Q0 d 1 0.5 tag\nq Q0 e 2 0.5 tag\n", "q\tQ0\td\t-1\t-1e-9\ttag\r\n", "q Q0 d 1 nan tag",
		"q Q0 d 1 0x1p-2 tag", "q Q0 d 1 1 tag\nq Q0 d 2 1 tag", "\ufeffq Q0 d 1 1 tag", "q Q0 \xff\u00a0 1 1 tag", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := trec.ReadRun(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := trec.WriteRun(&out, run, "tag"); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := trec.ReadRun(&out, "again")
		if err != nil || fmt.Sprint(again) != fmt.Sprint(run) {
			t.Fatalf("read %v, after writing %v (error %v)", run, again, err)
		}
	})
}

// FuzzReadQrels holds that what is read can be written and read again.
func FuzzReadQrels(f *testing.F) {
	for _, seed := range []string{
		"q 0 d 1\nq 0 e -1\n", "q\t0\td\t+2\r\n", "q 0 d 1\nq 0 d 1", "q 0 d 1e3", "q Q0 d 99999999999999999999", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		qrels, err := trec.ReadQrels(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := trec.WriteQrels(&out, qrels); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := trec.ReadQrels(&out, "again")
		if err != nil || !reflect.DeepEqual(again, qrels) {
			t.Fatalf("read %v, after writing %v (error %v)", qrels, again, err)
		}
	})
}
