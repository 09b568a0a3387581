// Package embedding turns texts into checked unit vectors through any
// OpenAI-compatible /v1/embeddings endpoint.
//
// A Profile says how a model wants its input: a wrong prefix costs quality
// without any error. The Client sends equal texts once, in batches, several at
// once, keeps what came back in a persistent cache, and lets no vector through
// that could not be stored and searched. It knows nothing of Qdrant, documents
// or translation. Texts are sent as they are: normalising them to NFC is the
// caller's part.
package embedding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/endpoint"
)

// Role is what a text is to the search; many models embed the two differently.
type Role int

// The roles of a text.
const (
	Query Role = iota
	Passage
)

func (r Role) String() string {
	if r == Passage {
		return "passage"
	}
	return "query"
}

// count says how many texts of the role there are.
func (r Role) count(n int) string {
	switch {
	case n == 1 && r == Query:
		return "1 query"
	case n == 1:
		return "1 passage"
	case r == Query:
		return fmt.Sprintf("%d queries", n)
	default:
		return fmt.Sprintf("%d passages", n)
	}
}

// Defaults of Config.
const (
	DefaultBatchSize   = 64
	DefaultBatchRunes  = 60_000
	DefaultConcurrency = 4
)

// Config describes the endpoint and how it is used. Zero numbers take the
// defaults above and those of package endpoint.
type Config struct {
	BaseURL string // with the /v1
	APIKey  string
	Model   string
	Profile Profile

	BatchSize   int // texts a request
	BatchRunes  int // characters a request, unless one text alone has more
	Concurrency int // requests at once

	Timeout     time.Duration // of one attempt
	MaxAttempts int

	Cache     *cache.Cache      // nil: none
	Logger    *slog.Logger      // nil: silent
	Transport http.RoundTripper // nil: net/http's
}

// Stats counts what one Embed did. Equal texts count once.
type Stats struct {
	Embedded int // answered by the endpoint
	Cached   int // found in the cache
	Cut      int // longer than Profile.MaxRunes, hence embedded in part
	Requests int // requests sent, failed ones included
	Tokens   int // as the endpoint counted them; 0 where it does not
}

// Client embeds texts. It is safe for concurrent use.
type Client struct {
	config   Config
	endpoint *endpoint.Endpoint
	logger   *slog.Logger
	roles    [2]roleInput
	identity Identity

	// dimensions is the width of all vectors, 0 until it is known.
	dimensions atomic.Int64
	// cacheFailed says that the cache failed once, and is not asked again.
	cacheFailed atomic.Bool
	cutLogged   sync.Once
}

// roleInput is what a profile puts around the texts of one role.
type roleInput struct {
	prefix   string
	body     map[string]any
	bodyJSON string
}

// New checks config; it sends nothing.
func New(config Config) (*Client, error) {
	if config.Model == "" {
		return nil, errors.New("no embedding model is named (set EMBEDDING_MODEL)")
	}
	profile := config.Profile
	if profile.Dimensions < 0 || profile.MaxRunes < 0 {
		return nil, fmt.Errorf("embedding profile %q: dimensions %d and length limit %d must not be negative",
			profile.Name, profile.Dimensions, profile.MaxRunes)
	}
	if profile.RequestDimensions && profile.Dimensions == 0 {
		return nil, fmt.Errorf("embedding profile %q asks the endpoint for dimensions without saying how many", profile.Name)
	}
	query, err := newRoleInput(profile.QueryPrefix, profile.QueryBody)
	if err != nil {
		return nil, fmt.Errorf("embedding profile %q, query: %w", profile.Name, err)
	}
	passage, err := newRoleInput(profile.PassagePrefix, profile.PassageBody)
	if err != nil {
		return nil, fmt.Errorf("embedding profile %q, passage: %w", profile.Name, err)
	}
	config.BatchSize = orDefault(config.BatchSize, DefaultBatchSize)
	config.BatchRunes = orDefault(config.BatchRunes, DefaultBatchRunes)
	config.Concurrency = orDefault(config.Concurrency, DefaultConcurrency)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	api, err := endpoint.New(endpoint.Config{
		BaseURL: config.BaseURL,
		APIKey:  config.APIKey,
		Hints: endpoint.Hints{
			KeyVariables: "EMBEDDING_API_KEY or OPENAI_API_KEY",
			URLVariables: "EMBEDDING_BASE_URL or OPENAI_BASE_URL",
			Start:        "start one with `make endpoint`",
		},
		Timeout:       config.Timeout,
		MaxAttempts:   config.MaxAttempts,
		MaxReplyBytes: maxReplyBytes(config.BatchSize, profile.Dimensions),
		Logger:        config.Logger,
		Transport:     config.Transport,
	})
	if err != nil {
		return nil, fmt.Errorf("embedding endpoint: %w", err)
	}
	c := &Client{
		config:   config,
		endpoint: api,
		logger:   config.Logger,
		roles:    [...]roleInput{Query: query, Passage: passage},
		identity: Identity{
			Model:         config.Model,
			QueryPrefix:   query.prefix,
			PassagePrefix: passage.prefix,
			QueryBody:     query.bodyJSON,
			PassageBody:   passage.bodyJSON,
		},
	}
	c.dimensions.Store(int64(profile.Dimensions))
	return c, nil
}

