package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Augment says what passages know of the queries that they answer. An index
// keeps to one such rule and one list of queries: what is new in it is decided by
// its passages alone, and a passage's vectors depend on nothing but its own text
// and that list.
type Augment struct {
	Queries []augment.Query // repeats count as often as they stand
	// Alpha is the weight of the queries, from 0 to 1. A passage that has none gets
	// augment.Typical in their place.
	Alpha float64
	Mode  augment.Mode // augment.ModeBlend if empty
	// Unscaled leaves vectors at the length that they come to, for dot products, as
	// published; passages and queries count at unit length. Otherwise they are
	// scaled to unit length, for cosine.
	Unscaled bool
	// Hub is how many times a passage's augment.Hubness is taken off its score,
	// from 0, not at all, to qdrant.MaxHubWeight; by its Neighbours nearest queries
	// (0: all) of the augment.HubBank in HubLang.
	Hub        float64
	Neighbours int
	HubLang    string
}

// on says whether the index differs from the plain one.
func (a *Augment) on() bool { return a != nil && (a.Alpha != 0 || a.Hub != 0) }

func (a *Augment) check() error {
	switch {
	case !(a.Alpha >= 0 && a.Alpha <= 1):
		return fmt.Errorf("alpha %v must be from 0 to 1", a.Alpha)
	case a.Mode != "" && a.Mode != augment.ModeBlend && a.Mode != augment.ModeMulti:
		return fmt.Errorf("mode %q must be %s or %s", a.Mode, augment.ModeBlend, augment.ModeMulti)
	case !(a.Hub >= 0 && a.Hub <= qdrant.MaxHubWeight):
		return fmt.Errorf("hub %v must be from 0 to %d", a.Hub, qdrant.MaxHubWeight)
	case a.Neighbours < 0:
		return fmt.Errorf("hub neighbours are %d, and must be 1 or more, or 0 for all", a.Neighbours)
	}
	return nil
}

// augmenter makes the vectors of passages that know their queries, and has each
// distinct query embedded once in a run.
type augmenter struct {
	Augment
	bank     *augment.Bank
	schema   *qdrant.Augment
	embedder Embedder
	count    func(func(*Report))

	kept map[string]bool // texts that are asked for in more than one place

	mu      sync.Mutex
	vectors map[string]*queryVector // by text; those that may be asked for again

	learning sync.Mutex
	typical  [][]float32 // what passages without queries are blended with: one vector, or none
	learnt   bool        // typical is known
	hubs     *hubBank    // nil until known
}

// queryVector is a query's vector, there once ready is closed.
type queryVector struct {
	ready  chan struct{}
	vector []float32
}

// hubBank holds the queries that show which passages are near to everything, at
// unit length.
type hubBank struct {
	docIDs  []string
	vectors [][]float32
	of      map[string][]int // a document's own, by number
	sum     []float64        // of all vectors
}

func newAugmenter(a Augment, embedder Embedder, count func(func(*Report))) *augmenter {
	if a.Alpha == 0 { // passages keep their one vector
		a.Mode, a.Unscaled = "", false
	}
	bank := augment.NewBank(a.Queries)
	x := &augmenter{
		Augment: a, bank: bank, embedder: embedder, count: count,
		schema: schemaOf(a, bank), kept: map[string]bool{}, vectors: map[string]*queryVector{},
	}
	type place struct {
		docID string
		chunk int
	}
	first := make(map[string]place, len(a.Queries))
	for _, q := range a.Queries {
		at := place{q.DocID, q.Chunk}
		if seen, ok := first[q.Text]; !ok {
			first[q.Text] = at
		} else if seen != at {
			x.kept[q.Text] = true
		}
	}
	if a.Alpha > 0 {
		for _, queries := range bank.Passages() {
			x.keep(queries)
		}
	}
	if a.Hub > 0 {
		x.keep(augment.HubBank(a.Queries, a.HubLang))
	}
	return x
}

func (x *augmenter) keep(queries []augment.Query) {
	for _, q := range queries {
		x.kept[q.Text] = true
	}
}

