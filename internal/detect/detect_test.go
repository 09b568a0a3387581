package detect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/detect"
	"github.com/query-synergy/query-synergy/internal/lang"
)

func TestDetect(t *testing.T) {
	const script, words, none = detect.ReasonScript, detect.ReasonWords, detect.ReasonNone
	for _, tc := range []struct {
		text, among, want string
		reason            detect.Reason
		sure              bool
	}{
		// Each script, and each language of a shared one.
		{"ما سبب زرقة الجو فوقنا وقت الظهيرة؟", "ar en", "ar", script, true},
		{"پایتخت فرانسه کجاست و چند نفر جمعیت دارد؟", "ar fa ur", "fa", words, true},
		{"پاکستان کا دارالحکومت کون سا شہر ہے؟", "ar fa ur", "ur", words, true},
		{"Γιατί βλέπουμε μπλε τον αέρα;", "ar el en th zh", "el", script, true},
		{"ทำไมตอนเที่ยงมองขึ้นไปแล้วเห็นอากาศเป็นสีฟ้า", "ar el en th zh", "th", script, true},
		{"मंगल ग्रह पर दिन कितना लंबा होता है?", "hi mr ne", "hi", words, true},
		{"महाराष्ट्राची राजधानी कोणती आहे?", "hi mr ne", "mr", words, true},
		{"Какая самая длинная река в Европе?", "bg en ru uk", "ru", words, true},
		{"Яка найдовша річка в Європі?", "bg en ru uk", "uk", words, true},
		{"Коя е най-дългата река в Европа?", "bg mk ru uk", "bg", words, true},
		{"Why does the air above us look blue at noon?", "en es tr vi", "en", words, true},
		{"¿Cuántos puntos entregó la defensa de los Panthers?", "en es tr vi", "es", words, true},
		{"Öğle vakti başımızın üstündeki hava niye mavi görünüyor?", "en es tr vi", "tr", words, true},
		{"Tại sao bầu trời lại có màu xanh?", "en es tr vi", "vi", words, true},
		{"Warum ist der Himmel am Mittag so blau?", "de en nl", "de", words, true},
		{"Waarom is de lucht boven ons zo blauw?", "de en nl", "nl", words, true},
		{"Ano ang kabisera ng Pilipinas?", "en id tl", "tl", words, true},
		{"Hva slags språk snakker dere egentlig hjemme?", "da nb sv", "nb", words, true},
		{"서울의 인구는 얼마입니까?", "en ja ko zh", "ko", script, true},
		{"서울 人口", "ja ko zh", "ko", script, true},
		{"שלום, מה שלומך?", "en he", "he", script, true},

		// Chinese characters.
		{"为什么中午抬头看，头顶上是一片蓝？", "en zh", "zh", script, true},
		{"为什么中午抬头看，头顶上是一片蓝？", "ja zh", "zh", words, true},
		{"為什麼我們看到的天空是藍色的？", "zh zh-TW", "zh-TW", words, true},
		{"为什么我们看到的天空是蓝色的？", "zh zh-Hant", "zh", words, true},
		{"為什麼我們看到的天空是藍色的？", "en zh", "zh", script, true}, // the other script of the same language
		{"为什么我们看到的天空是蓝色的？", "ja", "und", none, false},
		{"東京大学はどこにありますか", "ja zh", "ja", script, true},
		{"東京大学はどこにありますか", "en zh", "und", none, false},
		{"鮮の每日便利店在哪里可以找到停车场", "ja zh", "zh", words, true}, // one の

		// Names keep their letters; other mixtures are doubtful.
		{"Dennis Daley ทำงานให้กับทีมอะไร", "en th", "th", script, false},
		{"BMW 的总部在哪里？", "en zh", "zh", script, true},
		{"what does สวัสดี mean", "en th", "en", script, false},
		{"สวัสดีครับ what is the capital of Greece", "en th", "en", script, false},
		{"¿Qué es machine learning and how does it work?", "en es", "en", words, true}, // within a script, what is most of it
		{"NASA", "de en es fr", "und", none, false},

		// Languages that are not indexed.
		{"Où est la gare la plus proche de la ville?", "en th", "und", none, false},
		{"Où est la gare la plus proche de la ville?", "en tr", "und", none, false},
		{"Какова столица Франции?", "en th", "und", none, false},
		{"", "", "und", none, false},
		{"what is it", "", "und", none, false},

		// No letters.
		{"", "en th", "und", none, false},
		{" \t\n", "en th", "und", none, false},
		{"2024 - 2026?", "en th", "und", none, false},
		{"๑๒๓", "en th", "und", none, false},
		{"🦊🚀👩‍🚀", "en th", "und", none, false},
		{"\xff\xfe\x00", "en th", "und", none, false},

		// What cannot be told apart.
		{"Onde fica a estação mais próxima?", "pt-BR pt-PT", "und", none, false},
		{"Onde fica a estação mais próxima?", "es pt-BR", "pt-BR", words, true},
		{"Kaixo, zer moduz zaude gaur?", "es eu", "und", none, false}, // Basque has no profile
		{"Kaixo, zer moduz zaude gaur?", "eu zh", "eu", script, true},
		{"আপনি কেমন আছেন", "as bn", "und", none, false},
		{"what is it", "und english ars", "und", none, false}, // no tags, and a tag without a script
	} {
		guess := detect.Detect(tc.text, strings.Fields(tc.among))
		if guess.Lang != tc.want || guess.Reason != tc.reason || guess.Confidence >= detect.Sure != tc.sure {
			t.Errorf("Detect(%q, %s) = %+v, want %s by %s, sure: %t", tc.text, tc.among, guess, tc.want, tc.reason, tc.sure)
		}
	}
}

