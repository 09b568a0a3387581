package evalsuite

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Answered says of a run for which questions an answer was found within which
// budget.
type Answered struct {
	Name string
	// Found has, for each language, what the questions of that language scored:
	// all runs the same questions by the same measures.
	Found map[string]*metrics.Evaluation
}

// CompareAnswered measures runs by the answers that they found, per language in
// the order given and averaged, each language weighing the same, and compares all
// of them with the first. A language that no question of is scored is left out.
func CompareAnswered(dataset string, langs []string, runs []Answered) (*Result, error) {
	var all []measured
	for _, lang := range langs {
		baseline := runs[0].Found[lang]
		if baseline == nil {
			continue
		}
		for i, run := range runs {
			m := measured{row: Row{Dataset: dataset, Lang: lang, Method: Method(run.Name)}, group: strconv.Itoa(i), values: run.Found[lang]}
			if i > 0 {
				m.baseline = baseline
				if !slices.Equal(m.values.Queries, baseline.Queries) {
					return nil, fmt.Errorf("%s in %q: the runs have other questions", dataset, lang)
				}
			}
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no question has an answer other than yes or no: nothing to average", dataset)
	}
	return finish(all)
}
