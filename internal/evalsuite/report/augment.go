package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Augmentation holds the experiments on passages that know texts: queries
// generated for them, or their own translations. Any may be nil.
type Augmentation struct {
	// Sweep has each α, by texts, each row against the same method on plain
	// passages.
	Sweep *evalsuite.Result
	// Blend is one vector a passage, held out; Multi a vector for each query.
	Blend, Multi *evalsuite.AugmentTuned
	// Across asks the questions of passages in another language, held out.
	Across *evalsuite.AugmentTuned
}

// results returns all results, to be cleaned and written.
func (a *Augmentation) results() []**evalsuite.Result {
	all := []**evalsuite.Result{&a.Sweep}
	for _, tuned := range []*evalsuite.AugmentTuned{a.Blend, a.Multi, a.Across} {
		if tuned != nil {
			all = append(all, &tuned.Result, &tuned.Own, &tuned.Rivals)
		}
	}
	return all
}

// clone copies what results points to, so that cleaning changes no input.
func (a Augmentation) clone() *Augmentation {
	for _, tuned := range []**evalsuite.AugmentTuned{&a.Blend, &a.Multi, &a.Across} {
		if *tuned != nil {
			other := **tuned
			*tuned = &other
		}
	}
	return &a
}

// asked says what is asked of passages in a row: "Source alone" or
// "Query-Synergy".
func asked(r evalsuite.Row) string {
	switch r.Method {
	case evalsuite.SourceOnly, evalsuite.SourceOnly + evalsuite.WithHub, evalsuite.XQG, evalsuite.XQG + evalsuite.WithHub:
		return method(evalsuite.SourceOnly)
	default:
		return method(evalsuite.QuerySynergy)
	}
}

// knows says what the passages of a row know.
func knows(r evalsuite.Row) string {
	name := "plain passages"
	if r.Texts != nil {
		name = r.Texts.String()
	}
	if strings.HasSuffix(string(r.Method), evalsuite.WithHub) {
		name += ", hub reduction"
	}
	return name
}

// augmented names a row within its language.
func augmented(r evalsuite.Row) string {
	name := asked(r) + ", " + knows(r)
	if asked(r) == method(evalsuite.QuerySynergy) {
		name += ", " + lambdaOf(r)
	}
	if r.Texts != nil && r.Alpha != nil {
		name += fmt.Sprintf(", α = %s", alpha(*r.Alpha))
	}
	return name
}

// alpha returns an α, of which the third digit counts.
func alpha(a float64) string {
	if !finite(a) {
		return none
	}
	return strconv.FormatFloat(a, 'g', 3, 64)
}

// augmentSection shows all that was measured of passages that know texts.
func augmentSection(a *Augmentation, m metrics.Measure) section {
	s := section{
		ID: "augment", Title: "Passages that know texts", CSV: strings.Join(csvOf(a), ", "),
		Intro: "xQG (arXiv 2305.03950) blends queries that were generated for a passage into its vector, (1 − α) times the passage plus α times their sum, at unit length; its rival, passage generation, does so with the passage's own translation. Hub reduction lowers passages that are near to the queries of others. Held out: λ, α and the strength of hub reduction are chosen on other questions than those judged.",
	}
	if a.Blend != nil {
		s.Tables = append(s.Tables, square(a.Blend, m, "Held out, one vector a passage: "+measure(m)+" by what passages know and what is asked, and the difference to the same on plain passages"))
	}
	if a.Multi != nil {
		s.Tables = append(s.Tables, square(a.Multi, m, "Held out, a vector for each query, of which the best counts: the same"))
	}
	if a.Across != nil {
		s.Tables = append(s.Tables, square(a.Across, m, fmt.Sprintf("Held out, questions asked of passages in %s: the same", language(passagesLang(a.Across.Result)))))
	}
	if a.Blend != nil && a.Blend.Rivals != nil {
		s.Tables = append(s.Tables, comparison(headlined(a.Blend.Rivals), m,
			fmt.Sprintf("Text against text: %s, against the same method with %s", measure(m), first(a.Blend.Rivals)), augmented))
	}
	for _, tuned := range []struct {
		of   *evalsuite.AugmentTuned
		what string
	}{{a.Blend, "one vector a passage"}, {a.Multi, "a vector for each query"}, {a.Across, "passages in another language"}} {
		if tuned.of == nil {
			continue
		}
		caption := "Held out, " + tuned.what + ": " + measure(m) + ", against Query-Synergy on plain passages"
		t := comparison(headlined(tuned.of.Result), m, caption, augmented)
		t.Folded = true
		s.Tables = append(s.Tables, t)
		if len(languages(tuned.of.Result)) > 1 {
			t = pivot(tuned.of.Result, caption+", by language", "Asked, known", augmentedBriefly, func(r evalsuite.Row) cell { return valueCell(r, m) })
			t.Folded = true
			s.Tables = append(s.Tables, t)
		}
	}
	if a.Sweep != nil {
		t := pivot(a.Sweep, measure(m)+" at each α, and the difference to the same on plain passages", "Asked, known, α",
			func(r evalsuite.Row) string {
				if r.Texts == nil {
					return asked(r) + ", plain passages"
				}
				return asked(r) + ", " + knows(r) + ", " + alpha(*r.Alpha)
			},
			func(r evalsuite.Row) cell { return valueCell(r, m) })
		t.Folded = true
		s.Tables = append(s.Tables, t)
	}
	return s
}

