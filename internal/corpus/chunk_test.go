package corpus_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/corpus"
)

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		name         string
		max, overlap int
		text         string
		want         []string
	}{
		{"empty", 10, 0, "", []string{""}},
		{"fits, unchanged", 10, 5, " a. b. c \n", []string{" a. b. c \n"}},
		{"sentence before word", 12, 0, "One two. Six ten.", []string{"One two. ", "Six ten."}},
		{"the last sentence that fits", 14, 0, "Aaaa. Bbbb. Cccc cccc.", []string{"Aaaa. Bbbb. ", "Cccc cccc."}},
		{"a sentence end too early is passed over", 12, 0, "A. bbb bbbbb cccc", []string{"A. bbb ", "bbbbb cccc"}},
		{"no sentence end in a number", 12, 0, "costs 3.1415926 euro", []string{"costs ", "3.1415926 ", "euro"}},
		{"quotes stay with their sentence", 14, 0, `He said "no." "Why not?"`, []string{`He said "no." `, `"Why not?"`}},
		{"line end", 10, 0, "abcdef\nghi jklm", []string{"abcdef\n", "ghi jklm"}},
		{"CRLF is one", 8, 0, "abcdef\r\nghijk", []string{"abcdef\r\n", "ghijk"}},
		{"Chinese stop without space", 8, 0, "今天天气好。我们出去走走吧。", []string{"今天天气好。", "我们出去走走吧。"}},
		{"Chinese quotes", 8, 0, "他说“好的。”我们走吧。", []string{"他说“好的。”", "我们走吧。"}},
		{"Chinese comma", 8, 0, "今天的天气，很好很好很好", []string{"今天的天气，", "很好很好很好"}},
		{"Chinese without any mark", 5, 2, "甲乙丙丁戊己庚辛", []string{"甲乙丙丁戊", "丁戊己庚辛"}},
		{"Hindi danda", 12, 0, "यह एक है। वह दो है।", []string{"यह एक है। ", "वह दो है।"}},
		{"Arabic question mark", 13, 0, "ما اسمك؟ أنا علي", []string{"ما اسمك؟ ", "أنا علي"}},
		{"Urdu stop", 12, 0, "یہ ایک ہے۔ وہ دو ہے", []string{"یہ ایک ہے۔ ", "وہ دو ہے"}},
		{"Greek question mark", 10, 0, "Τι είναι; Δεν ξέρω", []string{"Τι είναι; ", "Δεν ξέρω"}},
		{"Thai at a space", 12, 0, "ภาษาไทย ไม่มีเว้นวรรค", []string{"ภาษาไทย ", "ไม่มีเว้นวรร", "ค"}},
		{"Thai within no cluster", 6, 0, "กกกกกกี่ข", []string{"กกกกก", "กี่ข"}},
		{"family emoji", 8, 0, "abcd👨‍👩‍👧‍👦efgh", []string{"abcd", "👨‍👩‍👧‍👦e", "fgh"}},
		{"flags", 3, 0, "🇹🇭🇹🇷🇬🇷", []string{"🇹🇭", "🇹🇷", "🇬🇷"}},
		{"a cluster longer than a chunk", 3, 1, "ae\u0301\u0301\u0301\u0301b", []string{"a", "e\u0301\u0301", "\u0301\u0301b"}},
		{"overlap starts with a word", 22, 11, "one two three four five six", []string{"one two three four ", "three four five six"}},
		{"overlap starts with a sentence", 24, 12, "Aaaaaa bb. Cc dd. Ee ff. Gg hh.", []string{"Aaaaaa bb. Cc dd. ", "Cc dd. Ee ff. Gg hh."}},
		{"spaces only", 4, 0, "          ", []string{"    ", "    ", "  "}},
		{"one rune", 1, 0, "ab", []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := corpus.Chunking{MaxRunes: tc.max, OverlapRunes: tc.overlap}
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			if got := c.Split(tc.text); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestChunkingValidate(t *testing.T) {
	for _, c := range []corpus.Chunking{corpus.DefaultChunking, {MaxRunes: 1}, {MaxRunes: 2, OverlapRunes: 1}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []corpus.Chunking{{}, {MaxRunes: -1}, {MaxRunes: 10, OverlapRunes: -1}, {MaxRunes: 10, OverlapRunes: 6}, {MaxRunes: 1, OverlapRunes: 1}} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is valid", c)
		}
	}
}

// checkSpans checks what Split promises, and that the chunks without their
// overlaps make the text again.
func checkSpans(t interface {
	Helper()
	Fatalf(string, ...any)
}, c corpus.Chunking, text string) {
	t.Helper()
	spans := c.Spans(text)
	chunks := c.Split(text)
	if len(spans) != len(chunks) {
		t.Fatalf("%d spans, %d chunks", len(spans), len(chunks))
	}
	boundaries, longest := clusters(text)
	valid := utf8.ValidString(text)
	var rebuilt strings.Builder
	end := 0
	for i, s := range spans {
		if chunks[i] != text[s.Start:s.End] {
			t.Fatalf("chunk %d is not its span", i)
		}
		if n := utf8.RuneCountInString(chunks[i]); n > c.MaxRunes {
			t.Fatalf("chunk %d has %d runes, at most %d are allowed", i, n, c.MaxRunes)
		}
		if valid && !utf8.ValidString(chunks[i]) {
			t.Fatalf("chunk %d is not valid UTF-8: %q", i, chunks[i])
		}
		if s.Start > end || i > 0 && (s.End <= end || s.Start <= spans[i-1].Start) {
			t.Fatalf("chunk %d is %+v after %+v", i, s, spans[max(0, i-1)])
		}
		if n := utf8.RuneCountInString(text[s.Start:end]); n > c.OverlapRunes {
			t.Fatalf("chunk %d overlaps by %d runes, at most %d are allowed", i, n, c.OverlapRunes)
		}
		if longest <= c.MaxRunes && (!boundaries[s.Start] || !boundaries[s.End]) {
			t.Fatalf("chunk %d, %+v, cuts a cluster of %q", i, s, text)
		}
		rebuilt.WriteString(text[end:s.End])
		end = s.End
	}
	if rebuilt.String() != text {
		t.Fatalf("the chunks make %q, not %q", rebuilt.String(), text)
	}
}

// clusters returns the boundaries of the grapheme clusters, by a walk over the
// whole text, and the runes of the longest.
func clusters(text string) (boundaries map[int]bool, longest int) {
	boundaries = map[int]bool{0: true}
	state, rest := -1, text
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		boundaries[len(text)-len(rest)] = true
		longest = max(longest, utf8.RuneCountInString(cluster))
	}
	return boundaries, longest
}

