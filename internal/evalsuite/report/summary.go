package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// finding is a paragraph of the summary.
type finding struct{ Head, Text string }

// summary says in words what the numbers say, in the order of the page.
func summary(in Input) []finding {
	m := in.Measures[0]
	var found []finding
	add := func(head string, texts ...string) {
		texts = slices.DeleteFunc(texts, func(text string) bool { return text == "" })
		if len(texts) > 0 {
			found = append(found, finding{head, strings.Join(texts, " ")})
		}
	}
	if in.Table != nil {
		add("Both queries", against(in.Table, m, evalsuite.QuerySynergy))
		add("By language", byLanguage(in.Table, m, evalsuite.QuerySynergy))
		if in.Paper != nil {
			add("Beside the abstract", agreement(in.Table, m))
		}
		add("The anchor alone", against(in.Table, m, evalsuite.AnchorOnly))
	}
	if in.Sweep != nil {
		add("λ", overLambda(in.Sweep, m))
		add("λ by language", lambdaByLanguage(in.Sweep, m))
		add("Equal weights", atEqualWeights(in.Sweep, m))
	}
	if in.Tune != nil {
		add("λ chosen on other questions", against(in.Tune, m, evalsuite.Tuned))
		add("The same, by language", byLanguage(in.Tune, m, evalsuite.Tuned))
	}
	byAnchorLang := func(r *evalsuite.Result) string {
		return verdicts(headlines(r), m, func(r evalsuite.Row) string { return language(r.AnchorLang) },
			"Of the languages of anchors"+atLambda(r.Rows)+", ")
	}
	if in.AnchorMatrix != nil {
		add("Anchor languages", byAnchorLang(in.AnchorMatrix), byAnchor(in.AnchorMatrix, m))
	}
	if in.EqualMatrix != nil {
		add("Anchor languages, equal weights", byAnchorLang(in.EqualMatrix), byAnchor(in.EqualMatrix, m))
	}
	if in.Translators != nil {
		add("Translators", verdicts(headlines(in.Translators), m, func(r evalsuite.Row) string { return r.Translator },
			"Of the translators of anchors, "), byMachine(in.Translators, m))
	}
	if in.Methods != nil {
		add("Ways to fuse", verdicts(headlines(in.Methods), m, func(r evalsuite.Row) string { return method(r.Method) },
			"Of the ways to make one ranking of two, each against the source alone, "), standing(in.Methods, m))
	}
	if in.Augmentation != nil {
		augmentFindings(in.Augmentation, m, add)
	}
	return found
}

// headlines are the rows that speak for all languages: the means, or the rows
// themselves where there is one language.
func headlines(r *evalsuite.Result) []evalsuite.Row {
	if len(r.Means) > 0 {
		return r.Means
	}
	if langs := languages(r); len(langs) == 1 {
		return r.Rows
	}
	return nil
}

// languages are those of the rows, in their order.
func languages(r *evalsuite.Result) []string {
	var langs []string
	for _, row := range r.Rows {
		if !slices.Contains(langs, row.Lang) {
			langs = append(langs, row.Lang)
		}
	}
	return langs
}

func names(langs []string) []string {
	out := make([]string, len(langs))
	for i, l := range langs {
		out[i] = language(l)
	}
	return out
}

// against says how a method compares with its baseline over all languages.
func against(r *evalsuite.Result, m metrics.Measure, what evalsuite.Method) string {
	rows := headlines(r)
	i := slices.IndexFunc(rows, func(r evalsuite.Row) bool { return r.Method == what && compared(r, m) })
	if i < 0 {
		return ""
	}
	row, d := rows[i], rows[i].Versus[m]
	where := "In " + language(row.Lang)
	if row.Lang == evalsuite.MeanLang {
		where = fmt.Sprintf("On the mean of %d languages", len(languages(r)))
	}
	text := fmt.Sprintf("%s, %s %s, the source query alone %s. ", where, reaches(r, what), hundred(row.Metrics[m]), hundred(row.Metrics[m]-d.Delta))
	if d.Significant() {
		return text + "The difference of " + evidence(d) + " is significant."
	}
	return text + "The difference of " + evidence(d) + " may be chance: these data do not show one."
}

