// Package search answers one query from end to end: it gets the anchor query,
// embeds both, searches with both, and fuses what they found into one exact
// ranking.
//
//	text ─┬─ embed ──────────────┐
//	      └─ translate → embed ──┴→ search in parallel → fuse → hits
//
// It ties the adapters together and holds no protocol, flag or file of its own;
// the arithmetic is internal/rerank's.
package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Store is the part of *qdrant.Store that a query needs.
type Store interface {
	Lookup(ctx context.Context, key qdrant.Key) (qdrant.Collection, error)
	SearchBatch(ctx context.Context, c qdrant.Collection, searches []qdrant.Search) ([][]qdrant.Candidate, error)
	Payloads(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Payload, error)
}

// Embedder is the part of *embedding.Client that a query needs.
type Embedder interface {
	Identity() embedding.Identity
	Embed(ctx context.Context, role embedding.Role, texts []string) ([][]float32, embedding.Stats, error)
}

// Searcher answers queries. It is safe for concurrent use.
type Searcher struct {
	Store      Store
	Embedder   Embedder
	Translator anchor.Translator // nil: an anchor comes only with the query
}

// Query is what is asked.
type Query struct {
	Corpus string
	Lang   string // of the documents and of Text
	Text   string
	ID     string // of the query in its dataset, for a file of translations; may be empty
	// Anchor is the same question in AnchorLang, where the caller has it;
	// otherwise the translator is asked.
	Anchor     string
	AnchorLang string
	Lambda     float64 // weight of the source query, in [0, 1]
	TopK       int     // documents wanted, 1 to MaxTopK
}

// PaperLambda is λ where nothing was measured for the model: the setting of the
// Query-Synergy paper.
const PaperLambda = 0.5

// DefaultTopK is how many documents a query returns if nobody says.
const DefaultTopK = 10

// MaxTopK bounds what one query may ask for.
const MaxTopK = 1000

// The searches go deeper than the top k, by this factor and at least to this
// depth: most certificates then need no second round. The depth grows until the
// candidates' vectors would take more than maxCandidateBytes, which a reply must
// hold; then the search gives up proving.
const (
	oversize          = 4
	minDepth          = 50
	deepening         = 4
	maxCandidateBytes = 32 << 20
)

// maxQueryRunes bounds a query's text: a question is no document.
const maxQueryRunes = 8192

// Validate returns an error that says what is wrong with the query.
func (q Query) Validate() error {
	errs := []error{
		qdrant.Key{Corpus: q.Corpus, Lang: q.Lang}.Validate(),
		checkText("query", q.Text),
	}
	if q.Anchor != "" {
		errs = append(errs, checkText("anchor", q.Anchor))
	}
	if !(q.Lambda >= 0 && q.Lambda <= 1) { // also catches NaN
		errs = append(errs, fmt.Errorf("lambda is %v, want a number in [0, 1]", q.Lambda))
	}
	if q.TopK < 1 || q.TopK > MaxTopK {
		errs = append(errs, fmt.Errorf("top-k is %d, want 1 to %d", q.TopK, MaxTopK))
	}
	return errors.Join(errs...)
}

func checkText(what, text string) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("the %s is not valid UTF-8", what)
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("the %s is empty", what)
	case utf8.RuneCountInString(text) > maxQueryRunes:
		return fmt.Errorf("the %s has more than %d characters", what, maxQueryRunes)
	}
	return nil
}

// Run answers a query. Where the anchor cannot be had, the answer is that of
// the source query alone and Result.Anchor says why. An index built with
// another model or prefix is refused with a *qdrant.SchemaError.
func (s *Searcher) Run(ctx context.Context, q Query) (Result, error) {
	if err := q.Validate(); err != nil {
		return Result{}, err
	}
	start := time.Now()
	collection, err := s.Open(ctx, qdrant.Key{Corpus: q.Corpus, Lang: q.Lang})
	if err != nil {
		return Result{}, err
	}
	result := Result{
		Version: resultVersion, Corpus: q.Corpus, Query: q.Text, Lang: q.Lang, Lambda: q.Lambda, TopK: q.TopK,
		Hits: []Hit{},
	}
	source, anchored, err := s.vectors(ctx, q, &result)
	if err != nil {
		return Result{}, err
	}
	legs := []rerank.Leg{{Vector: source, Weight: 1}}
	if anchored != nil {
		legs = rerank.Lambda(source, anchored, q.Lambda)
	} else {
		result.Lambda = 1
	}
	if err := s.search(ctx, collection, q.TopK, legs, &result); err != nil {
		return Result{}, err
	}
	result.Timings.Total = milliseconds(time.Since(start))
	return result, nil
}

