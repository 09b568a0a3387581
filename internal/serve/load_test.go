package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

const loadClients = 64

// loadTime is a minute where the long proofs are asked for.
func loadTime() time.Duration {
	if testenv.Soaking() {
		return time.Minute
	}
	return 2 * time.Second
}

// start serves an api on a port of this machine until the test ends; stop does
// so before, and waits.
func (a *api) start(t *testing.T) (url string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.server.Serve(ctx, listener) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), stop
}

// loader asks a server from many clients at once.
type loader struct {
	client *http.Client
	bodies []string
	took   []time.Duration
	// check sees each answer; its error is the load's.
	check func(status int, r search.Result) error
}

func newLoader(t *testing.T, check func(int, search.Result) error) *loader {
	t.Helper()
	l := &loader{check: check, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: loadClients}, Timeout: 30 * time.Second}}
	t.Cleanup(l.client.CloseIdleConnections)
	for _, lang := range []string{"th", "el"} {
		_, questions := embeddingtest.SampleTexts(t, lang)
		for _, q := range questions {
			l.bodies = append(l.bodies, encode(t, map[string]any{"corpus": servetest.Corpus, "lang": lang, "query": q, "top_k": 10}))
		}
	}
	return l
}

// ask sends one request and reads the whole answer.
func (l *loader) ask(ctx context.Context, t *testing.T, url string, n int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/search", strings.NewReader(l.bodies[n%len(l.bodies)]))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := l.client.Do(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %.300s", resp.StatusCode, body)
	}
	return l.check(resp.StatusCode, decode[search.Result](t, body))
}

// run lets every client ask for as long as it takes.
func (l *loader) run(t *testing.T, url string, during time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed error
	var peak atomic.Uint64
	stop := time.Now().Add(during)
	for c := range loadClients {
		group.Go(func() {
			var took []time.Duration
			for n := c; time.Now().Before(stop); n += loadClients {
				start := time.Now()
				if err := l.ask(t.Context(), t, url, n); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					break
				}
				took = append(took, time.Since(start))
				if c == 0 && n%1024 == 0 {
					var memory runtime.MemStats
					runtime.ReadMemStats(&memory)
					peak.Store(max(peak.Load(), memory.HeapInuse))
				}
			}
			mu.Lock()
			l.took = append(l.took, took...)
			mu.Unlock()
		})
	}
	group.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	slices.Sort(l.took)
	at := func(q float64) time.Duration {
		return l.took[int(q*float64(len(l.took)-1))].Round(10 * time.Microsecond)
	}
	t.Logf("%d clients, %v: %d answers, %.0f a second, p50 %v, p99 %v, slowest %v, at most %.0f MiB of heap (clients and endpoint in the same process)",
		loadClients, during, len(l.took), float64(len(l.took))/during.Seconds(), at(0.5), at(0.99), at(1), float64(peak.Load())/(1<<20))
}

// 64 clients ask all the time, and each gets an answer with its anchor.
func TestLoad(t *testing.T) {
	testenv.Long(t)
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = servetest.NewTranslator(t) })
	url, _ := a.start(t)
	l := newLoader(t, func(_ int, r search.Result) error {
		if r.Anchor.Status != search.StatusOK || !r.Certified || len(r.Hits) != 10 {
			return fmt.Errorf("anchor %s, certified %v, %d hits", r.Anchor.Status, r.Certified, len(r.Hits))
		}
		return nil
	})
	l.run(t, url, loadTime())
}

// The same with a translator that fails half the time: still no error, and each
// answer says what became of its anchor.
func TestLoadWithFailingTranslator(t *testing.T) {
	testenv.Long(t)
	translator := servetest.NewTranslator(t)
	translator.OnRequest = func(_ context.Context, n int64) error {
		if n%2 == 0 {
			return servetest.ErrDown
		}
		return nil
	}
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = translator })
	url, _ := a.start(t)
	var missing, had atomic.Int64
	l := newLoader(t, func(_ int, r search.Result) error {
		switch r.Anchor.Status {
		case search.StatusOK:
			had.Add(1)
		case search.StatusUnavailable:
			missing.Add(1)
		default:
			return fmt.Errorf("anchor %s", r.Anchor.Status)
		}
		if !r.Certified || len(r.Hits) != 10 {
			return fmt.Errorf("certified %v, %d hits", r.Certified, len(r.Hits))
		}
		return nil
	})
	l.run(t, url, loadTime())
	if missing.Load() == 0 || had.Load() == 0 {
		t.Errorf("%d answers without their anchor, %d with", missing.Load(), had.Load())
	}
}