func schemaOf(a Augment, bank *augment.Bank) *qdrant.Augment {
	of := bank.Summary()
	schema := &qdrant.Augment{
		Alpha: a.Alpha, Queries: of.Queries, PerPassage: of.PerPassage,
		// A list of none is written as such.
		Langs: append([]string{}, of.Langs...), Models: append([]string{}, of.Models...), Prompts: append([]string{}, of.Prompts...),
		Hash: of.Hash,
	}
	if a.Alpha > 0 {
		schema.Missing = qdrant.MissingTypical
	}
	added := float64(bank.Most()) // the most queries in one vector
	if a.Mode == augment.ModeMulti {
		schema.Mode, added = qdrant.ModeMulti, 1
	}
	if a.Unscaled {
		const rounding = 1e-5
		schema.Distance = qdrant.DistanceDot
		schema.MaxLength = (1 - a.Alpha + a.Alpha*added) * (1 + rounding)
	}
	if a.Hub > 0 {
		schema.Hub = &qdrant.Hub{Weight: a.Hub, Neighbours: a.Neighbours, Lang: a.HubLang}
	}
	return schema
}

// of returns the queries that a passage is blended with, repeats left out where
// they would make the same vector again.
func (x *augmenter) of(docID string, chunk int) []augment.Query {
	if x.Alpha == 0 {
		return nil
	}
	queries := x.bank.Of(docID, chunk)
	if x.Mode != augment.ModeMulti {
		return queries
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(queries), func(q augment.Query) bool {
		again := seen[q.Text]
		seen[q.Text] = true
		return again
	})
}

// further returns how many vectors a passage has besides its first.
func (x *augmenter) further(docID string, chunk int) int {
	if x == nil || x.Mode != augment.ModeMulti {
		return 0
	}
	return max(0, len(x.of(docID, chunk))-1)
}

// augment returns what is stored of each passage: one vector or, under
// augment.ModeMulti, one for each distinct query that it has.
func (x *augmenter) augment(ctx context.Context, passages []corpus.Passage, vectors [][]float32) ([][][]float32, error) {
	queries := make([][]augment.Query, len(passages))
	var texts []string
	augmented := 0
	for i, p := range passages {
		queries[i] = x.of(p.DocID, p.Chunk)
		for _, q := range queries[i] {
			texts = append(texts, q.Text)
		}
		if len(queries[i]) > 0 {
			augmented++
		}
	}
	known, err := x.embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	typical := 0
	stored := make([][][]float32, len(passages))
	for i, p := range passages {
		of := make([][]float32, len(queries[i]))
		for n, q := range queries[i] {
			of[n] = vector.Normalize(known[q.Text])
		}
		if len(of) == 0 && x.Alpha > 0 {
			if of, err = x.typically(ctx); err != nil {
				return nil, err
			}
			typical += len(of)
		}
		if stored[i], err = x.blend(vector.Normalize(vectors[i]), of); err == nil && x.Hub > 0 {
			err = x.appendHubness(ctx, p.DocID, stored[i])
		}
		if err != nil {
			return nil, fmt.Errorf("document %.80q, chunk %d: %w", p.DocID, p.Chunk, err)
		}
	}
	x.forget(passages, queries)
	x.count(func(c *Report) { c.Augmented += augmented; c.Typical += typical })
	return stored, nil
}

