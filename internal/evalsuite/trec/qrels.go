package trec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

const qrelsLayout = "query 0 document grade"

// ReadQrels reads relevance judgements; name is the file's, for errors. The
// second column may be anything. It returns an error for a grade that is no
// whole number, for a document that is judged twice in a query, and for a file
// without lines.
func ReadQrels(r io.Reader, name string) (metrics.Qrels, error) {
	qrels := metrics.Qrels{}
	err := eachLine(r, name, qrelsLayout, func(columns []string) error {
		query, document := columns[0], columns[2]
		grade, err := strconv.Atoi(columns[3])
		if err != nil {
			return fmt.Errorf("grade %.120q is not a whole number", columns[3])
		}
		if qrels[query] == nil {
			qrels[query] = map[string]int{}
		}
		if _, twice := qrels[query][document]; twice {
			return fmt.Errorf("document %.120q is judged twice in query %.120q", document, query)
		}
		qrels[query][document] = grade
		return nil
	})
	if err != nil {
		return nil, err
	}
	return qrels, nil
}

// WriteQrels writes relevance judgements by ascending query and document id. A
// query without judgements has no line. Before it writes anything it returns an
// error for ids that the format cannot hold, and where there is no judgement.
func WriteQrels(w io.Writer, qrels metrics.Qrels) error {
	queries := slices.Sorted(maps.Keys(qrels))
	empty := true
	for _, query := range queries {
		if err := checkColumn("query id", query); err != nil {
			return fmt.Errorf("write qrels: %w", err)
		}
		for _, document := range slices.Sorted(maps.Keys(qrels[query])) {
			if err := checkColumn("document id", document); err != nil {
				return fmt.Errorf("write qrels: query %.120q: %w", query, err)
			}
			empty = false
		}
	}
	if empty {
		return errors.New("write qrels: there is no judgement")
	}
	out := bufio.NewWriter(w)
	for _, query := range queries {
		for _, document := range slices.Sorted(maps.Keys(qrels[query])) {
			// A bufio.Writer keeps its first error for Flush.
			_, _ = fmt.Fprintf(out, "%s 0 %s %d\n", query, document, qrels[query][document])
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write qrels: %w", err)
	}
	return nil
}