func newRoleInput(prefix string, body map[string]any) (roleInput, error) {
	if !utf8.ValidString(prefix) {
		return roleInput{}, errors.New("the prefix is not valid UTF-8")
	}
	for _, reserved := range []string{"input", "model", "dimensions", "encoding_format"} {
		if _, ok := body[reserved]; ok {
			return roleInput{}, fmt.Errorf("request field %q cannot be set by a profile", reserved)
		}
	}
	if len(body) == 0 {
		return roleInput{prefix: prefix}, nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return roleInput{}, fmt.Errorf("request fields: %w", err)
	}
	return roleInput{prefix: prefix, body: maps.Clone(body), bodyJSON: string(text)}, nil
}

// maxReplyBytes allows 32 bytes a component: a float64 in full takes about 24.
func maxReplyBytes(texts, dimensions int) int64 {
	if dimensions == 0 {
		return endpoint.DefaultMaxReplyBytes
	}
	return int64(texts)*int64(dimensions)*32 + 1<<20
}

func orDefault(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}

// Identity returns what an index of this client's vectors must record. Without
// dimensions in the profile, they are 0 until the first vector came.
func (c *Client) Identity() Identity {
	identity := c.identity
	identity.Dimensions = int(c.dimensions.Load())
	return identity
}

// Embed returns one vector of unit length for each text, in order. Equal texts
// may share one slice: the vectors are not to be changed. A text that is blank
// or not UTF-8 is an error that names its index. On an error no vectors come
// back, but what was embedded before it is in the cache; stats are always
// right.
func (c *Client) Embed(ctx context.Context, role Role, texts []string) (vectors [][]float32, stats Stats, err error) {
	job, err := c.plan(role, texts)
	if err != nil {
		return nil, Stats{}, fmt.Errorf("embed %s: %w", role.count(len(texts)), err)
	}
	job.stats.Cut = job.cut
	if err = job.lookUp(ctx); err == nil {
		err = job.request(ctx)
	}
	if err != nil {
		return nil, job.stats, fmt.Errorf("embed %s: %w", role.count(len(texts)), err)
	}
	vectors = make([][]float32, len(texts))
	for i, unique := range job.uniqueOf {
		vectors[i] = job.vectors[unique]
	}
	return vectors, job.stats, nil
}

// job is the work of one Embed: the distinct texts and their vectors.
type job struct {
	*Client
	roleInput
	role     Role
	uniqueOf []int // index into the fields below, by index of the caller's text
	texts    []string
	firstAt  []int // the first caller's index, for errors
	keys     []cache.Key
	vectors  [][]float32
	cut      int

	counting sync.Mutex
	stats    Stats
}

// plan checks the texts, cuts them and finds the distinct ones.
func (c *Client) plan(role Role, texts []string) (*job, error) {
	if role != Query && role != Passage {
		return nil, fmt.Errorf("role %d is neither query nor passage", int(role))
	}
	j := &job{Client: c, roleInput: c.roles[role], role: role, uniqueOf: make([]int, len(texts))}
	seen := make(map[string]int, len(texts))
	for i, text := range texts {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("text %d is not valid UTF-8", i)
		}
		if strings.TrimSpace(text) == "" {
			return nil, fmt.Errorf("text %d is blank", i)
		}
		short := cutRunes(text, c.config.Profile.MaxRunes)
		unique, ok := seen[short]
		if !ok {
			unique = len(j.texts)
			seen[short] = unique
			j.texts = append(j.texts, short)
			j.firstAt = append(j.firstAt, i)
			if len(short) < len(text) {
				j.cut++
			}
		}
		j.uniqueOf[i] = unique
	}
	if j.cut > 0 {
		c.cutLogged.Do(func() {
			c.logger.Warn("texts longer than the model reads are embedded in part (said once)",
				"limit_characters", c.config.Profile.MaxRunes, "texts", j.cut)
		})
	}
	j.vectors = make([][]float32, len(j.texts))
	return j, nil
}

// cutRunes returns at most limit runes of text; all, if limit is 0.
func cutRunes(text string, limit int) string {
	if limit == 0 || len(text) <= limit {
		return text
	}
	runes := 0
	for at := range text {
		if runes == limit {
			return text[:at]
		}
		runes++
	}
	return text
}

// request embeds what the cache did not have, several batches at once.
func (j *job) request(ctx context.Context) error {
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(j.config.Concurrency)
	for batch := range j.batches() {
		if working.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := j.embed(working, batch); err != nil {
				return err
			}
			// What was paid for is kept, also where another batch failed meanwhile.
			return j.store(context.WithoutCancel(working), batch)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// batches yields the indices of texts without a vector, by count and by size.
func (j *job) batches() iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		var batch []int
		runes := 0
		for i, text := range j.texts {
			if j.vectors[i] != nil {
				continue
			}
			size := utf8.RuneCountInString(j.prefix) + utf8.RuneCountInString(text)
			if len(batch) > 0 && (len(batch) == j.config.BatchSize || runes+size > j.config.BatchRunes) {
				if !yield(batch) {
					return
				}
				batch, runes = nil, 0
			}
			batch = append(batch, i)
			runes += size
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}
