package search

import (
	"fmt"

	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/trust"
)

// Trust says how far the anchors of a translator, named by their Origin, count
// for documents in a language. false: in full, whatever they look like.
type Trust func(documents, origin string) (Standing, bool)

// Standing is what is known of a translator in a language.
type Standing struct {
	Trust  float64  // in [0, 1], see package trust
	Lambda *float64 // tuned with its anchors; nil: the query's
}

// Judgement says what an anchor was found to be worth.
type Judgement struct {
	Trust       float64 `json:"trust"`       // in its translator, in [0, 1]
	Correlation float64 `json:"correlation"` // of the candidates' cosines to source and anchor, in [-1, 1]
	Weight      float64 `json:"weight"`      // share of its weight that the anchor keeps, in [0, 1]
}

// judge lets the first round of a search decide what the anchor is worth. A
// query with further anchors is somebody's own composition, and taken as it is.
func (s *Searcher) judge(p *Prepared, target string, request *retrieve.Request) *Judgement {
	if s.Trust == nil || p.unjudged || p.anchor.Text == "" || len(p.More) > 0 {
		return nil
	}
	standing, judged := s.Trust(target, p.anchor.Origin)
	if !judged {
		return nil
	}
	lambda := request.Legs[0].Weight
	if standing.Lambda != nil && p.Weights == nil {
		lambda = *standing.Lambda
		request.Legs = rerank.Lambda(p.source, p.anchors[0], lambda)
	}
	j := &Judgement{Trust: standing.Trust}
	request.Reweigh = func(signals retrieve.Signals) []float64 {
		j.Correlation = trust.Correlation(signals.Source, signals.Anchor)
		j.Weight = trust.Weight(j.Correlation, j.Trust)
		source := trust.Lambda(lambda, j.Weight)
		return []float64{source, 1 - source}
	}
	return j
}

// judged returns the anchor with what the searches of all indexes found it to be
// worth: refused, where that is nothing anywhere.
func judged(a Anchor, parts []part) Anchor {
	for i, part := range parts {
		if part.judgement == nil {
			return a
		}
		if i == 0 || part.judgement.Weight > a.Judgement.Weight {
			a.Judgement = part.judgement
		}
	}
	if a.Judgement.Weight == 0 {
		a.Status = StatusRefused
		a.Error = fmt.Sprintf("the translation does not fit the query: their scores correlate by %.2f only", a.Judgement.Correlation)
	}
	return a
}
