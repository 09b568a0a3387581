package anchor

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// paperPrompt is the prompt of the paper that the method is from, with the
// anchor's language where it says English.
const paperPrompt = "Translate the following query from {source} to {target}. please return only the translated question. Input Sentence: {query} Output Sentence:"

const maxPromptBytes = 8 << 10

// Prompt is what a chat model is asked, with {source} and {target} for the
// English names of the query's and the anchor's language and {query} for the
// query. The zero Prompt is the paper's.
type Prompt struct{ template string }

var placeholder = regexp.MustCompile(`\{[A-Za-z_ ]+\}`)

// ParsePrompt checks a template. It must hold {query}; another word in braces
// than the three is taken for a mistake.
func ParsePrompt(template string) (Prompt, error) {
	var problem string
	switch unknown := slices.DeleteFunc(placeholder.FindAllString(template, -1), func(name string) bool {
		return name == "{source}" || name == "{target}" || name == "{query}"
	}); {
	case len(unknown) > 0:
		problem = fmt.Sprintf("%q is no placeholder", excerpt(unknown[0]))
	case !strings.Contains(template, "{query}"):
		problem = "it does not hold {query}"
	case !utf8.ValidString(template):
		problem = "it is not valid UTF-8"
	case len(template) > maxPromptBytes:
		problem = fmt.Sprintf("it is longer than %d bytes", maxPromptBytes)
	default:
		return Prompt{template}, nil
	}
	return Prompt{}, errors.New("translation prompt: " + problem + ": want a text with {query} and, if it helps, {source} and {target} for the languages' names")
}

// String returns the template.
func (p Prompt) String() string {
	if p.template == "" {
		return paperPrompt
	}
	return p.template
}

// render fills the template. What the query itself holds in braces stays.
func (p Prompt) render(request Request) string {
	return strings.NewReplacer(
		"{source}", lang.Name(request.From), "{target}", lang.Name(request.To), "{query}", tidy(request.Text),
	).Replace(p.String())
}

// Lengths in bytes from which a piece of the prompt in a reply is no coincidence:
// of any piece, and of the label at its end.
const (
	minEcho  = 16
	minLabel = 8
)

// answer returns what follows the prompt in a reply that repeats its closing
// label, as models do that only continue texts. Other traces of the prompt are
// refused, unless the query holds them too.
func (p Prompt) answer(reply string, request Request) (string, error) {
	pieces := placeholder.Split(p.String(), -1)
	for i := range pieces {
		pieces[i] = strings.TrimSpace(pieces[i])
	}
	label := pieces[len(pieces)-1]
	if at := strings.LastIndex(reply, label); len(label) >= minLabel && at >= 0 && strings.HasSuffix(label, ":") && !strings.Contains(request.Text, label) {
		if after := reply[at+len(label):]; strings.TrimSpace(after) != "" {
			reply = after
		}
	}
	for _, piece := range pieces {
		if len(piece) >= minEcho && strings.Contains(reply, piece) && !strings.Contains(request.Text, piece) {
			return "", &RefusedError{Reason: ErrEcho}
		}
	}
	return reply, nil
}
