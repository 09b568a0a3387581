// Package service is what the HTTP API, the page and the MCP server share: it
// turns a request into a query the way the command query does, answers it, and
// says in one form what went wrong.
//
// It knows neither HTTP nor MCP, neither flags nor files. What leaves it is fit
// for a stranger: no address, path or message of a service behind it.
package service

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/search"
)

// Store is the part of *qdrant.Store that the service needs.
type Store interface {
	search.Store
	List(ctx context.Context) ([]qdrant.Info, error)
}

// Tuning says what λ and what trust hold where a request does not.
type Tuning interface {
	Lambda(documents string) float64
	Trust(documents, origin string) (search.Standing, bool)
}

// Observer hears of what the service does, for metrics and logs. It sees what
// strangers must not: the cause of a failure, with addresses. Its methods are
// called from many goroutines.
type Observer interface {
	Embedded(embedding.Stats)
	Answered(ctx context.Context, r search.Result)
	Failed(ctx context.Context, err *Error)
}

// Options make a Service.
type Options struct {
	// Searcher answers; its Trust is not used, as each request has its own.
	Searcher search.Searcher
	Store    Store
	Tuning   Tuning
	// AnchorLang is the anchor's language where a request names none.
	AnchorLang string
	// AnchorTimeout is the longest that a request may wait for its anchor.
	AnchorTimeout time.Duration
	// Read and Approximate say how the store is read where a request does not; the
	// filter holds for every request.
	Read        qdrant.ReadOptions
	Approximate bool
	// MaxTopK is the most documents that a request may ask for; 0:
	// search.MaxTopK.
	MaxTopK int
	// Concurrency is how many requests are answered at the same time, and Queue
	// how many more may wait, up to QueueWait each; beyond, they are refused with
	// CodeOverloaded. Zeros take the defaults.
	Concurrency int
	Queue       int
	QueueWait   time.Duration
	Observer    Observer // nil: nobody
}

// Defaults of Options.
const (
	DefaultConcurrency = 32
	DefaultQueue       = 256
	DefaultQueueWait   = 2 * time.Second
)

// Service answers requests. It is safe for concurrent use.
type Service struct {
	options Options
	indexes indexes
	gate    gate
}

