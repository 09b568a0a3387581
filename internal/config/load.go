package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/caarlos0/env/v11"
)

// Ranges. The upper ends are beyond any use that is not a slip.
const (
	minTimeout     = time.Millisecond
	maxTimeout     = time.Hour
	maxDimensions  = 65536 // the widest vector that Qdrant stores
	maxBatchSize   = 2048  // the most that OpenAI takes
	maxConcurrency = 256
	maxAttempts    = 100
	maxCacheMB     = 1 << 20
)

// variables is what env/v11 fills. Every field keeps its preset value where the
// variable is unset or empty. Key files are read by this package, as env/v11
// would keep their line end and set no limit.
type variables struct {
	QdrantURL        string        `env:"QDRANT_URL"`
	QdrantAPIKey     string        `env:"QDRANT_API_KEY"`
	QdrantAPIKeyFile string        `env:"QDRANT_API_KEY_FILE"`
	QdrantLocalPath  string        `env:"QDRANT_LOCAL_PATH"`
	QdrantTimeout    time.Duration `env:"QDRANT_TIMEOUT"`
	QdrantTLS        bool          `env:"QDRANT_TLS"`
	QdrantCAFile     string        `env:"QDRANT_CA_FILE"`
	QdrantCertFile   string        `env:"QDRANT_CERT_FILE"`
	QdrantKeyFile    string        `env:"QDRANT_KEY_FILE"`

	CollectionFile   string   `env:"QDRANT_COLLECTION_OPTIONS"`
	Shards           *int     `env:"QDRANT_SHARDS"`
	Replication      *int     `env:"QDRANT_REPLICATION"`
	WriteConsistency *int     `env:"QDRANT_WRITE_CONSISTENCY"`
	HNSWM            *int     `env:"QDRANT_HNSW_M"`
	HNSWEFConstruct  *int     `env:"QDRANT_HNSW_EF_CONSTRUCT"`
	HNSWFullKB       *int     `env:"QDRANT_HNSW_FULL_SCAN_KB"`
	OnDisk           []string `env:"QDRANT_ON_DISK"`
	Datatype         string   `env:"QDRANT_DATATYPE"`
	Quantization     string   `env:"QDRANT_QUANTIZATION"`
	PayloadIndexes   []string `env:"QDRANT_PAYLOAD_INDEXES"`
	ShardKey         string   `env:"QDRANT_SHARD_KEY"`

	Layout      string `env:"QDRANT_LAYOUT"`
	TextKey     string `env:"QDRANT_TEXT_KEY"`
	TitleKey    string `env:"QDRANT_TITLE_KEY"`
	IDKey       string `env:"QDRANT_ID_KEY"`
	LangKey     string `env:"QDRANT_LANG_KEY"`
	MetadataKey string `env:"QDRANT_METADATA_KEY"`
	VectorName  string `env:"QDRANT_VECTOR_NAME"`

	FromQdrantAPIKey     string `env:"FROM_QDRANT_API_KEY"`
	FromQdrantAPIKeyFile string `env:"FROM_QDRANT_API_KEY_FILE"`
	ToQdrantAPIKey       string `env:"TO_QDRANT_API_KEY"`
	ToQdrantAPIKeyFile   string `env:"TO_QDRANT_API_KEY_FILE"`

	OpenAIBaseURL    string `env:"OPENAI_BASE_URL"`
	OpenAIAPIBase    string `env:"OPENAI_API_BASE"`
	OpenAIAPIKey     string `env:"OPENAI_API_KEY"`
	OpenAIAPIKeyFile string `env:"OPENAI_API_KEY_FILE"`

	EmbeddingBaseURL        string        `env:"EMBEDDING_BASE_URL"`
	EmbeddingAPIKey         string        `env:"EMBEDDING_API_KEY"`
	EmbeddingAPIKeyFile     string        `env:"EMBEDDING_API_KEY_FILE"`
	EmbeddingModel          string        `env:"EMBEDDING_MODEL"`
	EmbeddingQueryPrefix    string        `env:"EMBEDDING_QUERY_PREFIX"`
	EmbeddingPassagePrefix  string        `env:"EMBEDDING_PASSAGE_PREFIX"`
	EmbeddingDocumentPrefix string        `env:"EMBEDDING_DOCUMENT_PREFIX"`
	EmbeddingInstruction    string        `env:"EMBEDDING_INSTRUCTION"`
	EmbeddingQueryBody      string        `env:"EMBEDDING_QUERY_BODY"`
	EmbeddingPassageBody    string        `env:"EMBEDDING_PASSAGE_BODY"`
	EmbeddingDimensions     *int          `env:"EMBEDDING_DIMENSIONS"`
	EmbeddingBatchSize      int           `env:"EMBEDDING_BATCH_SIZE"`
	EmbeddingConcurrency    int           `env:"EMBEDDING_CONCURRENCY"`
	EmbeddingTimeout        time.Duration `env:"EMBEDDING_TIMEOUT"`
	EmbeddingMaxAttempts    int           `env:"EMBEDDING_MAX_ATTEMPTS"`
	EmbeddingCache          string        `env:"EMBEDDING_CACHE"`
	EmbeddingCacheMB        int           `env:"EMBEDDING_CACHE_MB"`

	TranslateAPI        string        `env:"TRANSLATE_API"`
	TranslateBaseURL    string        `env:"TRANSLATE_BASE_URL"`
	TranslateAPIKey     string        `env:"TRANSLATE_API_KEY"`
	TranslateAPIKeyFile string        `env:"TRANSLATE_API_KEY_FILE"`
	TranslateModel      string        `env:"TRANSLATE_MODEL"`
	TranslatePrompt     string        `env:"TRANSLATE_PROMPT"`
	TranslateTimeout    time.Duration `env:"TRANSLATE_TIMEOUT"`
	TranslateCache      string        `env:"TRANSLATE_CACHE"`

	FallbackAPI        string `env:"TRANSLATE_FALLBACK_API"`
	FallbackBaseURL    string `env:"TRANSLATE_FALLBACK_BASE_URL"`
	FallbackAPIKey     string `env:"TRANSLATE_FALLBACK_API_KEY"`
	FallbackAPIKeyFile string `env:"TRANSLATE_FALLBACK_API_KEY_FILE"`
	FallbackModel      string `env:"TRANSLATE_FALLBACK_MODEL"`

	GenerateBaseURL     string        `env:"GENERATE_BASE_URL"`
	GenerateAPIKey      string        `env:"GENERATE_API_KEY"`
	GenerateAPIKeyFile  string        `env:"GENERATE_API_KEY_FILE"`
	GenerateModel       string        `env:"GENERATE_MODEL"`
	GenerateConcurrency int           `env:"GENERATE_CONCURRENCY"`
	GenerateTimeout     time.Duration `env:"GENERATE_TIMEOUT"`
	GenerateCache       string        `env:"GENERATE_CACHE"`

	QueryLambda   *float64      `env:"QUERY_LAMBDA"`
	Profile       string        `env:"QUERY_PROFILE"`
	AnchorLang    string        `env:"ANCHOR_LANG"`
	AnchorTimeout time.Duration `env:"ANCHOR_TIMEOUT"`

	Filter          string        `env:"QUERY_FILTER"`
	Approximate     bool          `env:"QUERY_APPROXIMATE"`
	EF              *int          `env:"QUERY_EF"`
	Oversampling    *float64      `env:"QUERY_OVERSAMPLING"`
	ReadConsistency string        `env:"QUERY_READ_CONSISTENCY"`
	QueryTimeout    time.Duration `env:"QUERY_TIMEOUT"`
	QueryToken      string        `env:"QUERY_TOKEN"`
	QueryTokenFile  string        `env:"QUERY_TOKEN_FILE"`
}

