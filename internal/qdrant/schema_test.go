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
