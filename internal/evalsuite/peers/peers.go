package peers

import (
	"cmp"
	"slices"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Fusion is one way to make one ranking of two.
type Fusion struct {
	// Name is short, in lower case, and unique among All.
	Name string
	// Doc says in one line what it is, and who does it so.
	Doc string
	// Fuse returns every document of either list once, by descending fused
	// score, ties by ascending id. The lists are ranked, the best first; none
	// names a document twice, and all scores are finite. A list may be empty.
	// lambda, from 0 to 1, is the weight of the source list; peers that have no
	// weights ignore it.
	Fuse func(source, anchor []metrics.Scored, lambda float64) []metrics.Scored
}

// All returns the fusions, always in the same order.
func All() []Fusion {
	return []Fusion{
		{"rrf", "reciprocal rank fusion, 1/(rank+2) with ranks from 0, unweighted: Qdrant's default", rrf},
		{"weighted-rrf", "reciprocal rank fusion, 1/((rank+1)/w+1) with ranks from 0, weights λ and 1-λ: Qdrant from 1.17", weightedRRF},
		{"rrf60", "reciprocal rank fusion, 1/(60+rank) with ranks from 1, unweighted: Elasticsearch, and LangChain's default", rrf60},
		{"weighted-rrf60", "reciprocal rank fusion, w/(60+rank) with ranks from 1, weights λ and 1-λ: LangChain, Elasticsearch from 9.2", weightedRRF60},
		{"dbsf", "distribution-based score fusion, scores scaled by their mean ± 3 standard deviations, summed: Qdrant", dbsf},
		{"min-max", "scores scaled to 0 to 1 within their list, weights λ and 1-λ, a missing score counts 0: Weaviate, LlamaIndex, OpenSearch", minMax},
		{"formula-zero", "λ·source + (1-λ)·anchor over the raw scores, a missing score counts 0: a Qdrant formula over two prefetches", formulaZero},
	}
}

// sum adds up what each list gives its documents: fromSource[i] to source[i],
// fromAnchor[i] to anchor[i], and nothing to a document that a list lacks. The
// sums are rounded to T.
func sum[T float32 | float64](source, anchor []metrics.Scored, fromSource, fromAnchor []T) []metrics.Scored {
	fused := make([]metrics.Scored, len(source), len(source)+len(anchor))
	position := make(map[string]int, len(source))
	for i, d := range source {
		position[d.DocID] = i
		fused[i] = metrics.Scored{DocID: d.DocID, Score: float64(fromSource[i])}
	}
	for i, d := range anchor {
		if at, both := position[d.DocID]; both {
			fused[at].Score = float64(fromSource[at] + fromAnchor[i])
		} else {
			fused = append(fused, metrics.Scored{DocID: d.DocID, Score: float64(fromAnchor[i])})
		}
	}
	return fused
}

// rank sorts documents by descending score, ties by ascending id, in place.
func rank(documents []metrics.Scored) []metrics.Scored {
	slices.SortFunc(documents, func(a, b metrics.Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.DocID, b.DocID))
	})
	return documents
}
