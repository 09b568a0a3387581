package evalsuite_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/vector"
)

const width = 8

// random returns a vector of unit length.
func random(r *rand.Rand) []float32 {
	v := make([]float32, width)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return vector.Normalize(v)
}

// corpusOf returns questions, anchors and passages, out of order, of documents
// d0 to d4, of which d1 has two passages and d3 no generated query.
func corpusOf(r *rand.Rand) (questions, anchors evalsuite.Vectors, g evalsuite.Generated) {
	for _, id := range []string{"q2", "q1", "q3"} {
		questions.IDs, questions.Rows = append(questions.IDs, id), append(questions.Rows, random(r))
		anchors.Rows = append(anchors.Rows, random(r))
	}
	anchors.IDs = questions.IDs
	for i, id := range []string{"d4", "d1", "d0", "d1", "d3", "d2"} {
		g.Passages.IDs, g.Passages.Rows = append(g.Passages.IDs, id), append(g.Passages.Rows, random(r))
		var queries [][]float32
		if id != "d3" {
			for range 1 + i%3 {
				queries = append(queries, random(r))
			}
		}
		for _, q := range queries {
			g.Bank.IDs, g.Bank.Rows = append(g.Bank.IDs, id), append(g.Bank.Rows, q)
		}
		g.Queries = append(g.Queries, queries)
	}
	return questions, anchors, g
}

// stored returns the vectors that an index of the augmented passages would hold.
func stored(t *testing.T, g evalsuite.Generated, mode evalsuite.Mode, alpha float64) evalsuite.Vectors {
	t.Helper()
	mean, n := make([]float32, width), float32(0)
	for _, queries := range g.Queries {
		for _, q := range queries {
			for k, x := range q {
				mean[k] += x
			}
			n++
		}
	}
	if mode == evalsuite.Blend {
		n = 5 // passages with queries
	}
	for k := range mean {
		mean[k] /= n
	}
	var v evalsuite.Vectors
	for i, id := range g.Passages.IDs {
		queries := g.Queries[i]
		if len(queries) == 0 {
			queries = [][]float32{mean}
		}
		parts := [][][]float32{queries}
		if mode == evalsuite.Multi {
			parts = nil
			for _, q := range queries {
				parts = append(parts, [][]float32{q})
			}
		}
		for _, part := range parts {
			row, err := augment.Blend(g.Passages.Rows[i], part, alpha, true)
			if err != nil {
				t.Fatal(err)
			}
			v.IDs, v.Rows = append(v.IDs, id), append(v.Rows, row)
		}
	}
	return v
}

// TestAugmentedScores holds the scores against those of the vectors that an
// index would hold, and hubs against their definition.
func TestAugmentedScores(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, mode := range []evalsuite.Mode{evalsuite.Blend, evalsuite.Multi} {
		for _, alpha := range []float64{0, 0.02, 0.3, 1} {
			questions, anchors, g := corpusOf(r)
			scores, err := evalsuite.NewAugmentedScores(questions, anchors, g, mode)
			if err != nil {
				t.Fatal(err)
			}
			vectors := stored(t, g, mode, alpha)
			source, err1 := evalsuite.Cosines(questions, vectors)
			anchor, err2 := evalsuite.Cosines(anchors, vectors)
			hubs, err3 := scores.Hubs(alpha)
			if err1 != nil || err2 != nil || err3 != nil {
				t.Fatal(err1, err2, err3)
			}
			tolerance := 1e-6
			if alpha == 0 {
				tolerance = 0 // the plain index
			}
			for _, lambda := range []float64{0, 0.7, 1} {
				fused, err1 := evalsuite.Fuse(source, anchor, lambda)
				got, err2 := scores.Matrix(lambda, alpha)
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				wantNear(t, fmt.Sprintf("%s, α %v, λ %v", mode, alpha, lambda), got.Run(9), fused.Run(9), tolerance)

				const b = 0.4
				lowered := &evalsuite.Matrix{}
				hubs.Lower(lowered, got, 9) // whose memory is taken again
				hubs.Lower(lowered, got, b)
				want := fused.Run(9)
				for _, documents := range want {
					for i := range documents {
						documents[i].Score -= b * naiveHub(g, vectors, documents[i].DocID)
					}
				}
				wantNear(t, fmt.Sprintf("%s, α %v, λ %v, hub", mode, alpha, lambda), lowered.Run(9), want, 1e-6)
			}
		}
	}
}