// headlined keeps the rows that speak for all languages.
func headlined(r *evalsuite.Result) *evalsuite.Result {
	return &evalsuite.Result{Rows: headlines(r)}
}

func passagesLang(r *evalsuite.Result) string {
	for _, row := range r.Rows {
		return row.PassagesLang
	}
	return ""
}

// first names the texts that rivals are compared with.
func first(rivals *evalsuite.Result) string {
	for _, row := range rivals.Rows {
		if row.Texts != nil {
			return row.Texts.String()
		}
	}
	return ""
}

// square shows the table of Query-Synergy × what passages know.
func square(tuned *evalsuite.AugmentTuned, m metrics.Measure, caption string) table {
	t := table{Caption: caption, Corner: "Passages know", Columns: []string{method(evalsuite.SourceOnly), method(evalsuite.QuerySynergy)}, Groups: make([]group, 1)}
	rows := &t.Groups[0].Rows
	for _, r := range headlines(tuned.Own) {
		name := knows(r)
		i := slices.IndexFunc(*rows, func(l line) bool { return l.Name == name })
		if i < 0 {
			i, *rows = len(*rows), append(*rows, line{Name: name, Cells: make([]cell, len(t.Columns))})
		}
		c := valueCell(r, m)
		if d, ok := r.Versus[m]; ok {
			c.Detail += ", " + equals(d.PHolm)
		}
		(*rows)[i].Cells[slices.Index(t.Columns, asked(r))] = c
	}
	return t
}

// augmentFindings answer in words whether texts that passages know help.
func augmentFindings(a *Augmentation, m metrics.Measure, add func(head string, texts ...string)) {
	if a.Blend != nil {
		add("Query augmentation, the answer", answer(a.Blend, m), inAnchorLanguage(a, m))
		synergy := slices.DeleteFunc(slices.Clone(headlines(a.Blend.Result)), func(r evalsuite.Row) bool { return asked(r) != method(evalsuite.QuerySynergy) })
		add("Against Query-Synergy alone", verdicts(synergy, m, knows, "Of what passages may know when both queries are asked, against plain passages, held out, "), byLanguageAugmented(a.Blend, m))
		if a.Blend.Rivals != nil {
			add("Text against text", verdicts(headlines(a.Blend.Rivals), m, augmentedBriefly, fmt.Sprintf("Held out, each against the same with %s, ", first(a.Blend.Rivals))))
		}
	}
	if a.Multi != nil {
		add("A vector for each query", ownVerdicts(a.Multi, m, "Held out, with a vector for each query in place of the blend, each against the same on plain passages"),
			"That these help more than the blend was found by looking at XQuAD, so it wants other data.")
	}
	if a.Across != nil {
		add("Passages in another language", ownVerdicts(a.Across, m, fmt.Sprintf("Questions asked of passages in %s, held out, each against the same on plain passages", language(passagesLang(a.Across.Result)))))
	}
}

// augmentedBriefly names a row without its weights.
func augmentedBriefly(r evalsuite.Row) string { return asked(r) + ", " + knows(r) }

// ownVerdicts is about the rows that use texts.
func ownVerdicts(tuned *evalsuite.AugmentTuned, m metrics.Measure, start string) string {
	rows := slices.DeleteFunc(slices.Clone(headlines(tuned.Own)), func(r evalsuite.Row) bool { return r.Texts == nil })
	return verdicts(rows, m, func(r evalsuite.Row) string {
		return fmt.Sprintf("%s, %s, to %s", asked(r), knows(r), hundred(r.Metrics[m]))
	}, start+", ")
}

