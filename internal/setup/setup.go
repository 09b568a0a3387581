// Package setup makes the parts that a command works with out of its Settings:
// the store, the embedding client, the translator, the query generator. It is where packages that do
// not know each other are joined, and it decides nothing else.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/augment/generate"
	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/cli/fault"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/profile"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
)

// Logger writes warnings, and with verbose everything, to w.
func Logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{} // a command's log is read as it runs
			}
			return a
		},
	}))
}

// Store is a connection to Qdrant, with the in-process engine behind it where
// no server is named.
type Store struct {
	*qdrant.Store
	engine *embedded.Engine // nil with a server
	Where  string           // for people
}

// OpenStore opens the store that the settings name. The embedded one is opened
// in the given mode; a server is the same for reading and writing. The errors
// to branch on are embedded.ErrNoStore and *embedded.LockedError.
func OpenStore(ctx context.Context, s config.Qdrant, mode embedded.Mode, log *slog.Logger) (*Store, error) {
	opts := qdrant.Options{URL: s.URL, APIKey: s.APIKey.Reveal(), TLS: s.TLS.On, Timeout: s.Timeout, Logger: log}
	var err error
	if mode == embedded.ReadWrite { // only writing makes collections
		if opts.Collections, err = CollectionOptions(s.Collections); err != nil {
			return nil, fault.UsageError{Err: err}
		}
	}
	if opts.TLSConfig, err = newTLS(s.TLS); err != nil {
		return nil, err
	}
	if s.URL != "" {
		store, err := qdrant.Connect(opts)
		if err != nil {
			return nil, err
		}
		return &Store{Store: store, Where: s.URL}, nil
	}
	engine, err := embedded.Open(ctx, s.LocalPath, mode)
	if errors.Is(err, embedded.ErrNoStore) {
		return nil, fault.WithHint(err, "index a corpus with indexer, or name the store with QDRANT_LOCAL_PATH or a server with QDRANT_URL")
	}
	if err != nil {
		return nil, err
	}
	opts.Dial, opts.Folder = engine.Dial, s.LocalPath
	store, err := qdrant.Connect(opts)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return &Store{Store: store, engine: engine, Where: s.LocalPath}, nil
}

// Close ends the connection and, where there is one, the engine.
func (s *Store) Close() error {
	err := s.Store.Close()
	if s.engine != nil {
		err = errors.Join(err, s.engine.Close())
	}
	return err
}

// Embedder is an embedding client with its cache.
type Embedder struct {
	*embedding.Client
	Profile embedding.Profile
	cache   *cache.Cache
}

// NewEmbedder makes the client that the settings describe: the model's profile,
// overridden where they say otherwise. It sends nothing yet.
func NewEmbedder(s config.Embedding, log *slog.Logger) (*Embedder, error) {
	profile := embedding.ProfileFor(s.Model)
	if s.Instruction != nil {
		var err error
		if profile, err = profile.WithInstruction(*s.Instruction); err != nil {
			return nil, fmt.Errorf("model %q: %w", s.Model, err)
		}
	}
	if s.QueryPrefix != nil {
		profile.QueryPrefix = *s.QueryPrefix
	}
	if s.PassagePrefix != nil {
		profile.PassagePrefix = *s.PassagePrefix
	}
	if s.QueryBody != nil {
		profile.QueryBody = s.QueryBody
	}
	if s.PassageBody != nil {
		profile.PassageBody = s.PassageBody
	}
	if s.Dimensions != 0 {
		profile.Dimensions, profile.RequestDimensions = s.Dimensions, true
	}
	e := &Embedder{Profile: profile, cache: openCache(s.CachePath, int64(s.CacheMB)<<20, log)}
	client, err := embedding.New(embedding.Config{
		BaseURL: s.BaseURL, APIKey: s.APIKey.Reveal(), Model: s.Model, Profile: profile,
		BatchSize: s.BatchSize, Concurrency: s.Concurrency,
		Timeout: s.Timeout, MaxAttempts: s.MaxAttempts,
		Cache: e.cache, Logger: log,
	})
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.Client = client
	return e, nil
}

// Close gives the cache free.
func (e *Embedder) Close() error {
	if e.cache == nil {
		return nil
	}
	return e.cache.Close()
}

// Tuning is what the settings, the profile and the model say of λ and of trust.
type Tuning struct {
	settings config.Query
	tuned    *profile.Profile // nil: none is named
	model    embedding.Profile
}

// Tuning reads the profile that the settings name, if any.
func (e *Embedder) Tuning(s config.Query) (*Tuning, error) {
	return NewTuning(s, e.Identity().Model, e.Profile)
}

// NewTuning is Embedder.Tuning for vectors that a model makes by other ways.
func NewTuning(s config.Query, model string, of embedding.Profile) (*Tuning, error) {
	t := &Tuning{settings: s, model: of}
	if s.Profile == "" {
		return t, nil
	}
	var err error
	t.tuned, err = profile.Read(s.Profile, model)
	return t, err
}

// At returns the tuning of somebody who asked for this λ.
func (t *Tuning) At(lambda float64) *Tuning {
	other := *t
	other.settings.Lambda = &lambda
	return &other
}

