package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// Column is a column of a Table.
type Column struct {
	Title string
	Right bool // align to the right, for numbers
	Max   int  // widest, in terminal columns; 0: as wide as its cells
	Flex  bool // gives way where the table is wider than the terminal
}

const (
	gap     = "  "
	minFlex = 10 // what a column that gives way keeps
)

// Table prints rows under a heading to stdout, each as long as columns, within
// the width of the terminal. Cells are cleaned and cut.
//
// Widths are those of grapheme clusters. Libraries that add up the widths of
// runes count Arabic vowel marks, isolates and emoji sequences as columns that
// no terminal shows.
func (s Streams) Table(columns []Column, rows [][]string) error {
	heading := make([]string, len(columns))
	widths := make([]int, len(columns))
	for i, column := range columns {
		heading[i] = column.Title
		widths[i] = uniseg.StringWidth(column.Title)
	}
	cells := make([][]string, len(rows))
	for n, row := range rows {
		cells[n] = make([]string, len(columns))
		for i := range columns {
			cell := Clean(row[i])
			if columns[i].Max > 0 {
				cell = Fit(cell, columns[i].Max)
			}
			cells[n][i] = cell
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	shrink(columns, widths, s.Width())

	var out strings.Builder
	terminal := s.StdoutIsTerminal()
	title := line(columns, widths, heading, terminal)
	if s.Color() {
		title = "\x1b[1m" + title + "\x1b[0m"
	}
	out.WriteString(title + "\n")
	for _, row := range cells {
		out.WriteString(line(columns, widths, row, terminal) + "\n")
	}
	if _, err := io.WriteString(s.Stdout, out.String()); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// shrink takes what the table is too wide from its flexible columns, the widest
// first.
func shrink(columns []Column, widths []int, limit int) {
	total := len(gap) * (len(widths) - 1)
	for _, width := range widths {
		total += width
	}
	for ; total > limit; total-- {
		widest := -1
		for i, column := range columns {
			if column.Flex && widths[i] > minFlex && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// line lays out one row.
func line(columns []Column, widths []int, row []string, isolated bool) string {
	var out strings.Builder
	for i, cell := range row {
		cell = Fit(cell, widths[i])
		padding := strings.Repeat(" ", max(0, widths[i]-uniseg.StringWidth(cell)))
		if isolated {
			cell = isolate(cell)
		}
		switch {
		case columns[i].Right:
			cell = padding + cell
		case i < len(row)-1:
			cell += padding
		}
		if i > 0 {
			out.WriteString(gap)
		}
		out.WriteString(cell)
	}
	return out.String()
}
