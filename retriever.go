package querysynergy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// Retriever searches one corpus, and adds to it. It is safe for concurrent use.
type Retriever struct {
	corpus   string
	options  options
	searcher search.Searcher // without its store
	tuning   *setup.Tuning
	layout   qdrant.Layout // in which Add writes
	read     qdrant.ReadOptions
	// approximate lets the store use its approximate index.
	approximate bool
	closers     []func() error

	using  sync.RWMutex // held for reading by each call, for writing by Close
	closed bool

	opening sync.Mutex
	store   *setup.Store // nil until a call needed it
}

// Open makes a Retriever of a corpus: a name of letters, digits, dots,
// underscores and hyphens. It needs to be told where the vectors are and what
// embeds; see the options. Nothing is opened or sent before the first call, and
// the corpus need not exist yet. Close it in the end.
func Open(corpusName string, opts ...Option) (*Retriever, error) {
	defaults, err := config.Load(map[string]string{"QDRANT_LOCAL_PATH": "unused", "EMBEDDING_CACHE": "off", "TRANSLATE_CACHE": "off"})
	if err != nil {
		return nil, err
	}
	o := options{settings: defaults, chunking: corpus.DefaultChunking, log: slog.New(slog.DiscardHandler), query: queryOptions{topK: search.DefaultTopK}}
	// Only an endpoint that somebody named is sent texts.
	o.settings.Embedding.BaseURL = ""
	errs := []error{qdrant.Key{Corpus: corpusName, Lang: "en"}.Validate()}
	for _, opt := range opts {
		errs = append(errs, opt.apply(&o))
	}
	if !o.stored {
		errs = append(errs, errors.New("nobody said where the vectors are: WithFolder, WithQdrant or FromEnvironment does"))
	}
	if o.embedder == nil && o.settings.Embedding.BaseURL == "" {
		errs = append(errs, errors.New("nobody said what embeds: WithEndpoint, WithEmbedder or FromEnvironment does"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, invalid(fmt.Errorf("open corpus %.100q: %w", corpusName, err))
	}
	r := &Retriever{corpus: corpusName, options: o}
	if err := r.assemble(); err != nil {
		return nil, errors.Join(invalid(fmt.Errorf("open corpus %q: %w", corpusName, err)), r.Close())
	}
	return r, nil
}

// assemble makes the parts that no store is needed for.
func (r *Retriever) assemble() error {
	o := &r.options
	var profile embedding.Profile
	identified := search.Embedder(o.embedder)
	if o.embedder != nil {
		profile = embedding.ProfileFor(o.embedder.model)
	} else {
		client, err := setup.NewEmbedder(o.settings.Embedding, o.log)
		if err != nil {
			return err
		}
		r.closers = append(r.closers, client.Close)
		profile, identified = client.Profile, client
	}
	r.searcher.Embedder = identified
	var err error
	if r.tuning, err = setup.NewTuning(o.settings.Query, identified.Identity().Model, profile); err != nil {
		return err
	}
	if r.layout, err = setup.OwnLayout(o.settings.Qdrant.Layout); err != nil {
		return err
	}
	if r.read, r.approximate, err = setup.ReadOptions(o.settings.Query.Read); err != nil {
		return err
	}
	if o.translator != nil {
		r.searcher.Translator = *o.translator
		return nil
	}
	if o.settings.Translate != nil && o.translations != "" {
		translate := *o.settings.Translate
		translate.CachePath = o.translations
		o.settings.Translate = &translate
	}
	translator, err := setup.NewTranslator(o.settings.Translate, "", o.log)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, translator.Close)
	if translator != nil {
		r.searcher.Translator = translator
	}
	return nil
}

// Close waits for the calls that are running and gives everything free. Later
// calls return ErrClosed.
func (r *Retriever) Close() error {
	r.using.Lock()
	defer r.using.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	for _, closer := range slices.Backward(r.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// use keeps the Retriever open until done is called.
func (r *Retriever) use() (done func(), err error) {
	r.using.RLock()
	if r.closed {
		r.using.RUnlock()
		return nil, ErrClosed
	}
	return r.using.RUnlock, nil
}

// reading returns the store, opened for reading. A folder that holds none yet is
// looked at again the next time.
func (r *Retriever) reading(ctx context.Context) (*setup.Store, error) {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.store != nil {
		return r.store, nil
	}
	store, err := setup.OpenStore(ctx, r.options.settings.Qdrant, embedded.ReadOnly, r.options.log)
	if err != nil {
		return nil, err
	}
	r.store = store
	return store, nil
}

// Corpus returns the name of the corpus.
func (r *Retriever) Corpus() string { return r.corpus }

// Langs returns the languages in which the corpus is indexed, in alphabetical
// order; none where nothing is.
func (r *Retriever) Langs(ctx context.Context) ([]string, error) {
	done, err := r.use()
	if err != nil {
		return nil, err
	}
	defer done()
	store, err := r.reading(ctx)
	if errors.Is(err, embedded.ErrNoStore) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.langs(ctx, store)
}

func (r *Retriever) langs(ctx context.Context, store *setup.Store) ([]string, error) {
	infos, err := store.List(ctx)
	return service.IndexedLangs(infos, r.corpus), err
}

// Retrieve returns the documents that answer a query best. The errors to branch
// on are those of this package; an anchor that cannot be had is none of them,
// unless WithRequiredAnchor says so: look at Result.Anchor.
func (r *Retriever) Retrieve(ctx context.Context, query string, opts ...QueryOption) (Result, error) {
	done, err := r.use()
	if err != nil {
		return Result{}, err
	}
	defer done()
	result, err := r.retrieve(ctx, query, opts)
	if err != nil {
		return Result{}, explain(fmt.Errorf("retrieve from %s: %w", r.corpus, err))
	}
	return result, nil
}

func (r *Retriever) retrieve(ctx context.Context, query string, opts []QueryOption) (Result, error) {
	of := r.options.query
	for _, opt := range opts {
		if err := opt(&of); err != nil {
			return Result{}, invalid(err)
		}
	}
	settings := r.options.settings.Query
	q := search.Query{
		Corpus: r.corpus, Text: query, Anchor: of.anchor, AnchorLang: settings.AnchorLang,
		TopK: of.topK, AnchorTimeout: settings.AnchorTimeout, RequireAnchor: of.requireAnchor,
		Read: r.read, Approximate: r.approximate,
	}
	if of.filter != nil {
		q.Read.Filter = of.filter
	}
	check := q
	check.Lang = settings.AnchorLang // stands in for one that is not chosen yet
	if err := check.Validate(); err != nil {
		return Result{}, invalid(err)
	}
	store, err := r.reading(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := r.choose(ctx, store, of.langs, &q); err != nil {
		return Result{}, err
	}
	searcher := r.searcher
	searcher.Store = store
	tuning := r.tuning
	if of.lambda != nil {
		tuning = tuning.At(*of.lambda)
	}
	service.Tune(&q, tuning)
	if !of.fullTrust {
		searcher.Trust = tuning.Trust
	}
	answer, err := searcher.Run(ctx, q)
	if err != nil {
		return Result{}, err
	}
	result := newResult(answer)
	if of.minScore != nil {
		result.Hits = slices.DeleteFunc(result.Hits, func(h Hit) bool { return h.Score < *of.minScore })
	}
	return result, nil
}

// choose sets the languages of a query.
func (r *Retriever) choose(ctx context.Context, store *setup.Store, langs service.Languages, q *search.Query) error {
	var indexed []string
	if langs.Detected() {
		var err error
		if indexed, err = r.langs(ctx, store); err != nil {
			return err
		}
		if len(indexed) == 0 {
			return &kindError{ErrNoIndex, errors.New("it is not indexed in any language")}
		}
	}
	err := langs.Choose(q, indexed)
	if unclear, ok := errors.AsType[*service.UnclearError](err); ok {
		return &kindError{ErrUnclearLanguage, unclear}
	}
	return err
}
