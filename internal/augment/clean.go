package augment

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/detect"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// Reason says why something that a model answered is no query for a passage.
type Reason string

// The reasons.
const (
	ReasonEmpty     Reason = "empty"          // nothing in it carries meaning
	ReasonChatter   Reason = "chatter"        // it talks about the task
	ReasonEcho      Reason = "echo"           // it repeats the prompt or the passage
	ReasonTooLong   Reason = "too long"       // for a question, or cut off
	ReasonLanguage  Reason = "wrong language" // by its script or its words
	ReasonDuplicate Reason = "duplicate"      // but for case and punctuation, of one before
	ReasonRoundTrip Reason = "round_trip"     // its own passage is not among the first it finds
)

// Request asks for a query that a passage answers.
type Request struct {
	Passage corpus.Passage
	Lang    string // of the query
	Prompt  Prompt
}

// Bounds of a reply. The longest human question of XQuAD has 307 runes.
const (
	maxQueryRunes = 400
	maxReplyBytes = 16 << 10
	maxCandidates = 100 // what comes after them is not looked at
	maxPeels      = 6
)

// Clean returns the queries in a model's reply to request: without reasoning,
// numbering, greeting, label, quotes or answers around them, in NFC, on one line,
// several where the model gave several. What is no query, or one of known but
// for case and punctuation, is refused, each for its reason. A question that
// reads well but that the passage does not answer passes: only a search could
// tell.
//
// A query that it returns comes back unchanged when it is cleaned again.
func Clean(reply string, request Request, known []string) (queries []string, refused []Reason) {
	if len(reply) > maxReplyBytes {
		return nil, []Reason{ReasonTooLong}
	}
	text := norm.NFC.String(strings.ToValidUTF8(reply, "\uFFFD"))
	if rest, thinking := strings.CutPrefix(strings.TrimSpace(text), "<think>"); thinking {
		_, answer, ended := strings.Cut(rest, "</think>")
		if !ended {
			return nil, []Reason{ReasonTooLong}
		}
		text = answer
	}
	if strings.TrimSpace(text) == "" {
		return nil, []Reason{ReasonEmpty}
	}
	seen := make(map[string]bool, len(known))
	for _, query := range known {
		seen[Fold(query)] = true
	}
	found := candidates(text, request.Lang)
	if len(found) == 0 {
		return nil, []Reason{ReasonChatter}
	}
	passage, title := Fold(request.Passage.Text), Fold(request.Passage.Title)
	for _, candidate := range found[:min(len(found), maxCandidates)] {
		key := Fold(candidate)
		var reason Reason
		switch {
		case key == "":
			reason = ReasonEmpty
		case helpless.MatchString(candidate):
			reason = ReasonChatter
		case utf8.RuneCountInString(candidate) > maxQueryRunes:
			reason = ReasonTooLong
		case request.Prompt.echoedIn(candidate), strings.Contains(passage, key), strings.Contains(title, key):
			reason = ReasonEcho
		case !inLanguage(candidate, request.Lang, request.Passage.Lang):
			reason = ReasonLanguage
		case seen[key]:
			reason = ReasonDuplicate
		default:
			seen[key] = true
			queries = append(queries, candidate)
			continue
		}
		refused = append(refused, reason)
	}
	return queries, refused
}

// Fold is the form in which queries are compared: their letters and numbers, in
// one case, between single spaces.
func Fold(text string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
	return strings.Join(words, " ")
}

// How likely a query has to be in the language that was asked for. Latin names
// stand in the text of any script; in a Latin one, names and loanwords alone can
// make the right language unlikely, and other letters are rare. (Of XQuAD's
// questions in nine languages, 99.9% of the right ones pass and 0.1% of those in
// another language: TestLanguages.)
const (
	fitsLatin    = 0.01
	fitsOther    = 0.2
	maxForeignIn = 5 // one in so many letters of a Latin text
)

// inLanguage says whether text can be in the language asked for, rather than in
// the passage's, in English, in which models are asked, or in another script.
func inLanguage(text, want, passage string) bool {
	enough := fitsOther
	if lang.Script(want) == "Latn" {
		enough = fitsLatin
		letters, foreign := 0, 0
		for _, r := range text {
			if unicode.IsLetter(r) && !unicode.Is(unicode.Common, r) {
				letters++
				if !unicode.Is(unicode.Latin, r) {
					foreign++
				}
			}
		}
		if maxForeignIn*foreign > letters {
			return false
		}
	}
	among := []string{want}
	for _, other := range []string{passage, "en"} {
		if other != "" && lang.Base(other) != lang.Base(want) {
			among = append(among, other)
		}
	}
	for _, candidate := range detect.Detect(text, among).Candidates {
		if candidate.Lang == want {
			return candidate.Confidence >= enough
		}
	}
	return false
}

