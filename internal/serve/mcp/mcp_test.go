package mcp_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/mcp"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// connect is the SDK's own client.
func connect(t *testing.T, transport sdk.Transport) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// call calls a tool and returns its structured content.
func call[Out any](t *testing.T, session *sdk.ClientSession, tool string, args any) (Out, *sdk.CallToolResult) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	var out Out
	if result.IsError {
		return out, result
	}
	data, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return out, result
}

// Over memory and over HTTP, an agent finds the tools and gets what the service
// answers.
func TestTools(t *testing.T) {
	backend := servetest.New(t, "th", "el")
	s := backend.Service(service.Options{})
	server, err := serve.New(serve.Options{Service: s, Rate: -1})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	there, here := sdk.NewInMemoryTransports()
	if _, err := mcp.New(s, "test", nil).Connect(t.Context(), there, nil); err != nil {
		t.Fatal(err)
	}
	for name, transport := range map[string]sdk.Transport{
		"memory": here, "http": &sdk.StreamableClientTransport{Endpoint: web.URL + "/mcp"},
	} {
		t.Run(name, func(t *testing.T) {
			session := connect(t, transport)
			testTools(t, session, s)
		})
	}
}

func testTools(t *testing.T, session *sdk.ClientSession, s *service.Service) {
	t.Helper()
	listed, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
		if tool.InputSchema == nil || tool.OutputSchema == nil || tool.Description == "" || !tool.Annotations.ReadOnlyHint {
			t.Errorf("%s lacks a schema, a description or the word that it changes nothing", tool.Name)
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{mcp.ToolListCorpora, mcp.ToolSearch}) {
		t.Errorf("tools %v", names)
	}
	corpora, _ := call[mcp.CorporaOutput](t, session, mcp.ToolListCorpora, nil)
	if len(corpora.Corpora) != 2 || corpora.Corpora[1].Lang != "th" || corpora.Corpora[1].Documents != 48 {
		t.Errorf("%+v", corpora)
	}

	_, questions := embeddingtest.SampleTexts(t, "th")
	_, english := embeddingtest.SampleTexts(t, "en")
	for i := range 5 {
		lambda := 0.6
		want, err := s.Search(t.Context(), service.Request{Corpus: servetest.Corpus, Query: questions[i], Anchor: english[i], Lambda: &lambda, TopK: 3})
		if err != nil {
			t.Fatal(err)
		}
		got, result := call[mcp.SearchOutput](t, session, mcp.ToolSearch, map[string]any{
			"corpus": servetest.Corpus, "query": questions[i], "anchor": english[i], "lambda": lambda, "top_k": 3,
		})
		if got.Lang != "th" || got.Lambda != lambda || !got.Certified || got.Anchor.Text != english[i] || got.Anchor.Status != "ok" || len(got.Hits) != 3 {
			t.Fatalf("%+v", got)
		}
		for j, hit := range got.Hits {
			w := want.Hits[j]
			if hit.ID != w.ID || hit.Score != w.Score || hit.Source != w.Source || *hit.Anchor != *w.Anchor || hit.Text != w.Text ||
				hit.Title != w.Title || hit.Corpus != servetest.Corpus || hit.Lang != "th" || hit.Rank != j+1 || hit.Metadata["theme"] != w.Metadata["theme"] {
				t.Errorf("hit %+v, want %+v", hit, w)
			}
		}
		if text, ok := result.Content[0].(*sdk.TextContent); !ok || !strings.Contains(text.Text, got.Hits[0].ID) {
			t.Error("an agent without structured content sees nothing")
		}
	}

	for says, args := range map[string]map[string]any{
		"no such index":         {"corpus": "nothing", "query": "q", "lang": "th"},
		"GET /v1/corpora":       {"corpus": "nothing", "query": "q", "lang": "th"},
		"the query is empty":    {"corpus": servetest.Corpus, "query": " "},
		"not clear":             {"corpus": servetest.Corpus, "query": "123"},
		"whole number from 1":   {"corpus": servetest.Corpus, "query": "q", "top_k": 100000},
		"lambda is 7":           {"corpus": servetest.Corpus, "query": "q", "lang": "th", "lambda": 7},
		"unexpected additional": {"corpus": servetest.Corpus, "query": "q", "lambada": 7},
		"none was given":        {"corpus": servetest.Corpus, "query": questions[0], "require_anchor": true},
	} {
		_, result := call[mcp.SearchOutput](t, session, mcp.ToolSearch, args)
		text, _ := result.Content[0].(*sdk.TextContent)
		if !result.IsError || text == nil || !strings.Contains(text.Text, says) {
			t.Errorf("%v: error %v, %+v; want %q", args, result.IsError, text, says)
		}
	}
}

// Agents over HTTP show the token like everybody else.
func TestToken(t *testing.T) {
	server, err := serve.New(serve.Options{Service: servetest.New(t).Service(service.Options{}), Token: "secret-token", Rate: -1})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := client.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: web.URL + "/mcp", MaxRetries: -1}, nil); err == nil {
		t.Error("an agent without the token is let in")
	}
}
