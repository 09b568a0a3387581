package search_test

import (
	"context"
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
	"github.com/query-synergy/query-synergy/internal/evalsuite"
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

// TestRankings compares the ranking of every question with the golden one, and
// the measures of all languages with the golden summary. A run of some
// languages only leaves the summary alone.
func TestRankings(t *testing.T) {
	testenv.Long(t)
	server := embeddingtest.Sample(t)
	anchors := sampleQuestions(t, anchorLang)
	var mu sync.Mutex
	rows := map[string][]evalsuite.Row{}
	t.Run("languages", func(t *testing.T) {
		for _, lang := range embeddingtest.SampleLangs {
			t.Run(lang, func(t *testing.T) {
				t.Parallel()
				questions := sampleQuestions(t, lang)
				searcher := sampleSearcher(t, server, lang, sampleDocs(t, lang))
				var ranking strings.Builder
				asked := 0
				table, err := evalsuite.Table(t.Context(), evalsuite.TableOptions{
					Dataset: "sample", Lambda: rankingLambda, Measures: measures(t),
				}, questions, anchors, func(_ context.Context, _, question, _, anchor string, lambda float64) ([]string, error) {
					result := ask(t, searcher, lang, question, anchor, lambda)
					ids := make([]string, len(result.Hits))
					for i, hit := range result.Hits {
						ids[i] = hit.ID
					}
					if lambda == rankingLambda {
						writeRanking(&ranking, questions.List[asked].ID, result)
						asked++
					}
					return ids, nil
				})
				if err != nil {
					t.Fatal(err)
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
	questions, anchors := sampleQuestions(t, lang).List, sampleQuestions(t, anchorLang).List
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

func sampleQuestions(t *testing.T, lang string) *evalsuite.Questions {
	t.Helper()
	questions, err := evalsuite.Load("sample", embeddingtest.SampleDir(t), lang)
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
func summary(t *testing.T, rows map[string][]evalsuite.Row) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "%-5s%-14s", "lang", "method")
	for _, m := range measures(t) {
		fmt.Fprintf(&out, "%10s", m)
	}
	out.WriteByte('\n')
	for _, lang := range embeddingtest.SampleLangs {
		for _, row := range rows[lang] {
			fmt.Fprintf(&out, "%-5s%-14s", lang, row.Method)
			for _, m := range measures(t) {
				fmt.Fprintf(&out, "%10.6f", row.Metrics[m])
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}
