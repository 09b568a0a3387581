package lab

import (
	"fmt"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Asking returns a lab of these sets in place of its own, with the same
// translators and the vectors that are known already.
func (l *Lab) Asking(sets ...*dataset.Set) *Lab {
	other := New(l.embedder, sets...)
	other.translators, other.vectors = l.translators, l.vectors
	return other
}

// Generated returns a set whose questions are the generated queries in the
// set's own language, each judged relevant to the document that it was generated
// from. A query that stands twice for a document is one question.
func Generated(set *dataset.Set, queries []augment.Query) (*dataset.Set, error) {
	out := *set
	out.Questions, out.Qrels = nil, metrics.Qrels{}
	seen := map[[2]string]bool{}
	for i, q := range queries {
		if q.Lang != set.Lang || seen[[2]string{q.DocID, q.Text}] {
			continue
		}
		seen[[2]string{q.DocID, q.Text}] = true
		id := fmt.Sprintf("generated-%06d", i)
		out.Questions = append(out.Questions, corpus.Question{ID: id, Text: q.Text, DocIDs: []string{q.DocID}})
		out.Qrels[id] = map[string]int{q.DocID: 1}
	}
	if len(out.Questions) == 0 {
		return nil, fmt.Errorf("none of the %d generated queries is in %q", len(queries), set.Lang)
	}
	return &out, nil
}
