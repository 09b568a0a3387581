package answers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tokens returns the tokens of a text: the words of its sentences. No token is
// empty or holds white space; together they hold every other character of the
// text, in order, except that a double quotation mark, written " or ”, has
// become “ or ”.
func Tokens(text string) []string {
	var s splitter
	for _, sentence := range Sentences(text) {
		s.split(sentence)
	}
	return s.tokens
}

// Words returns the tokens of one sentence, in the sense of Tokens. Only a
// sentence's last period stands alone.
func Words(sentence string) []string {
	var s splitter
	s.split(sentence)
	return s.tokens
}

// splitter goes through a sentence once. NLTK rewrites it some thirty times
// instead, each time with more spaces; what one rewriting can see of another is
// said where it matters.
type splitter struct {
	tokens   []string
	text     string
	from     int // where the word begins that has not ended yet
	finalDot int // where the sentence's last period is, or -1
}

func (s *splitter) split(sentence string) {
	s.text, s.from = sentence, 0
	s.finalDot = s.findFinalDot()
	for i := 0; i < len(sentence); {
		r, size := utf8.DecodeRuneInString(sentence[i:])
		switch {
		case isSpace(r):
			s.endWord(i)
			s.from = i + size
		case alone(r), aloneLate(r):
			s.cut(i, i+size)
		case r == '"':
			s.endWord(i)
			s.quote(s.opensQuote(i))
			s.from = i + 1
		case r == '\'':
			size = s.apostrophes(i)
		case r == '`':
			size = s.run(i)
			s.endWord(i)
			s.pairs(i, i+size)
		case r == ':' || r == ',':
			size = s.comma(i)
		case r == '.':
			if size = s.run(i); size > 1 || i == s.finalDot {
				s.cut(i, i+size)
			}
		case r == '-' && strings.HasPrefix(sentence[i:], "--"):
			size = 2
			s.cut(i, i+size)
		}
		i += size
	}
	s.endWord(len(sentence))
}

// cut ends the word before start and makes a token of what lies between start
// and end.
func (s *splitter) cut(start, end int) {
	s.endWord(start)
	s.tokens = append(s.tokens, s.text[start:end])
	s.from = end
}

func (s *splitter) quote(opens bool) {
	if opens {
		s.tokens = append(s.tokens, "``")
	} else {
		s.tokens = append(s.tokens, "''")
	}
}

// pairs makes tokens of two characters each, and one of what is left.
func (s *splitter) pairs(start, end int) {
	for ; start < end; start += 2 {
		s.tokens = append(s.tokens, s.text[start:min(start+2, end)])
	}
	s.from = end
}

// run returns how often the ASCII character at i is repeated from there on.
func (s *splitter) run(i int) int {
	n := 1
	for i+n < len(s.text) && s.text[i+n] == s.text[i] {
		n++
	}
	return n
}

// opensQuote says whether the double quotation mark at i opens a quotation. One
// that begins the sentence does and is followed by a space from then on, so that
// another directly behind it does as well.
func (s *splitter) opensQuote(i int) bool {
	if i == 0 {
		return s.text[0] == '"'
	}
	before, _ := utf8.DecodeLastRuneInString(s.text[:i])
	return strings.ContainsRune(" ([{<«“‘„`", before) || i == 1 && before == '"'
}

// apostrophes handles the run of apostrophes at i and returns its length. Two
// are a quotation mark. A single one belongs to the word before it or the word
// behind it, which endWord sees to, unless it stands off.
func (s *splitter) apostrophes(i int) int {
	n := s.run(i)
	last := i + n - 1
	if n > 1 {
		s.endWord(i)
		pair := i
		if s.opensQuote(i) {
			s.quote(true)
			pair += 2
		}
		for ; pair < last; pair += 2 {
			s.quote(false)
		}
		s.from = pair
		if pair > last {
			return n
		}
	}
	if s.opensWord(last) || s.spaceAt(last+1) {
		s.cut(last, last+1)
	}
	return n
}

// opensWord says whether the apostrophe at i is a single quotation mark that
// opens: between something else and a word, which is no clitic as in 's.
func (s *splitter) opensWord(i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s.text[:i])
	behind, _ := utf8.DecodeRuneInString(s.text[i+1:])
	if isWord(before) || !isWord(behind) {
		return false
	}
	for _, clitic := range [...]string{"re", "ve", "ll", "m", "t", "s", "d", "n"} {
		if startsWithWord(s.text[i+1:], clitic) {
			return false
		}
	}
	return true
}

