package lab_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
)

var embeddedOptions = ingest.Options{Corpus: "small", Chunking: corpus.DefaultChunking, Batch: 16, Concurrency: 2}

// index writes languages of a lab into a store of their own.
func index(t *testing.T, laboratory *lab.Lab, langs ...string) *qdrant.Store {
	t.Helper()
	store := storetest.Embedded(t)
	if err := laboratory.Index(t.Context(), store, embeddedOptions, langs...); err != nil {
		t.Fatal(err)
	}
	return store
}

var someLambdas = []float64{0, 0.05, 0.3, 0.5, 0.7, 1}

func manyMeasures(t *testing.T) []metrics.Measure {
	t.Helper()
	var all []metrics.Measure
	for _, text := range []string{"ndcg@1", "ndcg@10", "mrr@10", "recall@3", "map"} {
		m, err := metrics.ParseMeasure(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// wantSame demands that two rankers agree on everything, over so many questions.
func wantSame(t *testing.T, want, got evalsuite.Ranker, p evalsuite.Pairing, questions int) {
	t.Helper()
	wantQrels, err1 := want.Qrels(t.Context(), p)
	gotQrels, err2 := got.Qrels(t.Context(), p)
	if err1 != nil || err2 != nil || !reflect.DeepEqual(wantQrels, gotQrels) || len(gotQrels) != questions {
		t.Fatalf("%+v: %d and %d judged questions, want %d; errors %v, %v", p, len(wantQrels), len(gotQrels), questions, err1, err2)
	}
	wantFigures, err1 := want.Evaluate(t.Context(), p, someLambdas, manyMeasures(t)...)
	gotFigures, err2 := got.Evaluate(t.Context(), p, someLambdas, manyMeasures(t)...)
	if err1 != nil || err2 != nil {
		t.Fatalf("%+v: %v, %v", p, err1, err2)
	}
	for i, lambda := range someLambdas {
		if !reflect.DeepEqual(wantFigures[i], gotFigures[i]) || len(gotFigures[i].Queries) == 0 {
			t.Errorf("%+v, λ %v: means are %v and %v", p, lambda, wantFigures[i].Means(), gotFigures[i].Means())
		}
	}
	for _, k := range []int{1, 7, 1000} {
		wantRuns, err1 := want.Runs(t.Context(), p, someLambdas, k)
		gotRuns, err2 := got.Runs(t.Context(), p, someLambdas, k)
		if err1 != nil || err2 != nil {
			t.Fatalf("%+v, top %d: %v, %v", p, k, err1, err2)
		}
		for i, lambda := range someLambdas {
			if len(gotRuns[i]) != questions || len(wantRuns[i]) != questions {
				t.Fatalf("%+v, λ %v: runs of %d and %d questions, want %d", p, lambda, len(wantRuns[i]), len(gotRuns[i]), questions)
			}
			for id, ranking := range wantRuns[i] {
				if !sameRanking(ranking, gotRuns[i][id]) {
					t.Errorf("%+v, λ %v, question %s, top %d\nwant %v\n got %v", p, lambda, id, k, ranking, gotRuns[i][id])
				}
			}
		}
	}
}

func sameRanking(want, got []metrics.Scored) bool {
	return slices.EqualFunc(want, got, func(a, b metrics.Scored) bool {
		return a.DocID == b.DocID && math.Abs(a.Score-b.Score) <= 1e-6
	})
}

// The rankers agree on the sample corpus, with the vectors of a real model.
func TestRankersAgreeOnTheSample(t *testing.T) {
	var sets []*dataset.Set
	for _, lang := range []string{"th", "ar", "en"} {
		set, err := dataset.Load(t.Context(), "sample", embeddingtest.SampleDir(t), lang)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
	}
	laboratory := lab.New(client(t, embeddingtest.Sample(t)), sets...)
	// A translator that has every fifth question word for word.
	english := map[string]string{}
	for i, q := range sets[2].Questions {
		if i%5 == 0 {
			english[q.ID] = q.Text
		}
	}
	laboratory.AddTranslator("some", translatorFunc(func(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
		if text, ok := english[r.ID]; ok {
			return anchor.Anchor{Text: text, Lang: r.To}, nil
		}
		return anchor.Anchor{}, anchor.ErrNoTranslation
	}))
	brute, indexed := laboratory.Brute(corpus.DefaultChunking), laboratory.Indexed(index(t, laboratory, "th", "ar"), "small")
	wantSame(t, brute, indexed, by("some"), len(english))
	wantSame(t, brute, indexed, human, 96)
	wantSame(t, brute, indexed, evalsuite.Pairing{Lang: "ar", AnchorLang: "ar", Translator: evalsuite.Human}, 96)
}

// The rankers agree where documents are cut into passages, some of them equal,
// with and without titles, and with translators that leave questions out.
func TestRankersAgreeOnCutDocuments(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			th, en := randomSet(random, "th"), small("en", 12)
			if seed%2 == 1 {
				th.Format = corpus.FormatBEIR // embeds titles
			}
			client, _ := hashed(t)
			laboratory := lab.New(client, th, en)
			laboratory.AddTranslator("fussy", fussy([]string{"q1", "q4", "q5", "q11"}, []string{"q0", "q9"}))

			opts := embeddedOptions
			opts.Chunking = corpus.Chunking{MaxRunes: 60, OverlapRunes: 15}
			if texts, _ := lab.Passages(th, opts.Chunking); len(texts) < 3*len(th.Documents) {
				t.Fatalf("%d documents make %d passages: they are hardly cut", len(th.Documents), len(texts))
			}
			store := storetest.Embedded(t)
			if err := laboratory.Index(t.Context(), store, opts, "th"); err != nil {
				t.Fatal(err)
			}
			brute, indexed := laboratory.Brute(opts.Chunking), laboratory.Indexed(store, "small")
			// A pairing with fewer questions does not change the next.
			wantSame(t, brute, indexed, by("fussy"), 4)
			wantSame(t, brute, indexed, human, 12)

			for _, ranker := range []evalsuite.Ranker{brute, indexed} {
				for _, lambda := range []float64{-0.1, 1.1, math.NaN()} {
					if _, err := ranker.Runs(t.Context(), human, []float64{0.5, lambda}, 3); err == nil || !strings.Contains(err.Error(), "lambda") {
						t.Errorf("λ %v: %v", lambda, err)
					}
				}
			}
		})
	}
}

