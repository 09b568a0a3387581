// Package lang is the project's one spelling of languages: canonical BCP 47
// tags, their English names, base languages and scripts.
//
// It knows the language registry (golang.org/x/text) and nothing of documents,
// queries or models; it does not detect the language of a text.
package lang

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// spelling replaces retired codes ("iw" by "he"), folds the encompassed
// languages into the code that people use ("cmn" into "zh", "nb" into "no") and
// drops a script that goes without saying ("th-Thai" is "th").
const spelling = language.Default | language.SuppressScript | language.Macro

// Parse returns the canonical spelling of a tag of language, script and region,
// such as "th", "pt-BR" or "zh-Hant". It holds only ASCII letters, digits and
// hyphens, so that it can be part of a collection's name.
func Parse(tag string) (string, error) {
	t, err := spelling.Parse(tag)
	if err != nil {
		return "", fault(tag, "unknown or malformed")
	}
	switch base, _, _ := t.Raw(); {
	case slices.Contains([]string{"und", "mul", "zxx"}, base.String()), display.English.Languages().Name(base) == "":
		return "", fault(tag, "it names no language")
	case len(t.Variants()) > 0, len(t.Extensions()) > 0:
		return "", fault(tag, "variants and extensions are not used here")
	}
	return t.String(), nil
}

func fault(tag, why string) error {
	return fmt.Errorf(`%.40q is not a language tag (%s): want a BCP 47 tag such as "th", "pt-BR" or "zh-Hant"`, tag, why)
}

// Name returns the English name: "Thai", "Brazilian Portuguese", "Traditional
// Chinese". A tag that Parse refuses is its own name.
func Name(tag string) string {
	if _, err := Parse(tag); err != nil {
		return tag
	}
	t := spelling.Make(tag)
	base, _ := t.Base()
	// A combination without a name of its own goes by its base language.
	return cmp.Or(display.English.Tags().Name(t), display.English.Languages().Name(base))
}

// Base returns the base language of a tag that Parse accepts: "pt" for "pt-BR".
func Base(tag string) string {
	base, _ := spelling.Make(tag).Base()
	return base.String()
}

// Script returns the ISO 15924 code of the script that a tag which Parse
// accepts names or implies: "Thai", "Arab", "Hant"; "Zzzz" where it is unknown.
func Script(tag string) string {
	script, _ := spelling.Make(tag).Script()
	return script.String()
}
