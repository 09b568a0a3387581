package lab_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
)

// asking returns a query for a document of small.
func asking(document int, text string) augment.Query {
	return augment.Query{DocID: fmt.Sprintf("d%d", document), Chunk: augment.EveryChunk, Lang: "en", Text: text}
}

// The plain index is what brute force ranks, whatever queries there are, and
// settings are told apart.
func TestAugmentedWithoutWeight(t *testing.T) {
	client, _ := hashed(t)
	laboratory := lab.New(client, small("th", 30), small("en", 30))
	laboratory.AddTranslator("some", fussy([]string{"q7", "q2", "q11"}, nil))
	queries := []augment.Query{asking(3, "one"), asking(3, "one"), asking(29, "two"), asking(0, "three")}
	brute := laboratory.Brute(corpus.DefaultChunking)
	for _, mode := range []evalsuite.Mode{evalsuite.Blend, evalsuite.Multi} {
		augmented := laboratory.Augmented(corpus.DefaultChunking, lab.Augmentation{Mode: mode, Queries: queries, Bank: queries})
		if augmented.Mode() != mode {
			t.Errorf("mode %q, want %q", augmented.Mode(), mode)
		}
		for _, p := range []evalsuite.Pairing{human, by("some")} {
			var settings []evalsuite.Setting
			for _, lambda := range someLambdas {
				settings = append(settings, evalsuite.Setting{Lambda: lambda}, evalsuite.Setting{Lambda: lambda, Alpha: 0.9, Hub: 3})
			}
			want, err1 := brute.Evaluate(t.Context(), p, someLambdas, manyMeasures(t)...)
			got, err2 := augmented.Evaluate(t.Context(), p, settings, manyMeasures(t)...)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			same := 0
			for i := range someLambdas {
				if !reflect.DeepEqual(want[i], got[2*i]) {
					t.Errorf("%s, %+v, λ %v: %v, want %v", mode, p, someLambdas[i], got[2*i].Means(), want[i].Means())
				}
				if reflect.DeepEqual(want[i], got[2*i+1]) {
					same++
				}
			}
			if same == len(someLambdas) {
				t.Errorf("%s, %+v: α 0.9 and hub 3 change nothing", mode, p)
			}
			wantQrels, err1 := brute.Qrels(t.Context(), p)
			gotQrels, err2 := augmented.Qrels(t.Context(), p)
			if err1 != nil || err2 != nil || !reflect.DeepEqual(wantQrels, gotQrels) {
				t.Errorf("qrels %v, want %v; %v, %v", gotQrels, wantQrels, err1, err2)
			}
		}
	}
}

// Every text is embedded once, generated ones as queries, and of the passages
// only those that are ranked.
func TestAugmentedTexts(t *testing.T) {
	client, seen := hashed(t)
	laboratory := lab.New(client, small("th", 2), small("en", 2))
	augmented := laboratory.Augmented(corpus.DefaultChunking, lab.Augmentation{
		Mode: evalsuite.Multi, Documents: "en",
		Queries: []augment.Query{asking(0, "leaps?"), asking(0, "leaps?")}, Bank: []augment.Query{asking(0, "leaps?"), asking(1, "grows?")},
	})
	for _, alpha := range []float64{0.1, 0.2} {
		if _, err := augmented.Evaluate(t.Context(), human, []evalsuite.Setting{{Lambda: 0.5, Alpha: alpha}}, ndcg(1)...); err != nil {
			t.Fatal(err)
		}
	}
	seen.wantOnce(t,
		"query: th question 0", "query: th question 1", "query: en question 0", "query: en question 1",
		"query: leaps?", "query: grows?", "passage: en document 0", "passage: en document 1")
}

// A query of one chunk belongs to that passage alone.
func TestAugmentedChunks(t *testing.T) {
	client, _ := hashed(t)
	th := small("th", 3)
	th.Documents[1].Text = "The first sentence stands here. The second one stands there."
	chunking := corpus.Chunking{MaxRunes: 40}
	if n := len(chunking.Passages(th.Documents[1])); n != 2 {
		t.Fatalf("%d passages, want 2", n)
	}
	laboratory := lab.New(client, th, small("en", 3))
	p := evalsuite.Pairing{Lang: "th", AnchorLang: "th"}
	find := func(chunk int) float64 {
		// The question itself, generated for a passage that it otherwise misses.
		query := asking(1, "th question 1")
		query.Chunk = chunk
		augmented := laboratory.Augmented(chunking, lab.Augmentation{Mode: evalsuite.Blend, Queries: []augment.Query{query, asking(0, "other"), asking(2, "other")}})
		e, err := augmented.Evaluate(t.Context(), p, []evalsuite.Setting{{Lambda: 1, Alpha: 1}}, ndcg(1)...)
		if err != nil {
			t.Fatal(err)
		}
		return e[0].Values[0][1]
	}
	if find(0) != 1 || find(1) != 1 || find(augment.EveryChunk) != 1 || find(2) != 0 {
		t.Errorf("q1 found: %v by chunk 0, %v by chunk 1, %v by all, %v by one that is not there",
			find(0), find(1), find(augment.EveryChunk), find(2))
	}
}

