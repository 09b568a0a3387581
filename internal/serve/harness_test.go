package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// api is the whole server in this process, over the sample corpus in Thai and
// Greek. Every answer is held against the OpenAPI file.
type api struct {
	t       *testing.T
	server  *serve.Server
	handler http.Handler
	service *service.Service
	backend *servetest.Backend
	log     *lockedBuffer
	spec    routers.Router
}

// lockedBuffer is a log that a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newBackend(t testing.TB) *servetest.Backend {
	t.Helper()
	return servetest.New(t, "th", "el")
}

func newAPI(t *testing.T, change ...func(*serve.Options, *service.Options)) *api {
	t.Helper()
	a := &api{t: t, backend: newBackend(t), log: &lockedBuffer{}}
	o, so := serve.Options{Rate: -1, Version: "test"}, service.Options{}
	for _, c := range change {
		c(&o, &so)
	}
	o.Log = slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Metrics = serve.NewMetrics(o.Log, o.LogQueries)
	so.Observer = o.Metrics
	a.service = a.backend.Service(so)
	o.Service = a.service
	var err error
	if a.server, err = serve.New(o); err != nil {
		t.Fatal(err)
	}
	a.handler = a.server.Handler()
	a.spec = newSpec(t)
	return a
}

// fuzzed is an api without logs, of a fuzz target.
func fuzzed(f *testing.F, backend *servetest.Backend) *api {
	f.Helper()
	a := &api{backend: backend, service: backend.Service(service.Options{}), spec: newSpec(f)}
	var err error
	if a.server, err = serve.New(serve.Options{Service: a.service, Rate: -1}); err != nil {
		f.Fatal(err)
	}
	a.handler = a.server.Handler()
	return a
}

func init() {
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.RegisteredBodyDecoder("text/plain"))
}

func newSpec(t testing.TB) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(serve.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil // any host
	if err := doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do asks the server, and holds the answer against the OpenAPI file.
func (a *api) do(r *http.Request) answer {
	a.t.Helper()
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	got := answer{w.Code, w.Result().Header, w.Body.Bytes()}
	a.check(r, got)
	return got
}

// check fails unless an answer is one that the OpenAPI file allows.
func (a *api) check(r *http.Request, got answer) {
	a.t.Helper()
	if got.header.Get("X-Request-Id") == "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		a.t.Errorf("%s %s: the answer lacks a header: %v", r.Method, r.URL.Path, got.header)
	}
	route, params, err := a.spec.FindRoute(r)
	if err != nil { // a path or method that there is not
		if got.status < 400 && r.URL.Path != "/mcp" && r.Method != http.MethodHead && r.Method != http.MethodOptions {
			a.t.Errorf("%s %s: status %d, but the file has no such route", r.Method, r.URL.Path, got.status)
		}
		return
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		a.t.Errorf("%s %s: the answer is not as openapi.yaml says: %v", r.Method, r.URL.Path, err)
	}
}

func request(method, path, body string) *http.Request {
	var reader io.Reader = http.NoBody
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Host = "127.0.0.1:8080"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (a *api) post(path string, body any) answer {
	a.t.Helper()
	text, ok := body.(string)
	if !ok {
		text = encode(a.t, body)
	}
	return a.do(request(http.MethodPost, path, text))
}

func (a *api) get(path string) answer {
	a.t.Helper()
	return a.do(request(http.MethodGet, path, ""))
}

func encode(t testing.TB, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func decode[T any](t testing.TB, data []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return value
}

// failure is the one form of errors.
type failure struct {
	Error struct {
		Code, Message, Hint string
		RequestID           string `json:"request_id"`
	}
}

// wantError fails unless an answer is this error.
func (got answer) wantError(t testing.TB, status int, code string) failure {
	t.Helper()
	if got.status != status {
		t.Fatalf("status %d, want %d: %s", got.status, status, got.body)
	}
	f := decode[failure](t, got.body)
	if f.Error.Code != code || f.Error.Message == "" || f.Error.RequestID != got.header.Get("X-Request-Id") {
		t.Fatalf("error %+v, want code %s and the request's id", f, code)
	}
	return f
}

// question returns a question of the sample corpus and its English.
func question(t testing.TB, lang string, i int) (text, anchor string) {
	t.Helper()
	_, questions := embeddingtest.SampleTexts(t, lang)
	_, english := embeddingtest.SampleTexts(t, "en")
	return questions[i], english[i]
}

// withoutTimings is an answer without what differs from run to run.
func withoutTimings(t testing.TB, body []byte) string {
	t.Helper()
	fields := decode[map[string]json.RawMessage](t, body)
	if fields["timings_ms"] == nil {
		t.Fatalf("no timings in %s", body)
	}
	delete(fields, "timings_ms")
	return encode(t, fields)
}

// event is a server-sent event.
type event struct {
	name string
	data []byte
}

func events(t testing.TB, body []byte) []event {
	t.Helper()
	var all []event
	for block := range strings.SplitSeq(strings.TrimSuffix(string(body), "\n\n"), "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "event":
				e.name = value
			case "data":
				e.data = []byte(value)
			default:
				t.Fatalf("line %q of the stream", line)
			}
		}
		all = append(all, e)
	}
	return all
}

func names(all []event) string {
	var out []string
	for _, e := range all {
		out = append(out, e.name)
	}
	return fmt.Sprint(out)
}
