package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// finding is a sentence or two of the summary.
type finding struct{ Head, Text string }

// summary says in words what the numbers say, in the order of the page.
func summary(in Input) []finding {
	m := in.Measures[0]
	var found []finding
	add := func(head, text string) {
		if text != "" {
			found = append(found, finding{head, text})
		}
	}
	if in.Table != nil {
		add("Both queries", against(in.Table, m, evalsuite.QuerySynergy))
		add("By language", byLanguage(in.Table, m, evalsuite.QuerySynergy))
		add("The anchor alone", against(in.Table, m, evalsuite.AnchorOnly))
	}
	if in.Sweep != nil {
		add("λ", overLambda(in.Sweep, m))
	}
	if in.Tune != nil {
		add("λ chosen on other questions", against(in.Tune, m, evalsuite.Tuned))
		add("The same, by language", byLanguage(in.Tune, m, evalsuite.Tuned))
	}
	if in.AnchorMatrix != nil {
		add("Anchor languages", verdicts(headlines(in.AnchorMatrix), m, func(r evalsuite.Row) string { return language(r.AnchorLang) },
			"Of the languages of anchors, "))
	}
	if in.Translators != nil {
		add("Translators", verdicts(headlines(in.Translators), m, func(r evalsuite.Row) string { return r.Translator },
			"Of the translators of anchors, "))
	}
	if in.Methods != nil {
		add("Ways to fuse", verdicts(headlines(in.Methods), m, func(r evalsuite.Row) string { return method(r.Method) },
			"Of the ways to make one ranking of two, each against the source alone, "))
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
	interval := fmt.Sprintf("%s points (95%% interval %s; %s)", points(d.Delta), between(d.Interval, points), equals(d.PHolm))
	switch {
	case d.Significant():
		return text + "The difference of " + interval + " is significant."
	default:
		return text + "The difference of " + interval + " may be chance: these data do not show one."
	}
}

// reaches names a method, with its λ where it has one for all languages.
func reaches(r *evalsuite.Result, what evalsuite.Method) string {
	if what == evalsuite.AnchorOnly {
		return "the anchor alone reaches"
	}
	var lambdas []float64
	for _, row := range r.Rows {
		if row.Method == what && !slices.Contains(lambdas, row.Lambda) {
			lambdas = append(lambdas, row.Lambda)
		}
	}
	switch {
	case what == evalsuite.Tuned:
		return "Query-Synergy, judged on questions that the choice of λ has not seen, reaches"
	case len(lambdas) == 1:
		return "Query-Synergy with " + lambda(lambdas[0]) + " reaches"
	default:
		return "Query-Synergy with a λ for each language reaches"
	}
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
	var above []evalsuite.Row
	last := -1
	unbroken := true
	for i, row := range rows {
		if compared(row, m) && row.Versus[m].Significant() && row.Versus[m].Delta > 0 {
			unbroken = unbroken && (last < 0 || last == i-1)
			above, last = append(above, row), i
		}
	}
	text := fmt.Sprintf("Of the %d λ tried, %s is highest at %s (%s). ", len(rows), measure(m), lambda(top.Lambda), hundred(top.Metrics[m]))
	if top.Lang == evalsuite.MeanLang {
		text = fmt.Sprintf("Of the %d λ tried, the mean %s is highest at %s (%s). ", len(rows), measure(m), lambda(top.Lambda), hundred(top.Metrics[m]))
	}
	switch {
	case len(above) == 0:
		text += "At none of them is it significantly above the source alone."
	case len(above) == 1:
		text += "It is significantly above the source alone at " + lambda(above[0].Lambda) + "."
	case unbroken:
		text += fmt.Sprintf("It is significantly above the source alone from %s to %s.", lambda(above[0].Lambda), weight(above[len(above)-1].Lambda))
	default:
		text += fmt.Sprintf("It is significantly above the source alone at %d of them.", len(above))
	}
	return text + " A λ picked from this curve was picked with the answers known, so its figure flatters it."
}

// compared says whether a row has a difference that can be spoken of.
func compared(r evalsuite.Row, m metrics.Measure) bool {
	d, ok := r.Versus[m]
	return ok && finite(d.Delta, d.PHolm, d.Interval[0], d.Interval[1])
}
