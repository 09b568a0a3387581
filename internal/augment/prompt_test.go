package augment_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
)

func TestPrompt(t *testing.T) {
	var published augment.Prompt
	for want, passage := range map[string]corpus.Passage{
		"Generate a Thai question for this passage: Bats Bats {title} fly.": {Title: " Bats ", Text: "Bats {title} fly.\n"},
		"Generate a Thai question for this passage: Bats fly.":              {Title: " ", Text: "Bats fly."},
	} {
		if got := published.Render(passage, "th"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	own, err := augment.ParsePrompt("{passage}\n\nIn {language}, about {title}:")
	if got := own.Render(corpus.Passage{Title: "Bats", Text: "They fly."}, "zh"); err != nil || got != "They fly.\n\nIn Chinese, about Bats:" {
		t.Errorf("%q, %v", got, err)
	}
	same, err := augment.ParsePrompt(published.String())
	if err != nil || same.Hash() != published.Hash() || own.Hash() == published.Hash() || len(own.Hash()) != 16 {
		t.Errorf("hashes %s, %s, %s, %v", published.Hash(), same.Hash(), own.Hash(), err)
	}
	for template, want := range map[string]string{
		"":                            "it lacks",
		"{passage}":                   "it lacks",
		"{language}":                  "it lacks",
		"{passage} {language} {text}": `"{text}" is no placeholder`,
		"{passage} {language} \xff":   "not valid UTF-8",
		"{passage}{language}" + strings.Repeat("x", 8<<10): "longer than",
	} {
		if _, err := augment.ParsePrompt(template); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", template, err, want)
		}
	}
}
