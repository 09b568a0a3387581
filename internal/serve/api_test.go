package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/query-synergy/query-synergy/internal/filter"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// The OpenAPI file names every route that there is, and no other.
func TestEveryRouteIsInTheFile(t *testing.T) {
	a := newAPI(t)
	doc, err := openapi3.NewLoader().LoadFromData(serve.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			got := a.do(request(method, path, "{}"))
			if got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed {
				t.Errorf("the file names %s %s: status %d", method, path, got.status)
			}
		}
		if got := a.do(request(http.MethodPatch, path, "")); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") == "" {
			t.Errorf("PATCH %s: status %d, Allow %q", path, got.status, got.header.Get("Allow"))
		}
	}
	// The other way round, every answer of every test is looked up in the file.
	if got := a.get("/openapi.yaml"); string(got.body) != string(serve.OpenAPI) {
		t.Error("GET /openapi.yaml is not the file")
	}
	codes := doc.Components.Schemas["Error"].Value.Properties["error"].Value.Properties["code"].Value.Enum
	var want []any
	for code := range serve.Statuses {
		want = append(want, string(code))
	}
	byText := func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	slices.SortFunc(codes, byText)
	slices.SortFunc(want, byText)
	if !slices.Equal(codes, want) {
		t.Errorf("the file's error codes are %v, want %v", codes, want)
	}
}

// The request of the file has the fields of the one that is decoded.
func TestRequestIsInTheFile(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(serve.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	lambda := 0.5
	full := decode[map[string]any](t, []byte(encode(t, service.Request{
		Corpus: "c", Query: "q", Lang: "th", Langs: []string{"th"}, Anchor: "a", AnchorLang: "en", MoreAnchors: []service.Text{{Lang: "el", Text: "x"}},
		Lambda: &lambda, Weights: []float64{1, 0}, TopK: 1, Strategy: "fused", Trust: "0.5", RequireAnchor: true, AnchorTimeout: 1e9, Filter: "a = 1", Approximate: new(bool), Explain: true, Compare: true,
	})))
	got := slices.Sorted(maps.Keys(doc.Components.Schemas["Request"].Value.Properties))
	if want := slices.Sorted(maps.Keys(full)); !slices.Equal(got, want) {
		t.Errorf("the file's request has %v, want %v", got, want)
	}
}

// The API answers with the object that the pipeline gives, field by field.
func TestSearchIsThePipelines(t *testing.T) {
	a := newAPI(t)
	text, anchor := question(t, "th", 3)
	searcher := search.Searcher{Store: a.backend.Store, Embedder: a.backend.Client}
	want, err := searcher.Run(t.Context(), search.Query{
		Corpus: servetest.Corpus, Lang: "th", Text: text, Anchor: anchor, AnchorLang: "en", Lambda: 0.6, TopK: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "anchor": anchor, "lambda": 0.6, "top_k": 5})
	if got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	if a, b := withoutTimings(t, got.body), withoutTimings(t, []byte(encode(t, want))); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if len(want.Hits) != 5 || !want.Certified {
		t.Errorf("%d hits, certified %v", len(want.Hits), want.Certified)
	}
}

// Defaults: the language is detected, λ is the tuned one, ten documents.
func TestDefaults(t *testing.T) {
	a := newAPI(t)
	text, _ := question(t, "el", 0)
	r := decode[search.Result](t, a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "query": text}).body)
	if r.Lang != "el" || r.Detected == nil || r.TopK != search.DefaultTopK || r.Anchor.Status != search.StatusNone || r.Lambda != 1 {
		t.Errorf("%+v", r)
	}
	both := decode[search.Result](t, a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "query": text, "lang": "all"}).body)
	if len(both.Langs) != 2 {
		t.Errorf("all languages: %+v", both.Langs)
	}
	other := decode[search.Result](t, a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "query": text, "lang": "el", "langs": []string{"th"}}).body)
	if other.Lang != "el" || len(other.Hits) == 0 || other.Hits[0].Lang != "th" {
		t.Errorf("a Greek query in Thai documents: %+v", other.Hits)
	}
}