// answer says whether query augmentation holds up, beside passage generation
// where that was measured.
func answer(tuned *evalsuite.AugmentTuned, m metrics.Measure) string {
	heads := headlines(tuned.Own)
	find := func(kind evalsuite.TextsKind, what evalsuite.Method) (evalsuite.Row, bool) {
		i := slices.IndexFunc(heads, func(r evalsuite.Row) bool {
			return r.Method == what && r.Texts != nil && r.Texts.Kind == kind && compared(r, m)
		})
		if i < 0 {
			return evalsuite.Row{}, false
		}
		return heads[i], true
	}
	says := func(kind evalsuite.TextsKind, name string) (verdict, text string) {
		var parts []string
		better, worse := 0, 0
		for _, what := range []evalsuite.Method{evalsuite.XQG, evalsuite.XQGSynergy} {
			r, ok := find(kind, what)
			if !ok {
				continue
			}
			d, by, how := r.Versus[m], "to the source alone", "is significant"
			if what == evalsuite.XQGSynergy {
				by = "to Query-Synergy"
			}
			switch markOf(d, true) {
			case up:
				better++
			case down:
				worse++
			default:
				how = "may be chance"
			}
			parts = append(parts, fmt.Sprintf("the difference %s of %s %s", by, evidence(d), how))
		}
		switch {
		case better > 0 && better == len(parts):
			verdict = "Yes, on these data."
		case better > 0:
			verdict = "In part."
		case worse > 0:
			verdict = "No: it hurts."
		default:
			verdict = "No, not on these data."
		}
		if len(parts) == 0 {
			return "", ""
		}
		return verdict, fmt.Sprintf("%s %s (%s): %s.", verdict, name, knowsOf(heads, kind), list(parts))
	}
	verdict, text := says(evalsuite.GeneratedQueries, "Generated queries blended into the passages")
	if verdict == "" {
		return ""
	}
	text = "Does query augmentation hold up for these languages? " + text
	if verdict, rival := says(evalsuite.PassageTranslations, "The passages' own translation blended in the same way"); verdict != "" {
		text += " Does passage generation? " + rival
		if strings.Contains(knowsOf(heads, evalsuite.PassageTranslations), " by "+evalsuite.Human) {
			text += " These translations are people's; what a machine's do was not measured here."
		}
	}
	return text
}

// inAnchorLanguage puts people's translations of passages into the anchors'
// language in their place: with people's anchors this is search in that language.
func inAnchorLanguage(a *Augmentation, m metrics.Measure) string {
	if a.Across == nil {
		return ""
	}
	anchors := passagesLang(a.Across.Result)
	known := slices.ContainsFunc(headlines(a.Blend.Own), func(r evalsuite.Row) bool {
		return r.Texts != nil && r.Texts.Kind == evalsuite.PassageTranslations && slices.Contains(r.Texts.Langs, anchors) && slices.Contains(r.Texts.By, evalsuite.Human)
	})
	heads := headlines(a.Across.Own)
	i := slices.IndexFunc(heads, func(r evalsuite.Row) bool { return r.Method == evalsuite.QuerySynergy })
	if !known || i < 0 || !finite(heads[i].Metrics[m]) {
		return ""
	}
	return fmt.Sprintf("Where people have translated both question and passage into %s, both queries are nearly a search in %s: asked of the passages in that language alone they reach %s.",
		language(anchors), language(anchors), hundred(heads[i].Metrics[m]))
}

// knowsOf names the first texts of a kind.
func knowsOf(rows []evalsuite.Row, kind evalsuite.TextsKind) string {
	for _, r := range rows {
		if r.Texts != nil && r.Texts.Kind == kind {
			return r.Texts.String()
		}
	}
	return ""
}

// byLanguageAugmented says in which languages the best of the held-out methods is
// better or worse than Query-Synergy alone.
func byLanguageAugmented(tuned *evalsuite.AugmentTuned, m metrics.Measure) string {
	heads := slices.DeleteFunc(slices.Clone(headlines(tuned.Result)), func(r evalsuite.Row) bool { return r.Texts == nil || !compared(r, m) })
	if len(heads) == 0 || len(languages(tuned.Result)) < 2 {
		return ""
	}
	best := heads[highest(heads, func(r evalsuite.Row) float64 { return r.Metrics[m] })]
	rows := slices.DeleteFunc(slices.Clone(tuned.Result.Rows), func(r evalsuite.Row) bool {
		return r.Method != best.Method || r.Texts == nil || r.Texts.String() != best.Texts.String()
	})
	return fmt.Sprintf("The highest is %s, %s (95%% interval of the difference %s). ", augmentedBriefly(best), hundred(best.Metrics[m]), between(best.Versus[m].Interval, points)) +
		verdicts(rows, m, func(r evalsuite.Row) string { return language(r.Lang) }, "By language, ")
}

// augmentFiles are the CSV files of an augmentation.
func augmentFiles(a *Augmentation) map[string][]*evalsuite.Result {
	files := map[string][]*evalsuite.Result{}
	add := func(name string, r *evalsuite.Result) {
		if r != nil {
			files[name] = append(files[name], r)
		}
	}
	add("augment.csv", a.Sweep)
	for _, tuned := range []*evalsuite.AugmentTuned{a.Blend, a.Multi} {
		if tuned != nil {
			add("augment-tuned.csv", tuned.Result)
			add("augment-plain.csv", tuned.Own)
			add("augment-rivals.csv", tuned.Rivals)
		}
	}
	if a.Across != nil {
		add("augment-across.csv", a.Across.Result)
		add("augment-across-plain.csv", a.Across.Own)
	}
	return files
}

func csvOf(a *Augmentation) []string {
	files := augmentFiles(a)
	var names []string
	for _, name := range csvNames {
		if files[name] != nil {
			names = append(names, name)
		}
	}
	return names
}
