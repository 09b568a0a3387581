package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// The statements here answer questions that a paper's claim raises. Each says
// what was tested, and keeps the sign of a difference apart from its
// significance.

// EqualWeights is the λ that gives both queries the same weight.
const EqualWeights = 0.5

// nothing is how far apart equal numbers may lie by rounding.
const nothing = 1e-9

func outOf(k, n int) string {
	switch {
	case n == 2 && k == n:
		return "both"
	case n > 1 && k == n:
		return fmt.Sprintf("all %d", n)
	case k == 0:
		return fmt.Sprintf("none of %d", n)
	default:
		return fmt.Sprintf("%d of %d", k, n)
	}
}

// evidence is what supports a difference.
func evidence(d evalsuite.Difference) string {
	return fmt.Sprintf("%s points (95%% interval %s; %s)", points(d.Delta), between(d.Interval, points), equals(d.PHolm))
}

// agreement sets Query-Synergy beside the claim of the paper that it is better
// than the source alone.
func agreement(r *evalsuite.Result, m metrics.Measure) string {
	heads := headlines(r)
	i := slices.IndexFunc(heads, func(r evalsuite.Row) bool { return r.Method == evalsuite.QuerySynergy && compared(r, m) })
	if i < 0 {
		return ""
	}
	text := "In " + language(heads[i].Lang) + " "
	if langs := languages(r); len(langs) > 1 {
		higher, better, worse := 0, 0, 0
		for _, row := range r.Rows {
			if row.Method != evalsuite.QuerySynergy || !compared(row, m) {
				continue
			}
			d := row.Versus[m]
			if d.Delta > nothing {
				higher++
			}
			switch markOf(d, true) {
			case up:
				better++
			case down:
				worse++
			}
		}
		text = fmt.Sprintf("%s is higher than by the source alone in %s languages, significantly higher in %s, significantly lower in %s. In the mean ",
			measure(m), outOf(higher, len(langs)), outOf(better, len(langs)), outOf(worse, len(langs)))
	}
	switch markOf(heads[i].Versus[m], true) {
	case up:
		text += "these data agree with the gain that the abstract reports."
	case down:
		text += "these data show the opposite of the gain that the abstract reports."
	default:
		text += "these data neither confirm nor refute the gain that the abstract reports."
	}
	return text + " One model on one dataset cannot settle it."
}

// atEqualWeights says how equal weights compare with the best λ, and with the
// source alone.
func atEqualWeights(r *evalsuite.Result, m metrics.Measure) string {
	isHalf := func(r evalsuite.Row) bool { return math.Abs(r.Lambda-EqualWeights) < nothing }
	rows := slices.DeleteFunc(slices.Clone(headlines(r)), func(r evalsuite.Row) bool { return !finite(r.Metrics[m]) })
	i := slices.IndexFunc(rows, func(r evalsuite.Row) bool { return isHalf(r) && compared(r, m) })
	if i < 0 || len(rows) < 2 {
		return ""
	}
	half, top := rows[i], rows[highest(rows, func(r evalsuite.Row) float64 { return r.Metrics[m] })]
	best := top.Metrics[m]-half.Metrics[m] <= nothing
	text := fmt.Sprintf("%s is the best of those tried: it reaches %s.", lambda(EqualWeights), hundred(half.Metrics[m]))
	if !best {
		text = fmt.Sprintf("%s is not the best of those tried: it reaches %s, %s points below %s.",
			lambda(EqualWeights), hundred(half.Metrics[m]), fixed(100*(top.Metrics[m]-half.Metrics[m])), lambda(top.Lambda))
	}
	d := half.Versus[m]
	text += " Against the source alone its difference of " + evidence(d)
	if d.Significant() {
		text += " is significant."
	} else {
		text += " may be chance."
	}
	if langs := languages(r); len(langs) > 1 {
		text += " " + verdicts(slices.DeleteFunc(slices.Clone(r.Rows), func(r evalsuite.Row) bool { return !isHalf(r) }), m,
			func(r evalsuite.Row) string { return language(r.Lang) }, "By language, ")
	}
	if !best {
		text += fmt.Sprintf(" %s and %s were not tested against each other.", weight(half.Lambda), weight(top.Lambda))
	}
	return text
}

