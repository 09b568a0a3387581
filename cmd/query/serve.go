package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/mcp"
	"github.com/query-synergy/query-synergy/internal/serve/page"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// descriptions of the commands beside searching.
var descriptions = map[string]string{
	"serve": `Serve searches over HTTP until interrupted: a page at /, an API at /v1, tools for
agents (MCP) at /mcp, and /healthz, /readyz and /metrics. docs/api.md describes
all of it, /openapi.yaml the API.

Only this machine can ask, unless --addr says otherwise; then clients must show
the token of QUERY_TOKEN.

Example:
  query serve --addr 127.0.0.1:8080
  curl -s http://127.0.0.1:8080/v1/search -H 'Content-Type: application/json' -d '{"corpus":"docs","query":"Γιατί ο ουρανός είναι γαλάζιος;"}'`,
	"mcp": `Serve searches to one agent over stdin and stdout, by the Model Context Protocol:
the tools search and list_corpora.

Example, as an agent's configuration:
  {"mcpServers": {"query-synergy": {"command": "query", "args": ["mcp"]}}}`,
}

// parts are the flags of what answers queries.
type parts struct {
	AnchorFile string `placeholder:"FILE" help:"A file of translations to take anchors from, JSONL or TSV; the translator is asked for what it lacks."`
	MaxTopK    int    `name:"max-top-k" default:"${max_top_k}" placeholder:"N" help:"The most documents that a request may ask for, 1 to ${max_top_k} (default: ${default})."`
	LogQueries bool   `help:"Log the text of queries and anchors."`
	Verbose    bool   `short:"v" help:"Log more."`

	config.QueryFlags
	config.StoreFlags
	config.EmbeddingFlags
	config.TranslateFlags
	config.ReadFlags
}

type serveCommand struct {
	Addr         string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (default: ${default}). Beyond this machine, QUERY_TOKEN must be set."`
	Insecure     bool          `help:"Let other machines ask without a token."`
	Host         []string      `placeholder:"NAME" help:"Names by which the server may be asked (default: localhost and its addresses on this machine, any beyond it)."`
	CORS         []string      `name:"cors" placeholder:"ORIGIN" help:"Web sites whose pages may ask, such as https://example.org (default: none)."`
	Rate         float64       `default:"${rate}" placeholder:"F" help:"Requests a second that one client may make, twice as many at once; 0 for no limit (default: ${default})."`
	ClientHeader string        `placeholder:"NAME" help:"Header in which a proxy in front gives the client's address, such as X-Forwarded-For; only behind such a proxy."`
	Concurrency  int           `default:"${concurrency}" placeholder:"N" help:"Searches at the same time; some more wait, others are sent away (default: ${default})."`
	Timeout      time.Duration `name:"request-timeout" default:"${timeout}" placeholder:"TIME" help:"The longest that a request may take (default: ${default})."`
	parts
}

type mcpCommand struct{ parts }

// backend is the service with all that must be closed behind it.
type backend struct {
	*service.Service
	closers []func() error
}

func (b *backend) Close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	return errors.Join(errs...)
}

// load reads the flags and the environment.
func (p *parts) load() (config.Settings, error) {
	settings, err := config.Load(config.Environ(), p.QueryFlags, p.StoreFlags, p.EmbeddingFlags, p.TranslateFlags, p.ReadFlags)
	if err != nil {
		return settings, err
	}
	if settings.Query.AnchorLang, err = lang.Parse(settings.Query.AnchorLang); err != nil {
		return settings, fmt.Errorf("--anchor-lang: %w", err)
	}
	if p.MaxTopK < 1 || p.MaxTopK > search.MaxTopK {
		return settings, fmt.Errorf("--max-top-k: want a whole number from 1 to %d", search.MaxTopK)
	}
	return settings, nil
}