// Environ returns the environment of this process, for Load.
func Environ() map[string]string { return env.ToMap(os.Environ()) }

// Load returns the settings that flags, the environment and the defaults make,
// in this order of precedence. A variable set to nothing counts as unset, but
// for the prefixes and the instruction, where it means none.
//
// Its error names every fault, one a line: variable or flag, what is wrong,
// what is expected. It never shows a value.
func Load(environ map[string]string, flags ...Flags) (Settings, error) {
	r := reader{environ: maps.Clone(environ), names: map[string]string{}, faults: map[string]error{}}
	if r.environ == nil { // env/v11 takes nil for the process's own
		r.environ = map[string]string{}
	}
	for _, group := range flags {
		for name, value := range group.overrides() {
			if value != nil {
				r.environ[name] = *value
				r.names[name] = "--" + lookup(name).Flag
			}
		}
	}
	settings := r.read()
	if err := r.err(); err != nil {
		return Settings{}, err
	}
	return settings, nil
}

// reader reads the variables and gathers the first fault of each.
type reader struct {
	environ map[string]string
	names   map[string]string // variables that a flag overrides, and that flag
	vars    variables
	faults  map[string]error
}

func (r *reader) read() Settings {
	r.vars = variables{
		QdrantTimeout:        DefaultQdrantTimeout,
		EmbeddingModel:       DefaultEmbeddingModel,
		EmbeddingBatchSize:   DefaultEmbeddingBatchSize,
		EmbeddingConcurrency: DefaultEmbeddingConcurrency,
		EmbeddingTimeout:     DefaultEmbeddingTimeout,
		EmbeddingMaxAttempts: DefaultEmbeddingMaxAttempts,
		EmbeddingCacheMB:     DefaultEmbeddingCacheMB,
		TranslateTimeout:     DefaultTranslateTimeout,
		TranslateAPI:         APIChat,
		FallbackAPI:          APIChat,
		GenerateConcurrency:  DefaultGenerateConcurrency,
		GenerateTimeout:      DefaultGenerateTimeout,
		AnchorLang:           DefaultAnchorLang,
		AnchorTimeout:        DefaultAnchorTimeout,
	}
	r.parse()
	r.checkRanges()
	v := &r.vars
	shared := r.openAI()
	settings := Settings{
		Qdrant: Qdrant{
			URL:       v.QdrantURL,
			APIKey:    r.secret("QDRANT_API_KEY", v.QdrantAPIKey, v.QdrantAPIKeyFile),
			LocalPath: v.QdrantLocalPath,
			Timeout:   v.QdrantTimeout,

			TLS:         r.tls(),
			Collections: r.collections(),
			Layout:      r.layout(),
		},
		Copy: Copy{
			FromAPIKey: r.secret("FROM_QDRANT_API_KEY", v.FromQdrantAPIKey, v.FromQdrantAPIKeyFile),
			ToAPIKey:   r.secret("TO_QDRANT_API_KEY", v.ToQdrantAPIKey, v.ToQdrantAPIKeyFile),
		},
		Embedding: r.embedding(shared),
		Translate: r.translate(shared),
		Generate:  r.generate(shared),
		Query:     Query{Lambda: v.QueryLambda, Profile: v.Profile, AnchorLang: v.AnchorLang, AnchorTimeout: v.AnchorTimeout, Read: r.readOptions()},
		Serve:     Serve{Token: r.secret("QUERY_TOKEN", v.QueryToken, v.QueryTokenFile)},
	}
	if settings.Qdrant.URL == "" && settings.Qdrant.LocalPath == "" {
		settings.Qdrant.LocalPath = r.defaultPath("QDRANT_LOCAL_PATH", "XDG_DATA_HOME", dataHome, storeName)
	}
	return settings
}

