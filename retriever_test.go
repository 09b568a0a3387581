package querysynergy_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	querysynergy "github.com/query-synergy/query-synergy"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
)

// open opens a Retriever that the test closes.
func open(t *testing.T, opts ...querysynergy.Option) *querysynergy.Retriever {
	t.Helper()
	r, err := querysynergy.Open("docs", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// withMeanings embeds with the stand-in of the examples.
func withMeanings() querysynergy.Option {
	return querysynergy.WithEmbedder("meanings", querysynergy.EmbedderFunc(embed))
}

// What the package answers is what the pipeline of the commands answers, from
// an index that either of them wrote.
func TestLikeTheCommands(t *testing.T) {
	endpoint := querysynergy.Endpoint{URL: embeddingtest.Start(t, embeddingtest.Sample(t)), Model: embeddingtest.RecordedModel}
	folder := t.TempDir()
	r := open(t, querysynergy.WithFolder(folder), querysynergy.WithEndpoint(endpoint), querysynergy.WithCache(t.TempDir()))
	docs := corpus.Read(t.Context(), corpus.Options{Format: corpus.FormatBEIR, Lang: "th"}, embeddingtest.SampleDir(t)+"/th")
	added, err := r.AddAll(t.Context(), func(yield func(querysynergy.Document, error) bool) {
		for d, err := range docs {
			if !yield(querysynergy.Document{ID: d.ID, Lang: d.Lang, Title: d.Title, Text: d.Text, Metadata: d.Metadata}, err) {
				return
			}
		}
	})
	if err != nil || added.Written != 48 || added.Embedded != 48 {
		t.Fatalf("added %+v, %v", added, err)
	}

	engine, err := embedded.Open(t.Context(), folder, embedded.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() }) // it only reads
	store, err := qdrant.Connect(qdrant.Options{Dial: engine.Dial, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	client, err := embedding.New(embedding.Config{BaseURL: endpoint.URL, Model: endpoint.Model, Profile: embedding.ProfileFor(endpoint.Model)})
	if err != nil {
		t.Fatal(err)
	}
	searcher := &search.Searcher{Store: store, Embedder: client}

	_, questions := embeddingtest.SampleTexts(t, "th")
	_, anchors := embeddingtest.SampleTexts(t, "en")
	for i := range questions[:12] {
		lambda := float64(i) / 11
		got, err := r.Retrieve(t.Context(), questions[i], querysynergy.WithAnchor(anchors[i]),
			querysynergy.WithLambda(lambda), querysynergy.WithTopK(7))
		if err != nil {
			t.Fatal(err)
		}
		want, err := searcher.Run(t.Context(), search.Query{
			Corpus: "docs", Lang: "th", Text: questions[i], Anchor: anchors[i], AnchorLang: "en", Lambda: lambda, TopK: 7,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Lang != "th" || got.Lambda != want.Lambda || !got.Certified || got.Anchor.Status != querysynergy.StatusOK ||
			*got.Anchor.Agreement != *want.Anchor.Agreement || got.Anchor.Weight != 1 {
			t.Errorf("question %d: got %+v", i, got)
		}
		for k, hit := range want.Hits {
			if g := got.Hits[k]; g.ID != hit.ID || g.Score != hit.Score || g.Source != hit.Source || *g.Anchor != *hit.Anchor || g.Text != hit.Text || g.Metadata["theme"] != hit.Metadata["theme"] {
				t.Errorf("question %d, rank %d: got %+v, want %+v", i, k+1, g, hit)
			}
		}
	}

	// The model's own λ holds where nobody says otherwise.
	result, err := r.Retrieve(t.Context(), questions[0], querysynergy.WithAnchor(anchors[0]))
	if err != nil || result.Lambda != 0.7 || len(result.Hits) != search.DefaultTopK {
		t.Errorf("λ = %v with %d hits, %v; want the model's 0.7 and %d", result.Lambda, len(result.Hits), err, search.DefaultTopK)
	}
}

func TestOpenRefuses(t *testing.T) {
	folder, meanings := querysynergy.WithFolder(t.TempDir()), withMeanings()
	for want, opts := range map[string][]querysynergy.Option{
		"WithFilter: ":                          {folder, meanings, querysynergy.WithFilter("year >=")},
		`WithMetadata: "x" is a []int`:          {folder, meanings, querysynergy.WithMetadata(map[string]any{"x": []int{1}})},
		"nobody said where the vectors are":     {meanings},
		"nobody said what embeds":               {folder},
		"WithFolder: the path is empty":         {querysynergy.WithFolder(""), meanings},
		"WithQdrant: the URL is empty":          {querysynergy.WithQdrant("", ""), meanings},
		"WithEndpoint: want a URL and a model":  {folder, querysynergy.WithEndpoint(querysynergy.Endpoint{URL: "http://localhost"})},
		"WithEmbedder: want a model's name":     {folder, querysynergy.WithEmbedder("x", nil)},
		"WithChatTranslator: want a URL":        {folder, meanings, querysynergy.WithChatTranslator(querysynergy.Endpoint{URL: "http://localhost"})},
		"WithTranslator: want a name":           {folder, meanings, querysynergy.WithTranslator("", querysynergy.TranslatorFunc(phrasebook))},
		"WithTopK: 0 is not in 1 to 1000":       {folder, meanings, querysynergy.WithTopK(0)},
		"WithLambda: NaN is not in [0, 1]":      {folder, meanings, querysynergy.WithLambda(math.NaN())},
		"WithMinScore: 2 is not in [-1, 1]":     {folder, meanings, querysynergy.WithMinScore(2)},
		`WithLang: "xx9" is not a language tag`: {folder, meanings, querysynergy.WithLang("xx9")},
		"WithAnchorLang":                        {folder, meanings, querysynergy.WithAnchorLang("")},
		"WithAnchorTimeout":                     {folder, meanings, querysynergy.WithAnchorTimeout(0)},
		"chunk overlap 9":                       {folder, meanings, querysynergy.WithChunking(10, 9)},
		"WithCache: the path is empty":          {folder, meanings, querysynergy.WithCache("")},
		"no such file":                          {folder, meanings, querysynergy.WithProfile("missing.json")},
		"embedding endpoint":                    {folder, querysynergy.WithEndpoint(querysynergy.Endpoint{URL: "ftp://localhost", Model: "m"})},
	} {
		r, err := querysynergy.Open("docs", opts...)
		if !errors.Is(err, querysynergy.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err == nil {
			_ = r.Close()
		}
	}
	if _, err := querysynergy.Open("a/b", folder, meanings); !errors.Is(err, querysynergy.ErrInvalid) {
		t.Errorf("corpus a/b: got %v", err)
	}
}

// The environment counts only where FromEnvironment says so.
func TestEnvironment(t *testing.T) {
	named, other := t.TempDir(), t.TempDir()
	t.Setenv("QDRANT_LOCAL_PATH", named)
	t.Setenv("EMBEDDING_BASE_URL", "http://127.0.0.1:1/v1")
	t.Setenv("QUERY_LAMBDA", "0.25")
	if _, err := querysynergy.Open("docs"); err == nil {
		t.Error("the environment was read unasked")
	}
	with := open(t, querysynergy.FromEnvironment(), withMeanings())
	without := open(t, querysynergy.WithFolder(other), withMeanings())
	for _, r := range []*querysynergy.Retriever{with, without} {
		if _, err := r.Add(t.Context(), greek...); err != nil {
			t.Fatal(err)
		}
	}
	for folder, r := range map[string]*querysynergy.Retriever{named: with, other: without} {
		if entries, err := os.ReadDir(folder); err != nil || len(entries) == 0 {
			t.Errorf("%v in %s, %v", entries, folder, err)
		}
		result, err := r.Retrieve(t.Context(), "ουρανός", querysynergy.WithAnchor("sky"))
		if want := map[string]float64{named: 0.25, other: 0.5}[folder]; err != nil || result.Lambda != want {
			t.Errorf("λ = %v, %v; want %v", result.Lambda, err, want)
		}
	}
	t.Setenv("QUERY_LAMBDA", "7")
	if _, err := querysynergy.Open("docs", querysynergy.FromEnvironment()); !errors.Is(err, querysynergy.ErrInvalid) || !strings.Contains(err.Error(), "QUERY_LAMBDA") {
		t.Errorf("got %v", err)
	}
}

func TestErrors(t *testing.T) {
	r := open(t, querysynergy.WithFolder(t.TempDir()), withMeanings())
	if langs, err := r.Langs(t.Context()); err != nil || len(langs) != 0 {
		t.Errorf("langs %v, %v", langs, err)
	}
	if _, err := r.Retrieve(t.Context(), "ουρανός"); !errors.Is(err, querysynergy.ErrNoIndex) {
		t.Errorf("without a store: %v", err)
	}
	swedish := querysynergy.Document{ID: "soppa", Lang: "sv", Text: "En soppa med is."}
	if _, err := r.Add(t.Context(), append(slices.Clone(greek), swedish)...); err != nil {
		t.Fatal(err)
	}
	if langs, err := r.Langs(t.Context()); err != nil || !slices.Equal(langs, []string{"el", "sv"}) {
		t.Errorf("langs %v, %v", langs, err)
	}
	for want, ask := range map[error]func() error{
		querysynergy.ErrNoIndex: func() error {
			_, err := r.Retrieve(t.Context(), "ουρανός", querysynergy.WithLang("tr"))
			return err
		},
		querysynergy.ErrUnclearLanguage: func() error { _, err := r.Retrieve(t.Context(), "7"); return err },
		querysynergy.ErrInvalid:         func() error { _, err := r.Retrieve(t.Context(), " "); return err },
		context.Canceled: func() error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := r.Retrieve(ctx, "ουρανός")
			return err
		},
	} {
		if err := ask(); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	result, err := r.Retrieve(t.Context(), "ουρανός", querysynergy.WithLang("el", "sv"), querysynergy.WithMinScore(0.5))
	if err != nil || len(result.Hits) != 1 || result.Hits[0].ID != "sky" || result.Hits[0].Metadata["year"] != int64(2024) {
		t.Errorf("got %+v, %v", result, err)
	}
	if result, err = r.Retrieve(t.Context(), "ουρανός", querysynergy.WithAllLangs()); err != nil || len(result.Hits) != 4 || result.Confidence <= 0.5 {
		t.Errorf("got %+v, %v", result, err)
	}
	for name, only := range map[string]querysynergy.QueryOption{
		"filter":   querysynergy.WithFilter("year > 2023"),
		"metadata": querysynergy.WithMetadata(map[string]any{"year": 2024, "odd key.s": `a "value" it's`}),
	} {
		if result, err = r.Retrieve(t.Context(), "σούπα", only); err != nil || len(result.Hits) != 1 || result.Hits[0].ID != "sky" || !result.Certified {
			t.Errorf("%s: got %+v, %v", name, result, err)
		}
	}
	for _, doc := range []querysynergy.Document{
		{ID: "", Lang: "el", Text: "x"}, {ID: "x", Text: "x"}, {ID: "x", Lang: "el", Text: "\u200b "},
		{ID: "x", Lang: "klingon", Text: "x"}, {ID: "x", Lang: "el", Text: "x", Metadata: map[string]any{"f": func() {}}},
	} {
		if _, err := r.Add(t.Context(), doc); !errors.Is(err, querysynergy.ErrInvalid) || !strings.Contains(err.Error(), "documents:1: ") {
			t.Errorf("document %q: got %v", doc.ID, err)
		}
	}
	broken := errors.New("the source broke")
	if _, err := r.AddAll(t.Context(), func(yield func(querysynergy.Document, error) bool) {
		yield(querysynergy.Document{}, broken)
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Retrieve(t.Context(), "ουρανός"); !errors.Is(err, querysynergy.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := r.Add(t.Context()); !errors.Is(err, querysynergy.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// An Embedder that answers wrongly is found out before anything is stored.
func TestOwnEmbedderIsChecked(t *testing.T) {
	for want, answer := range map[string][][]float32{
		"1 vectors for 3 texts":      {{1, 0}},
		"3 dimensions, want 2":       {{1, 0}, {1, 0, 0}, {1, 0}},
		"component 0 is NaN":         {{float32(math.NaN()), 0}, {1, 0}, {1, 0}},
		"vector 2: ":                 {{1, 0}, {1, 0}, {0, 0}},
		"vector has no dimensions":   {{}, {}, {}},
		"embed with fake: no luck":   nil,
		"5 dimensions, those before": {{1, 0, 0, 0, 0}, {1, 0, 0, 0, 0}, {1, 0, 0, 0, 0}},
	} {
		first := true
		r := open(t, querysynergy.WithFolder(t.TempDir()), querysynergy.WithEmbedder("fake", querysynergy.EmbedderFunc(
			func(_ context.Context, role querysynergy.Role, _ []string) ([][]float32, error) {
				if role != querysynergy.Passage {
					return nil, fmt.Errorf("role is %s", role)
				}
				if strings.HasPrefix(want, "5") && first {
					first = false
					return [][]float32{{3, 4}}, nil
				}
				if answer == nil {
					return nil, errors.New("no luck")
				}
				return answer, nil
			})))
		if strings.HasPrefix(want, "5") {
			if _, err := r.Add(t.Context(), greek[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Add(t.Context(), greek[1], greek[2], querysynergy.Document{ID: "x", Lang: "el", Text: "x"}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			continue
		}
		if added, err := r.Add(t.Context(), greek...); err == nil || !strings.Contains(err.Error(), want) || added.Written != 0 {
			t.Errorf("got %+v, %v; want %q", added, err, want)
		}
	}
}

// A translator's answer is cleaned, judged, and not waited for longer than said.
func TestOwnTranslator(t *testing.T) {
	translate := func(text string, err error) querysynergy.Option {
		return querysynergy.WithTranslator("mine", querysynergy.TranslatorFunc(func(ctx context.Context, _, from, to string) (string, error) {
			if from != "el" || to != "en" {
				t.Errorf("asked to translate from %s to %s", from, to)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				<-ctx.Done()
			}
			return text, err
		}))
	}
	for name, test := range map[string]struct {
		translator querysynergy.Option
		want       querysynergy.Status
	}{
		"cleaned": {translate("Translation: \"The sky is blue.\"", nil), querysynergy.StatusOK},
		"empty":   {translate(" ", nil), querysynergy.StatusRefused},
		"fails":   {translate("", errors.New("down")), querysynergy.StatusUnavailable},
		"hangs":   {translate("", context.DeadlineExceeded), querysynergy.StatusTimeout},
		"misfits": {translate("soup", nil), querysynergy.StatusRefused},
	} {
		r := open(t, querysynergy.WithFolder(t.TempDir()), withMeanings(), test.translator,
			querysynergy.WithLang("el"), querysynergy.WithAnchorTimeout(50*time.Millisecond))
		if _, err := r.Add(t.Context(), greek...); err != nil {
			t.Fatal(err)
		}
		result, err := r.Retrieve(t.Context(), "Ο ουρανός είναι γαλάζιος.")
		if err != nil || result.Anchor.Status != test.want || result.Hits[0].ID != "sky" {
			t.Errorf("%s: got %+v, %v", name, result.Anchor, err)
		}
		if ok := test.want == querysynergy.StatusOK; ok != (result.Lambda < 1) || ok != (result.Anchor.Weight > 0) || result.Anchor.Status.Missing() == ok {
			t.Errorf("%s: λ = %v, anchor %+v", name, result.Lambda, result.Anchor)
		}
		if name == "cleaned" && (result.Anchor.Text != "The sky is blue." || result.Anchor.Origin != "mine") {
			t.Errorf("anchor %+v", result.Anchor)
		}
	}
}

// Many readers, writers that take turns, and Close at the end of all.
func TestConcurrentUse(t *testing.T) {
	r := open(t, querysynergy.WithFolder(t.TempDir()), withMeanings())
	if _, err := r.Add(t.Context(), greek...); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var answered, written atomic.Int64
	for n := range 8 {
		group.Go(func() {
			for k := range 5 {
				if n < 2 {
					_, err := r.Add(t.Context(), querysynergy.Document{ID: fmt.Sprintf("%d-%d", n, k), Lang: "el", Text: "σούπα"})
					if err == nil {
						written.Add(1)
					} else if !errors.Is(err, querysynergy.ErrLocked) {
						t.Error(err)
					}
					continue
				}
				result, err := r.Retrieve(t.Context(), "ουρανός")
				if err != nil || result.Hits[0].ID != "sky" {
					t.Errorf("got %+v, %v", result, err)
				}
				answered.Add(1)
			}
		})
	}
	group.Wait()
	if answered.Load() != 30 || written.Load() == 0 {
		t.Errorf("%d answered, %d written", answered.Load(), written.Load())
	}
	result, err := r.Retrieve(t.Context(), "σούπα", querysynergy.WithTopK(100))
	if err != nil || int64(len(result.Hits)) != 3+written.Load() {
		t.Errorf("%d hits after %d more documents, %v", len(result.Hits), written.Load(), err)
	}
}

// No type of an internal package, or of protobuf, is part of the surface.
func TestSurface(t *testing.T) {
	text, err := exec.CommandContext(t.Context(), "go", "doc", "-all", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go doc: %v: %s", err, text)
	}
	foreign := regexp.MustCompile(`\b(config|search|service|setup|embedding|anchor|corpus|qdrant|embedded|ingest|vector|lang)\.[A-Z]`)
	for line := range strings.Lines(string(text)) {
		if foreign.MatchString(line) {
			t.Errorf("the surface shows an internal type: %s", strings.TrimSpace(line))
		}
	}
}