// lambdaByLanguage says which λ is highest in each language, and where any is
// above the source alone for certain.
func lambdaByLanguage(r *evalsuite.Result, m metrics.Measure) string {
	langs := languages(r)
	if len(langs) < 2 {
		return ""
	}
	tested, tied := 0, false
	var tops, certain []string
	for _, l := range langs {
		rows := slices.DeleteFunc(slices.Clone(r.Rows), func(r evalsuite.Row) bool { return r.Lang != l || !finite(r.Metrics[m]) })
		if len(rows) == 0 {
			continue
		}
		slices.SortStableFunc(rows, func(a, b evalsuite.Row) int { return cmp.Compare(a.Lambda, b.Lambda) })
		top := highest(rows, func(r evalsuite.Row) float64 { return r.Metrics[m] })
		tops = append(tops, fmt.Sprintf("%s in %s", weight(rows[top].Lambda), language(l)))
		tied = tied || slices.ContainsFunc(rows[top+1:], func(r evalsuite.Row) bool { return r.Metrics[m] >= rows[top].Metrics[m]-nothing })
		if above := span(rows, m, up); above != "" {
			certain = append(certain, language(l)+" "+above)
		}
		for _, row := range rows {
			if compared(row, m) {
				tested++
			}
		}
	}
	if len(tops) == 0 || tested == 0 {
		return ""
	}
	text := fmt.Sprintf("%s is highest at a λ of %s", measure(m), list(tops))
	if tied {
		text += ", the least where several are equal"
	}
	text += ". "
	if len(certain) == 0 {
		return text + fmt.Sprintf("In no language taken alone is any λ significantly above the source alone, corrected over all %s comparisons.", count(tested))
	}
	return text + fmt.Sprintf("Significantly above the source alone, corrected over all %s comparisons: %s.", count(tested), strings.Join(certain, "; "))
}

// atLambda names the λ of Query-Synergy, where all rows have the same.
func atLambda(rows []evalsuite.Row) string {
	if given := lambdas(rows, evalsuite.QuerySynergy); len(given) == 1 {
		return " at " + lambda(given[0])
	}
	return ""
}

