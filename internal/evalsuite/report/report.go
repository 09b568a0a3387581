package report

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
)

// Names of files in the folder of a report.
const (
	PageName     = "report.html"
	MarkdownName = "report.md"
)

// Write writes the report into dir, which is made where it is missing:
// report.html, its words and tables in report.md, and for each experiment its
// numbers in full precision (table.csv, sweep.csv, tune.csv, anchors.csv,
// anchors-equal.csv, translators.csv, methods.csv, movers.csv, and six whose
// names begin with augment; the heat map's
// percentages in anchors-percent.csv, printed figures in paper.csv).
// Files of these names from an earlier report are replaced, or removed where
// this one has no such experiment. It returns an error where Measures is empty
// and where a file cannot be written.
func Write(dir string, in Input) error {
	if len(in.Measures) == 0 {
		return errors.New("write report: it needs at least one measure")
	}
	in = in.cleaned()
	files, err := tables(in)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	content, err := newPage(in)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if files[PageName], err = content.html(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	files[MarkdownName] = content.markdown()
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as its files
		return fmt.Errorf("write report: %w", err)
	}
	for _, name := range slices.Concat(csvNames, []string{PageName, MarkdownName}) {
		path := filepath.Join(dir, name)
		if files[name] == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, files[name], 0o644) //nolint:gosec // a report is for others to read
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

var csvNames = []string{
	"table.csv", "sweep.csv", "tune.csv", "anchors.csv", "anchors-equal.csv", "anchors-percent.csv", "translators.csv",
	"methods.csv", "augment.csv", "augment-tuned.csv", "augment-plain.csv", "augment-rivals.csv", "augment-across.csv", "augment-across-plain.csv",
	"movers.csv", "paper.csv",
}

// tables returns the CSV files by name.
func tables(in Input) (map[string][]byte, error) {
	files := map[string][]byte{}
	results := map[string][]*evalsuite.Result{
		"table.csv": {in.Table}, "sweep.csv": {in.Sweep}, "tune.csv": {in.Tune},
		"anchors.csv": {in.AnchorMatrix}, "anchors-equal.csv": {in.EqualMatrix}, "translators.csv": {in.Translators}, "methods.csv": {in.Methods},
	}
	if in.Augmentation != nil {
		maps.Copy(results, augmentFiles(in.Augmentation))
	}
	for name, all := range results {
		var rows []evalsuite.Row
		for _, result := range all {
			if result != nil {
				rows = append(rows, slices.Concat(result.Rows, result.Means)...)
			}
		}
		if len(rows) == 0 {
			continue
		}
		var b bytes.Buffer
		if err := evalsuite.WriteCSV(&b, in.Measures, rows); err != nil {
			return nil, err
		}
		files[name] = b.Bytes()
	}
	lines := [][]string{{"lang", "anchor_lang", "lambda", "metric", "delta_percent"}}
	for _, matrix := range []*evalsuite.Result{in.AnchorMatrix, in.EqualMatrix} {
		if matrix == nil {
			continue
		}
		for _, r := range slices.Concat(matrix.Rows, matrix.Means) {
			for _, m := range in.Measures {
				if d, ok := r.Versus[m]; ok {
					lines = append(lines, []string{r.Lang, r.AnchorLang, full(r.Lambda), m.String(), full(percent(r.Metrics[m], d))})
				}
			}
		}
		files["anchors-percent.csv"] = comma(lines)
	}
	if len(in.Movers) > 0 {
		lines := [][]string{{"lang", "question", "anchor_lang", "before", "after", "source", "anchor", "translator", "relevant", "wrong"}}
		for _, m := range in.Movers {
			used := Anchor{}
			if len(m.Anchors) > 0 {
				used = m.Anchors[0]
			}
			lines = append(lines, []string{
				m.Lang, inert(m.ID), m.AnchorLang, strconv.Itoa(m.Before), strconv.Itoa(m.After), inert(m.Source),
				inert(used.Text), inert(used.Translator), inert(m.Relevant.ID), inert(m.Wrong.ID),
			})
		}
		files["movers.csv"] = comma(lines)
	}
	if in.Paper != nil {
		lines := [][]string{{"item", "dataset", "model", "lang", "anchor_lang", "translator", "method", "lambda", "metric", "value"}}
		for _, item := range in.Paper.Items {
			for _, c := range item.Cells {
				lambda := ""
				if c.Lambda != nil {
					lambda = full(*c.Lambda)
				}
				lines = append(lines, []string{item.Name, c.Dataset, c.Model, c.Lang, c.AnchorLang, c.Translator, c.Method, lambda, c.Measure, full(c.Value)})
			}
		}
		if len(lines) > 1 {
			files["paper.csv"] = comma(lines)
		}
	}
	return files, nil
}

// full returns a number with all its digits, and nothing for none.
func full(x float64) string {
	if !finite(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// inert keeps a spreadsheet from running a dataset's text as a formula.
func inert(text string) string {
	if text != "" && bytes.ContainsRune([]byte("=+-@\t"), rune(text[0])) {
		return "'" + text
	}
	return text
}

func comma(lines [][]string) []byte {
	var b bytes.Buffer
	// A bytes.Buffer takes every write.
	_ = csv.NewWriter(&b).WriteAll(lines)
	return b.Bytes()
}

//go:embed page.gohtml
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

func (p *page) html() ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
