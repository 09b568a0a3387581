package embedded

import (
	"context"
	"database/sql"
	"maps"
	"math"
	"slices"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// pointsService serves points. Every write waits until it is durable.
type pointsService struct {
	qc.UnimplementedPointsServer
	engine *Engine
}

var completed = &qc.PointsOperationResponse{Result: &qc.UpdateResult{Status: qc.UpdateStatus_Completed}}

func (p *pointsService) Upsert(ctx context.Context, req *qc.UpsertPoints) (*qc.PointsOperationResponse, error) {
	if req.GetUpdateFilter() != nil || req.GetUpdateMode() != qc.UpdateMode_Upsert {
		return nil, status.Error(codes.Unimplemented, "the embedded engine has no conditional upsert")
	}
	err := p.engine.upsert(ctx, req.GetCollectionName(), func(s *state) ([]newPoint, error) {
		return s.checkPoints(req.GetPoints())
	})
	if err != nil {
		return nil, err
	}
	return completed, nil
}

// checkPoints prepares the points for storing, in the order in which they came;
// where an id comes twice, the last counts.
func (s *state) checkPoints(points []*qc.PointStruct) ([]newPoint, error) {
	out := make([]newPoint, 0, len(points))
	seen := make(map[pointKey]int, len(points))
	for _, p := range points {
		key, err := keyOf(p.GetId())
		if err != nil {
			return nil, wrongInput("%v", err)
		}
		x, err := s.denseVector(p.GetVectors())
		if err != nil {
			return nil, err
		}
		if len(x) != s.dimensions {
			return nil, wrongInput("Vector dimension error: expected dim: %d, got %d", s.dimensions, len(x))
		}
		if f, bad := notFinite(x); bad {
			return nil, wrongInput("vector of point %s holds %v", key.id(), f)
		}
		payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(&qc.PointStruct{Payload: p.GetPayload()})
		if err != nil {
			return nil, wrongInput("payload of point %s: %v", key.id(), err)
		}
		fresh := newPoint{key: key, vector: s.prepare(x), payload: payload}
		if at, twice := seen[key]; twice {
			out[at] = fresh
			continue
		}
		seen[key] = len(out)
		out = append(out, fresh)
	}
	return out, nil
}

// notFinite finds a component that no score can be made of. Qdrant stores such a
// vector, and finds nothing with such a query.
func notFinite(x []float32) (float32, bool) {
	for _, f := range x {
		if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
			return f, true
		}
	}
	return 0, false
}

// prepare brings a vector into the form in which it is stored and searched: a
// Cosine collection holds unit vectors.
func (s *state) prepare(x []float32) []float32 {
	if s.distance == qc.Distance_Cosine {
		return vector.Normalize(x)
	}
	return x
}

// denseVector returns the one vector of a point.
func (s *state) denseVector(v *qc.Vectors) ([]float32, error) {
	single := v.GetVector()
	if s.vectorName != "" {
		named := v.GetVectors().GetVectors()
		if single = named[s.vectorName]; len(named) > 1 || single == nil && len(named) == 1 {
			return nil, wrongInput("Not existing vector name error: only %q is there", s.vectorName)
		}
	}
	if single == nil {
		return nil, status.Error(codes.Unimplemented, "the embedded engine wants exactly one dense vector a point, named as the collection names it")
	}
	if dense := single.GetDense(); dense != nil {
		return dense.GetData(), nil
	}
	//nolint:staticcheck // older clients fill the deprecated field
	if data := single.GetData(); single.GetVector() == nil && single.GetIndices() == nil {
		return data, nil
	}
	return nil, status.Error(codes.Unimplemented, "the embedded engine stores dense vectors only")
}

