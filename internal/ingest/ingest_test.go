package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

func TestRunWritesWhatIsNew(t *testing.T) {
	for name, s := range map[string]store{"fake": newFakeStore(), "embedded": newRealStore(t)} {
		t.Run(name, func(t *testing.T) {
			steady := document("steady", "th", "one", "two")
			embedder := &fakeEmbedder{model: "m"}
			for _, step := range []struct {
				what string
				doc  corpus.Document
				want ingest.Report
			}{
				{"new", document("d", "th", "a", "b", "c"), ingest.Report{Passages: 5, Embedded: 5, Written: 5}},
				{"unchanged", document("d", "th", "a", "b", "c"), ingest.Report{Passages: 5, Unchanged: 5}},
				{"changed", document("d", "th", "a", "x", "c"), ingest.Report{Passages: 5, Unchanged: 4, Embedded: 1, Written: 1}},
				// Every chunk says how many there are, so all are written again.
				{"grown", document("d", "th", "a", "x", "c", "e"), ingest.Report{Passages: 6, Unchanged: 2, Embedded: 4, Written: 4}},
				{"shrunk", document("d", "th", "a"), ingest.Report{Passages: 3, Unchanged: 2, Embedded: 1, Written: 1, Removed: 3}},
				{"grown past a window", document("d", "th", strings.Fields(strings.Repeat("w ", 600))...),
					ingest.Report{Passages: 602, Unchanged: 2, Embedded: 600, Written: 600}},
				{"shrunk again", document("d", "th", "z", "y"), ingest.Report{Passages: 4, Unchanged: 2, Embedded: 2, Written: 2, Removed: 598}},
			} {
				step.want.Documents, step.want.Tokens = 2, step.want.Embedded
				if got := mustRun(t, s, embedder, steady, step.doc); got != step.want {
					t.Errorf("%s: %+v, want %+v", step.what, got, step.want)
				}
				wantHeld(t, s, steady, step.doc)
			}
		})
	}
}

func TestMetadataIsContent(t *testing.T) {
	s, embedder, doc := newFakeStore(), &fakeEmbedder{}, document("d", "th", "a", "b")
	mustRun(t, s, embedder, doc)
	doc.Metadata = map[string]any{"year": int64(2026)}
	if got := mustRun(t, s, embedder, doc); got.Written != 2 {
		t.Errorf("%+v, want both passages written", got)
	}
	wantHeld(t, s, doc)
}

func TestLanguagesGoToTheirOwnIndexes(t *testing.T) {
	s := newRealStore(t)
	th, el, tr := documents("th", 300), documents("el", 10), documents("tr", 260)
	var mixed []corpus.Document
	for i := range th {
		for _, docs := range [][]corpus.Document{th, el, tr} {
			if i < len(docs) {
				mixed = append(mixed, docs[i])
			}
		}
	}
	report := mustRun(t, s, &fakeEmbedder{model: "m"}, mixed...)
	if report.Documents != 570 || report.Written != 570 {
		t.Errorf("%+v, want 570 written", report)
	}
	wantHeld(t, s, mixed...)
	infos, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, info := range infos {
		got = append(got, info.Key.String())
		if info.Schema.Model != "m" || info.Schema.Dimensions != dimensions || info.Schema.ChunkRunes != 10 || !info.Schema.EmbedsTitle {
			t.Errorf("%s was built with %+v", info.Key, info.Schema)
		}
	}
	if want := []string{"docs_el", "docs_th", "docs_tr"}; !slices.Equal(got, want) {
		t.Errorf("indexes %v, want %v", got, want)
	}
}

