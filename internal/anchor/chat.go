package anchor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sashabaranov/go-openai"

	"github.com/query-synergy/query-synergy/internal/endpoint"
)

// Bounds of one translation.
const (
	maxReplyTokens = 512
	maxReplyBytes  = 1 << 20
	chatAttempts   = 3
)

// ChatConfig describes a chat-completions endpoint.
type ChatConfig struct {
	BaseURL string
	APIKey  string // may be empty
	Model   string
	Prompt  Prompt        // the zero Prompt: the paper's
	Timeout time.Duration // of one translation, retries included
	Logger  *slog.Logger  // hears of every retry; nil: nobody does
}

// Chat translates with a chat model behind an OpenAI-compatible API.
type Chat struct {
	endpoint *endpoint.Endpoint
	apiKey   string
	model    string
	prompt   Prompt
	timeout  time.Duration
}

// NewChat checks config; it sends nothing.
func NewChat(config ChatConfig) (*Chat, error) {
	if config.Model == "" {
		return nil, errors.New("translator: no model is named (TRANSLATE_MODEL)")
	}
	if config.Timeout <= 0 {
		return nil, fmt.Errorf("translator: timeout %s, want more than 0", config.Timeout)
	}
	api, err := endpoint.New(endpoint.Config{
		BaseURL: config.BaseURL,
		APIKey:  config.APIKey,
		Hints: endpoint.Hints{
			KeyVariables: "TRANSLATE_API_KEY or OPENAI_API_KEY",
			URLVariables: "TRANSLATE_BASE_URL or OPENAI_BASE_URL",
		},
		Timeout:       config.Timeout,
		MaxAttempts:   chatAttempts,
		MaxReplyBytes: maxReplyBytes,
		Logger:        config.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("translator: %w", err)
	}
	return &Chat{endpoint: api, apiKey: config.APIKey, model: config.Model, prompt: config.Prompt, timeout: config.Timeout}, nil
}

// Identity names what decides a translation besides the request: endpoint,
// model and prompt.
func (c *Chat) Identity() string {
	return strings.Join([]string{"chat", c.endpoint.String(), c.model, c.prompt.String()}, "\n")
}

// Translate asks the model, with temperature 0. The errors to branch on are
// *RefusedError, for a reply that cannot be a translation, and
// context.DeadlineExceeded, for one that did not come in time.
func (c *Chat) Translate(ctx context.Context, request Request) (Anchor, error) {
	fail := func(err error) (Anchor, error) {
		return Anchor{}, fmt.Errorf("translate the query from %s to %s with %s at %w",
			request.From, request.To, c.model, err)
	}
	ctx, cancel := withTimeout(ctx, c.timeout)
	defer cancel()
	var reply string
	err := c.endpoint.Call(ctx, func(ctx context.Context, attempt *endpoint.Attempt) error {
		var err error
		reply, err = c.ask(ctx, attempt, c.prompt.render(request))
		return err
	})
	if err != nil {
		return fail(err)
	}
	reply, err = c.prompt.answer(reply, request)
	if err == nil {
		reply, err = Clean(reply, request)
	}
	if err != nil {
		return fail(fmt.Errorf("%s: %w", c.endpoint, err))
	}
	return Anchor{Text: reply, Lang: request.To, Origin: OriginChat + c.model}, nil
}

// ask sends one prompt and returns the model's reply.
func (c *Chat) ask(ctx context.Context, attempt *endpoint.Attempt, prompt string) (string, error) {
	config := openai.DefaultConfig(c.apiKey)
	config.BaseURL = c.endpoint.BaseURL()
	config.HTTPClient = zeroTemperature{attempt}
	response, err := openai.NewClientWithConfig(config).CreateChatCompletion(ctx, openai.ChatCompletionRequest{
		Model:     c.model,
		Messages:  []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: prompt}},
		MaxTokens: maxReplyTokens, //nolint:staticcheck // local servers know this one; MaxCompletionTokens is OpenAI's own
	})
	switch {
	case errors.Is(err, openai.ErrReasoningModelMaxTokensDeprecated):
		return "", backoff.Permanent(errors.New("reasoning models take no temperature and are not used here"))
	case err != nil:
		return "", err
	case len(response.Choices) == 0:
		return "", errors.New("the reply has no choices")
	case response.Choices[0].FinishReason == openai.FinishReasonLength:
		return "", backoff.Permanent(fmt.Errorf("the reply was cut off at %d tokens", maxReplyTokens))
	}
	return response.Choices[0].Message.Content, nil
}

// zeroTemperature adds the temperature 0 to a request: go-openai leaves a zero
// out, which means the model's default of about 1.
type zeroTemperature struct{ next *endpoint.Attempt }

func (z zeroTemperature) Do(request *http.Request) (*http.Response, error) {
	var fields map[string]json.RawMessage
	err := json.NewDecoder(request.Body).Decode(&fields)
	if err := errors.Join(err, request.Body.Close()); err != nil {
		return nil, backoff.Permanent(fmt.Errorf("set the temperature: %w", err))
	}
	fields["temperature"] = json.RawMessage("0")
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("set the temperature: %w", err))
	}
	request.ContentLength = int64(len(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	request.Body, _ = request.GetBody()
	return z.next.Do(request)
}
