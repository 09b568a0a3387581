// Package ingest runs the indexing pipeline: documents are cut into passages,
// compared with what the index already holds, embedded and written, one index a
// language.
//
//	documents → plan (what is new?) → embed [→ augment by queries] → write
//
// The stages run side by side, so that the endpoint is never kept waiting, and
// hold a bounded number of passages. A run that is killed at any moment leaves
// whole passages only; the next run writes what is missing and nothing else.
//
// The package knows neither files nor flags, and reaches the store and the
// embedding endpoint only through the two interfaces below.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Store is the part of *qdrant.Store that indexing needs.
type Store interface {
	Lookup(ctx context.Context, key qdrant.Key) (qdrant.Collection, error)
	Ensure(ctx context.Context, key qdrant.Key, schema qdrant.Schema) (qdrant.Collection, error)
	Stamps(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Stamp, error)
	Upsert(ctx context.Context, c qdrant.Collection, points []qdrant.Point) error
	Delete(ctx context.Context, c qdrant.Collection, ids []string) error
}

// Embedder is the part of *embedding.Client that indexing needs.
type Embedder interface {
	Identity() embedding.Identity
	Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error)
}

// Options say how documents become passages of an index.
type Options struct {
	Corpus      string
	Chunking    corpus.Chunking
	EmbedsTitle bool
	Layout      qdrant.Layout // of the points; the zero one is this program's own
	// Batch is how many passages of one language are planned, embedded and
	// written together: as many as one request to the endpoint takes.
	Batch int
	// Concurrency is how many batches are embedded at the same time.
	Concurrency int
	// Augment, if set and its Alpha or Hub is not 0, has passages know the queries
	// that they answer.
	Augment *Augment
	// Rebuild, if set, has the passages written to new versions of the indexes,
	// which it makes and which the caller makes current; nil: to the current ones.
	Rebuild Versions
	// Planned, if set, is called for every point of the input's passages, those of
	// a language in order, whether it is there already or not.
	Planned func(qdrant.Key, qdrant.Stamp) error
	// Stored, if set, is called with points once they are stored, from one
	// goroutine at a time.
	Stored func(qdrant.Collection, []qdrant.Point)
	// Progress, if set, is called after each step, from one goroutine at a time.
	Progress func(Report)
}

// Versions is the part of *qdrant.Store that makes new versions of an index.
type Versions interface {
	Unfinished(ctx context.Context, key qdrant.Key) (qdrant.Collection, bool, error)
	Begin(ctx context.Context, key qdrant.Key, schema qdrant.Schema) (qdrant.Collection, error)
}

// Report counts what a run did; during the run, what it did so far.
type Report struct {
	Documents int `json:"documents"` // read
	Passages  int `json:"passages"`  // that they were cut into
	Unchanged int `json:"unchanged"` // passages that the index held already
	Embedded  int `json:"embedded"`  // texts that the endpoint embedded, generated queries too
	Cached    int `json:"cached"`    // texts found in the embedding cache
	Written   int `json:"written"`   // passages written
	Removed   int `json:"removed"`   // passages removed because their document became shorter
	Tokens    int `json:"tokens"`    // as the endpoint counted them
	// Of an augmented index: passages embedded that were blended with queries of
	// their own, those that have none and were blended with augment.Typical, and how
	// many of the texts above were generated queries.
	Augmented       int `json:"augmented"`
	Typical         int `json:"typical"`
	QueriesEmbedded int `json:"queries_embedded"`
	QueriesCached   int `json:"queries_cached"`
}

