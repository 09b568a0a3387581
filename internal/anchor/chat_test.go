package anchor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/cache"
)

const key = "sk-very-secret"

var thai = anchor.Request{Text: "เมืองหลวงอยู่ที่ไหน", From: "th", To: "en"}

// chat returns a translator whose requests handle answers, and their count.
func chat(t *testing.T, timeout time.Duration, handle http.HandlerFunc) (*anchor.Chat, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	translator, err := anchor.NewChat(anchor.ChatConfig{BaseURL: server.URL + "/v1", APIKey: key, Model: "tiny", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return translator, &calls
}

// answer replies with a chat completion.
func answer(w http.ResponseWriter, content, finish string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"choices": []any{map[string]any{"finish_reason": finish, "message": map[string]any{"role": "assistant", "content": content}}},
	})
}

func TestChatRequest(t *testing.T) {
	translator, calls := chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" ||
			r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s, headers %v", r.Method, r.URL.Path, r.Header)
		}
		var got any
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Errorf("body: %v", err)
		}
		want := map[string]any{
			"model": "tiny", "temperature": 0.0, "max_tokens": 512.0, "stream": false,
			"messages": []any{map[string]any{"role": "user", "content": "Translate the following query from Thai to English. please return only the translated question. Input Sentence: เมืองหลวงอยู่ที่ไหน Output Sentence:"}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("body %v\nwant %v", got, want)
		}
		answer(w, " \"Where is the cafe\u0301?\"\n", "stop")
	})
	got, err := translator.Translate(t.Context(), thai)
	if want := (anchor.Anchor{Text: "Where is the café?", Lang: "en", Origin: "chat:tiny"}); err != nil || got != want || calls.Load() != 1 {
		t.Errorf("%+v, %v after %d calls, want %+v", got, err, calls.Load(), want)
	}
}

func TestChatOtherAnchorLanguage(t *testing.T) {
	translator, _ := chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Messages []struct{ Content string } }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !strings.HasPrefix(body.Messages[0].Content, "Translate the following query from Greek to Spanish. ") {
			t.Errorf("%+v, %v", body, err)
		}
		answer(w, "¿Dónde?", "stop")
	})
	if got, err := translator.Translate(t.Context(), anchor.Request{Text: "Πού;", From: "el", To: "es"}); err != nil || got.Lang != "es" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestChatReplies(t *testing.T) {
	for reply, want := range map[string]string{
		"plain": "plain", "“Where?”": "Where?", "Sure! Here is the translation:\n\nWhere?": "Where?",
		"Where? Output Sentence: Where is it?": "Where is it?", // TestPrompt has more
	} {
		translator, _ := chat(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) { answer(w, reply, "stop") })
		if got, err := translator.Translate(t.Context(), thai); err != nil || got.Text != want {
			t.Errorf("reply %q: %q, %v", reply, got.Text, err)
		}
	}
	for reply, problem := range map[string]string{
		" \n": "it is empty", "One.\nTwo.": "it holds more than the translation", thai.Text: "it repeats the query",
		"Translate the following query from Thai to English.": "it repeats the query or the prompt",
	} {
		translator, calls := chat(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) { answer(w, reply, "stop") })
		if _, err := translator.Translate(t.Context(), thai); !isRefused(err) || !strings.Contains(err.Error(), problem) || calls.Load() != 1 {
			t.Errorf("reply %.20q: %v after %d calls, want %q", reply, err, calls.Load(), problem)
		}
	}
}

func TestChatFaults(t *testing.T) {
	flood := strings.Repeat("x", 64<<10)
	tests := map[string]struct {
		handle http.HandlerFunc
		calls  int64
		want   string
	}{
		"500": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "overloaded, your key "+key, http.StatusInternalServerError)
		}, 3, "gave up after 3 attempts: status 500"},
		"401": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"message":"wrong key `+key+`"}}`, http.StatusUnauthorized)
		}, 1, "TRANSLATE_API_KEY or OPENAI_API_KEY"},
		"HTML": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<!doctype html><p>"+key+strings.Repeat("<p>", 5000))
		}, 3, `it begins "<!doctype html>`},
		"no choices": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"choices":[]}`) }, 3, "no choices"},
		"nothing":    {func(http.ResponseWriter, *http.Request) {}, 3, "it is empty"},
		"cut off":    {func(w http.ResponseWriter, _ *http.Request) { answer(w, "Where is", "length") }, 1, "cut off at 512 tokens"},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"choices":[{"message":{"content":"`)
			for range 10 << 20 / len(flood) {
				fmt.Fprint(w, flood)
			}
		}, 3, "larger than any right answer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			translator, calls := chat(t, time.Minute, test.handle)
			got, err := translator.Translate(t.Context(), thai)
			if err == nil || calls.Load() != test.calls {
				t.Fatalf("%+v, %v after %d calls, want %d", got, err, calls.Load(), test.calls)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "translate the query from th to en with tiny at http://127.0.0.1:") || !strings.Contains(text, test.want) ||
				strings.Contains(text, key) || len(text) > 700 {
				t.Errorf("error %q, want %q", text, test.want)
			}
		})
	}
}

