package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/query-synergy/query-synergy/internal/filter"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/search"
)

// Request is what is asked: the body of POST /v1/search. Only Corpus and Query
// are needed. Decode reads one from JSON.
type Request struct {
	Corpus string `json:"corpus"`
	Query  string `json:"query"`
	// Lang is the query's language, "auto" or "all"; "" is "auto", or the first
	// of Langs.
	Lang string `json:"lang,omitempty"`
	// Langs are the languages of the documents; none: Lang alone.
	Langs []string `json:"langs,omitempty"`
	// Anchor is the query in AnchorLang; "": a translator is asked, if there is
	// one.
	Anchor      string `json:"anchor,omitempty"`
	AnchorLang  string `json:"anchor_lang,omitempty"` // "": the server's
	MoreAnchors []Text `json:"more_anchors,omitempty"`
	// Lambda is the weight of the query itself; nil: the server's, by language.
	Lambda  *float64  `json:"lambda,omitempty"`
	Weights []float64 `json:"weights,omitempty"` // in place of Lambda: of the query and of each anchor
	TopK    int       `json:"top_k,omitempty"`   // 0: search.DefaultTopK
	// Strategy says how the index is searched; "" is "synergy".
	Strategy string `json:"strategy,omitempty"`
	// Trust is "auto", "always" or a number from 0 to 1 as text; "" is "auto".
	Trust         Trust `json:"trust,omitempty"`
	RequireAnchor bool  `json:"require_anchor,omitempty"`
	// Filter chooses documents, in the language of package filter. A filter of the
	// server holds besides.
	Filter string `json:"filter,omitempty"`
	// Approximate lets the store use its approximate index; nil: as the server does.
	Approximate   *bool    `json:"approximate,omitempty"`
	AnchorTimeout Duration `json:"anchor_timeout,omitempty"` // 0: the server's, which is also the longest
	Explain       bool     `json:"explain,omitempty"`
	Compare       bool     `json:"compare,omitempty"` // also rank by source and anchor alone
}

// Text is a text in a language.
type Text struct {
	Lang string `json:"lang"`
	Text string `json:"text"`
}

// query returns the query that a request asks, and the trust in its anchor.
func (s *Service) query(ctx context.Context, r Request) (search.Query, search.Trust, error) {
	q, err := s.build(r)
	if err != nil {
		return q, nil, invalid(err)
	}
	trust, err := ParseTrust(string(r.Trust), s.options.Tuning)
	if err != nil {
		return q, nil, invalid(fmt.Errorf("trust: %w", err))
	}
	if err := s.choose(ctx, r, &q); err != nil {
		return q, nil, err
	}
	Tune(&q, s.options.Tuning)
	if r.Lambda != nil {
		q.Lambda, q.Lambdas = *r.Lambda, nil
		trust = at(trust)
	}
	if err := q.Validate(); err != nil {
		return q, nil, invalid(err)
	}
	return q, trust, nil
}

