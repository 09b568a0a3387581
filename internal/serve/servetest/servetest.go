// Package servetest holds a service over the sample corpus with recorded
// vectors, for the tests of the API, the page and the tools. Only tests import
// it.
package servetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Corpus is the name under which the sample corpus is indexed.
const Corpus = "sample"

// Lambda is what the sample's model was measured to want.
const Lambda = 0.7

// Backend is the embedding endpoint, its client and a store with the sample
// corpus in some languages.
type Backend struct {
	Endpoint *embeddingtest.Server
	URL      string // of Endpoint, with /v1
	Client   *embedding.Client
	Store    *qdrant.Store
}

// New indexes the sample corpus in the languages given. The endpoint knows the
// sample's texts only.
func New(tb testing.TB, langs ...string) *Backend {
	tb.Helper()
	return NewWith(tb, embeddingtest.Sample(tb), langs...)
}

// NewWith is New with another endpoint.
func NewWith(tb testing.TB, endpoint *embeddingtest.Server, langs ...string) *Backend {
	tb.Helper()
	b := &Backend{Endpoint: endpoint, Store: storetest.Embedded(tb)}
	b.URL = embeddingtest.Start(tb, b.Endpoint)
	vectors, err := cache.Open(filepath.Join(tb.TempDir(), "embeddings.db"), 64<<20)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = vectors.Close() })
	b.Client, err = embedding.New(embedding.Config{
		BaseURL: b.URL, Model: embeddingtest.RecordedModel, Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
		MaxAttempts: 1, Cache: vectors,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for _, lang := range langs {
		docs := corpus.Read(tb.Context(), corpus.Options{Format: corpus.FormatBEIR, Lang: lang}, filepath.Join(embeddingtest.SampleDir(tb), lang))
		_, err := ingest.Run(tb.Context(), b.Store, b.Client, ingest.Options{
			Corpus: Corpus, Chunking: corpus.DefaultChunking, EmbedsTitle: corpus.FormatBEIR.EmbedsTitle(), Batch: 64, Concurrency: 2,
		}, docs)
		if err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// Service returns a service over the backend. What o leaves open is as in the
// command, without waiting for anything long.
func (b *Backend) Service(o service.Options) *service.Service {
	o.Searcher.Embedder = b.Client
	if o.Store == nil {
		o.Store = b.Store
	}
	if o.Tuning == nil {
		o.Tuning = Tuning{}
	}
	if o.AnchorLang == "" {
		o.AnchorLang = "en"
	}
	if o.AnchorTimeout == 0 {
		o.AnchorTimeout = 2 * time.Second
	}
	return service.New(o)
}

// Tuning is Lambda for all, and full trust in every translator.
type Tuning struct{}

// Lambda implements service.Tuning.
func (Tuning) Lambda(string) float64 { return Lambda }

// Trust implements service.Tuning.
func (Tuning) Trust(string, string) (search.Standing, bool) { return search.Standing{}, false }

// Translator knows one thing: the English of the sample corpus' questions.
type Translator struct {
	// OnRequest, if set, is called before each answer with its number, from 1; an
	// error of it is the answer. It may wait.
	OnRequest func(ctx context.Context, n int64) error

	english  map[string]string
	requests atomic.Int64
}

// NewTranslator returns a Translator.
func NewTranslator(tb testing.TB) *Translator {
	tb.Helper()
	t := &Translator{english: map[string]string{}}
	_, anchors := embeddingtest.SampleTexts(tb, "en")
	for _, lang := range embeddingtest.SampleLangs {
		_, questions := embeddingtest.SampleTexts(tb, lang)
		for i, question := range questions {
			t.english[question] = anchors[i]
		}
	}
	return t
}

// ErrDown is an answer for OnRequest. It holds what no client may see.
var ErrDown = errors.New("the translator at http://10.1.2.3:5000/secret is down")

// Translate implements anchor.Translator.
func (t *Translator) Translate(ctx context.Context, request anchor.Request) (anchor.Anchor, error) {
	n := t.requests.Add(1)
	if t.OnRequest != nil {
		if err := t.OnRequest(ctx, n); err != nil {
			return anchor.Anchor{}, err
		}
	}
	text, ok := t.english[request.Text]
	if !ok {
		return anchor.Anchor{}, fmt.Errorf("translate %q: %w", request.ID, anchor.ErrNoTranslation)
	}
	return anchor.Anchor{Text: text, Lang: request.To, Origin: anchor.OriginChat + "sample"}, nil
}
