package metrics

import (
	"cmp"
	"slices"
)

// Scored is a document with the score that a system gave it.
type Scored struct {
	DocID string
	Score float64
}

// Run holds, for each query id, the documents that a system returned.
type Run map[string][]Scored

// Order turns the scored documents of one query into a ranking: their ids, the
// best first. RankedIDs and TRECOrder are the two.
type Order func([]Scored) []string

// RankedIDs takes the documents as ranked already: the order given counts, and
// the scores do not.
func RankedIDs(documents []Scored) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.DocID
	}
	return ids
}

// TRECOrder ranks as trec_eval does: by descending score, equal scores by
// descending document id, byte by byte. The order given does not count. Scores
// must not be NaN.
func TRECOrder(documents []Scored) []string {
	sorted := slices.SortedFunc(slices.Values(documents), func(a, b Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.DocID, a.DocID))
	})
	return RankedIDs(sorted)
}