// With compare, each list is what that query alone ranks, and both cosines of a
// hit give its score at any λ.
func TestCompare(t *testing.T) {
	a := newAPI(t)
	text, anchor := question(t, "th", 7)
	ask := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "anchor": anchor, "top_k": 4, "compare": true}
	r := decode[search.Result](t, a.post("/v1/search", ask).body)
	if r.Compare == nil {
		t.Fatal("nothing is compared")
	}
	delete(ask, "compare")
	for lambda, list := range map[float64][]search.Hit{1: r.Compare.Source, 0: r.Compare.Anchor, servetest.Lambda: r.Hits} {
		ask["lambda"] = lambda
		want := decode[search.Result](t, a.post("/v1/search", ask).body)
		if encode(t, list) != encode(t, want.Hits) {
			t.Errorf("λ = %v: %s, want %s", lambda, encode(t, list), encode(t, want.Hits))
		}
		for _, hit := range list {
			if at := lambda*hit.Source + (1-lambda)**hit.Anchor; math.Abs(at-hit.Score) > 1e-12 {
				t.Errorf("λ = %v: score %v of %s, its cosines make %v", lambda, hit.Score, hit.ID, at)
			}
		}
	}
	none := a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "compare": true})
	if r := decode[search.Result](t, none.body); r.Compare != nil || len(r.Hits) == 0 {
		t.Errorf("without an anchor: %s", none.body)
	}
}

// The anchor alone is compared in full, even where the translator is not trusted.
func TestCompareIsUnjudged(t *testing.T) {
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = servetest.NewTranslator(t) })
	text, anchor := question(t, "th", 7)
	ask := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "trust": 0.5, "compare": true}
	judged := decode[search.Result](t, a.post("/v1/search", ask).body)
	if judged.Anchor.Judgement == nil || judged.Compare == nil {
		t.Fatalf("%+v", judged.Anchor)
	}
	given := decode[search.Result](t, a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "anchor": anchor, "lambda": 0}).body)
	if encode(t, judged.Compare.Anchor) != encode(t, given.Hits) {
		t.Errorf("anchor alone: %s, want %s", encode(t, judged.Compare.Anchor), encode(t, given.Hits))
	}
}

// A request's filter holds beside the server's.
func TestFilter(t *testing.T) {
	text, _ := question(t, "th", 0)
	ask := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "top_k": 48, "filter": "theme = science"}
	open := newAPI(t)
	some := decode[search.Result](t, open.post("/v1/search", ask).body)
	if len(some.Hits) == 0 || len(some.Hits) == 48 || some.Filter == "" || !some.Certified {
		t.Fatalf("%d hits, filter %q", len(some.Hits), some.Filter)
	}
	for _, hit := range some.Hits {
		if hit.Metadata["theme"] != "science" {
			t.Errorf("hit %s has the theme %v", hit.ID, hit.Metadata["theme"])
		}
	}
	other, err := filter.Parse("theme != science")
	if err != nil {
		t.Fatal(err)
	}
	closed := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Read.Filter = other })
	if none := decode[search.Result](t, closed.post("/v1/search", ask).body); len(none.Hits) != 0 {
		t.Errorf("%d hits get around the server's filter", len(none.Hits))
	}
	ask["approximate"] = true
	if r := decode[search.Result](t, open.post("/v1/search", ask).body); !r.Approximate || r.Certified {
		t.Errorf("approximate %v, certified %v", r.Approximate, r.Certified)
	}
}

func TestExplain(t *testing.T) {
	a := newAPI(t)
	text, anchor := question(t, "th", 0)
	ask := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "anchor": anchor}
	r := decode[search.Result](t, a.post("/v1/explain", ask).body)
	if r.Explain == nil || len(r.Explain.Searches) != 1 || len(r.Hits[0].Explain.Shares) != 2 {
		t.Errorf("%+v", r.Explain)
	}
}

func TestCorpora(t *testing.T) {
	a := newAPI(t)
	got := decode[struct{ Corpora []service.Corpus }](t, a.get("/v1/corpora").body).Corpora
	if len(got) != 2 || got[0].Lang != "el" || got[1].Lang != "th" || got[1].Documents != 48 || got[1].Passages != 48 || got[1].Dimensions != 384 {
		t.Errorf("%+v", got)
	}
}

