package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/detect"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// Values of --lang beside language tags.
const (
	langAuto = "auto"
	langAll  = "all"
)

// languages says what language a query is in, and which indexes it searches.
type languages struct {
	given   []string // nil: to be detected
	indexed []string // only where something is to be detected or all are searched
	all     bool
}

// newLanguages reads --lang.
func newLanguages(ctx context.Context, store *setup.Store, corpus string, flag []string) (*languages, error) {
	l := &languages{}
	if len(flag) == 1 && (flag[0] == langAuto || flag[0] == langAll) {
		infos, err := store.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			if info.Key.Corpus == corpus {
				l.indexed = append(l.indexed, info.Key.Lang)
			}
		}
		if len(l.indexed) == 0 {
			return nil, cli.WithHint(fmt.Errorf("corpus %q has no index at %s", corpus, store.Where), "check --corpus, or build the index with indexer")
		}
		l.all = flag[0] == langAll
		return l, nil
	}
	for _, tag := range flag {
		parsed, err := lang.Parse(tag)
		if err != nil {
			return nil, cli.UsageError{Err: fmt.Errorf("--lang: %w", err)}
		}
		if slices.Contains(l.given, parsed) {
			return nil, cli.UsageError{Err: fmt.Errorf("--lang: %q is named twice", parsed)}
		}
		l.given = append(l.given, parsed)
	}
	return l, nil
}

// choose sets a query's languages.
func (l *languages) choose(q *search.Query) error {
	if l.given != nil {
		q.Lang = l.given[0]
		if len(l.given) > 1 {
			q.Targets = l.given
		}
		return nil
	}
	if l.all && len(l.indexed) > 1 {
		q.Targets = l.indexed
	}
	if len(l.indexed) == 1 {
		q.Lang = l.indexed[0]
		q.Detected = &search.Detected{Lang: q.Lang, Confidence: 1, Reason: "only"}
		return nil
	}
	guess := detect.Detect(q.Text, l.indexed)
	if guess.Confidence < detect.Sure || guess.Lang == detect.Undetermined {
		var likely []string
		for _, c := range guess.Candidates[:min(3, len(guess.Candidates))] {
			likely = append(likely, fmt.Sprintf("%s %.2f", c.Lang, c.Confidence))
		}
		return cli.WithHint(cli.UsageError{Err: fmt.Errorf("the query's language is not clear (%s)", strings.Join(likely, ", "))}, "name it with --lang")
	}
	q.Lang = guess.Lang
	q.Detected = &search.Detected{Lang: guess.Lang, Confidence: guess.Confidence, Reason: string(guess.Reason)}
	return nil
}
