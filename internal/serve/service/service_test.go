package service_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Every request reads back as it was written.
func TestDecodeReadsWhatWasWritten(t *testing.T) {
	text := rapid.StringN(1, 20, -1)
	weight := rapid.Float64Range(0, 1)
	rapid.Check(t, func(t *rapid.T) {
		want := service.Request{
			Corpus: text.Draw(t, "corpus"), Query: text.Draw(t, "query"), Lang: text.Draw(t, "lang"),
			Langs: rapid.SliceOfN(text, 1, 3).Draw(t, "langs"), Anchor: text.Draw(t, "anchor"), AnchorLang: text.Draw(t, "anchor lang"),
			MoreAnchors: []service.Text{{Lang: text.Draw(t, "more lang"), Text: text.Draw(t, "more text")}},
			Weights:     rapid.SliceOfN(weight, 1, 9).Draw(t, "weights"), TopK: rapid.IntRange(1, 1<<30).Draw(t, "top k"),
			Strategy: text.Draw(t, "strategy"), Filter: text.Draw(t, "filter"),
			Trust:         service.Trust(rapid.OneOf(rapid.SampledFrom([]string{"", "auto", "always"}), rapid.Map(weight, number)).Draw(t, "trust")),
			AnchorTimeout: service.Duration(rapid.IntRange(1, 59_999).Draw(t, "ms")) * 1e6,
			RequireAnchor: rapid.Bool().Draw(t, "require"), Explain: rapid.Bool().Draw(t, "explain"), Compare: rapid.Bool().Draw(t, "compare"),
		}
		if rapid.Bool().Draw(t, "with lambda") {
			lambda, approximate := weight.Draw(t, "lambda"), rapid.Bool().Draw(t, "approximate")
			want.Lambda, want.Approximate = &lambda, &approximate
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := service.Decode(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %v\ngot  %+v\nwant %+v", data, err, got, want)
		}
	})
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// FuzzDecode takes any bytes: what it reads is written and read again the same,
// and what it refuses it calls by the one code.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"corpus":"a","query":"b","lambda":0.5,"top_k":1e1,"trust":1,"anchor_timeout":"1.5s","langs":["th"]}`))
	f.Add([]byte(`{"corpus":"a","query":"b","more_anchors":[{"lang":"en","text":"c"}],"weights":[1,0],"compare":true}`))
	f.Add([]byte(`{"corpus":"a","corpus":"b"}`))
	f.Add([]byte(`{"top_k":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := service.Decode(body)
		if err != nil {
			if e, ok := errors.AsType[*service.Error](err); !ok || e.Code != service.CodeInvalid || e.Message == "" {
				t.Fatalf("%q: %#v", body, err)
			}
			return
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := service.Decode(data)
		if err != nil {
			t.Fatalf("%q was read, and written as %s: %v", body, data, err)
		}
		if more, err := json.Marshal(again); err != nil || string(more) != string(data) {
			t.Fatalf("%s reads as %s (%v)", data, more, err)
		}
	})
}

func TestLanguages(t *testing.T) {
	const greek, nothing = "Γιατί ο ουρανός είναι γαλάζιος την ημέρα;", "123"
	for _, c := range []struct {
		name    string
		tags    []string
		indexed []string
		text    string
		lang    string
		targets []string
		reason  string
		unclear bool
	}{
		{"one", []string{"th"}, nil, nothing, "th", nil, "", false},
		{"canonical", []string{"zh-Hans-CN"}, nil, nothing, "zh-Hans-CN", nil, "", false},
		{"several", []string{"th", "el"}, nil, nothing, "th", []string{"th", "el"}, "", false},
		{"detected", nil, []string{"el", "th"}, greek, "el", nil, "script", false},
		{"auto", []string{"auto"}, []string{"el", "th"}, greek, "el", nil, "script", false},
		{"the only one", []string{"auto"}, []string{"th"}, nothing, "th", nil, "only", false},
		{"all", []string{"all"}, []string{"el", "th"}, greek, "el", []string{"el", "th"}, "script", false},
		{"all of one", []string{"all"}, []string{"th"}, nothing, "th", nil, "only", false},
		{"unclear", nil, []string{"el", "th"}, nothing, "", nil, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			languages, err := service.ParseLanguages(c.tags...)
			if err != nil || languages.Detected() != (c.indexed != nil) {
				t.Fatalf("%v, detected %v", err, languages.Detected())
			}
			q := search.Query{Text: c.text}
			err = languages.Choose(&q, c.indexed)
			if _, unclear := errors.AsType[*service.UnclearError](err); unclear != c.unclear {
				t.Fatalf("%v, want unclear %v", err, c.unclear)
			}
			reason := ""
			if q.Detected != nil {
				reason = q.Detected.Reason
			}
			if q.Lang != c.lang || !slices.Equal(q.Targets, c.targets) || reason != c.reason {
				t.Errorf("lang %q, targets %v, reason %q", q.Lang, q.Targets, reason)
			}
		})
	}
	for _, tags := range [][]string{{"auto", "th"}, {"th", "th"}, {"th", "TH"}, {"nothing at all"}, {""}} {
		if _, err := service.ParseLanguages(tags...); err == nil {
			t.Errorf("%q are taken", tags)
		}
	}
}
