package report_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
)

// Everything here is invented: numbers that look like those of an evaluation,
// over texts of the sample corpus.

var (
	ndcg1  = metrics.Measure{Kind: metrics.NDCG, K: 1}
	ndcg10 = metrics.Measure{Kind: metrics.NDCG, K: 10}
	langs  = []string{"ar", "zh", "el", "th", "tr"}
	source = map[string]float64{"ar": 0.8655, "zh": 0.8824, "el": 0.8908, "th": 0.8731, "tr": 0.8790}
	// benefit is how much the best λ gains, in points.
	benefit = map[string]float64{"ar": 1.9, "zh": -0.3, "el": 1.4, "th": 1.0, "tr": 1.3}
)

// row invents a row that lies delta points from its baseline; NaN for a
// baseline.
func row(lang, anchorLang string, method evalsuite.Method, lambda, baseline, delta float64, n int) evalsuite.Row {
	r := evalsuite.Row{
		Dataset: "xquad", Lang: lang, AnchorLang: anchorLang, Method: method, Lambda: lambda, Queries: n,
		Metrics: map[metrics.Measure]float64{}, Intervals: map[metrics.Measure]evalsuite.Interval{},
	}
	for i, m := range []metrics.Measure{ndcg1, ndcg10} {
		value, d := baseline+0.05*float64(i), delta/100/float64(1+i)
		if !math.IsNaN(delta) {
			value += d
			if r.Versus == nil {
				r.Versus = map[metrics.Measure]evalsuite.Difference{}
			}
			half := (0.006 + math.Abs(d)/5) * math.Sqrt(1190/float64(n))
			p := math.Exp(-2.2 * math.Pow(math.Abs(d)/half, 2))
			won := max(0, int((0.03+d/2)*float64(n)))
			lost := max(0, int((0.03-d/2)*float64(n)))
			r.Versus[m] = evalsuite.Difference{
				Delta: d, Interval: evalsuite.Interval{d - half, d + half}, P: p, PHolm: min(1, 3*p), PT: p, PTHolm: min(1, 3*p),
				Effect: d / half / 9, Wins: won, Losses: lost, Ties: n - won - lost,
			}
		}
		half := 0.019 * math.Sqrt(1190/float64(n))
		r.Metrics[m], r.Intervals[m] = value, evalsuite.Interval{value - half, value + half}
	}
	return r
}

func baseline(lang, anchorLang string, n int) evalsuite.Row {
	return row(lang, anchorLang, evalsuite.SourceOnly, 1, source[lang], math.NaN(), n)
}

// mean invents the mean of rows.
func mean(rows []evalsuite.Row) evalsuite.Row {
	var base, delta, lambda float64
	n := 0
	for _, r := range rows {
		d := r.Versus[ndcg1].Delta
		base += (r.Metrics[ndcg1] - d) / float64(len(rows))
		delta += 100 * d / float64(len(rows))
		lambda += r.Lambda / float64(len(rows))
		n += r.Queries
	}
	if rows[0].Versus == nil {
		delta = math.NaN()
	}
	m := row(evalsuite.MeanLang, rows[0].AnchorLang, rows[0].Method, lambda, base, delta, n)
	m.Translator = rows[0].Translator
	m.Texts, m.Mode, m.Alpha, m.Hub, m.PassagesLang = rows[0].Texts, rows[0].Mode, rows[0].Alpha, rows[0].Hub, rows[0].PassagesLang
	return m
}

// over invents a result from a row a language for each of several groups.
func over(groups int, langs []string, invent func(group int, lang string) evalsuite.Row) *evalsuite.Result {
	r := &evalsuite.Result{}
	for _, lang := range langs {
		for g := range groups {
			r.Rows = append(r.Rows, invent(g, lang))
		}
	}
	for g := range groups {
		var rows []evalsuite.Row
		for _, lang := range langs {
			rows = append(rows, invent(g, lang))
		}
		r.Means = append(r.Means, mean(rows))
	}
	return r
}

// at is the invented difference, in points, at a λ.
func at(lang string, lambda float64) float64 {
	away := 1 - lambda
	return benefit[lang]*4.8*lambda*away - 11*away*away*away*(1+benefit[lang]/8)
}

