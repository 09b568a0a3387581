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
	all, err := openTarget(ctx, large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	source := randomUnit(queryStream, 0)
	vectors := map[string][]float32{benchQuery: source, benchAnchor: anchorOf(source)}

	folder, err := os.MkdirTemp("", "bench-query-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	memory, err := cache.Open(filepath.Join(folder, "cache.db"), 64<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, memory.Close()) }()
	endpoint := httptest.NewServer(embeddings(vectors))
	defer endpoint.Close()
	schema := all.collection.Schema
	client, err := embedding.New(embedding.Config{
		BaseURL: endpoint.URL, Model: schema.Model, Cache: memory,
		Profile: embedding.ProfileFor(schema.Model),
	})
	if err != nil {
		return err
	}
	searcher := &search.Searcher{
		Store: all, Embedder: client, Translator: anchor.NewCached(fixedTranslator{}, memory, nil),
		Trust: func(string, string) (search.Standing, bool) { return search.Standing{Trust: 1}, true },
	}
	query := search.Query{
		Corpus: corpusName, Lang: corpusLang, Text: benchQuery, AnchorLang: "en", Lambda: 0.7, TopK: topK,
	}
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