// Lambda returns the λ to use for documents in a language: what was asked for,
// else what was tuned for the language, else what was measured for the model,
// else the paper's.
func (t *Tuning) Lambda(language string) float64 {
	if t.settings.Lambda != nil {
		return *t.settings.Lambda
	}
	if lambda, ok := t.tuned.Lambda(language, t.settings.AnchorLang); ok {
		return lambda
	}
	if t.model.Lambda != 0 {
		return t.model.Lambda
	}
	return search.PaperLambda
}

// Trust is a search.Trust: anchors are judged as the profile says of their
// translator or, where it does not know it, with no trust in a machine's and
// full trust in what people gave or put into a file.
func (t *Tuning) Trust(documents, origin string) (search.Standing, bool) {
	name := origin
	if origin == anchor.OriginGiven {
		name = evalsuite.Human
	}
	if trusted, lambda, ok := t.tuned.Trust(documents, t.settings.AnchorLang, name); ok {
		standing := search.Standing{Trust: trusted}
		if t.settings.Lambda == nil {
			standing.Lambda = &lambda
		}
		return standing, true
	}
	return search.Standing{}, origin != anchor.OriginGiven && !strings.HasPrefix(origin, anchor.OriginFile)
}

// openCache opens a cache, or says why there is none: a cache only saves work.
func openCache(path string, maxBytes int64, log *slog.Logger) *cache.Cache {
	if path == "" {
		return nil
	}
	c, err := cache.Open(path, maxBytes)
	if err != nil {
		log.Warn("going on without a cache", "error", err)
		return nil
	}
	return c
}

// Bounds of the caches of texts, which are short.
const (
	translationsMaxBytes = 256 << 20
	generatedMaxBytes    = 1 << 30
)

// Translator is where anchor queries come from, with its cache.
type Translator struct {
	anchor.Translator
	cache *cache.Cache
}

// NewTranslator makes the translator that the settings describe, or returns nil
// where they describe none. A file of translations, if named, is asked first.
func NewTranslator(s *config.Translate, file string, log *slog.Logger) (*Translator, error) {
	var chain anchor.Chain
	if file != "" {
		translations, err := anchor.OpenFile(file)
		if err != nil {
			return nil, err
		}
		chain = append(chain, translations)
	}
	t := &Translator{}
	if s != nil {
		t.cache = openCache(s.CachePath, translationsMaxBytes, log)
	}
	for ; s != nil; s = s.Fallback {
		translator, err := newMachine(s, log)
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		if t.cache != nil {
			chain = append(chain, anchor.NewCached(translator, t.cache, log))
		} else {
			chain = append(chain, translator)
		}
	}
	switch len(chain) {
	case 0:
		return nil, nil
	case 1:
		t.Translator = chain[0]
	default:
		t.Translator = chain
	}
	return t, nil
}

// TranslatorName returns the Origin of the anchors that a translator writes,
// which is its name in a profile.
func TranslatorName(s *config.Translate) string {
	if s.API == config.APIChat {
		return anchor.OriginChat + s.Model
	}
	return s.API
}

// newMachine makes what translates, without its fallback.
func newMachine(s *config.Translate, log *slog.Logger) (anchor.Identified, error) {
	server := anchor.ServerConfig{BaseURL: s.BaseURL, APIKey: s.APIKey.Reveal(), Timeout: s.Timeout, Logger: log}
	switch s.API {
	case config.APILibreTranslate:
		return anchor.NewLibreTranslate(server)
	case config.APIApertium:
		return anchor.NewApertium(server)
	}
	chat := anchor.ChatConfig{
		BaseURL: s.BaseURL, APIKey: s.APIKey.Reveal(), Model: s.Model, Timeout: s.Timeout, Logger: log,
	}
	if s.Prompt != "" {
		var err error
		if chat.Prompt, err = anchor.ParsePrompt(s.Prompt); err != nil {
			return nil, fmt.Errorf("TRANSLATE_PROMPT: %w", err)
		}
	}
	return anchor.NewChat(chat)
}

// Close gives the cache free. A nil translator has none.
func (t *Translator) Close() error {
	if t == nil || t.cache == nil {
		return nil
	}
	return t.cache.Close()
}

// Generator is the model that writes queries for passages, with its cache.
type Generator struct {
	generate.Model
	cache *cache.Cache
}

// NewGenerator makes the generator that the settings describe. It sends nothing
// yet.
func NewGenerator(s *config.Generate, log *slog.Logger) (*Generator, error) {
	chat, err := generate.NewChat(generate.ChatConfig{
		BaseURL: s.BaseURL, APIKey: s.APIKey.Reveal(), Model: s.Model, Timeout: s.Timeout, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	g := &Generator{Model: chat, cache: openCache(s.CachePath, generatedMaxBytes, log)}
	if g.cache != nil {
		g.Model = generate.NewCached(chat, g.cache, log)
	}
	return g, nil
}

// Close gives the cache free.
func (g *Generator) Close() error {
	if g.cache == nil {
		return nil
	}
	return g.cache.Close()
}

// ExplainSearch adds what to do to the errors that a search meets when it is
// not asked of the right index in the right way.
func ExplainSearch(err error) error {
	if errors.Is(err, qdrant.ErrNoCollection) {
		return fault.WithHint(err, "check --corpus and --lang, or build the index with indexer")
	}
	if _, ok := errors.AsType[*qdrant.SchemaError](err); ok {
		return fault.WithHint(err, "pass the settings that the index was built with; indexer status shows its model")
	}
	return err
}
