package service

import (
	"fmt"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/detect"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/search"
)

// What may stand for a language.
const (
	LangAuto = "auto" // the query's language among those indexed
	LangAll  = "all"  // every language that is indexed
)

// Languages say what language a query is in, and which indexes it searches.
type Languages struct {
	given []string // nil: to be detected
	all   bool
}

// ParseLanguages reads language tags, the first being the query's, or LangAuto
// or LangAll alone. None is LangAuto.
func ParseLanguages(tags ...string) (Languages, error) {
	if len(tags) == 0 {
		return Languages{}, nil
	}
	if len(tags) == 1 && (tags[0] == LangAuto || tags[0] == LangAll) {
		return Languages{all: tags[0] == LangAll}, nil
	}
	var l Languages
	for _, tag := range tags {
		parsed, err := lang.Parse(tag)
		if err != nil {
			return l, err
		}
		if slices.Contains(l.given, parsed) {
			return l, fmt.Errorf("%q is named twice", parsed)
		}
		l.given = append(l.given, parsed)
	}
	return l, nil
}

// Detected says whether Choose needs to know the languages that are indexed.
func (l Languages) Detected() bool { return l.given == nil }

// Choose sets a query's languages. indexed are those of its corpus, not empty
// where Detected. A language that cannot be told is an *UnclearError.
func (l Languages) Choose(q *search.Query, indexed []string) error {
	if l.given != nil {
		q.Lang = l.given[0]
		if len(l.given) > 1 {
			q.Targets = l.given
		}
		return nil
	}
	if l.all && len(indexed) > 1 {
		q.Targets = indexed
	}
	if len(indexed) == 1 {
		q.Lang = indexed[0]
		q.Detected = &search.Detected{Lang: q.Lang, Confidence: 1, Reason: "only"}
		return nil
	}
	guess := detect.Detect(q.Text, indexed)
	if guess.Confidence < detect.Sure || guess.Lang == detect.Undetermined {
		return &UnclearError{guess.Candidates[:min(3, len(guess.Candidates))]}
	}
	q.Lang = guess.Lang
	q.Detected = &search.Detected{Lang: guess.Lang, Confidence: guess.Confidence, Reason: string(guess.Reason)}
	return nil
}

// UnclearError says that the language of a query cannot be told.
type UnclearError struct {
	Likely []detect.Candidate // the likeliest first
}

func (e *UnclearError) Error() string {
	var likely []string
	for _, c := range e.Likely {
		likely = append(likely, fmt.Sprintf("%s %.2f", c.Lang, c.Confidence))
	}
	return fmt.Sprintf("the query's language is not clear (%s)", strings.Join(likely, ", "))
}

// IndexedLangs returns the languages in which a corpus is indexed.
func IndexedLangs(infos []qdrant.Info, corpus string) []string {
	var langs []string
	for _, info := range infos {
		if info.Key.Corpus == corpus {
			langs = append(langs, info.Key.Lang)
		}
	}
	return langs
}

// Tune sets the λ of every language that a query searches.
func Tune(q *search.Query, tuning Tuning) {
	q.Lambda, q.Lambdas = tuning.Lambda(q.Lang), map[string]float64{}
	for _, target := range q.Targets {
		q.Lambdas[target] = tuning.Lambda(target)
	}
}
