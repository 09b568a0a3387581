package serve_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
)

// endless is a body that never ends.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += int64(len(p))
	return len(p), nil
}

// A body beyond the bound is refused when the bound is read, on every path that
// takes one.
func TestLargeBodies(t *testing.T) {
	a := newAPI(t)
	for _, path := range []string{"/v1/search", "/v1/explain", "/mcp"} {
		huge := `{"corpus":"sample","query":"` + strings.Repeat("a", 10<<20) + `"}`
		a.post(path, huge).wantError(t, http.StatusRequestEntityTooLarge, "too_large")
		body := &endless{}
		r := httptest.NewRequest(http.MethodPost, path, io.MultiReader(strings.NewReader(`{"corpus":"`), body))
		r.Header.Set("Content-Type", "application/json")
		a.do(r).wantError(t, http.StatusRequestEntityTooLarge, "too_large")
		if body.read > 4<<20 {
			t.Errorf("%s: %d bytes of an endless body were read", path, body.read)
		}
	}
}

// Deep nesting, many fields and long names are refused without much work.
func TestStrangeJSON(t *testing.T) {
	a := newAPI(t)
	for name, body := range map[string]string{
		"deep arrays":  `{"corpus":"sample","query":"q","langs":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`,
		"deep objects": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"many fields":  manyFields(50_000),
		"long name":    `{"` + strings.Repeat("x", 500_000) + `":1}`,
		"many langs":   `{"corpus":"sample","query":"q","langs":[` + strings.Repeat(`"th",`, 50_000) + `"th"]}`,
		"many weights": `{"corpus":"sample","query":"q","weights":[` + strings.Repeat(`0,`, 50_000) + `1]}`,
		"a number":     `{"corpus":"sample","query":"q","top_k":` + strings.Repeat("9", 100_000) + `}`,
		"surrogate":    `{"corpus":"sample","query":"q","lang":"\ud800"}`,
		"zero":         "{\"corpus\":\"sample\",\"query\":\"q\",\"lang\":\"\\u0000\"}",
		"byte order":   "\ufeff{}",
		"overlong":     "{\"corpus\":\"sample\",\"query\":\"\xc0\xaf\"}",
		"UTF-16":       "{\x00}\x00",
		"JSON Lines":   "{}\n{}",
		"comment":      `{"corpus":"sample",/*x*/"query":"q"}`,
		"trailing":     `{"corpus":"sample","query":"q",}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := a.post("/v1/search", body)
			got.wantError(t, http.StatusBadRequest, "invalid_request")
			if len(got.body) > 2<<10 {
				t.Errorf("an answer of %d bytes: %.200s", len(got.body), got.body)
			}
		})
	}
}

func manyFields(n int) string {
	var out strings.Builder
	out.WriteString("{")
	for i := range n {
		fmt.Fprintf(&out, `"f%d":1,`, i)
	}
	return out.String() + `"corpus":"sample"}`
}

// Markup in a query, and in what comes back, stays text: nobody can take an
// answer for a page.
func TestMarkup(t *testing.T) {
	a := newAPI(t)
	const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>`
	for _, body := range []map[string]any{
		{"corpus": evil, "query": "q"},
		{"corpus": "sample", "lang": evil, "query": "q"},
		{evil: 1},
		{"corpus": "sample", "lang": "th", "query": evil},
	} {
		got := a.post("/v1/search", body)
		if got.status < 400 || got.header.Get("Content-Type") != "application/json" || bytes.Contains(got.body, []byte("<")) {
			t.Errorf("%v: status %d, %s: %s", body, got.status, got.header.Get("Content-Type"), got.body)
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("Content-Security-Policy: %q", policy)
		}
	}
}

// Paths that try to leave the tree, or to reach a route by another spelling,
// find nothing.
func TestPaths(t *testing.T) {
	a := newAPI(t)
	for _, path := range []string{
		"/../../etc/passwd", "/v1/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v1/%2e%2e/metrics", "//evil.example/", "/v1//search",
		"/v1/search/", "/V1/SEARCH", "/v1/search%00", "/v1/search;x=1", "/.git/config", "/mcp/x", "/debug/pprof/", "/v1/corpora/..%2f..%2fetc",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.URL.Path, r.URL.RawPath = path, ""
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			t.Errorf("%s: %d: %.100s", path, w.Code, w.Body)
		}
		if to := w.Header().Get("Location"); strings.Contains(to, "//") || strings.Contains(to, "evil") && !strings.HasPrefix(to, "/") {
			t.Errorf("%s redirects to %s", path, to)
		}
	}
}

// The largest answer that may be asked for.
func TestLargestAnswer(t *testing.T) {
	a := newAPI(t)
	text, anchor := question(t, "th", 0)
	got := a.post("/v1/search", map[string]any{
		"corpus": servetest.Corpus, "lang": "th", "query": text, "anchor": anchor, "top_k": search.MaxTopK, "compare": true, "explain": true,
	})
	if r := decode[search.Result](t, got.body); got.status != http.StatusOK || len(r.Hits) != 48 {
		t.Errorf("status %d, %d hits", got.status, len(r.Hits))
	}
}

// FuzzSearch sends any body to the handler: whatever it is, the answer is one
// that the OpenAPI file allows, and never an internal error.
func FuzzSearch(f *testing.F) {
	backend := servetest.New(f, "th")
	a := fuzzed(f, backend)
	text, anchor := question(f, "th", 0)
	f.Add([]byte(encode(f, map[string]any{"corpus": "sample", "lang": "th", "query": text, "anchor": anchor, "lambda": 0.5, "top_k": 3, "compare": true})), false)
	f.Add([]byte(`{"corpus":"sample","query":"`+text+`","langs":["th"],"weights":[0.5,0.5],"trust":0.5,"anchor_timeout":"1s"}`), true)
	f.Add([]byte(`{"corpus":"sample","query":"q","more_anchors":[{"lang":"en","text":"x"}],"anchor":"y","strategy":"fused","explain":true}`), true)
	f.Add([]byte(`{"corpus":"a","corpus":"b"}`), false)
	f.Add([]byte(`{"top_k":1e400,"lambda":-0,"trust":"always"}`), false)
	f.Add([]byte("\xff\xfe"), false)
	f.Fuzz(func(t *testing.T, body []byte, stream bool) {
		a.t = t
		r := httptest.NewRequest(http.MethodPost, "/v1/search", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if stream {
			r.Header.Set("Accept", "text/event-stream")
		}
		if got := a.do(r); got.status == http.StatusInternalServerError {
			t.Errorf("%q: %s", body, got.body)
		}
	})
}
