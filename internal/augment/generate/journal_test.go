package generate_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/augment/generate"
)

const row = `{"doc_id":"a","lang":"en","text":"Who?"}`

func TestOpenJournal(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"new":                {"", "", ""},
		"whole":              {row + "\n", row + "\n", ""},
		"torn":               {row + "\n" + row[:20], row + "\n", ""},
		"torn at once":       {row[:3], "", ""},
		"no line end":        {row + "\n" + row, row + "\n" + row + "\n", ""},
		"fault within":       {row[:20] + "\n" + row + "\n", "", "queries.jsonl:1: it is not a JSON object"},
		"somebody's notes":   {"buy milk", "", "its last line is no row"},
		"another JSON file":  {`{"doc_id":[]}`, "", "its last line is no row"},
		"numbered documents": {`{"doc":0,"lang":"en","text":"Who?"}` + "\n", "", `"doc" is 0, but there are 0 documents`},
	} {
		path := journalPath(t)
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		journal, err := generate.OpenJournal(path)
		if err == nil {
			err = journal.Close()
		}
		after, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || string(after) != c.before {
				t.Errorf("%s: %v, want %q; the file is %q", name, err, c.want, after)
			}
		} else if err != nil || string(after) != c.after {
			t.Errorf("%s: %v; the file is %q, want %q", name, err, after, c.after)
		}
	}
	if _, err := generate.OpenJournal(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

func TestJournalLocked(t *testing.T) {
	path := journalPath(t)
	first := open(t, path)
	if _, err := generate.OpenJournal(path); err == nil || !strings.Contains(err.Error(), "another process writes") {
		t.Errorf("opened twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
}

// Whatever a journal holds: it opens with whole rows, or is left as it is.
func FuzzOpenJournal(f *testing.F) {
	for _, seed := range []string{"", row, row + "\n", row + "\n" + row[:30], `{"doc_id":`, "\x00\x00", "\n\n", "{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		path := journalPath(t)
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
		journal, err := generate.OpenJournal(path)
		if err == nil {
			err = journal.Append([]augment.Query{{DocID: "z", Chunk: 1, Lang: "en", Text: "Last?"}})
		}
		if err != nil {
			if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
				t.Fatalf("refused with %v, and %q became %q", err, before, after)
			}
			return
		}
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
		rows, err := augment.ReadFile(path, nil)
		if err != nil || rows[len(rows)-1].Text != "Last?" {
			t.Fatalf("%q gives %+v, %v", before, rows, err)
		}
	})
}
