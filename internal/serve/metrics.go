package serve

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Metrics count what a server does, for Prometheus, and log what went wrong
// behind it. It is a service.Observer. No label holds what a client chose.
type Metrics struct {
	log        *slog.Logger
	logQueries bool
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	errors     *prometheus.CounterVec
	anchors    *prometheus.CounterVec
	answers    *prometheus.CounterVec
	embedded   *prometheus.CounterVec
	stages     *prometheus.HistogramVec
}

// NewMetrics returns Metrics that log to log, nil being silent, with the text of
// queries where logQueries says so.
func NewMetrics(log *slog.Logger, logQueries bool) *Metrics {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	const prefix = "query_synergy_"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	buckets := prometheus.ExponentialBucketsRange(0.0005, 30, 16)
	m := &Metrics{
		log: log, logQueries: logQueries, registry: prometheus.NewRegistry(),
		requests: counter("http_requests_total", "Requests answered.", "route", "method", "status"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "http_request_seconds", Help: "Time from a request's header to the end of its answer.", Buckets: buckets,
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "http_in_flight", Help: "Requests being answered."}),
		errors:   counter("errors_total", "Errors answered, by code.", "code"),
		anchors:  counter("anchors_total", "Searches, by what became of the anchor.", "status"),
		answers:  counter("answers_total", "Searches, by whether the top k is proven complete.", "certified"),
		embedded: counter("embedded_texts_total", "Texts embedded, by where the vector came from.", "from"),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "stage_seconds", Help: "Time of a search's stages, which overlap.", Buckets: buckets,
		}, []string{"stage"}),
	}
	m.registry.MustRegister(
		m.requests, m.seconds, m.inFlight, m.errors, m.anchors, m.answers, m.embedded, m.stages,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

func (m *Metrics) served(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, known(method), strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// known returns a method that HTTP has; clients may make up others.
func known(method string) string {
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
	}
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}

func (m *Metrics) refused(code service.Code) { m.errors.WithLabelValues(string(code)).Inc() }

// Embedded implements service.Observer.
func (m *Metrics) Embedded(s embedding.Stats) {
	m.embedded.WithLabelValues("endpoint").Add(float64(s.Embedded))
	m.embedded.WithLabelValues("cache").Add(float64(s.Cached))
}

// Answered implements service.Observer.
func (m *Metrics) Answered(ctx context.Context, r search.Result) {
	m.anchors.WithLabelValues(string(r.Anchor.Status)).Inc()
	m.answers.WithLabelValues(strconv.FormatBool(r.Certified)).Inc()
	t := r.Timings
	for stage, ms := range map[string]float64{"translate": t.Translate, "embed": t.Embed, "search": t.Search, "fuse": t.Fuse, "total": t.Total} {
		m.stages.WithLabelValues(stage).Observe(ms / 1000)
	}
	level, attrs := slog.LevelDebug, []slog.Attr{
		slog.String("request_id", requestID(ctx)), slog.String("corpus", r.Corpus), slog.String("lang", r.Lang), slog.Int("top_k", r.TopK),
		slog.String("anchor", string(r.Anchor.Status)), slog.Bool("certified", r.Certified), slog.Float64("ms", t.Total),
	}
	if m.logQueries {
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("query", r.Query), slog.String("anchor_text", r.Anchor.Text))
	}
	if r.Anchor.Status.Missing() && r.Anchor.Judgement == nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", r.Anchor.Error))
	}
	m.log.LogAttrs(ctx, level, "search", attrs...)
}

// Failed implements service.Observer.
func (m *Metrics) Failed(ctx context.Context, err *service.Error) {
	cause := err.Unwrap()
	if cause == nil || err.Code == service.CodeCanceled {
		return // the client's own doing
	}
	m.log.LogAttrs(ctx, slog.LevelWarn, "search failed",
		slog.String("request_id", requestID(ctx)), slog.String("code", string(err.Code)), slog.String("error", cause.Error()))
}
