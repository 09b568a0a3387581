package cmd_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// demo holds the searches of scripts/demo: in each language the place of a
// question, and of its English, among the sample's.
var demo = map[string]int{"th": 30, "el": 90, "ar": 6}

// The programs' own answers: HTTP and the tools for agents, over HTTP and over
// stdin and stdout, give what `query --json` prints.
func TestServeGivesTheCommandsAnswers(t *testing.T) {
	bin, dir := build(t), t.TempDir()
	environ := append(os.Environ(),
		"QDRANT_LOCAL_PATH="+filepath.Join(dir, "store"), "EMBEDDING_CACHE="+filepath.Join(dir, "embeddings.db"), "TRANSLATE_CACHE=off",
		"EMBEDDING_BASE_URL="+embeddingtest.Start(t, embeddingtest.Sample(t)), "QUERY_TOKEN=the-token", "HOME="+dir,
	)
	program := func(name string, args ...string) []byte {
		t.Helper()
		command := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
		command.Env = environ
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, &stderr)
		}
		return out
	}
	for lang := range demo {
		program("indexer", "--corpus", "sample", "--lang", lang, "--format", "beir", filepath.Join(embeddingtest.SampleDir(t), lang))
	}

	server := exec.CommandContext(t.Context(), filepath.Join(bin, "query"), "serve", "--addr", "127.0.0.1:0")
	server.Env, server.Stderr = environ, io.Discard
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(first)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	overHTTP, err := client.Connect(ctx, &sdk.StreamableClientTransport{
		Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: withToken{}}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stdio := exec.CommandContext(ctx, filepath.Join(bin, "query"), "mcp")
	stdio.Env = environ
	overStdio, err := client.Connect(ctx, &sdk.CommandTransport{Command: stdio}, nil)
	if err != nil {
		t.Fatal(err)
	}

	_, english := embeddingtest.SampleTexts(t, "en")
	script, err := os.ReadFile(filepath.Join(testenv.Root(t), "scripts", "demo"))
	if err != nil {
		t.Fatal(err)
	}
	for lang, i := range demo {
		_, questions := embeddingtest.SampleTexts(t, lang)
		if !strings.Contains(string(script), "--lang "+lang+" --compare --top-k 3 \\\n\t\""+questions[i]+"\" \\\n\t--anchor \""+english[i]+"\"\n") {
			t.Errorf("%s: scripts/demo does not ask %s", lang, questions[i])
		}
		want := program("query", "--corpus", "sample", "--lang", lang, "--top-k", "3", "--json", "--compare", questions[i], "--anchor", english[i])
		body, err := json.Marshal(map[string]any{"corpus": "sample", "lang": lang, "query": questions[i], "anchor": english[i], "top_k": 3, "compare": true})
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/search", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: withToken{}}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if g, w := cutTimings(t, got), cutTimings(t, want); g != w {
			t.Errorf("%s: HTTP answers\n%s\nthe command\n%s", lang, g, w)
		}
		var hits struct {
			Hits []struct {
				ID    string
				Score float64
			}
		}
		if err := json.Unmarshal(want, &hits); err != nil || len(hits.Hits) != 3 {
			t.Fatalf("%v: %s", err, want)
		}
		for name, session := range map[string]*sdk.ClientSession{"HTTP": overHTTP, "stdio": overStdio} {
			result, err := session.CallTool(ctx, &sdk.CallToolParams{Name: "search", Arguments: map[string]any{
				"corpus": "sample", "lang": lang, "query": questions[i], "anchor": english[i], "top_k": 3,
			}})
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(result.StructuredContent)
			if err != nil {
				t.Fatal(err)
			}
			tool := hits
			tool.Hits = nil
			if err := json.Unmarshal(data, &tool); err != nil || len(tool.Hits) != 3 {
				t.Fatalf("%s: %v: %s", name, err, data)
			}
			for j, hit := range hits.Hits {
				if tool.Hits[j] != hit {
					t.Errorf("%s: %s: hit %d is %+v, want %+v", lang, name, j, tool.Hits[j], hit)
				}
			}
		}
	}
	if err := overStdio.Close(); err != nil {
		t.Error(err)
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); server.ProcessState.ExitCode() != 0 {
		t.Errorf("the server ended with %v", err)
	}
}

// withToken shows the token.
type withToken struct{}

func (withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer the-token")
	return http.DefaultTransport.RoundTrip(r)
}

// cutTimings returns an answer's text up to the timings, which come last.
func cutTimings(t *testing.T, answer []byte) string {
	t.Helper()
	before, _, found := strings.Cut(string(answer), `,"timings_ms":`)
	if !found {
		t.Fatalf("no timings in %s", answer)
	}
	return before
}
