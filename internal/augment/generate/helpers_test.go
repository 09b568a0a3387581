package generate_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/augment/generate"
	"github.com/query-synergy/query-synergy/internal/corpus"
)

const key = "sk-very-secret"

// chatRequest is what the tests look at of a request.
type chatRequest struct {
	Model       string
	Temperature float64
	Seed        *int
	MaxTokens   int `json:"max_tokens"`
	Messages    []struct{ Role, Content string }
}

// answer replies with a chat completion.
func answer(w http.ResponseWriter, content, finish string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"choices": []any{map[string]any{"finish_reason": finish, "message": map[string]any{"role": "assistant", "content": content}}},
		"usage":   map[string]any{"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
	})
}

// asking is a handler that knows what it was asked.
type asking func(w http.ResponseWriter, r *http.Request, asked chatRequest)

// chat returns a model whose requests handle answers, and their count.
func chat(t *testing.T, timeout time.Duration, handle asking) (*generate.Chat, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var asked chatRequest
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Messages) != 1 || asked.Seed == nil {
			t.Errorf("request %+v, %v", asked, err)
			return
		}
		handle(w, r, asked)
	}))
	t.Cleanup(server.Close)
	model, err := generate.NewChat(generate.ChatConfig{BaseURL: server.URL + "/v1", APIKey: key, Model: "tiny", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return model, &calls
}

// ask is what the passages of these tests are asked about, in the language asked
// for: a few different questions, so that a model repeats itself.
func ask(asked chatRequest) string {
	about := asked.Messages[0].Content[strings.LastIndexByte(asked.Messages[0].Content, ' ')+1:]
	n := *asked.Seed % 40
	if strings.Contains(asked.Messages[0].Content, "Chinese") {
		return fmt.Sprintf("第%d个问题：编号%s的城市是什么时候建立的？", n, about)
	}
	return fmt.Sprintf("What is the answer to question %d about city %s?", n, about)
}

func right(w http.ResponseWriter, _ *http.Request, asked chatRequest) { answer(w, ask(asked), "stop") }

// cities returns n passages.
func cities(n int) []corpus.Passage {
	all := make([]corpus.Passage, n)
	for i := range all {
		all[i] = corpus.Passage{DocID: fmt.Sprintf("d%d", i), Lang: "en", Chunks: 1, Text: fmt.Sprintf("This city is known as number %d", i)}
	}
	return all
}

func each(passages []corpus.Passage) iter.Seq2[corpus.Passage, error] {
	return func(yield func(corpus.Passage, error) bool) {
		for _, p := range passages {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func options() generate.Options {
	return generate.Options{Langs: []string{"en", "zh"}, PerLang: 3, Concurrency: 4}
}

// open opens a journal until the test ends.
func open(t *testing.T, path string) *generate.Journal {
	t.Helper()
	journal, err := generate.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	return journal
}

func journalPath(t *testing.T) string { return filepath.Join(t.TempDir(), "queries.jsonl") }
