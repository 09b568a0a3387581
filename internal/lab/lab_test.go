package lab_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

const dimensions = 32

// human pairs Thai questions with the English ones of the same ids.
var human = evalsuite.Pairing{Lang: "th", AnchorLang: "en", Translator: evalsuite.Human}

// by is the same pairing with the anchors of a translator.
func by(translator string) evalsuite.Pairing {
	return evalsuite.Pairing{Lang: "th", AnchorLang: "en", Translator: translator}
}

// asked counts the texts that an endpoint is asked for.
type asked struct {
	mu    sync.Mutex
	texts map[string]int
}

// hashed returns a client whose vectors are made up, and what it asks for, with
// prefixes.
func hashed(t *testing.T) (*embedding.Client, *asked) {
	t.Helper()
	seen := &asked{texts: map[string]int{}}
	server := embeddingtest.Hashed(dimensions)
	server.OnRequest = func(_ context.Context, texts []string) {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		for _, text := range texts {
			seen.texts[text]++
		}
	}
	return prefixed(t, server), seen
}

// wantOnce demands that nothing but these texts was asked for, each once.
func (a *asked) wantOnce(t *testing.T, texts ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	want := map[string]int{}
	for _, text := range texts {
		want[text] = 1
	}
	if !maps.Equal(a.texts, want) {
		t.Errorf("the endpoint was asked for %v, want each of %q once", a.texts, texts)
	}
}

func (a *asked) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.texts)
}