// reaches names a method, with its λ where it has one for all languages.
func reaches(r *evalsuite.Result, what evalsuite.Method) string {
	if what == evalsuite.AnchorOnly {
		return "the anchor alone reaches"
	}
	given := lambdas(r.Rows, what)
	switch {
	case what == evalsuite.Tuned:
		return "Query-Synergy, judged on questions that the choice of λ has not seen, reaches"
	case len(given) == 1:
		return "Query-Synergy with " + lambda(given[0]) + " reaches"
	default:
		return "Query-Synergy with a λ for each language reaches"
	}
}

// lambdas are those of a method's rows.
func lambdas(rows []evalsuite.Row, what evalsuite.Method) []float64 {
	var all []float64
	for _, row := range rows {
		if row.Method == what && !slices.Contains(all, row.Lambda) {
			all = append(all, row.Lambda)
		}
	}
	return all
}

// byLanguage says in which languages a method is better, worse, or neither for
// certain.
func byLanguage(r *evalsuite.Result, m metrics.Measure, what evalsuite.Method) string {
	if len(languages(r)) < 2 {
		return ""
	}
	var rows []evalsuite.Row
	for _, row := range r.Rows {
		if row.Method == what {
			rows = append(rows, row)
		}
	}
	return verdicts(rows, m, func(r evalsuite.Row) string { return language(r.Lang) }, "")
}

// verdicts sorts rows by what can be said of them. Rows without a baseline are
// left out.
func verdicts(rows []evalsuite.Row, m metrics.Measure, name func(evalsuite.Row) string, start string) string {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r evalsuite.Row) bool { return !compared(r, m) })
	if len(rows) == 0 {
		return ""
	}
	slices.SortStableFunc(rows, func(a, b evalsuite.Row) int { return cmp.Compare(b.Versus[m].Delta, a.Versus[m].Delta) })
	var higher, lower, open []string
	for _, r := range rows {
		d := r.Versus[m]
		entry := fmt.Sprintf("%s (%s)", name(r), points(d.Delta))
		switch {
		case !d.Significant():
			open = append(open, entry)
		case d.Delta > 0:
			higher = append(higher, entry)
		default:
			lower = append(lower, entry)
		}
	}
	text := ""
	for _, part := range []struct {
		says    string
		entries []string
	}{
		{"significantly better: ", higher},
		{"significantly worse: ", lower},
		{"not decided by these data: ", open},
	} {
		if len(part.entries) > 0 {
			if text != "" {
				text += "; "
			}
			text += part.says + list(part.entries)
		}
	}
	if start == "" {
		text = "S" + text[1:]
		if len(higher) == 0 && len(lower) == 0 {
			text = "N" + text[1:]
		}
	}
	return start + text + "."
}

// overLambda says where the curve is highest, and where it is above its
// baseline for certain.
func overLambda(r *evalsuite.Result, m metrics.Measure) string {
	rows := slices.DeleteFunc(slices.Clone(headlines(r)), func(r evalsuite.Row) bool { return !finite(r.Metrics[m]) })
	if len(rows) < 2 {
		return ""
	}
	slices.SortStableFunc(rows, func(a, b evalsuite.Row) int { return cmp.Compare(a.Lambda, b.Lambda) })
	top := rows[highest(rows, func(r evalsuite.Row) float64 { return r.Metrics[m] })]
	text := fmt.Sprintf("Of the %d λ tried, %s is highest at %s (%s). ", len(rows), measure(m), lambda(top.Lambda), hundred(top.Metrics[m]))
	if top.Lang == evalsuite.MeanLang {
		text = fmt.Sprintf("Of the %d λ tried, the mean %s is highest at %s (%s). ", len(rows), measure(m), lambda(top.Lambda), hundred(top.Metrics[m]))
	}
	above, below := span(rows, m, up), span(rows, m, down)
	if above == "" {
		text += "At none of them is it significantly above the source alone"
	} else {
		text += "It is significantly above the source alone " + above
	}
	if below != "" {
		text += "; it is significantly below " + below
	}
	return text + ". A λ picked from this curve was picked with the answers known, so its figure flatters it."
}

// compared says whether a row has a difference that can be spoken of.
func compared(r evalsuite.Row, m metrics.Measure) bool {
	d, ok := r.Versus[m]
	return ok && finite(d.Delta, d.PHolm, d.Interval[0], d.Interval[1])
}
