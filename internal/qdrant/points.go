package qdrant

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/google/uuid"
	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/vector"
)

const (
	// maxBatchPoints and maxBatchBytes bound one upsert. Proxies, and servers
	// older than 1.18, may limit a request.
	maxBatchPoints = 256
	maxBatchBytes  = 16 << 20

	// maxBatchIDs bounds a request that names points by id.
	maxBatchIDs = 1000

	// maxPage bounds a page of Scroll.
	maxPage = 10_000
)

// Point is a passage as it is stored.
type Point struct {
	ID string // a UUID, lower case with hyphens
	// Vector has the schema's width, finite components and a length above zero. It
	// is scaled to unit length when stored, and its own length lost, unless the
	// schema compares by products.
	Vector  []float32
	Payload Payload
}

// Upsert stores points, overwriting whole those whose ids are there, and returns
// when they can be searched. All points are checked before the first is sent.
// Should a request fail, those of earlier requests stay stored: repeat the call.
func (s *Store) Upsert(ctx context.Context, c Collection, points []Point) error {
	if err := c.writable(); err != nil {
		return err
	}
	layout := c.layout()
	out := make([]*qc.PointStruct, len(points))
	for i, point := range points {
		err := errors.Join(checkUUID(point.ID), vector.Check(point.Vector, c.Schema.Width()))
		if err == nil {
			out[i] = &qc.PointStruct{Id: qc.NewIDUUID(point.ID), Vectors: layout.vectors(c.Schema.sent(point.Vector))}
			out[i].Payload, err = point.Payload.values(layout)
		}
		if err != nil {
			return fmt.Errorf("upsert into %s: point %q: %w", c.Name, cut(point.ID), err)
		}
	}
	return s.inBatches(ctx, out, func(ctx context.Context, s *Store, points []*qc.PointStruct) error {
		what := fmt.Sprintf("upsert %d points into %s", len(points), c.Name)
		_, err := call(ctx, s, what, func(ctx context.Context) (struct{}, error) {
			return applied(s.client.Upsert(ctx, &qc.UpsertPoints{
				CollectionName:   c.Name,
				Wait:             qc.PtrOf(true),
				Points:           points,
				ShardKeySelector: c.shards(),
			}))
		})
		return err
	})
}

