package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/trec"
	"github.com/query-synergy/query-synergy/internal/search"
)

// batch answers every query of a file. One that fails is named and left out, and
// the exit code then says that the work was done in part.
func (g *grammar) batch(ctx context.Context, streams cli.Streams, searcher *search.Searcher, q search.Query, ask func(search.Query) (search.Query, error)) error {
	questions, err := corpus.ReadQueries(g.Batch)
	if err != nil {
		return err
	}
	if len(questions) == 0 {
		return fmt.Errorf("%s holds no queries", g.Batch)
	}
	queries := make([]search.Query, len(questions))
	for i, question := range questions {
		q.ID, q.Text = question.ID, question.Text
		if queries[i], err = ask(q); err != nil {
			return fmt.Errorf("%s: %w", question.Pos, err)
		}
	}
	if err := searcher.Check(ctx, queries...); err != nil {
		return explain(err)
	}
	progress := streams.Progress("queries", int64(len(queries)), cli.Items)
	defer progress.Close()
	out := json.NewEncoder(streams.Stdout)
	run := metrics.Run{}
	failed, missing := 0, 0
	err = searcher.RunAll(ctx, queries, func(i int, r search.Result, err error) error {
		progress.Add(1)
		if err != nil {
			failed++
			progress.Printf("%s: %s: %v", name, questions[i].Pos, err)
			return nil
		}
		if r.Anchor.Status.Missing() {
			missing++
		}
		for _, hit := range r.Hits {
			run[queries[i].ID] = append(run[queries[i].ID], metrics.Scored{DocID: hit.ID, Score: hit.Score})
		}
		if g.JSON {
			return out.Encode(struct {
				ID string `json:"id"`
				search.Result
			}{queries[i].ID, r})
		}
		return nil
	})
	progress.Close()
	if err != nil {
		return explain(err)
	}
	if g.TREC != "" {
		if err := writeRun(g.TREC, run); err != nil {
			return err
		}
	}
	if !g.JSON {
		if _, err := fmt.Fprintf(streams.Stdout, "%d queries answered, %d without their anchor, %d failed\n", len(queries)-failed, missing, failed); err != nil {
			return err
		}
	}
	switch {
	case failed == len(queries):
		return fmt.Errorf("no query of %s was answered", g.Batch)
	case failed > 0 || missing > 0:
		return cli.PartialError{Err: fmt.Errorf("of %d queries, %d failed and %d were answered without their anchor", len(queries), failed, missing)}
	}
	return nil
}

func writeRun(path string, run metrics.Run) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return trec.WriteRun(f, run, name)
}
