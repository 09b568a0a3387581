package anchor

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// What a RefusedError gives as its reason.
var (
	ErrEmptyReply  = errors.New("it is empty")
	ErrEcho        = errors.New("it repeats the query or the prompt instead of translating")
	ErrTooLong     = errors.New("it is too long to be a translation of the query")
	ErrWrongScript = errors.New("it is not in the script of the language asked for")
	ErrChatter     = errors.New("it holds more than the translation, and what belongs to which cannot be told")
)

// RefusedError says that a translator answered with something that is no
// translation. It holds nothing of the reply.
type RefusedError struct {
	Reason error // one of those above
}

func (e *RefusedError) Error() string { return "the reply is no translation: " + e.Reason.Error() }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Reason }

// Bounds of a reply.
const (
	// A translation may be this many times as long as its source, plus some,
	// counted in characters of an alphabet. The longest human translation of
	// XQuAD is 4.0 times its source, with some 4.7 times among the shortest.
	maxGrowth      = 4
	maxGrowthExtra = 60

	maxRawReply = 16 << 10 // bytes, with all that is not the translation
	maxPeels    = 8
)

// Clean returns the translation in a translator's reply to request: without
// the reasoning, greeting, label, quotes, code fence or closing note that models
// put around it. What cannot be a translation is a *RefusedError. A wrong
// translation that reads well passes: only its meaning could tell.
//
// What it returns is in NFC, trimmed, and comes back unchanged from a second
// Clean.
func Clean(reply string, request Request) (string, error) {
	source := tidy(request.Text)
	text, err := peelAll(tidy(strings.ToValidUTF8(reply, "\uFFFD")), source)
	if err == nil {
		err = check(text, source, request.From, request.To)
	}
	if err != nil {
		return "", &RefusedError{Reason: err}
	}
	return text, nil
}

// check returns why text cannot be the translation of source.
func check(text, source, from, to string) error {
	switch {
	case !strings.ContainsFunc(text, speaks) && strings.ContainsFunc(source, speaks):
		return ErrEmptyReply
	case text == "":
		return ErrEmptyReply
	case length(text) > maxGrowth*length(source)+maxGrowthExtra:
		return ErrTooLong
	case sameText(text, source):
		if !mayStay(source, from, to) {
			return ErrEcho
		}
	case !fits(text, to):
		return ErrWrongScript
	}
	return nil
}

// speaks says whether r carries meaning.
func speaks(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// sameText compares two texts by their letters and numbers.
func sameText(a, b string) bool {
	words := func(text string) []string {
		return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !speaks(r) && !unicode.IsMark(r) })
	}
	return slices.Equal(words(a), words(b))
}

// mayStay says whether a query can be its own translation: a name or a number,
// or one that was in the other language's script from the start.
func mayStay(source, from, to string) bool {
	if sameScript(from, to) {
		return nameLike(source)
	}
	count, _ := lettersOf(source, to)
	return count.latin+count.foreign == 0 || count.own+count.foreign == 0 && nameLike(source)
}

// nameLike says whether a query is short and looks like a name, a number or a
// loanword: "Super Bowl 50", "COVID-19", "hotel".
func nameLike(text string) bool {
	words := strings.Fields(text)
	if len(words) > 4 || length(text) > 40 || strings.ContainsAny(text, "?？؟;；!！。…") {
		return false
	}
	name := func(word string) bool {
		return !strings.ContainsFunc(word, unicode.IsLower) ||
			strings.ContainsFunc(word, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsNumber(r) })
	}
	return len(words) == 1 || !slices.ContainsFunc(words, func(word string) bool { return !name(word) })
}