// Questions asked of passages in another language have the answers of their
// parallels there.
func TestAugmentedAnswers(t *testing.T) {
	client, _ := hashed(t)
	th, en := small("th", 3), small("en", 3)
	en.Questions[0].Answers = []string{"en document"} // in any of them
	en.Questions[1].Answers = []string{"yes"}
	en.Questions[2].Answers = []string{"th document"}
	th.Questions[2].Answers = []string{"en document"}
	laboratory := lab.New(client, th, en)
	augmented := laboratory.Augmented(uncut, lab.Augmentation{Mode: evalsuite.Blend, Queries: []augment.Query{asking(1, "grows?")}, Documents: "en"})
	got, err := augmented.Evaluate(t.Context(), human, []evalsuite.Setting{{Lambda: 1}, {Lambda: 0.5, Alpha: 0.1}}, r2kt, ndcg1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range got {
		if !slices.Equal(e.Queries, []string{"q0", "q2"}) || !slices.Equal(e.Measures, []metrics.Measure{r2kt, ndcg1}) ||
			!slices.Equal(e.Values[0], []float64{1, 0}) {
			t.Errorf("%+v", e)
		}
	}
}

// What is too much is said before anything is embedded.
func TestAugmentedTooMuch(t *testing.T) {
	client, seen := hashed(t)
	set := small("th", 1<<13)
	augmented := lab.New(client, set).Augmented(corpus.DefaultChunking, lab.Augmentation{Mode: evalsuite.Multi, Queries: []augment.Query{asking(0, "leaps?")}})
	_, err := augmented.Evaluate(t.Context(), evalsuite.Pairing{Lang: "th", AnchorLang: "th"}, []evalsuite.Setting{{Lambda: 1}}, ndcg(1)...)
	want := `8192 questions and 1 texts of passages against 8192 documents in "th" are more than brute force holds`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	seen.wantOnce(t)
}

func TestAugmentedRefuses(t *testing.T) {
	known := []augment.Query{asking(0, "leaps?")}
	for name, tc := range map[string]struct {
		pairing evalsuite.Pairing
		with    lab.Augmentation
		want    string
	}{
		"unknown document":    {human, lab.Augmentation{Queries: []augment.Query{asking(7, "leaps?")}}, `document "d7", which dataset small has not in "th"`},
		"unknown in the bank": {human, lab.Augmentation{Queries: known, Bank: []augment.Query{asking(7, "leaps?")}}, `document "d7"`},
		"no queries":          {human, lab.Augmentation{}, "no generated query"},
		"no such passages":    {human, lab.Augmentation{Queries: known, Documents: "el"}, `has no "el"`},
		"other passages":      {human, lab.Augmentation{Queries: known, Documents: "tr"}, `document "d1" has no parallel in tr`},
		"no such questions":   {evalsuite.Pairing{Lang: "el", AnchorLang: "en", Translator: evalsuite.Human}, lab.Augmentation{Queries: known}, `has no "el"`},
	} {
		client, _ := hashed(t)
		laboratory := lab.New(client, small("th", 3), small("en", 3), small("tr", 1))
		tc.with.Mode = evalsuite.Blend
		_, err := laboratory.Augmented(corpus.DefaultChunking, tc.with).Evaluate(t.Context(), tc.pairing, []evalsuite.Setting{{Lambda: 1}}, ndcg(1)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}

	client, _ := hashed(t)
	laboratory := lab.New(client, small("th", 3), small("en", 3))
	augmented := laboratory.Augmented(corpus.DefaultChunking, lab.Augmentation{Mode: evalsuite.Blend, Queries: known})
	if _, err := augmented.Evaluate(t.Context(), human, []evalsuite.Setting{{Lambda: 1}}, ndcg(1)...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := augmented.Evaluate(ctx, human, []evalsuite.Setting{{Lambda: 1}}, ndcg(1)...); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
}