// naiveHub is h of evalsuite.Setting.
func naiveHub(g evalsuite.Generated, vectors evalsuite.Vectors, document string) float64 {
	sum, n := 0.0, 0.0
	for x, own := range g.Bank.IDs {
		if own == document {
			continue
		}
		best := math.Inf(-1)
		for i, id := range vectors.IDs {
			if id == document {
				best = max(best, vector.Cosine(g.Bank.Rows[x], vectors.Rows[i]))
			}
		}
		sum, n = sum+best, n+1
	}
	return sum / n
}

func wantNear(t *testing.T, name string, got, want metrics.Run, tolerance float64) {
	t.Helper()
	for id, documents := range want {
		scores := map[string]float64{}
		for _, d := range got[id] {
			scores[d.DocID] = d.Score
		}
		if len(scores) != len(documents) {
			t.Fatalf("%s: %d documents, want %d", name, len(scores), len(documents))
		}
		for _, d := range documents {
			if math.Abs(scores[d.DocID]-d.Score) > tolerance {
				t.Errorf("%s: %s scores %v for %s, want %v", name, d.DocID, scores[d.DocID], id, d.Score)
			}
		}
	}
}

func TestAugmentedScoresRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(questions, anchors *evalsuite.Vectors, g *evalsuite.Generated)
		want  string
	}{
		"no questions":  {func(q, _ *evalsuite.Vectors, _ *evalsuite.Generated) { *q = evalsuite.Vectors{} }, "0 questions"},
		"other anchors": {func(_, a *evalsuite.Vectors, _ *evalsuite.Generated) { a.IDs = []string{"q1", "q2", "q3"} }, "the anchors' ids"},
		"query twice": {func(q, a *evalsuite.Vectors, _ *evalsuite.Generated) {
			q.IDs, a.IDs = []string{"q", "q", "r"}, []string{"q", "q", "r"}
		}, "stands twice"},
		"no queries":       {func(_, _ *evalsuite.Vectors, g *evalsuite.Generated) { g.Queries = make([][][]float32, 6) }, "no generated query"},
		"width":            {func(_, _ *evalsuite.Vectors, g *evalsuite.Generated) { g.Queries[0] = [][]float32{{1}} }, `generated for "d4"`},
		"unknown document": {func(_, _ *evalsuite.Vectors, g *evalsuite.Generated) { g.Bank.IDs[0] = "d9" }, `document "d9"`},
	} {
		questions, anchors, g := corpusOf(rand.New(rand.NewPCG(1, 1)))
		tc.spoil(&questions, &anchors, &g)
		if _, err := evalsuite.NewAugmentedScores(questions, anchors, g, evalsuite.Blend); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}
	opposite := evalsuite.Generated{
		Passages: evalsuite.Vectors{IDs: []string{"d"}, Rows: [][]float32{{1, 0}}}, Queries: [][][]float32{{{-1, 0}}},
	}
	question := evalsuite.Vectors{IDs: []string{"q"}, Rows: [][]float32{{0, 1}}}
	scores, err := evalsuite.NewAugmentedScores(question, question, opposite, evalsuite.Blend)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range [][2]float64{{2, 0}, {1, -1}, {1, math.NaN()}, {1, 0.5}} {
		if _, err := scores.Matrix(at[0], at[1]); err == nil {
			t.Errorf("λ %v, α %v was scored", at[0], at[1])
		}
	}
}

// fakeAugmented finds a question if its document likes the setting. Question i
// of n asks for document i/2.
type fakeAugmented struct {
	n     int
	likes func(lang string, at evalsuite.Setting, question int) bool
	texts evalsuite.Texts
	bank  bool
}

func (fakeAugmented) Mode() evalsuite.Mode { return evalsuite.Blend }

func (f fakeAugmented) Texts() evalsuite.Texts { return f.texts }

func (f fakeAugmented) HasBank() bool { return f.bank }

func (f fakeAugmented) Qrels(ctx context.Context, p evalsuite.Pairing) (metrics.Qrels, error) {
	return fakeRanker{n: f.n}.Qrels(ctx, p)
}

func (f fakeAugmented) Evaluate(ctx context.Context, p evalsuite.Pairing, settings []evalsuite.Setting, measures ...metrics.Measure) ([]*metrics.Evaluation, error) {
	evaluations := make([]*metrics.Evaluation, len(settings))
	for i, at := range settings {
		ranker := fakeRanker{n: f.n, found: func(p evalsuite.Pairing, _ float64, question int) bool { return f.likes(p.Lang, at, question) }}
		one, err := ranker.Evaluate(ctx, p, []float64{at.Lambda}, measures...)
		if err != nil {
			return nil, err
		}
		evaluations[i] = one[0]
	}
	return evaluations, nil
}

