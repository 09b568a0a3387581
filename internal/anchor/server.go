package anchor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/query-synergy/query-synergy/internal/endpoint"
)

// Bounds of a translation server's work.
const (
	serverAttempts      = 3
	maxServerReplyBytes = 1 << 20
)

// ServerConfig describes a translation server.
type ServerConfig struct {
	BaseURL string        // what /translate is appended to
	APIKey  string        // may be empty
	Timeout time.Duration // of one translation, retries included
	Logger  *slog.Logger  // hears of every retry; nil: nobody does
}

// Server translates with a server that knows fixed pairs of languages; see
// NewLibreTranslate and NewApertium.
//
// It asks at once with the codes that such servers usually go by. Where they
// are refused, it learns the server's pairs, once, and goes by them from then
// on; a pair that the server lacks is ErrNoTranslation.
type Server struct {
	dialect  dialect
	endpoint *endpoint.Endpoint
	timeout  time.Duration
	pairs    atomic.Pointer[map[pair]bool] // nil until they had to be learnt
}

// dialect is the API of one kind of server.
type dialect interface {
	origin() string
	// codes returns what servers may call a language, likeliest first.
	codes(tag string) []string
	listing(base string) string // address of the list of pairs
	decodePairs(body []byte) (map[pair]bool, error)
	translation(ctx context.Context, base, text string, p pair) (*http.Request, error)
	decodeTranslation(body []byte) (string, error)
}

// pair is a source and a target language in a server's codes.
type pair struct{ from, to string }

// newServer checks config; it sends nothing.
func newServer(config ServerConfig, d dialect) (*Server, error) {
	if config.Timeout <= 0 {
		return nil, fmt.Errorf("translator: timeout %s, want more than 0", config.Timeout)
	}
	api, err := endpoint.New(endpoint.Config{
		BaseURL:       config.BaseURL,
		APIKey:        config.APIKey,
		Hints:         endpoint.Hints{KeyVariables: "TRANSLATE_API_KEY", URLVariables: "TRANSLATE_BASE_URL"},
		Timeout:       config.Timeout,
		MaxAttempts:   serverAttempts,
		MaxReplyBytes: maxServerReplyBytes,
		Logger:        config.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("translator: %w", err)
	}
	return &Server{dialect: d, endpoint: api, timeout: config.Timeout}, nil
}

// Identity names what decides a translation besides the request.
func (s *Server) Identity() string {
	return strings.Join([]string{s.dialect.origin(), s.endpoint.String()}, "\n")
}

// Translate asks the server. The errors to branch on are ErrNoTranslation,
// *RefusedError and, where the answer did not come in time,
// context.DeadlineExceeded.
func (s *Server) Translate(ctx context.Context, request Request) (Anchor, error) {
	ctx, cancel := withTimeout(ctx, s.timeout)
	defer cancel()
	reply, err := s.ask(ctx, request)
	if err == nil {
		reply, err = Clean(reply, request)
	}
	if err != nil {
		return Anchor{}, fmt.Errorf("translate the query from %s to %s with %s: %w", request.From, request.To, s.dialect.origin(), err)
	}
	return Anchor{Text: reply, Lang: request.To, Origin: s.dialect.origin()}, nil
}

// ask sends the request in the server's own codes.
func (s *Server) ask(ctx context.Context, request Request) (string, error) {
	text := tidy(request.Text)
	if s.pairs.Load() == nil {
		usual := pair{s.dialect.codes(request.From)[0], s.dialect.codes(request.To)[0]}
		reply, err := s.send(ctx, text, usual)
		status, refused := errors.AsType[*endpoint.StatusError](err)
		if !refused || status.Status != http.StatusBadRequest {
			return reply, err
		}
		if learning := s.learn(ctx); learning != nil {
			return "", fmt.Errorf("%w; asked which pairs it has: %w", err, learning)
		}
		if p, ok := s.choose(request); ok && p == usual {
			return "", err // the pair was not what the server refused
		}
	}
	p, ok := s.choose(request)
	if !ok {
		return "", fmt.Errorf("%s: %w: the server does not have this pair", s.endpoint, ErrNoTranslation)
	}
	return s.send(ctx, text, p)
}

// choose returns the pair that the server is known to have for a request.
func (s *Server) choose(request Request) (pair, bool) {
	known := *s.pairs.Load()
	for _, from := range s.dialect.codes(request.From) {
		for _, to := range s.dialect.codes(request.To) {
			if p := (pair{from, to}); known[p] {
				return p, true
			}
		}
	}
	return pair{}, false
}

// send asks for one translation.
func (s *Server) send(ctx context.Context, text string, p pair) (string, error) {
	var reply string
	err := s.call(ctx, func(ctx context.Context) (*http.Request, error) {
		return s.dialect.translation(ctx, s.endpoint.BaseURL(), text, p)
	}, func(body []byte) error {
		var err error
		reply, err = s.dialect.decodeTranslation(body)
		return err
	})
	return reply, err
}

// learn asks for the server's pairs.
func (s *Server) learn(ctx context.Context) error {
	return s.call(ctx, func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, s.dialect.listing(s.endpoint.BaseURL()), nil)
	}, func(body []byte) error {
		pairs, err := s.dialect.decodePairs(body)
		if err == nil {
			s.pairs.Store(&pairs)
		}
		return err
	})
}

// call sends a request and decodes what comes back, as often as it takes.
func (s *Server) call(ctx context.Context, request func(context.Context) (*http.Request, error), decode func(body []byte) error) error {
	return s.endpoint.Call(ctx, func(ctx context.Context, attempt *endpoint.Attempt) error {
		r, err := request(ctx)
		if err != nil {
			return err
		}
		response, err := attempt.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		return decode(body)
	})
}

// decodeJSON reads a reply that is one JSON value.
func decodeJSON[T any](body []byte) (value T, err error) {
	if len(body) == 0 {
		return value, io.EOF
	}
	err = json.Unmarshal(body, &value)
	return value, err
}

// withTimeout limits one translation.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no translation within %s: %w", timeout, context.DeadlineExceeded))
}