// Delete removes points. Ids that are not there are no error.
func (s *Store) Delete(ctx context.Context, c Collection, ids []string) error {
	if err := errors.Join(c.writable(), checkIDs(ids)); err != nil {
		return fmt.Errorf("delete from %s: %w", c.Name, err)
	}
	for batch := range slices.Chunk(ids, maxBatchIDs) {
		what := fmt.Sprintf("delete %d points from %s", len(batch), c.Name)
		_, err := call(ctx, s, what, func(ctx context.Context) (struct{}, error) {
			return applied(s.client.Delete(ctx, &qc.DeletePoints{
				CollectionName:   c.Name,
				Wait:             qc.PtrOf(true),
				Points:           qc.NewPointsSelectorIDs(pointIDs(batch)),
				ShardKeySelector: c.shards(),
			}))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Stamps returns what is stored under the given ids, by id. Ids that are not
// there are missing from the map.
func (s *Store) Stamps(ctx context.Context, c Collection, ids []string) (map[string]Stamp, error) {
	stamps := make(map[string]Stamp, len(ids))
	err := s.get(ctx, c, ids, c.stampFields(), false, func(point *qc.RetrievedPoint) {
		stamps[idOf(point.GetId())] = c.stamp(point)
	})
	if err != nil {
		return nil, err
	}
	return stamps, nil
}

// Payloads returns the payloads stored under the given ids, by id. Ids that are
// not there are missing from the map.
func (s *Store) Payloads(ctx context.Context, c Collection, ids []string) (map[string]Payload, error) {
	payloads := make(map[string]Payload, len(ids))
	err := s.get(ctx, c, ids, qc.NewWithPayload(true), false, func(point *qc.RetrievedPoint) {
		id := idOf(point.GetId())
		payloads[id] = c.payload(id, point.GetPayload())
	})
	if err != nil {
		return nil, err
	}
	return payloads, nil
}

// Points returns what is stored under the given ids, by id: vectors, of unit
// length or as they came, each with the payload that it was stored with. Ids that are not there
// are missing from the map.
func (s *Store) Points(ctx context.Context, c Collection, ids []string) (map[string]Point, error) {
	points := make(map[string]Point, len(ids))
	err := s.get(ctx, c, ids, qc.NewWithPayload(true), true, func(point *qc.RetrievedPoint) {
		id := idOf(point.GetId())
		points[id] = Point{ID: id, Vector: c.layout().dense(point.GetVectors()), Payload: c.payload(id, point.GetPayload())}
	})
	if err != nil {
		return nil, err
	}
	return points, nil
}

// get fetches points by id and passes each to found, in no particular order.
func (s *Store) get(ctx context.Context, c Collection, ids []string, fields *qc.WithPayloadSelector, vectors bool, found func(*qc.RetrievedPoint)) error {
	if err := checkIDs(ids); err != nil {
		return fmt.Errorf("get points of %s: %w", c.Name, err)
	}
	s = s.patient(c.Read)
	for batch := range slices.Chunk(ids, maxBatchIDs) {
		err := inHalves(batch, func(ids []string) error {
			what := fmt.Sprintf("get %d points of %s", len(ids), c.Name)
			points, err := call(ctx, s, what, func(ctx context.Context) ([]*qc.RetrievedPoint, error) {
				return s.client.Get(ctx, &qc.GetPoints{
					CollectionName:  c.Name,
					Ids:             pointIDs(ids),
					WithPayload:     fields,
					WithVectors:     c.layout().withVectors(vectors),
					ReadConsistency: c.Read.consistency(),
					Timeout:         c.Read.seconds(),
				})
			})
			for _, point := range points {
				found(point)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Count returns the number of points that c.Read's filter keeps, exactly.
func (s *Store) Count(ctx context.Context, c Collection) (uint64, error) {
	return s.count(ctx, c.Name, c.message(c.Read.Filter))
}

// passages returns a filter that keeps of what filter keeps, nil for all, one
// point of each passage.
func (s Schema) passages(filter *qc.Filter) *qc.Filter {
	if s.augment().Mode != ModeMulti {
		return filter
	}
	one := &qc.Filter{MustNot: []*qc.Condition{qc.NewRange(keyVector, &qc.Range{Gte: qc.PtrOf(1.0)})}}
	if filter != nil {
		one.Must = []*qc.Condition{qc.NewFilterAsCondition(filter)}
	}
	return one
}

func (s *Store) count(ctx context.Context, name string, filter *qc.Filter) (uint64, error) {
	return call(ctx, s, "count the points of "+name, func(ctx context.Context) (uint64, error) {
		return s.client.Count(ctx, &qc.CountPoints{CollectionName: name, Filter: filter, Exact: qc.PtrOf(true)})
	})
}

// Scroll yields the stamps of all points in the order of their ids, fetching
// pageSize (1 to 10,000) at a time. An error ends it. Points written meanwhile
// may or may not appear.
func (s *Store) Scroll(ctx context.Context, c Collection, pageSize int) iter.Seq2[Stamp, error] {
	return func(yield func(Stamp, error) bool) {
		if pageSize < 1 || pageSize > maxPage {
			yield(Stamp{}, fmt.Errorf("scroll over %s: page size %d: want 1 to %d", c.Name, pageSize, maxPage))
			return
		}
		request := &qc.ScrollPoints{
			CollectionName: c.Name,
			Limit:          qc.PtrOf(uint32(pageSize)),
			WithPayload:    c.stampFields(),
		}
		for {
			page, err := call(ctx, s, "scroll over "+c.Name, func(ctx context.Context) (*qc.ScrollResponse, error) {
				return s.client.GetPointsClient().Scroll(ctx, request)
			})
			if err != nil {
				yield(Stamp{}, err)
				return
			}
			for _, point := range page.GetResult() {
				if !yield(c.stamp(point), nil) {
					return
				}
			}
			next := page.GetNextPageOffset()
			if next == nil {
				return
			}
			if next.GetUuid() <= request.GetOffset().GetUuid() {
				yield(Stamp{}, fmt.Errorf("scroll over %s at %s: the next page starts at %q, not after the last", c.Name, s.where, cut(next.GetUuid())))
				return
			}
			request.Offset = next
		}
	}
}

// checkUUID returns an error unless id is a UUID as Qdrant itself writes it; any
// other spelling would come back changed.
func checkUUID(id string) error {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return fmt.Errorf("id %q is not a UUID in lower case with hyphens", cut(id))
	}
	return nil
}

// checkIDs also lets whole numbers pass, which other programs give to points.
func checkIDs(ids []string) error {
	for _, id := range ids {
		if _, ok := numberOf(id); ok {
			continue
		}
		if err := checkUUID(id); err != nil {
			return err
		}
	}
	return nil
}

// numberOf returns a point's number, where its id is one as idOf writes it.
func numberOf(id string) (uint64, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == id
}

// idOf writes a point's id as text: a UUID, or a whole number in decimal.
func idOf(id *qc.PointId) string {
	if n, ok := id.GetPointIdOptions().(*qc.PointId_Num); ok {
		return strconv.FormatUint(n.Num, 10)
	}
	return id.GetUuid()
}

func pointIDs(ids []string) []*qc.PointId {
	out := make([]*qc.PointId, len(ids))
	for i, id := range ids {
		if n, ok := numberOf(id); ok {
			out[i] = qc.NewIDNum(n)
		} else {
			out[i] = qc.NewIDUUID(id)
		}
	}
	return out
}
