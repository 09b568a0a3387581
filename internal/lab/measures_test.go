package lab_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
)

var (
	ndcg1 = metrics.Measure{Kind: metrics.NDCG, K: 1}
	r2kt  = metrics.Measure{Kind: metrics.AnswerRecall, K: 2000}
	r5kt  = metrics.Measure{Kind: metrics.AnswerRecall, K: 5000}
)

// answered returns two documents and three questions in two languages, whose
// vectors lie in a plane: the Thai questions are closest to a document of 3,000
// tokens, the English ones to a short one, which is all that holds an answer.
func answered() (th, en *dataset.Set, vectors map[embeddingtest.Entry][]float32) {
	th, en = small("th", 3), small("en", 3)
	th.Documents = []corpus.Document{
		{ID: "long", Lang: "th", Text: strings.Repeat("a ", 3000)},
		{ID: "short", Lang: "th", Text: "The river flows."},
	}
	th.Questions[0].Answers = []string{"river", "stream"}
	th.Questions[1].Answers = []string{"yes", "no"}
	th.Questions[2].Answers = []string{"no", "nowhere"}
	th.Qrels = metrics.Qrels{"q0": {"short": 1}, "q1": {"long": 1}, "q2": {"long": 1}}
	vectors = map[embeddingtest.Entry][]float32{
		{Role: embedding.Passage, Text: th.Documents[0].Text}: {1, 0},
		{Role: embedding.Passage, Text: th.Documents[1].Text}: {0, 1},
	}
	for i := range 3 {
		vectors[embeddingtest.Entry{Role: embedding.Query, Text: th.Questions[i].Text}] = []float32{0.8, 0.6}
		vectors[embeddingtest.Entry{Role: embedding.Query, Text: en.Questions[i].Text}] = []float32{0.6, 0.8}
	}
	return th, en, vectors
}

var uncut = corpus.Chunking{MaxRunes: 1 << 20}

// both returns the two rankers of a lab's Thai documents, which are not cut.
func both(t *testing.T, laboratory *lab.Lab) map[string]evalsuite.Ranker {
	t.Helper()
	opts := embeddedOptions
	opts.Chunking = uncut
	store := storetest.Embedded(t)
	if err := laboratory.Index(t.Context(), store, opts, "th"); err != nil {
		t.Fatal(err)
	}
	return map[string]evalsuite.Ranker{
		"brute force": laboratory.Brute(uncut), "embedded": laboratory.Indexed(store, "small"),
	}
}

func TestAnswers(t *testing.T) {
	th, en, vectors := answered()
	laboratory := lab.New(prefixed(t, embeddingtest.Replay(vectors)), th, en)
	laboratory.AddTranslator("one", fussy([]string{"q1"}, nil))
	vectors[embeddingtest.Entry{Role: embedding.Query, Text: "th>en th question 1"}] = []float32{0.6, 0.8}
	for name, ranker := range both(t, laboratory) {
		for _, tc := range []struct {
			measures []metrics.Measure
			queries  []string
			long     [][]float64 // λ=1: the long document is first
			short    [][]float64 // λ=0: the short one
		}{
			{
				// q1 has no answer but yes and no, and counts in no measure.
				[]metrics.Measure{r5kt, ndcg1, r2kt}, []string{"q0", "q2"},
				[][]float64{{1, 0}, {0, 1}, {0, 0}},
				[][]float64{{1, 0}, {1, 0}, {1, 0}},
			},
			{
				[]metrics.Measure{ndcg1, r2kt, ndcg1}, []string{"q0", "q2"},
				[][]float64{{0, 1}, {0, 0}, {0, 1}},
				[][]float64{{1, 0}, {1, 0}, {1, 0}},
			},
			{
				[]metrics.Measure{r2kt}, []string{"q0", "q2"},
				[][]float64{{0, 0}},
				[][]float64{{1, 0}},
			},
			{
				[]metrics.Measure{ndcg1}, []string{"q0", "q1", "q2"},
				[][]float64{{0, 1, 1}},
				[][]float64{{1, 0, 0}},
			},
		} {
			got, err := ranker.Evaluate(t.Context(), human, []float64{1, 0}, tc.measures...)
			if err != nil {
				t.Fatalf("%s, %v: %v", name, tc.measures, err)
			}
			for i, values := range [][][]float64{tc.long, tc.short} {
				want := &metrics.Evaluation{Measures: tc.measures, Queries: tc.queries, Values: values}
				if !reflect.DeepEqual(got[i], want) {
					t.Errorf("%s, λ %d: got %+v, want %+v", name, 1-i, got[i], want)
				}
			}
		}
		// What was left out of a measurement is still judged in the next.
		if qrels, err := ranker.Qrels(t.Context(), human); err != nil || len(qrels) != 3 || len(th.Qrels) != 3 {
			t.Errorf("%s: %d judged questions, %v", name, len(qrels), err)
		}
		wantError(t, ranker, by("one"), `measure r@2kt needs answers, and the questions in "th" bring none`)
	}
}

func wantError(t *testing.T, ranker evalsuite.Ranker, p evalsuite.Pairing, want string) {
	t.Helper()
	_, err := ranker.Evaluate(t.Context(), p, []float64{0.5}, ndcg1, r2kt)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%T: got %v, want %s", ranker, err, want)
	}
}

func TestAnswersThatCannotBeMeasured(t *testing.T) {
	for want, change := range map[string]func(th *dataset.Set){
		`measure r@2kt needs answers, and the questions in "th" bring none`: func(th *dataset.Set) {
			for i := range th.Questions {
				th.Questions[i].Answers = nil
			}
		},
		"a question with an answer has no relevant document: the measures cannot be compared": func(th *dataset.Set) {
			th.Qrels["q0"] = map[string]int{"long": 0, "short": 0}
		},
		`the answers in "th": question "q2" has an empty answer`: func(th *dataset.Set) {
			th.Questions[2].Answers = []string{""}
		},
	} {
		th, en, vectors := answered()
		change(th)
		for _, ranker := range both(t, lab.New(prefixed(t, embeddingtest.Replay(vectors)), th, en)) {
			wantError(t, ranker, human, want)
			if _, err := ranker.Evaluate(t.Context(), human, []float64{0.5}, ndcg1); err != nil {
				t.Errorf("%T, by rank alone: %v", ranker, err)
			}
		}
	}
}
