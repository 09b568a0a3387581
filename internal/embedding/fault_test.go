package embedding_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
)

const secret = `sk-very"secret/1234`

// inBubble runs test with a fake clock and a client of handler.
func inBubble(t *testing.T, handler http.Handler, change func(*embedding.Config), test func(t *testing.T, c *embedding.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config := embedding.Config{
			BaseURL:   "http://endpoint.test/v1",
			APIKey:    secret,
			Model:     "hashed",
			Profile:   plainE5,
			Transport: embeddingtest.InMemory(t, handler),
		}
		if change != nil {
			change(&config)
		}
		test(t, newClient(t, config))
	})
}

func TestEveryFaultOnceIsRetried(t *testing.T) {
	for _, fault := range append(embeddingtest.Faults(), embeddingtest.Hang, embeddingtest.Swapped) {
		t.Run(fault.Name, func(t *testing.T) {
			script := embeddingtest.Misbehave(embeddingtest.Hashed(dimensions), fault)
			inBubble(t, script, nil, func(t *testing.T, c *embedding.Client) {
				got, stats, err := c.Embed(t.Context(), embedding.Query, []string{"a", "b", "c"})
				if err != nil {
					t.Fatal(err)
				}
				wantHashed(t, embedding.Query, []string{"a", "b", "c"}, got)
				if stats.Embedded != 3 || stats.Requests != script.Requests() {
					t.Errorf("stats %+v after %d requests", stats, script.Requests())
				}
			})
			wantRequests := 2
			if fault.Name == embeddingtest.Swapped.Name {
				wantRequests = 1
			}
			if script.Requests() != wantRequests {
				t.Errorf("%d requests, want %d", script.Requests(), wantRequests)
			}
		})
	}
}

func TestPersistentFaultIsAClearError(t *testing.T) {
	for _, fault := range append(embeddingtest.Faults(), embeddingtest.Hang) {
		t.Run(fault.Name, func(t *testing.T) {
			script := embeddingtest.MisbehaveAlways(embeddingtest.Hashed(dimensions), fault)
			inBubble(t, script, func(c *embedding.Config) { c.MaxAttempts = 3 }, func(t *testing.T, c *embedding.Client) {
				got, _, err := c.Embed(t.Context(), embedding.Query, []string{"a", "b", "c"})
				if err == nil || got != nil {
					t.Fatalf("vectors %v, error %v", got, err)
				}
				wantIn(t, err, "http://endpoint.test/v1", "gave up after 3 attempts")
				if len(err.Error()) > 1200 {
					t.Errorf("the error has %d bytes: %.200s", len(err.Error()), err)
				}
			})
			if script.Requests() != 3 {
				t.Errorf("%d requests, want 3", script.Requests())
			}
		})
	}
}