// randomSet has 12 questions with graded judgements, and 40 documents of random
// words, each third of which has the text of the one before.
func randomSet(random *rand.Rand, lang string) *dataset.Set {
	set := small(lang, 12)
	set.Documents, set.Qrels = nil, metrics.Qrels{}
	var text string
	for i := range 40 {
		if i%3 != 2 {
			var words strings.Builder
			for range 40 + random.IntN(60) {
				fmt.Fprintf(&words, "w%d ", random.IntN(500))
			}
			text = words.String()
		}
		set.Documents = append(set.Documents, corpus.Document{
			ID: fmt.Sprintf("d%d", random.IntN(1000)*100+i), Lang: lang, Title: fmt.Sprintf("title %d", i/3), Text: text,
		})
	}
	for _, q := range set.Questions {
		judged := map[string]int{}
		for range 5 {
			judged[set.Documents[random.IntN(len(set.Documents))].ID] = random.IntN(3)
		}
		judged[set.Documents[random.IntN(len(set.Documents))].ID] = 1
		set.Qrels[q.ID] = judged
	}
	return set
}

// One brute force goes through languages to and fro.
func TestBruteChangesLanguage(t *testing.T) {
	client, seen := hashed(t)
	th, en := small("th", 5), small("en", 5)
	laboratory := lab.New(client, th, en)
	brute := laboratory.Brute(corpus.DefaultChunking)
	first := map[string]metrics.Run{}
	for _, lang := range []string{"th", "en", "th", "en"} {
		runs, err := brute.Runs(t.Context(), evalsuite.Pairing{Lang: lang, AnchorLang: "en", Translator: evalsuite.Human}, []float64{1}, 5)
		if err != nil {
			t.Fatal(err)
		}
		if first[lang] == nil {
			first[lang] = runs[0]
		}
		if !reflect.DeepEqual(first[lang], runs[0]) {
			t.Errorf("%s is ranked as %v, and was as %v", lang, runs[0], first[lang])
		}
	}
	if reflect.DeepEqual(first["th"], first["en"]) {
		t.Error("both languages are ranked the same")
	}
	if n := len(seen.texts); n != 20 {
		t.Errorf("%d texts were embedded, want 20", n)
	}
}
