package evalsuite

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// WriteCSV writes a line for each row and measure, under a line of names. What
// a row has not, such as a difference to a baseline, is empty.
func WriteCSV(w io.Writer, measures []metrics.Measure, rows []Row) error {
	out := csv.NewWriter(w)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	lines := [][]string{{
		"dataset", "lang", "anchor_lang", "translator", "method", "lambda", "metric", "value", "low", "high",
		"delta", "delta_low", "delta_high", "p", "p_holm", "p_t", "p_t_holm", "effect", "wins", "ties", "losses", "queries", "mode", "alpha", "hub",
		"texts", "text_langs", "text_by", "per_passage",
	}}
	for _, r := range rows {
		for _, m := range measures {
			line := []string{
				r.Dataset, r.Lang, r.AnchorLang, r.Translator, string(r.Method), number(r.Lambda), m.String(),
				number(r.Metrics[m]), number(r.Intervals[m][0]), number(r.Intervals[m][1]),
			}
			if d, ok := r.Versus[m]; ok {
				line = append(line, number(d.Delta), number(d.Interval[0]), number(d.Interval[1]),
					number(d.P), number(d.PHolm), number(d.PT), number(d.PTHolm), number(d.Effect),
					strconv.Itoa(d.Wins), strconv.Itoa(d.Ties), strconv.Itoa(d.Losses))
			} else {
				line = append(line, make([]string, 11)...)
			}
			line = append(line, strconv.Itoa(r.Queries), string(r.Mode))
			if r.Alpha != nil {
				line = append(line, number(*r.Alpha), number(r.Hub))
			} else {
				line = append(line, "", "")
			}
			if t := r.Texts; t != nil {
				line = append(line, string(t.Kind), strings.Join(t.Langs, "+"), strings.Join(t.By, "+"), strconv.Itoa(t.PerPassage))
			} else {
				line = append(line, make([]string, 4)...)
			}
			lines = append(lines, line)
		}
	}
	if err := out.WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
