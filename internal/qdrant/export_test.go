package qdrant

import "context"

// PointAlias moves an index's alias and does nothing else, as a Promote that is
// killed does.
func (s *Store) PointAlias(ctx context.Context, c Collection) error {
	return s.setAlias(ctx, c.Key, c.Name)
}
