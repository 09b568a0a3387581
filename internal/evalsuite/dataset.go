package evalsuite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Questions are the questions of one language with their judgements.
type Questions struct {
	Lang  string
	List  []corpus.Question
	Qrels metrics.Qrels
}

// A dataset lays out the questions of a language in its own way.
var datasets = map[string]func(dir, lang string) (*Questions, error){
	"sample": beirQuestions,
	"xquad":  xquadQuestions,
}

// Datasets returns the names that Load knows.
func Datasets() []string { return []string{"sample", "xquad"} }

// Load reads the questions of a dataset in one language from dir:
//
//	sample  dir/LANG/queries.jsonl and dir/LANG/qrels/test.tsv, as BEIR has them
//	xquad   dir/xquad.LANG.json
func Load(dataset, dir, lang string) (*Questions, error) {
	load, known := datasets[dataset]
	if !known {
		return nil, fmt.Errorf("dataset %q is not known, want one of %v", dataset, Datasets())
	}
	q, err := load(dir, lang)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("dataset %s has no %q in %s: %w", dataset, lang, dir, err)
	}
	if err != nil {
		return nil, err
	}
	if len(q.List) == 0 {
		return nil, fmt.Errorf("dataset %s has no questions in %q in %s", dataset, lang, dir)
	}
	q.Lang = lang
	return q, nil
}

func beirQuestions(dir, lang string) (*Questions, error) {
	list, err := corpus.ReadQueries(filepath.Join(dir, lang, "queries.jsonl"))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lang, "qrels", "test.tsv")
	qrels, err := corpus.ReadQrels(path)
	if err != nil {
		return nil, err
	}
	for id := range qrels {
		if !slices.ContainsFunc(list, func(q corpus.Question) bool { return q.ID == id }) {
			return nil, fmt.Errorf("%s judges query %q, which queries.jsonl lacks", path, id)
		}
	}
	return &Questions{List: list, Qrels: metrics.Qrels(qrels)}, nil
}

func xquadQuestions(dir, lang string) (*Questions, error) {
	list, err := corpus.ReadSQuADQuestions(filepath.Join(dir, "xquad."+lang+".json"))
	if err != nil {
		return nil, err
	}
	qrels := metrics.Qrels{}
	for _, q := range list {
		qrels[q.ID] = map[string]int{q.DocID: 1}
	}
	return &Questions{List: list, Qrels: qrels}, nil
}