// Clients that send a byte now and then, in the header, the body or not at all,
// and clients that do not read, hold nobody else up.
func TestSlowClients(t *testing.T) {
	// One place, which anyone who held it while sending would keep for himself. The
	// queue is long enough, and waits long enough, that nobody is sent away.
	a := newAPI(t, func(_ *serve.Options, o *service.Options) {
		o.Concurrency, o.Queue, o.QueueWait = 1, 1000, time.Minute
	})
	url, _ := a.start(t)
	text, _ := question(t, "th", 0)
	body := encode(t, map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text, "top_k": 48})
	whole := fmt.Sprintf("POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for i := range 40 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		sent := []string{"", whole[:20], whole[:len(whole)-5], strings.Repeat(whole, 50)}[i%4]
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // the server may not read on
		_, _ = io.WriteString(conn, sent)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	for range 20 {
		resp, err := client.Post(url+"/v1/search", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v: %.200s", resp.StatusCode, err, got)
		}
	}
	client.CloseIdleConnections()
}

// What waits for its place is bounded; the rest is sent away at once.
func TestOverload(t *testing.T) {
	translator := servetest.NewTranslator(t)
	release := make(chan struct{})
	translator.OnRequest = func(ctx context.Context, _ int64) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}
	a := newAPI(t, func(_ *serve.Options, o *service.Options) {
		o.Searcher.Translator, o.AnchorTimeout = translator, time.Minute
		o.Concurrency, o.Queue, o.QueueWait = 2, 2, time.Minute
	})
	text, _ := question(t, "th", 0)
	body := encode(t, map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text})
	statuses := make(chan int, 20)
	for range 20 {
		go func() { statuses <- a.post("/v1/search", body).status }()
	}
	for range 16 {
		if got := <-statuses; got != http.StatusServiceUnavailable {
			t.Fatalf("status %d of one too many", got)
		}
	}
	close(release)
	for range 4 {
		if got := <-statuses; got != http.StatusOK {
			t.Errorf("status %d of one that waited", got)
		}
	}
	if got := a.post("/v1/search", body); got.status != http.StatusOK {
		t.Errorf("afterwards: %d", got.status)
	}
}

// A request that takes too long ends with an error that says so.
func TestTimeout(t *testing.T) {
	translator := servetest.NewTranslator(t)
	translator.OnRequest = func(ctx context.Context, _ int64) error { <-ctx.Done(); return ctx.Err() }
	a := newAPI(t, func(o *serve.Options, so *service.Options) {
		o.Timeout, so.Searcher.Translator, so.AnchorTimeout = 300*time.Millisecond, translator, time.Minute
	})
	text, _ := question(t, "th", 0)
	ask := map[string]any{"corpus": servetest.Corpus, "lang": "th", "query": text}
	a.post("/v1/search", ask).wantError(t, http.StatusGatewayTimeout, "timeout")
	ask["anchor_timeout"] = "10ms"
	if r := decode[search.Result](t, a.post("/v1/search", ask).body); r.Anchor.Status != search.StatusTimeout || len(r.Hits) == 0 {
		t.Errorf("anchor %+v, %d hits", r.Anchor, len(r.Hits))
	}
}

// A server that is told to stop under load gives every answer that it owes: what
// it began to answer arrives whole, and new clients find nobody.
func TestShutdownLosesNoAnswer(t *testing.T) {
	testenv.Long(t)
	a := newAPI(t, func(_ *serve.Options, o *service.Options) { o.Searcher.Translator = servetest.NewTranslator(t) })
	url, stop := a.start(t)
	l := newLoader(t, func(int, search.Result) error { return nil })
	var group sync.WaitGroup
	var got atomic.Int64
	var mu sync.Mutex
	var ends []error
	for c := range loadClients {
		group.Go(func() {
			for n := c; ; n += loadClients {
				if err := l.ask(context.Background(), t, url, n); err != nil {
					mu.Lock()
					ends = append(ends, err)
					mu.Unlock()
					return
				}
				got.Add(1)
			}
		})
	}
	time.Sleep(time.Second)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	served := bytes.Count([]byte(a.log.String()), []byte(`"msg":"request"`))
	if int64(served) != got.Load() {
		t.Errorf("%d requests were answered, %d answers arrived", served, got.Load())
	}
	for _, err := range ends {
		var refused *net.OpError
		if !errors.As(err, &refused) && !errors.Is(err, io.EOF) {
			t.Errorf("a client ended with %v", err)
		}
	}
	t.Logf("%d answers until the end, %d clients then found nobody", got.Load(), len(ends))
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second)
	if err == nil {
		_ = conn.Close()
		t.Error("the server still listens")
	}
}

// While it drains, a server says that it is not ready, and asks clients to leave.
func TestDraining(t *testing.T) {
	a := newAPI(t)
	url, stop := a.start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func() (status int, closes bool) {
		_, _ = io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode, resp.Close
	}
	if status, closes := ask(); status != http.StatusOK || closes {
		t.Errorf("status %d, closes %v", status, closes)
	}
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for {
		if status, closes := ask(); status == http.StatusServiceUnavailable {
			if !closes {
				t.Error("the connection stays open")
			}
			break
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
