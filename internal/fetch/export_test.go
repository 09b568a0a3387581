package fetch

import (
	"context"
	"time"

	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
)

// From is Fetch for a publication that a test makes, with its own patience and
// hardly a wait.
func From(ctx context.Context, o Options, p dataset.Publication, patience time.Duration) error {
	f := newFetcher(o)
	f.firstWait, f.patience = time.Millisecond, patience
	return f.fetch(ctx, p)
}
