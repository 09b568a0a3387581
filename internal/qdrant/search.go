package qdrant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// Search asks for the passages nearest to a vector, by cosine or, where the
// schema says so, by dot product.
type Search struct {
	Vector      []float32 // of the schema's width, finite, not zero; of any length, which products keep
	Limit       int       // at least 1; a smaller collection returns all it has
	Exact       bool      // compare with every vector, past the approximate index
	WithVectors bool      // return the candidates' vectors too, 4 bytes a dimension each
	WithPayload bool      // return the candidates' payloads too, from the same state as their scores
	Bare        bool      // leave out DocID, Chunk and ContentHash; not with WithPayload
}

// Candidate is a passage that a search found.
type Candidate struct {
	ID          string
	Score       float64 // cosine or product as the server gave it, in single precision from the stored vector; rounding may exceed 1
	DocID       string
	Chunk       int
	ContentHash string    // tells whether a payload read later is still the one that was found
	Vector      []float32 // as it is stored; nil unless asked for
	Payload     *Payload  // nil unless asked for
}

// Search returns the best candidates, by descending score, ties by ascending id.
// Which of several passages tied at the limit come back is the server's choice.
func (s *Store) Search(ctx context.Context, c Collection, search Search) ([]Candidate, error) {
	if err := search.check(c); err != nil {
		return nil, fmt.Errorf("search %s: %w", c.Name, err)
	}
	s = s.patient(c.Read)
	points, err := call(ctx, s, "search "+c.Name, func(ctx context.Context) ([]*qc.ScoredPoint, error) {
		return s.client.Query(ctx, search.request(c))
	})
	if err != nil {
		return nil, err
	}
	return search.candidates(c, points), nil
}

// SearchBatch runs several searches in one request and returns their candidates
// in the order of the searches. If one fails all do.
func (s *Store) SearchBatch(ctx context.Context, c Collection, searches []Search) ([][]Candidate, error) {
	if len(searches) == 0 {
		return nil, nil
	}
	s = s.patient(c.Read)
	// What a batch reads with counts for all of its queries.
	request := &qc.QueryBatchPoints{CollectionName: c.Name, ReadConsistency: c.Read.consistency(), Timeout: c.Read.seconds()}
	for i, search := range searches {
		if err := search.check(c); err != nil {
			return nil, fmt.Errorf("search %s: query %d: %w", c.Name, i, err)
		}
		request.QueryPoints = append(request.QueryPoints, search.request(c))
	}
	what := fmt.Sprintf("search %s for %d queries", c.Name, len(searches))
	results, err := call(ctx, s, what, func(ctx context.Context) ([]*qc.BatchResult, error) {
		return s.client.QueryBatch(ctx, request)
	})
	if err != nil {
		return nil, err
	}
	if len(results) != len(searches) {
		return nil, fmt.Errorf("%s at %s: got %d lists of candidates", what, s.where, len(results))
	}
	lists := make([][]Candidate, len(results))
	for i, result := range results {
		lists[i] = searches[i].candidates(c, result.GetResult())
	}
	return lists, nil
}

func (q Search) check(c Collection) error {
	if q.Limit < 1 {
		return errors.New("limit must be at least 1")
	}
	if q.Bare && q.WithPayload {
		return errors.New("a bare search has no payload")
	}
	return errors.Join(vector.Check(q.Vector, c.Schema.Width()), c.Read.Validate())
}

func (q Search) request(c Collection) *qc.QueryPoints {
	layout := c.layout()
	payload := qc.NewWithPayloadInclude(firstKey(layout.DocID), keyChunk, keyContentHash)
	if q.WithPayload || q.Bare {
		payload = qc.NewWithPayload(q.WithPayload)
	}
	params := &qc.SearchParams{Exact: qc.PtrOf(q.Exact)}
	if !q.Exact { // an exact search passes quantised vectors by
		params.Quantization = &qc.QuantizationSearchParams{
			Rescore: qc.PtrOf(true), Oversampling: qc.PtrOf(cmp.Or(c.Read.Oversampling, DefaultOversampling)),
		}
		if c.Read.EF > 0 {
			params.HnswEf = qc.PtrOf(uint64(c.Read.EF))
		}
	}
	request := &qc.QueryPoints{
		CollectionName:  c.Name,
		Query:           qc.NewQueryDense(c.Schema.sent(q.Vector)),
		Filter:          c.message(c.Read.Filter),
		Limit:           qc.PtrOf(uint64(q.Limit)),
		Params:          params,
		WithPayload:     payload,
		WithVectors:     layout.withVectors(q.WithVectors),
		ReadConsistency: c.Read.consistency(),
		Timeout:         c.Read.seconds(),
	}
	if layout.Vector != "" {
		request.Using = &layout.Vector
	}
	return request
}

// candidates converts and sorts what a search returned. Qdrant leaves ties in no
// order of its own.
func (q Search) candidates(c Collection, points []*qc.ScoredPoint) []Candidate {
	layout := c.layout()
	out := make([]Candidate, len(points))
	for i, point := range points {
		out[i] = Candidate{
			ID:     idOf(point.GetId()),
			Score:  float64(point.GetScore()),
			Vector: layout.dense(point.GetVectors()),
		}
		if q.Bare {
			continue
		}
		p := c.payload(out[i].ID, point.GetPayload())
		out[i].DocID, out[i].Chunk, out[i].ContentHash = p.DocID, p.Chunk, p.ContentHash
		if q.WithPayload {
			out[i].Payload = &p
		}
	}
	slices.SortFunc(out, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return out
}