// prefixed returns a client of a model with prefixes and any dimensions.
func prefixed(t *testing.T, handler http.Handler) *embedding.Client {
	t.Helper()
	c, err := embedding.New(embedding.Config{
		BaseURL: embeddingtest.Start(t, handler), Model: "test",
		Profile: embedding.Profile{Name: "test", QueryPrefix: "query: ", PassagePrefix: "passage: "},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// small returns a set of n questions q0, q1, …, about documents d0, d1, … of the
// same numbers.
func small(lang string, n int) *dataset.Set {
	set := &dataset.Set{Name: "small", Lang: lang, Format: corpus.FormatSQuAD, Qrels: metrics.Qrels{}}
	for i := range n {
		question, document := fmt.Sprintf("q%d", i), fmt.Sprintf("d%d", i)
		set.Questions = append(set.Questions, corpus.Question{ID: question, Text: fmt.Sprintf("%s question %d", lang, i)})
		set.Documents = append(set.Documents, corpus.Document{ID: document, Lang: lang, Text: fmt.Sprintf("%s document %d", lang, i)})
		set.Qrels[question] = map[string]int{document: 1}
	}
	return set
}

// translatorFunc is a translator made of a function.
type translatorFunc func(context.Context, anchor.Request) (anchor.Anchor, error)

func (f translatorFunc) Translate(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
	return f(ctx, r)
}

var errRefused = errors.New("this is no translation")

// fussy returns a translator that fails on the questions named, and knows of
// the others those named.
func fussy(known, refused []string) anchor.Translator {
	return translatorFunc(func(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
		switch {
		case slices.Contains(refused, r.ID):
			return anchor.Anchor{}, errRefused
		case !slices.Contains(known, r.ID):
			return anchor.Anchor{}, fmt.Errorf("question %s: %w", r.ID, anchor.ErrNoTranslation)
		}
		return anchor.Anchor{Text: fmt.Sprintf("%s>%s %s", r.From, r.To, r.Text), Lang: r.To}, nil
	})
}

func TestAnchors(t *testing.T) {
	client, _ := hashed(t)
	th, en := small("th", 4), small("en", 4)
	// Two questions of the one language are one in the other, which comes in
	// another order and not in NFC.
	en.Questions = []corpus.Question{{ID: "q3", Text: "cafe\u0301"}, {ID: "q1", Text: "both", Aliases: []string{"q0"}}, {ID: "q2", Text: "third"}}
	laboratory := lab.New(client, th, en)
	laboratory.AddTranslator("some", fussy([]string{"q3", "q0"}, []string{"q2"}))
	same := evalsuite.Pairing{Lang: "th", AnchorLang: "th", Translator: "nobody"}
	for _, tc := range []struct {
		pairing evalsuite.Pairing
		want    lab.Anchors
	}{
		{human, lab.Anchors{IDs: []string{"q0", "q1", "q2", "q3"}, Texts: []string{"both", "both", "third", "café"}}},
		{same, lab.Anchors{IDs: []string{"q0", "q1", "q2", "q3"}, Texts: []string{"th question 0", "th question 1", "th question 2", "th question 3"}}},
		{by("some"), lab.Anchors{IDs: []string{"q0", "q3"}, Texts: []string{"th>en th question 0", "th>en th question 3"}, Refused: 1}},
	} {
		for range 2 { // the second time from memory
			got, err := laboratory.Anchors(t.Context(), tc.pairing)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.IDs, tc.want.IDs) || !slices.Equal(got.Texts, tc.want.Texts) || got.Refused != tc.want.Refused {
				t.Errorf("%+v: got %+v, want %+v", tc.pairing, *got, tc.want)
			}
		}
	}
}

// A translator is asked once for each question, whatever is made of the pairing.
func TestTranslatedOnce(t *testing.T) {
	client, _ := hashed(t)
	var mu sync.Mutex
	requests := map[anchor.Request]int{}
	laboratory := lab.New(client, small("th", 20))
	laboratory.AddTranslator("all", translatorFunc(func(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
		mu.Lock()
		defer mu.Unlock()
		requests[r]++
		return anchor.Anchor{Text: "anchor of " + r.ID}, nil
	}))
	brute := laboratory.Brute(corpus.DefaultChunking)
	for range 2 {
		if _, err := brute.Evaluate(t.Context(), by("all"), []float64{0, 1}, ndcg(1)...); err != nil {
			t.Fatal(err)
		}
		if _, err := brute.Qrels(t.Context(), by("all")); err != nil {
			t.Fatal(err)
		}
	}
	want := map[anchor.Request]int{}
	for _, q := range small("th", 20).Questions {
		want[anchor.Request{ID: q.ID, Text: q.Text, From: "th", To: "en"}] = 1
	}
	if !maps.Equal(requests, want) {
		t.Errorf("the translator was asked %v", requests)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	client, seen := hashed(t)
	th, en, el := small("th", 3), small("en", 3), small("el", 2)
	laboratory := lab.New(client, th, en, el)
	laboratory.AddTranslator("empty", fussy(nil, nil))
	laboratory.AddTranslator("broken", fussy(nil, []string{"q0", "q2"}))
	rankers := map[string]evalsuite.Ranker{
		"brute force": laboratory.Brute(corpus.DefaultChunking),
		"embedded":    laboratory.Indexed(nil, "small"), // nothing here gets as far as the store
	}
	for _, tc := range []struct {
		pairing evalsuite.Pairing
		want    string
		is      []error
	}{
		{evalsuite.Pairing{Lang: "tr", AnchorLang: "en", Translator: evalsuite.Human}, `the experiment has no "tr", only ["el" "en" "th"]`, nil},
		{evalsuite.Pairing{Lang: "th", AnchorLang: "tr", Translator: evalsuite.Human}, `the experiment has no "tr", only ["el" "en" "th"]`, nil},
		{evalsuite.Pairing{Lang: "th", AnchorLang: "el", Translator: evalsuite.Human}, `question "q2" has no parallel in el of dataset small, like 1 of 3`, nil},
		{by("absent"), `there is no translator "absent"`, nil},
		{by("empty"), `translator "empty" has none of the 3 questions in "th"`, []error{anchor.ErrNoTranslation}},
		{by("broken"), `translator "broken" has none of the 3 questions in "th"`, []error{anchor.ErrNoTranslation, errRefused}},
	} {
		check := func(what string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%+v, %s: got error %v, want %s", tc.pairing, what, err, tc.want)
			}
			for _, is := range tc.is {
				if !errors.Is(err, is) {
					t.Errorf("%+v, %s: error %v does not wrap %v", tc.pairing, what, err, is)
				}
			}
		}
		for name, ranker := range rankers {
			_, err := ranker.Evaluate(t.Context(), tc.pairing, []float64{0.5}, ndcg(1)...)
			check(name+", evaluate", err)
			_, err = ranker.Runs(t.Context(), tc.pairing, []float64{0.5}, 1)
			check(name+", runs", err)
			_, err = ranker.Qrels(t.Context(), tc.pairing)
			check(name+", qrels", err)
		}
	}
	if err := laboratory.Index(t.Context(), nil, embeddedOptions, "tr"); err == nil || !strings.Contains(err.Error(), `no "tr"`) {
		t.Errorf("index an unknown language: %v", err)
	}
	for text := range seen.texts {
		if !strings.Contains(text, ": th ") {
			t.Errorf("the endpoint was asked for %q, which no ranking needed", text)
		}
	}
}

// Too many pairs for the memory are refused before anything is embedded.
func TestTooManyPairs(t *testing.T) {
	client, seen := hashed(t)
	set := &dataset.Set{Name: "large", Lang: "th", Documents: make([]corpus.Document, 1<<14), Questions: make([]corpus.Question, 1<<13+1)}
	for i := range set.Documents {
		set.Documents[i].Text = "text"
	}
	_, err := lab.New(client, set).Brute(corpus.DefaultChunking).Runs(t.Context(), human, []float64{1}, 1)
	want := `8193 questions against 16384 passages in "th" are more than brute force holds: index them, and search with --store embedded or qdrant`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	seen.wantOnce(t)
}

func TestEmbed(t *testing.T) {
	client, seen := hashed(t)
	laboratory := lab.New(client)
	var texts, want []string
	for i := range 600 {
		text := fmt.Sprintf("text %d", i)
		texts = append(texts, text, text)
		want = append(want, "query: "+text)
	}
	var steps []int
	advance := func(n int) { steps = append(steps, n) }
	if err := laboratory.Embed(t.Context(), embedding.Query, texts, advance); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []int{256, 256, 88}) {
		t.Errorf("progress is %v, want 600 in steps of 256", steps)
	}
	seen.wantOnce(t, want...)
	// Of known texts only those in another role are new.
	steps = nil
	if err := errors.Join(
		laboratory.Embed(t.Context(), embedding.Query, texts, advance),
		laboratory.Embed(t.Context(), embedding.Passage, texts[:2], advance),
	); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []int{1}) {
		t.Errorf("progress is %v, want 1", steps)
	}
	seen.wantOnce(t, append(want, "passage: text 0")...)
}

