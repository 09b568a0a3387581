package anchor_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/anchor"
)

func TestGiven(t *testing.T) {
	got, err := anchor.Given(" cafe\u0301?\n", "en")
	if want := (anchor.Anchor{Text: " café?\n", Lang: "en", Origin: "given"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for text, problem := range map[string]string{" \n": "is empty", "a\xff": "not valid UTF-8"} {
		if _, err := anchor.Given(text, "en"); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %v, want %q", text, err, problem)
		}
	}
}
