package serve

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// OpenAPI is the description of the API, in OpenAPI 3.1.
//
//go:embed openapi.yaml
var OpenAPI []byte

// routes returns all that can be asked.
func (s *Server) routes(agents http.Handler) http.Handler {
	mux := http.NewServeMux()
	route := func(path, method string, handler http.HandlerFunc) {
		mux.Handle(path, onRoute(path, s.only(method, handler)))
	}
	route("/v1/search", http.MethodPost, s.search)
	route("/v1/explain", http.MethodPost, s.explain)
	route("/v1/corpora", http.MethodGet, s.corpora)
	route("/healthz", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, status{"ok"}) })
	route("/readyz", http.MethodGet, s.ready)
	route("/metrics", http.MethodGet, s.metrics.handler().ServeHTTP)
	route("/openapi.yaml", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(OpenAPI)
	})
	mux.Handle("/mcp", onRoute("/mcp", s.bounded(agents)))
	nothing := func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &service.Error{Code: service.CodeNotFound, Message: "there is nothing at this path", Hint: "GET /openapi.yaml lists what there is"})
	}
	mux.Handle("/v1/", onRoute("none", http.HandlerFunc(nothing)))
	if s.options.Page == nil {
		mux.Handle("/", onRoute("none", http.HandlerFunc(nothing)))
	} else {
		mux.Handle("/", onRoute("/", s.only(http.MethodGet, s.options.Page.ServeHTTP)))
	}
	return mux
}

// only refuses other methods. HEAD goes with GET.
func (s *Server) only(method string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method || method == http.MethodGet && r.Method == http.MethodHead {
			next(w, r)
			return
		}
		allowed := method
		if method == http.MethodGet {
			allowed = "GET, HEAD"
		}
		w.Header().Set("Allow", allowed)
		s.fail(w, r, &service.Error{Code: CodeMethodNotAllowed, Message: "this path does not take that method", Hint: "it takes " + allowed})
	})
}

type status struct {
	Status string `json:"status"`
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	_, err := s.options.Service.Corpora(ctx)
	switch {
	case s.stopping.Load():
		s.fail(w, r, &service.Error{Code: service.CodeOverloaded, Message: "the server is about to stop"})
	case err != nil:
		s.fail(w, r, err)
	default:
		writeJSON(w, http.StatusOK, status{"ready"})
	}
}

func (s *Server) corpora(w http.ResponseWriter, r *http.Request) {
	corpora, err := s.options.Service.Corpora(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Corpora []service.Corpus `json:"corpora"`
	}{corpora})
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, s.options.Service.Explain)
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	if accepts(r, eventStream) {
		s.stream(w, r)
		return
	}
	s.answer(w, r, s.options.Service.Search)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, ask func(context.Context, service.Request) (service.Response, error)) {
	request, err := s.decode(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer, err := ask(r.Context(), request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// decode reads a request's body.
func (s *Server) decode(w http.ResponseWriter, r *http.Request) (service.Request, error) {
	body, err := readBody(w, r)
	if err != nil {
		return service.Request{}, err
	}
	return service.Decode(body)
}

// readBody reads a JSON body within its bounds.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, &service.Error{Code: CodeMediaType, Message: "the body is not declared as JSON", Hint: "send Content-Type: application/json"}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &service.Error{Code: CodeMediaType, Message: "compressed bodies are not taken"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &service.Error{Code: CodeTooLarge, Message: fmt.Sprintf("the body has more than %d bytes", maxBody)}
	}
	if err != nil {
		return nil, &service.Error{Code: service.CodeInvalid, Message: "the body did not arrive whole"}
	}
	return body, nil
}

// bounded reads the body before the next handler, so that a slow client holds up
// nobody but itself.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := readBody(w, r)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
		}
		next.ServeHTTP(w, r)
	})
}

const eventStream = "text/event-stream"

// accepts says whether a client asks for a media type by name.
func accepts(r *http.Request, wanted string) bool {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			if kind, params, err := mime.ParseMediaType(part); err == nil && kind == wanted && params["q"] != "0" {
				return true
			}
		}
	}
	return false
}

// eventTimeout is how long a client may take for one event.
const eventTimeout = 5 * time.Second

// stream answers with events: the source query's ranking at once, where a
// translation is awaited, and the fused one when it is there. What fails before
// the first event has its own status, as without events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	request, err := s.decode(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	begun := false
	send := func(event string, value any) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", eventStream)
			w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the first event back
			w.WriteHeader(http.StatusOK)
		}
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		out := http.NewResponseController(w)
		_ = out.SetWriteDeadline(time.Now().Add(eventTimeout)) // a test's recorder has none
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data); err != nil {
			return err
		}
		return out.Flush()
	}
	answer, err := s.options.Service.Stream(r.Context(), request, func(alone service.Response) error { return send("source", alone) })
	switch {
	case err != nil && !begun:
		s.fail(w, r, err)
	case err != nil:
		body, _ := detail(r, err)
		s.metrics.refused(body.Error.Code)
		_ = send("error", body)
	default:
		_ = send("result", answer) // the client may have left
	}
}
