package profile_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/profile"
)

const model = "multilingual-e5-small-q4"

func tuned() *profile.Profile {
	return &profile.Profile{
		Model: model, AnchorLang: "en", Dataset: "xquad",
		Langs: map[string]profile.Tuning{
			"th": {Lambda: 0.57, Questions: 1190},
			"pt": {Lambda: 0, Questions: 3}, "pt-BR": {Lambda: 1, Questions: 2},
			"zh-Hant": {Lambda: 1.0 / 3, Questions: 1},
		},
	}
}

const written = `{
  "version": 1,
  "model": "multilingual-e5-small-q4",
  "anchor_lang": "en",
  "dataset": "xquad",
  "langs": {
    "pt": {
      "lambda": 0,
      "questions": 3
    },
    "pt-BR": {
      "lambda": 1,
      "questions": 2
    },
    "th": {
      "lambda": 0.57,
      "questions": 1190
    },
    "zh-Hant": {
      "lambda": 0.3333333333333333,
      "questions": 1
    }
  }
}
`

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "weights.json")
	// What was there before is replaced, also where it was longer.
	if err := os.WriteFile(path, []byte(strings.Repeat(written, 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	want := tuned()
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != written {
		t.Errorf("the file holds, with error %v:\n%s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file has mode %v, %v, want 0644", info.Mode(), err)
	}
	got, err := profile.Read(path, model)
	if err != nil {
		t.Fatal(err)
	}
	if want.Version != 1 || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, wrote %+v", got, want)
	}
	wantNames(t, dir, "weights.json")
}

func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*profile.Profile){
		"lambda of \"th\" is NaN":   func(p *profile.Profile) { p.Langs["th"] = profile.Tuning{Lambda: math.NaN()} },
		"lambda of \"th\" is -0.01": func(p *profile.Profile) { p.Langs["th"] = profile.Tuning{Lambda: -0.01} },
		"lambda of \"th\" is +Inf":  func(p *profile.Profile) { p.Langs["th"] = profile.Tuning{Lambda: math.Inf(1)} },
		"it names no model":         func(p *profile.Profile) { p.Model = " " },
		"\"\" is not a language":    func(p *profile.Profile) { p.AnchorLang = "" },
		"\"TH\" is not a language":  func(p *profile.Profile) { p.Langs["TH"] = profile.Tuning{} },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "weights.json")
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := tuned()
		change(p)
		if err := p.Write(path); err == nil || !strings.HasPrefix(err.Error(), "write profile: "+name) {
			t.Errorf("want an error that begins with %q, got %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "before" {
			t.Errorf("%s: the file holds %q, %v", name, text, err)
		}
		wantNames(t, dir, "weights.json")
	}
}