func TestAugment(t *testing.T) {
	ranker := fakeAugmented{n: 20, bank: true, texts: someQueries, likes: func(_ string, at evalsuite.Setting, question int) bool {
		found := 8.0
		if at.Lambda < 1 {
			found += 4
		}
		return float64(question) < found+100*at.Alpha+10*at.Hub
	}}
	type line struct {
		lang      string
		method    evalsuite.Method
		alpha     float64
		value     float64
		wins      int
		reference bool
	}
	run := func(hub float64) (lines []line) {
		result, err := evalsuite.Augment(t.Context(), spec("th", "el"), "en", []float64{0, 0.02}, hub, ranker)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range slices.Concat(result.Rows, result.Means) {
			if r.Mode != evalsuite.Blend || r.Hub != hub || r.Lambda != map[evalsuite.Method]float64{"source": 1, "query-synergy": 0.7}[r.Method] {
				t.Errorf("row %+v", r)
			}
			d, compared := r.Versus[success1]
			lines = append(lines, line{r.Lang, r.Method, *r.Alpha, math.Round(20*r.Metrics[success1]) / 20, d.Wins, !compared})
		}
		return lines
	}
	want := func(lang string, times int) []line {
		return []line{
			{lang, "source", 0, 0.4, 0, true}, {lang, "source", 0.02, 0.5, 2 * times, false},
			{lang, "query-synergy", 0, 0.6, 0, true}, {lang, "query-synergy", 0.02, 0.7, 2 * times, false},
		}
	}
	// A mean counts the questions of all languages.
	if got, want := run(0), slices.Concat(want("th", 1), want("el", 1), want("mean", meanWins(t))); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	// With hub reduction, the plain index is still what all is held against.
	if got := run(0.1); got[0] != (line{"th", "source", 0, 0.45, 1, false}) || got[1] != (line{"th", "source", 0.02, 0.55, 3, false}) {
		t.Errorf("with hub reduction: %v", got[:2])
	}
}

var (
	someQueries      = evalsuite.Texts{Kind: evalsuite.GeneratedQueries, Langs: []string{"en"}, By: []string{"m"}, PerPassage: 2}
	someTranslations = evalsuite.Texts{Kind: evalsuite.PassageTranslations, Langs: []string{"en", "es"}, By: []string{"human"}}
)

