package anchor_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
)

func TestParsePrompt(t *testing.T) {
	const paper = "Translate the following query from {source} to {target}. please return only the translated question. Input Sentence: {query} Output Sentence:"
	if got := (anchor.Prompt{}).String(); got != paper {
		t.Errorf("the zero prompt is %q", got)
	}
	for _, template := range []string{paper, "{query}", `{"text": "{query}", "to": "{target}"} {}`} {
		if got, err := anchor.ParsePrompt(template); err != nil || got.String() != template {
			t.Errorf("%q: %q, %v", template, got, err)
		}
	}
	for template, problem := range map[string]string{
		"":                                    "it does not hold {query}",
		"Translate to {target}":               "it does not hold {query}",
		"{Query}":                             `"{Query}" is no placeholder`,
		"{query} {Source Language}":           `"{Source Language}" is no placeholder`,
		"{query}\xff":                         "not valid UTF-8",
		"{query}" + strings.Repeat("x", 8192): "longer than 8192 bytes",
	} {
		if _, err := anchor.ParsePrompt(template); err == nil || !strings.Contains(err.Error(), problem) || len(err.Error()) > 300 {
			t.Errorf("%.40q: %v, want %q", template, err, problem)
		}
	}
}

// prompted returns a model's answer to thai under a prompt, and what it was sent.
func prompted(t *testing.T, template string, request anchor.Request, reply string) (sent string, got anchor.Anchor, err error) {
	t.Helper()
	prompt, err := anchor.ParsePrompt(template)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Messages []struct{ Content string } }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		sent = body.Messages[0].Content
		answer(w, reply, "stop")
	}))
	t.Cleanup(server.Close)
	chat, err := anchor.NewChat(anchor.ChatConfig{BaseURL: server.URL, Model: "tiny", Prompt: prompt, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	got, err = chat.Translate(t.Context(), request)
	return sent, got, err
}

func TestPromptIsFilledOnce(t *testing.T) {
	request := anchor.Request{Text: " {target} คือ {query} ", From: "th", To: "en"}
	sent, got, err := prompted(t, "{target}, please, not {source}: {query} / {query}", request, "What is {target}?")
	if want := "English, please, not Thai: {target} คือ {query} / {target} คือ {query}"; sent != want || err != nil || got.Text != "What is {target}?" {
		t.Errorf("sent %q, want %q; got %+v, %v", sent, want, got, err)
	}
}

func TestPromptInTheReply(t *testing.T) {
	const template = "You are a translator of search queries.\nQuery in {source}: {query}\nQuery in {target}, and nothing else:"
	for reply, want := range map[string]string{
		where: where,
		"Query in English, and nothing else: Where is the capital?":                               where,
		"You are a translator of search queries.\nQuery in Thai: x\n, and nothing else: " + where: where,
		", and nothing else: one\n, and nothing else: Where is the capital?":                      where,
		"You are a translator of search queries.\nQuery in Thai: where is it?":                    "",
		"Where is the capital?\nQuery in English, and nothing else:":                              "",
	} {
		_, got, err := prompted(t, template, thai, reply)
		if want == "" && !errors.Is(err, anchor.ErrEcho) || want != "" && (err != nil || got.Text != want) {
			t.Errorf("%q: %+v, %v, want %q", reply, got, err, want)
		}
	}
	// A query about the prompt is no echo of it.
	about := anchor.Request{Text: "ใครเขียน You are a translator of search queries.", From: "th", To: "en"}
	if _, got, err := prompted(t, template, about, "Who wrote You are a translator of search queries."); err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPromptIsPartOfTheIdentity(t *testing.T) {
	identity := func(template string) string {
		config := anchor.ChatConfig{BaseURL: "http://x", Model: "m", Timeout: time.Second}
		if template != "" {
			var err error
			if config.Prompt, err = anchor.ParsePrompt(template); err != nil {
				t.Fatal(err)
			}
		}
		chat, err := anchor.NewChat(config)
		if err != nil {
			t.Fatal(err)
		}
		return chat.Identity()
	}
	if identity("{query}") == identity("") || identity("{query}") == identity("{query}!") || identity("") != identity((anchor.Prompt{}).String()) {
		t.Error("the identity does not follow the prompt")
	}
}

func FuzzParsePrompt(f *testing.F) {
	for _, template := range []string{"", "{query}", "{source} {target} {query}", "{Query}", "{{query}}", "{query\xff}"} {
		f.Add(template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		prompt, err := anchor.ParsePrompt(template)
		switch {
		case err != nil && len(err.Error()) > 1000:
			t.Errorf("%v", err)
		case err == nil && (prompt.String() != template || !strings.Contains(template, "{query}")):
			t.Errorf("%q became %q", template, prompt)
		}
	})
}
