package anchor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/query-synergy/query-synergy/internal/cache"
)

// flights makes equal requests that come at the same time one. A flight goes on
// as long as one of its waiters does: golang.org/x/sync/singleflight cannot
// tell when the last one left, and would leave its work running.
type flights struct {
	mu   sync.Mutex
	open map[cache.Key]*flight
}

type flight struct {
	done   chan struct{} // closed when anchor and err are set
	anchor Anchor
	err    error

	// Under flights.mu:
	cancel    context.CancelFunc
	waiters   int
	deadline  time.Time // the latest of the waiters'
	unlimited bool      // one of them has none
}

// do returns what work makes of the key, which is running or is started. work's
// context has the values of the first caller's and the latest deadline of
// all callers, and ends when the last of them has left.
func (f *flights) do(ctx context.Context, key cache.Key, work func(context.Context) (Anchor, error)) (Anchor, error) {
	deadline, limited := ctx.Deadline()
	f.mu.Lock()
	current, running := f.open[key]
	if !running {
		current = &flight{done: make(chan struct{})}
		if f.open == nil {
			f.open = map[cache.Key]*flight{}
		}
		f.open[key] = current
	}
	current.waiters++
	current.unlimited = current.unlimited || !limited
	if deadline.After(current.deadline) {
		current.deadline = deadline
	}
	if !running {
		inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
		current.cancel = cancel
		go func() {
			current.anchor, current.err = work(flightContext{inner, f, current})
			f.close(key, current)
			cancel()
			close(current.done)
		}()
	}
	f.mu.Unlock()

	select {
	case <-current.done:
		return current.anchor, current.err
	case <-ctx.Done():
		f.leave(key, current)
		return Anchor{}, fmt.Errorf("stopped waiting for the translation: %w", context.Cause(ctx))
	}
}

// leave takes a waiter away, and ends the flight with the last one.
func (f *flights) leave(key cache.Key, current *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if current.waiters--; current.waiters == 0 {
		current.cancel()
		f.forget(key, current)
	}
}

func (f *flights) close(key cache.Key, current *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(key, current)
}

// forget lets the next caller start anew; another flight may already be there.
func (f *flights) forget(key cache.Key, current *flight) {
	if f.open[key] == current {
		delete(f.open, key)
	}
}

// flightContext is a flight's context; its deadline moves as waiters join.
type flightContext struct {
	context.Context
	flights *flights
	flight  *flight
}

func (c flightContext) Deadline() (time.Time, bool) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	return c.flight.deadline, !c.flight.unlimited
}
