package qdrant_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

func TestSchemaDiff(t *testing.T) {
	index := qdrant.Schema{Model: "a", Dimensions: 384, QueryPrefix: "query: ", ChunkRunes: 1200}
	run := qdrant.Schema{Model: "b", Dimensions: 768, EmbedsTitle: true, ChunkRunes: 1200}
	want := []string{
		`model: index has "a", this run has "b"`,
		`dimensions: index has 384, this run has 768`,
		`query prefix: index has "query: ", this run has none`,
		`embeds title: index has false, this run has true`,
	}
	if got := index.Diff(run); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := index.Diff(index); got != nil {
		t.Errorf("a schema differs from itself: %q", got)
	}
}

// A field that Diff forgets would let two kinds of vectors mix.
func TestSchemaDiffSeesEveryField(t *testing.T) {
	kind := reflect.TypeFor[qdrant.Schema]()
	for i := range kind.NumField() {
		switch kind.Field(i).Name {
		case "Augment", "Layout":
			continue // their own tests follow
		}
		var changed qdrant.Schema
		switch field := reflect.ValueOf(&changed).Elem().Field(i); field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Int:
			field.SetInt(1)
		case reflect.Bool:
			field.SetBool(true)
		default:
			t.Fatalf("%s has a kind this test does not know", kind.Field(i).Name)
		}
		if got := (qdrant.Schema{}).Diff(changed); len(got) != 1 {
			t.Errorf("%s: got %q, want one difference", kind.Field(i).Name, got)
		}
	}
}

func TestSchemaDiffOfLayout(t *testing.T) {
	kind := reflect.TypeFor[qdrant.Layout]()
	for i := range kind.NumField() {
		name := kind.Field(i).Name
		changed := qdrant.Schema{Layout: qdrant.OwnLayout()}
		if got := (qdrant.Schema{}).Diff(changed); got != nil {
			t.Errorf("no layout and this program's own differ: %q", got)
		}
		if name == "TextInJSON" || name == "NoDocID" {
			continue // no index is written with one
		}
		reflect.ValueOf(&changed.Layout).Elem().Field(i).SetString("x")
		if got := (qdrant.Schema{}).Diff(changed); len(got) != 1 || !strings.HasSuffix(got[0], `this run has "x"`) {
			t.Errorf("%s: got %q, want one difference", name, got)
		}
	}
}

func TestSchemaDiffOfAugmented(t *testing.T) {
	augmented := func(change func(*qdrant.Augment)) qdrant.Schema {
		a := qdrant.Augment{
			Alpha: 0.02, Queries: 190, PerPassage: 5, Langs: []string{"en", "es"},
			Models: []string{"m"}, Prompts: []string{"p"}, Hash: "0123456789abcdef",
		}
		change(&a)
		return qdrant.Schema{Model: "m", Augment: &a}
	}
	index, plain := augmented(func(*qdrant.Augment) {}), qdrant.Schema{Model: "m"}
	for name, test := range map[string]struct {
		index, run qdrant.Schema
		want       []string
	}{
		"the same":    {index, augmented(func(*qdrant.Augment) {}), nil},
		"other alpha": {index, augmented(func(a *qdrant.Augment) { a.Alpha = 0.05 }), []string{"alpha: index has 0.02, this run has 0.05"}},
		"other queries": {index, augmented(func(a *qdrant.Augment) { a.Queries, a.Hash = 191, "fedcba9876543210" }), []string{
			`generated queries: index has "190 in en, es, 0123456789ab", this run has "191 in en, es, fedcba987654"`,
		}},
		"the same texts by another model": {index, augmented(func(a *qdrant.Augment) { a.Models = nil }), nil},
		"plain run": {index, plain, []string{
			"alpha: index has 0.02, this run has 0", `generated queries: index has "190 in en, es, 0123456789ab", this run has none`,
		}},
		"plain index": {plain, index, []string{
			"alpha: index has 0, this run has 0.02", `generated queries: index has none, this run has "190 in en, es, 0123456789ab"`,
		}},
	} {
		if got := test.index.Diff(test.run); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestSchemaErrorNamesTheIndex(t *testing.T) {
	err := &qdrant.SchemaError{
		Key:         qdrant.Key{Corpus: "docs", Lang: "zh-Hant"},
		Differences: []string{"one", "two"},
	}
	for _, want := range []string{"docs_zh-Hant", "one; two"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}
