// Package published holds what papers printed, to be set beside what this
// project measures. It is data with its sources, and knows nothing of datasets,
// measures or experiments: numbers stand as they were printed.
//
// Of the Query-Synergy paper only the abstract could be read, so its two tables
// and two figures have their places here and no cells: nothing was guessed. Who
// has the paper at hand can fill them in, in query-synergy.json, without a
// change in code. The figures of xQG are those of the authors' repository.
package published

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

// Paper is a publication with the tables and figures that matter here.
type Paper struct {
	Title   string `json:"title"`
	Authors string `json:"authors"`
	Venue   string `json:"venue"`
	ID      string `json:"id"`    // where to find it, such as "arXiv 2305.03950"
	Claim   string `json:"claim"` // what its abstract says it found, in our words
	Items   []Item `json:"items"`
}

// Item is a table or a figure. It has either cells, or says why not.
type Item struct {
	Name    string `json:"name"`              // as the paper has it: "Table 1"
	What    string `json:"what"`              // it shows, with the unit
	Source  string `json:"source,omitempty"`  // where the digits were read, and whether in text or off a plot
	Missing string `json:"missing,omitempty"` // why there are no cells
	Cells   []Cell `json:"cells,omitempty"`
}

// Cell is one printed number and what it is about. What does not apply is empty.
type Cell struct {
	Dataset    string   `json:"dataset"`
	Model      string   `json:"model"`
	Lang       string   `json:"lang"` // of questions and documents; "mean" for their average
	AnchorLang string   `json:"anchor_lang,omitempty"`
	Translator string   `json:"translator,omitempty"`
	Method     string   `json:"method,omitempty"`
	Lambda     *float64 `json:"lambda,omitempty"`
	Measure    string   `json:"measure"`
	Value      float64  `json:"value"` // as printed
}

// Item returns the table or figure of that name.
func (p *Paper) Item(name string) (Item, bool) {
	for _, item := range p.Items {
		if item.Name == name {
			return item, true
		}
	}
	return Item{}, false
}

//go:embed query-synergy.json
var querySynergy []byte

//go:embed xqg.json
var xqg []byte

// QuerySynergy returns the paper on Query-Synergy (Hong et al., 2026), with the
// items "Table 1", "Figure 1", "Table 2" and "Figure 2".
func QuerySynergy() *Paper { return read(querySynergy) }

// XQG returns the paper on augmented passages (Zhuang et al., 2023), with the
// items "R@2kt" and "R@5kt" on XOR-TyDi's development set.
func XQG() *Paper { return read(xqg) }

// read panics on data that is part of the program and does not parse.
func read(data []byte) *Paper {
	var p Paper
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		panic(fmt.Sprintf("published: embedded paper: %v", err))
	}
	return &p
}
