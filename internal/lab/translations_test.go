package lab_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/lab"
)

// People's translations are the documents of the same id, however these are cut;
// a translator's are of each passage, by its document's id where that is one
// passage.
func TestTranslations(t *testing.T) {
	client, _ := hashed(t)
	th, en := small("th", 3), small("en", 2)
	en.Documents[1].Text = "first half. second half."
	laboratory := lab.New(client, th, en)
	laboratory.AddTranslator("some", fussy([]string{"d0", "d2"}, []string{"d1"}))
	laboratory.AddTranslator("none", fussy(nil, nil))
	laboratory.AddTranslator("broken", fussy(nil, []string{"d0", "d1", "d2"}))
	text := func(id, model, text string) augment.Query {
		return augment.Query{DocID: id, Chunk: augment.EveryChunk, Lang: "en", Model: model, Text: text}
	}
	for _, tc := range []struct {
		by      string
		want    []augment.Query
		missing int
	}{
		{evalsuite.Human, []augment.Query{
			text("d0", "human", "en document 0"), text("d1", "human", "first half. "), text("d1", "human", "second half."),
		}, 1},
		{"some", []augment.Query{text("d0", "some", "th>en th document 0"), text("d2", "some", "th>en th document 2")}, 1},
	} {
		got, missing, err := laboratory.Translations(t.Context(), corpus.Chunking{MaxRunes: 16}, "th", "en", tc.by)
		if err != nil || missing != tc.missing || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %d missing, %+v, %v", tc.by, missing, got, err)
		}
	}
	for by, want := range map[string]error{"none": anchor.ErrNoTranslation, "broken": errRefused} {
		if _, _, err := laboratory.Translations(t.Context(), corpus.DefaultChunking, "th", "en", by); !errors.Is(err, want) ||
			!strings.Contains(err.Error(), `into "en" by `+by) {
			t.Errorf("%s: %v", by, err)
		}
	}
	for _, tc := range [][3]string{{"th", "en", "nobody"}, {"fr", "en", "some"}, {"th", "fr", "human"}} {
		if _, _, err := laboratory.Translations(t.Context(), corpus.DefaultChunking, tc[0], tc[1], tc[2]); err == nil {
			t.Errorf("%v: no error", tc)
		}
	}
}

// Translations are embedded as the passages that they are, and documents in each
// language have their own.
func TestAugmentedByTranslation(t *testing.T) {
	client, seen := hashed(t)
	laboratory := lab.New(client, small("th", 2), small("el", 2), small("en", 2))
	texts := evalsuite.Texts{Kind: evalsuite.PassageTranslations, Langs: []string{"en"}, By: []string{"some"}}
	with := lab.Augmentation{Mode: evalsuite.Blend, Texts: texts, Translations: map[string][]augment.Query{
		"th": {asking(0, "of th"), asking(1, "also th")}, "el": {asking(0, "of el"), asking(1, "also el")},
	}}
	augmented := laboratory.Augmented(corpus.DefaultChunking, with)
	if augmented.HasBank() || !reflect.DeepEqual(augmented.Texts(), texts) {
		t.Errorf("texts %+v, bank %v", augmented.Texts(), augmented.HasBank())
	}
	if _, err := augmented.Evaluate(t.Context(), human, []evalsuite.Setting{{Lambda: 0.5, Alpha: 0.5}}, ndcg(1)...); err != nil {
		t.Fatal(err)
	}
	seen.wantOnce(t, "query: th question 0", "query: th question 1", "query: en question 0", "query: en question 1",
		"passage: th document 0", "passage: th document 1", "passage: of th", "passage: also th")
}
