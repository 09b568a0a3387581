package corpus_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
)

func TestPassages(t *testing.T) {
	d := corpus.Document{ID: "d", Lang: "en", Title: "T", Text: "One two. " + strings.Repeat("\n", 30) + "Six ten.", Metadata: map[string]any{"n": int64(1)}}
	got := corpus.Chunking{MaxRunes: 10}.Passages(d)
	if len(got) != 2 {
		t.Fatalf("%d passages, want 2 without the blank ones: %+v", len(got), got)
	}
	for i, p := range got {
		if p.Chunk != i || p.Chunks != 2 || p.DocID != "d" || p.Lang != "en" || p.Title != "T" || p.Metadata["n"] != int64(1) {
			t.Errorf("passage %d: %+v", i, p)
		}
	}
	if !strings.HasPrefix(got[0].Text, "One two. ") || !strings.HasSuffix(got[1].Text, "Six ten.") {
		t.Errorf("texts %q, %q", got[0].Text, got[1].Text)
	}
	if whole := corpus.DefaultChunking.Passages(d); len(whole) != 1 || whole[0].Text != d.Text || whole[0].Chunks != 1 {
		t.Errorf("a short document: %+v", whole)
	}
}

func TestEmbeddingText(t *testing.T) {
	for _, tc := range []struct {
		title     string
		withTitle bool
		want      string
	}{{"T", true, "T\nx"}, {"T", false, "x"}, {"", true, "x"}, {" \n", true, "x"}} {
		if got := (corpus.Passage{Title: tc.title, Text: "x"}).EmbeddingText(tc.withTitle); got != tc.want {
			t.Errorf("title %q, %v: %q, want %q", tc.title, tc.withTitle, got, tc.want)
		}
	}
}

func TestContentHash(t *testing.T) {
	base := corpus.Passage{DocID: "d", Lang: "en", Title: "ab", Text: "c", Chunk: 0, Chunks: 1, Metadata: map[string]any{"a": int64(1), "b": "x"}}
	// The hash of an index must be that of the next run.
	if got, want := base.ContentHash(), "76f40769f1c3aabd1d0488307beb495fc3d95514a2b734d5dbe3be0881d210bb"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	seen := map[string]string{base.ContentHash(): "base"}
	for name, change := range map[string]func(*corpus.Passage){
		"lang":            func(p *corpus.Passage) { p.Lang = "th" },
		"title":           func(p *corpus.Passage) { p.Title = "" },
		"shifted":         func(p *corpus.Passage) { p.Title, p.Text = "a", "bc" },
		"text":            func(p *corpus.Passage) { p.Text = "c " },
		"chunk":           func(p *corpus.Passage) { p.Chunk = 1 },
		"chunks":          func(p *corpus.Passage) { p.Chunks = 2 },
		"no metadata":     func(p *corpus.Passage) { p.Metadata = nil },
		"metadata value":  func(p *corpus.Passage) { p.Metadata = map[string]any{"a": int64(2), "b": "x"} },
		"metadata number": func(p *corpus.Passage) { p.Metadata = map[string]any{"a": "1", "b": "x"} },
	} {
		p := base
		change(&p)
		if other, twice := seen[p.ContentHash()]; twice {
			t.Errorf("%s hashes like %s", name, other)
		}
		seen[p.ContentHash()] = name
	}
}

func TestPointID(t *testing.T) {
	// Stored collections hold these ids.
	if got, want := corpus.PointID("docs", "th", "0-0", 0), "b2324fe7-6723-5d86-9395-b5c6cd073e48"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	seen := make(map[string]bool)
	for _, id := range []string{
		corpus.PointID("docs", "th", "1", 0), corpus.PointID("docs", "th", "1", 1), corpus.PointID("docs", "th", "10", 0),
		corpus.PointID("docs", "zh", "1", 0), corpus.PointID("doc", "sth", "1", 0), corpus.PointID("", "docsth", "1", 0),
	} {
		if seen[id] {
			t.Errorf("%s comes twice", id)
		}
		seen[id] = true
	}
}