func TestOtherModelIsRefusedBeforeItEmbeds(t *testing.T) {
	docs := documents("th", 300)
	for _, s := range []store{newFakeStore(), newRealStore(t)} {
		mustRun(t, s, &fakeEmbedder{model: "first"}, docs...)
		second := &fakeEmbedder{model: "second"}
		_, err := ingest.Run(t.Context(), s, second, options, stream(documents("th", 600)...))
		var refusal *qdrant.SchemaError
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), `"first"`) || !strings.Contains(err.Error(), `"second"`) {
			t.Errorf("error is %v, want a SchemaError that names both", err)
		}
		if len(second.texts) != 0 {
			t.Errorf("%d texts were embedded all the same", len(second.texts))
		}
		wantHeld(t, s, docs...)
	}
}

func TestDimensionsMayBeUnknown(t *testing.T) {
	for _, known := range []int{0, dimensions} {
		s, doc := newRealStore(t), document("d", "th", "a")
		mustRun(t, s, &fakeEmbedder{model: "m", known: known}, doc)
		c, err := s.Lookup(t.Context(), qdrant.Key{Corpus: "docs", Lang: "th"})
		if err != nil || c.Schema.Dimensions != dimensions {
			t.Errorf("index has %d dimensions (%v), want %d", c.Schema.Dimensions, err, dimensions)
		}
		if got := mustRun(t, s, &fakeEmbedder{model: "m"}, doc, document("e", "th", "b")); got.Written != 1 {
			t.Errorf("a second run with unknown dimensions: %+v, want 1 written", got)
		}
		// Known to be others, they are refused.
		_, err = ingest.Run(t.Context(), s, &fakeEmbedder{model: "m", known: dimensions + 1}, options, stream(doc))
		if _, refused := errors.AsType[*qdrant.SchemaError](err); !refused {
			t.Errorf("error is %v, want a SchemaError", err)
		}
	}
}