func TestTextsString(t *testing.T) {
	for want, texts := range map[string]evalsuite.Texts{
		"queries en, 2 each by m":     someQueries,
		"translations en+es by human": someTranslations,
		"queries th":                  {Kind: evalsuite.GeneratedQueries, Langs: []string{"th"}},
	} {
		if got := texts.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Several texts side by side: the plain index has its rows once, and each row
// says what its passages know.
func TestAugmentRivals(t *testing.T) {
	finds := func(n int) func(string, evalsuite.Setting, int) bool {
		return func(_ string, at evalsuite.Setting, question int) bool {
			return question < 20 || at.Alpha > 0 && question < 20+n
		}
	}
	queries := fakeAugmented{n: 60, bank: true, texts: someQueries, likes: finds(4)}
	translations := fakeAugmented{n: 60, bank: true, texts: someTranslations, likes: finds(10)}
	result, err := evalsuite.Augment(t.Context(), spec("th"), "en", []float64{0, 0.1}, 0, queries, translations)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range result.Rows {
		name := "plain"
		if r.Texts != nil {
			name = string(r.Texts.Kind)
		}
		got = append(got, fmt.Sprintf("%s %v %s %d", r.Method, *r.Alpha, name, r.Versus[success1].Wins))
	}
	want := []string{
		"source 0 plain 0", "source 0.1 queries 4", "source 0.1 translations 10",
		"query-synergy 0 plain 0", "query-synergy 0.1 queries 4", "query-synergy 0.1 translations 10",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	translations.bank = false
	tuned, err := evalsuite.AugmentTune(t.Context(), spec("th"), "en", queries, translations)
	if err != nil {
		t.Fatal(err)
	}
	tell := func(rows []evalsuite.Row) (lines []string) {
		for _, r := range rows {
			name := ""
			if r.Texts != nil {
				name = string(r.Texts.Kind)
			}
			d, compared := r.Versus[success1]
			lines = append(lines, fmt.Sprintf("%s %s %.0f %v %d", r.Method, name, 60*r.Metrics[success1], compared, d.Wins-d.Losses))
		}
		return lines
	}
	want = []string{
		"query-synergy  20 false 0", "query-synergy+hub  20 true 0",
		"xqg+query-synergy queries 24 true 4", "xqg+query-synergy+hub queries 24 true 4",
		"source  20 true 0", "source+hub  20 true 0", "xqg queries 24 true 4", "xqg+hub queries 24 true 4",
		"xqg+query-synergy translations 30 true 10", "xqg translations 30 true 10",
	}
	if got := tell(tuned.Result.Rows); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	want = []string{
		"xqg+query-synergy queries 24 false 0", "xqg+query-synergy+hub queries 24 false 0", "xqg queries 24 false 0", "xqg+hub queries 24 false 0",
		"xqg+query-synergy translations 30 true 6", "xqg translations 30 true 6",
	}
	if got := tell(tuned.Rivals.Rows); !slices.Equal(got, want) {
		t.Errorf("rivals %q\nwant %q", got, want)
	}
	// Against the same on plain passages: what an anchor does to the source alone
	// does not count.
	want = []string{
		"query-synergy  20 false 0", "query-synergy+hub  20 true 0",
		"xqg+query-synergy queries 24 true 4", "xqg+query-synergy+hub queries 24 true 4",
		"source  20 false 0", "source+hub  20 true 0", "xqg queries 24 true 4", "xqg+hub queries 24 true 4",
		"xqg+query-synergy translations 30 true 10", "xqg translations 30 true 10",
	}
	if got := tell(tuned.Own.Rows); !slices.Equal(got, want) {
		t.Errorf("own %q\nwant %q", got, want)
	}
}

// meanWins says how often a question counts that two languages win.
func meanWins(t *testing.T) int {
	t.Helper()
	result, err := evalsuite.Table(t.Context(), spec("th", "el"), "en", fakeRanker{n: 2, found: func(_ evalsuite.Pairing, lambda float64, _ int) bool { return lambda < 1 }})
	if err != nil {
		t.Fatal(err)
	}
	return result.Means[2].Versus[success1].Wins / 2
}

// TestAugmentTune has questions that like a λ of their language, one α and one
// hub, and what lies near these: all are found, and only by the methods that may
// choose them.
func TestAugmentTune(t *testing.T) {
	suits := map[string]float64{"th": 0.6, "el": 0.8}
	near := func(a, b, by float64) bool { return math.Abs(a-b) <= by }
	ranker := fakeAugmented{n: 60, bank: true, texts: someQueries, likes: func(lang string, at evalsuite.Setting, question int) bool {
		found := 10
		if near(at.Lambda, suits[lang], 0.04) {
			found += 10
		}
		if near(at.Alpha, 0.02, 0.004) {
			found += 10
		}
		if near(at.Hub, 0.3, 0.09) {
			found += 10
		}
		return (question*7)%60 < found
	}}
	spec := spec("th", "el")
	tuned, err := evalsuite.AugmentTune(t.Context(), spec, "en", ranker)
	if err != nil || tuned.Rivals != nil {
		t.Fatal(tuned, err)
	}
	result := tuned.Result
	type line struct {
		method     evalsuite.Method
		alpha, hub float64
		found      float64
	}
	var got []line
	for _, r := range result.Rows {
		if !near(r.Lambda, suits[r.Lang], 0.02) && !(r.Lambda == 1 && slices.Contains([]evalsuite.Method{"source", "source+hub", "xqg", "xqg+hub"}, r.Method)) {
			t.Errorf("%s %s: λ %v", r.Lang, r.Method, r.Lambda)
		}
		if d, compared := r.Versus[success1]; compared == (r.Method == "query-synergy") || compared && !near(d.Delta, r.Metrics[success1]-20.0/60, 1e-9) {
			t.Errorf("%s %s: %+v", r.Lang, r.Method, d)
		}
		if r.Lang == "th" {
			got = append(got, line{r.Method, math.Round(200**r.Alpha) / 200, math.Round(10*r.Hub) / 10, math.Round(60 * r.Metrics[success1])})
		}
	}
	want := []line{
		{"query-synergy", 0, 0, 20},
		{"query-synergy+hub", 0, 0.3, 30},
		{"xqg+query-synergy", 0.02, 0, 30},
		{"xqg+query-synergy+hub", 0.02, 0.3, 40},
		{"source", 0, 0, 10},
		{"source+hub", 0, 0.3, 20},
		{"xqg", 0.02, 0, 20},
		{"xqg+hub", 0.02, 0.3, 30},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if again, err := evalsuite.AugmentTune(t.Context(), spec, "en", ranker); err != nil || !reflect.DeepEqual(tuned, again) {
		t.Errorf("a second run differs: %v", err)
	}

	ranker.n = 18
	if _, err := evalsuite.AugmentTune(t.Context(), spec, "en", ranker); err == nil || !strings.Contains(err.Error(), "about 9 documents") {
		t.Errorf("nine documents: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ranker.n = 60
	if _, err := evalsuite.AugmentTune(ctx, spec, "en", ranker); err == nil {
		t.Error("nothing stopped it")
	}
}
