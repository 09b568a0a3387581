package answers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentences returns the sentences of a text, without the white space between
// them. A sentence ends with a period, question mark or exclamation mark that
// white space or punctuation follows, and with the closing marks behind it; a
// period does not end one after an abbreviation, initial or ordinal number
// unless the next word looks like a beginning.
func Sentences(text string) []string {
	var sentences []string
	text = strings.TrimRightFunc(text, isSpace)
	start := 0
	for at := 0; at < len(text); {
		// Of what is written without a space only the last stop can end a
		// sentence.
		chunk := at
		for at < len(text) && !isSpaceAt(text, at) {
			at += runeSize(text, at)
		}
		stop := lastStop(text, chunk, at)
		if stop < 0 || text[stop] == '.' && !ends(text, chunk, stop) {
			at = skipSpace(text, at)
			continue
		}
		next := skipSpace(text, stop+1)
		if closing := next + closers(text[next:]); closing > next {
			sentences = append(sentences, text[start:closing])
			next = skipSpace(text, closing)
		} else {
			sentences = append(sentences, text[start:stop+1])
		}
		start = next
		at = skipSpace(text, max(at, next))
	}
	if start < len(text) {
		sentences = append(sentences, text[start:])
	}
	return sentences
}

// lastStop returns the last stop between start and end, which is where white
// space begins or the text ends, that something follows, or -1.
func lastStop(text string, start, end int) int {
	for i := end - 1; i >= start; i-- {
		if text[i] != '.' && text[i] != '?' && text[i] != '!' {
			continue
		}
		behind, _ := utf8.DecodeRuneInString(text[i+1:])
		if i+1 == end && end < len(text) || i+1 < end && breaks(behind) {
			return i
		}
	}
	return -1
}

// breaks says whether r can follow a stop directly where a sentence ends.
func breaks(r rune) bool {
	return strings.ContainsRune(`)";}]*:@'({[‘’“”«»?!`, r)
}

// closers returns the length of the closing marks that text starts with, if
// white space, a dash or the end follows them.
func closers(text string) int {
	rest := strings.TrimLeft(text, `"')]}‘’“”«»`)
	if rest == "" || isSpaceAt(rest, 0) || strings.HasPrefix(rest, "--") {
		return len(text) - len(rest)
	}
	return 0
}

// ends says whether the period at stop, in what is written without a space from
// chunk on, ends a sentence.
func ends(text string, chunk, stop int) bool {
	next := text[skipSpace(text, stop+1):]
	first, _ := utf8.DecodeRuneInString(next)
	word := text[chunk:stop]
	if i := strings.LastIndexFunc(word, breaks); i >= 0 {
		word = word[i+runeSize(word, i):]
	}
	word = strings.ToLower(word)
	switch {
	case strings.ContainsAny(text[chunk:stop], "?!"):
		return true
	case abbreviations[word], abbreviations[word[strings.LastIndexByte(word, '-')+1:]], strings.HasSuffix(word, "."):
		return starts(next)
	case isInitial(word):
		return !unicode.IsLetter(first) || starts(next)
	case isNumber(word):
		return !unicode.IsLower(first)
	}
	return true
}

func isInitial(word string) bool {
	r, size := utf8.DecodeRuneInString(word)
	return size == len(word) && unicode.IsLetter(r)
}

func isNumber(word string) bool {
	return strings.ContainsFunc(word, unicode.IsDigit) && !strings.ContainsFunc(word, func(r rune) bool {
		return !unicode.IsDigit(r) && r != ',' && r != '.' && r != '-'
	})
}

// starts says whether text begins with a word that begins a sentence wherever it
// is capitalized.
func starts(text string) bool {
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		end = len(text)
	}
	first, size := utf8.DecodeRuneInString(text)
	return unicode.IsUpper(first) && starters[string(unicode.ToLower(first))+text[size:max(size, end)]]
}

func skipSpace(text string, i int) int {
	for i < len(text) && isSpaceAt(text, i) {
		i += runeSize(text, i)
	}
	return i
}

func isSpaceAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return isSpace(r)
}

func runeSize(text string, i int) int {
	_, size := utf8.DecodeRuneInString(text[i:])
	return size
}

// abbreviations are common in English prose and written with a period, in lower
// case and without it. Punkt's English model has them too, and about as many
// more: initials, for the most part.
var abbreviations = setOf(`
	mr mrs ms messrs dr prof st sr jr gen lt col maj adm sen rep reps
	inc co cos corp ltd bros
	jan feb aug sep sept oct nov dec tues wed fri
	ala ariz calif colo conn fla ga ill kan ky mich minn
	nev okla ore pa tenn va vt wash wis
	u.s u.s.a u.s.s.r u.k u.n d.c n.y n.j a.m p.m a.d ph.d m.b.a
	vs ft ave c`)

// starters are words that do not follow an abbreviation with a capital unless a
// sentence begins.
var starters = setOf(`
	a an the this that these those he she it we they his her its their our
	i if in on at by for from with as after although because before during since
	so some such then there though under until when where while however
	but and or nor yet not no both each every many most several
	what which who why how are is was were do does did can could may will would should`)

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
