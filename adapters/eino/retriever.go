package eino

import (
	"context"
	"fmt"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/components"
	"github.com/cloudwego/eino/components/retriever"
	"github.com/cloudwego/eino/schema"

	querysynergy "github.com/query-synergy/query-synergy"
)

// Retriever is eino's retriever.Retriever over one of querysynergy's. It is safe
// for concurrent use.
type Retriever struct {
	from *querysynergy.Retriever
	topK int
}

var (
	_ retriever.Retriever = (*Retriever)(nil)
	_ components.Typer    = (*Retriever)(nil)
	_ components.Checker  = (*Retriever)(nil)
)

// WithQuery gives a call any option that querysynergy has for a query, such as a
// filter.
func WithQuery(opts ...querysynergy.QueryOption) retriever.Option {
	return retriever.WrapImplSpecificOptFn(func(q *queryOptions) { q.opts = append(q.opts, opts...) })
}

type queryOptions struct{ opts []querysynergy.QueryOption }

// NewRetriever returns a Retriever that finds topK documents where a call does
// not say how many. The caller closes r in the end.
func NewRetriever(r *querysynergy.Retriever, topK int) *Retriever {
	return &Retriever{from: r, topK: topK}
}

// GetType names the component for eino.
func (r *Retriever) GetType() string { return typeName }

// IsCallbacksEnabled tells eino that Retrieve calls the callbacks itself.
func (r *Retriever) IsCallbacksEnabled() bool { return true }

// Retrieve returns the best documents. Callbacks get the querysynergy.Result as
// "result" in CallbackOutput.Extra: what became of the anchor stands there.
//
// Of the options, WithSubIndex names the language of the query and of the
// documents, or "all"; WithScoreThreshold leaves out what scores less; WithIndex
// must name the corpus that r was opened for. WithEmbedding and WithDSLInfo are
// refused.
func (r *Retriever) Retrieve(ctx context.Context, query string, opts ...retriever.Option) ([]*schema.Document, error) {
	topK := r.topK
	options := retriever.GetCommonOptions(&retriever.Options{TopK: &topK}, opts...)
	ctx = callbacks.EnsureRunInfo(ctx, r.GetType(), components.ComponentOfRetriever)
	ctx = callbacks.OnStart(ctx, &retriever.CallbackInput{Query: query, TopK: *options.TopK, ScoreThreshold: options.ScoreThreshold})
	result, err := r.retrieve(ctx, query, options, retriever.GetImplSpecificOptions(&queryOptions{}, opts...).opts)
	if err != nil {
		callbacks.OnError(ctx, err)
		return nil, err
	}
	docs := make([]*schema.Document, len(result.Hits))
	for i, hit := range result.Hits {
		docs[i] = found(hit)
	}
	callbacks.OnEnd(ctx, &retriever.CallbackOutput{Docs: docs, Extra: map[string]any{"result": result}})
	return docs, nil
}

func (r *Retriever) retrieve(ctx context.Context, query string, options *retriever.Options, more []querysynergy.QueryOption) (querysynergy.Result, error) {
	ask := []querysynergy.QueryOption{querysynergy.WithTopK(*options.TopK)}
	if options.SubIndex != nil {
		ask = append(ask, querysynergy.WithLang(*options.SubIndex))
	}
	if options.ScoreThreshold != nil {
		ask = append(ask, querysynergy.WithMinScore(*options.ScoreThreshold))
	}
	switch {
	case options.Index != nil && *options.Index != r.from.Corpus():
		return querysynergy.Result{}, fmt.Errorf("retrieve: WithIndex names %.100q, this is corpus %q: %w", *options.Index, r.from.Corpus(), ErrUnsupported)
	case options.DSLInfo != nil:
		return querysynergy.Result{}, fmt.Errorf("retrieve: WithDSLInfo: %w", ErrUnsupported)
	}
	if err := refuseEmbedding(options.Embedding); err != nil {
		return querysynergy.Result{}, fmt.Errorf("retrieve: %w", err)
	}
	return r.from.Retrieve(ctx, query, append(ask, more...)...)
}
