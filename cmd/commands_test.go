// Package cmd_test replays transcripts of the commands: each script in testdata
// runs the real binaries in a folder, a store and caches of its own, against
// endpoints that this process serves.
//
// go test ./cmd -update writes what the commands print into the scripts.
package cmd_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestScripts(t *testing.T) {
	testenv.Long(t)
	bin := build(t)
	hashed := embeddingtest.Start(t, embeddingtest.Hashed(384))
	vars := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"SAMPLE=" + embeddingtest.SampleDir(t),
		"EMBEDDING_BASE_URL=" + hashed,
		"EMBEDDING_MAX_ATTEMPTS=1",
		"HASHED_URL=" + hashed,
		"SAMPLE_URL=" + embeddingtest.Start(t, embeddingtest.Sample(t)),
		"CHAT_URL=" + embeddingtest.Start(t, translateSample(t)),
		"GENERATE_URL=" + embeddingtest.Start(t, generateQueries("")),
		"OLMLESS_URL=" + embeddingtest.Start(t, generateQueries("olm")),
		"HTML_URL=" + embeddingtest.Start(t, http.HandlerFunc(serveHTML)),
		"GORACE=atexit_sleep_ms=0",       // else every command ends a second late
		"DOWN_URL=http://127.0.0.1:1/v1", // nobody listens on port 1
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, vars...)
			for name, path := range map[string]string{
				"HOME":              "home",
				"XDG_DATA_HOME":     "home/data",
				"XDG_CACHE_HOME":    "home/cache",
				"QDRANT_LOCAL_PATH": "store",
				"EMBEDDING_CACHE":   "embeddings.db",
				"TRANSLATE_CACHE":   "translations.db",
				"GENERATE_CACHE":    "generated.db",
			} {
				env.Setenv(name, filepath.Join(env.WorkDir, path))
			}
			stalls := newStalling()
			env.Defer(stalls.Close)
			env.Setenv("STALL_URL", stalls.URL+"/v1")
			env.Values[stallingKey{}] = stalls
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"foreign":   foreign,
			"stalled":   stalled,
			"interrupt": interrupt,
			"exited":    exited,
		},
	})
}

// built is the folder of the commands, once they are built.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// build builds the commands, with the race detector where it watches the test.
func build(t *testing.T) (bin string) {
	t.Helper()
	if built != "" {
		return built
	}
	bin, err := os.MkdirTemp("", "query-synergy-cmd")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-o", bin + string(filepath.Separator)}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	command := exec.CommandContext(t.Context(), "go", append(args, "./indexer", "./query", "./evaluate")...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	built = bin
	return bin
}

// exits runs a command that must end with an exit code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got := strconv.Itoa(code); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// stalling is an endpoint that embeds one text, and lets a request with more,
// or a translation, wait until its client leaves.
type stalling struct {
	*httptest.Server
	requests chan struct{}
	client   *exec.Cmd // that was interrupted
}

type stallingKey struct{}

func newStalling() *stalling {
	s := &stalling{requests: make(chan struct{}, 1)}
	endpoint := embeddingtest.Hashed(384)
	endpoint.OnRequest = func(ctx context.Context, texts []string) {
		if len(texts) == 1 {
			return
		}
		select {
		case s.requests <- struct{}{}:
		default:
		}
		<-ctx.Done()
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			endpoint.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // a server sees a client leave only after that
		<-r.Context().Done()
	}))
	return s
}

func (s *stalling) Close() {
	s.CloseClientConnections() // which ends the requests that wait
	s.Server.Close()
}

// stalled waits until a request waits at STALL_URL.
func stalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: stalled")
	}
	select {
	case <-ts.Value(stallingKey{}).(*stalling).requests:
	case <-time.After(time.Minute):
		ts.Fatalf("no request came to STALL_URL")
	}
}

// interrupt sends SIGINT to the command in the background.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	running := ts.BackgroundCmds()
	if neg || len(args) > 0 || len(running) != 1 {
		ts.Fatalf("usage: interrupt, with one command in the background")
	}
	ts.Value(stallingKey{}).(*stalling).client = running[0]
	ts.Check(running[0].Process.Signal(os.Interrupt))
}

// exited checks how the interrupted command ended, after wait: exited CODE
func exited(ts *testscript.TestScript, neg bool, args []string) {
	client := ts.Value(stallingKey{}).(*stalling).client
	if neg || len(args) != 1 || client == nil {
		ts.Fatalf("usage: exited CODE, after interrupt and wait")
	}
	if got := strconv.Itoa(client.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// translateSample returns a chat endpoint whose model knows one thing: the
// English of the sample corpus' questions.
func translateSample(t *testing.T) http.Handler {
	english := map[string]string{}
	_, anchors := embeddingtest.SampleTexts(t, "en")
	for _, lang := range embeddingtest.SampleLangs {
		_, questions := embeddingtest.SampleTexts(t, lang)
		for i, question := range questions {
			english[question] = anchors[i]
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Messages []struct{ Content string }
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) != 1 {
			http.Error(w, "want one message", http.StatusBadRequest)
			return
		}
		_, query, _ := strings.Cut(in.Messages[0].Content, "Input Sentence: ")
		query, _, _ = strings.Cut(query, " Output Sentence:")
		text, ok := english[query]
		if !ok {
			http.Error(w, fmt.Sprintf("no translation of %q", query), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{
			"message": map[string]string{"role": "assistant", "content": text}, "finish_reason": "stop",
		}}})
	})
}

// generateQueries returns a chat endpoint whose model asks English and Chinese
// questions about the last word of a passage, as the seed wants them; in other
// languages it falls back to English. What holds the word refused it refuses.
func generateQueries(refused string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Seed     int
			Messages []struct{ Content string }
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) != 1 {
			http.Error(w, "want one message", http.StatusBadRequest)
			return
		}
		prompt := in.Messages[0].Content
		if refused != "" && strings.Contains(prompt, refused) {
			http.Error(w, "this passage is refused", http.StatusBadRequest)
			return
		}
		about := prompt[strings.LastIndexByte(prompt, ' ')+1:]
		text := fmt.Sprintf("What would be the answer to question %d about the %s?", in.Seed%1000, about)
		if strings.Contains(prompt, "Chinese") {
			text = fmt.Sprintf("第%d个问题：关于%s的答案是什么？", in.Seed%1000, about)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"message": map[string]string{"role": "assistant", "content": text}, "finish_reason": "stop"}},
			"usage":   map[string]int{"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
		})
	})
}

// serveHTML answers as a proxy's login page does: wrongly, with 200.
func serveHTML(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<!doctype html><title>Sign in</title>")
}
