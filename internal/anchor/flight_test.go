package anchor_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/cache"
)

func newCached(t *testing.T, translator anchor.Identified) *anchor.Cached {
	t.Helper()
	memory, err := cache.Open(filepath.Join(t.TempDir(), "translations.db"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	return anchor.NewCached(translator, memory, slog.New(slog.DiscardHandler))
}

// gate is a translator that counts and waits to be opened.
type gate struct {
	calls, ended atomic.Int64
	entered      chan context.Context
	open         chan struct{}
}

func newGate() *gate {
	return &gate{entered: make(chan context.Context, 100), open: make(chan struct{})}
}

func (*gate) Identity() string { return "gate" }

func (g *gate) Translate(ctx context.Context, request anchor.Request) (anchor.Anchor, error) {
	g.calls.Add(1)
	defer g.ended.Add(1)
	g.entered <- ctx
	select {
	case <-g.open:
		return sure(ctx, request)
	case <-ctx.Done():
		return anchor.Anchor{}, ctx.Err()
	}
}

func TestEqualRequestsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		cached := newCached(t, g)
		other := thai
		other.Text += "?"
		var callers sync.WaitGroup
		for _, request := range []anchor.Request{thai, other} {
			for range 20 {
				callers.Go(func() {
					if got, err := cached.Translate(t.Context(), request); err != nil || got.Text != where {
						t.Errorf("%+v, %v", got, err)
					}
				})
			}
		}
		synctest.Wait()
		close(g.open)
		callers.Wait()
		if got := g.calls.Load(); got != 2 {
			t.Errorf("asked %d times, want once for each text", got)
		}
	})
}

// Whoever gives up goes alone, and the last one takes the work along.
func TestFlightLastsAsLongAsItsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		cached := newCached(t, g)
		wait := func(patience time.Duration) chan error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			done := make(chan error, 1)
			go func() {
				defer cancel()
				_, err := cached.Translate(ctx, thai)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		start := time.Now()
		first, second := wait(time.Second), wait(3*time.Second)
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("the first: %v after %s", err, time.Since(start))
		}
		synctest.Wait()
		if deadline, ok := (<-g.entered).Deadline(); g.ended.Load() != 0 || !ok || !deadline.Equal(start.Add(3*time.Second)) {
			t.Errorf("the work ended with its first caller, or has the deadline %s", deadline)
		}
		if err := <-second; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("the second: %v after %s", err, time.Since(start))
		}
		synctest.Wait()
		if g.ended.Load() != 1 {
			t.Error("the work went on when nobody waited")
		}
		// What was given up is not what the next one gets.
		third := wait(time.Minute)
		close(g.open)
		if err := <-third; err != nil || g.calls.Load() != 2 {
			t.Errorf("the third: %v after %d calls", err, g.calls.Load())
		}
	})
}

func TestFlightWithoutDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		close(g.open)
		if _, err := newCached(t, g).Translate(t.Context(), thai); err != nil {
			t.Fatal(err)
		}
		if deadline, ok := (<-g.entered).Deadline(); ok {
			t.Errorf("the work has the deadline %s", deadline)
		}
	})
}

func TestFailuresAreShared(t *testing.T) {
	cached := newCached(t, down)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if _, err := cached.Translate(t.Context(), thai); !errors.Is(err, errDown) {
				t.Errorf("%v", err)
			}
		})
	}
	callers.Wait()
}
