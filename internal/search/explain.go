package search

import (
	"math"

	"github.com/query-synergy/query-synergy/internal/retrieve"
)

// Explanation says how an answer came about: a search for each language.
type Explanation struct {
	Searches []ExplainedSearch `json:"searches"`
}

// ExplainedSearch says how the index of one language was searched.
type ExplainedSearch struct {
	Lang    string    `json:"lang"`
	Weights []float64 `json:"weights"` // of the source query and of each anchor
	// Threshold is the highest score that a passage in none of the lists can
	// have; null where the lists hold the whole index.
	Threshold *float64        `json:"threshold"`
	Rounds    int             `json:"rounds"` // requests that it took, each deeper
	Lists     []ExplainedList `json:"lists"`
	Datatype  string          `json:"datatype"`  // of the stored vectors
	MaxError  float64         `json:"max_error"` // of the scores, from that
}

// ExplainedList says what one search of the last round did.
type ExplainedList struct {
	Query string  `json:"query"` // "source", "anchor", "anchor es" and the like, or "fused"
	Asked int     `json:"asked"` // passages
	Found int     `json:"found"`
	Last  float64 `json:"last"` // score of the last one, in single precision
}

// HitExplanation says what a hit's score is made of: the source query first,
// then each anchor.
type HitExplanation struct {
	Shares []float64 `json:"shares"` // weight times cosine; they sum to the score, or to what the hub is taken off
	Ranks  []int     `json:"ranks"`  // of the passage in each query's own list; 0 where it is not among those found
}

func explain(p *Prepared, parts []part) *Explanation {
	e := &Explanation{}
	for _, part := range parts {
		s := ExplainedSearch{
			Lang: part.lang, Weights: part.Weights, Rounds: part.Rounds, Lists: []ExplainedList{},
			Datatype: part.Precision.Datatype, MaxError: part.Precision.MaxError,
		}
		if !math.IsInf(part.Threshold, 0) {
			s.Threshold = &part.Threshold
		}
		for _, list := range part.Lists {
			s.Lists = append(s.Lists, ExplainedList{Query: p.legName(list.Leg), Asked: list.Asked, Found: list.Found, Last: list.Last})
		}
		e.Searches = append(e.Searches, s)
	}
	return e
}

// legName names a query vector for people.
func (p *Prepared) legName(leg int) string {
	names := []string{"source"}
	if p.anchor.Text != "" {
		names = append(names, "anchor")
	}
	for _, more := range p.More {
		names = append(names, "anchor "+more.Lang)
	}
	if leg == retrieve.FusedLeg {
		return "fused"
	}
	return names[leg]
}