// What was embedded before the context ended is not asked for again.
func TestEmbedIsTakenUpAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client, seen := hashed(t)
	laboratory := lab.New(client)
	var texts, want []string
	for i := range 300 {
		texts = append(texts, fmt.Sprintf("text %d", i))
		want = append(want, "query: "+texts[i])
	}
	err := laboratory.Embed(ctx, embedding.Query, texts, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v, want context.Canceled", err)
	}
	if err := laboratory.Embed(t.Context(), embedding.Query, texts, nil); err != nil {
		t.Fatal(err)
	}
	seen.wantOnce(t, want...)
}

// Every text goes to the endpoint once and in NFC, for both rankers together,
// however many pairings, measures and λ there are.
func TestTextsAreEmbeddedOnce(t *testing.T) {
	client, seen := hashed(t)
	th, en := small("th", 3), small("en", 3)
	th.Questions[0].Text = norm.NFD.String("où est le café ?")
	en.Questions[0].Text = norm.NFD.String("Ὅμηρος")
	en.Questions[1].Text = en.Questions[2].Text
	laboratory := lab.New(client, th, en)
	want := []string{"passage: th document 0", "passage: th document 1", "passage: th document 2"}
	brute, indexed := laboratory.Brute(corpus.DefaultChunking), laboratory.Indexed(index(t, laboratory, "th"), "small")
	seen.wantOnce(t, want...)
	seen.forget() // what an index holds is not the lab's
	for range 2 {
		for _, ranker := range []evalsuite.Ranker{brute, indexed} {
			for _, anchorLang := range []string{"en", "th"} {
				p := evalsuite.Pairing{Lang: "th", AnchorLang: anchorLang, Translator: evalsuite.Human}
				if _, err := ranker.Evaluate(t.Context(), p, []float64{0, 0.5, 1}, ndcg(1, 3)...); err != nil {
					t.Fatal(err)
				}
				if _, err := ranker.Runs(t.Context(), p, []float64{0.5}, 2); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	seen.wantOnce(t, append(want,
		"query: "+norm.NFC.String("où est le café ?"), "query: th question 1", "query: th question 2",
		"query: "+norm.NFC.String("Ὅμηρος"), "query: en question 2")...)
}

func TestEndedContext(t *testing.T) {
	client, _ := hashed(t)
	th, en := small("th", 40), small("en", 40)
	laboratory := lab.New(client, th, en)
	store := index(t, laboratory, "th")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ranker := range map[string]evalsuite.Ranker{
		"brute force": laboratory.Brute(corpus.DefaultChunking), "embedded": laboratory.Indexed(store, "small"),
	} {
		for range 2 { // before anything is known, and when all is
			if _, err := ranker.Evaluate(ended, human, []float64{0, 0.5, 1}, ndcg(1)...); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, evaluate: %v, want context.Canceled", name, err)
			}
			if _, err := ranker.Runs(ended, human, []float64{0, 0.5, 1}, 1); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, runs: %v, want context.Canceled", name, err)
			}
			if _, err := ranker.Evaluate(t.Context(), human, []float64{0.5}, ndcg(1)...); err != nil {
				t.Errorf("%s, a later evaluation: %v", name, err)
			}
		}
	}
	if err := laboratory.Index(ended, store, embeddedOptions, "en"); !errors.Is(err, context.Canceled) {
		t.Errorf("index: %v, want context.Canceled", err)
	}
}

// Translations that were cut short are no translations: the next call asks for
// them again.
func TestContextEndsWhileTranslating(t *testing.T) {
	client, _ := hashed(t)
	laboratory := lab.New(client, small("th", 40))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	laboratory.AddTranslator("slow", translatorFunc(func(given context.Context, r anchor.Request) (anchor.Anchor, error) {
		if r.ID == "q7" {
			cancel()
		}
		if err := given.Err(); err != nil {
			return anchor.Anchor{}, err
		}
		return anchor.Anchor{Text: "anchor of " + r.ID}, nil
	}))
	_, err := laboratory.Anchors(ctx, by("slow"))
	if want := `translate the questions in "th": context canceled`; err == nil || err.Error() != want || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %s", err, want)
	}
	again, err := laboratory.Anchors(t.Context(), by("slow"))
	if err != nil || len(again.IDs) != 40 || again.Refused != 0 {
		t.Errorf("afterwards: %+v, %v", again, err)
	}
}

func TestIndexIsMissing(t *testing.T) {
	client, _ := hashed(t)
	laboratory := lab.New(client, small("th", 3), small("en", 3))
	indexed := laboratory.Indexed(index(t, laboratory, "th"), "small")
	if err := indexed.Check(t.Context(), "th"); err != nil {
		t.Error(err)
	}
	if err := indexed.Check(t.Context(), "en"); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("check: %v, want ErrNoCollection", err)
	}
	p := evalsuite.Pairing{Lang: "en", AnchorLang: "th", Translator: evalsuite.Human}
	if _, err := indexed.Evaluate(t.Context(), p, []float64{0.5}, ndcg(1)...); !errors.Is(err, qdrant.ErrNoCollection) {
		t.Errorf("evaluate: %v, want ErrNoCollection", err)
	}
}
