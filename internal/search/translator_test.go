package search_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// TestTranslatorMayFail asks a thousand queries while the translator goes
// through all that a service does on a bad day. Every one must be answered: with
// the anchor's ranking where it came, with the source's where not, and marked so.
func TestTranslatorMayFail(t *testing.T) {
	testenv.Long(t)
	const lang, queries = "th", 1000
	const patience = time.Minute // a guard against a hang
	questions, anchors := sampleQuestions(t, lang).Questions, sampleQuestions(t, anchorLang).Questions
	searcher := sampleSearcher(t, embeddingtest.Sample(t), lang, sampleDocs(t, lang))

	english := map[string]string{}
	for i, q := range questions {
		english[q.Text] = anchors[i].Text
	}
	right := translateWith(english)
	days := []struct {
		name   string
		answer http.Handler
		want   search.Status
		wait   time.Duration
	}{
		{"up", right, search.StatusOK, patience},
		{"hangs", embeddingtest.MisbehaveAlways(right, embeddingtest.Hang), search.StatusTimeout, 100 * time.Millisecond},
		{"too many requests", embeddingtest.MisbehaveAlways(right, embeddingtest.RateLimited("3600")), search.StatusUnavailable, patience},
		{"fails", embeddingtest.MisbehaveAlways(right, embeddingtest.ServerError), search.StatusUnavailable, patience},
		{"is killed", embeddingtest.MisbehaveAlways(right, embeddingtest.CutEarly), search.StatusUnavailable, patience},
		{"answers in HTML", embeddingtest.MisbehaveAlways(right, embeddingtest.HTML), search.StatusUnavailable, patience},
		{"repeats the query", translateWith(nil), search.StatusRefused, patience},
		{"is up again", right, search.StatusOK, patience},
	}
	var day atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		days[day.Load()].answer.ServeHTTP(w, r)
	}))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	chat, err := anchor.NewChat(anchor.ChatConfig{BaseURL: server.URL + "/v1", Model: "m", Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	searcher.Translator = chat

	hits := func(r search.Result) []search.Hit { return r.Hits }
	type rankings struct{ source, both []search.Hit }
	expected := make([]rankings, len(questions))
	for i, q := range questions {
		expected[i].source = hits(ask(t, searcher, lang, q.Text, anchors[i].Text, 1))
		expected[i].both = hits(ask(t, searcher, lang, q.Text, anchors[i].Text, rankingLambda))
	}
	answered := 0
	for d, weather := range days {
		day.Store(int64(d))
		var workers sync.WaitGroup
		var failed sync.Mutex
		next := make(chan int)
		for range 32 {
			workers.Go(func() {
				for i := range next {
					i %= len(questions)
					r, err := searcher.Run(t.Context(), search.Query{
						Corpus: "sample", Lang: lang, Text: questions[i].Text, AnchorLang: anchorLang,
						Lambda: rankingLambda, TopK: rankingTopK, AnchorTimeout: weather.wait,
					})
					fault := wrong(r, err, weather.want, expected[i].source, expected[i].both)
					if fault != "" {
						failed.Lock()
						t.Errorf("translator %s, query %s: %s", weather.name, questions[i].ID, fault)
						failed.Unlock()
					}
				}
			})
		}
		for range queries / len(days) {
			next <- answered
			answered++
		}
		close(next)
		workers.Wait()
	}
	if answered != queries {
		t.Errorf("%d queries, want %d", answered, queries)
	}
}

// wrong says what is wrong with an answer.
func wrong(r search.Result, err error, want search.Status, source, both []search.Hit) string {
	switch {
	case err != nil:
		return err.Error()
	case r.Anchor.Status != want:
		return fmt.Sprintf("anchor is %s (%s), want %s", r.Anchor.Status, r.Anchor.Error, want)
	case want == search.StatusOK && !reflect.DeepEqual(r.Hits, both):
		return "the ranking is not that of source and anchor"
	case want == search.StatusOK:
		return ""
	case r.Lambda != 1 || r.Anchor.Error == "":
		return fmt.Sprintf("λ is %v, the anchor's error %q", r.Lambda, r.Anchor.Error)
	}
	for i, hit := range r.Hits {
		if hit.ID != source[i].ID || hit.Score != source[i].Score {
			return "the ranking is not the source's"
		}
	}
	return ""
}

// translateWith is a chat model that knows these translations, and repeats what
// it does not know.
func translateWith(english map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Messages []struct{ Content string }
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) != 1 {
			http.Error(w, "want one message", http.StatusBadRequest)
			return
		}
		_, query, _ := strings.Cut(in.Messages[0].Content, "Input Sentence: ")
		query, _, _ = strings.Cut(query, " Output Sentence:")
		text, ok := english[query]
		if !ok {
			text = query
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{
			"message": map[string]string{"role": "assistant", "content": text}, "finish_reason": "stop",
		}}})
	})
}
