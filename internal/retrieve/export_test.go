package retrieve

import "context"

// RunFrom is Run with the depths of the first round given, so that small
// collections are not found whole at once.
func RunFrom(ctx context.Context, store Store, r Request, single, fused int) (Answer, error) {
	return run(ctx, store, r, depth{single, fused})
}

// MinDepth is how many passages Reweigh is shown of each list.
const MinDepth = minDepth
