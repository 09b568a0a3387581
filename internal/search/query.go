package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/retrieve"
)

// Query is what is asked.
type Query struct {
	Corpus string
	Lang   string // of Text and, where Targets is empty, of the documents
	Text   string
	// Detected is handed on to the result; nil where Lang was given.
	Detected *Detected
	ID       string // of the query in its dataset, for a file of translations; may be empty
	// Targets are the languages of the documents, one index each, whose hits are
	// merged by score. Empty: Lang alone.
	Targets []string
	// Anchor is the same question in AnchorLang, where the caller has it;
	// otherwise the translator is asked.
	Anchor     string
	AnchorLang string
	// More are further anchors, in other languages.
	More []Text
	// Lambda is the weight of the source query, in [0, 1]; the anchors share the
	// rest. Lambdas overrides it by target language.
	Lambda  float64
	Lambdas map[string]float64
	// Weights, where not nil, are those of the source query, the anchor and the
	// further anchors, in place of λ: not negative, summing to 1.
	Weights []float64
	TopK    int // documents wanted, 1 to MaxTopK
	// Strategy says how the index is searched; all find the same. Empty: Synergy.
	Strategy retrieve.Strategy
	// Read says which passages are searched, all if nothing, and how the store
	// reads them.
	Read qdrant.ReadOptions
	// Approximate lets the store use its approximate index. The answer is then
	// never certified; the scores of what is found are exact all the same.
	Approximate bool
	Explain     bool // say how the answer came about
	// AnchorTimeout is how long the query waits for its translation; 0: as long
	// as the translator takes.
	AnchorTimeout time.Duration
	// RequireAnchor makes a missing anchor an error.
	RequireAnchor bool
}

// Detected says how a query's language was found, where nobody named it.
type Detected struct {
	Lang       string  `json:"lang"`
	Confidence float64 `json:"confidence"` // in [0, 1]
	Reason     string  `json:"reason"`     // "script", "words", or "only": nothing else is indexed
}

// Text is a text with its language.
type Text struct{ Lang, Text string }

// PaperLambda is λ where nothing was measured for the model: the setting of the
// Query-Synergy paper.
const PaperLambda = 0.5

// DefaultTopK is how many documents a query returns if nobody says.
const DefaultTopK = 10

// Bounds of what one query may ask for.
const (
	MaxTopK    = 1000
	maxAnchors = 8
	maxTargets = 100
	// maxQueryRunes bounds a query's text: a question is no document.
	maxQueryRunes = 8192
)

// targets returns the languages of the documents.
func (q Query) targets() []string {
	if len(q.Targets) > 0 {
		return q.Targets
	}
	return []string{q.Lang}
}

// lambda returns λ for documents in a language.
func (q Query) lambda(target string) float64 {
	if l, ok := q.Lambdas[target]; ok {
		return l
	}
	return q.Lambda
}

// weights returns those of the source query and of the anchors that there are,
// for documents in a language: the first one, if not missing, and the further
// ones.
func (q Query) weights(target string, missing bool) []float64 {
	n := len(q.More)
	if !missing {
		n++
	}
	if q.Weights != nil {
		weights := slices.Clone(q.Weights)
		if missing {
			weights = slices.Delete(weights, 1, 2)
		}
		return shares(weights)
	}
	if n == 0 {
		return []float64{1}
	}
	lambda := q.lambda(target)
	weights := []float64{lambda}
	for range n {
		weights = append(weights, (1-lambda)/float64(n))
	}
	return weights
}

// shares scales weights to a sum of 1, and gives all to the first where there
// is nothing to share.
func shares(weights []float64) []float64 {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		weights[0], sum = 1, 1
	}
	if math.Abs(sum-1) > 1e-9 {
		for i := range weights {
			weights[i] /= sum
		}
	}
	return weights
}

// Validate returns an error that says what is wrong with the query.
func (q Query) Validate() error {
	var errs []error
	for _, target := range q.targets() {
		errs = append(errs, qdrant.Key{Corpus: q.Corpus, Lang: target}.Validate())
	}
	errs = append(errs, checkText("query", q.Text))
	if q.Anchor != "" {
		errs = append(errs, checkText("anchor", q.Anchor))
	}
	for _, more := range q.More {
		errs = append(errs, checkText("anchor in "+more.Lang, more.Text))
	}
	errs = append(errs, checkLambda("lambda", q.Lambda))
	for target, lambda := range q.Lambdas {
		errs = append(errs, checkLambda("lambda in "+target, lambda))
	}
	errs = append(errs, q.checkWeights(), q.Read.Validate())
	if q.Read.EF > 0 && !q.Approximate {
		errs = append(errs, errors.New("ef is for approximate searches: an exact one compares with every vector"))
	}
	if q.Read.Oversampling > 0 && !q.Approximate {
		errs = append(errs, errors.New("oversampling is for approximate searches: an exact one passes quantised vectors by"))
	}
	if q.TopK < 1 || q.TopK > MaxTopK {
		errs = append(errs, fmt.Errorf("top-k is %d, want 1 to %d", q.TopK, MaxTopK))
	}
	if len(q.More) >= maxAnchors {
		errs = append(errs, fmt.Errorf("there are %d anchors, want at most %d", 1+len(q.More), maxAnchors))
	}
	if len(q.Targets) > maxTargets {
		errs = append(errs, fmt.Errorf("there are %d languages to search, want at most %d", len(q.Targets), maxTargets))
	}
	return errors.Join(errs...)
}

func (q Query) checkWeights() error {
	if q.Weights == nil {
		return nil
	}
	if want := 2 + len(q.More); len(q.Weights) != want {
		return fmt.Errorf("there are %d weights, want %d: of the query and of each anchor", len(q.Weights), want)
	}
	sum := 0.0
	for _, w := range q.Weights {
		if !(w >= 0 && w <= 1) { // also catches NaN
			return fmt.Errorf("weight %v: want a number in [0, 1]", w)
		}
		sum += w
	}
	if math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("the weights sum to %v, want 1", sum)
	}
	return nil
}

func checkLambda(what string, lambda float64) error {
	if !(lambda >= 0 && lambda <= 1) { // also catches NaN
		return fmt.Errorf("%s is %v, want a number in [0, 1]", what, lambda)
	}
	return nil
}

func checkText(what, text string) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("the %s is not valid UTF-8", what)
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("the %s is empty", what)
	case utf8.RuneCountInString(text) > maxQueryRunes:
		return fmt.Errorf("the %s has more than %d characters", what, maxQueryRunes)
	}
	return nil
}
