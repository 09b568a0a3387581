// Package mteb writes results as MTEB keeps them: the JSON of one task result,
// which mteb's TaskResult.from_disk and from_dict read. Checked against mteb
// 2.26.24.
//
// It computes nothing, and knows no dataset and no language: names, revisions
// and language codes come in as MTEB spells them.
package mteb

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// Result is what one system scored on one task.
type Result struct {
	Task     string // as MTEB names it, such as "XQuADRetrieval"
	Revision string // of the dataset; not empty
	Split    string // such as "validation"
	// Main is the measure that becomes the main score. Every Score has it.
	// MTEB's retrieval tasks have ndcg@10.
	Main   metrics.Measure
	Scores []Score
}

// Score is what was scored on one subset, a language or a pair of languages.
type Score struct {
	Subset    string   // unique in its Result, such as "de"
	Languages []string // ISO 639-3 and ISO 15924, such as "deu-Latn"
	// Means holds the measures averaged over the queries, from 0 to 1.
	Means map[metrics.Measure]float64
}

// file is the layout that mteb validates. Version and EvaluationTime are always
// null: mteb has not run, and a time would make two equal runs differ.
type file struct {
	Revision       string                      `json:"dataset_revision"`
	Task           string                      `json:"task_name"`
	Version        *string                     `json:"mteb_version"`
	Scores         map[string][]map[string]any `json:"scores"`
	EvaluationTime *float64                    `json:"evaluation_time"`
}

var languageScript = regexp.MustCompile(`^[a-z]{3}-[A-Z][a-z]{3}$`)

// Write writes r as indented JSON; mteb expects it under
// results/MODEL/REVISION/TASK.json. Measures bear MTEB's names: ndcg_at_10,
// mrr_at_10, recall_at_5, and hit_rate_at_1 for success@1. MTEB only knows MAP
// with a cut-off; here it has none and is called map. It returns an error,
// having written nothing, where r lacks a part or holds one that mteb would
// refuse or misread.
func Write(w io.Writer, r Result) error {
	if r.Task == "" || r.Revision == "" || r.Split == "" || len(r.Scores) == 0 {
		return errors.New("write MTEB result: task, revision, split and scores must all be there")
	}
	subsets := make([]map[string]any, len(r.Scores))
	seen := map[string]bool{}
	for i, s := range r.Scores {
		var err error
		if subsets[i], err = s.fields(r.Main); err == nil && seen[s.Subset] {
			err = errors.New("it stands twice")
		}
		if err != nil {
			return fmt.Errorf("write MTEB result of %.120q: subset %.120q: %w", r.Task, s.Subset, err)
		}
		seen[s.Subset] = true
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(file{Task: r.Task, Revision: r.Revision, Scores: map[string][]map[string]any{r.Split: subsets}})
	if err != nil {
		return fmt.Errorf("write MTEB result of %.120q: %w", r.Task, err)
	}
	return nil
}

// fields returns s as MTEB lays it out, flat.
func (s Score) fields(main metrics.Measure) (map[string]any, error) {
	if s.Subset == "" {
		return nil, errors.New("it has no name")
	}
	if len(s.Languages) == 0 {
		return nil, errors.New("it has no language")
	}
	for _, l := range s.Languages {
		if !languageScript.MatchString(l) {
			return nil, fmt.Errorf("language %.120q is not of the form deu-Latn", l)
		}
	}
	fields := map[string]any{"hf_subset": s.Subset, "languages": s.Languages}
	byName := func(a, b metrics.Measure) int { return cmp.Compare(name(a), name(b)) }
	for _, measure := range slices.SortedFunc(maps.Keys(s.Means), byName) {
		mean := s.Means[measure]
		if math.IsNaN(mean) || mean < 0 || mean > 1 {
			return nil, fmt.Errorf("%s is %v, want 0 to 1", measure, mean)
		}
		fields[name(measure)] = mean
	}
	score, ok := s.Means[main]
	if !ok {
		return nil, fmt.Errorf("it lacks the main measure %s", main)
	}
	fields["main_score"] = score
	return fields, nil
}

// name returns a measure as MTEB calls it.
func name(m metrics.Measure) string {
	kind := string(m.Kind)
	if m.Kind == metrics.Success {
		kind = "hit_rate"
	}
	if m.K == 0 {
		return kind
	}
	return kind + "_at_" + strconv.Itoa(m.K)
}
