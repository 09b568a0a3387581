package generate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sashabaranov/go-openai"

	"github.com/query-synergy/query-synergy/internal/endpoint"
)

// DefaultTemperature is what the queries of ../shared were sampled with.
const DefaultTemperature = 0.7

// Bounds of a request.
const (
	maxReplyTokens = 256
	maxReplyBytes  = 1 << 20
	chatAttempts   = 3
	// patience is how many requests in a row may fail before the next are tried
	// once only, until one succeeds: a run outlives an endpoint that is away.
	patience = 5
)

// ChatConfig describes a chat-completions endpoint.
type ChatConfig struct {
	BaseURL     string
	APIKey      string // may be empty
	Model       string
	Temperature float64       // above 0, to 2; 0: DefaultTemperature
	Timeout     time.Duration // of one attempt
	Logger      *slog.Logger  // hears of every retry; nil: nobody does
}

// Chat is a chat model behind an OpenAI-compatible API.
type Chat struct {
	patient, impatient *endpoint.Endpoint
	apiKey, model      string
	temperature        float64
	failures           atomic.Int64 // in a row
}

// NewChat checks config; it sends nothing.
func NewChat(config ChatConfig) (*Chat, error) {
	temperature := cmp.Or(config.Temperature, DefaultTemperature)
	switch {
	case config.Model == "":
		return nil, errors.New("query generator: no model is named (GENERATE_MODEL)")
	case config.Timeout <= 0:
		return nil, fmt.Errorf("query generator: timeout %s, want more than 0", config.Timeout)
	case !(temperature > 0 && temperature <= 2):
		return nil, fmt.Errorf("query generator: temperature %v, want more than 0, to 2: at 0 all queries are the same", temperature)
	}
	c := &Chat{apiKey: config.APIKey, model: config.Model, temperature: temperature}
	for attempts, api := range map[int]**endpoint.Endpoint{chatAttempts: &c.patient, 1: &c.impatient} {
		var err error
		if *api, err = endpoint.New(endpoint.Config{
			BaseURL: config.BaseURL,
			APIKey:  config.APIKey,
			Hints: endpoint.Hints{
				KeyVariables: "GENERATE_API_KEY or OPENAI_API_KEY",
				URLVariables: "GENERATE_BASE_URL or OPENAI_BASE_URL",
			},
			Timeout:       config.Timeout,
			MaxAttempts:   attempts,
			MaxReplyBytes: maxReplyBytes,
			Logger:        config.Logger,
		}); err != nil {
			return nil, fmt.Errorf("query generator: %w", err)
		}
	}
	return c, nil
}

// Name returns the model's name.
func (c *Chat) Name() string { return c.model }

// Identity names what decides a reply besides prompt and seed.
func (c *Chat) Identity() string {
	return strings.Join([]string{"chat", c.patient.String(), c.model,
		strconv.FormatFloat(c.temperature, 'g', -1, 64), strconv.Itoa(maxReplyTokens)}, "\n")
}

// Generate asks the model. Of a reply that was cut off, whole lines come back.
func (c *Chat) Generate(ctx context.Context, prompt string, seed int) (Reply, error) {
	api := c.patient
	if c.failures.Load() >= patience {
		api = c.impatient
	}
	var reply Reply
	err := api.Call(ctx, func(ctx context.Context, attempt *endpoint.Attempt) error {
		var err error
		reply, err = c.ask(ctx, attempt, prompt, seed)
		return err
	})
	if err != nil {
		c.failures.Add(1)
		return Reply{}, fmt.Errorf("generate a query with %s at %w", c.model, err)
	}
	c.failures.Store(0)
	return reply, nil
}

// ask sends one prompt.
func (c *Chat) ask(ctx context.Context, attempt *endpoint.Attempt, prompt string, seed int) (Reply, error) {
	config := openai.DefaultConfig(c.apiKey)
	config.BaseURL = c.patient.BaseURL()
	config.HTTPClient = attempt
	response, err := openai.NewClientWithConfig(config).CreateChatCompletion(ctx, openai.ChatCompletionRequest{
		Model:       c.model,
		Messages:    []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: prompt}},
		Temperature: float32(c.temperature),
		Seed:        &seed,
		MaxTokens:   maxReplyTokens, //nolint:staticcheck // local servers know this one; MaxCompletionTokens is OpenAI's own
	})
	switch {
	case errors.Is(err, openai.ErrReasoningModelMaxTokensDeprecated):
		return Reply{}, backoff.Permanent(errors.New("reasoning models take no temperature and are not used here"))
	case err != nil:
		return Reply{}, err
	case len(response.Choices) == 0:
		return Reply{}, errors.New("the reply has no choices")
	}
	text := response.Choices[0].Message.Content
	if response.Choices[0].FinishReason == openai.FinishReasonLength {
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	return Reply{Text: text, Tokens: response.Usage.TotalTokens}, nil
}
