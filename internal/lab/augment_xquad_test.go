package lab_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/lab"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// recordedQueries returns the queries generated in these languages for the
// passages of XQuAD.
func recordedQueries(t *testing.T, dir string, langs ...string) []augment.Query {
	t.Helper()
	set, err := dataset.Load(t.Context(), "xquad", dir, "en")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, d := range set.Documents {
		ids = append(ids, d.ID)
	}
	var all []augment.Query
	for _, lang := range langs {
		queries, err := augment.ReadFile(filepath.Join(dir, "generated-queries", "en."+lang+"."+qwen+".jsonl"), ids)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, queries...)
	}
	return all
}

// TestAugmentOnXQuAD holds augmented passages and hub reduction against what
// numpy computed from the recorded vectors, and what is chosen on other questions
// than judged against an independent implementation of the same procedure, whose
// draws are others.
func TestAugmentOnXQuAD(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	laboratory := xquad(t, dir)
	english := recordedQueries(t, dir, "en")
	spec := evalsuite.Spec{
		Dataset: "xquad", Langs: xquadLangs, Measures: ndcg(1, 3, 10), Lambda: func(string) float64 { return 0.7 },
	}
	const source, synergy, mean, hub = evalsuite.SourceOnly, evalsuite.QuerySynergy, evalsuite.MeanLang, evalsuite.WithHub
	// cell is a setting's nDCG@1, @3, @10 ×100; 0 is not compared.
	type cell struct {
		lambda, alpha, hub float64
		lang               string
		want               [3]float64
	}
	for _, tc := range []struct {
		name   string
		with   lab.Augmentation
		cells  []cell
		tuned  map[evalsuite.Method]float64 // held out, nDCG@1 ×100; not tuned where nil
		better []evalsuite.Method           // than Query-Synergy, by more than chance
	}{
		{
			"blend", lab.Augmentation{Mode: evalsuite.Blend, Queries: english, Bank: english},
			[]cell{
				{1, 0, 0, mean, [3]float64{87.82, 92.94, 93.92}},
				{1, 0.005, 0, mean, [3]float64{87.87}},
				{1, 0.01, 0, mean, [3]float64{87.90}},
				{1, 0.02, 0, mean, [3]float64{87.7983, 92.9654, 93.9301}},
				{1, 0.02, 0, "ar", [3]float64{86.1345, 91.9786, 92.8976}},
				{1, 0.03, 0, mean, [3]float64{87.51}},
				{1, 0.05, 0, mean, [3]float64{87.01}},
				{1, 0.1, 0, mean, [3]float64{85.61}},
				{1, 0.2, 0, mean, [3]float64{81.68}},
				{0.7, 0, 0, mean, [3]float64{88.92}},
				{0.7, 0.005, 0, mean, [3]float64{88.94}},
				{0.7, 0.01, 0, mean, [3]float64{88.92}},
				{0.7, 0.02, 0, mean, [3]float64{89.1597, 94.0079, 94.7649}},
				{0.7, 0.02, 0, "th", [3]float64{89.4958, 94.1625, 95.0376}},
				{0.7, 0.03, 0, mean, [3]float64{89.14}},
				{0.7, 0.05, 0, mean, [3]float64{88.64}},
				{0.7, 0.1, 0, mean, [3]float64{87.14}},
				{0.7, 0.2, 0, mean, [3]float64{84.29}},
				{1, 0, 0.2, mean, [3]float64{87.9832, 93.0625, 94.0031}},
				{0.7, 0, 0.2, mean, [3]float64{89.3277, 94.1189, 94.8663}},
				{0.7, 0, 0.2, "zh", [3]float64{90.4202, 94.7618, 95.5502}},
				{1, 0.02, 0.2, mean, [3]float64{88.0504, 93.1695, 94.0542}},
				{0.7, 0.02, 0.2, mean, [3]float64{89.1597, 94.1041, 94.8636}},
				{0.7, 0.02, 0.2, "el", [3]float64{88.9916, 94.0955, 94.7941}},
			},
			map[evalsuite.Method]float64{
				source: 87.82, synergy: 89.01, evalsuite.XQG: 87.86, synergy + hub: 89.04,
				evalsuite.XQGSynergy: 89.07, evalsuite.XQGSynergy + hub: 89.16,
			},
			nil,
		},
		{
			"multi", lab.Augmentation{Mode: evalsuite.Multi, Queries: english, Bank: english},
			[]cell{
				{0.7, 0, 0, mean, [3]float64{88.92}},
				{1, 0.15, 0, mean, [3]float64{88.2353, 93.413, 94.2088}},
				{0.7, 0.15, 0, mean, [3]float64{90.1176, 94.6149, 95.2708}},
				{0.7, 0.15, 0, "th", [3]float64{90.9244, 95.1619, 95.8551}},
				{1, 0.15, 0.2, mean, [3]float64{88.2521, 93.414, 94.2139}},
				{0.7, 0.15, 0.2, mean, [3]float64{90.084, 94.6299, 95.3144}},
				{0.7, 0.15, 0.2, "tr", [3]float64{89.6639, 94.4276, 95.1171}},
			},
			map[evalsuite.Method]float64{
				synergy: 89.01, evalsuite.XQG: 88.19, evalsuite.XQGSynergy: 89.96, evalsuite.XQGSynergy + hub: 89.97,
			},
			[]evalsuite.Method{evalsuite.XQGSynergy, evalsuite.XQGSynergy + hub},
		},
		{
			"two languages", lab.Augmentation{Mode: evalsuite.Multi, Queries: recordedQueries(t, dir, "en", "es")},
			[]cell{
				{1, 0.2, 0, mean, [3]float64{88.2353, 93.3494, 94.1875}},
				{0.7, 0.2, 0, mean, [3]float64{90.1849, 94.6657, 95.3271}},
			},
			nil, nil,
		},
		{
			"English passages", lab.Augmentation{Mode: evalsuite.Blend, Queries: english, Documents: "en"},
			[]cell{
				{1, 0, 0, mean, [3]float64{70.37, 79.73, 82.89}},
				{1, 0.05, 0, mean, [3]float64{71.38}},
				{0.7, 0, 0, mean, [3]float64{87.46, 0, 94.02}},
			},
			nil, nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ranker := laboratory.Augmented(corpus.DefaultChunking, tc.with)
			var settings []evalsuite.Setting
			for _, c := range tc.cells {
				settings = append(settings, evalsuite.Setting{Lambda: c.lambda, Alpha: c.alpha, Hub: c.hub})
			}
			got := make([][3]float64, len(tc.cells)) // sums over the languages
			for _, lang := range spec.Langs {
				p := evalsuite.Pairing{Lang: lang, AnchorLang: "en", Translator: evalsuite.Human}
				evaluations, err := ranker.Evaluate(t.Context(), p, settings, spec.Measures...)
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range tc.cells {
					for m, measure := range spec.Measures {
						value := 100 * evaluations[i].Means()[measure]
						switch c.lang {
						case lang:
							got[i][m] = value
						case mean:
							got[i][m] += value / float64(len(spec.Langs))
						}
					}
				}
			}
			for i, c := range tc.cells {
				for m, want := range c.want {
					if want != 0 && fmt.Sprintf("%.2f", got[i][m]) != fmt.Sprintf("%.2f", want) {
						t.Errorf("λ %v, α %v, hub %v in %s: %s is %.4f, want %v", c.lambda, c.alpha, c.hub, c.lang, spec.Measures[m], got[i][m], want)
					}
				}
			}
			if tc.tuned == nil {
				return
			}
			tuning := spec
			tuning.Measures = spec.Measures[:1]
			found, err := evalsuite.AugmentTune(t.Context(), tuning, "en", ranker)
			if err != nil {
				t.Fatal(err)
			}
			result := found.Result
			if len(result.Rows) != 5*8 || len(result.Means) != 8 {
				t.Fatalf("%d rows and %d means, want 40 and 8", len(result.Rows), len(result.Means))
			}
			for _, r := range result.Means {
				ndcg1 := spec.Measures[0]
				d := r.Versus[ndcg1]
				t.Logf("%-22s λ %.2f α %.3f hub %.2f: %.2f, %+.2f [%.2f, %.2f] to query-synergy, p %.4f",
					r.Method, r.Lambda, *r.Alpha, r.Hub, 100*r.Metrics[ndcg1], 100*d.Delta, 100*d.Interval[0], 100*d.Interval[1], d.P)
				if want, ok := tc.tuned[r.Method]; ok && math.Abs(100*r.Metrics[ndcg1]-want) > 0.1 {
					t.Errorf("%s: %.2f held out, want %.2f", r.Method, 100*r.Metrics[ndcg1], want)
				}
				if better := r.Versus != nil && d.Significant() && d.Delta > 0; better != slices.Contains(tc.better, r.Method) {
					t.Errorf("%s, against query-synergy: %+v", r.Method, d)
				}
			}
		})
	}
}