// spaceAt says whether NLTK sees a space at i when it looks for an apostrophe
// that stands before one: the space itself, or something that has been set off
// by then. It sees no other white space there, nor the end.
func (s *splitter) spaceAt(i int) bool {
	r, _ := utf8.DecodeRuneInString(s.text[i:])
	switch r {
	case ' ', '`':
		return true
	case ':', ',':
		return !isDigitAt(s.text, i+1)
	case '.':
		return i == s.finalDot || s.run(i) > 1
	}
	return i < len(s.text) && alone(r)
}

// comma handles the comma or colon at i, which is a token unless a digit
// follows, and returns how many characters that settles: NLTK's rule takes the
// next character along, so that a second comma begins the next word.
func (s *splitter) comma(i int) int {
	if isDigitAt(s.text, i+1) {
		return 1
	}
	s.cut(i, i+1)
	if i+1 < len(s.text) && (s.text[i+1] == ':' || s.text[i+1] == ',') {
		return 2
	}
	return 1
}

// findFinalDot returns where the period is that ends the sentence, with nothing
// but closing marks and white space behind it, or -1.
func (s *splitter) findFinalDot() int {
	end := len(strings.TrimRightFunc(s.text, isSpace))
	for end > 0 {
		r, size := utf8.DecodeLastRuneInString(s.text[:end])
		switch {
		case r == '.':
			if end == 1 || s.text[end-2] == '.' {
				return -1
			}
			return end - 1
		case r == '"' && s.opensQuote(end-1):
			return -1
		case r == '\'':
			size = end - len(strings.TrimRight(s.text[:end], "'"))
			if size > 1 && s.opensQuote(end-size) {
				return -1
			}
		case !strings.ContainsRune("])}>\"»”’ ", r):
			return -1
		}
		end -= size
	}
	return -1
}

// endWord makes tokens of the word that ends at i, if one has begun: the word
// itself, and the clitics at its end.
func (s *splitter) endWord(i int) {
	word := s.text[s.from:i]
	var clitics []string
	for _, endings := range [...][]string{
		{"'", "'s", "'S", "'m", "'M", "'d", "'D"},
		{"'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"},
	} {
		for _, ending := range endings {
			stem, ok := strings.CutSuffix(word, ending)
			if ok && stem != "" && !strings.HasSuffix(stem, "'") {
				clitics = append(clitics, ending)
				word = stem
				break
			}
		}
	}
	if word != "" {
		s.contractions(word)
	}
	for k := len(clitics) - 1; k >= 0; k-- {
		s.tokens = append(s.tokens, clitics[k])
	}
}

// contracted holds words that are written as one, each cut where it is split.
var contracted = [...][2]string{
	{"can", "not"}, {"d", "'ye"}, {"gim", "me"}, {"gon", "na"},
	{"got", "ta"}, {"lem", "me"}, {"more", "'n"}, {"wan", "na"},
}

// contractions makes tokens of a word, split around and within what contracted
// lists.
func (s *splitter) contractions(word string) {
	from := 0
	before := ' '
	for i := 0; i < len(word); {
		r, size := utf8.DecodeRuneInString(word[i:])
		if isWord(r) && !isWord(before) {
			if first, second := contraction(word[i:]); first > 0 {
				if from < i {
					s.tokens = append(s.tokens, word[from:i])
				}
				s.tokens = append(s.tokens, word[i:i+first], word[i+first:i+first+second])
				size = first + second
				from = i + size
				r, _ = utf8.DecodeLastRuneInString(word[:from])
			}
		}
		before = r
		i += size
	}
	if from < len(word) {
		s.tokens = append(s.tokens, word[from:])
	}
}

// contraction returns the lengths of the two parts of the contraction that text
// starts with, or zeros.
func contraction(text string) (first, second int) {
	for _, c := range contracted {
		if !startsWithWord(text, c[0]+c[1]) {
			continue
		}
		if c[0] == "wan" && len(text) > len("wanna") {
			continue // only where white space follows
		}
		return len(c[0]), len(c[1])
	}
	return 0, 0
}

// startsWithWord says whether text starts with a word, in any case, that ends
// there.
func startsWithWord(text, word string) bool {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return false
	}
	behind, _ := utf8.DecodeRuneInString(text[len(word):])
	return !isWord(behind)
}

func isDigitAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsDigit(r)
}

// alone says whether r is a token wherever it stands.
func alone(r rune) bool {
	switch r {
	case '«', '“', '‘', '„', ';', '@', '#', '$', '%', '&', '?', '!', '‒', '–', '—', '―':
		return true
	}
	return false
}

// aloneLate is as alone, for what NLTK sets off last.
func aloneLate(r rune) bool {
	switch r {
	case '*', '[', ']', '(', ')', '{', '}', '<', '>', '»', '”', '’':
		return true
	}
	return false
}

// isSpace and isWord are white space and \w as NLTK has them.

func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.In(r, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc)
}