// parse fills vars. What env/v11 says of a fault holds the value, and names the
// field instead of the variable: only the field's name is taken.
func (r *reader) parse() {
	err := env.ParseWithOptions(&r.vars, env.Options{Environment: r.environ})
	all, ok := errors.AsType[env.AggregateError](err)
	if err != nil && !ok {
		panic(fmt.Sprintf("config: the variables' struct cannot be parsed: %T", err))
	}
	for _, one := range all.Errors {
		fault, ok := errors.AsType[env.ParseError](one)
		if !ok {
			panic(fmt.Sprintf("config: the variables' struct has a fault of type %T", one))
		}
		field, _ := reflect.TypeFor[variables]().FieldByName(fault.Name)
		r.fault(field.Tag.Get("env"), "cannot be read")
	}
}

func (r *reader) checkRanges() {
	v := &r.vars
	for name, value := range map[string]time.Duration{
		"QDRANT_TIMEOUT":    v.QdrantTimeout,
		"EMBEDDING_TIMEOUT": v.EmbeddingTimeout,
		"TRANSLATE_TIMEOUT": v.TranslateTimeout,
		"GENERATE_TIMEOUT":  v.GenerateTimeout,
		"ANCHOR_TIMEOUT":    v.AnchorTimeout,
	} {
		if value < minTimeout || value > maxTimeout {
			r.fault(name, "is out of range")
		}
	}
	dimensions := 1
	if v.EmbeddingDimensions != nil {
		dimensions = *v.EmbeddingDimensions
	}
	for name, check := range map[string]struct{ value, high int }{
		"EMBEDDING_DIMENSIONS":   {dimensions, maxDimensions},
		"EMBEDDING_BATCH_SIZE":   {v.EmbeddingBatchSize, maxBatchSize},
		"EMBEDDING_CONCURRENCY":  {v.EmbeddingConcurrency, maxConcurrency},
		"EMBEDDING_MAX_ATTEMPTS": {v.EmbeddingMaxAttempts, maxAttempts},
		"EMBEDDING_CACHE_MB":     {v.EmbeddingCacheMB, maxCacheMB},
		"GENERATE_CONCURRENCY":   {v.GenerateConcurrency, maxConcurrency},
	} {
		if check.value < 1 || check.value > check.high {
			r.fault(name, "is out of range")
		}
	}
	// Written so that NaN fails.
	if v.QueryLambda != nil && !(*v.QueryLambda >= 0 && *v.QueryLambda <= 1) {
		r.fault("QUERY_LAMBDA", "is out of range")
	}
}