// Run indexes the documents and reports what was done, also where it fails or
// is interrupted in the middle. An index that was built with another model,
// prefix or cut is refused with a *qdrant.SchemaError before anything is
// embedded.
func Run(ctx context.Context, store Store, embedder Embedder, opts Options, docs iter.Seq2[corpus.Document, error]) (Report, error) {
	if err := opts.Chunking.Validate(); err != nil {
		return Report{}, err
	}
	if opts.Batch < 1 || opts.Concurrency < 1 {
		return Report{}, fmt.Errorf("batch %d and concurrency %d must be 1 or more", opts.Batch, opts.Concurrency)
	}
	r := &run{
		store: store, embedder: embedder, opts: opts,
		indexes: map[string]*index{},
		toEmbed: make(chan *batch), toWrite: make(chan *batch, opts.Concurrency),
	}
	if a := opts.Augment; a.on() {
		if err := a.check(); err != nil {
			return Report{}, err
		}
		r.augment = newAugmenter(*a, embedder, r.count)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(r.toEmbed)
		defer close(r.toWrite)
		return r.plan(ctx, docs)
	})
	for range opts.Concurrency {
		group.Go(func() error { return r.embed(ctx) })
	}
	group.Go(func() error { return r.write(ctx) })
	err := group.Wait()
	return r.report, err
}

type run struct {
	store    Store
	embedder Embedder
	opts     Options
	augment  *augmenter        // nil: a plain index
	indexes  map[string]*index // by language; the planner's alone

	toEmbed chan *batch
	toWrite chan *batch // the same batches, in the order of the documents

	counting sync.Mutex
	report   Report
}

// index is where the passages of one language go.
type index struct {
	key        qdrant.Key
	collection qdrant.Collection
	exists     bool             // when the run began; fixed before the first batch
	pending    []corpus.Passage // not yet planned
}

// batch is some passages of one language on their way through the stages.
type batch struct {
	index    *index
	passages []corpus.Passage
	points   []qdrant.Point // of the passages, without vectors until embedded
	embedded chan struct{}  // closed when they have them
	stale    []string       // ids to remove before the points are written
	removed  int            // passages that these belong to
}

func (r *run) count(change func(*Report)) {
	r.counting.Lock()
	defer r.counting.Unlock()
	change(&r.report)
	if r.opts.Progress != nil {
		r.opts.Progress(r.report)
	}
}

