package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

var update = flag.Bool("update", false, "rewrite the table of variables in docs/configuration.md")

// The lines between which docs/configuration.md has its table of variables.
const (
	tableStart = "<!-- Made by: go test ./internal/config -run TestVariablesInDocs -update -->\n"
	tableEnd   = "<!-- End of the table of variables. -->\n"
)

// The documentation's table of variables is the one that the commands go by.
func TestVariablesInDocs(t *testing.T) {
	path := filepath.Join(testenv.Root(t), "docs", "configuration.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, started := strings.Cut(string(text), tableStart)
	got, after, ended := strings.Cut(rest, tableEnd)
	if !started || !ended {
		t.Fatalf("%s lacks one of the lines\n%s%s", path, tableStart, tableEnd)
	}
	want := "\n" + variablesTable() + "\n"
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s: the table of variables is out of step: run this test with -update\ngot:\n%s\nwant:\n%s", path, got, want)
	}
	if err := os.WriteFile(path, []byte(before+tableStart+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// variablesTable returns the table of config.Variables in Markdown.
func variablesTable() string {
	var table strings.Builder
	row := func(cells ...string) {
		for _, cell := range cells {
			fmt.Fprint(&table, "| ", strings.ReplaceAll(cell, "|", `\|`), " ")
		}
		table.WriteString("|\n")
	}
	row("Variable", "Meaning", "Expects", "Default", "Flag")
	row("---", "---", "---", "---", "---")
	for _, v := range config.Variables() {
		shown := v.Default
		if shown == "" {
			shown = "–"
		}
		overriding := "–"
		if v.Flag != "" {
			overriding = "`--" + v.Flag + "`"
		}
		row("`"+v.Name+"`", v.Meaning, v.Expects, shown, overriding)
	}
	return table.String()
}
