package qdrant

import (
	"context"
	"errors"
	"fmt"
	"iter"

	qc "github.com/qdrant/go-client/qdrant"
)

const (
	exportPage  = 256      // points at most
	exportBytes = 16 << 20 // of their vectors
)

// Export yields all points in the order of their ids, or those after one, with
// vectors as they are stored and whole payloads. It fetches a bounded page at a
// time. An error ends it. Points written meanwhile may or may not appear.
func (s *Store) Export(ctx context.Context, c Collection, after string) iter.Seq2[Point, error] {
	return func(yield func(Point, error) bool) {
		most := max(1, min(exportPage, exportBytes/(4*max(1, c.Schema.Width()))))
		request := &qc.ScrollPoints{
			CollectionName: c.Name,
			Limit:          qc.PtrOf(uint32(most)),
			WithPayload:    qc.NewWithPayload(true),
			WithVectors:    c.layout().withVectors(true),
		}
		if after != "" {
			if err := checkUUID(after); err != nil {
				yield(Point{}, fmt.Errorf("read all of %s: %w", c.Name, err))
				return
			}
			request.Offset = qc.NewIDUUID(after)
		}
		for {
			page, err := call(ctx, s, "read all of "+c.Name, func(ctx context.Context) (*qc.ScrollResponse, error) {
				return s.client.GetPointsClient().Scroll(ctx, request)
			})
			if errors.Is(err, errTooLarge) && request.GetLimit() > 1 { // long texts
				request.Limit = qc.PtrOf(request.GetLimit() / 2)
				continue
			}
			if err != nil {
				yield(Point{}, err)
				return
			}
			for _, point := range page.GetResult() {
				id := idOf(point.GetId())
				p := Point{ID: id, Vector: c.layout().dense(point.GetVectors()), Payload: c.payload(id, point.GetPayload())}
				if p.ID != after && !yield(p, nil) {
					return
				}
			}
			next := page.GetNextPageOffset()
			if next == nil {
				return
			}
			if next.GetUuid() <= request.GetOffset().GetUuid() {
				yield(Point{}, fmt.Errorf("read all of %s at %s: the next page starts at %q, not after the last", c.Name, s.where, cut(next.GetUuid())))
				return
			}
			request.Offset = next
			request.Limit = qc.PtrOf(min(uint32(most), 2*request.GetLimit()))
		}
	}
}
