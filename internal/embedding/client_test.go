package embedding_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
)

// client returns a client of server and the texts of each request so far.
func client(tb testing.TB, server *embeddingtest.Server, change func(*embedding.Config)) (c *embedding.Client, requests func() [][]string) {
	tb.Helper()
	var mu sync.Mutex
	var seen [][]string
	server.OnRequest = func(_ context.Context, texts []string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, slices.Clone(texts))
	}
	config := embedding.Config{
		BaseURL:   "http://endpoint.test/v1/",
		Model:     "hashed",
		Profile:   plainE5,
		Transport: embeddingtest.InMemory(tb, server),
	}
	if change != nil {
		change(&config)
	}
	return newClient(tb, config), func() [][]string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

func embed(tb testing.TB, c *embedding.Client, role embedding.Role, texts ...string) ([][]float32, embedding.Stats) {
	tb.Helper()
	vectors, stats, err := c.Embed(tb.Context(), role, texts)
	if err != nil {
		tb.Fatal(err)
	}
	return vectors, stats
}

func TestEqualTextsAreSentOnce(t *testing.T) {
	c, requests := client(t, embeddingtest.Hashed(dimensions), nil)
	texts := []string{"a", "b", "a", "a", "c", "b"}
	got, stats := embed(t, c, embedding.Query, texts...)
	wantHashed(t, embedding.Query, texts, got)
	if want := [][]string{{"query: a", "query: b", "query: c"}}; fmt.Sprint(requests()) != fmt.Sprint(want) {
		t.Errorf("requests %q, want %q", requests(), want)
	}
	if want := (embedding.Stats{Embedded: 3, Requests: 1, Tokens: 3}); stats != want {
		t.Errorf("stats %+v, want %+v", stats, want)
	}
}

func TestBatchesByCountAndSize(t *testing.T) {
	c, requests := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) {
		c.BatchSize, c.BatchRunes, c.Concurrency = 3, 30, 1
	})
	huge := strings.Repeat("ก", 100) // alone beyond BatchRunes
	embed(t, c, embedding.Query, "1", "2", "3", "4", huge, "5", "0123456789", "6")
	q := func(texts ...string) []string {
		for i, text := range texts {
			texts[i] = "query: " + text
		}
		return texts
	}
	want := [][]string{q("1", "2", "3"), q("4"), q(huge), q("5", "0123456789"), q("6")}
	if fmt.Sprint(requests()) != fmt.Sprint(want) {
		t.Errorf("requests %q\nwant %q", requests(), want)
	}
}

func TestNothingToDo(t *testing.T) {
	c, requests := client(t, embeddingtest.Hashed(dimensions), nil)
	if got, stats := embed(t, c, embedding.Query); len(got) != 0 || stats != (embedding.Stats{}) || len(requests()) != 0 {
		t.Errorf("%v, %+v, %d requests", got, stats, len(requests()))
	}
}

// Any batch gives the vectors that each of its texts gives alone.
func TestEmbedIsTextByText(t *testing.T) {
	server := embeddingtest.Hashed(dimensions)
	transport := embeddingtest.InMemory(t, server)
	store := openCache(t)
	rapid.Check(t, func(rt *rapid.T) {
		config := embedding.Config{
			BatchSize:   rapid.IntRange(1, 5).Draw(rt, "batch size"),
			BatchRunes:  rapid.IntRange(1, 60).Draw(rt, "batch runes"),
			Concurrency: rapid.IntRange(1, 4).Draw(rt, "concurrency"),
		}
		if rapid.Bool().Draw(rt, "cached") {
			config.Cache = store
		}
		config.BaseURL, config.Model, config.Profile, config.Transport = "http://endpoint.test/v1", "hashed", plainE5, transport
		c, err := embedding.New(config)
		if err != nil {
			rt.Fatal(err)
		}
		role := rapid.SampledFrom([]embedding.Role{embedding.Query, embedding.Passage}).Draw(rt, "role")
		texts := rapid.SliceOfN(rapid.StringMatching(`[a-dก-ค]{1,4}`), 0, 20).Draw(rt, "texts")
		got, stats, err := c.Embed(t.Context(), role, texts)
		if err != nil {
			rt.Fatal(err)
		}
		distinct := slices.Compact(slices.Sorted(slices.Values(texts)))
		if len(got) != len(texts) || stats.Embedded+stats.Cached != len(distinct) {
			rt.Fatalf("%d vectors for %d texts, %d of them distinct: %+v", len(got), len(texts), len(distinct), stats)
		}
		for i, text := range texts {
			if !slices.Equal(got[i], embeddingtest.HashedVector(dimensions, role, text)) {
				rt.Fatalf("text %d, %q, got another vector", i, text)
			}
		}
	})
}