// Composed or not, in capitals or not, a text is in the same language.
func TestDetectSpelling(t *testing.T) {
	among := []string{"en", "es", "tr", "vi"}
	want := detect.Detect("tại sao bầu trời lại có màu xanh", among)
	for _, text := range []string{
		"TẠI SAO BẦU TRỜI LẠI CÓ MÀU XANH",
		"ta\u0323i sao ba\u0302\u0300u tro\u031b\u0300i la\u0323i co\u0301 ma\u0300u xanh",
		"«tại sao bầu trời lại có màu xanh?» (1969)",
	} {
		if got := detect.Detect(text, among); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// A long text costs no more than its beginning, which alone counts.
func TestDetectLongText(t *testing.T) {
	among := []string{"en", "th", "tr"}
	text := strings.Repeat("Why does the air look blue? ", 20)
	long := text + strings.Repeat("ทำไม ", 1<<20)
	if got, want := detect.Detect(long, among), detect.Detect(text, among); !reflect.DeepEqual(got, want) {
		t.Errorf("a tail of Thai changed %+v into %+v", want, got)
	}
	short := testing.AllocsPerRun(3, func() { detect.Detect(text, among) })
	if all := testing.AllocsPerRun(3, func() { detect.Detect(long, among) }); all != short {
		t.Errorf("%v allocations for 5 MiB, %v for 500 bytes", all, short)
	}
	if got := detect.Detect(strings.Repeat("a\u0301", 1<<20), among); got.Lang != detect.Undetermined && !slices.Contains(among, got.Lang) {
		t.Errorf("one long word: %+v", got)
	}
}

var tags = []string{
	"ar", "fa", "ur", "zh", "zh-Hant", "zh-TW", "ja", "ko", "el", "th", "tr", "en", "en-GB", "es", "vi", "hi", "mr",
	"ru", "sr", "sr-Latn", "eu", "nb", "nn", "he", "iw", "ars", "und", "english", "",
}

func TestDetectProperties(t *testing.T) {
	pieces := []string{"what is the ", "¿qué es ", "ne zaman ", "là gì ", "สวัสดี", "为什么", "の", "ですか", "서울 ", "что такое ", "क्या है ", "؟ ما هو ", "12 ", "🦊", "\xff", "İ", "ǅ", "e\u0301"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8), func(parts []string) string { return strings.Join(parts, "") }),
		).Draw(t, "text")
		among := rapid.SliceOfNDistinct(rapid.SampledFrom(tags), 0, 8, rapid.ID[string]).Draw(t, "among")
		check(t, text, among)
	})
}

func FuzzDetect(f *testing.F) {
	f.Add("Why does the air above us look blue?", "en es tr")
	f.Add("東京大学はどこ", "ja zh zh-TW")
	f.Add("iPhone 15 ราคา", "th en")
	f.Add("İstanbul'da ne var\x00\xff", "tr az az-Cyrl sr")
	f.Add("پایتخت\u200cها", "fa ar ckb")
	f.Add("🦊 42", "und x-y")
	f.Fuzz(func(t *testing.T, text, among string) { check(t, text, strings.Fields(among)) })
}

