// Package lab is where experiments run: it has the texts of a dataset embedded
// and translated once, and ranks with what came back, either by brute force over
// score matrices or through the search path that queries take.
//
// It reaches the endpoint, the translators and the index through interfaces, and
// knows no flag, file format or statistics.
package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Embedder is the part of *embedding.Client that experiments need.
type Embedder interface {
	Identity() embedding.Identity
	Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error)
}

// Lab holds the texts of the experiments with their vectors. It and the rankers
// that it makes are for one goroutine at a time.
type Lab struct {
	embedder    Embedder
	sets        map[string]*dataset.Set      // by language
	translators map[string]anchor.Translator // by name, beside the human one
	known       map[evalsuite.Pairing]*Anchors
	vectors     map[embedding.Role]map[string]row // by text
}

type row = []float32

// Anchors are the anchor queries of a pairing.
type Anchors struct {
	IDs   []string // of the questions that have one, in the order of the questions
	Texts []string
	// Refused counts the questions whose translator failed, beside those that
	// it does not know.
	Refused int
}

// New returns a lab of these sets, one a language.
func New(embedder Embedder, sets ...*dataset.Set) *Lab {
	l := &Lab{
		embedder: embedder, sets: map[string]*dataset.Set{}, translators: map[string]anchor.Translator{},
		known:   map[evalsuite.Pairing]*Anchors{},
		vectors: map[embedding.Role]map[string]row{embedding.Query: {}, embedding.Passage: {}},
	}
	for _, set := range sets {
		l.sets[set.Lang] = set
	}
	return l
}

// AddTranslator lets pairings name a translator.
func (l *Lab) AddTranslator(name string, t anchor.Translator) { l.translators[name] = t }

// Set returns the dataset's part in a language.
func (l *Lab) Set(lang string) (*dataset.Set, error) {
	set, ok := l.sets[lang]
	if !ok {
		return nil, fmt.Errorf("the experiment has no %q, only %q", lang, slices.Sorted(maps.Keys(l.sets)))
	}
	return set, nil
}

// Anchors returns the anchor queries of a pairing. Those that people wrote are
// the questions of the same id in the anchor language, and every question must
// have one; a translator's may be few. What a translator does not know, or
// fails to translate, is left out and counted.
func (l *Lab) Anchors(ctx context.Context, p evalsuite.Pairing) (*Anchors, error) {
	if known := l.known[p]; known != nil {
		return known, nil
	}
	set, err := l.Set(p.Lang)
	if err != nil {
		return nil, err
	}
	var found *Anchors
	switch {
	case p.AnchorLang == p.Lang:
		found = questions(set)
	case p.Translator == evalsuite.Human:
		found, err = l.human(set, p.AnchorLang)
	default:
		found, err = l.translated(ctx, set, p)
	}
	if err != nil {
		return nil, err
	}
	l.known[p] = found
	return found, nil
}

func (l *Lab) human(set *dataset.Set, anchorLang string) (*Anchors, error) {
	other, err := l.Set(anchorLang)
	if err != nil {
		return nil, err
	}
	parallel, err := dataset.Anchors(set, other)
	if err != nil {
		return nil, err
	}
	found := &Anchors{}
	for i, q := range set.Questions {
		found.IDs = append(found.IDs, q.ID)
		found.Texts = append(found.Texts, norm.NFC.String(parallel[i].Text))
	}
	return found, nil
}

// translating is how many translations are asked for at the same time.
const translating = 4

func (l *Lab) translated(ctx context.Context, set *dataset.Set, p evalsuite.Pairing) (*Anchors, error) {
	translator, ok := l.translators[p.Translator]
	if !ok {
		return nil, fmt.Errorf("there is no translator %q", p.Translator)
	}
	requests := make([]anchor.Request, len(set.Questions))
	for i, q := range set.Questions {
		requests[i] = anchor.Request{ID: q.ID, Text: q.Text, From: p.Lang, To: p.AnchorLang}
	}
	outcomes, err := anchor.TranslateAll(ctx, translator, requests, translating, nil)
	if err != nil {
		return nil, fmt.Errorf("translate the questions in %q: %w", p.Lang, err)
	}
	found := &Anchors{}
	var last error
	for i, q := range set.Questions {
		switch {
		case outcomes[i].Err == nil:
			found.IDs = append(found.IDs, q.ID)
			found.Texts = append(found.Texts, outcomes[i].Anchor.Text)
		case !errors.Is(outcomes[i].Err, anchor.ErrNoTranslation):
			found.Refused++
			last = outcomes[i].Err
		}
	}
	if len(found.IDs) == 0 {
		return nil, fmt.Errorf("translator %q has none of the %d questions in %q: %w",
			p.Translator, len(set.Questions), p.Lang, errors.Join(anchor.ErrNoTranslation, last))
	}
	return found, nil
}

// questions returns the questions of a set as they are embedded: as anchors of
// themselves.
func questions(set *dataset.Set) *Anchors {
	a := &Anchors{}
	for _, q := range set.Questions {
		a.IDs = append(a.IDs, q.ID)
		a.Texts = append(a.Texts, norm.NFC.String(q.Text))
	}
	return a
}

// qrels returns the judgements of the questions that have an anchor in the
// pairing.
func (l *Lab) qrels(ctx context.Context, p evalsuite.Pairing) (metrics.Qrels, error) {
	anchors, err := l.Anchors(ctx, p)
	if err != nil {
		return nil, err
	}
	all, qrels := l.sets[p.Lang].Qrels, make(metrics.Qrels, len(anchors.IDs))
	for _, id := range anchors.IDs {
		if judged := all[id]; judged != nil {
			qrels[id] = judged
		}
	}
	return qrels, nil
}

// step is how many texts are embedded between two signs of progress.
const step = 256

// Embed has the texts embedded that are not known yet. advance, if not nil, is
// told how many of them are done.
func (l *Lab) Embed(ctx context.Context, role embedding.Role, texts []string, advance func(n int)) error {
	known := l.vectors[role]
	var missing []string
	asked := map[string]bool{}
	for _, text := range texts {
		if known[text] == nil && !asked[text] {
			asked[text] = true
			missing = append(missing, text)
		}
	}
	for some := range slices.Chunk(missing, step) {
		vectors, _, err := l.embedder.Embed(ctx, role, some)
		if err != nil {
			return err
		}
		for i, text := range some {
			known[text] = vectors[i]
		}
		if advance != nil {
			advance(len(some))
		}
	}
	return nil
}

// rows returns the vectors of texts, which are embedded if need be.
func (l *Lab) rows(ctx context.Context, role embedding.Role, texts []string) ([][]float32, error) {
	if err := l.Embed(ctx, role, texts, nil); err != nil {
		return nil, err
	}
	rows := make([][]float32, len(texts))
	for i, text := range texts {
		rows[i] = l.vectors[role][text]
	}
	return rows, nil
}
