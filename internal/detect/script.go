package detect

import (
	"maps"
	"slices"
	"unicode"
)

// Groups of scripts that words have to tell apart; a script that shares no
// letters with another is a group by itself, named by its ISO 15924 code.
const (
	latin   = "Latn"
	han     = "Hani" // Chinese characters on their own: Chinese or, rarely, Japanese
	jpan    = "Jpan"
	kore    = "Kore"
	foreign = "Zzzz" // none of the scripts here
)

// groupOf returns the group of an ISO 15924 script.
func groupOf(script string) string {
	switch script {
	case "Hans", "Hant":
		return han
	case "Hang":
		return kore
	}
	return script
}

// alphabet is letters and the group that they point to.
type alphabet struct {
	group   string
	letters *unicode.RangeTable
	// word is about how many letters make a word, so that scripts can be compared
	// within a text.
	word float64
}

// alphabets has the frequent ones first.
var alphabets = []alphabet{
	{latin, unicode.Latin, 5}, {"Cyrl", unicode.Cyrillic, 5}, {"Arab", unicode.Arabic, 4}, {han, unicode.Han, 1.5},
	{jpan, unicode.Hiragana, 2.5}, {jpan, unicode.Katakana, 4}, {kore, unicode.Hangul, 2.5},
	{"Deva", unicode.Devanagari, 3}, {"Grek", unicode.Greek, 5}, {"Thai", unicode.Thai, 4}, {"Hebr", unicode.Hebrew, 4},
	{"Armn", unicode.Armenian, 5}, {"Beng", unicode.Bengali, 3}, {"Ethi", unicode.Ethiopic, 4}, {"Geor", unicode.Georgian, 5},
	{"Gujr", unicode.Gujarati, 3}, {"Guru", unicode.Gurmukhi, 3}, {"Khmr", unicode.Khmer, 4}, {"Knda", unicode.Kannada, 3},
	{"Laoo", unicode.Lao, 4}, {"Mlym", unicode.Malayalam, 3}, {"Mong", unicode.Mongolian, 5}, {"Mymr", unicode.Myanmar, 4},
	{"Nkoo", unicode.Nko, 4}, {"Olck", unicode.Ol_Chiki, 4}, {"Orya", unicode.Oriya, 3}, {"Sinh", unicode.Sinhala, 3},
	{"Syrc", unicode.Syriac, 4}, {"Taml", unicode.Tamil, 4}, {"Telu", unicode.Telugu, 3}, {"Tfng", unicode.Tifinagh, 4},
	{"Thaa", unicode.Thaana, 4}, {"Tibt", unicode.Tibetan, 3},
}

// shares returns what part of a text is written in each group, in words; they
// add up to 1, or are empty where the text has no letters. Beside other scripts
// Latin counts half, since names, brands and formulae keep it in any language.
func shares(text string) map[string]float64 {
	words := make(map[string]float64)
	for _, r := range text {
		if !unicode.IsLetter(r) || unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		name, word := foreign, 5.0
		if at := slices.IndexFunc(alphabets, func(a alphabet) bool { return unicode.Is(a.letters, r) }); at >= 0 {
			name, word = alphabets[at].group, alphabets[at].word
		}
		words[name] += 1 / word
	}
	// A Japanese or Korean text owns its Chinese characters; a の in a Chinese
	// shop's name does not make it Japanese.
	for _, owner := range []string{jpan, kore} {
		if words[owner] > 0 && words[owner] >= words[han]/8 {
			words[owner] += words[han]
			delete(words, han)
		}
	}
	if len(words) > 1 && words[latin] > 0 {
		words[latin] /= 2
	}
	total := 0.0
	for _, name := range slices.Sorted(maps.Keys(words)) { // one order of adding
		total += words[name]
	}
	for name := range words {
		words[name] /= total
	}
	return words
}
