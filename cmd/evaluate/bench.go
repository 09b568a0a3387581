package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// data are the flags that name what is evaluated.
type data struct {
	Dataset string            `required:"" enum:"${datasets}" placeholder:"NAME" help:"Form of the data: ${enum}."`
	Data    string            `required:"" placeholder:"DIR" help:"Folder of the data."`
	Langs   []string          `required:"" placeholder:"TAG" help:"Languages to evaluate."`
	Metrics []metrics.Measure `default:"ndcg@1,ndcg@3,ndcg@10" placeholder:"NAME@K" help:"Measures (default: ${default}); there are ndcg@k, mrr@k, map, recall@k, success@k, and r@2kt, r@5kt: an answer within the first 2,000 or 5,000 tokens."`
	Verbose bool              `short:"v" help:"Say more on stderr."`

	config.QueryFlags
	config.EmbeddingFlags
}

// where are the flags that say what ranks.
type where struct {
	Store     *string `enum:"none,embedded,qdrant" placeholder:"WHAT" help:"What ranks: none is brute force in memory, embedded and qdrant the search path of query (default: none). Without --corpus, embedded indexes the data into a store that lasts as long as the command."`
	Corpus    string  `placeholder:"NAME" help:"Indexed corpus to search, made by indexer."`
	StorePath *string `name:"store-path" placeholder:"DIR" help:"${QDRANT_LOCAL_PATH}"`
	QdrantURL *string `name:"qdrant-url" placeholder:"URL" help:"${QDRANT_URL}"`
}

// kinds of where.Store.
const (
	storeNone     = "none"
	storeEmbedded = "embedded"
	storeQdrant   = "qdrant"
)

// bench is an experiment set up.
type bench struct {
	spec     evalsuite.Spec
	anchors  string // language
	lab      *lab.Lab
	ranker   evalsuite.Ranker
	settings config.Settings
	embedder *setup.Embedder
	sets     []*dataset.Set // of every language, that of the anchors last
	closers  []func() error
}

// needs are what an experiment needs besides --langs and --anchor-lang.
type needs struct {
	langs []string // whose questions become anchors as well
	// others are languages that are read where the dataset has them.
	others []string
	// sourceAnchors says that documents may be in the anchors' language.
	sourceAnchors bool
	// unjudged says that documents are enough: questions with their judgements
	// are read where the dataset has them.
	unjudged bool
	// documents is the language of all documents; "" is that of the questions.
	documents string
}

// open reads the data in all languages, and makes the ranker.
func (d *data) open(ctx context.Context, streams cli.Streams, w where, n needs) (b *bench, err error) {
	kind, flags, err := w.kind()
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	b = &bench{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
			b = nil
		}
	}()
	if b.settings, err = config.Load(config.Environ(), d.QueryFlags, d.EmbeddingFlags, flags); err != nil {
		return b, cli.UsageError{Err: err}
	}
	if kind == storeQdrant && b.settings.Qdrant.URL == "" {
		return b, cli.UsageError{Err: errors.New("--store qdrant needs the server's address: set QDRANT_URL")}
	}
	if err := b.load(ctx, d, n); err != nil {
		return b, err
	}
	log := setup.Logger(streams.Stderr, d.Verbose)
	if b.embedder, err = setup.NewEmbedder(b.settings.Embedding, log); err != nil {
		return b, err
	}
	b.closers = append(b.closers, b.embedder.Close)
	tuning, err := b.embedder.Tuning(b.settings.Query)
	if err != nil {
		return b, err
	}
	b.spec.Dataset, b.spec.Measures, b.spec.Lambda = d.Dataset, d.Metrics, tuning.Lambda
	b.lab = lab.New(b.embedder, b.sets...)
	if kind == storeNone {
		b.ranker = b.lab.Brute(corpus.DefaultChunking)
		documents := b.spec.Langs
		if n.documents != "" {
			documents = []string{n.documents}
		}
		return b, b.embed(ctx, streams, documents...)
	}
	store, err := b.openStore(ctx, w.Corpus)
	if err != nil {
		return b, err
	}
	name := w.Corpus
	if name == "" {
		name = d.Dataset
		if err := b.index(ctx, streams, store, name); err != nil {
			return b, err
		}
	}
	indexed := b.lab.Indexed(store, name)
	for _, language := range b.spec.Langs {
		// Before any question is embedded, which may have its price.
		if err := indexed.Check(ctx, language); err != nil {
			return b, setup.ExplainSearch(err)
		}
	}
	b.ranker = indexed
	return b, b.embed(ctx, streams)
}

// kind says what ranks, and which flags override the settings for it.
func (w where) kind() (string, config.StoreFlags, error) {
	flags := config.StoreFlags{QdrantURL: w.QdrantURL, LocalPath: w.StorePath}
	nowhere := ""
	switch {
	case w.Store == nil && w.Corpus == "":
		return storeNone, flags, nil
	case w.Store == nil: // a corpus lies wherever the settings say
		return storeEmbedded, flags, nil
	case *w.Store == storeNone && w.Corpus != "":
		return "", flags, errors.New("--corpus is searched in a store: give --store embedded or qdrant with it")
	case *w.Store == storeEmbedded:
		flags.QdrantURL = &nowhere
	case *w.Store == storeQdrant && w.Corpus == "":
		return "", flags, errors.New("--store qdrant needs --corpus: nothing is written to a server unasked")
	}
	return *w.Store, flags, nil
}

