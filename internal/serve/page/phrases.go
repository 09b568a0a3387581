package page

import (
	"fmt"
	"strings"
)

// phrases are the words of the page, for the template and the script alike. {n}
// and the like are filled in; a key that ends in .one is taken where n is 1.
var phrases = map[string]string{ //nolint:gosec // "token" is what the field for one is called
	"title":         "Query-Synergy",
	"tagline":       "Search in any language.",
	"tagline.about": "What you ask is searched twice, in your words and in translation, and both count. Every score is exact, and each answer says whether it is proven to be the best.",
	"query":         "Your question, in any language",
	"search":        "Search",
	"corpus":        "Corpus",
	"lang":          "Language",
	"lang.auto":     "Detect language",
	"lang.all":      "All languages",
	"k":             "Results",
	"view":          "View",
	"view.list":     "One list",
	"view.columns":  "Compare",
	"lambda":        "λ, the weight of your words (0 to 1)",
	"lambda.auto":   "automatic",

	"further":        "More",
	"filter":         "Only documents where",
	"filter.example": "theme = science and year >= 2020",
	"filter.about":   "Fields of the documents' metadata, compared by =, !=, <, <=, >, >= and in, and joined by and, or, not. Press Enter to search.",

	"source":          "Your words",
	"anchor":          "Translation",
	"fused":           "Together",
	"source.about":    "ranked by your words alone",
	"anchor.about":    "ranked by the translation alone",
	"fused.about":     "ranked by both, λ = {lambda}",
	"detected.script": "{lang}, recognised by its script",
	"detected.words":  "{lang}, recognised by its words ({sure}% sure)",
	"detected.only":   "{lang}, the only language that is indexed",

	"mix":            "Weight of the translation",
	"mix.value":      "{source}% your words, {anchor}% translation",
	"mix.lambda":     "λ = {lambda}",
	"mix.auto":       "Automatic",
	"mix.auto.about": "Let the profile, or caution, choose λ again",

	"translation":       "Translation into {lang}",
	"translation.edit":  "Edit it and press Enter to search with your own.",
	"translation.write": "Press Enter to search with it.",
	"translation.use":   "Search with this",
	"translation.back":  "Undo my translation",
	"translation.empty": "Write one yourself, in {lang}",
	"by.given":          "written by you",
	"by":                "by {origin}",
	"by.cached":         "by {origin}, translated before",

	"anchor.pending":       "Translating. Until then these are the results for your words alone.",
	"anchor.none":          "No translator is set up, so this is the ranking of your words alone. You can write the translation yourself.",
	"anchor.same_language": "Your question is in {lang}, the language of translations, already: there is nothing to translate.",
	"anchor.timeout":       "The translator did not answer in time, so this is the ranking of your words alone. You can write the translation yourself.",
	"anchor.unavailable":   "The translator cannot be reached, so this is the ranking of your words alone. You can write the translation yourself.",
	"anchor.refused":       "What the translator sent is no translation, so this is the ranking of your words alone. You can write one yourself.",
	"anchor.misfit":        "The translation finds other passages than your words do, so it was left out. Move the slider to count it all the same.",
	"anchor.partly":        "The translation fits your words in part, so it counts {percent}% of what it usually does.",

	"results":          "{n} results",
	"results.one":      "1 result",
	"results.none":     "Nothing is found: the index holds no documents.",
	"results.filtered": "Nothing is found: no document passes the filter.",
	"proven":           "Proven: in the whole index there are no better ones.",
	"proven.one":       "Proven: in the whole index there is no better one.",
	"unproven":         "Every score is exact, but the search went {depth} passages deep only: a document beyond that could still belong here.",
	"preview":          "Ranked here, from the scores that are known. Let go for the proof.",
	"asking":           "Asking for the proof of this order …",
	"shared":           "Your words and the translation share {n} of their {k} best (cosine of the two: {agreement}).",
	"said":             "{results}. {proof} First: {first}.",

	"up":            "up {n} from place {from} by your words",
	"down":          "down {n} from place {from} by your words",
	"same":          "the same place as by your words",
	"new":           "not among the first {k} by your words",
	"score":         "score",
	"cosine.source": "cosine to your words",
	"cosine.anchor": "cosine to the translation",
	"hub":           "for how near the text is to any question",
	"part":          "part {n} of {of}",
	"more":          "Show all",
	"less":          "Show less",
	"scale":         "Cosines from {low} to {high}:",
	"keys":          "/ question   ↑ ↓ results   Enter whole text",

	"loading":       "Searching …",
	"empty":         "Nothing is indexed yet.",
	"empty.do":      "Index a corpus, then load this page again:",
	"indexed":       "What can be searched",
	"documents":     "{n} documents",
	"documents.one": "1 document",
	"error":         "The search failed",
	// What to do, where the API's own hint speaks to programs.
	"hint.language_unclear": "Choose the language above.",
	"hint.not_found":        "Choose another language or corpus above.",
	"hint.index_mismatch":   "Whoever runs the server can mend it.",
	"error.network":         "The server cannot be reached. Is it running, and are you connected?",
	"error.rate":            "Too many searches in a short time. Try again in {n} seconds.",
	"error.stream":          "The connection broke off before the answer was there.",
	"error.form":            "{name} is not understood: {why}",
	"retry":                 "Try again",
	"token":                 "This server wants a token",
	"token.about":           "It is kept in this tab only, until you close it.",
	"token.use":             "Use it",
}

// say fills a phrase in: say "up" "n" 2 "from" 3.
func say(key string, pairs ...any) string {
	text, ok := phrases[key]
	for i := 0; i+1 < len(pairs); i += 2 {
		value := fmt.Sprint(pairs[i+1])
		if one, singular := phrases[key+".one"]; singular && pairs[i] == "n" && value == "1" {
			text = one
		}
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(pairs[i])+"}", value)
	}
	if !ok {
		panic("page: there is no phrase " + key)
	}
	return text
}