// A stream has the source's ranking while the translator is at work, and then
// what the API without events answers.
func TestStream(t *testing.T) {
	translator := servetest.NewTranslator(t)
	seen := make(chan struct{})
	var once bool
	translator.OnRequest = func(ctx context.Context, _ int64) error {
		if once {
			return nil
		}
		once = true
		select { // until the first event is there
		case <-seen:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = translator })
	text, anchor := question(t, "th", 3)
	body := encode(t, map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "top_k": 5})
	r := request(http.MethodPost, "/v1/search", body)
	r.Header.Set("Accept", "text/event-stream")
	w := &firstWrite{seen: seen, header: http.Header{}}
	a.handler.ServeHTTP(w, r)
	a.check(r, answer{w.status, w.header, w.body})
	all := events(t, w.body)
	if names(all) != "[source result]" || w.header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("events %s: %s", names(all), w.body)
	}
	alone, fused := decode[search.Result](t, all[0].data), decode[search.Result](t, all[1].data)
	if alone.Anchor.Status != search.StatusPending || alone.Lambda != 1 || fused.Anchor.Text != anchor {
		t.Errorf("source event %+v, result event %+v", alone.Anchor, fused.Anchor)
	}
	plain := decode[search.Result](t, a.post("/v1/search", body).body)
	if encode(t, plain.Hits) != encode(t, fused.Hits) {
		t.Error("the stream ends with another ranking than the API")
	}
	sourceOnly := decode[search.Result](t, a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "top_k": 5, "anchor": anchor, "lambda": 1}).body)
	for i, hit := range alone.Hits {
		if hit.ID != sourceOnly.Hits[i].ID || hit.Score != sourceOnly.Hits[i].Score {
			t.Errorf("hit %d of the source event is %s, want %s", i, hit.ID, sourceOnly.Hits[i].ID)
		}
	}
}

// firstWrite tells when the first byte came.
type firstWrite struct {
	seen   chan struct{}
	header http.Header
	status int
	body   []byte
}

func (w *firstWrite) Header() http.Header    { return w.header }
func (w *firstWrite) WriteHeader(status int) { w.status = status }
func (w *firstWrite) Flush()                 {}
func (w *firstWrite) Write(p []byte) (int, error) {
	if w.body == nil {
		close(w.seen)
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// A stream's failures: before the first event with a status, after it as event.
func TestStreamFails(t *testing.T) {
	translator := servetest.NewTranslator(t)
	translator.OnRequest = func(context.Context, int64) error { return servetest.ErrDown }
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = translator })
	text, anchor := question(t, "th", 3)
	stream := func(body map[string]any) answer {
		r := request(http.MethodPost, "/v1/search", encode(t, body))
		r.Header.Set("Accept", "text/event-stream")
		return a.do(r)
	}
	ask := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text}
	all := events(t, stream(ask).body)
	if r := decode[search.Result](t, all[len(all)-1].data); names(all) != "[source result]" || r.Anchor.Status != search.StatusUnavailable {
		t.Errorf("a translator that is down: %s, %+v", names(all), r.Anchor)
	}
	ask["require_anchor"] = true
	all = events(t, stream(ask).body)
	if f := decode[failure](t, all[len(all)-1].data); names(all) != "[source error]" || f.Error.Code != "anchor_missing" {
		t.Errorf("a required anchor: %s, %+v", names(all), f)
	}
	ask["anchor"] = anchor
	if all = events(t, stream(ask).body); names(all) != "[result]" {
		t.Errorf("a given anchor: %s", names(all))
	}
	ask["corpus"] = "nothing"
	stream(ask).wantError(t, http.StatusNotFound, "not_found")
}