// The endpoint answers the first two windows and half of the third.
func TestEndpointFailsMidway(t *testing.T) {
	docs := documents("th", 600)
	var healthy atomic.Bool
	written := make(chan struct{})
	var once sync.Once
	server := embeddingtest.Hashed(dimensions)
	endpoint := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !healthy.Load() && bytes.Contains(body, []byte("word0599")) {
			<-written // the windows before it
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		server.ServeHTTP(w, r)
	})
	memory, err := cache.Open(filepath.Join(t.TempDir(), "cache.db"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := memory.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := embedding.New(embedding.Config{
		BaseURL: embeddingtest.Start(t, endpoint), Model: "hashed", Concurrency: 1, Cache: memory,
		Profile: embedding.Profile{QueryPrefix: "query: ", PassagePrefix: "passage: "},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, opts := newRealStore(t), options
	opts.Progress = func(r ingest.Report) {
		if r.Written == 2*window {
			once.Do(func() { close(written) })
		}
	}
	report, err := ingest.Run(t.Context(), s, client, opts, stream(docs...))
	if err == nil || !strings.Contains(err.Error(), "docs_th") || report.Written != 2*window || report.Documents != 600 {
		t.Fatalf("%+v, %v: want an error that names the index after 512 passages", report, err)
	}
	wantHeld(t, s, docs[:2*window]...)

	healthy.Store(true)
	report = mustRun(t, s, client, docs...)
	want := ingest.Report{Documents: 600, Passages: 600, Unchanged: 512, Cached: 64, Embedded: 24, Written: 88, Tokens: report.Tokens}
	if report != want {
		t.Errorf("second run %+v, want %+v", report, want)
	}
	wantHeld(t, s, docs...)
	if server.Texts() != 600 {
		t.Errorf("the endpoint embedded %d texts, want each of the 600 once", server.Texts())
	}
}

func TestStoreFailsMidway(t *testing.T) {
	s, docs := newFakeStore(), documents("th", 3*window)
	calls := 0
	s.onUpsert = func(context.Context, []qdrant.Point) error {
		if calls++; calls == 2 {
			return errBroken
		}
		return nil
	}
	report, err := ingest.Run(t.Context(), s, &fakeEmbedder{}, options, stream(docs...))
	// The first write may have joined two windows, if both were ready.
	written := report.Written
	if !errors.Is(err, errBroken) || written != window && written != 2*window {
		t.Fatalf("%+v, %v: want the store's error after one write", report, err)
	}
	wantHeld(t, s, docs[:written]...)
	if report = mustRun(t, s, &fakeEmbedder{}, docs...); report.Unchanged != written || report.Written != len(docs)-written {
		t.Errorf("second run %+v", report)
	}
	wantHeld(t, s, docs...)
}

// Chunks that are too many go first: where the new ones then cannot be written,
// the next run still knows how many there were.
func TestShrinkingThatFailsIsCompleted(t *testing.T) {
	s, long := newFakeStore(), document("d", "th", "a", "b", "c", "d")
	mustRun(t, s, &fakeEmbedder{}, long)
	short := document("d", "th", "a", "z")
	s.onUpsert = func(context.Context, []qdrant.Point) error { return errBroken }
	if _, err := ingest.Run(t.Context(), s, &fakeEmbedder{}, options, stream(short)); !errors.Is(err, errBroken) {
		t.Fatalf("error is %v", err)
	}
	s.onUpsert = nil
	mustRun(t, s, &fakeEmbedder{}, short)
	wantHeld(t, s, short)
}

// A document's first chunk, which tells how many it has, is written before the
// rest, even where the endpoint answers in another order: a run killed between
// the two leaves nothing that a later, shorter document would not find.
func TestWindowsAreWrittenInOrder(t *testing.T) {
	s := newFakeStore()
	words := strings.Fields(strings.Repeat("w ", 3*window))
	words[0] = "first"
	second := make(chan struct{})
	embedder := &fakeEmbedder{before: func(ctx context.Context, texts []string) error {
		if strings.Contains(texts[0], "first") {
			<-second
		} else if len(texts) == window {
			select {
			case <-second:
			default:
				close(second)
			}
		}
		return ctx.Err()
	}}
	var chunks []int
	s.onUpsert = func(_ context.Context, points []qdrant.Point) error {
		for _, p := range points {
			chunks = append(chunks, p.Payload.Chunk)
		}
		return nil
	}
	mustRun(t, s, embedder, document("d", "th", words...))
	if len(chunks) != 3*window || !slices.IsSorted(chunks) {
		t.Errorf("%d chunks, sorted: %v", len(chunks), slices.IsSorted(chunks))
	}
}

func TestReaderErrorPassesThrough(t *testing.T) {
	s, docs := newRealStore(t), documents("th", 2*window+10)
	embedder := &fakeEmbedder{}
	report, err := ingest.Run(t.Context(), s, embedder, options, func(yield func(corpus.Document, error) bool) {
		for _, doc := range docs {
			if !yield(doc, nil) {
				return
			}
		}
		if yield(corpus.Document{}, &corpus.RecordError{Pos: corpus.Position{File: "f", Line: 7}, Err: errBroken}) {
			t.Error("the reader was asked for more after its error")
		}
	})
	if _, ok := errors.AsType[*corpus.RecordError](err); !ok || !errors.Is(err, errBroken) {
		t.Errorf("error is %v, want the reader's", err)
	}
	if report.Documents != len(docs) || report.Written%window != 0 {
		t.Errorf("%+v: want all documents counted and whole windows written", report)
	}
	wantHeldAtLeast(t, s, report.Written)
	if again := mustRun(t, s, embedder, docs...); again.Unchanged != report.Written {
		t.Errorf("second run %+v after %+v", again, report)
	}
	wantHeld(t, s, docs...)
}

// wantHeldAtLeast allows for a write whose answer nobody waited for.
func wantHeldAtLeast(t *testing.T, s store, reported int) {
	t.Helper()
	if got := len(s.held(t, qdrant.Key{Corpus: "docs", Lang: "th"})); got < reported {
		t.Errorf("%d passages are held, %d were reported", got, reported)
	}
}

func TestCancellation(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, arrange := range map[string]func(*fakeStore, *fakeEmbedder){
		"while embedding": func(_ *fakeStore, e *fakeEmbedder) {
			e.before = func(ctx context.Context, _ []string) error { return hang(ctx) }
		},
		"while writing": func(s *fakeStore, _ *fakeEmbedder) {
			s.onUpsert = func(ctx context.Context, _ []qdrant.Point) error { return hang(ctx) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, embedder, docs := newFakeStore(), &fakeEmbedder{}, documents("th", 10*window)
				arrange(s, embedder)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					_, err := ingest.Run(ctx, s, embedder, options, stream(docs...))
					done <- err
				}()
				synctest.Wait()
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("error is %v, want context.Canceled", err)
				}
				s.onUpsert, embedder.before = nil, nil
				mustRun(t, s, embedder, docs...)
				wantHeld(t, s, docs...)
			})
		})
	}
}

