package querysynergy

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/filter"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Option says how a Retriever works. Every [QueryOption] is one, too, and then
// holds for all queries that do not say otherwise.
type Option interface{ apply(*options) error }

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

// options is what Open goes by.
type options struct {
	settings   config.Settings
	stored     bool // a folder or server is named
	embedder   *ownEmbedder
	translator *ownTranslator
	chunking   corpus.Chunking
	log        *slog.Logger
	// translations is the file of the translation cache; empty: the settings say.
	translations string
	query        queryOptions
}

// Endpoint is an HTTP API.
type Endpoint struct {
	URL   string // with the /v1 where it is OpenAI-compatible
	Model string // where the API takes one
	Key   string // sent as a bearer token; empty: none
}

// WithFolder keeps the vectors in a folder of this machine, served within the
// process: exact search, many readers beside one writer. Add makes the folder.
func WithFolder(path string) Option {
	return optionFunc(func(o *options) error {
		if path == "" {
			return errors.New("WithFolder: the path is empty")
		}
		o.settings.Qdrant.URL, o.settings.Qdrant.LocalPath, o.stored = "", path, true
		return nil
	})
}

// WithQdrant uses a Qdrant server or cluster, over gRPC: "localhost:6334",
// "https://xyz.cloud.qdrant.io". key may be empty.
func WithQdrant(url, key string) Option {
	return optionFunc(func(o *options) error {
		if url == "" {
			return errors.New("WithQdrant: the URL is empty")
		}
		o.settings.Qdrant.URL, o.settings.Qdrant.APIKey, o.stored = url, config.NewSecret(key), true
		return nil
	})
}

// WithEndpoint embeds texts at an OpenAI-compatible endpoint. The model's name
// selects its prefixes and its λ, as docs/configuration.md lists them.
func WithEndpoint(e Endpoint) Option {
	return optionFunc(func(o *options) error {
		if e.URL == "" || e.Model == "" {
			return errors.New("WithEndpoint: want a URL and a model")
		}
		o.settings.Embedding.BaseURL, o.settings.Embedding.Model = e.URL, e.Model
		o.settings.Embedding.APIKey = config.NewSecret(e.Key)
		o.embedder = nil
		return nil
	})
}

// WithEmbedder embeds texts with an Embedder of your own. model names it and
// all that changes its vectors; an index remembers the name and is refused under
// another.
func WithEmbedder(model string, e Embedder) Option {
	return optionFunc(func(o *options) error {
		if model == "" || e == nil {
			return errors.New("WithEmbedder: want a model's name and an Embedder")
		}
		o.embedder = &ownEmbedder{model: model, embedder: e}
		return nil
	})
}

// WithChatTranslator has an OpenAI-compatible chat model write the anchors, with
// the prompt of the Query-Synergy paper.
func WithChatTranslator(e Endpoint) Option {
	return machine("WithChatTranslator", config.APIChat, e)
}

// WithLibreTranslate has a LibreTranslate server write the anchors.
func WithLibreTranslate(e Endpoint) Option {
	return machine("WithLibreTranslate", config.APILibreTranslate, e)
}

// WithApertium has an Apertium server write the anchors.
func WithApertium(e Endpoint) Option { return machine("WithApertium", config.APIApertium, e) }

func machine(name, api string, e Endpoint) Option {
	return optionFunc(func(o *options) error {
		if e.URL == "" || api == config.APIChat && e.Model == "" {
			return fmt.Errorf("%s: want a URL and, of a chat model, its name", name)
		}
		o.translator = nil
		o.settings.Translate = &config.Translate{
			API: api, BaseURL: e.URL, Model: e.Model, APIKey: config.NewSecret(e.Key), Timeout: config.DefaultTranslateTimeout,
		}
		return nil
	})
}

