package evalsuite

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Mode says how passages know the queries that were generated for them, as in an
// index. Their vectors have unit length here.
type Mode = augment.Mode

// The modes.
const (
	Blend = augment.ModeBlend
	Multi = augment.ModeMulti
)

// Setting is a way to rank augmented passages: by
//
//	λ·cos(source, d) + (1−λ)·cos(anchor, d) − Hub·h(d)
//
// where h(d) is augment.Hubness of the scores that d has for the generated
// queries of other documents, each for itself in place of source and anchor.
type Setting struct {
	Lambda float64 // in [0, 1]
	Alpha  float64 // in [0, 1]; 0 is the plain index
	Hub    float64 // from 0, which leaves the scores as they are
}

// Generated holds passages with the queries generated for them.
type Generated struct {
	Passages Vectors // IDs are of their documents
	// Queries are those of each passage. A passage that has none gets
	// augment.Typical in their place.
	Queries [][][]float32
	// Bank are queries that show which passages are near to everything; IDs are
	// of the documents that they were generated for.
	Bank Vectors
}

// AugmentedScores holds what questions, anchors and bank score with passages and
// with generated queries, from which every Setting's ranking is made. It is not
// changed once made, so many goroutines may read it.
type AugmentedScores struct {
	questions, documents axis
	points               []point
	first                []int // the first point of each document, and their number last
	passages             int
	source, anchor, bank scored
	bankOf               []int // document of each bank query
}

// point is a vector of an augmented passage.
type point struct {
	passage int     // number in ascending order of document ids
	cross   float64 // product of passage and queries
	square  float64 // squared length of the queries' sum, or of the query
}

// scored are products by query: with each passage, and with the queries of
// each point.
type scored struct{ passages, queries [][]float64 }

// NewAugmentedScores scores questions, their anchors under the same ids in the
// same order, and the bank. It takes 8 bytes of memory for each of them and each
// passage and generated query. It returns an error for vectors that Cosines
// refuses, and where no passage has a query.
func NewAugmentedScores(questions, anchors Vectors, g Generated, mode Mode) (*AugmentedScores, error) {
	if len(questions.Rows) == 0 || len(g.Passages.Rows) == 0 || len(g.Queries) != len(g.Passages.Rows) {
		return nil, fmt.Errorf("score %d questions against %d passages, %d of them with generated queries: all must be there",
			len(questions.Rows), len(g.Passages.Rows), len(g.Queries))
	}
	if !slices.Equal(questions.IDs, anchors.IDs) {
		return nil, errors.New("score augmented passages: the anchors' ids are not the questions'")
	}
	width := len(g.Passages.Rows[0])
	for what, v := range map[string]Vectors{"question": questions, "anchor": anchors, "document": g.Passages, "generated query for": g.Bank} {
		if err := v.check(what, width); err != nil {
			return nil, err
		}
	}
	for i, queries := range g.Queries {
		for _, q := range queries {
			if err := vector.Check(q, width); err != nil {
				return nil, fmt.Errorf("vector of a query generated for %.120q: %w", g.Passages.IDs[i], err)
			}
		}
	}
	a := &AugmentedScores{questions: newAxis(slices.Clone(questions.IDs)), passages: len(g.Passages.Rows)}
	if len(a.questions.index) < len(a.questions.ids) {
		return nil, fmt.Errorf("query id %.120q stands twice", firstTwice(questions.IDs))
	}
	passages, added, err := a.addPoints(g, mode, width)
	if err != nil {
		return nil, err
	}
	for _, id := range g.Bank.IDs {
		document, ok := a.documents.index[id]
		if !ok {
			return nil, fmt.Errorf("there is a query generated for document %.120q, which is not among the %d scored", id, len(a.documents.ids))
		}
		a.bankOf = append(a.bankOf, document)
	}
	a.source = multiply(questions.Rows, passages, added)
	a.anchor = multiply(anchors.Rows, passages, added)
	a.bank = multiply(g.Bank.Rows, passages, added)
	return a, nil
}

// addPoints numbers documents, passages and points, and returns the passages at
// unit length and what is added to one at each point.
func (a *AugmentedScores) addPoints(g Generated, mode Mode, width int) (passages, added [][]float64, err error) {
	order := make([]int, len(g.Passages.IDs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(g.Passages.IDs[x], g.Passages.IDs[y]) })
	of := make([][][]float64, len(order)) // what may be added to each passage
	queries := make([][][]float32, len(order))
	for p, i := range order {
		queries[p] = g.Queries[i]
		for _, q := range g.Queries[i] {
			of[p] = append(of[p], unit(q))
		}
		if mode == Blend && len(of[p]) > 0 {
			of[p] = [][]float64{sum(of[p])}
		}
	}
	if !slices.ContainsFunc(queries, func(of [][]float32) bool { return len(of) > 0 }) {
		return nil, nil, errors.New("there is no generated query for any of the passages")
	}
	typical := augment.Typical(mode, queries)
	if typical == nil {
		typical = make([]float64, width)
	}
	var ids []string
	for p, i := range order {
		if id := g.Passages.IDs[i]; p == 0 || id != ids[len(ids)-1] {
			ids = append(ids, id)
			a.first = append(a.first, len(a.points))
		}
		passage := unit(g.Passages.Rows[i])
		passages = append(passages, passage)
		if len(of[p]) == 0 {
			of[p] = [][]float64{typical}
		}
		for _, v := range of[p] {
			a.points = append(a.points, point{passage: p, cross: dot(passage, v), square: dot(v, v)})
			added = append(added, v)
		}
	}
	a.first = append(a.first, len(a.points))
	a.documents = newAxis(ids)
	return passages, added, nil
}