func realistic(tb testing.TB) report.Input {
	tb.Helper()
	in := report.Input{
		Title:    "Does an English anchor help multilingual-e5-small on XQuAD?",
		Measures: []metrics.Measure{ndcg1, ndcg10},
		Paper:    published.QuerySynergy(),
		Facts: []report.Fact{
			{Name: "Model", Value: "multilingual-e5-small, 384 dimensions"},
			{Name: "Prefixes", Value: `"query: ", "passage: "`},
			{Name: "xquad.ar.json", Value: "SHA-256 6fdb9bd30bd5e6b9cbf1a5f5ad6bb2bd3df3a4d5d4e5d6e0c6d1b3f1f0c7a1b2"},
		},
		Program: "evaluate 9.9",
		Fusions: []report.Fact{{Name: "rrf", Value: "reciprocal rank fusion, 1/(rank+2)"}},
		Depth:   10,
		Command: "evaluate report --dataset xquad --data shared/xquad --langs ar,zh,el,th,tr --anchor-lang en --metrics ndcg@1,ndcg@10 --out report",
	}
	in.Table = over(3, langs, func(g int, l string) evalsuite.Row {
		return []evalsuite.Row{
			baseline(l, "en", 1190),
			row(l, "en", evalsuite.AnchorOnly, 0, source[l], at(l, 0), 1190),
			row(l, "en", evalsuite.QuerySynergy, 0.7, source[l], at(l, 0.7), 1190),
		}[g]
	})
	in.Sweep = over(21, langs, func(g int, l string) evalsuite.Row {
		lambda := float64(g) / 20
		if g == 20 {
			return row(l, "en", evalsuite.QuerySynergy, 1, source[l], math.NaN(), 1190)
		}
		return row(l, "en", evalsuite.QuerySynergy, lambda, source[l], at(l, lambda), 1190)
	})
	in.Tune = over(3, langs, func(g int, l string) evalsuite.Row {
		return []evalsuite.Row{
			baseline(l, "en", 1190),
			row(l, "en", evalsuite.QuerySynergy, 0.7, source[l], at(l, 0.7), 1190),
			row(l, "en", evalsuite.Tuned, 0.55+0.05*float64(len(l)+int(l[0])%5), source[l], at(l, 0.7)+0.1, 1190),
		}[g]
	})
	anchorLangs := []string{"en", "es", "vi", "zh", "ar", "tr", "el", "hi", "th"}
	in.AnchorMatrix = &evalsuite.Result{}
	draws := rand.New(rand.NewPCG(7, 7))
	byAnchor := map[string][]evalsuite.Row{}
	for _, l := range langs {
		for i, a := range anchorLangs {
			if a == l {
				in.AnchorMatrix.Rows = append(in.AnchorMatrix.Rows, baseline(l, a, 1190))
				continue
			}
			r := row(l, a, evalsuite.QuerySynergy, 0.7, source[l], at(l, 0.7)-0.9*float64(i)+draws.Float64(), 1190)
			in.AnchorMatrix.Rows = append(in.AnchorMatrix.Rows, r)
			byAnchor[a] = append(byAnchor[a], r)
		}
	}
	for _, a := range anchorLangs {
		in.AnchorMatrix.Means = append(in.AnchorMatrix.Means, mean(byAnchor[a]))
	}
	in.EqualMatrix = over(2, langs, func(g int, l string) evalsuite.Row {
		return row(l, anchorLangs[g], evalsuite.QuerySynergy, 0.5, source[l], at(l, 0.5)-1.5*float64(g), 1190)
	})
	translators := []string{"", evalsuite.Human, "qwen2.5-coder-1.5b", "libretranslate"}
	in.Translators = over(4, langs, func(g int, l string) evalsuite.Row {
		r := baseline(l, "en", 238)
		if g > 0 {
			r = row(l, "en", evalsuite.QuerySynergy, 0.7, source[l], at(l, 0.7)+float64(1-g)*2.4+draws.Float64(), 238)
		}
		r.Translator = translators[g]
		return r
	})
	in.Methods = over(9, langs, func(g int, l string) evalsuite.Row {
		names := []evalsuite.Method{evalsuite.SourceOnly, evalsuite.QuerySynergy, "rrf", "weighted-rrf", "rrf60", "weighted-rrf60", "dbsf", "min-max", "formula-zero"}
		if g == 0 {
			return baseline(l, "en", 1190)
		}
		return row(l, "en", names[g], 0.7, source[l], at(l, 0.7)-[]float64{0, 0, 4.2, 1.3, 4, 1.2, 2.5, 0.6, 0.9}[g], 1190)
	})
	in.Augmentation = &report.Augmentation{
		Sweep: over(6, langs, func(g int, l string) evalsuite.Row {
			return augmented(l, 2*(g/3), g%3, []float64{math.NaN(), 0.2, 1.1}[g%3]-float64(g/3))
		}),
		Blend: tuned(""), Multi: tuned(""), Across: tuned("en"),
	}
	for i, l := range langs {
		in.Movers = append(in.Movers, sampleMover(tb, l, 2*i, 2+9*i, 1), sampleMover(tb, l, 2*i+20, 1, 2+i))
	}
	return in
}

