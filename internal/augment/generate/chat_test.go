package generate_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/augment/generate"
	"github.com/query-synergy/query-synergy/internal/corpus"
)

func TestChatRequest(t *testing.T) {
	var mu sync.Mutex
	seeds := map[string][]int{}
	model, _ := chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request, asked chatRequest) {
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+key ||
			asked.Model != "tiny" || asked.Temperature != 0.7 || asked.MaxTokens != 256 || *asked.Seed < 0 || *asked.Seed > 1<<31-1 {
			t.Errorf("%s %+v", r.URL.Path, asked)
		}
		mu.Lock()
		defer mu.Unlock()
		prompt := asked.Messages[0].Content
		seeds[prompt] = append(seeds[prompt], *asked.Seed)
		answer(w, strings.Repeat("?", 3), "stop")
	})
	o := options()
	o.Concurrency = 1
	_, _, _ = run(t, t.Context(), model, journalPath(t), o, []corpus.Passage{{DocID: "d0", Lang: "en", Title: "Bats", Text: "They fly."}})
	// Recorded: a change would make every journal and cache start again.
	want := map[string][]int{
		"Generate a English question for this passage: Bats They fly.": {1387622282, 502168302, 926512856},
		"Generate a Chinese question for this passage: Bats They fly.": {841547117, 180490484, 759965211},
	}
	for prompt, numbers := range want {
		if got := seeds[prompt]; len(got) != 3 || [3]int(got) != [3]int(numbers) {
			t.Errorf("%q: seeds %v, want %v", prompt, got, numbers)
		}
	}
}

func TestNewChat(t *testing.T) {
	good := generate.ChatConfig{BaseURL: "http://127.0.0.1:1/v1", Model: "m", Timeout: time.Second}
	for want, change := range map[string]func(*generate.ChatConfig){
		"no model is named":  func(c *generate.ChatConfig) { c.Model = "" },
		"timeout 0s":         func(c *generate.ChatConfig) { c.Timeout = 0 },
		"temperature -1":     func(c *generate.ChatConfig) { c.Temperature = -1 },
		"temperature 2.5":    func(c *generate.ChatConfig) { c.Temperature = 2.5 },
		"GENERATE_BASE_URL":  func(c *generate.ChatConfig) { c.BaseURL = "ftp://x" },
		"holds a line break": func(c *generate.ChatConfig) { c.APIKey = "a\nb" },
	} {
		config := good
		change(&config)
		if _, err := generate.NewChat(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	plain, err := generate.NewChat(good)
	good.Temperature = 1
	warm, warmErr := generate.NewChat(good)
	if err != nil || warmErr != nil || plain.Identity() == warm.Identity() || plain.Name() != "m" {
		t.Errorf("%v, %v", err, warmErr)
	}
}

// A reply that was cut off gives its whole lines.
func TestChatCutOff(t *testing.T) {
	model, _ := chat(t, time.Minute, func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { answer(w, "1. Who?\n2. Wh", "length") })
	if reply, err := model.Generate(t.Context(), "p", 1); err != nil || reply != (generate.Reply{Text: "1. Who?\n", Tokens: 30}) {
		t.Errorf("%+v, %v", reply, err)
	}
}