// Ranked is a document with its fused score.
type Ranked struct {
	DocID string
	Score float64
}

// Rank returns the top k of a query at each of several λ, in place of q.Lambda:
// the rankings that Run gives, from one embedding and, as a rule, one search.
// The query must bring its anchor. A ranking that cannot be proven complete
// within the depth that a reply can hold is an error, as figures must not hang
// on the search.
func (s *Searcher) Rank(ctx context.Context, q Query, lambdas []float64) ([][]Ranked, error) {
	if q.Anchor == "" {
		return nil, fmt.Errorf("rank query %q at several lambdas: it has no anchor", q.ID)
	}
	for _, q.Lambda = range lambdas {
		if err := q.Validate(); err != nil {
			return nil, err
		}
	}
	collection, err := s.Open(ctx, qdrant.Key{Corpus: q.Corpus, Lang: q.Lang})
	if err != nil {
		return nil, err
	}
	source, anchored, err := s.vectors(ctx, q, &Result{})
	if err != nil {
		return nil, err
	}
	rankings := make([][]Ranked, len(lambdas))
	maxDepth := maxDepth(collection, q.TopK, 2, false)
	// Shallower at first than a single query is answered: of the many that an
	// evaluation asks, few need more.
	for depth := min(oversize*(q.TopK+1), maxDepth); ; depth = min(depth*deepening, maxDepth) {
		r, err := s.candidates(ctx, collection, rerank.Lambda(source, anchored, 0.5), depth, false)
		if err != nil {
			return nil, err
		}
		proven := true
		for i, lambda := range lambdas {
			hits, complete, err := r.fuse(rerank.Lambda(source, anchored, lambda), q.TopK)
			if err != nil {
				return nil, fmt.Errorf("search %s: %w", collection.Key, err)
			}
			proven = proven && complete
			rankings[i] = make([]Ranked, len(hits))
			for rank, hit := range hits {
				rankings[i][rank] = Ranked{hit.DocID, hit.Score}
			}
		}
		switch {
		case proven:
			return rankings, nil
		case depth >= maxDepth:
			return nil, fmt.Errorf("search %s: the top %d of query %q could not be proven complete within %d candidates", collection.Key, q.TopK, q.ID, depth)
		}
	}
}

// Open finds an index that queries can be asked of. One built with another model
// or prefix is refused with a *qdrant.SchemaError; nothing is embedded for it.
func (s *Searcher) Open(ctx context.Context, key qdrant.Key) (qdrant.Collection, error) {
	collection, err := s.Store.Lookup(ctx, key)
	if err != nil {
		return qdrant.Collection{}, err
	}
	return collection, s.checkSchema(collection)
}

// checkSchema compares what the index was embedded with and what the query
// will be embedded with.
func (s *Searcher) checkSchema(c qdrant.Collection) error {
	id := s.Embedder.Identity()
	now := c.Schema
	now.Model, now.QueryPrefix, now.PassagePrefix = id.Model, id.QueryPrefix, id.PassagePrefix
	now.QueryBody, now.PassageBody = id.QueryBody, id.PassageBody
	if id.Dimensions != 0 { // else they show when the query is embedded
		now.Dimensions = id.Dimensions
	}
	if diff := c.Schema.Diff(now); len(diff) > 0 {
		return &qdrant.SchemaError{Key: c.Key, Differences: diff}
	}
	return nil
}