func (p *pointsService) Delete(ctx context.Context, req *qc.DeletePoints) (*qc.PointsOperationResponse, error) {
	e := p.engine
	err := e.remove(ctx, req.GetCollectionName(), func(tx *sql.Tx, s *state) ([]pointKey, error) {
		switch sel := req.GetPoints().GetPointsSelectorOneOf().(type) {
		case *qc.PointsSelector_Points:
			return keysOf(sel.Points.GetIds())
		case *qc.PointsSelector_Filter:
			v, err := e.views.acquire(ctx, e.dir, tx, s)
			if err != nil {
				return nil, err
			}
			defer v.release() //nolint:errcheck // unmapping cannot undo what was found
			rows, err := v.filtered(ctx, tx, sel.Filter)
			if err != nil {
				return nil, err
			}
			keys := make([]pointKey, len(rows))
			for i, row := range rows {
				keys[i] = v.record(row).key()
			}
			return keys, nil
		default:
			return nil, wrongInput("nothing says which points to delete")
		}
	})
	if err != nil {
		return nil, err
	}
	return completed, nil
}

func keysOf(ids []*qc.PointId) ([]pointKey, error) {
	keys := make([]pointKey, len(ids))
	for i, id := range ids {
		key, err := keyOf(id)
		if err != nil {
			return nil, wrongInput("%v", err)
		}
		keys[i] = key
	}
	return keys, nil
}

func (p *pointsService) Get(ctx context.Context, req *qc.GetPoints) (*qc.GetResponse, error) {
	keys, err := keysOf(req.GetIds())
	if err != nil {
		return nil, err
	}
	payload, err := selectionOf(req.GetWithPayload())
	if err != nil {
		return nil, err
	}
	resp := &qc.GetResponse{}
	answer := func(v *view, rows map[pointKey]int) error {
		resp.Result = nil
		for _, key := range keys {
			row, ok := rows[key]
			if !ok {
				continue
			}
			delete(rows, key) // an id asked for twice is answered once
			point, err := v.retrieved(row, payload, req.GetWithVectors())
			if err != nil {
				return err
			}
			resp.Result = append(resp.Result, point)
		}
		return nil
	}
	known := false
	err = p.engine.search(ctx, req.GetCollectionName(), func(v *view) error {
		var rows map[pointKey]int
		if rows, known = v.recent.of(keys); !known {
			return nil
		}
		return answer(v, rows)
	})
	if known || err != nil {
		return resp, err
	}
	err = p.engine.read(ctx, req.GetCollectionName(), func(tx *sql.Tx, v *view) error {
		rows, err := v.rowsOf(ctx, tx, keys)
		if err != nil {
			return err
		}
		return answer(v, rows)
	})
	return resp, err
}

func (v *view) retrieved(row int, payload selection, vectors *qc.WithVectorsSelector) (*qc.RetrievedPoint, error) {
	point := &qc.RetrievedPoint{
		Id:      v.record(row).key().id(),
		Vectors: v.selectVector(row, vectors),
	}
	return point, v.setPayload(point, row, payload)
}

func (v *view) selectVector(row int, sel *qc.WithVectorsSelector) *qc.VectorsOutput {
	if !sel.GetEnable() && (v.vectorName == "" || !slices.Contains(sel.GetInclude().GetNames(), v.vectorName)) {
		return nil
	}
	output := &qc.VectorOutput{
		// A copy: the answer is encoded after the mapping may be gone.
		Vector: &qc.VectorOutput_Dense{Dense: &qc.DenseVector{Data: slices.Clone(v.vector(row))}},
	}
	if v.vectorName == "" {
		return &qc.VectorsOutput{VectorsOptions: &qc.VectorsOutput_Vector{Vector: output}}
	}
	return &qc.VectorsOutput{VectorsOptions: &qc.VectorsOutput_Vectors{
		Vectors: &qc.NamedVectorsOutput{Vectors: map[string]*qc.VectorOutput{v.vectorName: output}},
	}}
}

func (p *pointsService) Query(ctx context.Context, req *qc.QueryPoints) (*qc.QueryResponse, error) {
	results, err := p.queryAll(ctx, req.GetCollectionName(), []*qc.QueryPoints{req})
	if err != nil {
		return nil, err
	}
	return &qc.QueryResponse{Result: results[0].GetResult()}, nil
}

