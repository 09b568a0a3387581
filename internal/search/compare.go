package search

import "context"

// Comparison holds the rankings of the source query and of the anchor alone, at
// most Result.TopK hits each. Hit.Score is the cosine to that one query; both
// cosines of a hit are exact, so that its score at any λ follows from them.
type Comparison struct {
	Source []Hit `json:"source"`
	Anchor []Hit `json:"anchor"`
}

// Compare answers a prepared query as Answer does, and adds what source and
// anchor find alone. Where there is no anchor there is nothing to compare, and
// Result.Compare is nil.
func (s *Searcher) Compare(ctx context.Context, p *Prepared) (Result, error) {
	fused, err := s.Answer(ctx, p)
	if err != nil || p.anchor.Text == "" {
		return fused, err
	}
	c := &Comparison{}
	for lambda, hits := range map[float64]*[]Hit{1: &c.Source, 0: &c.Anchor} {
		alone, err := s.Answer(ctx, p.At(lambda))
		if err != nil {
			return Result{}, err
		}
		*hits = alone.Hits
		fused.Timings.Total += alone.Timings.Total - p.timings.Total
	}
	fused.Compare = c
	return fused, nil
}
