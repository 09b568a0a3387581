package querysynergy

import (
	"context"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/anchor"
)

// Translator writes the anchor of a query. It must be safe for concurrent use,
// and should stop when ctx ends: a query waits no longer than
// [WithAnchorTimeout] says.
type Translator interface {
	// Translate returns text, which is in the language from, in the language to.
	// Languages are BCP 47 tags.
	Translate(ctx context.Context, text, from, to string) (string, error)
}

// TranslatorFunc is a function that is a Translator.
type TranslatorFunc func(ctx context.Context, text, from, to string) (string, error)

// Translate calls f.
func (f TranslatorFunc) Translate(ctx context.Context, text, from, to string) (string, error) {
	return f(ctx, text, from, to)
}

// ownTranslator cleans what a Translator writes, and refuses what is no
// translation.
type ownTranslator struct {
	name       string
	translator Translator
}

func (t ownTranslator) Translate(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
	reply, err := t.translator.Translate(ctx, r.Text, r.From, r.To)
	if err != nil {
		return anchor.Anchor{}, fmt.Errorf("translate with %s: %w", t.name, err)
	}
	text, err := anchor.Clean(reply, r)
	if err != nil {
		return anchor.Anchor{}, fmt.Errorf("translate with %s: %w", t.name, err)
	}
	return anchor.Anchor{Text: text, Lang: r.To, Origin: t.name}, nil
}
