package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/search"
)

// A model that fails every third passage, in whatever way, leaves the others
// their queries, says which have none, and the index is complete and answers.
func TestGeneratorFailsAThird(t *testing.T) {
	const docs = 12
	answer := func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"message": map[string]string{"role": "assistant", "content": text}, "finish_reason": "stop"}},
		})
	}
	for name, fault := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		reason augment.Reason // "": the endpoint failed
	}{
		"dies":            {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
		"hangs":           {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ""},
		"is a login page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><title>Sign in</title>") }, ""},
		"talks": {func(w http.ResponseWriter, _ *http.Request) {
			answer(w, "I'm sorry, but as an AI language model I cannot help with that request.")
		}, augment.ReasonChatter},
		"gives rubbish":  {func(w http.ResponseWriter, _ *http.Request) { answer(w, "--- ... !!") }, augment.ReasonEmpty},
		"speaks English": {func(w http.ResponseWriter, _ *http.Request) { answer(w, "What is it that this document is about?") }, augment.ReasonLanguage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := embeddingtest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var in struct {
					Seed     int
					Messages []struct{ Content string }
				}
				_ = json.NewDecoder(r.Body).Decode(&in)
				number, _ := strconv.Atoi(regexp.MustCompile(`Document (\d+)`).FindStringSubmatch(in.Messages[0].Content)[1])
				if number%3 == 0 {
					fault.answer(w, r)
					return
				}
				answer(w, fmt.Sprintf("第%d份文件的第%d个问题是什么？", number, in.Seed%1000))
			}))
			edition := newEdition(t, docs, func(int) int { return 1 })
			b := newBench(t, embeddingtest.Start(t, embeddingtest.Hashed(dimensions)))
			queries := filepath.Join(b.folder, "queries.jsonl")
			b = b.with("GENERATE_BASE_URL="+model, "GENERATE_MODEL=m", "GENERATE_TIMEOUT=300ms", "GENERATE_CACHE=off", "GENERATE_CONCURRENCY=4")
			out := b.run(t, "indexer", "generate", "--out", queries, "--langs", "zh", "-n", "2", "--lang", key.Lang, "--json", edition.file)
			if out.code != 3 {
				t.Fatalf("exit code %d, want 3:\n%s", out.code, out.stderr)
			}
			var report struct {
				Passages, Without, Failed int
				Refused                   map[augment.Reason]int
				Short                     []struct {
					DocID string `json:"doc_id"`
				}
			}
			decode(t, out.stdout, &report)
			failing := (report.Passages + 2) / 3 // each is one passage here
			if report.Passages != docs || report.Without != failing || len(report.Short) != failing {
				t.Errorf("%+v, want %d of %d without a query", report, failing, docs)
			}
			if failed := report.Failed == failing; failed != (fault.reason == "") || !failed && report.Refused[fault.reason] == 0 {
				t.Errorf("%d failed, refused are %v", report.Failed, report.Refused)
			}
			for _, s := range report.Short {
				if number, err := strconv.Atoi(strings.TrimPrefix(s.DocID, "doc-")); err != nil || number%3 != 0 {
					t.Errorf("%s is said to lack queries", s.DocID)
				}
			}
			if written, err := os.ReadFile(queries); err != nil || strings.Count(string(written), "\n") != 2*(docs-failing) {
				t.Errorf("%d rows, %v, want %d", strings.Count(string(written), "\n"), err, 2*(docs-failing))
			}

			indexed := b.run(t, "indexer", "--corpus", key.Corpus, "--lang", key.Lang, "--json",
				"--augment", queries, "--alpha", "0.1", "--hub", "0.1", "--mode", "multi", edition.file)
			if indexed.code != 0 {
				t.Fatalf("exit code %d:\n%s", indexed.code, indexed.stderr)
			}
			got := indexed.report(t)
			if got.Documents != docs || got.Written != docs || got.Augmented != docs-failing || got.Typical != failing {
				t.Errorf("%+v", got)
			}
			asked := b.run(t, "query", "--corpus", key.Corpus, "--lang", key.Lang, "--top-k", strconv.Itoa(docs), "--json", "stone")
			var result search.Result
			decode(t, asked.stdout, &result)
			found := map[string]bool{}
			for _, hit := range result.Hits {
				found[hit.ID] = true
			}
			if asked.code != 0 || !result.Certified || len(found) != docs {
				t.Errorf("exit code %d, %d documents, certified %v:\n%s", asked.code, len(found), result.Certified, asked.stderr)
			}
		})
	}
}
