package roundtrip_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"strconv"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/augment/generate"
	"github.com/query-synergy/query-synergy/internal/augment/roundtrip"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
)

var _ generate.Retriever = (*roundtrip.Ranker)(nil)

// angles embeds a text that is a number of degrees, of any length but zero.
type angles struct{ err error }

func (a angles) Embed(_ context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		degrees, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, embedding.Stats{}, err
		}
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		length := 1.0
		if role == embedding.Passage {
			length = 1 + degrees
		}
		vectors[i] = []float32{float32(length * cos), float32(length * sin)}
	}
	return vectors, embedding.Stats{}, a.err
}

func stream(passages []corpus.Passage, end error) iter.Seq2[corpus.Passage, error] {
	return func(yield func(corpus.Passage, error) bool) {
		for _, p := range passages {
			if !yield(p, nil) {
				return
			}
		}
		if end != nil {
			yield(corpus.Passage{}, end)
		}
	}
}

func TestRank(t *testing.T) {
	var passages []corpus.Passage
	for i, degrees := range []string{"0", "10", "20", "30", "40", "40"} {
		passages = append(passages, corpus.Passage{DocID: "d" + strconv.Itoa(i), Lang: "en", Text: degrees, Chunks: 1})
	}
	passages = append(passages,
		corpus.Passage{DocID: "long", Lang: "en", Text: "60", Chunk: 0, Chunks: 2}, corpus.Passage{DocID: "long", Lang: "en", Text: "80", Chunk: 1, Chunks: 2},
		corpus.Passage{DocID: "thai", Lang: "th", Text: "12", Chunks: 1})
	for range 300 { // more than are embedded at a time
		passages = append(passages, corpus.Passage{DocID: "far", Lang: "en", Text: "200", Chunks: 1})
	}
	seen := 0
	r, err := roundtrip.New(t.Context(), angles{}, false, stream(passages, nil), func(n int) { seen += n })
	if err != nil || seen != len(passages) {
		t.Fatalf("%d of %d, %v", seen, len(passages), err)
	}
	for _, test := range []struct {
		docID string
		chunk int
		text  string
		want  int
	}{
		{"d1", augment.EveryChunk, "11", 1},
		{"d0", augment.EveryChunk, "11", 3},
		{"d3", augment.EveryChunk, "11", 4},
		{"d4", augment.EveryChunk, "41", 1},
		{"d5", augment.EveryChunk, "41", 2},
		{"long", augment.EveryChunk, "75", 1},
		{"long", 0, "75", 2},
		{"long", 1, "41", 7},
		{"thai", augment.EveryChunk, "180", 1},
		{"long", 2, "75", 0},
		{"none", augment.EveryChunk, "0", 0},
	} {
		got, err := r.Rank(t.Context(), augment.Query{DocID: test.docID, Chunk: test.chunk, Text: test.text})
		if err != nil || got != test.want {
			t.Errorf("%s, chunk %d, by %s: rank %d, %v, want %d", test.docID, test.chunk, test.text, got, err, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	none := func(int) {}
	one := []corpus.Passage{{DocID: "d", Lang: "en", Text: "1", Chunks: 1}}
	if _, err := roundtrip.New(t.Context(), angles{}, false, stream(one, broken), none); !errors.Is(err, broken) {
		t.Errorf("a bad document: %v", err)
	}
	if _, err := roundtrip.New(t.Context(), angles{broken}, false, stream(one, nil), none); !errors.Is(err, broken) {
		t.Errorf("no endpoint: %v", err)
	}
	r, err := roundtrip.New(t.Context(), angles{}, false, stream(one, nil), none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rank(t.Context(), augment.Query{DocID: "d", Text: "no number"}); err == nil {
		t.Error("a query that cannot be embedded has a rank")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if _, err := r.Rank(ctx, augment.Query{DocID: "d", Text: "1"}); !errors.Is(err, broken) {
		t.Errorf("an ended context: %v", err)
	}
}
