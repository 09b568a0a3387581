package dataset

import (
	"fmt"

	"github.com/query-synergy/query-synergy/internal/corpus"
)

// Anchors returns the anchors of questions: for each, in order, the question of
// anchors with the same id. The id may be an alias there, since questions that
// differ in one language may be one in another; looking for q.ID alone would
// miss these. The error counts the questions without a parallel and names the
// first.
func Anchors(questions, anchors *Set) ([]corpus.Question, error) {
	byID := make(map[string]corpus.Question)
	for _, a := range anchors.Questions {
		byID[a.ID] = a
		for _, alias := range a.Aliases {
			byID[alias] = a
		}
	}
	parallel := make([]corpus.Question, 0, len(questions.Questions))
	missing := absent{kind: "question", total: len(questions.Questions), in: anchors}
	for _, q := range questions.Questions {
		a, ok := byID[q.ID]
		if !ok {
			missing.add(q.Pos, q.ID)
		}
		parallel = append(parallel, a)
	}
	if err := missing.err(); err != nil {
		return nil, err
	}
	return parallel, nil
}

// ParallelDocuments says whether the questions of one language can be asked of
// documents in another: whether every document that they judge is there by id.
// Its error counts those that are not and names the first.
func ParallelDocuments(questions, documents *Set) error {
	there := make(map[string]bool)
	for _, d := range documents.Documents {
		there[d.ID] = true
	}
	judged := make(map[string]bool)
	for _, docs := range questions.Qrels {
		for id := range docs {
			judged[id] = true
		}
	}
	missing := absent{kind: "document", total: len(judged), in: documents}
	for _, d := range questions.Documents {
		if judged[d.ID] && !there[d.ID] {
			missing.add(d.Pos, d.ID)
		}
	}
	return missing.err()
}

// absent counts what has no parallel in a set.
type absent struct {
	kind  string
	total int
	in    *Set
	first corpus.Position
	id    string
	n     int
}

func (a *absent) add(pos corpus.Position, id string) {
	if a.n == 0 {
		a.first, a.id = pos, id
	}
	a.n++
}

func (a *absent) err() error {
	if a.n == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s %.120q has no parallel in %s of dataset %s, like %d of %d: the languages must have the same ids",
		a.first, a.kind, a.id, a.in.Lang, a.in.Name, a.n, a.total)
}
