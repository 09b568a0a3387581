package anchor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/query-synergy/query-synergy/internal/anchor"
)

func TestTranslateAll(t *testing.T) {
	requests := make([]anchor.Request, 100)
	for i := range requests {
		requests[i].ID = fmt.Sprint(i)
	}
	odd := fake(func(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
		if r.ID[len(r.ID)-1]%2 == 1 {
			return anchor.Anchor{}, errDown
		}
		return anchor.Anchor{Text: r.ID}, nil
	})
	for _, concurrency := range []int{-1, 1, 7, 1000} {
		var progress []int
		outcomes, err := anchor.TranslateAll(t.Context(), odd, requests, concurrency, func(done int) { progress = append(progress, done) })
		if err != nil || len(outcomes) != len(requests) {
			t.Fatalf("%d outcomes, %v", len(outcomes), err)
		}
		for i, got := range outcomes {
			if i%2 == 0 && (got.Err != nil || got.Anchor.Text != requests[i].ID) || i%2 == 1 && !errors.Is(got.Err, errDown) {
				t.Errorf("request %d: %+v", i, got)
			}
		}
		if !slices.IsSorted(progress) || len(progress) != 100 || progress[99] != 100 {
			t.Errorf("progress %v", progress)
		}
	}
	if outcomes, err := anchor.TranslateAll(t.Context(), odd, nil, 4, nil); err != nil || len(outcomes) != 0 {
		t.Errorf("no requests: %v, %v", outcomes, err)
	}
}

func TestTranslateAllIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var running atomic.Int64
		wait := fake(func(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
			running.Add(1)
			return never(ctx, r)
		})
		done := make(chan struct{})
		var outcomes []anchor.Outcome
		var err error
		go func() {
			defer close(done)
			outcomes, err = anchor.TranslateAll(ctx, wait, make([]anchor.Request, 10), 3, nil)
		}()
		synctest.Wait()
		if got := running.Load(); got != 3 {
			t.Errorf("%d at a time, want 3", got)
		}
		cancel()
		<-done
		if !errors.Is(err, context.Canceled) || running.Load() != 3 {
			t.Errorf("%v after %d calls", err, running.Load())
		}
		for i, got := range outcomes {
			if !errors.Is(got.Err, context.Canceled) {
				t.Errorf("request %d: %v", i, got.Err)
			}
		}
	})
}
