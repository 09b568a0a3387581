package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
)

// The shape of XQuAD, which generated vectors take on where it is not there.
const (
	passageCount  = 240
	questionCount = 1190
)

var sweepLangs = []string{"ar", "zh", "el", "th", "tr"}

const sweepAnchor = "en"

// experiment is a dataset in several languages with the vector of each text. It
// is the embedder of its lab.
type experiment struct {
	origin  string // of the vectors
	sets    []*dataset.Set
	vectors map[embedding.Role]map[string][]float32 // by text
}

// openExperiment reads the recorded XQuAD vectors (SHARED_DIR/xquad, by default
// ../shared/xquad), or generates some where there are none.
func openExperiment(ctx context.Context, root string) (*experiment, error) {
	shared := os.Getenv("SHARED_DIR")
	if shared == "" {
		shared = filepath.Join(root, "..", "shared")
	}
	e := &experiment{origin: "recorded XQuAD vectors", vectors: map[embedding.Role]map[string][]float32{embedding.Passage: {}, embedding.Query: {}}}
	add := e.addRecorded
	if _, err := os.Stat(filepath.Join(shared, "xquad", "e5-small")); errors.Is(err, fs.ErrNotExist) {
		e.origin, add = "generated vectors", e.addGenerated
	}
	for _, lang := range append([]string{sweepAnchor}, sweepLangs...) {
		if err := add(ctx, filepath.Join(shared, "xquad"), lang); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// String says how much there is of what in each language.
func (e *experiment) String() string {
	set := e.sets[0]
	return fmt.Sprintf("%d questions x %d passages, %s", len(set.Questions), len(set.Documents), e.origin)
}

func (e *experiment) addRecorded(ctx context.Context, dir, lang string) error {
	set, err := dataset.Load(ctx, "xquad", dir, lang)
	if err != nil {
		return err
	}
	e.sets = append(e.sets, set)
	passages, _ := lab.Passages(set, corpus.DefaultChunking)
	var questions []string
	for _, q := range set.Questions {
		questions = append(questions, norm.NFC.String(q.Text))
	}
	for _, texts := range []struct {
		role embedding.Role
		name string
		all  []string
	}{{embedding.Passage, "passages", passages}, {embedding.Query, "queries", questions}} {
		path := filepath.Join(dir, "e5-small", lang+"."+texts.name+".f32")
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if len(raw) != len(texts.all)*dimensions*4 {
			return fmt.Errorf("%s has %d bytes, want %d vectors of %d dimensions", path, len(raw), len(texts.all), dimensions)
		}
		for i, text := range texts.all {
			v := make([]float32, dimensions)
			for j := range v {
				v[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[(i*dimensions+j)*4:]))
			}
			e.vectors[texts.role][text] = v
		}
	}
	return nil
}

// questionCosine is how much a generated question agrees with its passage: that
// of the best of the other passages is about 0.14.
const questionCosine = 0.15

func (e *experiment) addGenerated(_ context.Context, _, lang string) error {
	set := &dataset.Set{Name: "generated", Lang: lang, Format: corpus.FormatSQuAD, Qrels: metrics.Qrels{}}
	first := len(e.sets) * questionCount // of this language in its streams
	e.sets = append(e.sets, set)
	for i := range passageCount {
		d := corpus.Document{ID: fmt.Sprintf("d%03d", i), Lang: lang, Text: fmt.Sprintf("%s passage %d", lang, i)}
		set.Documents = append(set.Documents, d)
		e.vectors[embedding.Passage][d.Text] = randomUnit(documentStream, i)
	}
	for i := range questionCount {
		passage := i % passageCount
		q := corpus.Question{ID: fmt.Sprintf("q%04d", i), Text: fmt.Sprintf("%s question %d", lang, i)}
		set.Questions = append(set.Questions, q)
		set.Qrels[q.ID] = map[string]int{set.Documents[passage].ID: 1}
		e.vectors[embedding.Query][q.Text] = mix(randomUnit(documentStream, passage), randomUnit(queryStream, first+i), questionCosine)
	}
	return nil
}

// grown returns the experiment with factor times the documents, those added
// being unrelated to any question.
func (e *experiment) grown(factor int) *experiment {
	big := &experiment{origin: e.origin, vectors: e.vectors}
	for s, set := range e.sets {
		more := *set
		more.Documents = slices.Clone(set.Documents)
		n := len(set.Documents) * (factor - 1)
		for i := range n {
			d := corpus.Document{ID: fmt.Sprintf("generated-%05d", i), Lang: set.Lang, Text: fmt.Sprintf("%s generated %d", set.Lang, i)}
			more.Documents = append(more.Documents, d)
			e.vectors[embedding.Passage][d.Text] = randomUnit(unrelatedStream, s*n+i)
		}
		big.sets = append(big.sets, &more)
	}
	return big
}

// Identity implements lab.Embedder.
func (e *experiment) Identity() embedding.Identity { return embedding.Identity{} }

// Embed implements lab.Embedder.
func (e *experiment) Embed(_ context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	rows := make([][]float32, len(texts))
	for i, text := range texts {
		if rows[i] = e.vectors[role][text]; rows[i] == nil {
			return nil, embedding.Stats{}, fmt.Errorf("text %.40q has no vector", text)
		}
	}
	return rows, embedding.Stats{Embedded: len(texts)}, nil
}
