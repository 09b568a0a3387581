package dataset

import (
	"path/filepath"
	"strings"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// layout says where the files of a dataset lie and how they are read.
type layout struct {
	format    corpus.Format
	questions func(path string) ([]corpus.Question, error)
	locate    func(dir, tag string) (paths, error)
	splits    bool // the questions are of several splits, the qrels of one
}

// paths are the files of one language. questions and documents may be the same;
// qrels is "" where the questions name their documents.
type paths struct{ documents, questions, qrels string }

var layouts = map[string]layout{
	"beir":     {corpus.FormatBEIR, corpus.ReadQueries, locateBEIR, true},
	"belebele": {corpus.FormatBelebele, corpus.ReadBelebeleQuestions, locateBelebele, false},
	"sample":   {corpus.FormatBEIR, corpus.ReadQueries, locateBEIR, false},
	"xquad":    {corpus.FormatSQuAD, corpus.ReadSQuADQuestions, locateXQuAD, false},
	"xquad-r":  {corpus.FormatXQuADR, corpus.ReadXQuADRQuestions, locateXQuADR, false},
}

func locateBEIR(dir, tag string) (p paths, err error) {
	folder := filepath.Join(dir, tag)
	if p.documents, err = exists(filepath.Join(folder, "corpus.jsonl"), filepath.Join(folder, "corpus.jsonl.gz")); err != nil {
		return p, err
	}
	if p.questions, err = exists(filepath.Join(folder, "queries.jsonl")); err != nil {
		return p, err
	}
	p.qrels, err = exists(filepath.Join(folder, "qrels", "test.tsv"), filepath.Join(folder, "qrels", "test.qrels"))
	return p, err
}

func locateBelebele(dir, tag string) (paths, error) {
	name, err := belebeleName(tag)
	if err != nil {
		return paths{}, err
	}
	return oneFile(filepath.Join(dir, name), filepath.Join(dir, "Belebele", name))
}

// belebeleName returns the name of Belebele's file in a language.
func belebeleName(tag string) (string, error) {
	code, err := lang.ISO3Script(tag)
	return strings.ReplaceAll(code, "-", "_") + ".jsonl", err
}

func locateXQuAD(dir, tag string) (paths, error) {
	return oneFile(filepath.Join(dir, "xquad."+tag+".json"))
}

func locateXQuADR(dir, tag string) (paths, error) {
	return oneFile(filepath.Join(dir, tag+".json"), filepath.Join(dir, "xquad-r", tag+".json"))
}

// oneFile is for datasets that keep everything of a language in one file.
func oneFile(candidates ...string) (paths, error) {
	path, err := exists(candidates...)
	return paths{documents: path, questions: path}, err
}