// augmented invents a row of the method that is numbered, about plain passages (0)
// or those that know generated queries (1) or translations (2); NaN for one that
// is its own baseline.
func augmented(lang string, method, known int, delta float64) evalsuite.Row {
	plain := []evalsuite.Method{evalsuite.SourceOnly, evalsuite.SourceOnly + evalsuite.WithHub, evalsuite.QuerySynergy, evalsuite.QuerySynergy + evalsuite.WithHub}
	names := []evalsuite.Method{evalsuite.XQG, evalsuite.XQG + evalsuite.WithHub, evalsuite.XQGSynergy, evalsuite.XQGSynergy + evalsuite.WithHub}
	name, alpha, lambda := plain[method], 0.0, []float64{1, 0.66}[method/2]
	var texts *evalsuite.Texts
	if known > 0 {
		name, alpha = names[method], 0.02*float64(known)
		texts = []*evalsuite.Texts{
			{Kind: evalsuite.GeneratedQueries, Langs: []string{"en", "es"}, By: []string{"qwen2.5-coder-1.5b"}, PerPassage: 3},
			{Kind: evalsuite.PassageTranslations, Langs: []string{"en"}, By: []string{evalsuite.Human}},
		}[known-1]
	}
	r := row(lang, "en", name, lambda, source[lang]+0.01*float64(method/2), delta, 1190)
	r.Texts, r.Mode, r.Alpha, r.Hub, r.Translator = texts, evalsuite.Blend, &alpha, 0.2*float64(method%2), evalsuite.Human
	return r
}

// tuned invents what is reached by two kinds of texts, in passages of a language
// or of the questions' own.
func tuned(passages string) *evalsuite.AugmentTuned {
	lay := func(methods []int, known []int, delta func(method, known int) float64) *evalsuite.Result {
		return over(len(methods)*len(known), langs, func(g int, l string) evalsuite.Row {
			method, known := methods[g%len(methods)], known[g/len(methods)]
			r := augmented(l, method, known, delta(method, known))
			r.PassagesLang = passages
			return r
		})
	}
	return &evalsuite.AugmentTuned{
		Result: lay([]int{2, 3, 0, 1}, []int{0, 1, 2}, func(method, known int) float64 {
			if method == 2 && known == 0 {
				return math.NaN()
			}
			return float64(known) - 0.2*float64(3-method)
		}),
		Own: lay([]int{2, 3, 0, 1}, []int{0, 1, 2}, func(method, known int) float64 {
			if method%2 == 0 && known == 0 {
				return math.NaN()
			}
			return 0.6*float64(known) - 0.4
		}),
		Rivals: lay([]int{2, 0}, []int{1, 2}, func(_, known int) float64 {
			if known == 1 {
				return math.NaN()
			}
			return 1.5
		}),
	}
}

// sampleMover takes the i-th question of the sample corpus.
func sampleMover(tb testing.TB, lang string, i, before, after int) report.Mover {
	tb.Helper()
	dir := filepath.Join("..", "..", "..", "sample")
	question := func(lang string) corpus.Question {
		list, err := corpus.ReadQueries(filepath.Join(dir, lang, "queries.jsonl"))
		if err != nil {
			tb.Fatal(err)
		}
		return list[i]
	}
	var passages []report.Passage
	for d, err := range corpus.Read(tb.Context(), corpus.Options{Format: corpus.FormatBEIR, Lang: lang}, filepath.Join(dir, lang, "corpus.jsonl")) {
		if err != nil {
			tb.Fatal(err)
		}
		passages = append(passages, report.Passage{ID: d.ID, Title: d.Title, Text: d.Text})
	}
	return report.Mover{
		ID: question(lang).ID, Lang: lang, AnchorLang: "en", Source: question(lang).Text,
		Anchors: []report.Anchor{{Translator: evalsuite.Human, Text: question("en").Text}, {Translator: "qwen2.5-coder-1.5b", Text: "What is the colour of it?"}},
		Before:  before, After: after,
		Relevant: passages[i/2], Wrong: passages[i/2+1],
	}
}