// What each mistake is called, and what it says.
func TestErrors(t *testing.T) {
	a := newAPI(t)
	asked, _ := question(t, "th", 0)
	good := func(change string, value any) string {
		fields := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": asked}
		fields[change] = value
		return encode(t, fields)
	}
	for _, c := range []struct {
		name, body string
		status     int
		code, says string
	}{
		{"empty", " ", 400, "invalid_request", "the body is empty"},
		{"no object", "[]", 400, "invalid_request", "want a JSON object"},
		{"broken", `{"corpus":`, 400, "invalid_request", "ends too early"},
		{"no JSON", `{"corpus": x}`, 400, "invalid_request", "no JSON from byte"},
		{"NaN", `{"corpus":"sample","query":"q","lambda":NaN}`, 400, "invalid_request", "no JSON from byte"},
		{"infinite", `{"corpus":"sample","query":"q","lambda":1e999}`, 400, "invalid_request", "lambda: want a number"},
		{"two objects", good("top_k", 1) + "{}", 400, "invalid_request", "something follows"},
		{"twice", `{"corpus":"a","corpus":"b","query":"q"}`, 400, "invalid_request", `"corpus" is there twice`},
		{"null", `{"corpus":"sample","query":null}`, 400, "invalid_request", "query: null"},
		{"UTF-8", "{\"corpus\":\"sample\",\"query\":\"\xff\"}", 400, "invalid_request", "not valid UTF-8"},
		{"unknown field", good("lambada", 1), 400, "invalid_request", `unknown field "lambada"`},
		{"another case", good("Top_K", 1), 400, "invalid_request", `unknown field "Top_K"`},
		{"nothing asked", `{}`, 400, "invalid_request", "corpus: is needed"},
		{"no query", good("query", "   "), 400, "invalid_request", "the query is empty"},
		{"long query", good("query", strings.Repeat("ก", 8193)), 400, "invalid_request", "more than 8192 characters"},
		{"type", good("top_k", "ten"), 400, "invalid_request", "top_k: want a whole number"},
		{"fraction", good("top_k", 1.5), 400, "invalid_request", "top_k: want a whole number"},
		{"zero", good("top_k", 0), 400, "invalid_request", "top_k"},
		{"huge", good("top_k", 1<<30), 400, "invalid_request", "top_k: want a whole number from 1 to 1000"},
		{"beyond", good("top_k", 1e300), 400, "invalid_request", "top_k: want a whole number"},
		{"lambda", good("lambda", 1.1), 400, "invalid_request", "lambda is 1.1"},
		{"trust", good("trust", "never"), 400, "invalid_request", "trust: want"},
		{"trust number", good("trust", 2), 400, "invalid_request", "trust: want"},
		{"strategy", good("strategy", "luck"), 400, "invalid_request", "strategy: want union"},
		{"weights", good("weights", []float64{0.5}), 400, "invalid_request", "1 weights, want 2"},
		{"timeout", good("anchor_timeout", "1h"), 400, "invalid_request", "anchor_timeout: want a duration"},
		{"long timeout", good("anchor_timeout", "100s"), 400, "invalid_request", "anchor_timeout: want a duration from 1ms to 2s"},
		{"lang", good("lang", "xx-nothing"), 400, "invalid_request", "lang: "},
		{"langs", good("langs", []string{"th", "th"}), 400, "invalid_request", "langs: "},
		{"all and some", `{"corpus":"sample","query":"q","lang":"all","langs":["th"]}`, 400, "invalid_request", "all searches every"},
		{"filter", good("filter", "year >="), 400, "invalid_request", "filter, at character"},
		{"anchors", good("more_anchors", []any{map[string]any{"lang": "en", "text": "q"}}), 400, "invalid_request", "more_anchors: want an anchor"},
		{"anchor's field", good("more_anchors", []any{map[string]any{"lang": "en", "txt": "q"}}), 400, "invalid_request", `unknown field "txt"`},
		{"corpus name", good("corpus", "../../etc/passwd"), 400, "invalid_request", "corpus name"},
		{"corpus", good("corpus", "nothing"), 404, "not_found", "no such index"},
		{"corpus, language open", `{"corpus":"nothing","query":"q"}`, 404, "not_found", `corpus "nothing" has no index`},
		{"language", good("lang", "tr"), 404, "not_found", "no such index"},
		{"unclear", `{"corpus":"sample","query":"123"}`, 422, "language_unclear", "not clear"},
		{"no anchor", good("require_anchor", true), 422, "anchor_missing", "none was given"},
		{"not recorded", good("query", "this has no recorded vector"), 502, "embedding_unavailable", "could not be embedded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := a.post("/v1/search", c.body).wantError(t, c.status, c.code)
			if !strings.Contains(f.Error.Message, c.says) {
				t.Errorf("message %q, want %q in it", f.Error.Message, c.says)
			}
			if strings.Contains(fmt.Sprint(f), "127.0.0.1") || strings.Contains(fmt.Sprint(f), "/tmp") {
				t.Errorf("%+v tells an address or a path", f)
			}
		})
	}
	a.do(request(http.MethodGet, "/v2/search", "")).wantError(t, 404, "not_found")
	a.do(request(http.MethodGet, "/v1/search", "")).wantError(t, 405, "method_not_allowed")
	form := request(http.MethodPost, "/v1/search", good("top_k", 1))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.do(form).wantError(t, 415, "unsupported_media_type")
	packed := request(http.MethodPost, "/v1/search", good("top_k", 1))
	packed.Header.Set("Content-Encoding", "gzip")
	a.do(packed).wantError(t, 415, "unsupported_media_type")
}