func TestChatRetriesAfter(t *testing.T) {
	var before atomic.Bool
	translator, calls := chat(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		if before.CompareAndSwap(false, true) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		answer(w, "Where?", "stop")
	})
	if got, err := translator.Translate(t.Context(), thai); err != nil || got.Text != "Where?" || calls.Load() != 2 {
		t.Errorf("%+v, %v after %d calls", got, err, calls.Load())
	}
	// A wait that the deadline does not leave is not begun.
	translator, calls = chat(t, 10*time.Second, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if _, err := translator.Translate(t.Context(), thai); err == nil || !strings.Contains(err.Error(), "past the deadline: status 429") || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestChatHangs(t *testing.T) {
	release := make(chan struct{})
	hang := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}
	translator, _ := chat(t, 50*time.Millisecond, hang)
	if _, err := translator.Translate(t.Context(), thai); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "within 50ms") {
		t.Errorf("deadline: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	translator, _ = chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	})
	if _, err := translator.Translate(ctx, thai); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	close(release)
}

func TestNewChatRefuses(t *testing.T) {
	good := anchor.ChatConfig{BaseURL: "http://x/v1", Model: "m", Timeout: time.Second}
	for problem, change := range map[string]func(*anchor.ChatConfig){
		"TRANSLATE_MODEL":      func(c *anchor.ChatConfig) { c.Model = "" },
		"timeout":              func(c *anchor.ChatConfig) { c.Timeout = 0 },
		"TRANSLATE_BASE_URL":   func(c *anchor.ChatConfig) { c.BaseURL = "ftp://x" },
		"TRANSLATE_API_KEY or": func(c *anchor.ChatConfig) { c.APIKey = "a\nb" },
	} {
		config := good
		change(&config)
		if _, err := anchor.NewChat(config); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%v, want %q", err, problem)
		}
	}
}

func TestCached(t *testing.T) {
	memory, err := cache.Open(filepath.Join(t.TempDir(), "translations.db"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	fails := true
	translator, calls := chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		if fails {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		var body struct{ Messages []struct{ Content string } }
		_ = json.NewDecoder(r.Body).Decode(&body)
		answer(w, "reply to "+body.Messages[0].Content[30:60], "stop")
	})
	cached := anchor.NewCached(translator, memory, slog.New(slog.DiscardHandler))
	if _, err := cached.Translate(t.Context(), thai); err == nil {
		t.Fatal("the fault was not passed on")
	}
	fails = false
	first, err := cached.Translate(t.Context(), thai)
	if err != nil || first.Cached || calls.Load() != 2 {
		t.Fatalf("%+v, %v after %d calls: an error must not be remembered", first, err, calls.Load())
	}
	same := thai
	same.ID, same.Text = "q7", " "+thai.Text+"\n"
	second, err := anchor.NewCached(translator, memory, slog.New(slog.DiscardHandler)).Translate(t.Context(), same)
	first.Cached = true
	if err != nil || second != first || calls.Load() != 2 {
		t.Errorf("%+v, %v after %d calls, want %+v without one", second, err, calls.Load(), first)
	}
	// Each of these decides the translation.
	for _, other := range []anchor.Request{{Text: thai.Text, From: "lo", To: "en"}, {Text: thai.Text, From: "th", To: "es"}, {Text: thai.Text + "?", From: "th", To: "en"}} {
		before := calls.Load()
		if got, err := cached.Translate(t.Context(), other); err != nil || got.Cached || calls.Load() != before+1 {
			t.Errorf("%+v: %+v, %v", other, got, err)
		}
	}
	renamed := anchor.NewCached(otherIdentity{translator}, memory, slog.New(slog.DiscardHandler))
	if got, err := renamed.Translate(t.Context(), thai); err != nil || got.Cached {
		t.Errorf("another translator's memory was used: %+v, %v", got, err)
	}
}

// A memory that fails costs a warning, never the translation.
func TestCachedWithoutMemory(t *testing.T) {
	memory, err := cache.Open(filepath.Join(t.TempDir(), "translations.db"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := memory.Close(); err != nil {
		t.Fatal(err)
	}
	translator, calls := chat(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) { answer(w, "Where?", "stop") })
	var log bytes.Buffer
	cached := anchor.NewCached(translator, memory, slog.New(slog.NewTextHandler(&log, nil)))
	got, err := cached.Translate(t.Context(), thai)
	if err != nil || got.Text != "Where?" || calls.Load() != 1 || !strings.Contains(log.String(), "goes on without its cache") {
		t.Errorf("%+v, %v after %d calls, log %q", got, err, calls.Load(), log.String())
	}
}

type otherIdentity struct{ *anchor.Chat }

func (otherIdentity) Identity() string { return "another" }

func isRefused(err error) bool {
	_, ok := errors.AsType[*anchor.RefusedError](err)
	return ok
}
