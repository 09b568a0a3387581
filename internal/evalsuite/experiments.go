package evalsuite

import (
	"context"
	"fmt"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Spec says what an experiment is about.
type Spec struct {
	Dataset string
	Langs   []string // of questions and, without PassagesLang, of documents
	// PassagesLang is the language of the documents that all questions are asked
	// of; "" where each language has its own. Only augmented passages know it.
	PassagesLang string
	Measures     []metrics.Measure
	// Lambda returns the λ of Query-Synergy in a language.
	Lambda func(lang string) float64
}

// row starts a row of a pairing.
func (s Spec) row(p Pairing, method Method, lambda float64) Row {
	return Row{
		Dataset: s.Dataset, Lang: p.Lang, PassagesLang: s.PassagesLang, AnchorLang: p.AnchorLang, Translator: p.Translator,
		Method: method, Lambda: lambda,
	}
}

// Table compares source only, anchor only and Query-Synergy in each language
// (Table 1 of the Query-Synergy paper).
func Table(ctx context.Context, spec Spec, anchorLang string, ranker Ranker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}
		lambdas := []float64{1, 0, spec.Lambda(lang)}
		evaluations, err := ranker.Evaluate(ctx, p, lambdas, spec.Measures...)
		if err != nil {
			return nil, err
		}
		for i, method := range []Method{SourceOnly, AnchorOnly, QuerySynergy} {
			m := measured{row: spec.row(p, method, lambdas[i]), group: string(method), values: evaluations[i]}
			if method != SourceOnly {
				m.baseline = evaluations[0]
			}
			all = append(all, m)
		}
	}
	return finish(all)
}

// Sweep measures Query-Synergy at each λ against source only (Figure 1 of the
// Query-Synergy paper).
func Sweep(ctx context.Context, spec Spec, anchorLang string, lambdas []float64, ranker Ranker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}
		evaluations, err := ranker.Evaluate(ctx, p, append([]float64{1}, lambdas...), spec.Measures...)
		if err != nil {
			return nil, err
		}
		for i, lambda := range lambdas {
			m := measured{
				row: spec.row(p, QuerySynergy, lambda), group: strconv.FormatFloat(lambda, 'g', -1, 64),
				values: evaluations[i+1],
			}
			if lambda != 1 {
				m.baseline = evaluations[0]
			}
			all = append(all, m)
		}
	}
	return finish(all)
}

// AnchorMatrix measures every anchor language with every language of documents
// (Table 2 of the Query-Synergy paper). Where the two are one, the row is that
// of source only.
func AnchorMatrix(ctx context.Context, spec Spec, anchorLangs []string, ranker Ranker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		for _, anchorLang := range anchorLangs {
			p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}
			evaluations, err := ranker.Evaluate(ctx, p, []float64{1, spec.Lambda(lang)}, spec.Measures...)
			if err != nil {
				return nil, err
			}
			if anchorLang == lang {
				all = append(all, measured{row: spec.row(p, SourceOnly, 1), group: "source", values: evaluations[0]})
				continue
			}
			all = append(all, measured{
				row: spec.row(p, QuerySynergy, spec.Lambda(lang)), group: "anchor " + anchorLang,
				values: evaluations[1], baseline: evaluations[0],
			})
		}
	}
	return finish(all)
}

// Translators measures Query-Synergy with the anchors of each translator
// against source only (Figure 2 of the Query-Synergy paper), in each language
// over the questions that all of them have translated. A language that none but
// Human has translated is left out; available names the translators of a
// language, Human among them.
func Translators(ctx context.Context, spec Spec, anchorLang string, available func(lang string) []string, ranker Ranker) (*Result, error) {
	var all []measured
	for _, lang := range spec.Langs {
		names := available(lang)
		if len(names) < 2 {
			continue
		}
		lambda := spec.Lambda(lang)
		var both []*metrics.Evaluation // of each translator: source only, then Query-Synergy
		for _, name := range names {
			p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: name}
			evaluations, err := ranker.Evaluate(ctx, p, []float64{1, lambda}, spec.Measures...)
			if err != nil {
				return nil, err
			}
			both = append(both, evaluations...)
		}
		questions := shared(both...)
		if len(questions) == 0 {
			return nil, fmt.Errorf("%s in %q: no question has an anchor of each of %q", spec.Dataset, lang, names)
		}
		for i := range both {
			var err error
			if both[i], err = restrict(both[i], questions); err != nil {
				return nil, err
			}
		}
		source := spec.row(Pairing{Lang: lang, AnchorLang: anchorLang}, SourceOnly, 1)
		all = append(all, measured{row: source, group: "source", values: both[0]})
		for i, name := range names {
			p := Pairing{Lang: lang, AnchorLang: anchorLang, Translator: name}
			all = append(all, measured{
				row: spec.row(p, QuerySynergy, lambda), group: "translator " + name,
				values: both[2*i+1], baseline: both[2*i],
			})
		}
	}
	return finish(all)
}
