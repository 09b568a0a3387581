// Package config turns the environment and the command line into Settings,
// once, at the start of a command: flag before environment before default.
//
// It reports every fault at once, and never with the value that is at fault:
// people paste keys into the wrong variable. It says what the settings are,
// not what is done with them, and imports nothing of the project.
package config

import "time"

// Defaults. The embedding's are what `make endpoint` serves, so that a text
// leaves the machine only where someone named another endpoint.
const (
	DefaultQdrantTimeout = 30 * time.Second

	DefaultEmbeddingBaseURL     = "http://127.0.0.1:8199/v1"
	DefaultEmbeddingModel       = "multilingual-e5-small-q4"
	DefaultEmbeddingBatchSize   = 16
	DefaultEmbeddingConcurrency = 4
	DefaultEmbeddingTimeout     = 60 * time.Second
	DefaultEmbeddingMaxAttempts = 5
	DefaultEmbeddingCacheMB     = 4096

	DefaultTranslateTimeout = 10 * time.Second

	DefaultGenerateConcurrency = 4
	DefaultGenerateTimeout     = 60 * time.Second

	DefaultAnchorLang    = "en"
	DefaultAnchorTimeout = 2 * time.Second
)

// Settings are what the commands go by. Every value is in the range that the
// table of Variables names.
type Settings struct {
	Qdrant    Qdrant
	Copy      Copy
	Embedding Embedding
	Translate *Translate // nil: no translator is configured
	Generate  *Generate  // nil: no model that generates queries is configured
	Query     Query
	Serve     Serve
}

// Serve holds what a server of queries needs besides.
type Serve struct {
	Token Secret // that clients must show; empty: none
}

// Qdrant says where the vectors are: on the server at URL or, where URL is
// empty, in the embedded store at LocalPath.
type Qdrant struct {
	URL       string
	APIKey    Secret
	LocalPath string        // "" where URL is set and no path was given
	Timeout   time.Duration // of one call

	TLS         TLS
	Collections Collections
	Layout      Layout
}

// Copy holds the keys of the servers that indexer copy is told of by flags. The
// key in Qdrant goes to none of them.
type Copy struct {
	FromAPIKey, ToAPIKey Secret
}

// Embedding describes the endpoint that turns texts into vectors. A nil prefix
// or instruction is left to the model's profile, an empty one means none.
type Embedding struct {
	BaseURL       string
	APIKey        Secret // empty where none belongs to BaseURL
	Model         string
	QueryPrefix   *string
	PassagePrefix *string
	Instruction   *string
	QueryBody     map[string]any // extra fields of a request for queries; numbers are json.Number
	PassageBody   map[string]any // the same, for passages
	Dimensions    int            // 0: the model's own
	BatchSize     int            // texts a request
	Concurrency   int            // requests at once
	Timeout       time.Duration  // of one attempt
	MaxAttempts   int            // the first included
	CachePath     string         // "": no cache
	CacheMB       int            // MiB
}

// What translates.
const (
	APIChat           = "chat" // any OpenAI-compatible chat model
	APILibreTranslate = "libretranslate"
	APIApertium       = "apertium" // apertium-apy
)

// Translate describes what writes anchor queries.
type Translate struct {
	API       string // one of the above
	BaseURL   string
	APIKey    Secret        // empty where none belongs to BaseURL
	Model     string        // of APIChat
	Prompt    string        // of APIChat; "": the paper's
	Timeout   time.Duration // of one translation, retries included
	CachePath string        // "": no cache
	Fallback  *Translate    // asked where this one fails; nil: none
}

// Generate describes the OpenAI-compatible chat model that writes queries for
// passages.
type Generate struct {
	BaseURL     string
	APIKey      Secret // empty where none belongs to BaseURL
	Model       string
	Concurrency int           // passages asked about at once
	Timeout     time.Duration // of one attempt
	CachePath   string        // "": no cache
}

// Query holds what a query may leave to its surroundings.
type Query struct {
	Lambda     *float64 // in [0, 1]; nil: the profile decides, or else the model's
	Profile    string   // file of tuned weights; "": none
	AnchorLang string   // the anchor query's language, a BCP 47 tag, not yet parsed
	// AnchorTimeout is how long a query waits for its anchor.
	AnchorTimeout time.Duration
	Read          Read
}