// blend returns the vectors of a passage with these queries.
func (x *augmenter) blend(passage []float32, queries [][]float32) ([][]float32, error) {
	parts := [][][]float32{queries}
	if x.Mode == augment.ModeMulti && len(queries) > 0 {
		parts = slices.Collect(slices.Chunk(queries, 1))
	}
	stored := make([][]float32, len(parts))
	for i, part := range parts {
		var err error
		if stored[i], err = augment.Blend(passage, part, x.Alpha, !x.Unscaled); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// typically returns augment.Typical of the bank, if there is one.
func (x *augmenter) typically(ctx context.Context) ([][]float32, error) {
	x.learning.Lock()
	defer x.learning.Unlock()
	if x.learnt {
		return x.typical, nil
	}
	passages := x.bank.Passages()
	known, err := x.embedQueries(ctx, slices.Concat(passages...))
	if err != nil {
		return nil, err
	}
	vectors := make([][][]float32, len(passages))
	for i, queries := range passages {
		for _, q := range queries {
			vectors[i] = append(vectors[i], known[q.Text])
		}
	}
	if mean := augment.Typical(x.Mode, vectors); mean != nil {
		x.typical = [][]float32{make([]float32, len(mean))}
		for k, c := range mean {
			x.typical[0][k] = float32(c)
		}
	}
	x.learnt = true
	return x.typical, nil
}

// appendHubness gives each vector of a passage its last component.
func (x *augmenter) appendHubness(ctx context.Context, docID string, vectors [][]float32) error {
	bank, err := x.hubBank(ctx)
	if err != nil {
		return err
	}
	hubness := float32(bank.hubness(docID, vectors, x.Neighbours))
	for i := range vectors {
		vectors[i] = append(vectors[i], hubness)
	}
	return nil
}

// hubness is augment.Hubness of a passage.
func (b *hubBank) hubness(docID string, vectors [][]float32, neighbours int) float64 {
	own := b.of[docID]
	if neighbours == 0 && len(vectors) == 1 && len(own) < len(b.vectors) {
		// The mean of the products with all is that with the mean.
		total := 0.0
		for k, x := range vectors[0] {
			total += float64(float64(x) * b.sum[k])
		}
		for _, i := range own {
			total -= vector.Dot64(b.vectors[i], vectors[0])
		}
		return total / float64(len(b.vectors)-len(own))
	}
	similarities := make([]float64, 0, len(b.vectors))
	for i, q := range b.vectors {
		if b.docIDs[i] == docID {
			continue
		}
		best := vector.Dot(q, vectors[0])
		for _, v := range vectors[1:] {
			best = max(best, vector.Dot(q, v))
		}
		similarities = append(similarities, float64(best))
	}
	return augment.Hubness(similarities, neighbours)
}

// hubBank has the bank embedded, once.
func (x *augmenter) hubBank(ctx context.Context) (*hubBank, error) {
	x.learning.Lock()
	defer x.learning.Unlock()
	if x.hubs != nil {
		return x.hubs, nil
	}
	queries := augment.HubBank(x.Queries, x.HubLang)
	known, err := x.embedQueries(ctx, queries)
	if err != nil {
		return nil, err
	}
	bank := &hubBank{of: map[string][]int{}}
	for i, q := range queries {
		v := vector.Normalize(known[q.Text])
		if bank.sum == nil {
			bank.sum = make([]float64, len(v))
		}
		for k, c := range v {
			bank.sum[k] += float64(c)
		}
		bank.docIDs, bank.vectors = append(bank.docIDs, q.DocID), append(bank.vectors, v)
		bank.of[q.DocID] = append(bank.of[q.DocID], i)
	}
	x.hubs = bank
	return bank, nil
}

func (x *augmenter) embedQueries(ctx context.Context, queries []augment.Query) (map[string][]float32, error) {
	texts := make([]string, len(queries))
	for i, q := range queries {
		texts[i] = q.Text
	}
	return x.embed(ctx, texts)
}

// forget drops the vectors of queries that only these passages have.
func (x *augmenter) forget(passages []corpus.Passage, queries [][]augment.Query) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, p := range passages {
		for _, q := range queries[i] {
			if !x.kept[q.Text] && (q.Chunk != augment.EveryChunk || p.Chunks == 1) {
				delete(x.vectors, q.Text)
			}
		}
	}
}

// embed returns the vectors of texts by text. A text that another batch asks for
// at the same time is waited for.
func (x *augmenter) embed(ctx context.Context, texts []string) (map[string][]float32, error) {
	found := make(map[string]*queryVector, len(texts))
	var mine []string
	x.mu.Lock()
	for _, text := range texts {
		if found[text] != nil {
			continue
		}
		v := x.vectors[text]
		if v == nil {
			v = &queryVector{ready: make(chan struct{})}
			x.vectors[text] = v
			mine = append(mine, text)
		}
		found[text] = v
	}
	x.mu.Unlock()
	if len(mine) > 0 {
		vectors, stats, err := x.embedder.Embed(ctx, embedding.Query, mine)
		x.count(func(c *Report) {
			c.Embedded += stats.Embedded
			c.Cached += stats.Cached
			c.Tokens += stats.Tokens
			c.QueriesEmbedded += stats.Embedded
			c.QueriesCached += stats.Cached
		})
		if err != nil { // which ends the run, and the others' wait with it
			return nil, fmt.Errorf("embed generated queries: %w", err)
		}
		for i, text := range mine {
			found[text].vector = vectors[i]
			close(found[text].ready)
		}
	}
	known := make(map[string][]float32, len(found))
	for text, v := range found {
		select {
		case <-v.ready:
			known[text] = v.vector
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return known, nil
}
