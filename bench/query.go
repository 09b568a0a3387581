package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/search"
)

// The texts of the query that is asked again and again.
const (
	benchQuery  = "the source query"
	benchAnchor = "the anchor query"
)

// benchCachedQuery compares a whole query, whose translation and vectors lie in
// their caches, with the searches that it makes.
func benchCachedQuery(ctx context.Context, t *table, large string) (err error) {
	const group = "A query with its anchor and vectors cached, 100000 x 384, against its searches"
	cached, err := openCached(ctx, large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cached.Close()) }()
	all, searcher, source := cached.all, cached.searcher, cached.source
	query := cached.query()
	request := retrieve.Request{
		Collection: all.collection, Legs: rerank.Lambda(source, anchorOf(source), 0.7), TopK: topK, Exact: true,
		Reweigh: func(retrieve.Signals) []float64 { return []float64{0.7, 0.3} },
	}
	sides := []side{
		{"its searches", func() error {
			_, err := retrieve.Run(ctx, all, request)
			return err
		}},
		{"the query", func() error {
			result, err := searcher.Run(ctx, query)
			if err == nil && result.Anchor.Text != benchAnchor {
				err = errors.New("the query has no anchor: " + result.Anchor.Error)
			}
			return err
		}},
	}
	took, err := takeTurns(strategyRounds, sides...)
	if err != nil {
		return err
	}
	for _, r := range againstFirst(group, sides, took, against{Name: "searches", Unit: "ms"}, difference, "at most 2 more") {
		t.add(r)
	}
	return nil
}

// cachedQuery is what answers benchQuery from its caches.
type cachedQuery struct {
	all      *target
	searcher *search.Searcher
	source   []float32 // the query's vector
	folder   string
	memory   *cache.Cache
	endpoint *httptest.Server
}

func openCached(ctx context.Context, index string) (_ *cachedQuery, err error) {
	c := &cachedQuery{source: randomUnit(queryStream, 0)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.all, err = openTarget(ctx, index); err != nil {
		return nil, err
	}
	if c.folder, err = os.MkdirTemp("", "bench-query-"); err != nil {
		return nil, err
	}
	if c.memory, err = cache.Open(filepath.Join(c.folder, "cache.db"), 64<<20); err != nil {
		return nil, err
	}
	c.endpoint = httptest.NewServer(embeddings(map[string][]float32{benchQuery: c.source, benchAnchor: anchorOf(c.source)}))
	schema := c.all.collection.Schema
	client, err := embedding.New(embedding.Config{
		BaseURL: c.endpoint.URL, Model: schema.Model, Cache: c.memory,
		Profile: embedding.ProfileFor(schema.Model),
	})
	if err != nil {
		return nil, err
	}
	c.searcher = &search.Searcher{
		Store: c.all, Embedder: client, Translator: anchor.NewCached(fixedTranslator{}, c.memory, nil),
		Trust: func(string, string) (search.Standing, bool) { return search.Standing{Trust: 1}, true },
	}
	return c, nil
}

func (c *cachedQuery) query() search.Query {
	return search.Query{Corpus: corpusName, Lang: corpusLang, Text: benchQuery, AnchorLang: "en", Lambda: 0.7, TopK: topK}
}

func (c *cachedQuery) Close() error {
	var errs []error
	if c.endpoint != nil {
		c.endpoint.Close()
	}
	if c.memory != nil {
		errs = append(errs, c.memory.Close())
	}
	if c.folder != "" {
		errs = append(errs, os.RemoveAll(c.folder))
	}
	if c.all != nil {
		errs = append(errs, c.all.Close())
	}
	return errors.Join(errs...)
}

// embeddings is an endpoint that knows these texts.
func embeddings(vectors map[string][]float32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		type datum struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		}
		out := struct {
			Data []datum `json:"data"`
		}{}
		for i, text := range in.Input {
			out.Data = append(out.Data, datum{i, vectors[text]})
		}
		_ = json.NewEncoder(w).Encode(out)
	})
}

type fixedTranslator struct{}

func (fixedTranslator) Identity() string { return "fixed" }

func (fixedTranslator) Translate(context.Context, anchor.Request) (anchor.Anchor, error) {
	return anchor.Anchor{Text: benchAnchor, Lang: "en", Origin: anchor.OriginChat + "fixed"}, nil
}
