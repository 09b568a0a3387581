// Package anchor is where the anchor query comes from: the source query's
// question again, in a language that embedding models know well. It may be
// given by hand, stand in a file of translations, or come from a chat model or
// a translation server. What a machine answers is cleaned and, where it cannot
// be a translation, refused; see Clean.
//
// It knows texts and languages, and nothing of vectors or of where documents
// are stored.
package anchor

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrNoTranslation means that a source holds none for this query; another may.
var ErrNoTranslation = errors.New("no translation")

// Origins of an anchor query. What follows OriginFile and OriginChat is the
// file's or the model's name.
const (
	OriginGiven          = "given"
	OriginFile           = "file:"
	OriginChat           = "chat:"
	OriginLibreTranslate = "libretranslate"
	OriginApertium       = "apertium"
)

// Request asks for the anchor of one source query.
type Request struct {
	ID       string // the query's id in its dataset; "" where it has none
	Text     string // the source query
	From, To string // the languages of source and anchor query, as lang.Parse spells them
}

// Anchor is an anchor query.
type Anchor struct {
	Text   string // NFC, never blank; trimmed unless it was given
	Lang   string
	Origin string // see OriginGiven and its like
	Cached bool   // it came from a Cached translator's memory
}

// Translator finds the anchor of a source query. The caller sees to it that
// From and To are different languages. Translators here are safe for
// concurrent use.
type Translator interface {
	Translate(ctx context.Context, request Request) (Anchor, error)
}

// Given returns the anchor query that somebody wrote for the query at hand. It
// is embedded as it was written, like the source query: only NFC is applied.
func Given(text, language string) (Anchor, error) {
	text = norm.NFC.String(text)
	switch {
	case strings.TrimSpace(text) == "":
		return Anchor{}, errors.New("the given anchor query is empty")
	case !utf8.ValidString(text):
		return Anchor{}, errors.New("the given anchor query is not valid UTF-8")
	}
	return Anchor{Text: text, Lang: language, Origin: OriginGiven}, nil
}

// tidy is the form in which texts are compared and returned.
func tidy(text string) string { return strings.TrimSpace(norm.NFC.String(text)) }

// excerpt cuts a text for an error message.
func excerpt(text string) string {
	const limit = 120
	runes := 0
	for at := range text {
		if runes++; runes > limit {
			return text[:at] + "…"
		}
	}
	return text
}