// plan cuts the documents and passes on the passages that the index lacks.
func (r *run) plan(ctx context.Context, docs iter.Seq2[corpus.Document, error]) error {
	for doc, err := range docs {
		if err != nil {
			return err
		}
		x, err := r.index(ctx, doc.Lang)
		if err != nil {
			return err
		}
		passages := r.opts.Chunking.Passages(doc)
		r.count(func(c *Report) { c.Documents++; c.Passages += len(passages) })
		for _, p := range passages {
			if x.pending = append(x.pending, p); len(x.pending) == r.opts.Batch {
				if err := r.planBatch(ctx, x); err != nil {
					return err
				}
			}
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(r.indexes)) {
		if err := r.planBatch(ctx, r.indexes[lang]); err != nil {
			return err
		}
	}
	return nil
}

// index finds where a language's passages go, and refuses an index that this
// run must not write to.
func (r *run) index(ctx context.Context, lang string) (*index, error) {
	if x := r.indexes[lang]; x != nil {
		return x, nil
	}
	x := &index{key: qdrant.Key{Corpus: r.opts.Corpus, Lang: lang}}
	found, err := r.lookup(ctx, x.key)
	switch {
	case errors.Is(err, qdrant.ErrNoCollection):
	case err != nil:
		return nil, err
	default:
		schema := r.schema()
		if schema.Dimensions == 0 { // the model's are not known before it was asked
			schema.Dimensions = found.Schema.Dimensions
		}
		diff := found.Schema.Diff(schema)
		if len(diff) > 0 && r.opts.Rebuild == nil {
			return nil, &qdrant.SchemaError{Key: x.key, Differences: diff}
		}
		// An unfinished version with another schema is replaced when writing begins.
		x.collection, x.exists = found, len(diff) == 0
	}
	r.indexes[lang] = x
	return x, nil
}

// lookup finds what is there to go on with, or returns ErrNoCollection.
func (r *run) lookup(ctx context.Context, key qdrant.Key) (qdrant.Collection, error) {
	if r.opts.Rebuild == nil {
		return r.store.Lookup(ctx, key)
	}
	found, unfinished, err := r.opts.Rebuild.Unfinished(ctx, key)
	if err == nil && !unfinished {
		err = qdrant.ErrNoCollection
	}
	return found, err
}

// ensure makes the collection that an index's passages are written to.
func (r *run) ensure(ctx context.Context, x *index, schema qdrant.Schema) (qdrant.Collection, error) {
	if r.opts.Rebuild == nil {
		return r.store.Ensure(ctx, x.key, schema)
	}
	c, err := r.opts.Rebuild.Begin(ctx, x.key, schema)
	if err == nil && x.exists && c.Name != x.collection.Name {
		err = fmt.Errorf("index %s: the version that was being made, %s, is of vectors of another width, and was removed: run the rebuild again", x.key, x.collection.Name)
	}
	return c, err
}

func (r *run) schema() qdrant.Schema {
	id := r.embedder.Identity()
	schema := qdrant.Schema{
		Model: id.Model, Dimensions: id.Dimensions,
		QueryPrefix: id.QueryPrefix, PassagePrefix: id.PassagePrefix,
		QueryBody: id.QueryBody, PassageBody: id.PassageBody,
		EmbedsTitle: r.opts.EmbedsTitle,
		ChunkRunes:  r.opts.Chunking.MaxRunes, OverlapRunes: r.opts.Chunking.OverlapRunes,
		Layout: r.opts.Layout,
	}
	if r.augment != nil {
		schema.Augment = r.augment.schema
	}
	return schema
}

func (r *run) planBatch(ctx context.Context, x *index) error {
	passages := x.pending
	x.pending = nil
	if len(passages) == 0 {
		return nil
	}
	ids := make([]string, len(passages))
	hashes := make([]string, len(passages))
	for i, p := range passages {
		ids[i], hashes[i] = corpus.PointID(x.key.Corpus, x.key.Lang, p.DocID, p.Chunk), p.ContentHash()
		if r.opts.Planned != nil {
			stamp := qdrant.Stamp{ID: ids[i], DocID: p.DocID, Chunk: p.Chunk, Chunks: p.Chunks, ContentHash: hashes[i]}
			if err := r.planned(x.key, stamp); err != nil {
				return err
			}
		}
	}
	var stamps map[string]qdrant.Stamp
	if x.exists {
		var err error
		if stamps, err = r.store.Stamps(ctx, x.collection, ids); err != nil {
			return err
		}
	}
	b := &batch{index: x, embedded: make(chan struct{})}
	for i, p := range passages {
		stamp, hash := stamps[ids[i]], hashes[i]
		if stamp.ContentHash == hash {
			continue
		}
		if p.Chunk == 0 { // the first chunk knows how many the document had
			for chunk := p.Chunks; chunk < stamp.Chunks; chunk++ {
				b.removed++
				b.stale = append(b.stale, corpus.PointID(x.key.Corpus, x.key.Lang, p.DocID, chunk))
				for n := range r.augment.further(p.DocID, chunk) {
					b.stale = append(b.stale, corpus.VectorID(x.key.Corpus, x.key.Lang, p.DocID, chunk, 1+n))
				}
			}
		}
		b.passages = append(b.passages, p)
		b.points = append(b.points, qdrant.Point{ID: ids[i], Payload: qdrant.Payload{
			DocID: p.DocID, Lang: p.Lang, Title: p.Title, Text: p.Text,
			Chunk: p.Chunk, Chunks: p.Chunks, ContentHash: hash, Metadata: p.Metadata,
		}})
	}
	r.count(func(c *Report) { c.Unchanged += len(passages) - len(b.passages) })
	if len(b.passages) == 0 {
		return nil
	}
	if err := send(ctx, r.toEmbed, b); err != nil {
		return err
	}
	return send(ctx, r.toWrite, b)
}

// planned tells of a passage and of its further vectors, which are points, too.
func (r *run) planned(key qdrant.Key, stamp qdrant.Stamp) error {
	err := r.opts.Planned(key, stamp)
	for n := range r.augment.further(stamp.DocID, stamp.Chunk) {
		stamp.ID = corpus.VectorID(key.Corpus, key.Lang, stamp.DocID, stamp.Chunk, 1+n)
		err = errors.Join(err, r.opts.Planned(key, stamp))
	}
	return err
}

func (r *run) embed(ctx context.Context) error {
	for b := range r.toEmbed {
		texts := make([]string, len(b.passages))
		for i, p := range b.passages {
			texts[i] = p.EmbeddingText(r.opts.EmbedsTitle)
		}
		vectors, stats, err := r.embedder.Embed(ctx, embedding.Passage, texts)
		r.count(func(c *Report) {
			c.Embedded += stats.Embedded
			c.Cached += stats.Cached
			c.Tokens += stats.Tokens
		})
		if err != nil {
			return fmt.Errorf("index %s: %w", b.index.key, err)
		}
		if r.augment == nil {
			for i := range b.points {
				b.points[i].Vector = vectors[i]
			}
		} else if stored, err := r.augment.augment(ctx, b.passages, vectors); err != nil {
			return fmt.Errorf("index %s: %w", b.index.key, err)
		} else {
			b.spread(stored)
		}
		close(b.embedded)
	}
	return nil
}

// spread gives the points their vectors, and makes further points of a passage
// that has several. Its own point comes after them: it is the one that says that
// the passage is there, whenever a run is killed.
func (b *batch) spread(vectors [][][]float32) {
	var points []qdrant.Point
	for i, own := range b.points {
		for n := len(vectors[i]) - 1; n > 0; n-- {
			further := own
			further.ID = corpus.VectorID(b.index.key.Corpus, b.index.key.Lang, own.Payload.DocID, own.Payload.Chunk, n)
			further.Vector, further.Payload.Vector = vectors[i][n], n
			points = append(points, further)
		}
		own.Vector = vectors[i][0]
		points = append(points, own)
	}
	b.points = points
}

// write stores the batches in the order of the documents.
func (r *run) write(ctx context.Context) error {
	made := map[string]qdrant.Collection{}
	for ready := range r.ready(ctx) {
		x := ready[0].index
		collection, known := made[x.key.Lang]
		if !known {
			schema := r.schema()
			schema.Dimensions = len(ready[0].points[0].Vector)
			if schema.HasHub() {
				schema.Dimensions-- // of the vectors that are embedded
			}
			var err error
			if collection, err = r.ensure(ctx, x, schema); err != nil {
				return err
			}
			made[x.key.Lang] = collection
		}
		if err := r.save(ctx, collection, ready); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// save stores batches of one index. Chunks that a shorter document no longer
// has go before its first chunk, which tells how many there were, is
// overwritten, and new chunks come after it: whenever a run is killed, the
// first chunk tells the next one of all that are there.
func (r *run) save(ctx context.Context, c qdrant.Collection, batches []*batch) error {
	var stale []string
	var points []qdrant.Point
	passages, removed := 0, 0
	for _, b := range batches {
		stale = append(stale, b.stale...)
		points = append(points, b.points...)
		passages += len(b.passages)
		removed += b.removed
	}
	if len(stale) > 0 {
		if err := r.store.Delete(ctx, c, stale); err != nil {
			return err
		}
	}
	if err := r.store.Upsert(ctx, c, points); err != nil {
		return err
	}
	if r.opts.Stored != nil {
		r.opts.Stored(c, points)
	}
	r.count(func(report *Report) { report.Written += passages; report.Removed += removed })
	return nil
}

// ready yields the embedded batches in order, as many at a time as are there,
// up to Concurrency and of one index: a store that is slow to sync is then
// asked less often. It ends early when ctx does.
func (r *run) ready(ctx context.Context) iter.Seq[[]*batch] {
	return func(yield func([]*batch) bool) {
		var next *batch // taken, and not embedded yet or of another index
		for {
			if next == nil {
				if next = <-r.toWrite; next == nil {
					return // closed
				}
			}
			select {
			case <-next.embedded:
			case <-ctx.Done():
				return
			}
			group := []*batch{next}
			next = nil
			for len(group) < r.opts.Concurrency {
				if next = poll(r.toWrite); next == nil || next.index != group[0].index || !next.isEmbedded() {
					break
				}
				group = append(group, next)
				next = nil
			}
			if !yield(group) {
				return
			}
		}
	}
}

// poll takes what is there without waiting, nil if nothing is.
func poll(from <-chan *batch) *batch {
	select {
	case b := <-from:
		return b
	default:
		return nil
	}
}

func (b *batch) isEmbedded() bool {
	select {
	case <-b.embedded:
		return true
	default:
		return false
	}
}

func send(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
