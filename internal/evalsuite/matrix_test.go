package evalsuite_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// drawVectors draws n vectors with small whole components, so that directions
// repeat and scores tie.
func drawVectors(t *rapid.T, prefix string, n, width int) evalsuite.Vectors {
	component := rapid.Float32Range(-2, 2)
	if rapid.Bool().Draw(t, prefix+"whole") {
		component = rapid.Map(rapid.IntRange(-1, 1), func(i int) float32 { return float32(i) })
	}
	row := rapid.SliceOfN(component, width, width).Filter(func(v []float32) bool { return vector.Check(v, width) == nil })
	v := evalsuite.Vectors{Rows: rapid.SliceOfN(row, n, n).Draw(t, prefix+"rows")}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, i)
	}
	v.IDs = rapid.Permutation(names).Draw(t, prefix+"ids")
	return v
}

// drawPassages draws n passages of at most n documents.
func drawPassages(t *rapid.T, n, width int) evalsuite.Vectors {
	v := drawVectors(t, "d", n, width)
	for i := range v.IDs {
		if i > 0 && rapid.Bool().Draw(t, "chunk") {
			v.IDs[i] = v.IDs[rapid.IntRange(0, i-1).Draw(t, "of")]
		}
	}
	return v
}

type experiment struct {
	source, anchor, documents evalsuite.Vectors
	lambda                    float64
}

func drawExperiment(t *rapid.T) experiment {
	queries, width := rapid.IntRange(1, 6).Draw(t, "queries"), rapid.IntRange(1, 5).Draw(t, "width")
	e := experiment{
		source:    drawVectors(t, "q", queries, width),
		anchor:    drawVectors(t, "q", queries, width),
		documents: drawPassages(t, rapid.IntRange(1, 14).Draw(t, "passages"), width),
		lambda:    rapid.OneOf(rapid.SampledFrom([]float64{0, 0.5, 1}), rapid.Float64Range(0, 1)).Draw(t, "lambda"),
	}
	e.anchor.IDs = e.source.IDs
	return e
}

func (e experiment) fused(t *rapid.T) *evalsuite.Matrix {
	source, err := evalsuite.Cosines(e.source, e.documents)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := evalsuite.Cosines(e.anchor, e.documents)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := evalsuite.Fuse(source, anchor, e.lambda)
	if err != nil {
		t.Fatal(err)
	}
	return fused
}

func TestScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawExperiment(t)
		documents := map[string]bool{}
		for _, id := range e.documents.IDs {
			documents[id] = true
		}
		for id, list := range e.fused(t).Run(len(e.documents.IDs)) {
			if len(list) != len(documents) {
				t.Fatalf("%d documents ranked, want all %d", len(list), len(documents))
			}
			for i, got := range list {
				want, cosine := e.score(slices.Index(e.source.IDs, id), got.DocID)
				if got.Score != want {
					t.Fatalf("score of %s for %s = %v, want %v", got.DocID, id, got.Score, want)
				}
				if math.Abs(got.Score-cosine) > 2e-6 {
					t.Fatalf("score of %s for %s = %v, the cosines give %v", got.DocID, id, got.Score, cosine)
				}
				if i > 0 {
					before := list[i-1]
					if before.Score < got.Score || before.Score == got.Score && before.DocID >= got.DocID {
						t.Fatalf("%v ranks before %v", before, got)
					}
				}
			}
		}
	})
}

// score returns what the best passage of a document scores for query q, by the
// products of normalised vectors and by cosines.
func (e experiment) score(q int, document string) (product, cosine float64) {
	product, cosine = math.Inf(-1), math.Inf(-1)
	for i, passage := range e.documents.Rows {
		if e.documents.IDs[i] != document {
			continue
		}
		normalised := func(v []float32) float64 {
			return vector.Clamp(vector.Dot64(vector.Normalize(v), vector.Normalize(passage)))
		}
		source, anchor := e.source.Rows[q], e.anchor.Rows[q]
		product = max(product, float64(e.lambda*normalised(source))+float64((1-e.lambda)*normalised(anchor)))
		cosine = max(cosine, e.lambda*vector.Cosine(source, passage)+(1-e.lambda)*vector.Cosine(anchor, passage))
	}
	return product, cosine
}

