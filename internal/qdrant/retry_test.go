package qdrant_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

var docs = qdrant.Collection{
	Key:    qdrant.Key{Corpus: "docs", Lang: "th"},
	Name:   "docs_th.v1",
	Schema: qdrant.Schema{Model: "m", Dimensions: 2},
}

var onePoint = []qdrant.Point{{
	ID: "00000000-0000-5000-8000-000000000001", Vector: []float32{1, 0}, Payload: qdrant.Payload{DocID: "d"},
}}

// failing answers the first calls with the given errors, then well.
func failing(errs ...error) func(context.Context, string, int, any) (any, error) {
	return func(_ context.Context, _ string, n int, _ any) (any, error) {
		if n <= len(errs) {
			return nil, errs[n-1]
		}
		return completed(), nil
	}
}

// always answers every call with err.
func always(err error) func(context.Context, string, int, any) (any, error) {
	return func(context.Context, string, int, any) (any, error) { return nil, err }
}

func TestRetry(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "shard is not there")
	for _, test := range []struct {
		name   string
		answer func(context.Context, string, int, any) (any, error)
		calls  int
		kind   error  // wanted in the chain
		text   string // wanted in the error, "" for success
	}{
		{"unavailable twice", failing(unavailable, unavailable), 3, nil, ""},
		{"unavailable for good", always(unavailable), 5, nil, "shard is not there (Unavailable, 5 attempts)"},
		{"internal once", failing(status.Error(codes.Internal, "oops")), 2, nil, ""},
		{"internal for good", always(status.Error(codes.Internal, "oops")), 5, nil, "oops (Internal, 5 attempts)"},
		{"failed precondition once", failing(status.Error(codes.FailedPrecondition, "busy")), 2, nil, ""},
		{"attempt timed out once", failing(status.Error(codes.DeadlineExceeded, "slow")), 2, nil, ""},
		{"timed out for good", func(ctx context.Context, _ string, _ int, _ any) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, 5, context.DeadlineExceeded, "no answer within 30s"},
		{"wrong dimension", always(status.Error(codes.InvalidArgument, "expected dim: 2, got 3")), 1, nil, "expected dim: 2, got 3 (InvalidArgument)"},
		{"not found", always(status.Error(codes.NotFound, "Collection `docs_th.v1` doesn't exist!")), 1, qdrant.ErrNoCollection, "doesn't exist"},
		{"locked", always(status.Error(codes.Aborted, "process 7 is writing")), 1, qdrant.ErrReadOnly, "process 7 is writing"},
		{"no key", always(status.Error(codes.Unauthenticated, "must provide an API key")), 1, nil, "check QDRANT_API_KEY"},
		{"bad key", always(status.Error(codes.PermissionDenied, "forbidden")), 1, nil, "check QDRANT_API_KEY"},
		{"exhausted without a time to wait", always(status.Error(codes.ResourceExhausted, "disk full")), 1, nil, "disk full (ResourceExhausted)"},
		{"wait timed out once", func(_ context.Context, _ string, n int, _ any) (any, error) {
			if n == 1 {
				return written(qc.UpdateStatus_WaitTimeout), nil
			}
			return completed(), nil
		}, 2, nil, ""},
		{"only acknowledged", func(context.Context, string, int, any) (any, error) {
			return written(qc.UpdateStatus_Acknowledged), nil
		}, 5, nil, "write not completed: status Acknowledged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := &server{answer: test.answer}
				store := connect(t, srv, qdrant.Options{})
				err := store.Upsert(t.Context(), docs, onePoint)
				if test.text == "" {
					if err != nil {
						t.Error(err)
					}
				} else {
					wantError(t, err, test.kind, test.text, "upsert 1 points into docs_th.v1 at the embedded store")
				}
				if got := srv.count("Upsert"); got != test.calls {
					t.Errorf("%d calls, want %d", got, test.calls)
				}
			})
		})
	}
}

func wantError(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("%v: want %v in its chain", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v: does not say %q", err, text)
		}
	}
}

