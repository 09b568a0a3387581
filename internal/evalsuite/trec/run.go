package trec

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

const runLayout = "query Q0 document rank score tag"

// ReadRun reads a run; name is the file's, for errors. Each query's documents
// come back by descending score, equal scores in the file's order; the rank
// must be a whole number but does not count, and Q0 and tag may be anything. It
// returns an error for a score that is no finite number, for a document that
// stands twice in a query, and for a file without lines.
func ReadRun(r io.Reader, name string) (metrics.Run, error) {
	run := metrics.Run{}
	seen := map[string]map[string]bool{}
	err := eachLine(r, name, runLayout, func(columns []string) error {
		query, document := columns[0], columns[2]
		if _, err := strconv.Atoi(columns[3]); err != nil {
			return fmt.Errorf("rank %.120q is not a whole number", columns[3])
		}
		score, err := strconv.ParseFloat(columns[4], 64)
		if err != nil || !finite(score) {
			return fmt.Errorf("score %.120q is not a finite number", columns[4])
		}
		if seen[query] == nil {
			seen[query] = map[string]bool{}
		}
		if seen[query][document] {
			return fmt.Errorf("document %.120q stands twice in query %.120q", document, query)
		}
		seen[query][document] = true
		run[query] = append(run[query], metrics.Scored{DocID: document, Score: score})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, documents := range run {
		slices.SortStableFunc(documents, func(a, b metrics.Scored) int { return cmp.Compare(b.Score, a.Score) })
	}
	return run, nil
}

// WriteRun writes a run: queries by ascending id, each query's documents in the
// order given, ranked from 1, scores with as many digits as it takes to read
// the same float64 back (up to 17). tag names the system. A query without
// documents has no line. Before it writes anything it returns an error for
// scores that do not descend or are not finite, for a document that stands
// twice in a query, for ids and tags that the format cannot hold, and for a run
// without documents.
//
// trec_eval will put equal scores in its own order: see metrics.TRECOrder.
func WriteRun(w io.Writer, run metrics.Run, tag string) error {
	if err := checkColumn("tag", tag); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	queries := slices.Sorted(maps.Keys(run))
	empty := true
	for _, query := range queries {
		if err := checkQuery(query, run[query]); err != nil {
			return fmt.Errorf("write run %.120q: %w", tag, err)
		}
		empty = empty && len(run[query]) == 0
	}
	if empty {
		return fmt.Errorf("write run %.120q: it has no documents", tag)
	}
	out := bufio.NewWriter(w)
	for _, query := range queries {
		for i, d := range run[query] {
			// A bufio.Writer keeps its first error for Flush.
			_, _ = fmt.Fprintf(out, "%s Q0 %s %d %s %s\n",
				query, d.DocID, i+1, strconv.FormatFloat(d.Score, 'g', -1, 64), tag)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write run %.120q: %w", tag, err)
	}
	return nil
}

func checkQuery(query string, documents []metrics.Scored) error {
	if err := checkColumn("query id", query); err != nil {
		return err
	}
	seen := make(map[string]bool, len(documents))
	for i, d := range documents {
		err := checkColumn("document id", d.DocID)
		switch {
		case err != nil:
		case seen[d.DocID]:
			err = fmt.Errorf("document %.120q stands twice", d.DocID)
		case !finite(d.Score):
			err = fmt.Errorf("document %.120q has score %v", d.DocID, d.Score)
		case i > 0 && d.Score > documents[i-1].Score:
			err = errors.New("scores do not descend: rank the documents first")
		}
		if err != nil {
			return fmt.Errorf("query %.120q: %w", query, err)
		}
		seen[d.DocID] = true
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
