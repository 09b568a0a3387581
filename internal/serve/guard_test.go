package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

const token = "correct-horse-battery-staple"

// Without the token nothing is answered but health, with it everything, as
// bearer or as password.
func TestToken(t *testing.T) {
	a := newAPI(t, func(o *serve.Options, _ *service.Options) { o.Token = token })
	bearer := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	for _, c := range []struct {
		name string
		show func(*http.Request)
		ok   bool
	}{
		{"nothing", func(*http.Request) {}, false},
		{"wrong", bearer("Bearer wrong"), false},
		{"the beginning", bearer("Bearer " + token[:10]), false},
		{"more", bearer("Bearer " + token + "x"), false},
		{"no scheme", bearer(token), false},
		{"another scheme", bearer("Digest " + token), false},
		{"empty", bearer("Bearer "), false},
		{"in the path", func(r *http.Request) { r.URL.RawQuery = "token=" + token }, false},
		{"wrong password", basic("me", "wrong"), false},
		{"token as name", basic(token, ""), false},
		{"bearer", bearer("Bearer " + token), true},
		{"lower case", bearer("bearer " + token), true},
		{"password", basic("anybody", token), true},
	} {
		for _, path := range []string{"/v1/corpora", "/metrics", "/openapi.yaml", "/nothing"} {
			r := request(http.MethodGet, path, "")
			c.show(r)
			got := a.do(r)
			if !c.ok {
				f := got.wantError(t, http.StatusUnauthorized, "unauthorized")
				if len(got.header.Values("WWW-Authenticate")) != 2 || strings.Contains(fmt.Sprint(f), token) {
					t.Errorf("%s: %v, %+v", c.name, got.header, f)
				}
			} else if got.status == http.StatusUnauthorized {
				t.Errorf("%s: %s is refused", c.name, path)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := a.get(path); got.status != http.StatusOK {
			t.Errorf("%s wants a token", path)
		}
	}
	if strings.Contains(a.log.String(), token) {
		t.Error("the token is in the log")
	}
}

// On this machine, a page that gave itself the machine's address is refused.
func TestHost(t *testing.T) {
	a := newAPI(t, func(o *serve.Options, _ *service.Options) { o.Hosts = serve.LoopbackHosts() })
	for host, ok := range map[string]bool{
		"127.0.0.1:8080": true, "localhost": true, "LOCALHOST:1": true, "[::1]:8080": true,
		"evil.example": false, "127.0.0.1.evil.example:8080": false, "": false, "localhost.": false, "0.0.0.0:8080": false,
	} {
		r := request(http.MethodGet, "/healthz", "")
		r.Host = host
		if got := a.do(r); ok != (got.status == http.StatusOK) {
			t.Errorf("host %q: status %d", host, got.status)
		}
	}
	r := request(http.MethodGet, "/v1/corpora", "")
	r.Host = "evil.example"
	a.do(r).wantError(t, http.StatusMisdirectedRequest, "wrong_host")
}

// Pages of other sites neither ask nor read, but for those that are named.
func TestOrigins(t *testing.T) {
	const friend = "https://friend.example"
	a := newAPI(t, func(o *serve.Options, _ *service.Options) { o.Origins = []string{friend} })
	ask := func(method, origin string) answer {
		r := request(method, "/v1/search", `{}`)
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		}
		return a.do(r)
	}
	ask(http.MethodPost, "https://evil.example").wantError(t, http.StatusForbidden, "forbidden")
	ask(http.MethodPost, "null").wantError(t, http.StatusForbidden, "forbidden")
	if got := ask(http.MethodOptions, "https://evil.example"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger may read: %v", got.header)
	}
	got := ask(http.MethodPost, friend)
	got.wantError(t, http.StatusBadRequest, "invalid_request")
	if got.header.Get("Access-Control-Allow-Origin") != friend || got.header.Get("Vary") != "Origin" {
		t.Errorf("a friend may not read: %v", got.header)
	}
	if got := ask(http.MethodOptions, friend); got.status != http.StatusNoContent || !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("%d, %v", got.status, got.header)
	}
	if _, err := serve.New(serve.Options{Service: a.service, Origins: []string{"friend.example"}}); err == nil {
		t.Error("an origin without a scheme is taken")
	}
	closed := newAPI(t)
	r := request(http.MethodGet, "/v1/corpora", "")
	r.Header.Set("Origin", friend)
	if got := closed.do(r); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("without a list, somebody may read")
	}
}

// A flood is turned away, by client, with the time to wait.
func TestRate(t *testing.T) {
	a := newAPI(t, func(o *serve.Options, _ *service.Options) { o.Rate = 5; o.ClientHeader = "X-Forwarded-For" })
	ask := func(client string) answer {
		r := request(http.MethodGet, "/v1/corpora", "")
		r.Header.Set("X-Forwarded-For", client)
		return a.do(r)
	}
	refused := 0
	for range 30 {
		if got := ask("198.51.100.7, 192.0.2.7"); got.status == http.StatusTooManyRequests {
			refused++
			got.wantError(t, http.StatusTooManyRequests, "rate_limited")
			if got.header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
			}
		}
	}
	if refused < 10 { // ten at once, and some more while the test runs
		t.Errorf("%d of 30 refused", refused)
	}
	// Its own saying does not make it another; an address in the same network of
	// IPv6 does not either.
	if got := ask("203.0.113.1, 192.0.2.7"); got.status != http.StatusTooManyRequests {
		t.Errorf("a made-up address helps: %d", got.status)
	}
	if got := ask("192.0.2.8"); got.status != http.StatusOK {
		t.Errorf("another client pays for it: %d", got.status)
	}
	for i := range 30 {
		ask(fmt.Sprintf("2001:db8::%x", i))
	}
	if got := ask("2001:db8::ffff"); got.status != http.StatusTooManyRequests {
		t.Errorf("one IPv6 network is many clients: %d", got.status)
	}
	if got := a.get("/healthz"); got.status != http.StatusOK {
		t.Error("health is limited as well")
	}
}

// However many clients come, the memory of them is bounded.
func TestClientsAreForgotten(t *testing.T) {
	if got := serve.ClientsRemembered(25_000); got > 10_000 {
		t.Errorf("%d clients are remembered", got)
	}
}

// Spans hold the route, and no query.
func TestTrace(t *testing.T) {
	recorded := tracetest.NewSpanRecorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded)))
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	a := newAPI(t, func(o *serve.Options, _ *service.Options) { o.Trace = true })
	text, _ := question(t, "th", 3)
	a.do(request(http.MethodPost, "/v1/search?q=secret", encode(t, map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text})))
	a.get("/healthz")
	spans := recorded.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	all := spans[0].Name() + fmt.Sprint(spans[0].Attributes())
	if strings.Contains(all, "secret") || strings.Contains(all, text) || !strings.Contains(all, "/v1/search") {
		t.Errorf("the span is %s", all)
	}
	for environ, want := range map[string]bool{
		"": false, "OTEL_SERVICE_NAME": false, "OTEL_EXPORTER_OTLP_ENDPOINT": true, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": true,
	} {
		if got := serve.Tracing(map[string]string{environ: "http://localhost:4318"}); got != want {
			t.Errorf("with %q: tracing %v", environ, got)
		}
	}
}
