package peers

import (
	"math"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Products are converted wherever a sum follows, so that no compiler fuses the
// two and rounds otherwise than the next.

func dbsf(source, anchor []metrics.Scored, _ float64) []metrics.Scored {
	return rank(sum(source, anchor, byDistribution(source), byDistribution(anchor)))
}

// byDistribution scales scores so that the mean less 3 standard deviations of
// the list becomes 0, and the mean plus 3 becomes 1. The deviation is that of a
// sample (n-1), by Welford's method. Nothing is cut off at 0 and 1. A single
// document, and all of a list without spread, get 0.5.
func byDistribution(list []metrics.Scored) []float32 {
	points := make([]float32, len(list))
	var mean, squares float32
	for i, d := range list {
		points[i] = float32(d.Score)
		before := points[i] - mean
		mean += before / float32(i+1)
		squares += float32(before * (points[i] - mean))
	}
	var low, high float32
	if len(list) > 1 {
		deviation := float32(math.Sqrt(float64(squares / float32(len(list)-1))))
		low, high = mean-float32(3*deviation), mean+float32(3*deviation)
	}
	for i, score := range points {
		points[i] = 0.5
		if low != high {
			points[i] = (score - low) / (high - low)
		}
	}
	return points
}

func minMax(source, anchor []metrics.Scored, lambda float64) []metrics.Scored {
	return rank(sum(source, anchor, byRange(source, lambda), byRange(anchor, 1-lambda)))
}

// byRange scales scores so that the lowest of the list becomes 0 and the
// highest becomes weight. A single document, and all of a list of equal scores,
// get the full weight, as with Weaviate and OpenSearch; LlamaIndex gives them 0
// where their score is not positive. OpenSearch lifts the lowest to 0.001.
func byRange(list []metrics.Scored, weight float64) []float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, d := range list {
		low, high = min(low, d.Score), max(high, d.Score)
	}
	points := make([]float64, len(list))
	for i, d := range list {
		points[i] = weight
		if low != high {
			points[i] = float64(weight * ((d.Score - low) / (high - low)))
		}
	}
	return points
}

// formulaZero evaluates as Qdrant does: scores come in as float32, the formula
// is computed in float64, and its value goes out as float32.
func formulaZero(source, anchor []metrics.Scored, lambda float64) []metrics.Scored {
	fused := sum(source, anchor, weighted(source, lambda), weighted(anchor, 1-lambda))
	for i := range fused {
		fused[i].Score = float64(float32(fused[i].Score))
	}
	return rank(fused)
}

func weighted(list []metrics.Scored, weight float64) []float64 {
	points := make([]float64, len(list))
	for i, d := range list {
		points[i] = float64(weight * float64(float32(d.Score)))
	}
	return points
}