// WithTranslator has a Translator of your own write the anchors. name is what
// [Anchor.Origin] says, and the name that a profile knows it by.
func WithTranslator(name string, t Translator) Option {
	return optionFunc(func(o *options) error {
		if name == "" || t == nil {
			return errors.New("WithTranslator: want a name and a Translator")
		}
		o.settings.Translate, o.translator = nil, &ownTranslator{name, t}
		return nil
	})
}

// WithCache keeps vectors and translations that an endpoint gave in this folder,
// so that equal texts are sent once. Without it nothing is kept. What comes from
// an Embedder or Translator of your own is not cached.
func WithCache(folder string) Option {
	return optionFunc(func(o *options) error {
		if folder == "" {
			return errors.New("WithCache: the path is empty")
		}
		o.settings.Embedding.CachePath = filepath.Join(folder, "embeddings.db")
		o.translations = filepath.Join(folder, "translations.db")
		return nil
	})
}

// WithProfile reads λ, and how far each translator is to be trusted, by language
// from a file that `evaluate tune` or `evaluate trust` wrote. It must be of the
// same model.
func WithProfile(file string) Option {
	return optionFunc(func(o *options) error {
		o.settings.Query.Profile = file
		return nil
	})
}

// WithAnchorLang sets the anchors' language, a BCP 47 tag; it is "en" if not
// said.
func WithAnchorLang(tag string) Option {
	return optionFunc(func(o *options) error {
		parsed, err := lang.Parse(tag)
		if err != nil {
			return fmt.Errorf("WithAnchorLang: %w", err)
		}
		o.settings.Query.AnchorLang = parsed
		return nil
	})
}

// WithAnchorTimeout sets how long a query waits for its translation; it is two
// seconds if not said.
func WithAnchorTimeout(d time.Duration) Option {
	return optionFunc(func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("WithAnchorTimeout: %v is not above 0", d)
		}
		o.settings.Query.AnchorTimeout = d
		return nil
	})
}

// WithChunking sets how long documents are cut, in characters, and how many of
// these a passage may repeat of the one before: 4000 and 200 if not said. An
// index keeps to one cut.
func WithChunking(characters, overlap int) Option {
	return optionFunc(func(o *options) error {
		o.chunking = corpus.Chunking{MaxRunes: characters, OverlapRunes: overlap}
		return o.chunking.Validate()
	})
}

// WithLogger sets where warnings go: retries, a cache that cannot be opened.
// Without it nothing is logged. No text, key or query is.
func WithLogger(log *slog.Logger) Option {
	return optionFunc(func(o *options) error {
		if log == nil {
			return errors.New("WithLogger: want a logger")
		}
		o.log = log
		return nil
	})
}

// FromEnvironment takes from the environment what the commands take: QDRANT_URL,
// EMBEDDING_BASE_URL, TRANSLATE_MODEL and the like, with the same defaults
// (docs/configuration.md). It goes before the options that are to differ from
// it.
func FromEnvironment() Option {
	return optionFunc(func(o *options) error {
		settings, err := config.Load(config.Environ())
		if err != nil {
			return err
		}
		o.settings, o.stored, o.embedder, o.translator = settings, true, nil, nil
		return nil
	})
}

// QueryOption says how a query is answered.
type QueryOption func(*queryOptions) error

func (f QueryOption) apply(o *options) error { return f(&o.query) }

// queryOptions is what Retrieve goes by.
type queryOptions struct {
	langs         service.Languages
	addLang       string // of documents that name none
	anchor        string
	topK          int
	lambda        *float64
	minScore      *float64
	filter        filter.Expr // nil: as the settings say
	fullTrust     bool
	requireAnchor bool
}

// WithLang names the language of the query and of the documents. With several,
// the first is the query's and the documents of all are searched, merged by
// score. Without it the query's language is detected among those indexed.
func WithLang(tags ...string) QueryOption {
	return func(q *queryOptions) (err error) {
		if len(tags) == 0 {
			return errors.New("WithLang: want a language")
		}
		if q.langs, err = service.ParseLanguages(tags...); err != nil {
			return fmt.Errorf("WithLang: %w", err)
		}
		q.addLang = ""
		if !q.langs.Detected() {
			q.addLang, err = lang.Parse(tags[0])
		}
		return err
	}
}