// vectors embeds the source query and, where there is one, the anchor query,
// which is translated meanwhile.
func (s *Searcher) vectors(ctx context.Context, q Query, result *Result) (source, anchored []float32, err error) {
	start := time.Now()
	texts := []string{norm.NFC.String(q.Text)}
	result.Anchor = Anchor{Lang: q.AnchorLang, Status: StatusNone}
	var translated chan translation
	switch {
	case q.Anchor != "":
		given, err := anchor.Given(q.Anchor, q.AnchorLang)
		if err != nil {
			return nil, nil, err
		}
		result.Anchor.Text, result.Anchor.Origin, result.Anchor.Status = given.Text, given.Origin, StatusOK
		texts = append(texts, given.Text)
	case lang.Base(q.Lang) == lang.Base(q.AnchorLang):
		result.Anchor.Status = StatusSameLanguage
	case s.Translator != nil:
		// Where the query fails meanwhile, nobody waits for the translation.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		translated = make(chan translation, 1)
		go func() { translated <- translate(ctx, s.Translator, q) }()
	}
	vectors, _, err := s.Embedder.Embed(ctx, embedding.Query, texts)
	if err != nil {
		return nil, nil, err
	}
	result.Timings.Embed = milliseconds(time.Since(start))
	if translated != nil {
		t := <-translated
		result.Anchor, result.Timings.Translate = t.anchor, t.took
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if t.anchor.Text != "" {
			start = time.Now()
			more, _, err := s.Embedder.Embed(ctx, embedding.Query, []string{t.anchor.Text})
			if err != nil {
				return nil, nil, err
			}
			vectors = append(vectors, more...)
			result.Timings.Embed += milliseconds(time.Since(start))
		}
	}
	if len(vectors) == 1 {
		return vectors[0], nil, nil
	}
	agreement := vector.Cosine(vectors[0], vectors[1])
	result.Anchor.Agreement = &agreement
	return vectors[0], vectors[1], nil
}

type translation struct {
	anchor Anchor
	took   float64 // milliseconds
}

func translate(ctx context.Context, from anchor.Translator, q Query) translation {
	start := time.Now()
	got, err := from.Translate(ctx, anchor.Request{ID: q.ID, Text: q.Text, From: q.Lang, To: q.AnchorLang})
	t := translation{anchor: Anchor{Lang: q.AnchorLang}, took: milliseconds(time.Since(start))}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		t.anchor.Status, t.anchor.Error = StatusTimeout, err.Error()
	case err != nil:
		t.anchor.Status, t.anchor.Error = StatusUnavailable, err.Error()
	default:
		t.anchor.Text, t.anchor.Origin, t.anchor.Status = got.Text, got.Origin, StatusOK
		if got.Cached {
			t.anchor.Status = StatusCached
		}
	}
	return t
}

// search fills in the hits. Their payloads are read after the search, for the
// top k alone; where a document was changed or deleted in between, the search is
// repeated with all payloads in its own answer.
func (s *Searcher) search(ctx context.Context, c qdrant.Collection, topK int, legs []rerank.Leg, result *Result) error {
	hits, found, err := s.fused(ctx, c, topK, legs, false, result)
	if err != nil {
		return err
	}
	start := time.Now()
	ids := make([]string, len(hits))
	for i, hit := range hits {
		ids[i] = hit.ID
	}
	payloads, err := s.Store.Payloads(ctx, c, ids)
	if err != nil {
		return err
	}
	result.Timings.Search += milliseconds(time.Since(start))
	changed := slices.ContainsFunc(ids, func(id string) bool {
		payload, there := payloads[id]
		return !there || payload.ContentHash != found[id].ContentHash
	})
	if changed {
		if hits, found, err = s.fused(ctx, c, topK, legs, true, result); err != nil {
			return err
		}
		for _, hit := range hits {
			payloads[hit.ID] = *found[hit.ID].Payload
		}
	}
	result.Hits = make([]Hit, len(hits))
	for i, hit := range hits {
		result.Hits[i] = newHit(i+1, hit, payloads[hit.ID])
	}
	return nil
}

