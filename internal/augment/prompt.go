package augment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// publishedPrompt is the one that xQG's generator was trained with
// (github.com/ielab/xQG4xDR).
const publishedPrompt = "Generate a {language} question for this passage: {title} {passage}"

const maxPromptBytes = 8 << 10

// Prompt is what a model is asked, with {language} for the English name of the
// query's language and {title} and {passage} for the passage. The zero Prompt is
// the published one.
type Prompt struct{ template string }

var placeholder = regexp.MustCompile(`\{[A-Za-z_ ]+\}`)

// ParsePrompt checks a template. It must hold {language} and {passage}; another
// word in braces than the three is taken for a mistake.
func ParsePrompt(template string) (Prompt, error) {
	var problem string
	unknown := slices.DeleteFunc(placeholder.FindAllString(template, -1), func(name string) bool {
		return name == "{language}" || name == "{title}" || name == "{passage}"
	})
	switch {
	case len(unknown) > 0:
		problem = fmt.Sprintf("%.40q is no placeholder", unknown[0])
	case !strings.Contains(template, "{passage}"), !strings.Contains(template, "{language}"):
		problem = "it lacks {passage} or {language}"
	case !utf8.ValidString(template):
		problem = "it is not valid UTF-8"
	case len(template) > maxPromptBytes:
		problem = fmt.Sprintf("it is longer than %d bytes", maxPromptBytes)
	default:
		return Prompt{template}, nil
	}
	return Prompt{}, errors.New("prompt for queries: " + problem + ": want a text with {language}, {passage} and, if it helps, {title}")
}

// String returns the template.
func (p Prompt) String() string {
	if p.template == "" {
		return publishedPrompt
	}
	return p.template
}

// Hash names the template: 16 hex digits of its SHA-256.
func (p Prompt) Hash() string {
	sum := sha256.Sum256([]byte(p.String()))
	return hex.EncodeToString(sum[:8])
}

// Render fills the template for a query in the language. What the passage itself
// holds in braces stays, and a passage without a title leaves no gap.
func (p Prompt) Render(passage corpus.Passage, language string) string {
	template, title := p.String(), strings.TrimSpace(passage.Title)
	if title == "" {
		template = strings.ReplaceAll(template, "{title} ", "")
	}
	return strings.NewReplacer(
		"{language}", lang.Name(language), "{title}", title, "{passage}", strings.TrimSpace(passage.Text),
	).Replace(template)
}

// minEcho is the length in bytes from which a piece of the prompt in a reply is
// no coincidence.
const minEcho = 16

// echoedIn says whether text repeats a piece of the prompt.
func (p Prompt) echoedIn(text string) bool {
	return slices.ContainsFunc(placeholder.Split(p.String(), -1), func(piece string) bool {
		piece = strings.TrimSpace(piece)
		return len(piece) >= minEcho && strings.Contains(text, piece)
	})
}
