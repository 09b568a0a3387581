package lab_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// Translators of the recorded questions: a chat model whose translations go from
// good to made up, a rule-based one, and people whose translations were dealt
// out to the wrong questions.
const (
	qwen     = "qwen2.5-coder-1.5b"
	apertium = "apertium"
	misdealt = "misdealt"
)

var translatedLangs = []string{"ar", "zh", "el", "th", "tr", "es"}

// ruled are the methods under the rule of package trust, the one that knows
// nothing of the translator first.
var ruled = []evalsuite.Method{evalsuite.Gated, evalsuite.GatedNoLabels, evalsuite.GatedLabels, evalsuite.GatedOtherLanguages}

// outcome holds nDCG@1 ×100: by language, and the mean over the languages.
type outcome struct {
	questions int // in a language
	rows      map[evalsuite.Method][]float64
	means     map[evalsuite.Method]float64
}

// TestTrustOnXQuAD holds the rule that lets a bad translation count for less
// against what it is for: bad translations hurt no language, and good ones keep
// their worth. What is fitted is judged on other questions or other languages.
func TestTrustOnXQuAD(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	laboratory := xquad(t, dir)
	laboratory.AddTranslator(qwen, recordedTranslator(t, dir, qwen, translatedLangs...))
	laboratory.AddTranslator(apertium, recordedTranslator(t, dir, apertium, "es"))
	laboratory.AddTranslator(misdealt, misdeal(t, dir))
	// harmless wants no language more than one question below source only.
	harmless := func(t *testing.T, o outcome, method evalsuite.Method) {
		for i, value := range o.rows[method] {
			if source := o.rows[evalsuite.SourceOnly][i]; value < source-100/float64(o.questions)-1e-9 {
				t.Errorf("%s, language %d: %.2f is more than a question below source only, %.2f", method, i, value, source)
			}
		}
	}
	for _, tc := range []struct {
		translator string
		langs      []string
		questions  int
		means      [5]float64 // of source only, fixed λ and the rule without and with fits, by an independent computation
		check      func(t *testing.T, o outcome, method evalsuite.Method)
	}{
		{qwen, translatedLangs, 238, [5]float64{89.92, 88.73, 90.06, 89.99, 90.06}, func(t *testing.T, o outcome, method evalsuite.Method) {
			harmless(t, o, method)
			if o.means[method] <= max(o.means[evalsuite.SourceOnly], o.means[evalsuite.QuerySynergy]) {
				t.Errorf("%s: the mean is %.2f, want more than source only and fixed λ have", method, o.means[method])
			}
		}},
		{evalsuite.Human, xquadLangs, 1190, [5]float64{87.82, 88.92, 87.87, 88.89, 88.89}, func(t *testing.T, o outcome, method evalsuite.Method) {
			if method != evalsuite.Gated && o.means[method] < o.means[evalsuite.QuerySynergy]-0.2 {
				t.Errorf("%s: the mean is %.2f, which costs more than 0.2 of fixed λ", method, o.means[method])
			}
		}},
		{apertium, []string{"es"}, 1190, [5]float64{91.76, 91.68, 91.85, 91.68}, harmless},
		{misdealt, []string{"ar", "th", "tr", "es"}, 1190, [5]float64{}, harmless},
	} {
		t.Run(tc.translator, func(t *testing.T) {
			ndcg1 := ndcg(1)[0]
			spec := evalsuite.Spec{
				Dataset: "xquad", Langs: tc.langs, Measures: []metrics.Measure{ndcg1}, Lambda: func(string) float64 { return 0.7 },
			}
			available := func(string) []string { return []string{tc.translator} }
			result, _, err := evalsuite.Trust(t.Context(), spec, "en", available, laboratory.Brute(corpus.DefaultChunking))
			if err != nil {
				t.Fatal(err)
			}
			o := outcome{tc.questions, map[evalsuite.Method][]float64{}, map[evalsuite.Method]float64{}}
			for _, r := range result.Rows {
				if r.Queries != tc.questions {
					t.Fatalf("%s %s: %d questions, want %d", r.Lang, r.Method, r.Queries, tc.questions)
				}
				o.rows[r.Method] = append(o.rows[r.Method], 100*r.Metrics[ndcg1])
				o.means[r.Method] += 100 * r.Metrics[ndcg1] / float64(len(tc.langs))
			}
			for i, method := range []evalsuite.Method{
				evalsuite.SourceOnly, evalsuite.QuerySynergy, evalsuite.Gated, evalsuite.GatedNoLabels, evalsuite.GatedOtherLanguages,
			} {
				if got := o.means[method]; tc.means[i] != 0 && fmt.Sprintf("%.2f", got) != fmt.Sprintf("%.2f", tc.means[i]) {
					t.Errorf("%s: the mean is %.2f, want %.2f", method, got, tc.means[i])
				}
			}
			for _, method := range ruled {
				if len(o.rows[method]) == 0 && len(tc.langs) > 1 {
					t.Errorf("%s is missing", method)
				}
				tc.check(t, o, method)
			}
			for _, method := range slices.Concat([]evalsuite.Method{evalsuite.SourceOnly, evalsuite.QuerySynergy}, ruled) {
				t.Logf("%-22s %.2f mean %.2f", method, o.rows[method], o.means[method])
			}
		})
	}
}

// recordedTranslator returns the recorded translations of some languages.
func recordedTranslator(t *testing.T, dir, name string, langs ...string) anchor.Translator {
	t.Helper()
	var files anchor.Chain
	for _, lang := range langs {
		file, err := anchor.OpenFile(filepath.Join(dir, "translations", lang+"."+name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// byID translates by the ids of questions.
type byID map[string]string

func (b byID) Translate(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
	return anchor.Anchor{Text: b[r.ID], Lang: r.To}, nil
}

// misdeal returns the English question of another question.
func misdeal(t *testing.T, dir string) anchor.Translator {
	t.Helper()
	set, err := dataset.Load(t.Context(), "xquad", dir, "en")
	if err != nil {
		t.Fatal(err)
	}
	_, english := embeddingtest.XQuADTexts(t, dir, "en")
	dealt := byID{}
	for i, other := range rand.New(rand.NewPCG(5, 5)).Perm(len(english)) {
		dealt[set.Questions[i].ID] = english[other]
	}
	return dealt
}
