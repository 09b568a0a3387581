package answers_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite/answers"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// written draws texts of words and of everything that the rules look at.
var written = rapid.Custom(func(t *rapid.T) string {
	atoms := []string{
		" ", " ", " ", "\n", "\u00a0", "\x1c", "river", "The", "cannot", "wanna", "d'ye", "Dr", "U.S.", "12", "é", "中", "\u0902",
		".", ".", "..", ",", ":", "?", "!", "'", "'s", "n't", "''", "\"", "`", "-", "(", ")", "[", "“", "”", "—", "$", "\xff",
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(atoms), 0, 40).Draw(t, "atoms"), "")
})

// checkTokens holds what Tokens and Sentences promise.
func checkTokens(t rapid.TB, text string) {
	t.Helper()
	var held strings.Builder
	for _, token := range answers.Tokens(text) {
		held.WriteString(plain(token))
		if token == "" || strings.ContainsFunc(token, unicode.IsSpace) {
			t.Fatalf("token %q of %q is empty or holds white space", token, text)
		}
	}
	if want := plain(text); held.String() != want {
		t.Fatalf("tokens of %q hold %q, want %q", text, held.String(), want)
	}
	at := 0
	for _, sentence := range answers.Sentences(text) {
		i := strings.Index(text[at:], sentence)
		if i < 0 || sentence == "" || plain(text[at:at+i]) != "" {
			t.Fatalf("sentence %q of %q is empty or out of place", sentence, text)
		}
		at += i + len(sentence)
	}
	if plain(text[at:]) != "" {
		t.Fatalf("no sentence of %q holds %q", text, text[at:])
	}
}

var sameQuotes = strings.NewReplacer("\"", "''", "`", "'")

// plain takes out white space, and writes all double quotation marks alike.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f {
			return -1
		}
		return r
	}, text)
	return sameQuotes.Replace(text)
}

func TestTokensHoldTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkTokens(t, written.Draw(t, "text")) })
}

func TestFoundIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(written, 0, 5).Draw(t, "texts")
		passages := make([]answers.Passage, len(texts))
		var tokens []string
		for i, text := range texts {
			passages[i] = answers.Tokenize(text)
			tokens = append(tokens, answers.Tokens(text)...)
		}
		sought := rapid.SliceOfN(rapid.SampledFrom(append([]string{"river", "The cannot", ". The", "yes"}, tokens...)), 1, 3).Draw(t, "answers")
		budgets := make([]int, len(tokens)+2)
		for i := range budgets {
			budgets[i] = i + 1
		}
		found := answers.Found(slices.Values(passages), sought, budgets...)
		for i, got := range found {
			if i > 0 && found[i-1] && !got {
				t.Fatalf("found within %d tokens, and not within %d", i, i+1)
			}
			// The definition, word by word.
			text := strings.Join(tokens[:min(budgets[i], len(tokens))], " ")
			want := slices.ContainsFunc(sought, func(a string) bool {
				return a != "yes" && a != "no" && strings.Contains(text, a)
			})
			if got != want {
				t.Fatalf("found %v within %d tokens, want %v: %q in %q", got, budgets[i], want, sought, text)
			}
		}
	})
}

func FuzzTokens(f *testing.F) {
	texts, random := readTexts(f)
	for _, text := range append(texts, random[:50]...) {
		f.Add(text.Text)
	}
	f.Add("\xff'\xc3. \xf0 \x9f '")
	f.Fuzz(func(t *testing.T, text string) { checkTokens(t, text) })
}

// TestLongText is quick only where the work grows no faster than the text.
func TestLongText(t *testing.T) {
	testenv.Long(t)
	for _, atom := range []string{"\"", "'", "' ", "`", ".", ". ", ".'", ".)", "?!", "(", ",", "-", " ", "\n", "a", "a.", "'s", "can't ", "d'ye", "中", "\xff", "x.) \"", ".\n'' "} {
		checkTokens(t, strings.Repeat(atom, 1<<20/len(atom)))
	}
}

func BenchmarkTokenize(b *testing.B) {
	texts, _ := readTexts(b)
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(text.Text + " ")
	}
	b.SetBytes(int64(all.Len()))
	for b.Loop() {
		answers.Tokenize(all.String())
	}
}