func TestSelect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawExperiment(t)
		all := e.fused(t)
		chosen := rapid.Permutation(e.source.IDs).Draw(t, "chosen")[:rapid.IntRange(1, len(e.source.IDs)).Draw(t, "n")]
		some, err := all.Select(chosen)
		if err != nil {
			t.Fatal(err)
		}
		got, want := some.Run(5), all.Run(5)
		if len(got) != len(chosen) {
			t.Fatalf("%d queries selected, want %d", len(got), len(chosen))
		}
		for _, id := range chosen {
			if !slices.Equal(got[id], want[id]) {
				t.Fatalf("%s: got %v, want %v", id, got[id], want[id])
			}
		}
		if _, err := all.Select([]string{"stranger"}); err == nil {
			t.Fatal("a query that is not there was selected")
		}
	})
}

func TestEvaluateEqualsTheRankedRun(t *testing.T) {
	measures := []metrics.Measure{
		{Kind: metrics.NDCG, K: 3}, {Kind: metrics.MRR, K: 2}, {Kind: metrics.MAP},
		{Kind: metrics.Recall, K: 4}, {Kind: metrics.Success, K: 1},
	}
	rapid.Check(t, func(t *rapid.T) {
		e := drawExperiment(t)
		qrels := metrics.Qrels{e.source.IDs[0]: {e.documents.IDs[0]: 2}}
		for _, q := range e.source.IDs[1:] {
			qrels[q] = rapid.MapOf(rapid.SampledFrom(e.documents.IDs), rapid.IntRange(-1, 3)).Draw(t, "judged")
		}
		fused := e.fused(t)
		want, err := metrics.Evaluate(qrels, fused.Run(len(e.documents.IDs)), metrics.RankedIDs, measures...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fused.Evaluate(qrels, measures...)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v (error %v), want %v", got, err, want)
		}
	})
}

func TestRunKeepsTheBest(t *testing.T) {
	documents := evalsuite.Vectors{IDs: []string{"b", "far", "a"}, Rows: [][]float32{{2, 0}, {0, 1}, {1, 0}}}
	m, err := evalsuite.Cosines(evalsuite.Vectors{IDs: []string{"q"}, Rows: [][]float32{{3, 0}}}, documents)
	if err != nil {
		t.Fatal(err)
	}
	want := metrics.Run{"q": {{DocID: "a", Score: 1}, {DocID: "b", Score: 1}}}
	if got := m.Run(2); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMatrixErrors(t *testing.T) {
	vectors := func(rows [][]float32, ids ...string) evalsuite.Vectors {
		return evalsuite.Vectors{IDs: ids, Rows: rows}
	}
	one := [][]float32{{1, 0}}
	good := vectors(one, "x")
	for name, tc := range map[string]struct {
		queries, documents evalsuite.Vectors
		want               string
	}{
		"no documents":  {good, vectors(nil), "1 queries against 0 documents"},
		"no queries":    {vectors(nil), good, "0 queries against 1 documents"},
		"ids and rows":  {good, vectors(one, "a", "b"), "2 document ids for 1 vectors"},
		"id twice":      {vectors([][]float32{{1, 0}, {0, 1}}, "q", "q"), good, `query id "q" stands twice`},
		"width":         {vectors([][]float32{{1}}, "q"), good, `vector of query "q": vector has 1 dimensions, want 2`},
		"NaN":           {good, vectors([][]float32{{1, float32(math.NaN())}}, "d"), `vector of document "d": vector component 1 is NaN`},
		"zero length":   {vectors([][]float32{{0, 0}}, "q"), good, "zero length"},
		"no dimensions": {good, vectors([][]float32{{}}, "d"), "no dimensions"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := evalsuite.Cosines(tc.queries, tc.documents)
			wantError(t, err, tc.want)
		})
	}

	matrix := func(query, document string) *evalsuite.Matrix {
		m, err := evalsuite.Cosines(vectors(one, query), vectors(one, document))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := matrix("q", "d")
	for _, lambda := range []float64{-0.01, 1.01, math.NaN(), math.Inf(1)} {
		_, err := evalsuite.Fuse(m, m, lambda)
		wantError(t, err, "outside 0 to 1")
	}
	_, err := evalsuite.Fuse(m, matrix("p", "d"), 0.5)
	wantError(t, err, "differ in their queries")
	_, err = evalsuite.Fuse(m, matrix("q", "e"), 0.5)
	wantError(t, err, "differ in their documents")

	ndcg := metrics.Measure{Kind: metrics.NDCG, K: 1}
	_, err = m.Evaluate(metrics.Qrels{"p": {"d": 1}}, ndcg)
	wantError(t, err, `query "p": the qrels name it, but it is not among the 1 queries scored`)
	_, err = m.Evaluate(metrics.Qrels{"q": {"e": 1}}, ndcg)
	wantError(t, err, `query "q": the qrels name document "e", which is not among the 1 scored`)
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want one that says %q", err, want)
	}
}
