package e2e_test

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/testenv"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Eight readers query while one writer brings the index from edition to edition,
// each a single write that changes every document. An answer must be the true
// top ten of one edition, whole, and no reader may ever see an older one.
func TestLoad(t *testing.T) {
	underLoad(t, 2*time.Second)
}

func TestSoakLoad(t *testing.T) {
	testenv.Soak(t)
	underLoad(t, time.Minute)
}

const (
	loadReaders   = 8
	loadDocuments = 240 // fewer than one write takes
	loadTopK      = 10
)

func underLoad(t *testing.T, long time.Duration) {
	dir := t.TempDir()
	writer := loadStore(t, dir, embedded.ReadWrite)
	writeEdition(t, writer, 0)
	c, err := writer.Lookup(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	var group sync.WaitGroup
	readers := make([]*loadReader, loadReaders)
	for i := range readers {
		store := writer
		if i%2 == 0 { // as another process would
			store = loadStore(t, dir, embedded.ReadOnly)
		}
		readers[i] = &loadReader{store: store, collection: c, random: rand.New(rand.NewPCG(uint64(i), 1))}
		group.Go(func() { readers[i].run(t, ctx) })
	}
	editions := 1
	var memory []int
	for ; ctx.Err() == nil && !t.Failed(); editions++ {
		writeEdition(t, writer, editions)
		memory = append(memory, residentMiB())
	}
	group.Wait()

	var took []time.Duration
	seen := 0
	for _, r := range readers {
		took = append(took, r.took...)
		seen += r.changes
	}
	if len(took) == 0 || seen == 0 {
		t.Fatalf("%d answers, %d of them from a newer edition than the one before: nothing was tested", len(took), seen)
	}
	slices.Sort(took)
	t.Logf("%d editions of %d documents written, %d answers, %d from a newer edition than the reader's last",
		editions, loadDocuments, len(took), seen)
	t.Logf("latency of an answer: p50 %v, p99 %v, longest %v", took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	quarter := len(memory) / 4
	if quarter == 0 {
		return
	}
	early, late := slices.Max(memory[:quarter]), slices.Max(memory[len(memory)-quarter:])
	t.Logf("resident memory: at most %d MiB in the first quarter, %d MiB in the last", early, late)
	if testenv.Soaking() && late > early+64 {
		t.Errorf("memory grew from %d to %d MiB", early, late)
	}
}

func loadStore(t *testing.T, dir string, mode embedded.Mode) *qdrant.Store {
	t.Helper()
	engine, err := embedded.Open(t.Context(), dir, mode)
	if err != nil {
		t.Fatal(err)
	}
	store, err := qdrant.Connect(qdrant.Options{Dial: engine.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// writeEdition indexes an edition as the indexer does.
func writeEdition(t *testing.T, store *qdrant.Store, edition int) {
	t.Helper()
	documents := func(yield func(corpus.Document, error) bool) {
		for i := range loadDocuments {
			if !yield(corpus.Document{ID: strconv.Itoa(i), Lang: key.Lang, Text: loadText(edition, i)}, nil) {
				return
			}
		}
	}
	report, err := ingest.Run(t.Context(), store, textEmbedder{}, ingest.Options{
		Corpus: key.Corpus, Chunking: corpus.DefaultChunking, Batch: loadDocuments, Concurrency: 1,
	}, iter.Seq2[corpus.Document, error](documents))
	if err != nil || report.Written != loadDocuments {
		t.Fatalf("edition %d: %+v, %v", edition, report, err)
	}
}

func loadText(edition, document int) string {
	return fmt.Sprintf("edition %d document %d", edition, document)
}

// textEmbedder makes a text's vector of nothing but the text.
type textEmbedder struct{}

func (textEmbedder) Identity() embedding.Identity {
	return embedding.Identity{Model: "load", Dimensions: dimensions}
}

func (textEmbedder) Embed(_ context.Context, _ embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = textVector(text)
	}
	return vectors, embedding.Stats{Embedded: len(texts)}, nil
}

func textVector(text string) []float32 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(text))
	random := rand.New(rand.NewPCG(hash.Sum64(), 3))
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(random.NormFloat64())
	}
	return vector.Normalize(v)
}

type loadReader struct {
	store      *qdrant.Store
	collection qdrant.Collection
	random     *rand.Rand
	edition    int // seen last
	changes    int
	took       []time.Duration
}

func (r *loadReader) run(t *testing.T, ctx context.Context) {
	for ctx.Err() == nil && !t.Failed() {
		source := textVector(strconv.Itoa(r.random.Int()))
		legs := []rerank.Leg{{Vector: source, Weight: 0.7}, {Vector: textVector(strconv.Itoa(r.random.Int())), Weight: 0.3}}
		start := time.Now()
		// Not ctx: an answer under way when the time is over must be right, too.
		answer, err := retrieve.Run(t.Context(), r.store, retrieve.Request{
			Collection: r.collection, Legs: legs, TopK: loadTopK, Exact: true,
			Strategy: []retrieve.Strategy{retrieve.Union, retrieve.Fused, retrieve.Synergy}[r.random.IntN(3)],
		})
		r.took = append(r.took, time.Since(start))
		if err == nil {
			err = r.check(legs, answer)
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// check wants the answer to be the true one of the edition that its first hit is of.
func (r *loadReader) check(legs []rerank.Leg, answer retrieve.Answer) error {
	if len(answer.Hits) != loadTopK || !answer.Certified {
		return fmt.Errorf("%d hits, certified: %v", len(answer.Hits), answer.Certified)
	}
	text, _, _ := strings.Cut(answer.Hits[0].Payload.Text, " document ")
	edition, err := strconv.Atoi(strings.TrimPrefix(text, "edition "))
	if err != nil {
		return fmt.Errorf("edition of %q: %w", answer.Hits[0].Payload.Text, err)
	}
	if edition < r.edition {
		return fmt.Errorf("edition %d after edition %d", edition, r.edition)
	}
	if edition > r.edition {
		r.changes++
	}
	r.edition = edition
	type scored struct {
		text  string
		score float64
	}
	want := make([]scored, loadDocuments)
	for i := range want {
		v := textVector(loadText(edition, i))
		want[i] = scored{loadText(edition, i), 0}
		for _, leg := range legs {
			want[i].score += leg.Weight * vector.Cosine(leg.Vector, v)
		}
	}
	slices.SortFunc(want, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	for i, hit := range answer.Hits {
		if hit.Payload.Text != want[i].text || math.Abs(hit.Score-want[i].score) > 1e-9 {
			return fmt.Errorf("rank %d of edition %d: %q with %v, want %q with %v", i, edition, hit.Payload.Text, hit.Score, want[i].text, want[i].score)
		}
	}
	return nil
}

// residentMiB returns this process's resident memory, 0 where it is not known.
func residentMiB() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize() >> 20
}
