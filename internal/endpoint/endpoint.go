// Package endpoint is how the project calls an HTTP API that may be slow,
// overloaded, misconfigured or broken: embeddings, chat completions,
// translation servers.
//
// An Endpoint checks its base URL once and runs each call as a bounded number
// of attempts, each with its own deadline, with exponential back-off that
// honours Retry-After. Replies are limited in size, redirects to another host
// are refused, and no error holds the API key, a credential from the URL or
// more than the first words of a reply. It knows nothing of what is sent.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Defaults of Config, and the longest wait between two attempts.
const (
	DefaultTimeout       = 60 * time.Second
	DefaultMaxAttempts   = 5
	DefaultMaxReplyBytes = 64 << 20

	// MaxWait also caps what a Retry-After may ask for.
	MaxWait   = 60 * time.Second
	firstWait = 250 * time.Millisecond
)

// Config describes an API. Zero fields take the defaults above.
type Config struct {
	// BaseURL is what the paths of the API are appended to, such as
	// https://api.openai.com/v1.
	BaseURL string
	// APIKey is kept out of every error; sending it is the caller's work.
	APIKey string
	Hints  Hints

	Timeout       time.Duration // of one attempt
	MaxAttempts   int
	MaxReplyBytes int64

	Logger    *slog.Logger      // hears of every retry; nil: nobody does
	Transport http.RoundTripper // nil: net/http's, with more idle connections
}

// Hints tell the user what to do about the commonest faults.
type Hints struct {
	KeyVariables string // hold the key: "EMBEDDING_API_KEY or OPENAI_API_KEY"
	URLVariables string // hold the base URL
	Start        string // how to start such an API: "start one with `make endpoint`"; may be empty
}

// Endpoint is an API that can be called. It is safe for concurrent use.
type Endpoint struct {
	config  Config
	base    *url.URL
	client  *http.Client
	secrets secrets
}

// New checks config; it sends nothing.
func New(config Config) (*Endpoint, error) {
	base, err := parseBase(config.BaseURL, config.Hints.URLVariables)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(config.APIKey, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("the API key holds a line break or another control character (check %s)",
			config.Hints.KeyVariables)
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.MaxAttempts <= 0 {
		config.MaxAttempts = DefaultMaxAttempts
	}
	if config.MaxReplyBytes <= 0 {
		config.MaxReplyBytes = DefaultMaxReplyBytes
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Transport == nil {
		config.Transport = defaultTransport()
	}
	return &Endpoint{
		config:  config,
		base:    base,
		client:  &http.Client{Transport: config.Transport, CheckRedirect: refuseForeign},
		secrets: newSecrets(config.APIKey, base.User),
	}, nil
}

// parseBase returns the base URL without a trailing slash. Its errors do not
// show the URL, which may hold a password.
func parseBase(raw, variables string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, fmt.Errorf("base URL (%s) cannot be read: want the form http://host:port/v1", variables)
	}
	problem := ""
	switch {
	case base.Scheme != "http" && base.Scheme != "https":
		problem = fmt.Sprintf("has scheme %q, want http or https", base.Scheme)
	case base.Hostname() == "":
		problem = "names no host"
	case base.RawQuery != "" || base.Fragment != "":
		problem = "has a query or a fragment, which would end up before the API's paths"
	}
	if problem != "" {
		return nil, fmt.Errorf("base URL (%s) %s: want the form http://host:port/v1", variables, problem)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = strings.TrimRight(base.RawPath, "/")
	return base, nil
}

// defaultTransport keeps as many idle connections to the one host as a caller
// may reasonably use at once; net/http keeps two.
func defaultTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // a program replaced it, and means it
		return http.DefaultTransport
	}
	transport := standard.Clone()
	transport.MaxIdleConnsPerHost = 16
	return transport
}

// BaseURL returns the checked base URL, without a trailing slash, for the
// client library; it may hold credentials. String is for people.
func (e *Endpoint) BaseURL() string { return e.base.String() }

// String returns the base URL without credentials.
func (e *Endpoint) String() string {
	public := *e.base
	public.User = nil
	return public.String()
}

// Call runs try until it succeeds, fails for good or has failed too often.
// try must send its requests through the Attempt, with the given context. Any
// error of try is worth another attempt (a proxy's error page, a cut reply),
// except: a StatusError other than 408, 425, 429 and 5xx, a refused redirect, a
// certificate that does not verify, and an error marked with backoff.Permanent.
//
// It returns as soon as ctx ends, and without waiting where the next wait would
// pass the deadline of ctx.
func (e *Endpoint) Call(ctx context.Context, try func(context.Context, *Attempt) error) error {
	interval := &backoff.ExponentialBackOff{
		InitialInterval: firstWait, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: MaxWait,
	}
	for tries := 1; ; tries++ {
		err := e.attempt(ctx, try)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: stopped: %w", e, context.Cause(ctx))
		}
		if isPermanent(err) {
			return fmt.Errorf("%s: %w%s", e, err, e.hint(err))
		}
		if tries == e.config.MaxAttempts {
			return fmt.Errorf("%s: gave up after %s: %w%s", e, attempts(tries), err, e.hint(err))
		}
		wait := min(MaxWait, max(interval.NextBackOff(), retryAfter(err)))
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return fmt.Errorf("%s: the next attempt would have to wait %s, past the deadline: %w%s",
				e, wait.Round(time.Millisecond), err, e.hint(err))
		}
		e.config.Logger.WarnContext(ctx, "endpoint failed, trying again",
			"endpoint", e.String(), "attempt", tries, "wait", wait.Round(time.Millisecond), "error", err)
		if err := sleep(ctx, wait); err != nil {
			return fmt.Errorf("%s: stopped: %w", e, err)
		}
	}
}

// attempt runs try once, within the time of one attempt.
func (e *Endpoint) attempt(ctx context.Context, try func(context.Context, *Attempt) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, e.config.Timeout,
		fmt.Errorf("no complete answer within %s", e.config.Timeout))
	defer cancel()
	attempt := &Attempt{endpoint: e}
	err := try(ctx, attempt)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return attempt.describe(err)
	}
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter returns how long the endpoint asked to wait, 0 where it did not.
func retryAfter(err error) time.Duration {
	var status *StatusError
	if errors.As(err, &status) {
		return status.RetryAfter
	}
	return 0
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}
