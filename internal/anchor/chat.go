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
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"
	"github.com/sashabaranov/go-openai"

	"github.com/query-synergy/query-synergy/internal/endpoint"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// promptFormat is the prompt of the paper that the method is from, with the
// anchor's language where it says English. Its arguments are the names of the
// source's and the anchor's language and the source query.
const promptFormat = "Translate the following query from %s to %s. please return only the translated question. Input Sentence: %s Output Sentence:"

// Bounds of one translation.
const (
	maxReplyTokens = 512
	maxReplyBytes  = 1 << 20
	chatAttempts   = 3

	// A longer reply than this many times the source, plus some, is no
	// translation. Chinese grows about threefold in English.
	maxGrowth      = 4
	maxGrowthExtra = 200 // runes
)

// ChatConfig describes a chat-completions endpoint.
type ChatConfig struct {
	BaseURL string
	APIKey  string // may be empty
	Model   string
	Timeout time.Duration // of one translation, retries included
	Logger  *slog.Logger  // hears of every retry; nil: nobody does
}

// Chat translates with a chat model behind an OpenAI-compatible API.
type Chat struct {
	endpoint *endpoint.Endpoint
	apiKey   string
	model    string
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
	return &Chat{endpoint: api, apiKey: config.APIKey, model: config.Model, timeout: config.Timeout}, nil
}

// Identity names what decides a translation besides the request: endpoint,
// model and prompt.
func (c *Chat) Identity() string {
	return strings.Join([]string{"chat", c.endpoint.String(), c.model, promptFormat}, "\n")
}

// Translate asks the model, with temperature 0. A reply that cannot be a
// translation (empty, cut off, far too long) is an error; one that did not come
// in time is a context.DeadlineExceeded.
func (c *Chat) Translate(ctx context.Context, request Request) (Anchor, error) {
	text := tidy(request.Text)
	fail := func(err error) (Anchor, error) {
		return Anchor{}, fmt.Errorf("translate the query from %s to %s with %s at %w",
			request.From, request.To, c.model, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no translation within %s: %w", c.timeout, context.DeadlineExceeded))
	defer cancel()
	var reply string
	err := c.endpoint.Call(ctx, func(ctx context.Context, attempt *endpoint.Attempt) error {
		var err error
		reply, err = c.ask(ctx, attempt, fmt.Sprintf(promptFormat, lang.Name(request.From), lang.Name(request.To), text))
		return err
	})
	if err != nil {
		return fail(err)
	}
	translation, err := clean(reply, text)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", c.endpoint, err))
	}
	return Anchor{Text: translation, Lang: request.To, Origin: OriginChat + c.model}, nil
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

// clean returns the translation in a model's reply.
func clean(reply, source string) (string, error) {
	text := tidy(reply)
	for _, pair := range []struct{ open, end string }{{`"`, `"`}, {"'", "'"}, {"“", "”"}, {"«", "»"}} {
		if inner, ok := strings.CutPrefix(text, pair.open); ok {
			// Quotes within mean that the outer ones need not be a pair.
			inner, ok = strings.CutSuffix(inner, pair.end)
			if ok && !strings.Contains(inner, pair.open) {
				text = strings.TrimSpace(inner)
			}
		}
	}
	got, most := utf8.RuneCountInString(text), maxGrowth*utf8.RuneCountInString(source)+maxGrowthExtra
	switch {
	case text == "":
		return "", errors.New("the reply is empty")
	case got > most:
		return "", fmt.Errorf("the reply is no translation: it has %d characters, at most %d make sense", got, most)
	}
	return text, nil
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
