package page_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant/storetest"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/page"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// recorded embeds the sample corpus with the vectors of a real model, and any
// other text with one made up of its hash.
type recorded map[embeddingtest.Entry][]float32

func newRecorded(tb testing.TB) recorded {
	tb.Helper()
	r := recorded{}
	for _, lang := range embeddingtest.SampleLangs {
		passages, questions := embeddingtest.SampleTexts(tb, lang)
		for role, texts := range map[embedding.Role][]string{embedding.Passage: passages, embedding.Query: questions} {
			for i, v := range embeddingtest.SampleVectors(tb, lang, role) {
				r[embeddingtest.Entry{Role: role, Text: texts[i]}] = v
			}
		}
	}
	return r
}

func (r recorded) Identity() embedding.Identity {
	return embedding.Identity{Model: "recorded", Dimensions: 384}
}

func (r recorded) Embed(_ context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v, ok := r[embeddingtest.Entry{Role: role, Text: text}]
		if !ok {
			v = embeddingtest.HashedVector(384, role, text)
		}
		vectors[i] = v
	}
	return vectors, embedding.Stats{}, nil
}

// translator knows the English of the sample's questions, unless a test breaks
// it.
type translator struct {
	mu      sync.Mutex
	english map[string]string
	broken  func(ctx context.Context) (string, error) // nil: it works
	asked   int
}

func (t *translator) Translate(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
	t.mu.Lock()
	text, broken := t.english[r.Text], t.broken
	t.asked++
	t.mu.Unlock()
	if broken != nil {
		reply, err := broken(ctx)
		if err != nil {
			return anchor.Anchor{}, err
		}
		text = reply
	}
	text, err := anchor.Clean(text, r)
	return anchor.Anchor{Text: text, Lang: r.To, Origin: "chat:phrasebook"}, err
}

func (t *translator) breakIt(how func(ctx context.Context) (string, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = how
}

// tuning trusts translators as far as trust says, at the λ of the model.
type tuning struct{ trust float64 }

func (tuning) Lambda(string) float64 { return 0.7 }

func (t tuning) Trust(_, origin string) (search.Standing, bool) {
	return search.Standing{Trust: t.trust}, origin != anchor.OriginGiven
}

// site is a server of the sample corpus, with its page.
type site struct {
	url        string
	close      func()
	service    *service.Service
	translator *translator
	questions  map[string][]string // by language, parallel
}

type siteOptions struct {
	langs []string // of the sample; nil: none
	more  []corpus.Document
	trust float64
	plain bool // no translator
	// hub, if not 0, is the weight of the passages' hubness, by the sample's own
	// questions.
	hub float64
}

func newSite(t *testing.T, o siteOptions) *site {
	t.Helper()
	store, embedder := storetest.Embedded(t), newRecorded(t)
	s := &site{translator: &translator{english: map[string]string{}}, questions: map[string][]string{}}
	var augmented *ingest.Augment
	add := func(name string, docs iter.Seq2[corpus.Document, error]) {
		opts := ingest.Options{Corpus: name, Chunking: corpus.Chunking{MaxRunes: 2000}, EmbedsTitle: true, Batch: 64, Concurrency: 1, Augment: augmented}
		if _, err := ingest.Run(t.Context(), store, embedder, opts, docs); err != nil {
			t.Fatal(err)
		}
	}
	for _, lang := range o.langs {
		if _, questions := embeddingtest.SampleTexts(t, lang); o.hub != 0 {
			augmented = &ingest.Augment{Hub: o.hub, HubLang: lang}
			for i, text := range questions {
				augmented.Queries = append(augmented.Queries, augment.Query{DocID: fmt.Sprint(i), Chunk: augment.EveryChunk, Lang: lang, Text: text})
			}
		}
		add("sample", corpus.Read(t.Context(), corpus.Options{Format: corpus.FormatBEIR, Lang: lang}, filepath.Join(embeddingtest.SampleDir(t), lang)))
		_, s.questions[lang] = embeddingtest.SampleTexts(t, lang)
	}
	if len(o.more) > 0 {
		add("hostile", func(yield func(corpus.Document, error) bool) {
			for _, doc := range o.more {
				if !yield(doc, nil) {
					return
				}
			}
		})
	}
	_, s.questions["en"] = embeddingtest.SampleTexts(t, "en")
	for _, lang := range o.langs {
		for i, question := range s.questions[lang] {
			s.translator.english[question] = s.questions["en"][i]
		}
	}
	searcher := search.Searcher{Embedder: embedder, Translator: s.translator}
	if o.plain {
		searcher.Translator = nil
	}
	s.service = service.New(service.Options{
		Searcher: searcher, Store: store, Tuning: tuning{o.trust}, AnchorLang: "en", AnchorTimeout: 20 * time.Second,
	})
	server, err := serve.New(serve.Options{
		Service: s.service, Page: page.New(page.Options{Backend: s.service}), Rate: -1, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := listen(t, server.Handler())
	s.url, s.close = listening.url, listening.close
	return s
}

// ask is what the server answers, without the page.
func (s *site) ask(t *testing.T, r service.Request) service.Response {
	t.Helper()
	response, err := s.service.Search(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func ids(hits []search.Hit) string {
	var all []string
	for _, hit := range hits {
		all = append(all, hit.ID)
	}
	return strings.Join(all, " ")
}

var errDown = errors.New("the translator is down")

// reply is what came back from a GET.
type reply struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, url string, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// record asks a handler without a network.
func record(handler http.Handler, method, path, query string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(method, "/", http.NoBody)
	request.URL.Path, request.URL.RawQuery = path, query
	handler.ServeHTTP(recorder, request)
	return recorder
}

// beside serves the page without what guards the API.
func beside(page, api http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("/v1/", api)
	return mux
}

// listen serves until the test ends.
func listen(t *testing.T, handler http.Handler) *site {
	t.Helper()
	server := httptest.NewServer(handler)
	s := &site{url: server.URL, close: sync.OnceFunc(func() {
		server.CloseClientConnections()
		server.Close()
	})}
	t.Cleanup(s.close)
	return s
}
