package config

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that no format, encoder or log shows; the zero Secret is the
// empty text. Reveal is the one way to it.
//
// The text lies behind a pointer because fmt calls no methods on what it finds
// within a value that it cannot print with the verb at hand.
type Secret struct{ text *string }

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns "[redacted]", and so do the other methods, each for a way on
// which Go would print a value.
func (Secret) String() string { return redacted }

// Format covers every verb, %#v included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText is what encoding/json and its like write.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is what log/slog writes.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