var (
	// intro opens a reply; what follows its colon may be the query.
	intro = regexp.MustCompile(`(?i)^(?:(?:sure|certainly|of course|okay|ok|absolutely|claro|por supuesto)\b[^:：?？\n]{0,80}|` +
		`(?:here(?:['’]s| is| are)|aquí (?:está|tienes?|hay))\b[^:：?？\n]{0,80})(?:[:：]\s*|$)`)
	// label names what follows it.
	label = regexp.MustCompile(`(?i)^(?:(?:the|a|la|one|generated|possible)\s+)?(?:[\p{L}]{1,20}\s+)?` +
		`(?:questions?|query|q|pregunta|frage|domanda|pergunta|вопрос|ερώτηση|soru|سؤال|السؤال|问题|問題|質問|คำถาม|câu hỏi|प्रश्न|सवाल|질문|swali|kysymys|pertanyaan|প্রশ্ন|ప్రశ్న)` +
		`(?:\s+(?:[\p{L}]{1,4}\s+)?[\p{L}]{1,20}|\s*[(（][\p{L} ]{1,30}[)）])?\s*[0-9]{0,2}\s*[:：]\s*`)
	// answer begins what is not asked for.
	answer = regexp.MustCompile(`(?i)^(?:the\s+)?(?:answer|a|note|explanation|passage|title|respuesta|antwort|réponse|ответ|απάντηση|cevap|الإجابة|答案|回答|答|คำตอบ|trả lời|उत्तर|답변?)\s*[:：]`)
	// helpless is a model that does not do what it was asked.
	helpless = regexp.MustCompile(`(?i)^(?:as an ai\b|(?:i['’]?m |i am )?sorry\b|i(?: can['’]?t| cannot|['’]m unable| am unable)\b|(?:please )?let me know\b|i hope\b|lo siento\b)`)

	bullet = regexp.MustCompile(`^(?:[-*•–—·>]\s+|#{1,6}\s+)`)
	number = regexp.MustCompile(`^[(（]?([0-9]{1,2})(?:[.)]\s+|[）．、]\s*)`)
)

// wrappings stand around a whole query.
var wrappings = []struct{ open, end string }{
	{"**", "**"}, {"__", "__"}, {"```", "```"}, {"`", "`"}, {"*", "*"}, {`"`, `"`}, {"'", "'"}, {"“", "”"}, {"„", "“"},
	{"‘", "’"}, {"«", "»"}, {"「", "」"}, {"『", "』"}, {"(", ")"}, {"（", "）"}, {"[", "]"},
}

// candidates returns what may be a query in a reply that is not blank. Where
// something in it is marked as a question, only what is so marked counts.
func candidates(text, language string) []string {
	var found []string
	next := 1
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		line, next = unnumbered(peel(line), next)
		for _, piece := range sentences(peel(line), language) {
			if piece, next = unnumbered(peel(piece), next); peel(piece) != "" {
				found = append(found, peel(piece))
			}
		}
	}
	if slices.ContainsFunc(found, func(piece string) bool { return asks(piece, language) }) {
		found = slices.DeleteFunc(found, func(piece string) bool { return !asks(piece, language) })
	}
	return found
}

// unnumbered takes a number off a line that has its place in a list, which
// starts with 1. Elsewhere it belongs to the text: "19. yüzyılda ne oldu?"
func unnumbered(line string, next int) (string, int) {
	for range maxPeels {
		match := number.FindStringSubmatch(line)
		if match == nil {
			break
		}
		n, _ := strconv.Atoi(match[1])
		if n != 1 && n != next {
			break
		}
		line, next = peel(line[len(match[0]):]), n+1
	}
	return line, next
}

// peel takes off, layer by layer, what is around a query.
func peel(text string) string {
	for range maxPeels {
		before := text
		if answer.MatchString(text) || strings.HasPrefix(text, "```") && !strings.HasSuffix(text[3:], "```") {
			return ""
		}
		text = bullet.ReplaceAllString(text, "")
		text = intro.ReplaceAllString(text, "")
		text = label.ReplaceAllString(text, "")
		for _, w := range wrappings {
			inner, opened := strings.CutPrefix(text, w.open)
			inner, closed := strings.CutSuffix(inner, w.end)
			// The same marks within mean that the outer ones need not be a pair.
			if opened && closed && !strings.Contains(inner, w.open) && !strings.Contains(inner, w.end) {
				text = inner
			}
		}
		if text = strings.TrimSpace(text); text == before {
			break
		}
	}
	return text
}

// sentences splits a line after each question mark that ends one.
func sentences(line, language string) []string {
	var pieces []string
	start := 0
	for at, r := range line {
		end := at + utf8.RuneLen(r)
		if !marks(r, language) || end == len(line) {
			continue
		}
		following := strings.TrimLeft(line[end:], " ")
		first, _ := utf8.DecodeRuneInString(following)
		spaced := len(following) < len(line)-end
		// A name such as "Yahoo! Who? Magazine" is not worth more rules.
		if spaced && !unicode.IsLower(first) && !marks(first, language) || !spaced && r == '？' && (unicode.IsLetter(first) || unicode.IsNumber(first)) {
			pieces = append(pieces, line[start:end])
			start = len(line) - len(following)
		}
	}
	return append(pieces, line[start:])
}

// marks says whether r ends a question in the language. The Greek question mark
// is a semicolon in NFC.
func marks(r rune, language string) bool {
	return strings.ContainsRune("?？؟", r) || r == ';' && lang.Base(language) == "el"
}

// asks says whether a piece ends with a question mark, quotes and brackets aside.
func asks(piece, language string) bool {
	piece = strings.TrimRightFunc(piece, func(r rune) bool {
		return unicode.In(r, unicode.Pe, unicode.Pf, unicode.Pi) || strings.ContainsRune(`"'*_`, r)
	})
	last, _ := utf8.DecodeLastRuneInString(piece)
	return marks(last, language)
}