func TestPersistentFaultEndsByTheDeadline(t *testing.T) {
	for _, fault := range append(embeddingtest.Faults(), embeddingtest.Hang) {
		t.Run(fault.Name, func(t *testing.T) {
			script := embeddingtest.MisbehaveAlways(embeddingtest.Hashed(dimensions), fault)
			inBubble(t, script, func(c *embedding.Config) { c.MaxAttempts = 1000 }, func(t *testing.T, c *embedding.Client) {
				const patience = 10 * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				start := time.Now()
				if _, _, err := c.Embed(ctx, embedding.Query, []string{"a", "b", "c"}); err == nil {
					t.Error("no error")
				}
				if took := time.Since(start); took > patience {
					t.Errorf("took %s of fake time, deadline %s", took, patience)
				}
			})
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		least, most  time.Duration
	}{
		{"seconds", "7", 7 * time.Second, 8 * time.Second},
		// Where a bubble's clock starts: midnight UTC 2000-01-01.
		{"date", "Sat, 01 Jan 2000 00:00:09 GMT", 8 * time.Second, 10 * time.Second},
		{"capped", "86400", 60 * time.Second, 61 * time.Second},
		{"nonsense", "soon", 0, time.Second},
		{"past", "Fri, 31 Dec 1999 00:00:00 GMT", 0, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := embeddingtest.Misbehave(embeddingtest.Hashed(dimensions), embeddingtest.RateLimited(tt.header))
			inBubble(t, script, nil, func(t *testing.T, c *embedding.Client) {
				start := time.Now()
				if _, _, err := c.Embed(t.Context(), embedding.Query, []string{"a"}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < tt.least || took > tt.most {
					t.Errorf("waited %s, want %s to %s", took, tt.least, tt.most)
				}
			})
		})
	}
}

func TestWaitPastTheDeadlineFailsAtOnce(t *testing.T) {
	script := embeddingtest.MisbehaveAlways(embeddingtest.Hashed(dimensions), embeddingtest.RateLimited("30"))
	inBubble(t, script, nil, func(t *testing.T, c *embedding.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		_, _, err := c.Embed(ctx, embedding.Query, []string{"a"})
		wantIn(t, err, "429", "30s", "deadline")
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestCancellationStopsBackOffAndRequests(t *testing.T) {
	for _, fault := range []embeddingtest.Fault{embeddingtest.RateLimited("30"), embeddingtest.Hang} {
		t.Run(fault.Name, func(t *testing.T) {
			script := embeddingtest.MisbehaveAlways(embeddingtest.Hashed(dimensions), fault)
			inBubble(t, script, nil, func(t *testing.T, c *embedding.Client) {
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				time.AfterFunc(5*time.Second, cancel)
				_, _, err := c.Embed(ctx, embedding.Query, []string{"a"})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("error %v, want context.Canceled", err)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("returned %s after the start, cancelled at 5s", took)
				}
			})
		})
	}
}

// One batch that fails for good stops those in flight and those to come.
func TestFirstErrorStopsTheRest(t *testing.T) {
	const concurrency = 3
	script := embeddingtest.Misbehave(embeddingtest.Hashed(dimensions),
		embeddingtest.Hang, embeddingtest.Hang, embeddingtest.Status(400, "never"))
	few := func(c *embedding.Config) { c.BatchSize, c.Concurrency = 1, concurrency }
	inBubble(t, script, few, func(t *testing.T, c *embedding.Client) {
		start := time.Now()
		_, _, err := c.Embed(t.Context(), embedding.Query, strings.Split("abcdefghij", ""))
		wantIn(t, err, "400", "never")
		if took := time.Since(start); took != 0 {
			t.Errorf("took %s of fake time", took)
		}
	})
	if script.Requests() != concurrency {
		t.Errorf("%d requests, want %d", script.Requests(), concurrency)
	}
}

func TestPermanentErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault embeddingtest.Fault
		want  []string
	}{
		{"401", embeddingtest.EchoKey, []string{"401 Unauthorized", "EMBEDDING_API_KEY or OPENAI_API_KEY", "[key]"}},
		{"403", embeddingtest.Status(403, "no"), []string{"403 Forbidden", "OPENAI_API_KEY"}},
		{"404", embeddingtest.Status(404, "nothing here"), []string{"404 Not Found", "nothing here", "/v1"}},
		{"400", embeddingtest.Status(400, `{"error":{"message":"bad model"}}`), []string{"400", "bad model"}},
		{"304", embeddingtest.Status(304, ""), []string{"304"}},
		{"one text too long", embeddingtest.Status(413, "no"), []string{"text 0 is too long", "413"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := embeddingtest.MisbehaveAlways(embeddingtest.Hashed(dimensions), tt.fault)
			inBubble(t, script, nil, func(t *testing.T, c *embedding.Client) {
				_, _, err := c.Embed(t.Context(), embedding.Query, []string{"a"})
				wantIn(t, err, append(tt.want, "http://endpoint.test/v1")...)
			})
			if script.Requests() != 1 {
				t.Errorf("%d requests, want 1", script.Requests())
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	refused := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errConnectionRefused })
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, embedding.Config{BaseURL: "http://user:pass-word@endpoint.test/v1", Model: "m", Transport: refused})
		_, _, err := c.Embed(t.Context(), embedding.Query, []string{"a"})
		wantIn(t, err, "connection refused", "make endpoint", "EMBEDDING_BASE_URL or OPENAI_BASE_URL", "http://endpoint.test/v1")
		if strings.Contains(err.Error(), "pass-word") {
			t.Errorf("error %q shows the password of the URL", err)
		}
	})
}

// A batch that is too large for the endpoint is halved until it fits.
func TestTooLargeBatchesAreSplit(t *testing.T) {
	for _, refusal := range []embeddingtest.Fault{
		embeddingtest.Status(413, ""),
		embeddingtest.Status(400, `{"error":{"message":"batch size 8 > maximum allowed batch size 3"}}`),
		embeddingtest.Status(422, `{"error":"too many inputs"}`),
		embeddingtest.Status(500, `{"error":{"message":"input is too large to process. increase the physical batch size"}}`),
	} {
		t.Run(refusal.Name, func(t *testing.T) {
			right := embeddingtest.Hashed(dimensions)
			limited := embeddingtest.LimitBatch(right, 3, refusal)
			inBubble(t, limited, nil, func(t *testing.T, c *embedding.Client) {
				texts := strings.Split("abcdefgh", "")
				got, stats, err := c.Embed(t.Context(), embedding.Passage, texts)
				if err != nil {
					t.Fatal(err)
				}
				wantHashed(t, embedding.Passage, texts, got)
				if stats.Embedded != 8 || stats.Requests != 7 || right.Requests() != 4 {
					t.Errorf("stats %+v, %d requests answered; want 8 texts in 1+2+4 requests", stats, right.Requests())
				}
			})
		})
	}
}

// Neither errors nor logs hold the key, however the endpoint sends it back.
func TestKeyNeverLeaks(t *testing.T) {
	long := strings.Repeat("x", 4090) // the key straddles the end of what is kept
	for name, fault := range map[string]embeddingtest.Fault{
		"401":       embeddingtest.EchoKey,
		"plain 500": embeddingtest.Status(500, "key "+secret+" failed"),
		"straddle":  embeddingtest.Status(500, strings.Repeat(" ", 4090)+secret),
		"long":      embeddingtest.Status(500, long+secret),
		"200":       embeddingtest.Body("", "key "+secret),
		"not HTTP":  embeddingtest.Raw("Bearer " + secret + "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			script := embeddingtest.MisbehaveAlways(embeddingtest.Hashed(dimensions), fault)
			var logs bytes.Buffer
			logged := func(c *embedding.Config) { c.Logger = slog.New(slog.NewJSONHandler(&logs, nil)) }
			inBubble(t, script, logged, func(t *testing.T, c *embedding.Client) {
				_, _, err := c.Embed(t.Context(), embedding.Query, []string{"a", "b"})
				if err == nil {
					t.Fatal("no error")
				}
				for _, text := range []string{err.Error(), logs.String()} {
					if strings.Contains(text, "sk-ver") {
						t.Errorf("the key leaks: %s", text)
					}
				}
			})
		})
	}
}

