package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// benchServe compares a query asked of the API, over a connection that stays
// open, with the same query asked of the pipeline. The index is small, so that
// the search does not drown what is looked for.
func benchServe(ctx context.Context, t *table, small string) (err error) {
	const group = "The API over HTTP, a query with its anchor and vectors cached, against the pipeline"
	cached, err := openCached(ctx, small)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cached.Close()) }()
	metrics := serve.NewMetrics(nil, false)
	server, err := serve.New(serve.Options{
		Service: service.New(service.Options{
			Searcher: *cached.searcher, Store: cached.all, Tuning: fullTrust{}, AnchorLang: "en", Observer: metrics,
		}),
		Metrics: metrics, Rate: -1,
	})
	if err != nil {
		return err
	}
	web := httptest.NewServer(server.Handler())
	defer web.Close()
	body, err := json.Marshal(service.Request{Corpus: corpusName, Lang: corpusLang, Query: benchQuery, TopK: topK})
	if err != nil {
		return err
	}
	query := cached.query()
	sides := []side{
		{"the pipeline", func() error {
			_, err := cached.searcher.Run(ctx, query)
			return err
		}},
		{"the API", func() error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, web.URL+"/v1/search", bytes.NewReader(body))
			if err != nil {
				return err
			}
			request.Header.Set("Content-Type", "application/json")
			resp, err := web.Client().Do(request)
			if err != nil {
				return err
			}
			answer, err := io.ReadAll(resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err != nil {
				return err
			}
			if resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(benchAnchor)) {
				return fmt.Errorf("the API answered with status %d: %.200s", resp.StatusCode, answer)
			}
			return nil
		}},
	}
	took, err := takeTurns(serveRounds, sides...)
	if err != nil {
		return err
	}
	for _, r := range againstFirst(group, sides, took, against{Name: "pipeline", Unit: "ms"}, difference, "at most 1 more") {
		t.add(r)
	}
	return nil
}

const serveRounds = 1000

// fullTrust is the tuning of the query that the API is compared with.
type fullTrust struct{}

func (fullTrust) Lambda(string) float64 { return 0.7 }

func (fullTrust) Trust(string, string) (search.Standing, bool) {
	return search.Standing{Trust: 1}, true
}
