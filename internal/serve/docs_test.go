package serve_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// docs/api.md: its examples work, and its tables are the code's.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	a := newAPI(t)
	examples := regexp.MustCompile(`(?s)curl -sN? http://127\.0\.0\.1:8080(/\S+)(.*?)-d '(.*?)'`).FindAllStringSubmatch(string(text), -1)
	if len(examples) != 2 {
		t.Errorf("%d examples, want 2", len(examples))
	}
	for _, example := range examples {
		r := request(http.MethodPost, example[1], example[3])
		for _, header := range regexp.MustCompile(`-H '(.*?): (.*?)'`).FindAllStringSubmatch(example[2], -1) {
			r.Header.Set(header[1], header[2])
		}
		got := a.do(r)
		if got.status != http.StatusOK || !strings.Contains(string(got.body), `"certified":true`) {
			t.Errorf("%s: status %d: %s", example[0], got.status, got.body)
		}
	}

	_, fields, _ := strings.Cut(string(text), "| Field | Type | Meaning |\n|-|-|-|\n")
	fields, _, _ = strings.Cut(fields, "\n\n")
	var named, want []string
	for line := range strings.Lines(fields) {
		named = append(named, strings.Split(line, "`")[1])
	}
	of := reflect.TypeFor[service.Request]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		want = append(want, name)
	}
	slices.Sort(named)
	slices.Sort(want)
	if !slices.Equal(named, want) {
		t.Errorf("the table of fields has %v, want %v", named, want)
	}
	for code, status := range serve.Statuses {
		if code == service.CodeCanceled { // nobody sees it
			continue
		}
		if row := fmt.Sprintf("| %d | `%s` |", status, code); !strings.Contains(string(text), row) {
			t.Errorf("no row %s", row)
		}
	}
}