// build returns the query without its languages and λ, checked.
func (s *Service) build(r Request) (search.Query, error) {
	q := search.Query{
		Corpus: r.Corpus, Text: r.Query, Anchor: r.Anchor, Weights: r.Weights, TopK: r.TopK,
		Strategy: retrieve.Strategy(r.Strategy), Explain: r.Explain,
		RequireAnchor: r.RequireAnchor, AnchorTimeout: time.Duration(r.AnchorTimeout),
		Read: s.options.Read, Approximate: s.options.Approximate,
	}
	var errs []error
	var err error
	if r.AnchorLang == "" {
		r.AnchorLang = s.options.AnchorLang
	}
	if q.AnchorLang, err = lang.Parse(r.AnchorLang); err != nil {
		errs = append(errs, fmt.Errorf("anchor_lang: %w", err))
	}
	for i, more := range r.MoreAnchors {
		parsed, err := lang.Parse(more.Lang)
		if err != nil {
			errs = append(errs, fmt.Errorf("more_anchors[%d]: lang: %w", i, err))
		}
		q.More = append(q.More, search.Text{Lang: parsed, Text: more.Text})
	}
	if r.Approximate != nil {
		if q.Approximate = *r.Approximate; !q.Approximate {
			q.Read.EF, q.Read.Oversampling = 0, 0
		}
	}
	if r.Filter != "" {
		if parsed, err := filter.Parse(r.Filter); err != nil {
			errs = append(errs, err)
		} else if q.Read.Filter == nil {
			q.Read.Filter = parsed
		} else {
			q.Read.Filter = &filter.And{Of: []filter.Expr{q.Read.Filter, parsed}}
		}
	}
	if len(q.More) > 0 && q.Anchor == "" {
		errs = append(errs, errors.New("more_anchors: want an anchor before them"))
	}
	switch q.Strategy {
	case "", retrieve.Union, retrieve.Fused, retrieve.Synergy:
	default:
		errs = append(errs, fmt.Errorf("strategy: want %s, %s or %s", retrieve.Union, retrieve.Fused, retrieve.Synergy))
	}
	if q.TopK == 0 {
		q.TopK = search.DefaultTopK
	}
	if q.TopK < 0 || q.TopK > s.options.MaxTopK {
		errs = append(errs, fmt.Errorf("top_k: want a whole number from 1 to %d", s.options.MaxTopK))
	}
	switch longest := s.options.AnchorTimeout; {
	case q.AnchorTimeout < 0 || q.AnchorTimeout > longest && longest > 0:
		errs = append(errs, fmt.Errorf("anchor_timeout: want a duration from 1ms to %v", longest))
	case q.AnchorTimeout == 0:
		q.AnchorTimeout = longest
	}
	if len(errs) > 0 {
		return q, errors.Join(errs...)
	}
	check := q
	check.Lang = "en" // stands in for one that is not chosen yet
	if r.Lambda != nil {
		check.Lambda = *r.Lambda
	}
	return q, check.Validate()
}

// choose sets the query's languages.
func (s *Service) choose(ctx context.Context, r Request, q *search.Query) error {
	var tags []string
	switch {
	case r.Lang != "":
		tags = []string{r.Lang}
	case len(r.Langs) > 0:
		tags = r.Langs[:1]
	}
	languages, err := ParseLanguages(tags...)
	if err != nil {
		return invalid(fmt.Errorf("lang: %w", err))
	}
	targets, err := ParseLanguages(r.Langs...)
	if err != nil || len(r.Langs) > 0 && targets.Detected() {
		return invalid(errors.Join(errors.New("langs: want language tags, each once"), err))
	}
	if languages.all && len(r.Langs) > 0 {
		return invalid(errors.New("lang: all searches every language, so there is nothing to name in langs"))
	}
	var indexed []string
	if languages.Detected() {
		if indexed, err = s.indexes.langs(ctx, q.Corpus); err != nil {
			return err
		}
		if len(indexed) == 0 {
			return &Error{Code: CodeNotFound, Message: fmt.Sprintf("corpus %q has no index", q.Corpus), Hint: "GET /v1/corpora lists what is indexed"}
		}
	}
	if err := languages.Choose(q, indexed); err != nil {
		return err
	}
	if len(r.Langs) > 0 {
		q.Targets = targets.given
		if len(q.Targets) == 1 && q.Targets[0] == q.Lang {
			q.Targets = nil
		}
	}
	return nil
}

// ParseTrust reads how far a translation counts that fits the query badly:
// "auto" or "" as tuning says, "always" in full, or the trust in any translator,
// a number from 0 to 1.
func ParseTrust(text string, tuning Tuning) (search.Trust, error) {
	switch text {
	case "", "auto":
		return tuning.Trust, nil
	case "always":
		return nil, nil
	}
	trusted, err := strconv.ParseFloat(text, 64)
	if err != nil || !(trusted >= 0 && trusted <= 1) { // also catches NaN
		return nil, errors.New("want auto, always or a number from 0 to 1")
	}
	return func(string, string) (search.Standing, bool) { return search.Standing{Trust: trusted}, true }, nil
}

// at returns a trust that leaves the λ of a request as it is.
func at(trust search.Trust) search.Trust {
	if trust == nil {
		return nil
	}
	return func(documents, origin string) (search.Standing, bool) {
		standing, judged := trust(documents, origin)
		standing.Lambda = nil
		return standing, judged
	}
}