func TestRedirects(t *testing.T) {
	right := embeddingtest.Hashed(dimensions)
	redirect := func(to string, status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "endpoint.test" {
				t.Errorf("%s was asked", r.Host)
			}
			if r.URL.Path == "/v1/embeddings" && r.Header.Get("Referer") == "" {
				http.Redirect(w, r, to, status)
				return
			}
			r.URL.Path = "/v1/embeddings"
			right.ServeHTTP(w, r)
		})
	}
	for _, tt := range []struct {
		name, to string
		status   int
		want     string
	}{
		{"other host", "http://elsewhere.test/v1/embeddings", 307, "http://elsewhere.test"},
		{"other scheme", "https://endpoint.test/v1/embeddings", 308, "https://endpoint.test"},
		{"POST would become GET", "/v2/embeddings", 302, "another path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, redirect(tt.to, tt.status), nil, func(t *testing.T, c *embedding.Client) {
				_, stats, err := c.Embed(t.Context(), embedding.Query, []string{"a"})
				wantIn(t, err, "redirects to "+tt.want, "base URL")
				if stats.Requests != 1 {
					t.Errorf("%d requests, want 1", stats.Requests)
				}
			})
		})
	}
	t.Run("same host", func(t *testing.T) {
		inBubble(t, redirect("/moved/embeddings", 307), nil, func(t *testing.T, c *embedding.Client) {
			got, _, err := c.Embed(t.Context(), embedding.Query, []string{"a"})
			if err != nil {
				t.Fatal(err)
			}
			wantHashed(t, embedding.Query, []string{"a"}, got)
		})
	})
}

func FuzzReply(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"data":null}`, `{"error":"x"}`, `<html>`,
		`{"data":[{"index":0,"embedding":[1,0,0]},{"index":1,"embedding":[0,1e-30,0]}]}`,
		`{"data":[{"index":1,"embedding":[3e38,3e38,3e38]},{"index":0,"embedding":[1e-45,0,0]}]}`,
		`{"data":[{"index":0,"embedding":[1,null,0]},{"index":1,"embedding":[0,1,0]}]}`,
		`{"data":[{"index":0,"embedding":[NaN,0,0]},{"index":1,"embedding":[0,1e999,0]}]}`,
		`{"data":[{"embedding":[1,0,0]},{"embedding":[1,0,0]}]} trailing`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: readCloser(body)}, nil
		})
		c := newClient(t, embedding.Config{
			BaseURL: "http://endpoint.test/v1", Model: "m", Transport: answer, MaxAttempts: 1,
			Profile: embedding.Profile{Dimensions: 3},
		})
		got, _, err := c.Embed(t.Context(), embedding.Query, []string{"a", "b"})
		if err != nil {
			if got != nil {
				t.Errorf("vectors beside error %v", err)
			}
			return
		}
		if len(got) != 2 {
			t.Fatalf("%d vectors", len(got))
		}
		for _, v := range got {
			wantUnit(t, v, 3)
		}
	})
}