func (r *reader) embedding(shared openAIEndpoint) Embedding {
	v := &r.vars
	embedding := Embedding{
		BaseURL:       r.baseURL("EMBEDDING_BASE_URL", v.EmbeddingBaseURL),
		Model:         v.EmbeddingModel,
		QueryPrefix:   r.optional("EMBEDDING_QUERY_PREFIX"),
		PassagePrefix: r.either("EMBEDDING_PASSAGE_PREFIX", "EMBEDDING_DOCUMENT_PREFIX"),
		Instruction:   r.optional("EMBEDDING_INSTRUCTION"),
		QueryBody:     r.object("EMBEDDING_QUERY_BODY", v.EmbeddingQueryBody),
		PassageBody:   r.object("EMBEDDING_PASSAGE_BODY", v.EmbeddingPassageBody),
		BatchSize:     v.EmbeddingBatchSize,
		Concurrency:   v.EmbeddingConcurrency,
		Timeout:       v.EmbeddingTimeout,
		MaxAttempts:   v.EmbeddingMaxAttempts,
		CachePath:     r.cachePath("EMBEDDING_CACHE", v.EmbeddingCache, embeddingsFile),
		CacheMB:       v.EmbeddingCacheMB,
	}
	if v.EmbeddingDimensions != nil {
		embedding.Dimensions = *v.EmbeddingDimensions
	}
	if embedding.BaseURL == "" {
		embedding.BaseURL = shared.baseURL
	}
	if embedding.BaseURL == "" {
		embedding.BaseURL = DefaultEmbeddingBaseURL
	}
	embedding.APIKey = r.secret("EMBEDDING_API_KEY", v.EmbeddingAPIKey, v.EmbeddingAPIKeyFile)
	if embedding.APIKey == (Secret{}) {
		embedding.APIKey = shared.keyFor(embedding.BaseURL)
	}
	return embedding
}

// translate returns the translator and its fallback, nil where there is none.
func (r *reader) translate(shared openAIEndpoint) *Translate {
	v := &r.vars
	translate := &Translate{
		API:     r.api("TRANSLATE_API", v.TranslateAPI),
		BaseURL: r.baseURL("TRANSLATE_BASE_URL", v.TranslateBaseURL),
		APIKey:  r.secret("TRANSLATE_API_KEY", v.TranslateAPIKey, v.TranslateAPIKeyFile),
		Model:   v.TranslateModel,
		Prompt:  v.TranslatePrompt,
		Timeout: v.TranslateTimeout,
	}
	fallback := r.fallback()
	if translate.API == APIChat {
		if translate.Model == "" {
			if fallback != nil {
				r.fault("TRANSLATE_FALLBACK_BASE_URL", "is set, but there is no translator that it could stand in for")
			}
			return nil
		}
		if translate.BaseURL == "" {
			translate.BaseURL = shared.baseURL
		}
		if translate.APIKey == (Secret{}) {
			translate.APIKey = shared.keyFor(translate.BaseURL)
		}
	}
	if translate.BaseURL == "" {
		// No default: queries go to a stranger only where someone said so.
		r.fault("TRANSLATE_BASE_URL", "is needed with TRANSLATE_MODEL and TRANSLATE_API")
	}
	translate.CachePath = r.cachePath("TRANSLATE_CACHE", v.TranslateCache, translateFile)
	if fallback != nil {
		fallback.Prompt, fallback.Timeout, fallback.CachePath = translate.Prompt, translate.Timeout, translate.CachePath
	}
	translate.Fallback = fallback
	return translate
}

