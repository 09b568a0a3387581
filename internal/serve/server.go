// Package serve offers searches over HTTP: the API of docs/api.md, the page, the
// tools for agents, and what an operator needs besides: health, metrics, logs,
// limits.
//
// It knows requests and answers of package service and nothing of how they come
// about. Whatever a client sends, it gets an answer in the one form of errors,
// and no client can hold up another.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/query-synergy/query-synergy/internal/serve/mcp"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Defaults and fixed bounds.
const (
	DefaultRate    = 50 // requests a second and client, twice as many at once
	DefaultTimeout = 30 * time.Second

	// maxBody holds the longest query with as many anchors as there may be, all
	// of it escaped.
	maxBody         = 1 << 20
	maxHeader       = 16 << 10
	headerTimeout   = 5 * time.Second
	bodyTimeout     = 15 * time.Second
	answerTimeout   = 15 * time.Second // for a client to take its answer, beyond Timeout
	idleTimeout     = time.Minute
	readyTimeout    = 2 * time.Second
	shutdownTimeout = 30 * time.Second
	// draining is how long a server that is told to stop still takes requests, so
	// that nobody who holds a connection loses an answer.
	draining = 500 * time.Millisecond
)

// Options make a Server.
type Options struct {
	Service *service.Service
	Page    http.Handler // served at / and below; nil: nothing
	Version string
	// Token is what clients must show; "": nothing.
	Token string
	// Hosts are the names by which the server may be asked, without ports; none:
	// any.
	Hosts []string
	// Origins are the web origins that may read answers (CORS).
	Origins []string
	// Rate is requests a second and client; 0: DefaultRate, negative: no limit.
	Rate float64
	// ClientHeader is the header in which a proxy in front gives the client's
	// address; "": there is no proxy.
	ClientHeader string
	// Timeout is the longest that a request may take; 0: DefaultTimeout.
	Timeout    time.Duration
	Log        *slog.Logger // nil: silent
	LogQueries bool         // log the text of queries
	Metrics    *Metrics     // the one that observes Service; nil: a new one
	Trace      bool         // make OpenTelemetry spans, with the global provider
}

// Server serves. Make one with New.
type Server struct {
	options Options
	log     *slog.Logger
	metrics *Metrics
	clients *clients
	handler http.Handler
	// stopping says that the server is about to stop: it asks clients to leave.
	stopping atomic.Bool
}

// New returns a Server.
func New(o Options) (*Server, error) {
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.Rate = cmp.Or(o.Rate, DefaultRate)
	s := &Server{options: o, log: o.Log, metrics: o.Metrics, clients: newClients(o.Rate)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.metrics == nil {
		s.metrics = NewMetrics(s.log, o.LogQueries)
	}
	protection := http.NewCrossOriginProtection()
	for _, origin := range o.Origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("origin %q: want a form such as https://example.org: %w", origin, err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &service.Error{Code: CodeForbidden, Message: "requests from other web sites are not taken", Hint: "the server's --cors names the sites that may ask"})
	}))
	routes := s.routes(mcp.Handler(mcp.New(o.Service, o.Version, s.log), s.log))
	s.handler = s.recorded(s.checked(protection.Handler(s.admitted(routes))))
	if o.Trace {
		s.handler = traced(s.handler)
	}
	return s, nil
}

// Handler returns the whole of it, for a test or a server of another's.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers what comes to the listener until the context ends, and then
// finishes what is under way. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      s.options.Timeout + answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.stopping.Store(true)
		time.Sleep(draining)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(ctx)
	})
	err := server.Serve(listener)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve at %s: %w", listener.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return errors.Join(fmt.Errorf("requests did not end within %v of the signal to stop: %w", shutdownTimeout, err), server.Close())
	}
	return nil
}

// Loopback says whether only this machine can reach addr, a host and port.
func Loopback(addr string) (bool, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, fmt.Errorf("address %q: want host and port such as 127.0.0.1:8080", addr)
	}
	if host == "localhost" {
		return true, nil
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback(), nil
}

// LoopbackHosts are the names of this machine to itself: a web page elsewhere
// that resolves its own name to this machine asks by another.
func LoopbackHosts() []string { return []string{"localhost", "127.0.0.1", "::1"} }