// However long one stage hangs, only some windows are read ahead.
func TestMemoryIsBounded(t *testing.T) {
	const most = 8 * window // two being embedded, two waiting for the writer, three in it, one being filled
	for _, stage := range []string{"embedding", "writing"} {
		t.Run(stage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, embedder, docs := newFakeStore(), &fakeEmbedder{}, documents("th", 12*window)
				gate := make(chan struct{})
				if stage == "embedding" {
					embedder.before = func(context.Context, []string) error { <-gate; return nil }
				} else {
					s.onUpsert = func(context.Context, []qdrant.Point) error { <-gate; return nil }
				}
				var read, written atomic.Int64
				opts := options
				opts.Progress = func(r ingest.Report) { written.Store(int64(r.Written)) }
				done := make(chan error, 1)
				go func() {
					_, err := ingest.Run(t.Context(), s, embedder, opts, func(yield func(corpus.Document, error) bool) {
						for _, doc := range docs {
							read.Add(1)
							if !yield(doc, nil) {
								return
							}
						}
					})
					done <- err
				}()
				for {
					synctest.Wait()
					if ahead := read.Load() - written.Load(); ahead > most || ahead < window && read.Load() < 12*window {
						t.Errorf("%d passages read, %d written", read.Load(), written.Load())
					}
					select {
					case gate <- struct{}{}:
						continue
					case err := <-done:
						if err != nil {
							t.Fatal(err)
						}
					}
					break
				}
				wantHeld(t, s, docs...)
			})
		})
	}
}

func TestProgressGrowsFromOneGoroutineAtATime(t *testing.T) {
	var last ingest.Report // unguarded: the race detector watches
	var inside atomic.Int32
	calls := 0
	opts := options
	opts.Progress = func(r ingest.Report) {
		if inside.Add(1) != 1 {
			t.Error("called twice at once")
		}
		defer inside.Add(-1)
		if r.Documents < last.Documents || r.Embedded < last.Embedded || r.Written < last.Written || r.Written > r.Embedded {
			t.Errorf("%+v after %+v", r, last)
		}
		last = r
		calls++
	}
	report, err := ingest.Run(t.Context(), newFakeStore(), &fakeEmbedder{}, opts, stream(documents("th", 5*window)...))
	if err != nil {
		t.Fatal(err)
	}
	if last != report || calls < 5 {
		t.Errorf("last of %d calls was %+v, the report is %+v", calls, last, report)
	}
}

func TestNothingToIndex(t *testing.T) {
	s := newFakeStore()
	if report := mustRun(t, s, &fakeEmbedder{}); report != (ingest.Report{}) || len(s.schemas) != 0 {
		t.Errorf("%+v, %d indexes: want nothing", report, len(s.schemas))
	}
	bad := options
	bad.Chunking.MaxRunes = 0
	if _, err := ingest.Run(t.Context(), s, &fakeEmbedder{}, bad, stream(documents("th", 1)...)); err == nil {
		t.Error("chunks of no size were accepted")
	}
}