// Why an anchor is missing is told without the translator's address, which the
// log has.
func TestAnchorErrorTellsNoAddress(t *testing.T) {
	translator := servetest.NewTranslator(t)
	translator.OnRequest = func(context.Context, int64) error { return servetest.ErrDown }
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = translator })
	text, _ := question(t, "th", 3)
	got := a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text})
	r := decode[search.Result](t, got.body)
	if r.Anchor.Status != search.StatusUnavailable || r.Anchor.Error == "" || strings.Contains(string(got.body), "10.1.2.3") {
		t.Errorf("%+v", r.Anchor)
	}
	if !strings.Contains(a.log.String(), "10.1.2.3") {
		t.Error("the log does not say why either")
	}
}

func TestHealthReadyMetrics(t *testing.T) {
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = servetest.NewTranslator(t) })
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := a.get(path); got.status != http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
		}
		if got := a.do(request(http.MethodHead, path, "")); got.status != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, got.status)
		}
	}
	text, _ := question(t, "th", 3)
	for range 2 {
		a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text})
	}
	a.post("/v1/search", "{}")
	a.do(request("BREW", "/v1/search", ""))
	metrics := string(a.get("/metrics").body)
	for _, want := range []string{
		`query_synergy_http_requests_total{method="POST",route="/v1/search",status="200"} 2`,
		`query_synergy_http_requests_total{method="other",route="/v1/search",status="405"} 1`,
		`query_synergy_errors_total{code="invalid_request"} 1`,
		`query_synergy_anchors_total{status="ok"} 2`,
		`query_synergy_answers_total{certified="true"} 2`,
		`query_synergy_embedded_texts_total{from="cache"} 2`,
		`query_synergy_http_in_flight 1`,
		`query_synergy_stage_seconds_count{stage="search"} 2`,
		`query_synergy_http_request_seconds_count{route="/v1/search"}`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if strings.Contains(metrics, text) || strings.Contains(metrics, "192.0.2.1") {
		t.Error("the metrics hold a query or a client")
	}
}

// The store's failure makes the server not ready, and says no more than that.
func TestNotReady(t *testing.T) {
	a := newAPI(t)
	if err := a.backend.Store.Close(); err != nil {
		t.Fatal(err)
	}
	a.get("/readyz").wantError(t, http.StatusServiceUnavailable, "store_unavailable")
	got := a.post("/v1/search", map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": "ถาม"})
	got.wantError(t, http.StatusServiceUnavailable, "store_unavailable")
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if got := a.get("/healthz"); got.status != http.StatusOK {
		t.Error("the process is well, but /healthz says otherwise")
	}
}

// The log follows a request and holds no query, unless that is wanted.
func TestLog(t *testing.T) {
	text, _ := question(t, "th", 3)
	for _, wanted := range []bool{false, true} {
		a := newAPI(t, func(o *serve.Options, _ *service.Options) { o.LogQueries = wanted })
		r := request(http.MethodPost, "/v1/search?q=secret", encode(t, map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text}))
		r.Header.Set("X-Request-Id", "abc-1.2_3")
		if got := a.do(r); got.header.Get("X-Request-Id") != "abc-1.2_3" {
			t.Errorf("the request's id became %q", got.header.Get("X-Request-Id"))
		}
		log := a.log.String()
		if strings.Contains(log, text) != wanted || strings.Contains(log, "secret") {
			t.Errorf("queries wanted: %v; the log:\n%s", wanted, log)
		}
		found := false
		for line := range strings.Lines(log) {
			var entry struct {
				Msg, Route, Method string
				Status             int
				RequestID          string `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Errorf("a line of the log is no JSON: %s", line)
			}
			found = found || entry.Msg == "request" && entry.RequestID == "abc-1.2_3" && entry.Status == 200 && entry.Route == "/v1/search"
		}
		if !found {
			t.Errorf("no line for the request:\n%s", log)
		}
	}
	a := newAPI(t)
	r := request(http.MethodGet, "/healthz", "")
	r.Header.Set("X-Request-Id", "evil\"id")
	if got := a.do(r); strings.Contains(got.header.Get("X-Request-Id"), "evil") {
		t.Error("a request's id is taken as it comes")
	}
}
