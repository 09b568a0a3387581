package peers_test

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// measured is what a real Qdrant 1.18.3 gave on the recorded XQuAD vectors,
// nDCG@1 and nDCG@3 ×100 to two digits, averaged over ar, zh, el, th and tr:
// λ=0.7 (the weights of the RRF are 0.7 and 0.3) over two prefetches of 10, the
// anchor being the English question.
var measured = map[string][2]float64{
	"formula-zero": {88.00, 92.81},
	"weighted-rrf": {87.55, 93.19},
	"dbsf":         {86.45, 92.29},
	"rrf":          {84.54, 91.85},
}

// TestEqualsTheServer holds the fusions against the measured figures. Where no
// scores tie, these must come out to the last digit. Where some do, the server
// orders them by chance, so its figure is one draw: it must lie within 3
// standard deviations of the mean over all orders, and so must this package's.
func TestEqualsTheServer(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	cuts := [2]int{1, 3}
	questions := 0
	var means, variances, ours = map[string][2]float64{}, map[string][2]float64{}, map[string][2]float64{}
	for _, lang := range []string{"ar", "zh", "el", "th", "tr"} {
		sources, anchors, answers := openXQuAD(t, dir, lang)
		questions += len(answers)
		for name := range measured {
			fuse := fusion(t, name).Fuse
			mean, variance, own := means[name], variances[name], ours[name]
			for id, answer := range answers {
				first, at, last := ranks(fuse(sources[id], anchors[id], 0.7), answer)
				for i, k := range cuts {
					m, v := overTies(k, first, last)
					mean[i] += m
					variance[i] += v
					own[i] += ndcg(k, at)
				}
			}
			means[name], variances[name], ours[name] = mean, variance, own
		}
	}
	if questions != 5*1190 {
		t.Fatalf("%d questions, want 5 times 1190", questions)
	}
	for name, want := range measured {
		for i, k := range cuts {
			scale := 100 / float64(questions)
			mean, chance := means[name][i]*scale, 3*math.Sqrt(variances[name][i])*scale
			t.Logf("%s: nDCG@%d %.3f, over all orders of ties %.3f ± %.3f; server %.2f", name, k, ours[name][i]*scale, mean, chance, want[i])
			if (chance > 0) != (name == "rrf") {
				t.Errorf("%s: ties move nDCG@%d by %v; only those of rrf should", name, k, chance)
			}
			if math.Abs(mean-want[i]) > chance+0.00501 {
				t.Errorf("%s: nDCG@%d of the server is %.2f, want %.3f ± %.3f", name, k, want[i], mean, chance)
			}
			if got := ours[name][i] * scale; math.Abs(got-mean) > chance+1e-9 {
				t.Errorf("%s: nDCG@%d is %.3f, want %.3f ± %.3f", name, k, got, mean, chance)
			}
		}
	}
}

// openXQuAD returns the ten best passages of each question in a language, by
// itself and by its English translation, and the passage that answers it.
func openXQuAD(t *testing.T, dir, lang string) (sources, anchors metrics.Run, answers map[string]string) {
	t.Helper()
	questions, err := corpus.ReadSQuADQuestions(filepath.Join(dir, "xquad."+lang+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var ids, passages []string
	answers = map[string]string{}
	row := map[string]string{}
	for i, q := range questions {
		if _, seen := row[q.DocID]; !seen {
			row[q.DocID] = fmt.Sprintf("%03d", len(row))
			passages = append(passages, row[q.DocID])
		}
		id := fmt.Sprintf("%04d", i)
		ids, answers[id] = append(ids, id), row[q.DocID]
	}
	documents := evalsuite.Vectors{IDs: passages, Rows: embeddingtest.RecordedVectors(t, dir, lang+".passages.f32")}
	run := func(queryLang string) metrics.Run {
		queries := evalsuite.Vectors{IDs: ids, Rows: embeddingtest.RecordedVectors(t, dir, queryLang+".queries.f32")}
		matrix, err := evalsuite.Cosines(queries, documents)
		if err != nil {
			t.Fatal(err)
		}
		return matrix.Run(10)
	}
	return run(lang), run("en"), answers
}

// ranks returns the rank of a document, from 1, between the first and the last
// of those with its score; all 0 where the list lacks it.
func ranks(list []metrics.Scored, id string) (first, at, last int) {
	score, listed := scores(list)[id]
	if !listed {
		return 0, 0, 0
	}
	for i, d := range list {
		if d.Score > score {
			continue
		}
		if d.Score < score {
			break
		}
		if first == 0 {
			first = i + 1
		}
		if d.DocID == id {
			at = i + 1
		}
		last = i + 1
	}
	return first, at, last
}

// overTies returns mean and variance of the nDCG where every rank from first to
// last is as likely.
func overTies(k, first, last int) (mean, variance float64) {
	n := float64(last - first + 1)
	for r := first; r <= last; r++ {
		mean += ndcg(k, r) / n
	}
	for r := first; r <= last; r++ {
		variance += (ndcg(k, r) - mean) * (ndcg(k, r) - mean) / n
	}
	return mean, variance
}

// ndcg is that of one relevant document at a rank, 0 being not listed.
func ndcg(k, rank int) float64 {
	if rank == 0 || rank > k {
		return 0
	}
	return 1 / math.Log2(float64(rank)+1)
}