// load reads the sets of all languages.
func (b *bench) load(ctx context.Context, d *data, n needs) error {
	anchors, err := lang.Parse(b.settings.Query.AnchorLang)
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--anchor-lang: %w", err)}
	}
	b.anchors = anchors
	if b.spec.Langs, err = parseTags("--langs", d.Langs); err != nil {
		return err
	}
	if !n.sourceAnchors && slices.Contains(b.spec.Langs, anchors) {
		return cli.UsageError{Err: fmt.Errorf("--langs: %q is the anchors' own language", anchors)}
	}
	for _, language := range slices.Concat(b.spec.Langs, n.langs, []string{anchors}) {
		if slices.ContainsFunc(b.sets, func(s *dataset.Set) bool { return s.Lang == language }) {
			continue
		}
		set, err := dataset.Load(ctx, d.Dataset, d.Data, language)
		if n.unjudged && errors.Is(err, fs.ErrNotExist) {
			if !slices.Contains(b.spec.Langs, language) {
				continue
			}
			set, err = dataset.LoadDocuments(ctx, d.Dataset, d.Data, language)
		}
		if err != nil {
			return err
		}
		b.sets = append(b.sets, set)
	}
	for _, language := range n.others {
		if slices.ContainsFunc(b.sets, func(s *dataset.Set) bool { return s.Lang == language }) {
			continue
		}
		set, err := dataset.Load(ctx, d.Dataset, d.Data, language)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		set.Questions, set.Qrels = nil, nil // nobody asks them, so they are not embedded
		b.sets = append(b.sets, set)
	}
	return nil
}

// openStore opens the store that holds the corpus or, without a corpus, one in
// a folder of its own that goes with the command.
func (b *bench) openStore(ctx context.Context, name string) (*setup.Store, error) {
	mode := embedded.ReadOnly
	if name == "" {
		mode = embedded.ReadWrite
		folder, err := os.MkdirTemp("", "evaluate-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for the index: %w", err)
		}
		b.closers = append(b.closers, func() error { return os.RemoveAll(folder) })
		b.settings.Qdrant.LocalPath = filepath.Join(folder, "store")
	}
	store, err := setup.OpenStore(ctx, b.settings.Qdrant, mode, nil)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, store.Close)
	return store, nil
}

// index writes the documents of all languages to be searched.
func (b *bench) index(ctx context.Context, streams cli.Streams, store *setup.Store, name string) error {
	total := 0
	for _, set := range b.sets {
		if slices.Contains(b.spec.Langs, set.Lang) {
			total += len(set.Documents)
		}
	}
	progress := streams.Progress("passages", int64(total), cli.Items)
	defer progress.Close()
	shown := 0
	return b.lab.Index(ctx, store, ingest.Options{
		Corpus: name, Chunking: corpus.DefaultChunking,
		Batch: b.settings.Embedding.BatchSize, Concurrency: b.settings.Embedding.Concurrency,
		Progress: func(r ingest.Report) {
			if r.Written < shown { // the next language
				shown = 0
			}
			progress.Add(int64(r.Written - shown))
			shown = r.Written
		},
	}, b.spec.Langs...)
}

// embed has all questions embedded, and the passages in some languages.
func (b *bench) embed(ctx context.Context, streams cli.Streams, passages ...string) error {
	var questions, texts []string
	for _, set := range b.sets {
		for _, q := range set.Questions {
			questions = append(questions, q.Text)
		}
		if slices.Contains(passages, set.Lang) {
			more, _ := lab.Passages(set, corpus.DefaultChunking)
			texts = append(texts, more...)
		}
	}
	if err := b.embedShown(ctx, streams, "questions", embedding.Query, questions); err != nil {
		return err
	}
	return b.embedShown(ctx, streams, "passages", embedding.Passage, texts)
}

// embedShown has texts embedded, and shows how far it is.
func (b *bench) embedShown(ctx context.Context, streams cli.Streams, what string, role embedding.Role, texts []string) error {
	progress := streams.Progress(what, int64(len(texts)), cli.Items)
	defer progress.Close()
	return b.lab.Embed(ctx, role, texts, func(n int) { progress.Add(int64(n)) })
}

// close undoes what was set up, the last first.
func (b *bench) close() error {
	var errs []error
	for _, f := range slices.Backward(b.closers) {
		errs = append(errs, f())
	}
	b.closers = nil
	return errors.Join(errs...)
}

// parseTags reads a list of languages.
func parseTags(flag string, tags []string) ([]string, error) {
	parsed := make([]string, len(tags))
	for i, tag := range tags {
		var err error
		if parsed[i], err = lang.Parse(tag); err != nil {
			return nil, cli.UsageError{Err: fmt.Errorf("%s: %w", flag, err)}
		}
		if slices.Contains(parsed[:i], parsed[i]) {
			return nil, cli.UsageError{Err: fmt.Errorf("%s: %q is named twice", flag, parsed[i])}
		}
	}
	return parsed, nil
}