func (r *reader) fallback() *Translate {
	v := &r.vars
	fallback := &Translate{
		API:     r.api("TRANSLATE_FALLBACK_API", v.FallbackAPI),
		BaseURL: r.baseURL("TRANSLATE_FALLBACK_BASE_URL", v.FallbackBaseURL),
		APIKey:  r.secret("TRANSLATE_FALLBACK_API_KEY", v.FallbackAPIKey, v.FallbackAPIKeyFile),
		Model:   v.FallbackModel,
	}
	switch {
	case fallback.BaseURL == "":
		return nil
	case fallback.API == APIChat && fallback.Model == "":
		r.fault("TRANSLATE_FALLBACK_MODEL", "is needed with TRANSLATE_FALLBACK_BASE_URL")
	}
	return fallback
}

// generate returns what writes queries for passages, nil where no model is
// named.
func (r *reader) generate(shared openAIEndpoint) *Generate {
	v := &r.vars
	generate := &Generate{
		BaseURL:     r.baseURL("GENERATE_BASE_URL", v.GenerateBaseURL),
		APIKey:      r.secret("GENERATE_API_KEY", v.GenerateAPIKey, v.GenerateAPIKeyFile),
		Model:       v.GenerateModel,
		Concurrency: v.GenerateConcurrency,
		Timeout:     v.GenerateTimeout,
	}
	if generate.Model == "" {
		return nil
	}
	if generate.BaseURL == "" {
		generate.BaseURL = shared.baseURL
	}
	if generate.BaseURL == "" {
		// No default: passages go to a stranger only where someone said so.
		r.fault("GENERATE_BASE_URL", "is needed with GENERATE_MODEL")
	}
	if generate.APIKey == (Secret{}) {
		generate.APIKey = shared.keyFor(generate.BaseURL)
	}
	generate.CachePath = r.cachePath("GENERATE_CACHE", v.GenerateCache, generateFile)
	return generate
}

func (r *reader) api(name, value string) string {
	if !slices.Contains([]string{APIChat, APILibreTranslate, APIApertium}, value) {
		r.fault(name, "is not known")
	}
	return value
}

// cachePath returns where a cache lies, "" where it is switched off.
func (r *reader) cachePath(name, value, file string) string {
	switch value {
	case cacheOff:
		return ""
	case "":
		return r.defaultPath(name, "XDG_CACHE_HOME", os.UserCacheDir, file)
	default:
		return value
	}
}

// defaultPath returns a path below the folder that the variable xdg names or,
// where it names no absolute one, below that of home.
func (r *reader) defaultPath(name, xdg string, home func() (string, error), last string) string {
	folder := r.environ[xdg]
	if !filepath.IsAbs(folder) {
		var err error
		if folder, err = home(); err != nil {
			r.fault(name, "is needed, as the user's home folder is not known")
			return ""
		}
	}
	return filepath.Join(folder, programFolder, last)
}

func dataHome() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share"), err
}

// fault notes what is wrong with a variable, unless something is already.
func (r *reader) fault(name, problem string) {
	if r.faults[name] != nil {
		return
	}
	shown := name
	if flag, ok := r.names[name]; ok {
		shown = flag
	}
	r.faults[name] = fmt.Errorf("%s: %s: expected %s", shown, problem, lookup(name).Expects)
}

// err joins the faults in the order of the table.
func (r *reader) err() error {
	var all []error
	for _, v := range table {
		all = append(all, r.faults[v.Name])
	}
	return errors.Join(all...)
}

func lookup(name string) Variable {
	for _, v := range table {
		if v.Name == name {
			return v
		}
	}
	panic("config: " + name + " is not in the table of variables")
}
