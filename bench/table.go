package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

// table collects the numbers for the reader and for -json.
type table struct {
	When    time.Time `json:"when"`
	Go      string    `json:"go"`
	System  string    `json:"system"`
	Threads int       `json:"gomaxprocs"`
	Rows    []row     `json:"rows"`
}

// row is one measured quantity and what it is compared with, if anything.
type row struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	spread
	Against *against `json:"against,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// against compares a row with another, round by round.
type against struct {
	Name string `json:"name"`
	Unit string `json:"unit"` // "x" for a ratio
	spread
	Goal string `json:"goal,omitempty"`
}

func newTable() *table {
	return &table{
		When: time.Now().UTC(), Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Threads: runtime.GOMAXPROCS(0),
	}
}

func (t *table) add(r row) { t.Rows = append(t.Rows, r) }

func (t *table) writeJSON(path string) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

func (t *table) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s, GOMAXPROCS %d; medians, quartiles in brackets\n", t.Go, t.System, t.Threads)
	group := ""
	for _, r := range t.Rows {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(w, "\n%s\n", group)
		}
		fmt.Fprintf(w, "  %s\t%s\t", r.Name, r.text(r.Unit))
		if a := r.Against; a != nil {
			fmt.Fprintf(w, "%s against %s", a.text(a.Unit), a.Name)
			if a.Goal != "" {
				fmt.Fprintf(w, "; goal: %s", a.Goal)
			}
		}
		fmt.Fprintf(w, "\t%s\n", r.Note)
	}
	return w.Flush()
}

func (s spread) text(unit string) string {
	if s.Runs < 2 {
		return fmt.Sprintf("%s %s", short(s.Median), unit)
	}
	return fmt.Sprintf("%s %s [%s %s]", short(s.Median), unit, short(s.Low), short(s.High))
}

// short writes about three digits.
func short(x float64) string {
	switch {
	case x >= 100 || x <= -100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10 || x <= -10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}