// New returns a Service.
func New(o Options) *Service {
	if o.MaxTopK == 0 {
		o.MaxTopK = search.MaxTopK
	}
	g := gate{
		running: make(chan struct{}, cmp.Or(o.Concurrency, DefaultConcurrency)),
		inside:  make(chan struct{}, cmp.Or(o.Concurrency, DefaultConcurrency)+cmp.Or(o.Queue, DefaultQueue)),
		wait:    cmp.Or(o.QueueWait, DefaultQueueWait),
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	o.Searcher.Store = o.Store
	o.Searcher.Embedder = embedder{o.Searcher.Embedder, o.Observer}
	return &Service{options: o, indexes: indexes{store: o.Store}, gate: g}
}

// Response is the answer to a Request: the object that `query --json` prints.
type Response = search.Result

// Search answers a request. Every error is an *Error.
func (s *Service) Search(ctx context.Context, r Request) (Response, error) {
	return s.Stream(ctx, r, nil)
}

// Explain answers a request and says how the ranking came about.
func (s *Service) Explain(ctx context.Context, r Request) (Response, error) {
	r.Explain = true
	return s.Search(ctx, r)
}

// Stream is Search for those who do not want to wait for the anchor: where a
// translation is awaited, early, if not nil, gets the ranking of the source
// query alone before. An error of early ends the search.
func (s *Service) Stream(ctx context.Context, r Request, early func(Response) error) (Response, error) {
	answer, err := s.answer(ctx, r, early)
	if err != nil {
		failure := explain(ctx, err)
		s.options.Observer.Failed(ctx, failure)
		return Response{}, failure
	}
	s.options.Observer.Answered(ctx, answer)
	return presentable(answer), nil
}

func (s *Service) answer(ctx context.Context, r Request, early func(Response) error) (Response, error) {
	q, trust, err := s.query(ctx, r)
	if err != nil {
		return Response{}, err
	}
	if err := s.gate.enter(ctx); err != nil {
		return Response{}, err
	}
	defer s.gate.leave()
	searcher := s.options.Searcher
	searcher.Trust = trust
	begun, err := searcher.Begin(ctx, q)
	if err != nil {
		return Response{}, err
	}
	defer begun.Close()
	if early != nil && begun.Waiting() {
		alone, err := searcher.Answer(ctx, begun.Source())
		if err != nil {
			return Response{}, err
		}
		if err := early(alone); err != nil {
			return Response{}, &Error{Code: CodeCanceled, Message: "nobody takes the answer", cause: err}
		}
	}
	prepared, err := begun.Finish(ctx)
	if err != nil {
		return Response{}, err
	}
	if r.Compare {
		return searcher.Compare(ctx, prepared)
	}
	return searcher.Answer(ctx, prepared)
}

// gate bounds how many are answered at the same time.
type gate struct {
	running, inside chan struct{}
	wait            time.Duration
}

func (g *gate) enter(ctx context.Context) error {
	select {
	case g.inside <- struct{}{}:
	default:
		return overloaded()
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-g.inside
		return context.Cause(ctx)
	case <-timer.C:
		<-g.inside
		return overloaded()
	}
}

func (g *gate) leave() {
	<-g.running
	<-g.inside
}

// presentable returns an answer without what a stranger must not see: why an
// anchor could not be had holds the address of the translator.
func presentable(r Response) Response {
	if r.Anchor.Error != "" && r.Anchor.Judgement == nil {
		r.Anchor.Error = r.Anchor.Status.Absence()
	}
	return r
}

// Corpus is an index that can be searched.
type Corpus struct {
	Corpus     string `json:"corpus"`
	Lang       string `json:"lang"`
	Documents  uint64 `json:"documents"`
	Passages   uint64 `json:"passages"`
	Model      string `json:"model"`
	Dimensions int    `json:"dimensions"`
}

// Corpora returns every index, by corpus and language, as it was a second ago at
// most.
func (s *Service) Corpora(ctx context.Context) ([]Corpus, error) {
	infos, err := s.indexes.list(ctx)
	if err != nil {
		failure := explain(ctx, err)
		s.options.Observer.Failed(ctx, failure)
		return nil, failure
	}
	corpora := make([]Corpus, len(infos))
	for i, info := range infos {
		corpora[i] = Corpus{
			Corpus: info.Key.Corpus, Lang: info.Key.Lang, Documents: info.Documents, Passages: info.Passages,
			Model: info.Schema.Model, Dimensions: info.Schema.Dimensions,
		}
	}
	return corpora, nil
}

// indexesLast is how long a list of the indexes is good for.
const indexesLast = time.Second

// indexes lists the indexes of a store, once for all who ask at about the same
// time.
type indexes struct {
	store  Store
	flight singleflight.Group

	mu    sync.Mutex
	infos []qdrant.Info
	read  time.Time
}

func (x *indexes) list(ctx context.Context) ([]qdrant.Info, error) {
	x.mu.Lock()
	infos, fresh := x.infos, time.Since(x.read) < indexesLast
	x.mu.Unlock()
	if fresh {
		return infos, nil
	}
	done := x.flight.DoChan("", func() (any, error) {
		// Others may wait for it when the first one has left.
		listed, err := x.store.List(context.WithoutCancel(ctx))
		if err == nil {
			x.mu.Lock()
			x.infos, x.read = listed, time.Now()
			x.mu.Unlock()
		}
		return listed, err
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case result := <-done:
		infos, _ = result.Val.([]qdrant.Info)
		return infos, result.Err
	}
}

// langs returns the languages in which a corpus is indexed.
func (x *indexes) langs(ctx context.Context, corpus string) ([]string, error) {
	infos, err := x.list(ctx)
	if err != nil {
		return nil, err
	}
	return IndexedLangs(infos, corpus), nil
}

// embedder tells the observer what was embedded, and marks errors as the
// embedding endpoint's.
type embedder struct {
	search.Embedder
	observer Observer
}

type embedError struct{ error }

func (e embedError) Unwrap() error { return e.error }

func (e embedder) Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors, stats, err := e.Embedder.Embed(ctx, role, texts)
	e.observer.Embedded(stats)
	if err != nil {
		return nil, stats, embedError{err}
	}
	return vectors, stats, nil
}

type nobody struct{}

func (nobody) Embedded(embedding.Stats)                {}
func (nobody) Answered(context.Context, search.Result) {}
func (nobody) Failed(context.Context, *Error)          {}
