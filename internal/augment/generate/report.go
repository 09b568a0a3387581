package generate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/query-synergy/query-synergy/internal/augment"
)

// maxShort bounds the list of passages in a Report.
const maxShort = 1000

// Report counts what a run did; during the run, what it did so far. A pair is a
// passage and a language.
type Report struct {
	Passages int `json:"passages"` // done, in all languages
	Pairs    int `json:"pairs"`
	Present  int `json:"present"`  // queries that the journal held already
	Kept     int `json:"kept"`     // queries written
	Requests int `json:"requests"` // answered by the endpoint
	Cached   int `json:"cached"`   // replies found in the cache
	Tokens   int `json:"tokens"`   // of the requests, as the endpoint counted them
	Failed   int `json:"failed"`   // pairs that were given up because a request failed
	Without  int `json:"without"`  // pairs that have no query, for whatever reason
	// Refused counts by reason what was answered and is no query.
	Refused map[augment.Reason]int `json:"refused"`
	// Short lists the first 1,000 pairs that have fewer queries than were asked
	// for, of Fewer in all.
	Short []Short `json:"short"`
	Fewer int     `json:"fewer"`

	failure error // the last
}

// Short is a pair with fewer queries than were asked for.
type Short struct {
	DocID string `json:"doc_id"`
	Chunk int    `json:"chunk"`
	Lang  string `json:"lang"`
	Have  int    `json:"have"`
	Want  int    `json:"want"`
	// Refused counts by reason what was answered instead.
	Refused map[augment.Reason]int `json:"refused,omitempty"`
	Failure string                 `json:"failure,omitempty"` // of the request that failed
}

// add counts a pair.
func (r *Report) add(p *pair, want int) {
	r.Pairs++
	if p.last {
		r.Passages++
	}
	r.Present += len(p.had)
	r.Kept += len(p.kept)
	r.Requests += p.requests
	r.Cached += p.cached
	r.Tokens += p.tokens
	for _, reason := range p.refused {
		r.Refused[reason]++
	}
	if p.failure != nil {
		r.Failed++
		r.failure = p.failure
	}
	have := len(p.had) + len(p.kept)
	if have == 0 {
		r.Without++
	}
	if have >= want {
		return
	}
	if r.Fewer++; len(r.Short) == maxShort {
		return
	}
	short := Short{DocID: p.passage.DocID, Chunk: p.passage.Chunk, Lang: p.lang, Have: have, Want: want}
	if p.failure != nil {
		short.Failure = p.failure.Error()
	}
	for _, reason := range p.refused {
		if short.Refused == nil {
			short.Refused = map[augment.Reason]int{}
		}
		short.Refused[reason]++
	}
	r.Short = append(r.Short, short)
}

func (r *Report) incomplete(cause error) error {
	return &IncompleteError{Pairs: r.Pairs, Failed: r.Failed, Without: r.Without, Cause: cause}
}

func (r *Report) clone() Report {
	copied := *r
	copied.Refused, copied.Short = maps.Clone(r.Refused), slices.Clip(r.Short)
	return copied
}

// IncompleteError says that a run did what it could, but that some passages have
// no query or not all that a second run may get: done in part. A passage that has
// fewer queries than were asked for, because the model repeats itself, is none of
// them; Report.Short lists it.
type IncompleteError struct {
	Pairs   int   // of a passage and a language
	Failed  int   // of them that were given up because a request failed
	Without int   // of them that have no query
	Cause   error // the last failure; nil where there was none
}

func (e *IncompleteError) Error() string {
	text := fmt.Sprintf("generate queries: of %d passages and languages %d have no query, and %d were given up because the endpoint failed",
		e.Pairs, e.Without, e.Failed)
	if e.Cause != nil {
		return text + ": run again to continue: " + e.Cause.Error()
	}
	return text + ": the model may not know the language"
}

// Unwrap returns the last failure.
func (e *IncompleteError) Unwrap() error { return e.Cause }