// span says at which λ rows, ordered by λ, differ significantly in a direction:
// "at λ = 0.1", "from λ = 0.1 to 0.3", "at 4 of them"; "" for none.
func span(rows []evalsuite.Row, m metrics.Measure, direction mark) string {
	first, last, n := -1, -1, 0
	for i, row := range rows {
		if compared(row, m) && markOf(row.Versus[m], true) == direction {
			if first < 0 {
				first = i
			}
			last = i
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "at " + lambda(rows[first].Lambda)
	case last - first + 1:
		return fmt.Sprintf("from %s to %s", lambda(rows[first].Lambda), weight(rows[last].Lambda))
	default:
		return fmt.Sprintf("at %d of the λ", n)
	}
}

// pairsNamed is how many single pairs of languages a statement names.
const pairsNamed = 6

// byAnchor says in how many languages the anchors of each language help, and
// which pairs are certain.
func byAnchor(r *evalsuite.Result, m metrics.Measure) string {
	type tally struct {
		name       string
		higher, of int // languages
	}
	var anchors []tally
	var better, worse []string
	tested := 0
	for _, row := range r.Rows {
		if !compared(row, m) {
			continue
		}
		tested++
		name := language(row.AnchorLang)
		i := slices.IndexFunc(anchors, func(t tally) bool { return t.name == name })
		if i < 0 {
			i, anchors = len(anchors), append(anchors, tally{name: name})
		}
		anchors[i].of++
		d := row.Versus[m]
		if d.Delta > nothing {
			anchors[i].higher++
		}
		pair := fmt.Sprintf("%s anchors on %s (%s)", name, language(row.Lang), points(d.Delta))
		switch markOf(d, true) {
		case up:
			better = append(better, pair)
		case down:
			worse = append(worse, pair)
		}
	}
	if len(anchors) == 0 || len(languages(r)) < 2 {
		return ""
	}
	slices.SortStableFunc(anchors, func(a, b tally) int { return cmp.Compare(b.higher*a.of, a.higher*b.of) })
	var some, none, most []string
	for _, t := range anchors {
		switch {
		case t.higher == 0:
			none = append(none, t.name)
		case len(some) == 0:
			some = append(some, fmt.Sprintf("%s in %d of %d languages", t.name, t.higher, t.of))
		default:
			some = append(some, fmt.Sprintf("%s in %d of %d", t.name, t.higher, t.of))
		}
		if 2*t.higher > t.of {
			most = append(most, t.name)
		}
	}
	text := fmt.Sprintf("By the sign alone, %s is higher with anchors in ", measure(m))
	switch {
	case len(some) == 0:
		text += "no language"
	case len(none) == 0:
		text += list(some)
	default:
		text += list(some) + ", with " + list(none) + " in none"
	}
	text += ": in more than half of the languages with "
	switch len(most) {
	case 0:
		text += "none. "
	case 1:
		text += most[0] + " only. "
	default:
		text += list(most) + ". "
	}
	pairs := func(found []string, how string) string {
		if len(found) == 0 {
			return "none is significantly " + how
		}
		text := fmt.Sprintf("%d are significantly %s", len(found), how)
		if len(found) == 1 {
			text = "1 is significantly " + how
		}
		if len(found) <= pairsNamed {
			text += ": " + list(found)
		}
		return text
	}
	return text + fmt.Sprintf("Of the %d pairs of languages, corrected together, %s; %s.", tested, pairs(better, "better"), pairs(worse, "worse"))
}

// byMachine says of each translator that is no human whether it helps.
func byMachine(r *evalsuite.Result, m metrics.Measure) string {
	var all []string
	for _, row := range headlines(r) {
		if row.Translator == "" || row.Translator == evalsuite.Human || !compared(row, m) {
			continue
		}
		d := row.Versus[m]
		over := fmt.Sprintf("%s over %s", evidence(d), plural(row.Queries, "question"))
		if row.Lang == evalsuite.MeanLang {
			over += fmt.Sprintf(" in %d languages", len(languages(r)))
		}
		switch markOf(d, true) {
		case up:
			all = append(all, "Anchors by "+row.Translator+" help: "+over+".")
		case down:
			all = append(all, "Anchors by "+row.Translator+" harm: "+over+".")
		default:
			all = append(all, "Whether anchors by "+row.Translator+" help or harm is not decided: "+over+".")
		}
		if row.Lang != evalsuite.MeanLang {
			continue
		}
		var lower []string
		tested, certain := 0, 0
		for _, one := range r.Rows {
			if one.Translator != row.Translator || !compared(one, m) {
				continue
			}
			tested++
			if one.Versus[m].Delta < -nothing {
				lower = append(lower, fmt.Sprintf("%s (%s)", language(one.Lang), points(one.Versus[m].Delta)))
			}
			if markOf(one.Versus[m], true) == down {
				certain++
			}
		}
		if len(lower) > 0 {
			all = append(all, fmt.Sprintf("By the sign alone they lower %s in %s languages: %s; significantly in %s.", measure(m), outOf(len(lower), tested), list(lower), outOf(certain, tested)))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, " ") + " Translators were not tested against each other."
}

// standing says which place exact fusion has among the others.
func standing(r *evalsuite.Result, m metrics.Measure) string {
	rows := slices.DeleteFunc(slices.Clone(headlines(r)), func(r evalsuite.Row) bool {
		return r.Method == evalsuite.SourceOnly || !finite(r.Metrics[m])
	})
	slices.SortStableFunc(rows, func(a, b evalsuite.Row) int { return cmp.Compare(b.Metrics[m], a.Metrics[m]) })
	i := slices.IndexFunc(rows, func(r evalsuite.Row) bool { return r.Method == evalsuite.QuerySynergy })
	if i < 0 || len(rows) < 2 {
		return ""
	}
	entry := func(r evalsuite.Row) string { return fmt.Sprintf("%s (%s)", method(r.Method), hundred(r.Metrics[m])) }
	text := fmt.Sprintf("Query-Synergy, which fuses exact scores, is first of %d by %s, before %s.", len(rows), measure(m), entry(rows[1]))
	if i > 0 {
		var before []string
		for _, row := range rows[:i] {
			before = append(before, entry(row))
		}
		text = fmt.Sprintf("Query-Synergy, which fuses exact scores, is in place %d of %d by %s, behind %s.", i+1, len(rows), measure(m), list(before))
	}
	return text + " The ways were tested against the source alone, not against each other."
}
