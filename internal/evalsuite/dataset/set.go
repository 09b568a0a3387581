package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// Set is a dataset in one language.
type Set struct {
	Name string
	Lang string // a canonical tag
	// Format is that of the documents: it says whether their titles are embedded.
	Format corpus.Format
	// Questions are in the order of their file, each with at least one judgement.
	Questions []corpus.Question
	// Qrels judge these questions only, and name documents of the set only.
	Qrels     metrics.Qrels
	Documents []corpus.Document
	// Files are what the set was read from.
	Files []File
}

// File identifies what was read.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// Names returns the datasets that Load knows, ascending.
func Names() []string { return slices.Sorted(maps.Keys(layouts)) }

// Load reads a dataset in one language from dir, where its files lie so:
//
//	beir      LANG/corpus.jsonl, LANG/queries.jsonl and LANG/qrels/test.tsv, the
//	          judgements as BEIR or as TREC writes them; test.qrels will do as well
//	belebele  arb_Arab.jsonl and so on, also within Belebele/
//	sample    as beir
//	xquad     xquad.LANG.json
//	xquad-r   LANG.json, also within xquad-r/
//
// The ids of questions and documents are the same in every language, but for
// the sentences that are the documents of xquad-r.
//
// BEIR's queries.jsonl holds the queries of all splits. So the questions of beir
// are those that the qrels judge; in any other dataset, sample included, a
// question without a judgement is an error.
//
// Errors name file and line: of what corpus.Read and the readers of questions
// and judgements refuse, and of a judgement on a question or a document that is
// not there. For an absent file the error says what to fetch, and
// errors.Is(err, fs.ErrNotExist) holds.
func Load(ctx context.Context, name, dir, language string) (*Set, error) {
	l, known := layouts[name]
	if !known {
		return nil, fmt.Errorf("dataset %.40q is not known, want one of %v", name, Names())
	}
	tag, err := lang.Parse(language)
	if err != nil {
		return nil, fmt.Errorf("load dataset %s: %w", name, err)
	}
	p, err := l.locate(dir, tag)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dataset %s has no %q in %s: %w; %s", name, tag, dir, err, howToGet(name, dir, tag))
	}
	if err != nil {
		return nil, fmt.Errorf("load dataset %s: %w", name, err)
	}
	s := &Set{Name: name, Lang: tag, Format: l.format}
	if s.Questions, err = l.questions(p.questions); err != nil {
		return nil, err
	}
	if len(s.Questions) == 0 {
		return nil, fmt.Errorf("%s has no questions", p.questions)
	}
	if err := s.readDocuments(ctx, p.documents); err != nil {
		return nil, err
	}
	judgements := relevant(s.Questions)
	if p.qrels != "" {
		if judgements, err = corpus.ReadJudgements(p.qrels); err != nil {
			return nil, err
		}
	}
	if err := s.judge(judgements, p); err != nil {
		return nil, err
	}
	if l.splits {
		s.Questions = slices.DeleteFunc(s.Questions, func(q corpus.Question) bool { return s.Qrels[q.ID] == nil })
	}
	for _, q := range s.Questions {
		if s.Qrels[q.ID] == nil {
			return nil, fmt.Errorf("%s: question %.120q has no judgement in %s", q.Pos, q.ID, p.qrels)
		}
	}
	return s, s.identify(p)
}

// LoadDocuments reads what Load does without questions and judgements, which need
// not be there: of beir LANG/corpus.jsonl is enough. It is for a corpus that
// nobody has judged.
func LoadDocuments(ctx context.Context, name, dir, language string) (*Set, error) {
	l, known := layouts[name]
	if !known {
		return nil, fmt.Errorf("dataset %.40q is not known, want one of %v", name, Names())
	}
	tag, err := lang.Parse(language)
	if err != nil {
		return nil, fmt.Errorf("load dataset %s: %w", name, err)
	}
	p, err := l.locate(dir, tag)
	if p.documents == "" {
		return nil, fmt.Errorf("dataset %s has no documents in %q in %s: %w", name, tag, dir, err)
	}
	s := &Set{Name: name, Lang: tag, Format: l.format, Qrels: metrics.Qrels{}}
	if err := s.readDocuments(ctx, p.documents); err != nil {
		return nil, err
	}
	return s, s.identify(paths{documents: p.documents, questions: p.documents})
}

func (s *Set) readDocuments(ctx context.Context, path string) error {
	for d, err := range corpus.Read(ctx, corpus.Options{Format: s.Format, Lang: s.Lang}, path) {
		if err != nil {
			return err
		}
		s.Documents = append(s.Documents, d)
	}
	if len(s.Documents) == 0 {
		return fmt.Errorf("%s has no documents", path)
	}
	return nil
}

// relevant returns the judgements that questions bring themselves.
func relevant(questions []corpus.Question) []corpus.Judgement {
	var all []corpus.Judgement
	for _, q := range questions {
		for _, id := range q.DocIDs {
			all = append(all, corpus.Judgement{Query: q.ID, Doc: id, Grade: 1, Pos: q.Pos})
		}
	}
	return all
}

// judge sets the qrels, and checks that they name what is there.
func (s *Set) judge(judgements []corpus.Judgement, p paths) error {
	questions, documents := make(map[string]bool), make(map[string]bool)
	for _, q := range s.Questions {
		questions[q.ID] = true
	}
	for _, d := range s.Documents {
		documents[d.ID] = true
	}
	s.Qrels = make(metrics.Qrels)
	for _, j := range judgements {
		if !questions[j.Query] {
			return fmt.Errorf("%s: query %.120q is judged, but %s does not have it", j.Pos, j.Query, p.questions)
		}
		if !documents[j.Doc] {
			return fmt.Errorf("%s: document %.120q is judged, but %s does not have it", j.Pos, j.Doc, p.documents)
		}
		if s.Qrels[j.Query] == nil {
			s.Qrels[j.Query] = make(map[string]int)
		}
		s.Qrels[j.Query][j.Doc] = j.Grade
	}
	return nil
}

// identify sets Files.
func (s *Set) identify(p paths) error {
	for _, path := range slices.Compact([]string{p.documents, p.questions, p.qrels}) {
		if path == "" {
			continue
		}
		file, err := Identify(path)
		if err != nil {
			return err
		}
		s.Files = append(s.Files, file)
	}
	return nil
}

// Identify reads a file for its size and hash.
func Identify(path string) (File, error) {
	in, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("hash: %w", err)
	}
	defer in.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, in)
	if err != nil {
		return File{}, fmt.Errorf("hash %s: %w", path, err)
	}
	return File{Path: path, Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// exists returns the first of paths that is there, or an error that wraps
// fs.ErrNotExist and names the first.
func exists(paths ...string) (string, error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", err
		case info.IsDir():
			return "", fmt.Errorf("%s is a folder, want a file", path)
		}
		return filepath.Clean(path), nil
	}
	return "", &fs.PathError{Op: "open", Path: paths[0], Err: fs.ErrNotExist}
}