func TestBadTexts(t *testing.T) {
	c, requests := client(t, embeddingtest.Hashed(dimensions), nil)
	for _, tt := range []struct{ text, want string }{
		{"", "text 1 is blank"},
		{" \t\n\u3000", "text 1 is blank"},
		{"a\xffb", "text 1 is not valid UTF-8"},
	} {
		_, _, err := c.Embed(t.Context(), embedding.Passage, []string{"fine", tt.text})
		wantIn(t, err, tt.want)
	}
	_, _, err := c.Embed(t.Context(), embedding.Role(7), []string{"fine"})
	wantIn(t, err, "role 7")
	if n := len(requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	var logs bytes.Buffer
	c, requests := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) {
		c.Profile.MaxRunes = 5
		c.Logger = slog.New(slog.NewTextHandler(&logs, nil))
	})
	_, first := embed(t, c, embedding.Passage, "ไทยไทยไทย", "short")
	_, second := embed(t, c, embedding.Passage, "0123456")
	if first.Cut != 1 || second.Cut != 1 {
		t.Errorf("cut %d and %d texts, want 1 each", first.Cut, second.Cut)
	}
	if want := [][]string{{"passage: ไทยไท", "passage: short"}, {"passage: 01234"}}; fmt.Sprint(requests()) != fmt.Sprint(want) {
		t.Errorf("requests %q, want %q", requests(), want)
	}
	if n := strings.Count(logs.String(), "embedded in part"); n != 1 {
		t.Errorf("logged %d times: %s", n, &logs)
	}
}

func TestCacheSparesTheEndpoint(t *testing.T) {
	store := openCache(t)
	texts := []string{"a", "b", "c"}
	c, _ := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) { c.Cache = store })
	first, _ := embed(t, c, embedding.Passage, texts...)

	// Another client, as another process would have; one new text.
	c, requests := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) { c.Cache = store })
	second, stats := embed(t, c, embedding.Passage, texts...)
	for i := range texts {
		if !slices.Equal(first[i], second[i]) {
			t.Errorf("text %d has another vector from the cache", i)
		}
	}
	if want := (embedding.Stats{Cached: 3}); stats != want || len(requests()) != 0 {
		t.Errorf("stats %+v, want %+v; %d requests", stats, want, len(requests()))
	}
	if _, stats = embed(t, c, embedding.Passage, "a", "new"); stats.Embedded != 1 || stats.Cached != 1 {
		t.Errorf("stats %+v, want one new text", stats)
	}
}

func TestCacheIsNotSharedAcrossInputs(t *testing.T) {
	store := openCache(t)
	base := plainE5
	profile := func(change func(*embedding.Profile)) func(*embedding.Config) {
		return func(c *embedding.Config) {
			c.Profile = base
			change(&c.Profile)
		}
	}
	for name, change := range map[string]func(*embedding.Config){
		"base":           func(*embedding.Config) {},
		"model":          func(c *embedding.Config) { c.Model = "other" },
		"prefix":         profile(func(p *embedding.Profile) { p.QueryPrefix = "search: " }),
		"no prefix":      profile(func(p *embedding.Profile) { p.QueryPrefix = "" }),
		"body":           profile(func(p *embedding.Profile) { p.QueryBody = map[string]any{"input_type": "query"} }),
		"ask dimensions": profile(func(p *embedding.Profile) { p.RequestDimensions = true }),
	} {
		c, _ := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) {
			change(c)
			c.Cache = store
		})
		if _, stats := embed(t, c, embedding.Query, "text"); stats.Cached != 0 || stats.Embedded != 1 {
			t.Errorf("%s: %+v, want a miss", name, stats)
		}
	}
	// The same input in the other role.
	c, _ := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) {
		profile(func(p *embedding.Profile) { p.PassagePrefix = p.QueryPrefix })(c)
		c.Cache = store
	})
	if _, stats := embed(t, c, embedding.Passage, "text"); stats.Cached != 0 {
		t.Errorf("roles: %+v, want a miss", stats)
	}
}

func TestFailingCacheNeverFailsTheWork(t *testing.T) {
	store := openCache(t)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	c, _ := client(t, embeddingtest.Hashed(dimensions), func(c *embedding.Config) {
		c.Cache = store
		c.BatchSize = 1
		c.Logger = slog.New(slog.NewTextHandler(&logs, nil))
	})
	for range 2 {
		got, _ := embed(t, c, embedding.Query, "a", "b", "c")
		wantHashed(t, embedding.Query, []string{"a", "b", "c"}, got)
	}
	if n := strings.Count(logs.String(), "without its cache"); n != 1 {
		t.Errorf("logged %d times: %s", n, &logs)
	}
}

