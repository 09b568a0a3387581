package peers

import "github.com/query-synergy/query-synergy/internal/evalsuite/metrics"

// qdrantK is the constant of Qdrant's reciprocal rank fusion where the request
// names none.
const qdrantK = 2

// classicK is that of Cormack et al. (SIGIR 2009), which most others keep.
const classicK = 60

func rrf(source, anchor []metrics.Scored, _ float64) []metrics.Scored {
	return rank(sum(source, anchor, qdrantRanks(len(source), 1), qdrantRanks(len(anchor), 1)))
}

func weightedRRF(source, anchor []metrics.Scored, lambda float64) []metrics.Scored {
	return rank(sum(source, anchor,
		qdrantRanks(len(source), float32(lambda)), qdrantRanks(len(anchor), float32(1-lambda))))
}

// qdrantRanks returns what Qdrant gives the n documents of a list. The weight
// divides the rank: with weight 3 the third document counts as the first would
// with weight 1. The scale of the weights matters too: 7 and 3 do not rank as
// 0.7 and 0.3 do. A list of weight 0 gives nothing, but its documents stay.
func qdrantRanks(n int, weight float32) []float32 {
	points := make([]float32, n)
	if weight <= 0 {
		return points
	}
	for i := range points {
		points[i] = 1 / (float32(i+1)/weight + qdrantK - 1)
	}
	return points
}

func rrf60(source, anchor []metrics.Scored, _ float64) []metrics.Scored {
	return rank(sum(source, anchor, classicRanks(len(source), 1), classicRanks(len(anchor), 1)))
}

func weightedRRF60(source, anchor []metrics.Scored, lambda float64) []metrics.Scored {
	return rank(sum(source, anchor, classicRanks(len(source), lambda), classicRanks(len(anchor), 1-lambda)))
}

func classicRanks(n int, weight float64) []float64 {
	points := make([]float64, n)
	for i := range points {
		points[i] = weight / float64(classicK+i+1)
	}
	return points
}
