package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/setup"
)

type tableCommand struct {
	Dataset string            `required:"" enum:"${datasets}" placeholder:"NAME" help:"Form of the data: ${enum}."`
	Data    string            `required:"" placeholder:"DIR" help:"Folder of the data."`
	Langs   []string          `required:"" placeholder:"TAG" help:"Languages to evaluate."`
	Corpus  string            `placeholder:"NAME" help:"Indexed corpus that is searched (default: the dataset's name)."`
	Metrics []metrics.Measure `default:"ndcg@1,ndcg@3,ndcg@10" placeholder:"NAME@K" help:"Measures (default: ${default}); there are ndcg@k, mrr@k, map, recall@k, success@k."`
	JSON    bool              `name:"json" help:"Print one JSON object."`
	Verbose bool              `short:"v" help:"Say more on stderr."`

	config.QueryFlags
	config.StoreFlags
	config.EmbeddingFlags
}

// Run compares the three rankings through the search path that query uses.
func (c *tableCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), c.QueryFlags, c.StoreFlags, c.EmbeddingFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	sets, anchors, err := c.questions(settings.Query.AnchorLang)
	if err != nil {
		return err
	}
	log := setup.Logger(streams.Stderr, c.Verbose)
	embedder, err := setup.NewEmbedder(settings.Embedding, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, embedder.Close()) }()
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadOnly, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	memory := &memory{Embedder: embedder, vectors: map[string][]float32{}}
	searcher := &search.Searcher{Store: store, Embedder: memory}
	depth := search.DefaultTopK
	for _, m := range c.Metrics {
		depth = max(depth, m.K)
		if m.K == 0 {
			depth = search.MaxTopK // a measure without a cut-off
		}
	}
	corpus := c.Corpus
	if corpus == "" {
		corpus = c.Dataset
	}
	rank := func(ctx context.Context, language, question, anchorLang, anchor string, lambda float64) ([]string, error) {
		result, err := searcher.Run(ctx, search.Query{
			Corpus: corpus, Lang: language, Text: question, Anchor: anchor, AnchorLang: anchorLang, Lambda: lambda, TopK: depth,
		})
		ids := make([]string, len(result.Hits))
		for i, hit := range result.Hits {
			ids[i] = hit.ID
		}
		return ids, err
	}
	total := 0
	for _, set := range sets {
		// Before any question is embedded, which may have its price.
		if _, err := searcher.Open(ctx, qdrant.Key{Corpus: corpus, Lang: set.Lang}); err != nil {
			return setup.ExplainSearch(err)
		}
		total += len(set.List)
	}
	progress := streams.Progress("questions", int64(total), cli.Items)
	defer progress.Close()
	opts := evalsuite.TableOptions{
		Dataset: c.Dataset, Lambda: embedder.Lambda(settings.Query.Lambda), Measures: c.Metrics,
		Progress: func() { progress.Add(1) },
	}
	if err := memory.learn(ctx, anchors); err != nil {
		return err
	}
	var rows []evalsuite.Row
	for _, set := range sets {
		if err := memory.learn(ctx, set); err != nil {
			return err
		}
		more, err := evalsuite.Table(ctx, opts, set, anchors, rank)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	progress.Close()
	if c.JSON {
		return json.NewEncoder(streams.Stdout).Encode(struct {
			Version int             `json:"version"`
			Rows    []evalsuite.Row `json:"rows"`
		}{1, rows})
	}
	return c.print(streams, rows)
}

// questions loads the questions of every language and of the anchor's.
func (c *tableCommand) questions(anchorLang string) (sets []*evalsuite.Questions, anchors *evalsuite.Questions, err error) {
	load := func(flag, tag string) (*evalsuite.Questions, error) {
		parsed, err := lang.Parse(tag)
		if err != nil {
			return nil, cli.UsageError{Err: fmt.Errorf("%s: %w", flag, err)}
		}
		return evalsuite.Load(c.Dataset, c.Data, parsed)
	}
	if anchors, err = load("--anchor-lang", anchorLang); err != nil {
		return nil, nil, err
	}
	for _, tag := range c.Langs {
		set, err := load("--langs", tag)
		if err != nil {
			return nil, nil, err
		}
		if set.Lang == anchors.Lang {
			return nil, nil, cli.UsageError{Err: fmt.Errorf("--langs: %q is the anchors' own language", set.Lang)}
		}
		sets = append(sets, set)
	}
	return sets, anchors, nil
}

// print prints a table with a line for each language and method, and the means
// over the languages. Measures are shown ×100, as the paper has them.
func (c *tableCommand) print(streams cli.Streams, rows []evalsuite.Row) error {
	columns := []cli.Column{{Title: "lang"}, {Title: "method"}, {Title: "λ", Right: true}}
	for _, m := range c.Metrics {
		columns = append(columns, cli.Column{Title: m.String(), Right: true})
	}
	columns = append(columns, cli.Column{Title: "questions", Right: true})
	means := map[evalsuite.Method]*evalsuite.Row{}
	var order []evalsuite.Method
	var cells [][]string
	add := func(r evalsuite.Row) {
		cell := []string{r.Lang, string(r.Method), strconv.FormatFloat(r.Lambda, 'g', 3, 64)}
		for _, m := range c.Metrics {
			cell = append(cell, strconv.FormatFloat(100*r.Metrics[m], 'f', 2, 64))
		}
		cells = append(cells, append(cell, strconv.Itoa(r.Queries)))
	}
	for _, r := range rows {
		add(r)
		mean := means[r.Method]
		if mean == nil {
			mean = &evalsuite.Row{Lang: "mean", Method: r.Method, Lambda: r.Lambda, Metrics: map[metrics.Measure]float64{}}
			means[r.Method] = mean
			order = append(order, r.Method)
		}
		mean.Queries += r.Queries
		for m, v := range r.Metrics {
			mean.Metrics[m] += v / float64(len(c.Langs))
		}
	}
	for _, method := range order {
		add(*means[method])
	}
	return streams.Table(columns, cells)
}

// memory embeds each question once for all the rankings that it takes part in.
type memory struct {
	*setup.Embedder
	vectors map[string][]float32
}

// learn embeds all the questions of a set at once.
func (m *memory) learn(ctx context.Context, set *evalsuite.Questions) error {
	texts := make([]string, len(set.List))
	for i, q := range set.List {
		texts[i] = q.Text
	}
	vectors, _, err := m.Embedder.Embed(ctx, embedding.Query, texts)
	if err != nil {
		return err
	}
	for i, text := range texts {
		m.vectors[text] = vectors[i]
	}
	return nil
}

// Embed answers what was learnt from memory.
func (m *memory) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		known, ok := m.vectors[text]
		if !ok || role != embedding.Query {
			return m.Embedder.Embed(ctx, role, texts)
		}
		vectors[i] = known
	}
	return vectors, embedding.Stats{}, nil
}
