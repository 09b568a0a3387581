package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	chromem "github.com/philippgille/chromem-go"
	"github.com/viterin/vek/vek32"
	"golang.org/x/sys/unix"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

const (
	topK          = 10
	scanRounds    = 61
	scanGoal      = "at most 1.2"
	chromemRounds = 31
	chromemGoal   = "at least 8"
)

// benchSearch compares exact search over the large store with reading the same
// memory, and with chromem-go over the same vectors.
func benchSearch(ctx context.Context, t *table, large, small string) (err error) {
	vectors, unmap, err := mapVectors(large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmap()) }()
	few, err := openTarget(ctx, small)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, few.Close()) }()
	all, err := openTarget(ctx, large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	if err := benchAgainstMemory(ctx, t, vectors, few, all); err != nil {
		return err
	}
	return benchAgainstChromem(ctx, t, vectors, all)
}

// target is an open store and its one collection.
type target struct {
	*setup.Store
	collection qdrant.Collection
}

func openTarget(ctx context.Context, dir string) (*target, error) {
	store, err := openStore(ctx, dir, embedded.ReadOnly)
	if err != nil {
		return nil, err
	}
	collection, err := store.Lookup(ctx, qdrant.Key{Corpus: corpusName, Lang: corpusLang})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &target{store, collection}, nil
}

// batch searches with several queries at once, as the query command does.
func (x *target) batch(ctx context.Context, queries int) side {
	searches := make([]qdrant.Search, queries)
	for i := range searches {
		searches[i] = qdrant.Search{Vector: randomUnit(queryStream, i), Limit: topK, Exact: true}
	}
	return side{fmt.Sprintf("search, %d in a batch", queries), func() error {
		_, err := x.SearchBatch(ctx, x.collection, searches)
		return err
	}}
}

func benchAgainstMemory(ctx context.Context, t *table, vectors []float32, few, all *target) error {
	const group = "Exact search of 100000 x 384, top 10, against reading the same memory"
	took, err := takeTurns(scanRounds,
		side{"read", func() error { readAll(vectors); return nil }},
		few.batch(ctx, 1), all.batch(ctx, 1), all.batch(ctx, 2), all.batch(ctx, 3),
	)
	if err != nil {
		return err
	}
	t.add(row{
		Group: group, Name: "read: SIMD sum", Unit: "ms", spread: spreadOf(took[0]),
		Note: short(float64(len(vectors)*4)/1e6/spreadOf(took[0]).Median) + " GB/s",
	})
	t.add(row{
		Group: group, Name: "search of 100 documents", Unit: "ms", spread: spreadOf(took[1]),
		Note: "what a call costs besides the scan",
	})
	for i, times := range took[2:] {
		r := row{
			Group: group, Name: fmt.Sprintf("search, %d in a batch", i+1), Unit: "ms", spread: spreadOf(times),
			Against: &against{Name: "read", Unit: "x", spread: paired(times, took[0], ratio)},
		}
		if i == 0 {
			r.Against.Goal = scanGoal
		}
		t.add(r)
	}
	return nil
}

func benchAgainstChromem(ctx context.Context, t *table, vectors []float32, engine *target) error {
	const group = "The same search against chromem-go v0.7.0 in memory"
	collection, err := chromem.NewDB().CreateCollection(corpusName, nil, nil)
	if err != nil {
		return err
	}
	for i := range largeSize {
		err := collection.AddDocument(ctx, chromem.Document{
			ID: strconv.Itoa(i), Embedding: vectors[i*dimensions : (i+1)*dimensions],
		})
		if err != nil {
			return err
		}
	}
	query := randomUnit(queryStream, 0)
	if err := sameScores(ctx, engine, collection, query); err != nil {
		return err
	}
	took, err := takeTurns(chromemRounds, engine.batch(ctx, 1), side{"chromem-go", func() error {
		_, err := collection.QueryEmbedding(ctx, query, topK, nil, nil)
		return err
	}})
	if err != nil {
		return err
	}
	t.add(row{Group: group, Name: "embedded engine", Unit: "ms", spread: spreadOf(took[0])})
	t.add(row{
		Group: group, Name: "chromem-go", Unit: "ms", spread: spreadOf(took[1]),
		Against: &against{Name: "the engine", Unit: "x", spread: paired(took[1], took[0], ratio), Goal: chromemGoal},
	})
	return nil
}

// sameScores fails unless both sides find the same top k.
func sameScores(ctx context.Context, engine *target, collection *chromem.Collection, query []float32) error {
	ours, err := engine.Search(ctx, engine.collection, qdrant.Search{Vector: query, Limit: topK, Exact: true})
	if err != nil {
		return err
	}
	theirs, err := collection.QueryEmbedding(ctx, query, topK, nil, nil)
	if err != nil {
		return err
	}
	const rounding = 1e-5
	for i := range topK {
		if d := ours[i].Score - float64(theirs[i].Similarity); math.Abs(d) > rounding {
			return fmt.Errorf("scores at rank %d differ by %g: the engine's and chromem-go's", i+1, d)
		}
	}
	return nil
}

// mapVectors maps the vectors of the one collection of a store, as the engine
// maps them: the same pages of memory.
func mapVectors(dir string) (vectors []float32, unmap func() error, err error) {
	file, err := os.Open(filepath.Join(dir, "collections", "1", "1.vectors"))
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	const size = largeSize * dimensions * 4
	bytes, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map %s: %w", file.Name(), err)
	}
	vectors = unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(bytes))), size/4)
	return vectors, func() error { return unix.Munmap(bytes) }, nil
}

// sink keeps the results, so that the compiler keeps the work.
var sink atomic.Uint32

// readAll reads every vector once, with as many goroutines as the engine has.
func readAll(vectors []float32) {
	const block = 1 << 20 / 4 // of 1 MiB
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				from := int(next.Add(block)) - block
				if from >= len(vectors) {
					return
				}
				if vek32.Sum(vectors[from:min(from+block, len(vectors))]) > 0 {
					sink.Add(1)
				}
			}
		})
	}
	wg.Wait()
}