func (p *pointsService) QueryBatch(ctx context.Context, req *qc.QueryBatchPoints) (*qc.QueryBatchResponse, error) {
	results, err := p.queryAll(ctx, req.GetCollectionName(), req.GetQueryPoints())
	if err != nil {
		return nil, err
	}
	return &qc.QueryBatchResponse{Result: results}, nil
}

// queryAll answers all queries from one state of the collection; those with the
// same filter share one pass over the vectors.
func (p *pointsService) queryAll(ctx context.Context, name string, queries []*qc.QueryPoints) ([]*qc.BatchResult, error) {
	results := make([]*qc.BatchResult, len(queries))
	answer := func(tx *sql.Tx, v *view) error {
		searches := make([]search, len(queries))
		for i, q := range queries {
			s, err := v.search(q)
			if err != nil {
				return err
			}
			searches[i] = s
		}
		for start := 0; start < len(queries); {
			end := start + 1
			for end < len(queries) && proto.Equal(queries[start].GetFilter(), queries[end].GetFilter()) {
				end++
			}
			found, err := v.filteredScan(ctx, tx, queries[start].GetFilter(), searches[start:end])
			if err != nil {
				return err
			}
			for i, hits := range found {
				q := queries[start+i]
				hits = hits[min(q.GetOffset(), uint64(len(hits))):]
				if results[start+i], err = v.scoredPoints(hits, q.GetWithPayload(), q.GetWithVectors()); err != nil {
					return err
				}
			}
			start = end
		}
		return nil
	}
	filtered := slices.ContainsFunc(queries, func(q *qc.QueryPoints) bool { return q.GetFilter() != nil })
	if filtered { // the ids that a filter names are looked up in the same transaction
		return results, p.engine.read(ctx, name, answer)
	}
	return results, p.engine.search(ctx, name, func(v *view) error { return answer(nil, v) })
}

const defaultLimit = 10

// search checks what a query asks for and refuses what the engine cannot do.
func (v *view) search(q *qc.QueryPoints) (search, error) {
	if len(q.GetPrefetch()) > 0 || q.GetLookupFrom() != nil {
		return search{}, status.Error(codes.Unimplemented, "the embedded engine has no prefetch and no lookup")
	}
	if q.GetUsing() != v.vectorName {
		return search{}, wrongInput("Not existing vector name error: %.80s", q.GetUsing())
	}
	dense := q.GetQuery().GetNearest().GetDense()
	if dense == nil {
		return search{}, status.Error(codes.Unimplemented, "the embedded engine searches for the nearest to a dense vector only")
	}
	x := dense.GetData()
	if len(x) != v.dimensions {
		return search{}, wrongInput("Vector dimension error: expected dim: %d, got %d", v.dimensions, len(x))
	}
	if f, bad := notFinite(x); bad {
		return search{}, wrongInput("query vector holds %v", f)
	}
	limit := uint64(defaultLimit)
	if q.Limit != nil {
		limit = q.GetLimit()
	}
	if limit == 0 {
		return search{}, wrongInput("limit must be 1 or more")
	}
	depth := min(limit, uint64(v.rows)) + min(q.GetOffset(), uint64(v.rows))
	return search{query: v.prepare(x), limit: int(depth), floor: q.ScoreThreshold}, nil
}

func (v *view) filteredScan(ctx context.Context, tx *sql.Tx, f *qc.Filter, searches []search) ([][]scored, error) {
	if f == nil {
		return v.scan(ctx, searches, nil)
	}
	rows, err := v.filtered(ctx, tx, f)
	if err != nil {
		return nil, err
	}
	var kept bitset
	for _, row := range rows {
		kept.set(row)
	}
	return v.scan(ctx, searches, kept.has)
}

// filtered lists the live rows that the filter keeps, in row order. Where the
// filter demands named ids, only those are looked at.
func (v *view) filtered(ctx context.Context, tx *sql.Tx, f *qc.Filter) ([]int, error) {
	m, err := v.newMatcher(ctx, tx, f)
	if err != nil {
		return nil, err
	}
	if demandsIDs(f) {
		return m.keepRows(ctx, slices.Sorted(maps.Values(m.rows)))
	}
	live := make([]int, 0, v.live())
	for row := range v.rows {
		if !v.deadBits.has(row) {
			live = append(live, row)
		}
	}
	return m.keepRows(ctx, live)
}