var (
	// opening is a greeting or label that ends in a colon.
	opening = regexp.MustCompile(`(?i)^[*_]{0,2}(?:(?:sure|certainly|of course|ok|okay|absolutely|yes)\b[^:：\n]{0,60}|` +
		`here(?:['’]s| is| are)\b[^:：\n]{0,80}|` +
		`(?:the |my |your )?(?:best |final |literal |direct )?(?:[\p{L}]{1,20} )?(?:translation|translated (?:query|question|sentence|text)|translates to)[^:：\n]{0,60}|` +
		`(?:the )?(?:output|answer|result|response|question|query)(?: (?:sentence|question|query|text))?(?: in [\p{L} ]{1,30})?|` +
		`(?:in )?(?:english|spanish|french|german|chinese|arabic|thai|greek|turkish|hindi|vietnamese|italian|portuguese|russian|japanese|korean))\s*[*_]{0,2}[:：][*_]{0,2}\s*`)
	// greeting is an opening that is a line of its own without a colon.
	greeting = regexp.MustCompile(`(?i)^(?:sure|certainly|of course|ok|okay|absolutely|here you go|here it is)\b[^?？]{0,60}[!.]?$`)
	// note begins a line about the translation.
	note = regexp.MustCompile(`(?i)^[(\[*_]{0,3}(?:note|notes|explanation|translation notes?|translator['’]s note|alternative(?:ly)?|literally|please note|let me know|i hope|is there anything|if you (?:have|need)|this (?:translation|question|sentence|query)|the (?:translation|original))\b`)
	// aside is a note in brackets at the end of a line.
	aside = regexp.MustCompile(`(?i)\s*[(\[](?:note|translat|literal|lit\.|alternative|in english|or:)[^()\[\]]*[)\]]\.?$`)
	// helpless is a model that says that it does not translate.
	helpless = regexp.MustCompile(`(?i)^(?:as an ai (?:language )?(?:model|assistant)\b|` +
		`(?:(?:i['’]?m |i am )?sorry\b.{0,40})?\bi(?: can['’]?t| cannot| can not|['’]?m unable to| am unable to|['’]m not able to| am not able to) (?:translate (?:this|that|the|your|it)\b|assist\b|help (?:you )?with\b|fulfil|provide a translation)|` +
		`(?:please|could you(?: please)?) provide (?:me with )?(?:the|a|your) (?:[a-z]+ )?(?:query|sentence|text|question|input)\b.{0,20}\b(?:you|to be translated|for translation)\b)`)
)

// wrappings stand around a whole text.
var wrappings = []struct{ open, end string }{
	{`"`, `"`}, {"'", "'"}, {"“", "”"}, {"„", "“"}, {"‘", "’"}, {"«", "»"}, {"「", "」"}, {"『", "』"},
	{"**", "**"}, {"__", "__"}, {"```", "```"}, {"`", "`"},
}

// peelAll takes off layer by layer what is around the translation.
func peelAll(text, source string) (string, error) {
	for range maxPeels {
		if len(text) > max(maxRawReply, 8*len(source)) {
			return "", ErrTooLong
		}
		answer, err := afterThinking(text)
		if err != nil {
			return "", err
		}
		lines, err := translationLines(afterLabel(answer, source), source)
		if err != nil {
			return "", err
		}
		next := unwrap(strings.Join(lines, "\n"), source)
		if next == text {
			if helpless.MatchString(text) {
				return "", ErrChatter
			}
			return text, nil
		}
		text = next
	}
	return "", ErrChatter
}

// afterThinking returns what follows the reasoning that some models write out.
func afterThinking(text string) (string, error) {
	if !strings.HasPrefix(text, "<think>") {
		return text, nil
	}
	_, answer, ended := strings.Cut(text, "</think>")
	if !ended {
		return "", ErrChatter
	}
	return strings.TrimSpace(answer), nil
}

// translationLines returns the lines of a reply that are the translation: as
// many as the source has, or fewer.
func translationLines(text, source string) ([]string, error) {
	asked := nonBlank(source)
	lines := nonBlank(text)
	if len(lines) <= max(1, len(asked)) {
		return lines, nil
	}
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "```") || sameText(line, source)
	})
	if len(lines) > 1 && greeting.MatchString(lines[0]) {
		lines = lines[1:]
	}
	for i, line := range lines {
		if i > 0 && note.MatchString(line) {
			lines = lines[:i]
			break
		}
	}
	if len(lines) > max(1, len(asked)) {
		return nil, ErrChatter
	}
	return lines, nil
}

func nonBlank(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// afterLabel returns what follows an opening label. A text with no more colons
// than the source has none: they are the query's own.
func afterLabel(text, source string) string {
	if label := opening.FindString(text); label != "" && colons(text) > colons(source) {
		if rest := strings.TrimSpace(text[len(label):]); rest != "" {
			return rest
		}
	}
	return text
}

// unwrap takes off an aside at the end or what wraps the whole, unless the
// source has the like.
func unwrap(text, source string) string {
	if at := aside.FindStringIndex(text); at != nil && at[0] > 0 && !strings.ContainsAny(source, "()[]（）") {
		return strings.TrimSpace(text[:at[0]])
	}
	for _, w := range wrappings {
		inner, opened := strings.CutPrefix(text, w.open)
		inner, closed := strings.CutSuffix(inner, w.end)
		// The same marks within mean that the outer ones need not be a pair.
		if opened && closed && !strings.Contains(inner, w.open) && !strings.Contains(inner, w.end) && !wrapped(source) {
			return strings.TrimSpace(inner)
		}
	}
	return text
}

func colons(text string) int { return strings.Count(text, ":") + strings.Count(text, "：") }

// wrapped says whether a text stands in quotes of any kind.
func wrapped(text string) bool {
	return slices.ContainsFunc(wrappings, func(w struct{ open, end string }) bool {
		return len(text) > len(w.open) && strings.HasPrefix(text, w.open) && strings.HasSuffix(text, w.end)
	})
}