// fused searches with every leg that has weight, deeper and deeper until the
// top k is proven or the depth is at its limit, and returns the top k, with every
// passage found by id.
func (s *Searcher) fused(ctx context.Context, c qdrant.Collection, topK int, legs []rerank.Leg, withPayload bool, result *Result) ([]rerank.Hit, map[string]qdrant.Candidate, error) {
	maxDepth := maxDepth(c, topK, len(legs), withPayload)
	depth := min(max(minDepth, oversize*topK), maxDepth)
	for ; ; depth = min(depth*deepening, maxDepth) {
		start := time.Now()
		r, err := s.candidates(ctx, c, legs, depth, withPayload)
		if err != nil {
			return nil, nil, err
		}
		found := time.Now()
		hits, complete, err := r.fuse(legs, topK)
		if err != nil {
			return nil, nil, fmt.Errorf("search %s: %w", c.Key, err)
		}
		result.Timings.Search += milliseconds(found.Sub(start))
		result.Timings.Fuse += milliseconds(time.Since(found))
		result.Depth, result.Certified = depth, complete
		if complete || depth >= maxDepth {
			return hits, r.found, nil
		}
	}
}

// maxDepth is how deep a search of so many legs may go for its reply to stay
// within bounds.
func maxDepth(c qdrant.Collection, topK, legs int, withPayload bool) int {
	beside := 256 // bytes of a candidate besides its vector
	if withPayload {
		beside += 16 << 10
	}
	return max(topK, maxCandidateBytes/(legs*(4*c.Schema.Dimensions+beside)))
}

// round is what the searches of one depth found.
type round struct {
	lists [][]rerank.Candidate
	last  []float64                   // the lowest score of each leg's list, −∞ where the list is the whole index
	found map[string]qdrant.Candidate // by passage id
}

// fuse returns the top k of what was found, and whether it is proven to be the
// whole index's.
func (r round) fuse(legs []rerank.Leg, topK int) (top []rerank.Hit, complete bool, err error) {
	hits, err := rerank.Fuse(legs, r.lists...)
	if err != nil {
		return nil, false, err
	}
	weights := make([]float64, len(legs))
	for i, leg := range legs {
		weights[i] = leg.Weight
	}
	threshold := rerank.Threshold(weights, r.last)
	// Below every threshold: one of the lists holds the whole index.
	complete = math.IsInf(threshold, -1) || rerank.Certified(hits, topK, threshold)
	return hits[:min(topK, len(hits))], complete, nil
}

// candidates runs one exact search for each leg that has weight, all in one
// request.
func (s *Searcher) candidates(ctx context.Context, c qdrant.Collection, legs []rerank.Leg, depth int, withPayload bool) (round, error) {
	r := round{last: make([]float64, len(legs)), found: map[string]qdrant.Candidate{}}
	var searches []qdrant.Search
	var of []int // the leg of each search
	for i, leg := range legs {
		if leg.Weight > 0 {
			searches = append(searches, qdrant.Search{Vector: leg.Vector, Limit: depth, Exact: true, WithVectors: true, WithPayload: withPayload})
			of = append(of, i)
		}
	}
	found, err := s.Store.SearchBatch(ctx, c, searches)
	if err != nil {
		return round{}, err
	}
	for i, list := range found {
		candidates := make([]rerank.Candidate, len(list))
		for j, x := range list {
			if _, known := r.found[x.ID]; !known { // the first is the one whose vector counts
				r.found[x.ID] = x
			}
			candidates[j] = rerank.Candidate{ID: x.ID, DocID: x.DocID, Chunk: x.Chunk, Vector: x.Vector}
		}
		r.lists = append(r.lists, candidates)
		r.last[of[i]] = math.Inf(-1)
		if len(list) == depth {
			r.last[of[i]] = list[depth-1].Score
		}
	}
	return r, nil
}

func newHit(rank int, hit rerank.Hit, p qdrant.Payload) Hit {
	out := Hit{
		Rank: rank, ID: hit.DocID, Score: hit.Score, Source: hit.Cosines[0],
		Lang: p.Lang, Title: p.Title, Text: p.Text, Chunk: p.Chunk, Chunks: p.Chunks, Metadata: p.Metadata,
	}
	if out.Metadata == nil {
		out.Metadata = map[string]any{}
	}
	if len(hit.Cosines) > 1 {
		out.Anchor = &hit.Cosines[1]
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
