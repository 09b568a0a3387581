package cli

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/bidi"
)

const ellipsis = "…"

// Clean makes foreign text fit to print on one line of a terminal: white space
// becomes single spaces, bidirectional controls, which could reorder what
// stands around the text, go, and every other control character (the escape
// that begins a terminal's commands among them) shows as U+FFFD.
func Clean(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	space := false
	for _, r := range text { // invalid UTF-8 comes as U+FFFD
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' && r != '\u200f':
			continue // the two marks left act on their neighbours only
		case unicode.IsControl(r):
			r = utf8.RuneError
		}
		if space && out.Len() > 0 {
			out.WriteByte(' ')
		}
		space = false
		out.WriteRune(r)
	}
	return out.String()
}

// Fit cuts clean text to width terminal columns, the ellipsis included,
// between characters as people see them: never within a Thai syllable's marks,
// an emoji sequence or a wide character.
func Fit(text string, width int) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	left := width - uniseg.StringWidth(ellipsis)
	if left < 0 {
		return ""
	}
	end := 0
	graphemes := uniseg.NewGraphemes(text)
	for graphemes.Next() {
		if left -= graphemes.Width(); left < 0 {
			break
		}
		_, end = graphemes.Positions()
	}
	return strings.TrimRight(text[:end], " ") + ellipsis
}

// isolate wraps text that holds right-to-left characters into a directional
// isolate, so that a terminal that reorders text leaves the columns around it
// in place.
func isolate(text string) string {
	for _, r := range text {
		properties, _ := bidi.LookupRune(r)
		switch properties.Class() {
		case bidi.R, bidi.AL, bidi.AN:
			return "\u2068" + text + "\u2069"
		}
	}
	return text
}