// open makes what answers queries.
func (p *parts) open(ctx context.Context, settings config.Settings, log *slog.Logger, o service.Options) (_ *backend, err error) {
	b := &backend{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	embedder, err := setup.NewEmbedder(settings.Embedding, log)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, embedder.Close)
	tuning, err := embedder.Tuning(settings.Query)
	if err != nil {
		return nil, err
	}
	translator, err := setup.NewTranslator(settings.Translate, p.AnchorFile, log)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, translator.Close)
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadOnly, log)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, store.Close)
	o.Searcher = search.Searcher{Embedder: embedder}
	if translator != nil {
		o.Searcher.Translator = translator
	}
	o.Store, o.Tuning, o.MaxTopK = store, tuning, p.MaxTopK
	if o.Read, o.Approximate, err = setup.ReadOptions(settings.Query.Read); err != nil {
		return nil, cli.UsageError{Err: err}
	}
	o.AnchorLang, o.AnchorTimeout = settings.Query.AnchorLang, settings.Query.AnchorTimeout
	b.Service = service.New(o)
	return b, nil
}

// logger writes JSON, as programs read a server's log.
func (p *parts) logger(streams cli.Streams, level slog.Level) *slog.Logger {
	if p.Verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewJSONHandler(streams.Stderr, &slog.HandlerOptions{Level: level}))
}

func (c *serveCommand) run(ctx context.Context, streams cli.Streams) (err error) {
	local, err := serve.Loopback(c.Addr)
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--addr: %w", err)}
	}
	settings, err := c.load()
	if err = errors.Join(c.check(), err); err != nil {
		return cli.UsageError{Err: err}
	}
	token := settings.Serve.Token.Reveal()
	if token == "" && !local && !c.Insecure {
		return cli.WithHint(cli.UsageError{Err: fmt.Errorf("--addr %s can be reached from other machines, and there is no token", c.Addr)},
			"set QUERY_TOKEN or QUERY_TOKEN_FILE, or pass --insecure to let anybody ask")
	}
	log := c.logger(streams, slog.LevelInfo)
	metrics := serve.NewMetrics(log, c.LogQueries)
	b, err := c.open(ctx, settings, log, service.Options{Concurrency: c.Concurrency, Observer: metrics})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	options := serve.Options{
		Service: b.Service, Version: cli.Version(), Token: token, Hosts: c.Host, Origins: c.CORS, Rate: c.Rate,
		ClientHeader: c.ClientHeader, Timeout: c.Timeout, Log: log, LogQueries: c.LogQueries, Metrics: metrics,
		Page: page.New(page.Options{Backend: b.Service, AnchorLang: settings.Query.AnchorLang, MaxTopK: c.MaxTopK}),
	}
	if local && len(options.Hosts) == 0 {
		options.Hosts = serve.LoopbackHosts()
	}
	if c.Rate == 0 {
		options.Rate = -1
	}
	if options.Trace = serve.Tracing(config.Environ()); options.Trace {
		stop, err := serve.StartTracing(ctx, cli.Version())
		if err != nil {
			return fmt.Errorf("start OpenTelemetry: %w", err)
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			defer cancel()
			if err := stop(ctx); err != nil {
				log.Warn("the last spans were not sent", "error", err)
			}
		}()
	}
	server, err := serve.New(options)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", c.Addr, err)
	}
	if _, err := fmt.Fprintf(streams.Stdout, "http://%s\n", listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("serving", "addr", listener.Addr().String(), "version", cli.Version(), "token", token != "", "tracing", options.Trace)
	err = server.Serve(ctx, listener)
	log.Info("stopped")
	return err
}

// flushTimeout is how long the last spans may take on their way.
const flushTimeout = 5 * time.Second

// check returns an error for flags out of their range.
func (c *serveCommand) check() error {
	switch {
	case !(c.Rate >= 0 && c.Rate <= 1e6): // also catches NaN
		return errors.New("--rate: want a number from 0 to 1000000")
	case c.Concurrency < 1 || c.Concurrency > 4096:
		return errors.New("--concurrency: want a whole number from 1 to 4096")
	case c.Timeout < time.Millisecond || c.Timeout > time.Hour:
		return errors.New("--request-timeout: want a duration from 1ms to 1h such as 30s")
	}
	for _, origin := range c.CORS {
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
			return errors.New("--cors: want an origin such as https://example.org")
		}
	}
	for i, host := range c.Host {
		c.Host[i] = strings.ToLower(strings.Trim(host, "[]"))
	}
	return nil
}

func (c *mcpCommand) run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := c.load()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	log := c.logger(streams, slog.LevelWarn)
	b, err := c.open(ctx, settings, log, service.Options{Observer: serve.NewMetrics(log, c.LogQueries)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return mcp.ServeStdio(ctx, mcp.New(b.Service, cli.Version(), log))
}