// Where the file cannot be put in its place, nothing is left beside it.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := tuned().Write(taken); err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("a folder was replaced: %v", err)
	}
	wantNames(t, dir, "taken")
	wantNames(t, taken, "kept")
	if err := tuned().Write(filepath.Join(dir, "absent", "weights.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in an absent folder: %v", err)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

func TestReadRefuses(t *testing.T) {
	// good with a part replaced.
	good := func(old, with string) string {
		changed := strings.Replace(written, old, with, 1)
		if changed == written {
			t.Fatalf("the good profile has no %s", old)
		}
		return changed
	}
	for _, tc := range []struct {
		name, text string
		want       string // after the path
	}{
		{"empty", "", "EOF"},
		{"cut off", written[:len(written)-5], "unexpected EOF"},
		{"not JSON", good(`"en"`, `en`), "line 4: invalid character 'e' looking for beginning of value"},
		{"line end in a string", good(`"xquad"`, "\"xq\nuad\""), `line 5: invalid character '\n' in string literal`},
		{"an array", "[]", "line 1: json: cannot unmarshal array"},
		{"null", "null", "version is 0, this program reads 1"},
		{"two objects", written + "{}", "there is more than one JSON object"},
		{"text behind", written + "x", "there is more than one JSON object"},
		{"later version", good(`"version": 1`, `"version": 2`), "version is 2, this program reads 1"},
		{"no version", good(`"version": 1,`, ""), "version is 0, this program reads 1"},
		{"unknown field", good(`"dataset"`, `"data"`), `json: unknown field "data"`},
		{"unknown field of a language", good(`"questions": 3`, `"question": 3`), `json: unknown field "question"`},
		{"no model", good(model, ""), "it names no model"},
		{"no anchor language", good(`"anchor_lang": "en",`, ""), `"" is not a language tag in its usual form`},
		{"unusual anchor language", good(`"en"`, `"eng"`), `"eng" is not a language tag in its usual form`},
		{"no language", good(`"th": {`, `"xx": {`), `"xx" is not a language tag in its usual form`},
		{"unusual language", good(`"pt-BR"`, `"pt-br"`), `"pt-br" is not a language tag in its usual form`},
		{"lambda above 1", good("0.57", "1.01"), `lambda of "th" is 1.01, want a number in [0, 1]`},
		{"lambda below 0", good("0.57", "-1e-9"), `lambda of "th" is -1e-09, want a number in [0, 1]`},
		{"lambda NaN", good("0.57", "NaN"), "line 16: invalid character 'N' looking for beginning of value"},
		{"lambda beyond numbers", good("0.57", "1e999"), "line 16: json: cannot unmarshal number 1e999 into"},
		{"lambda in quotes", good("0.57", `"0.57"`), "line 16: json: cannot unmarshal string into"},
		{"no lambda", good(`"lambda": 0.57,`, ""), `"th" has no lambda`},
		{"lambda null", good("0.57", "null"), `"th" has no lambda`},
		{"language null", good("{\n      \"lambda\": 0.57,\n      \"questions\": 1190\n    }", "null"), `"th" has no lambda`},
		{"huge", written + strings.Repeat(" ", 1<<20), "it is larger than 1048576 bytes: is this the right file?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "weights.json")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := profile.Read(path, model)
			if want := "read profile " + path + ": " + tc.want; err == nil || !strings.HasPrefix(err.Error(), want) || p != nil {
				t.Errorf("read %+v\n got error %v\nwant %s", p, err, want)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "weights.json")
	if _, err := profile.Read(path, model); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("an absent file: %v", err)
	}
	if err := tuned().Write(path); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Read(path, "bge-m3")
	want := `profile ` + path + ` was tuned for model "multilingual-e5-small-q4", not for "bge-m3": tune again with evaluate tune`
	if err == nil || err.Error() != want || p != nil {
		t.Errorf("another model: %v", err)
	}
}

// The largest file that is read is read.
func TestReadAtTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights.json")
	if err := os.WriteFile(path, []byte(written+strings.Repeat(" ", 1<<20-len(written))), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := profile.Read(path, model); err != nil || len(p.Langs) != 4 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestLambda(t *testing.T) {
	p := tuned()
	for _, tc := range []struct {
		p                    *profile.Profile
		language, anchorLang string
		want                 float64
		ok                   bool
	}{
		{p, "th", "en", 0.57, true},
		{p, "th-TH", "en", 0.57, true},
		{p, "th", "en-GB", 0.57, true},
		{p, "th", "de", 0, false},
		{p, "el", "en", 0, false},
		{p, "pt", "en", 0, true}, // 0 is a weight as good as any
		{p, "pt-BR", "en", 1, true},
		{p, "pt-AO", "en", 0, true},
		{p, "zh-Hant", "en", 1.0 / 3, true},
		{p, "zh", "en", 0, false}, // a script's weight is not the language's
		{p, "zh-HK", "en", 0, false},
		{&profile.Profile{AnchorLang: "en"}, "th", "en", 0, false},
		{nil, "th", "en", 0, false},
	} {
		if got, ok := tc.p.Lambda(tc.language, tc.anchorLang); got != tc.want || ok != tc.ok {
			t.Errorf("λ in %s with anchors in %s is %v, %v, want %v, %v", tc.language, tc.anchorLang, got, ok, tc.want, tc.ok)
		}
	}
}

// What is accepted has weights for what it names, and is written as it is read.
func FuzzParse(f *testing.F) {
	f.Add(written)
	f.Add(strings.Replace(written, `"lambda": 0,`, "", 1))
	f.Add(strings.Replace(written, "0.57", "1e-400", 1))
	f.Add(strings.Replace(written, "pt-BR", "pt-br", 1))
	f.Add(written + written)
	f.Add(`{"version":1,"model":"m","anchor_lang":"en"}`)
	f.Add(`{"version":1,"model":"m","anchor_lang":"en","langs":{"th":{"lambda":1}},"langs":{"th":null}}`)
	f.Add(`{"VERSION":1,"Model":"\ud800","anchor_lang":"zh-Hant","langs":{}}`)
	f.Add("null")
	f.Add("\ufeff{}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := profile.Parse([]byte(text))
		if err != nil {
			return
		}
		for language, tuning := range p.Langs {
			if got, ok := p.Lambda(language, p.AnchorLang); !ok || !(got >= 0 && got <= 1) || got != tuning.Lambda {
				t.Fatalf("λ in %s is %v, %v, read as %v", language, got, ok, tuning.Lambda)
			}
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := profile.Parse(again); err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v comes back as %+v, %v", p, q, err)
		}
	})
}
