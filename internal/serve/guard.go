package serve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// requestIDHeader goes in and out, so that one request can be followed through
// several programs.
const requestIDHeader = "X-Request-Id"

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// recorded gives every request its id, log line and figures, and turns a panic
// into an answer.
func (s *Server) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !requestIDPattern.MatchString(id) {
			id = rand.Text()
		}
		start := time.Now()
		out := &recorder{ResponseWriter: w}
		out.Header().Set(requestIDHeader, id)
		noted := &notes{route: "none"}
		ctx := context.WithValue(r.Context(), requestIDKey{}, id)
		ctx, cancel := context.WithTimeoutCause(context.WithValue(ctx, notesKey{}, noted), s.options.Timeout,
			fmt.Errorf("no answer within %v: %w", s.options.Timeout, context.DeadlineExceeded))
		defer cancel()
		r = r.WithContext(ctx)
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			fault := recover()
			if fault != nil && fault != http.ErrAbortHandler { //nolint:errorlint // that very value
				s.log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("request_id", id), slog.Any("panic", fault), slog.String("stack", string(debug.Stack())))
				if out.status == 0 {
					s.fail(out, r, errors.New("panic"))
				}
			}
			took := time.Since(start)
			s.metrics.served(noted.route, r.Method, out.status, took)
			s.log.LogAttrs(ctx, slog.LevelInfo, "request",
				slog.String("request_id", id), slog.String("method", known(r.Method)), slog.String("route", noted.route),
				slog.Int("status", out.status), slog.Int64("bytes", out.bytes),
				slog.Float64("ms", float64(took)/float64(time.Millisecond)), slog.String("client", s.client(r)))
			if fault != nil && out.status != http.StatusInternalServerError {
				panic(http.ErrAbortHandler) // an answer that broke off must not look whole
			}
		}()
		next.ServeHTTP(out, r)
	})
}

// notes are what the parts of one request leave for its log line.
type notes struct{ route string }

type notesKey struct{}

// onRoute notes the pattern by which a request was routed. The path itself, with
// a query in it, stays out of logs.
func onRoute(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, ok := r.Context().Value(notesKey{}).(*notes); ok {
			n.route = route
		}
		next.ServeHTTP(w, r)
	})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	if status == statusClientLeft {
		status = http.StatusServiceUnavailable // net/http has no such status, and nobody is there to see it
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(data)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher, which some look for.
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// checked sets the headers that every answer has, refuses what was meant for
// another host, and answers the questions of browsers before a request.
func (s *Server) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if s.stopping.Load() {
			header.Set("Connection", "close")
		}
		if !s.ours(r.Host) {
			s.fail(w, r, &service.Error{Code: CodeWrongHost, Message: "this server is not asked by that host name", Hint: "ask it by its own, or name the host with --host"})
			return
		}
		origin := r.Header.Get("Origin")
		if len(s.options.Origins) > 0 {
			header.Add("Vary", "Origin")
		}
		if origin != "" && slices.Contains(s.options.Origins, origin) {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Expose-Headers", requestIDHeader+", Retry-After, Mcp-Session-Id")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				header.Set("Access-Control-Allow-Methods", "GET, POST")
				header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+requestIDHeader+", Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name")
				header.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// ours says whether a Host header names this server.
func (s *Server) ours(host string) bool {
	if len(s.options.Hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	return slices.Contains(s.options.Hosts, host)
}

// open are the paths that need no token and count for no rate: what watches
// over the server asks them, and what they say is no secret.
var open = []string{"/healthz", "/readyz"}

// admitted lets in whoever shows the token, not too often.
func (s *Server) admitted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(open, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		if wait := s.clients.wait(s.client(r), time.Now()); wait > 0 {
			seconds := int(wait/time.Second) + 1
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			s.fail(w, r, &service.Error{Code: CodeRateLimited, Message: "too many requests", Hint: fmt.Sprintf("try again in %d s", seconds)})
			return
		}
		if !s.authorized(r) {
			s.fail(w, r, &service.Error{Code: CodeUnauthorized, Message: "the token is missing or wrong", Hint: "send it as Authorization: Bearer TOKEN"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorized says whether a request shows the token: as a bearer's or, for
// browsers, as a password.
func (s *Server) authorized(r *http.Request) bool {
	if s.options.Token == "" {
		return true
	}
	shown := ""
	if _, password, ok := r.BasicAuth(); ok {
		shown = password
	} else if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		shown = strings.TrimSpace(token)
	}
	// Hashes are of one length, so that the time tells nothing of the token's.
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(s.options.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// client returns who asks: an address, of IPv6 the network that one customer
// gets.
func (s *Server) client(r *http.Request) string {
	host := r.RemoteAddr
	if given := r.Header.Values(s.options.ClientHeader); s.options.ClientHeader != "" && len(given) > 0 {
		// The proxy appends; what stands before it is the client's own saying.
		all := strings.Split(given[len(given)-1], ",")
		host = strings.TrimSpace(all[len(all)-1])
	} else if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	if addr = addr.Unmap(); addr.Is6() && !addr.IsLoopback() {
		prefix, _ := addr.WithZone("").Prefix(64)
		return prefix.String()
	}
	return addr.String()
}

// maxClients bounds the memory of who asked how often.
const maxClients = 10_000

// clients holds a limit for each client that asked lately.
type clients struct {
	rate  rate.Limit
	burst int

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

func newClients(perSecond float64) *clients {
	c := &clients{rate: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), seen: map[string]*rate.Limiter{}}
	if perSecond < 0 {
		c.rate = rate.Inf
	}
	return c
}

// wait takes one request of a client, or says how long it has to wait.
func (c *clients) wait(client string, now time.Time) time.Duration {
	if c.rate == rate.Inf {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	limiter, ok := c.seen[client]
	if !ok {
		if len(c.seen) >= maxClients {
			c.forget(now)
		}
		limiter = rate.NewLimiter(c.rate, c.burst)
		c.seen[client] = limiter
	}
	reservation := limiter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// forget drops the clients whose limit is whole again, which is the same as
// never seen, or all where there is no such.
func (c *clients) forget(now time.Time) {
	for client, limiter := range c.seen {
		if limiter.TokensAt(now) >= float64(c.burst) {
			delete(c.seen, client)
		}
	}
	if len(c.seen) >= maxClients {
		clear(c.seen)
	}
}