// WithAllLangs searches every language that is indexed. The query's is detected
// among them.
func WithAllLangs() QueryOption {
	return func(q *queryOptions) (err error) {
		q.addLang = ""
		q.langs, err = service.ParseLanguages(service.LangAll)
		return err
	}
}

// WithAnchor gives the anchor: the same question in the anchors' language. No
// translator is asked then. Empty means that there is none.
func WithAnchor(text string) QueryOption {
	return func(q *queryOptions) error {
		q.anchor = text
		return nil
	}
}

// WithTopK sets how many documents are wanted, from 1 to 1000; 10 if not said.
func WithTopK(k int) QueryOption {
	return func(q *queryOptions) error {
		if k < 1 || k > search.MaxTopK {
			return fmt.Errorf("WithTopK: %d is not in 1 to %d", k, search.MaxTopK)
		}
		q.topK = k
		return nil
	}
}

// WithLambda sets the weight of the query itself, from 0, the anchor alone, to
// 1, the query alone. Without it the profile decides, or what was measured for
// the model, or 0.5.
func WithLambda(lambda float64) QueryOption {
	return func(q *queryOptions) error {
		if !(lambda >= 0 && lambda <= 1) { // also catches NaN
			return fmt.Errorf("WithLambda: %v is not in [0, 1]", lambda)
		}
		q.lambda = &lambda
		return nil
	}
}

// WithMinScore leaves out hits that score less, in [-1, 1]. Scores are cosines,
// whose level differs from model to model: look at yours before you set it.
func WithMinScore(score float64) QueryOption {
	return func(q *queryOptions) error {
		if !(score >= -1 && score <= 1) { // also catches NaN
			return fmt.Errorf("WithMinScore: %v is not in [-1, 1]", score)
		}
		q.minScore = &score
		return nil
	}
}

// WithFilter searches only the documents that a filter holds for, such as
// "year >= 2020 and not exists(draft)"; docs/filters.md describes the language.
// The answer is proven all the same.
func WithFilter(text string) QueryOption {
	return func(q *queryOptions) (err error) {
		if q.filter, err = filter.Parse(text); err != nil {
			return fmt.Errorf("WithFilter: %w", err)
		}
		return nil
	}
}

// WithMetadata searches only the documents whose metadata have all these values:
// strings, bools, whole numbers and float64. A list has a value that is one of
// its elements.
func WithMetadata(values map[string]any) QueryOption {
	return func(q *queryOptions) error {
		all := &filter.And{}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			value := values[key]
			switch v := value.(type) {
			case string, bool, int64, float64:
			case int:
				value = int64(v)
			default:
				return fmt.Errorf("WithMetadata: %.60q is a %T, want a string, a bool or a number", key, value)
			}
			text := (&filter.Compare{Path: filter.Path{filter.Key("metadata"), filter.Key(key)}, Op: filter.Equal, Value: value}).String()
			part, err := filter.Parse(text)
			if err != nil {
				return fmt.Errorf("WithMetadata: %.60q: %w", key, err)
			}
			all.Of = append(all.Of, part)
		}
		if len(all.Of) == 0 {
			return errors.New("WithMetadata: want a value")
		}
		q.filter = all
		return nil
	}
}

// WithFullTrust takes every anchor in full. Without it, one that a machine wrote
// loses weight, up to all of it, as far as it finds other passages than the
// query.
func WithFullTrust() QueryOption {
	return func(q *queryOptions) error {
		q.fullTrust = true
		return nil
	}
}

// WithRequiredAnchor makes a missing anchor an error, a *[NoAnchorError].
func WithRequiredAnchor() QueryOption {
	return func(q *queryOptions) error {
		q.requireAnchor = true
		return nil
	}
}