// What the endpoint receives, byte for byte apart from the order of keys.
func TestRequestOnTheWire(t *testing.T) {
	var got map[string]any
	var authorization string
	server := embeddingtest.Hashed(256)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Get("Authorization")
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		if err := json.Unmarshal(body.Bytes(), &got); err != nil {
			t.Error(err)
		}
		r.Body = readCloser(body.Bytes())
		server.ServeHTTP(w, r)
	})
	profile := embedding.ProfileFor("jinaai/jina-embeddings-v3")
	profile.Dimensions = 256
	c := newClient(t, embedding.Config{
		BaseURL: "http://endpoint.test/v1", APIKey: "k", Model: "jina-embeddings-v3", Profile: profile,
		Transport: embeddingtest.InMemory(t, handler),
	})
	embed(t, c, embedding.Passage, "text")
	want := map[string]any{
		"input": []any{"text"}, "model": "jina-embeddings-v3", "encoding_format": "float",
		"dimensions": 256.0, "task": "retrieval.passage",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("request %v\nwant %v", got, want)
	}
	if authorization != "Bearer k" {
		t.Errorf("Authorization %q", authorization)
	}
}

// Without dimensions in the profile the first vector settles them.
func TestDimensionsAreLearned(t *testing.T) {
	narrow, wide := embeddingtest.Hashed(dimensions), embeddingtest.Hashed(2*dimensions)
	answers := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answers++; answers == 1 {
			narrow.ServeHTTP(w, r)
			return
		}
		wide.ServeHTTP(w, r)
	})
	c := newClient(t, embedding.Config{
		BaseURL: "http://endpoint.test/v1", Model: "m", MaxAttempts: 1, Transport: embeddingtest.InMemory(t, handler),
	})
	if got := c.Identity().Dimensions; got != 0 {
		t.Errorf("%d dimensions before the first vector", got)
	}
	embed(t, c, embedding.Query, "a")
	if got := c.Identity().Dimensions; got != dimensions {
		t.Errorf("%d dimensions, want %d", got, dimensions)
	}
	_, _, err := c.Embed(t.Context(), embedding.Query, []string{"b"})
	wantIn(t, err, "32 dimensions, want 16", `"m"`)
}

func TestNewRefuses(t *testing.T) {
	good := embedding.Config{BaseURL: "https://api.test/v1", Model: "m"}
	if _, err := embedding.New(good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*embedding.Config)
		want   string
	}{
		{"no model", func(c *embedding.Config) { c.Model = "" }, "EMBEDDING_MODEL"},
		{"no URL", func(c *embedding.Config) { c.BaseURL = "" }, "EMBEDDING_BASE_URL or OPENAI_BASE_URL"},
		{"no scheme", func(c *embedding.Config) { c.BaseURL = "localhost:8000/v1" }, "http or https"},
		{"no host", func(c *embedding.Config) { c.BaseURL = "http:///v1" }, "no host"},
		{"query", func(c *embedding.Config) { c.BaseURL = "http://h/v1?api-key=s3cret" }, "query"},
		{"unreadable", func(c *embedding.Config) { c.BaseURL = "http://u:s3cret@h:port/" }, "cannot be read"},
		{"key with line break", func(c *embedding.Config) { c.APIKey = "s3cret\n" }, "line break"},
		{"reserved field", func(c *embedding.Config) { c.Profile.QueryBody = map[string]any{"input": 1} }, `"input"`},
		{"unencodable field", func(c *embedding.Config) { c.Profile.PassageBody = map[string]any{"f": func() {}} }, "passage"},
		{"negative dimensions", func(c *embedding.Config) { c.Profile.Dimensions = -1 }, "negative"},
		{"unknown dimensions", func(c *embedding.Config) { c.Profile.RequestDimensions = true }, "how many"},
		{"bad prefix", func(c *embedding.Config) { c.Profile.QueryPrefix = "\xff" }, "UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := good
			tt.change(&config)
			_, err := embedding.New(config)
			wantIn(t, err, tt.want)
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q shows a secret", err)
			}
		})
	}
}

func openCache(t *testing.T) *cache.Cache {
	t.Helper()
	store, err := cache.Open(filepath.Join(t.TempDir(), "cache.db"), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}
