package anchor

import (
	"context"
	"sync"
	"sync/atomic"
)

// Outcome is what became of one request of a batch.
type Outcome struct {
	Anchor Anchor
	Err    error
}

// TranslateAll translates many queries, at most concurrency (at least 1) at a
// time, and returns their outcomes in the order of the requests: a query that
// fails leaves the others as they are. progress, where it is not nil, hears
// after each how many are done, from one goroutine at a time. Where ctx has
// ended, its error is returned, and is also the outcome of those not asked.
func TranslateAll(ctx context.Context, translator Translator, requests []Request, concurrency int, progress func(done int)) ([]Outcome, error) {
	outcomes := make([]Outcome, len(requests))
	var next atomic.Int64
	var reporting sync.Mutex
	done := 0
	var workers sync.WaitGroup
	for range min(max(1, concurrency), len(requests)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				if ctx.Err() != nil {
					outcomes[i].Err = context.Cause(ctx)
					continue
				}
				outcomes[i].Anchor, outcomes[i].Err = translator.Translate(ctx, requests[i])
				if progress != nil {
					reporting.Lock()
					done++
					progress(done)
					reporting.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return outcomes, context.Cause(ctx)
}