func rateLimited(ctx context.Context, seconds string) error {
	if err := grpc.SetTrailer(ctx, metadata.Pairs("retry-after", seconds)); err != nil {
		return err
	}
	return status.Error(codes.ResourceExhausted, "rate limit")
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &server{answer: func(ctx context.Context, _ string, n int, _ any) (any, error) {
			if n <= 2 {
				return nil, rateLimited(ctx, "17")
			}
			return completed(), nil
		}}
		store := connect(t, srv, qdrant.Options{})
		start := time.Now()
		if err := store.Upsert(t.Context(), docs, onePoint); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 2*17*time.Second { // the bubble's clock is exact
			t.Errorf("waited %v, want 34s", waited)
		}
	})
}

func TestRetryAfterIsBounded(t *testing.T) {
	forever := func(seconds string) *server {
		return &server{answer: func(ctx context.Context, _ string, _ int, _ any) (any, error) {
			return nil, rateLimited(ctx, seconds)
		}}
	}
	t.Run("attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := forever("1")
			err := connect(t, srv, qdrant.Options{MaxAttempts: 3}).Upsert(t.Context(), docs, onePoint)
			wantError(t, err, nil, "rate limit (ResourceExhausted, 3 attempts)")
			if got := srv.count("Upsert"); got != 3 {
				t.Errorf("%d calls, want 3", got)
			}
		})
	})
	t.Run("longer than a call may take", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := forever("86400")
			err := connect(t, srv, qdrant.Options{}).Upsert(t.Context(), docs, onePoint)
			wantError(t, err, nil, "rate limit (ResourceExhausted)")
			if got := srv.count("Upsert"); got != 1 {
				t.Errorf("%d calls, want 1", got)
			}
		})
	})
	t.Run("the caller's deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := connect(t, forever("100"), qdrant.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			err := store.Upsert(ctx, docs, onePoint)
			wantError(t, err, context.DeadlineExceeded, "after rate limit")
			if waited := time.Since(start); waited != 5*time.Second {
				t.Errorf("waited %v, want 5s", waited)
			}
		})
	})
}

func TestCancelDuringBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		srv := &server{answer: func(ctx context.Context, _ string, _ int, _ any) (any, error) {
			return nil, rateLimited(ctx, "60")
		}}
		store := connect(t, srv, qdrant.Options{})
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := store.Upsert(ctx, docs, onePoint)
		wantError(t, err, context.Canceled)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("returned after %v, want 1s", waited)
		}
		if got := srv.count("Upsert"); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
	})
}

func TestCancelDuringCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		srv := &server{answer: func(ctx context.Context, _ string, _ int, _ any) (any, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		store := connect(t, srv, qdrant.Options{})
		_, err := store.Health(ctx)
		wantError(t, err, context.Canceled)
		if got := srv.count("HealthCheck"); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
	})
}

func TestAPIKey(t *testing.T) {
	const key = "s3cr3t-key"
	synctest.Test(t, func(t *testing.T) {
		srv := &server{answer: func(_ context.Context, method string, n int, _ any) (any, error) {
			switch {
			case method == "HealthCheck":
				return &qc.HealthCheckReply{Version: "1.18.3"}, nil
			case n == 1:
				return nil, status.Error(codes.Unavailable, "moment")
			default:
				return nil, status.Error(codes.Unauthenticated, "key "+key+" has expired")
			}
		}}
		store := connect(t, srv, qdrant.Options{APIKey: key})
		if _, err := store.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := store.Upsert(t.Context(), docs, onePoint)
		wantError(t, err, nil, "has expired")
		if strings.Contains(err.Error(), key) {
			t.Errorf("the error repeats the key: %v", err)
		}
		if srv.keys[key] != 3 || len(srv.keys) != 1 {
			t.Errorf("api-key headers %v, want the key with each of 3 calls", srv.keys)
		}
	})
}

func TestNoServerThere(t *testing.T) {
	// Port 1 is reserved and, as good as always, closed.
	for _, address := range []string{"127.0.0.1:1", "[::1]:1"} {
		store, err := qdrant.Connect(qdrant.Options{URL: address, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Health(t.Context())
		wantError(t, err, nil, "at "+address+": ", "dial tcp "+address, "is Qdrant running", "unset QDRANT_URL")
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		_, err = store.Health(t.Context())
		wantError(t, err, nil, "closing")
	}
}