func TestSplitProperties(t *testing.T) {
	pieces := rapid.SliceOf(rapid.OneOf(
		rapid.SampledFrom([]string{" ", ". ", "\n", "\r\n", "。", "，", "?", "; ", "\u0301", "\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "🇹🇭", "🇹", "👨‍👩‍👧", "\u200d", "กี่", "漢字", "한글", "ᄀ", "क्षि", "“", "”", "word", "naïve"}),
		rapid.StringN(0, 5, -1),
	))
	rapid.Check(t, func(t *rapid.T) {
		c := corpus.Chunking{MaxRunes: rapid.IntRange(1, 40).Draw(t, "max")}
		c.OverlapRunes = rapid.IntRange(0, c.MaxRunes/2).Draw(t, "overlap")
		checkSpans(t, c, strings.Join(pieces.Draw(t, "pieces"), ""))
	})
}

// TestSplitLarge has no assertion on time: each text takes well under a second,
// and a quadratic split would not end before the test's deadline.
func TestSplitLarge(t *testing.T) {
	const runes = 300_000
	deadline := time.AfterFunc(2*time.Minute, func() { panic("Split takes more than linear time") })
	defer deadline.Stop()
	for name, text := range map[string]string{
		"no space":         strings.Repeat("漢", runes),
		"spaces":           strings.Repeat(" ", runes),
		"stops":            strings.Repeat(".", runes),
		"combining marks":  "e" + strings.Repeat("\u0301", runes),
		"long clusters":    strings.Repeat("e"+strings.Repeat("\u0301", 99), runes/100),
		"joined emoji":     strings.Repeat("👩\u200d", runes/2),
		"flags":            strings.Repeat("🇹", runes),
		"Thai, few spaces": strings.Repeat(strings.Repeat("ภาษาไทย", 30)+" ", runes/211),
	} {
		for _, c := range []corpus.Chunking{corpus.DefaultChunking, {MaxRunes: 100, OverlapRunes: 50}} {
			end := 0
			for _, s := range c.Spans(text) {
				if s.Start > end {
					t.Fatalf("%s: a gap at %d", name, end)
				}
				end = s.End
			}
			if end != len(text) {
				t.Errorf("%s: ends at %d of %d", name, end, len(text))
			}
		}
	}
}

func FuzzChunk(f *testing.F) {
	f.Add("One. Two three; four… 今天。 กี่\r\n", 5, 2)
	f.Add("e\u0301\u0301\u0301\u0301\u0301🇹🇭🇹🇷", 3, 1)
	f.Add("\xff\xfe\u200d", 1, 0)
	f.Add("a", math.MaxInt, 0)
	f.Fuzz(func(t *testing.T, text string, size, overlap int) {
		c := corpus.Chunking{MaxRunes: size, OverlapRunes: overlap}
		if c.Validate() == nil {
			checkSpans(t, c, text)
		}
	})
}