// multiply uses all cores.
func multiply(rows [][]float32, passages, added [][]float64) scored {
	p := scored{make([][]float64, len(rows)), make([][]float64, len(rows))}
	var workers sync.WaitGroup
	share := max(1, (len(rows)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for first := 0; first < len(rows); first += share {
		workers.Go(func() {
			for q := first; q < min(first+share, len(rows)); q++ {
				query := unit(rows[q])
				p.passages[q], p.queries[q] = make([]float64, len(passages)), make([]float64, len(added))
				cosines(p.passages[q], query, passages)
				products(p.queries[q], query, added)
			}
		})
	}
	workers.Wait()
	return p
}

// Matrix returns the scores at λ and α, hubs not considered: one a document. With
// α = 0 they are those of Fuse over Cosines.
func (a *AugmentedScores) Matrix(lambda, alpha float64) (*Matrix, error) {
	for name, x := range map[string]float64{"lambda": lambda, "alpha": alpha} {
		if !(x >= 0 && x <= 1) {
			return nil, fmt.Errorf("score augmented passages: %s %v lies outside 0 to 1", name, x)
		}
	}
	scales, err := a.scales(alpha)
	if err != nil {
		return nil, err
	}
	m := &Matrix{queries: a.questions, documents: a.documents, first: make([]int, len(a.documents.ids)+1)}
	for d := range m.first {
		m.first[d] = d
	}
	m.scores = make([]float64, len(a.questions.ids)*len(a.documents.ids))
	passages, queries := make([]float64, a.passages), make([]float64, len(a.points))
	for q := range a.questions.ids {
		mix(passages, a.source.passages[q], a.anchor.passages[q], lambda)
		mix(queries, a.source.queries[q], a.anchor.queries[q], lambda)
		a.best(m.row(q), passages, queries, alpha, scales)
	}
	return m, nil
}

// mix writes λ·source + (1−λ)·anchor, rounded as FuseEach does.
func mix(into, source, anchor []float64, lambda float64) {
	for i, s := range source {
		into[i] = float64(lambda*s) + float64((1-lambda)*anchor[i])
	}
}

// scales returns the factors that give the points unit length.
func (a *AugmentedScores) scales(alpha float64) ([]float64, error) {
	scales := make([]float64, len(a.points))
	for i, p := range a.points {
		square := 1.0 // p.passage counts as a unit vector and is taken as it is
		if alpha > 0 {
			square = float64((1-alpha)*(1-alpha)) + float64(2*alpha*(1-alpha)*p.cross) + float64(alpha*alpha*p.square)
		}
		if !(square > 1e-12) {
			return nil, fmt.Errorf("score augmented passages: a passage and its queries cancel out at alpha %v: %w", alpha, vector.ErrZeroLength)
		}
		scales[i] = 1 / math.Sqrt(square)
	}
	return scales, nil
}

// best writes the score of each document's best point.
func (a *AugmentedScores) best(scores, passages, queries []float64, alpha float64, scales []float64) {
	for d := range scores {
		best := math.Inf(-1)
		for i := a.first[d]; i < a.first[d+1]; i++ {
			score := passages[a.points[i].passage]
			if alpha > 0 {
				score = (float64((1-alpha)*score) + float64(alpha*queries[i])) * scales[i]
			}
			best = max(best, score)
		}
		scores[d] = best
	}
}

// Hubs returns h of Setting for each document at α, by all queries of the bank;
// 0 where it has none of another document.
func (a *AugmentedScores) Hubs(alpha float64) (Hubs, error) {
	scales, err := a.scales(alpha)
	if err != nil {
		return nil, err
	}
	similarities := make([][]float64, len(a.documents.ids))
	scores := make([]float64, len(a.documents.ids))
	for q, own := range a.bankOf {
		a.best(scores, a.bank.passages[q], a.bank.queries[q], alpha, scales)
		for d, score := range scores {
			if d != own {
				similarities[d] = append(similarities[d], score)
			}
		}
	}
	hubs := make(Hubs, len(a.documents.ids))
	for d := range hubs {
		hubs[d] = augment.Hubness(similarities[d], 0)
	}
	return hubs, nil
}

// Hubs says how near each document is to everything.
type Hubs []float64

// Lower makes of into, whose memory it takes again, the matrix with b times the
// hubs taken off the scores of each document.
func (h Hubs) Lower(into, m *Matrix, b float64) {
	scores := slices.Grow(into.scores[:0], len(m.scores))[:len(m.scores)]
	*into = *m
	into.scores = scores
	for q := range m.queries.ids {
		row := into.row(q)
		for d, score := range m.row(q) {
			row[d] = score - float64(b*h[d])
		}
	}
}

func sum(vectors [][]float64) []float64 {
	total := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		add(total, v)
	}
	return total
}

func add(to, v []float64) {
	for k, x := range v {
		to[k] += x
	}
}

func dot(a, b []float64) float64 {
	total := 0.0
	for k, x := range a {
		total += float64(x * b[k])
	}
	return total
}