func demandsIDs(f *qc.Filter) bool {
	return slices.ContainsFunc(f.GetMust(), func(c *qc.Condition) bool { return c.GetHasId() != nil })
}

func (v *view) scoredPoints(hits []scored, sel *qc.WithPayloadSelector, vectors *qc.WithVectorsSelector) (*qc.BatchResult, error) {
	payload, err := selectionOf(sel)
	if err != nil {
		return nil, err
	}
	v.recent.add(v, hits)
	result := &qc.BatchResult{Result: make([]*qc.ScoredPoint, len(hits))}
	for i, hit := range hits {
		point := &qc.ScoredPoint{
			Id:      v.record(hit.row).key().id(),
			Score:   hit.score,
			Vectors: v.selectVector(hit.row, vectors),
		}
		if err := v.setPayload(point, hit.row, payload); err != nil {
			return nil, err
		}
		result.Result[i] = point
	}
	return result, nil
}

// Scroll lists points in the order of their ids.
func (p *pointsService) Scroll(ctx context.Context, req *qc.ScrollPoints) (*qc.ScrollResponse, error) {
	if req.GetOrderBy() != nil {
		return nil, status.Error(codes.Unimplemented, "the embedded engine scrolls in the order of ids only")
	}
	payload, err := selectionOf(req.GetWithPayload())
	if err != nil {
		return nil, err
	}
	var from pointKey
	if req.GetOffset() != nil {
		if from, err = keyOf(req.GetOffset()); err != nil {
			return nil, wrongInput("%v", err)
		}
	}
	limit := defaultLimit
	if req.Limit != nil {
		limit = int(req.GetLimit())
	}
	resp := &qc.ScrollResponse{}
	err = p.engine.read(ctx, req.GetCollectionName(), func(tx *sql.Tx, v *view) error {
		resp.Result, resp.NextPageOffset = nil, nil
		m, err := v.newMatcher(ctx, tx, req.GetFilter())
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT row FROM "+v.pointsTable()+" WHERE id >= ? ORDER BY id", from[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row int
			if err := rows.Scan(&row); err != nil {
				return err
			}
			if ok, err := m.keep(row); err != nil {
				return err
			} else if !ok {
				continue
			}
			if len(resp.Result) == limit {
				resp.NextPageOffset = v.record(row).key().id()
				break
			}
			point, err := v.retrieved(row, payload, req.GetWithVectors())
			if err != nil {
				return err
			}
			resp.Result = append(resp.Result, point)
		}
		return rows.Err()
	})
	return resp, err
}

func (p *pointsService) Count(ctx context.Context, req *qc.CountPoints) (*qc.CountResponse, error) {
	resp := &qc.CountResponse{Result: &qc.CountResult{}}
	err := p.engine.read(ctx, req.GetCollectionName(), func(tx *sql.Tx, v *view) error {
		if req.GetFilter() == nil {
			resp.Result.Count = uint64(v.live())
			return nil
		}
		rows, err := v.filtered(ctx, tx, req.GetFilter())
		resp.Result.Count = uint64(len(rows))
		return err
	})
	return resp, err
}

// CreateFieldIndex records that the field is indexed. Filters here read the
// payloads, so the index changes nothing but what the collection's info shows.
func (p *pointsService) CreateFieldIndex(ctx context.Context, req *qc.CreateFieldIndexCollection) (*qc.PointsOperationResponse, error) {
	if req.GetFieldName() == "" {
		return nil, wrongInput("an index needs the name of a field")
	}
	err := p.engine.write(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, req.GetCollectionName())
		if err != nil {
			return err
		}
		// FieldType counts from 0 what PayloadSchemaType counts from 1.
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO indexes (collection, field, type) VALUES (?, ?, ?)",
			s.id, req.GetFieldName(), int32(req.GetFieldType())+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	return completed, nil
}
