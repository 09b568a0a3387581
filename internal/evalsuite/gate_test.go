package evalsuite_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/trust"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Translators of a fakeScorer.
const (
	good      = "good"      // anchors as near to the relevant document as the questions
	gibberish = "gibberish" // anchors near no document
)

// fakeScorer has a question for each of n documents, which lie at random. Where
// a question lies depends on the language too.
type fakeScorer struct{ n int }

const fakeWidth = 24

func (f fakeScorer) vectors(seed string, noise float64) evalsuite.Vectors {
	var v evalsuite.Vectors
	for i := range f.n {
		v.IDs = append(v.IDs, fmt.Sprintf("%s%03d", seed[:1], i))
		row := make([]float32, fakeWidth)
		document := rand.New(rand.NewPCG(1, uint64(i)))
		var hash uint64
		for _, b := range []byte(seed) {
			hash = hash*31 + uint64(b)
		}
		own := rand.New(rand.NewPCG(hash, uint64(i)))
		for k := range row {
			row[k] = float32(document.NormFloat64() + noise*own.NormFloat64())
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func (f fakeScorer) both(p evalsuite.Pairing) (source, anchor evalsuite.Vectors) {
	noise := map[string]float64{good: 1.3, evalsuite.Human: 1.3, gibberish: 100}[p.Translator]
	return f.vectors("q "+p.Lang, 1.3), f.vectors("q "+p.Lang+" "+p.Translator, noise)
}

func (f fakeScorer) Qrels(context.Context, evalsuite.Pairing) (metrics.Qrels, error) {
	qrels := metrics.Qrels{}
	for i := range f.n {
		qrels[fmt.Sprintf("q%03d", i)] = map[string]int{fmt.Sprintf("d%03d", i): 1}
	}
	return qrels, nil
}

func (f fakeScorer) Matrices(_ context.Context, p evalsuite.Pairing) (source, anchor *evalsuite.Matrix, err error) {
	s, a := f.both(p)
	documents := f.vectors("d", 0)
	if source, err = evalsuite.Cosines(s, documents); err != nil {
		return nil, nil, err
	}
	anchor, err = evalsuite.Cosines(a, documents)
	return source, anchor, err
}

func (f fakeScorer) Agreements(_ context.Context, p evalsuite.Pairing) (map[string]float64, error) {
	s, a := f.both(p)
	agreements := map[string]float64{}
	for i, id := range s.IDs {
		agreements[id] = vector.Cosine(s.Rows[i], a.Rows[i])
	}
	return agreements, nil
}

func TestTrustTellsTranslatorsApart(t *testing.T) {
	// Turkish has been translated by people only.
	translators := map[string][]string{
		"th": {good, gibberish}, "el": {good, gibberish}, "ar": {good, gibberish}, "zh": {good}, "tr": {evalsuite.Human},
	}
	available := func(lang string) []string { return translators[lang] }
	langs := []string{"th", "el", "ar", "zh", "tr"}
	result, fits, err := evalsuite.Trust(t.Context(), spec(langs...), "en", available, fakeScorer{120})
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	var got []string
	for _, r := range slices.Concat(result.Rows, result.Means) {
		key := fmt.Sprintf("%s %s %s", r.Lang, r.Translator, r.Method)
		got, value[key] = append(got, key), r.Metrics[success1]
		if (r.Method == evalsuite.SourceOnly) != (r.Versus == nil) {
			t.Errorf("%s: compared with %+v", key, r.Versus)
		}
	}
	var want []string
	for _, lang := range append(slices.Clone(langs), "mean") {
		groups := translators[lang]
		if lang == "mean" { // people have translated one language
			groups = []string{good, gibberish}
		}
		for _, who := range groups {
			methods := []string{"source", "query-synergy", "gated", "gated-no-labels", "gated-labels"}
			if who == good { // in three other languages too
				methods = append(methods, "gated-other-languages")
			}
			for _, method := range methods {
				want = append(want, lang+" "+who+" "+method)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q\nwant %q", got, want)
	}
	// Gibberish hurts under a fixed λ and not under the rule. What is good gains
	// more where it is known to be good, also from other languages.
	if value["th gibberish query-synergy"] >= value["th gibberish source"]-0.05 {
		t.Error("the gibberish hurts too little for a test")
	}
	for _, m := range []string{"gated", "gated-no-labels", "gated-labels"} {
		if v := value["th gibberish "+m]; v < value["th gibberish source"]-0.01 {
			t.Errorf("gibberish, %s: %v, source only %v", m, v, value["th gibberish source"])
		}
	}
	for _, m := range []string{"gated-no-labels", "gated-labels", "gated-other-languages"} {
		if v := value["th good "+m]; v < value["th good gated"]+0.05 {
			t.Errorf("good, %s: %v, not known to be good %v", m, v, value["th good gated"])
		}
	}

	find := func(lang, translator string) trust.Fit {
		fit, ok := fits[evalsuite.Pairing{Lang: lang, AnchorLang: "en", Translator: translator}]
		if err := fit.Check(); !ok || err != nil {
			t.Errorf("%s in %s: %+v, %v", translator, lang, fit, err)
		}
		return fit
	}
	if f := find("th", good); f.Trust != 1 || f.Method != trust.Labels || f.Margins.Questions != 120 || !trust.Proven(f.Z) || f.Lambda == 0.7 {
		t.Errorf("good in Thai: %+v", f)
	}
	if f := find("th", gibberish); f.Trust != 0 || trust.Proven(f.Z) || f.Lambda != 0.7 {
		t.Errorf("gibberish in Thai: %+v", f)
	}
	if f := find("tr", good); f != (trust.Fit{Trust: 1, Lambda: 0.7, Method: trust.OtherLanguages}) {
		t.Errorf("good in Turkish: %+v", f)
	}
	if f := find("tr", gibberish); f != (trust.Fit{Trust: 0, Lambda: 0.7, Method: trust.OtherLanguages}) {
		t.Errorf("gibberish in Turkish: %+v", f)
	}
	if f := find("zh", gibberish); f != (trust.Fit{Trust: 0, Lambda: 0.7, Method: trust.OtherLanguages}) {
		t.Errorf("gibberish in Chinese: %+v", f)
	}
	// Of people, one language is known, which says nothing of others.
	if len(fits) != 11 {
		t.Errorf("%d fits, want 11", len(fits))
	}
}

func TestTrustIsDeterministic(t *testing.T) {
	run := func() (*evalsuite.Result, map[evalsuite.Pairing]trust.Fit) {
		result, fits, err := evalsuite.Trust(t.Context(), spec("th"), "en", func(string) []string { return []string{good} }, fakeScorer{60})
		if err != nil {
			t.Fatal(err)
		}
		return result, fits
	}
	result, fits := run()
	if again, fitsAgain := run(); !reflect.DeepEqual(again, result) || !reflect.DeepEqual(fitsAgain, fits) {
		t.Error("a second run differs")
	}
}

func TestTrustErrors(t *testing.T) {
	available := func(string) []string { return []string{good} }
	_, _, err := evalsuite.Trust(t.Context(), spec("th"), "en", available, fakeScorer{9})
	if err == nil || !strings.Contains(err.Error(), `fake by good in "th": its questions are about 9 documents`) {
		t.Errorf("nine questions: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := evalsuite.Trust(ctx, spec("th"), "en", available, fakeScorer{60}); err == nil {
		t.Error("went on after the context's end")
	}
	withAnswers := spec("th")
	withAnswers.Measures = []metrics.Measure{{Kind: metrics.AnswerRecall, K: 2000}}
	if _, _, err := evalsuite.Trust(t.Context(), withAnswers, "en", available, fakeScorer{60}); err == nil {
		t.Error("ranks gave a measure that takes texts")
	}
}

// TestCandidates compares with two sorted lists.
func TestCandidates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, depth := rapid.IntRange(1, 30).Draw(t, "n"), rapid.IntRange(1, 12).Draw(t, "depth")
		score := rapid.Map(rapid.IntRange(-5, 5), func(i int) float64 { return float64(i) / 5 }) // scores tie
		source, anchor := rapid.SliceOfN(score, n, n).Draw(t, "source"), rapid.SliceOfN(score, n, n).Draw(t, "anchor")
		among := make([]bool, n)
		for _, row := range [][]float64{source, anchor} {
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
			for _, i := range order[:min(depth, n)] {
				among[i] = true
			}
		}
		var wantS, wantA []float64
		for i, found := range among {
			if found {
				wantS, wantA = append(wantS, source[i]), append(wantA, anchor[i])
			}
		}
		gotS, gotA := evalsuite.Candidates(source, anchor, depth)
		if !slices.Equal(gotS, wantS) || !slices.Equal(gotA, wantA) {
			t.Fatalf("got %v and %v, want %v and %v", gotS, gotA, wantS, wantA)
		}
	})
}

func TestFuseEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawExperiment(t)
		source, err := evalsuite.Cosines(e.source, e.documents)
		if err != nil {
			t.Fatal(err)
		}
		anchor, err := evalsuite.Cosines(e.anchor, e.documents)
		if err != nil {
			t.Fatal(err)
		}
		n := len(e.source.IDs)
		lambdas := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n).Draw(t, "lambdas")
		each, err := evalsuite.FuseEach(source, anchor, lambdas)
		if err != nil {
			t.Fatal(err)
		}
		for q, lambda := range lambdas {
			one, err := evalsuite.Fuse(source, anchor, lambda)
			if err != nil {
				t.Fatal(err)
			}
			if id := e.source.IDs[q]; !slices.Equal(each.Run(99)[id], one.Run(99)[id]) {
				t.Fatalf("%s at λ %v ranks otherwise", id, lambda)
			}
		}
		if _, err := evalsuite.FuseEach(source, anchor, lambdas[1:]); err == nil {
			t.Fatal("a question without λ was fused")
		}
		lambdas[n-1] = math.NaN()
		if _, err := evalsuite.FuseEach(source, anchor, lambdas); err == nil {
			t.Fatal("λ NaN was accepted")
		}
	})
}
