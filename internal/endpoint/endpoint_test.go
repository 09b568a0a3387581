package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/query-synergy/query-synergy/internal/endpoint"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer replies with a status and what body makes of the request.
func answer(status int, body func(*http.Request) string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body(r)))}, nil
	}
}

func newEndpoint(t *testing.T, config endpoint.Config) *endpoint.Endpoint {
	t.Helper()
	if config.BaseURL == "" {
		config.BaseURL = "http://api.test/v1/"
	}
	e, err := endpoint.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// get reads a whole reply through one attempt.
func get(e *endpoint.Endpoint) func(context.Context, *endpoint.Attempt) error {
	return func(ctx context.Context, attempt *endpoint.Attempt) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.BaseURL()+"/things", nil)
		if err != nil {
			return err
		}
		response, err := attempt.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return err
	}
}

func TestBaseURLAndName(t *testing.T) {
	e := newEndpoint(t, endpoint.Config{BaseURL: " https://user:pass@api.test:8000/a%2Fb/v1// "})
	if got := e.BaseURL(); got != "https://user:pass@api.test:8000/a%2Fb/v1" {
		t.Errorf("base URL %q", got)
	}
	if got := e.String(); got != "https://api.test:8000/a%2Fb/v1" {
		t.Errorf("name %q", got)
	}
}

// The waits grow from a quarter of a second, by two, give or take a half.
func TestBackOffGrowsAndIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		var at []time.Time
		e := newEndpoint(t, endpoint.Config{
			MaxAttempts: 5,
			Logger:      slog.New(slog.NewTextHandler(&logs, nil)),
			Transport: answer(503, func(*http.Request) string {
				at = append(at, time.Now())
				return "busy"
			}),
		})
		err := e.Call(t.Context(), get(e))
		var status *endpoint.StatusError
		if !errors.As(err, &status) || status.Status != 503 || status.Message != "busy" {
			t.Fatalf("error %v", err)
		}
		if len(at) != 5 || strings.Count(logs.String(), "trying again") != 4 {
			t.Fatalf("%d attempts, logs %s", len(at), &logs)
		}
		middle := 250 * time.Millisecond
		for i := 1; i < len(at); i++ {
			if wait := at[i].Sub(at[i-1]); wait < middle/2 || wait > middle*3/2+time.Millisecond {
				t.Errorf("wait %d is %s, want about %s", i, wait, middle)
			}
			middle *= 2
		}
	})
}

func TestWhatIsNotTriedAgain(t *testing.T) {
	marked := errors.New("the caller knows better")
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	for _, tt := range []struct {
		name   string
		config endpoint.Config
		fail   error
		want   string
	}{
		{"client error", endpoint.Config{Transport: answer(418, func(*http.Request) string { return "" })}, nil, "418 I'm a teapot"},
		{"marked", endpoint.Config{}, backoff.Permanent(marked), marked.Error()},
		{"certificate", endpoint.Config{BaseURL: untrusted.URL, Transport: http.DefaultTransport}, nil, "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t, tt.config)
			tries := 0
			err := e.Call(t.Context(), func(ctx context.Context, attempt *endpoint.Attempt) error {
				tries++
				if tt.fail != nil {
					return tt.fail
				}
				return get(e)(ctx, attempt)
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) || tries != 1 {
				t.Errorf("after %d attempts: %v", tries, err)
			}
		})
	}
}

func TestRepliesAreLimited(t *testing.T) {
	for _, tt := range []struct {
		size int
		ok   bool
	}{{99, true}, {100, true}, {101, false}} {
		e := newEndpoint(t, endpoint.Config{
			MaxReplyBytes: 100, MaxAttempts: 1,
			Transport: answer(200, func(*http.Request) string { return strings.Repeat("x", tt.size) }),
		})
		err := e.Call(t.Context(), get(e))
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "larger") {
			t.Errorf("%d bytes: %v", tt.size, err)
		}
	}
}

// A server that shows what it was sent shows it to nobody else.
func TestEchoedCredentialsAreMasked(t *testing.T) {
	e := newEndpoint(t, endpoint.Config{
		BaseURL: "http://user:hush-hush@api.test/v1", MaxAttempts: 1,
		Transport: answer(500, func(r *http.Request) string { return r.Header.Get("Authorization") + " hush-hush" }),
	})
	err := e.Call(t.Context(), get(e))
	if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "dXNlcjpodXNoLWh1c2g") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(err.Error(), "Basic [key] [key]") {
		t.Errorf("error %v, want the credentials masked", err)
	}
}

func TestAttemptTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		e := newEndpoint(t, endpoint.Config{Timeout: 7 * time.Second, MaxAttempts: 2, Transport: hang})
		start := time.Now()
		err := e.Call(t.Context(), get(e))
		if err == nil || !strings.Contains(err.Error(), "no complete answer within 7s") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took < 14*time.Second || took > 15*time.Second {
			t.Errorf("took %s of fake time", took)
		}
	})
}
