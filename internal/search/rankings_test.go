package search_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// The rankings are of the sample corpus, with the recorded vectors of a real
// model, English anchors and the λ measured for that model.
const (
	rankingLambda = 0.7
	rankingTopK   = 10
	anchorLang    = "en"
)

// row holds the means of a method's measures.
type row struct {
	method string
	means  map[metrics.Measure]float64
}

// TestRankings compares the ranking of every question with the golden one, and
// the measures of all languages with the golden summary. A run of some
// languages only leaves the summary alone.
func TestRankings(t *testing.T) {
	testenv.Long(t)
	server := embeddingtest.Sample(t)
	anchors := sampleQuestions(t, anchorLang)
	var mu sync.Mutex
	rows := map[string][]row{}
	t.Run("languages", func(t *testing.T) {
		for _, lang := range embeddingtest.SampleLangs {
			t.Run(lang, func(t *testing.T) {
				t.Parallel()
				questions := sampleQuestions(t, lang)
				searcher := sampleSearcher(t, server, lang, sampleDocs(t, lang))
				var ranking strings.Builder
				var table []row
				for _, m := range []struct {
					method string
					lambda float64
				}{{"source", 1}, {"anchor", 0}, {"query-synergy", rankingLambda}} {
					run := metrics.Run{}
					for i, q := range questions.Questions {
						result := ask(t, searcher, lang, q.Text, anchors.Questions[i].Text, m.lambda)
						for _, hit := range result.Hits {
							run[q.ID] = append(run[q.ID], metrics.Scored{DocID: hit.ID, Score: hit.Score})
						}
						if m.lambda == rankingLambda {
							writeRanking(&ranking, q.ID, result)
						}
					}
					evaluation, err := metrics.Evaluate(questions.Qrels, run, metrics.RankedIDs, measures(t)...)
					if err != nil {
						t.Fatal(err)
					}
					table = append(table, row{m.method, evaluation.Means()})
				}
				wantGolden(t, filepath.Join("rankings", lang+".txt"), ranking.String())
				mu.Lock()
				defer mu.Unlock()
				rows[lang] = table
			})
		}
	})
	if t.Failed() || len(rows) < len(embeddingtest.SampleLangs) {
		return
	}
	wantGolden(t, filepath.Join("rankings", "summary.txt"), summary(t, rows))
}

// TestRankingsAreDeterministic asks fresh stores, one of them filled in another
// order: all that a result says but for the times must be the same, byte for
// byte.
func TestRankingsAreDeterministic(t *testing.T) {
	const lang = "th"
	server := embeddingtest.Sample(t)
	var docs []corpus.Document
	for doc, err := range sampleDocs(t, lang) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	questions, anchors := sampleQuestions(t, lang).Questions, sampleQuestions(t, anchorLang).Questions
	if testing.Short() {
		questions = questions[:len(questions)/4]
	}
	ask := func() string {
		searcher := sampleSearcher(t, server, lang, inOrder(docs))
		var out strings.Builder
		for i, q := range questions {
			result := ask(t, searcher, lang, q.Text, anchors[i].Text, rankingLambda)
			result.Timings = search.Timings{}
			if err := json.NewEncoder(&out).Encode(result); err != nil {
				t.Fatal(err)
			}
		}
		return out.String()
	}
	first := ask()
	if again := ask(); again != first {
		t.Error("a second fresh store gives other results")
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	if shuffled := ask(); shuffled != first {
		t.Error("a store filled in another order gives other results")
	}
}

func measures(t *testing.T) []metrics.Measure {
	t.Helper()
	var all []metrics.Measure
	for _, text := range []string{"ndcg@1", "ndcg@3", "ndcg@10", "mrr@10", "recall@10"} {
		m, err := metrics.ParseMeasure(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// sampleSearcher indexes the documents of one language into a store of its own.
func sampleSearcher(t *testing.T, server *embeddingtest.Server, lang string, docs iter.Seq2[corpus.Document, error]) *search.Searcher {
	t.Helper()
	store, client := storetest.Embedded(t), newClient(t, server)
	if report := index(t, store, client, "sample", corpus.FormatBEIR, docs); report.Written != 48 {
		t.Fatalf("%s: wrote %d passages, want 48", lang, report.Written)
	}
	// The endpoint is asked once; the queries then take their time for searching.
	known := knownVectors{Embedder: client, vectors: map[string][]float32{}}
	for _, l := range []string{lang, anchorLang} {
		_, texts := embeddingtest.SampleTexts(t, l)
		vectors, _, err := client.Embed(t.Context(), embedding.Query, texts)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			known.vectors[text] = vectors[i]
		}
	}
	return &search.Searcher{Store: store, Embedder: known}
}

func sampleDocs(t *testing.T, lang string) iter.Seq2[corpus.Document, error] {
	t.Helper()
	return corpus.Read(t.Context(), corpus.Options{Format: corpus.FormatBEIR, Lang: lang},
		filepath.Join(embeddingtest.SampleDir(t), lang))
}

func sampleQuestions(t *testing.T, lang string) *dataset.Set {
	t.Helper()
	questions, err := dataset.Load(t.Context(), "sample", embeddingtest.SampleDir(t), lang)
	if err != nil {
		t.Fatal(err)
	}
	return questions
}

func inOrder(docs []corpus.Document) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for _, doc := range docs {
			if !yield(doc, nil) {
				return
			}
		}
	}
}

// ask runs one query, whose result must be proven.
func ask(t *testing.T, searcher *search.Searcher, lang, question, anchor string, lambda float64) search.Result {
	t.Helper()
	result, err := searcher.Run(t.Context(), search.Query{
		Corpus: "sample", Lang: lang, Text: question,
		Anchor: anchor, AnchorLang: anchorLang, Lambda: lambda, TopK: rankingTopK,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !result.Certified || len(result.Hits) != rankingTopK {
		t.Fatalf("question %q: %d hits, certified: %v", question, len(result.Hits), result.Certified)
	}
	return result
}

// writeRanking adds a line: the question and, the best first, document:score.
func writeRanking(w *strings.Builder, question string, result search.Result) {
	w.WriteString(question)
	for _, hit := range result.Hits {
		fmt.Fprintf(w, " %s:%.6f", hit.ID, hit.Score)
	}
	w.WriteByte('\n')
}

// summary is a table of every language's measures.
func summary(t *testing.T, rows map[string][]row) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "%-5s%-14s", "lang", "method")
	for _, m := range measures(t) {
		fmt.Fprintf(&out, "%10s", m)
	}
	out.WriteByte('\n')
	for _, lang := range embeddingtest.SampleLangs {
		for _, row := range rows[lang] {
			fmt.Fprintf(&out, "%-5s%-14s", lang, row.method)
			for _, m := range measures(t) {
				fmt.Fprintf(&out, "%10.6f", row.means[m])
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}