// check says what holds for every text.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string, among []string) {
	t.Helper()
	guess := detect.Detect(text, among)
	named := make([]string, len(guess.Candidates))
	total := 0.0
	for i, c := range guess.Candidates {
		named[i] = c.Lang
		total += c.Confidence
		if !(c.Confidence >= 0 && c.Confidence <= 1) || i > 0 && c.Confidence > guess.Candidates[i-1].Confidence {
			t.Fatalf("%q among %q: %+v is not sorted probabilities", text, among, guess)
		}
		if _, err := lang.Parse(c.Lang); err != nil && c.Confidence > 0 {
			t.Fatalf("%q among %q: %+v believes in %q", text, among, guess, c.Lang)
		}
	}
	slices.Sort(named)
	if want := slices.Compact(slices.Sorted(slices.Values(among))); !slices.Equal(named, want) {
		t.Fatalf("%q among %q: candidates %q", text, among, named)
	}
	if total > 1+1e-9 {
		t.Fatalf("%q among %q: %+v adds up to %v", text, among, guess, total)
	}
	switch best := guess.Confidence; {
	case len(among) > 0 && guess.Candidates[0].Confidence != best:
		t.Fatalf("%q among %q: %+v has not its best candidate's confidence", text, among, guess)
	case best > 0.5 && guess.Lang != guess.Candidates[0].Lang, best <= 0.5 && guess.Lang != detect.Undetermined:
		t.Fatalf("%q among %q: %+v names the wrong language", text, among, guess)
	case (guess.Reason == detect.ReasonNone) != (best <= 0.5):
		t.Fatalf("%q among %q: %+v has the wrong reason", text, among, guess)
	}
	shuffled := slices.Concat(among, among)
	rand.New(rand.NewPCG(1, uint64(len(text)))).Shuffle(len(shuffled), func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	})
	if again := detect.Detect(text, shuffled); !reflect.DeepEqual(again, guess) {
		t.Fatalf("%q among %q: %+v, in another order %+v", text, among, guess, again)
	}
}

// The table is what the search in it relies on.
func TestProfiles(t *testing.T) {
	names, table, _ := strings.Cut(detect.Profiles, "\n")
	languages := strings.Fields(names)
	previous := ""
	for line := range strings.Lines(table) {
		gram, costs, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || gram <= previous || costs == "" || len(costs)%2 != 0 {
			t.Fatalf("after %q stands %q", previous, line)
		}
		previous = gram
		for i := 0; i < len(costs); i += 2 {
			if language, cost := int(costs[i])-'A', int(costs[i+1])-'!'; language < 0 || language >= len(languages) || cost < 0 || cost > 92 {
				t.Fatalf("%q: language %d, cost %d", gram, language, cost)
			}
		}
		if got := detect.Lookup(gram); got != costs {
			t.Fatalf("Lookup(%q) = %q, want %q", gram, got, costs)
		}
	}
	for _, gram := range []string{"", "\x00", "qzx", "\U0010ffff", "_th\t"} {
		if got := detect.Lookup(gram); got != "" {
			t.Errorf("Lookup(%q) = %q", gram, got)
		}
	}
	for _, tag := range append(languages, "he", "ka", "hy", "am", "bn", "as", "pa", "gu", "or", "ta", "te", "kn", "ml", "si", "my", "km", "lo", "bo", "ko", "ja", "zh-TW", "el", "th") {
		if !detect.HasAlphabet(lang.Script(tag)) {
			t.Errorf("%s: no alphabet for %s", tag, lang.Script(tag))
		}
	}
}

func ExampleDetect() {
	guess := detect.Detect("¿Por qué el cielo es azul?", []string{"en", "es", "th"})
	fmt.Printf("%s %.2f %s\n", guess.Lang, math.Floor(guess.Confidence*100)/100, guess.Reason)
	// Output: es 0.99 words
}

func BenchmarkDetect(b *testing.B) {
	among := []string{"en", "es", "th", "tr", "vi"}
	for _, bm := range []struct{ name, text string }{
		{"question", "How many points did the Panthers defense surrender?"},
		{"longest", strings.Repeat("How many points did the Panthers defense surrender? ", 1000)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				detect.Detect(bm.text, among)
			}
		})
	}
}
