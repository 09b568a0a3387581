package corpus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// Qrels are relevance judgements: query id, then document id, to a grade.
// Documents that were not judged are missing.
type Qrels map[string]map[string]int

// ReadQrels reads BEIR's qrels, which may be gzipped: tab-separated, with the
// header query-id, corpus-id, score. The first fault ends the reading.
func ReadQrels(path string) (Qrels, error) {
	src, err := open(context.Background(), path, Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	t, err := newTSV(src)
	if err != nil {
		return nil, err
	}
	if want := []string{"query-id", "corpus-id", "score"}; !slices.Equal(t.header, want) {
		return nil, t.headerError("want the columns %s, %s and %s, separated by tabs", want[0], want[1], want[2])
	}
	qrels := make(Qrels)
	for cells, err := range t.records() {
		if err != nil {
			return nil, err
		}
		if err := qrels.add(cells[0], cells[1], cells[2]); err != nil {
			return nil, &RecordError{Pos: t.pos(), Err: err}
		}
	}
	return qrels, nil
}

func (q Qrels) add(query, doc, score string) error {
	if err := checkID(query); err != nil {
		return fmt.Errorf("query-id: %w", err)
	}
	if err := checkID(doc); err != nil {
		return fmt.Errorf("corpus-id: %w", err)
	}
	grade, err := strconv.Atoi(score)
	if err != nil {
		return fmt.Errorf("score %s is not an integer", quote(score))
	}
	if _, twice := q[query][doc]; twice {
		return fmt.Errorf("query %s and document %s were judged before", quote(query), quote(doc))
	}
	if q[query] == nil {
		q[query] = make(map[string]int)
	}
	q[query][doc] = grade
	return nil
}
