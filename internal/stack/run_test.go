package stack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// The commands of the one-shot services run as the file has them, with the
// environment that it gives them; only Qdrant is the embedded store here, the
// servers are this test's, and what is mounted is where it is mounted from.
func TestOneShotServicesRun(t *testing.T) {
	programs := buildImage(t)
	sample := embeddingtest.Sample(t)
	var translations atomic.Int64
	environ := map[string]string{
		"STACK_EMBEDDING_URL":   embeddingtest.Start(t, sample),
		"STACK_EMBEDDING_MODEL": embeddingtest.RecordedModel,
		"STACK_TRANSLATE_URL":   embeddingtest.Start(t, translateThai(t, &translations)),
		"STACK_RESULTS":         t.TempDir(),
	}
	project, err := readFiles(t).load(t.Context(), testenv.Root(t), environ)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"index"} // before those that search
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		if project.Services[name].Build != nil && name != "index" {
			names = append(names, name)
		}
	}
	store := filepath.Join(t.TempDir(), "store")
	for _, name := range names {
		service := project.Services[name]
		embedded, translated := sample.Requests(), translations.Load()
		out := run(t, programs, service, store)
		if out == "" {
			t.Errorf("%s printed nothing", name)
		}
		t.Logf("%s:\n%s", name, out)
		// What a service waits for, it also uses.
		if _, waits := service.DependsOn["embeddings"]; waits != (sample.Requests() > embedded) {
			t.Errorf("%s waits for embeddings: %t, and made %d requests", name, waits, sample.Requests()-embedded)
		}
		if _, waits := service.DependsOn["translator"]; waits != (translations.Load() > translated) {
			t.Errorf("%s waits for translator: %t, and made %d requests", name, waits, translations.Load()-translated)
		}
	}
}

// run runs a service's program to its end and returns what it printed.
func run(t *testing.T, programs string, service types.ServiceConfig, store string) string {
	t.Helper()
	home := t.TempDir() // with caches of its own
	environ := []string{"HOME=" + home, "QDRANT_LOCAL_PATH=" + store}
	for name, value := range service.Environment {
		if name != "QDRANT_URL" && value != nil {
			environ = append(environ, name+"="+*value)
		}
	}
	if len(service.Entrypoint) != 1 {
		t.Fatalf("%s has the entrypoint %q, want one program", service.Name, service.Entrypoint)
	}
	args := make([]string, len(service.Command))
	for i, arg := range service.Command {
		args[i] = onHost(service.Volumes, arg)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(programs, service.Entrypoint[0]), args...)
	command.Env, command.Dir = environ, home
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", service.Name, err, stderr.String())
	}
	return string(out)
}

// onHost returns an argument with the path of a mounted folder replaced by that
// of its source: PATH or --flag=PATH.
func onHost(volumes []types.ServiceVolumeConfig, arg string) string {
	flag, value, isFlag := strings.Cut(arg, "=")
	if !isFlag || !strings.HasPrefix(arg, "-") {
		flag, value = "", arg
	}
	for _, v := range volumes {
		rest, inside := strings.CutPrefix(value, v.Target)
		if v.Type != types.VolumeTypeBind || !inside || (rest != "" && rest[0] != '/') {
			continue
		}
		if value = v.Source + filepath.FromSlash(rest); flag != "" {
			return flag + "=" + value
		}
		return value
	}
	return arg
}

func TestOnHost(t *testing.T) {
	volumes := []types.ServiceVolumeConfig{
		{Type: types.VolumeTypeVolume, Source: "cache", Target: "/var/cache"},
		{Type: types.VolumeTypeBind, Source: "/home/me/sample", Target: "/data/sample"},
	}
	for arg, want := range map[string]string{
		"/data/sample":          "/home/me/sample",
		"/data/sample/th":       "/home/me/sample/th",
		"--data=/data/sample/a": "--data=/home/me/sample/a",
		"/data/samples":         "/data/samples",
		"a=/data/sample":        "a=/data/sample",
		"/var/cache/x":          "/var/cache/x",
		"--top-k":               "--top-k",
	} {
		if got := onHost(volumes, arg); got != want {
			t.Errorf("%s is %s on the host, want %s", arg, got, want)
		}
	}
}

// buildImage builds the programs as the Dockerfile does, from nothing but what
// .dockerignore lets through, and returns their folder.
func buildImage(t *testing.T) string {
	t.Helper()
	const flags = "CGO_ENABLED=0 go build -trimpath -o "
	if dockerfile := readFiles(t).dockerfile; !strings.Contains(dockerfile, "RUN "+flags+"/out/bin/ ./cmd/...\n") {
		t.Fatalf("the Dockerfile no longer builds with %q", flags)
	}
	source, programs := t.TempDir(), t.TempDir()
	copyContext(t, testenv.Root(t), source)
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", programs+string(filepath.Separator), "./cmd/...")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build what .dockerignore lets through: %v\n%s", err, out)
	}
	return programs
}

// copyContext copies the build's context. It understands of .dockerignore what
// is in ours: * for all, !NAME for a file or folder of the root that is taken
// nevertheless, **/PATTERN for names that are left out anywhere.
func copyContext(t *testing.T, root, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	var taken, left []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "!"); ok {
			taken = append(taken, name)
		} else if pattern, ok := strings.CutPrefix(line, "**/"); ok {
			left = append(left, pattern)
		} else if line != "" && line != "*" && line[0] != '#' {
			t.Fatalf(".dockerignore: %q is not understood here", line)
		}
	}
	for _, name := range taken {
		err := filepath.WalkDir(filepath.Join(root, name), func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			ignored := slices.ContainsFunc(left, func(pattern string) bool {
				matches, err := path.Match(pattern, entry.Name())
				return matches || err != nil
			})
			switch {
			case ignored && entry.IsDir():
				return fs.SkipDir
			case ignored:
				return nil
			case entry.IsDir():
				return os.MkdirAll(filepath.Join(to, relative), 0o755)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, relative), data, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// translateThai returns a chat endpoint that knows the English of the sample
// corpus' Thai questions, and counts the requests.
func translateThai(t *testing.T, requests *atomic.Int64) http.Handler {
	_, thai := embeddingtest.SampleTexts(t, "th")
	_, english := embeddingtest.SampleTexts(t, "en")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var in struct {
			Messages []struct{ Content string }
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) != 1 || r.URL.Path != "/v1/chat/completions" {
			http.Error(w, "want one message", http.StatusBadRequest)
			return
		}
		at := slices.IndexFunc(thai, func(question string) bool { return strings.Contains(in.Messages[0].Content, question) })
		if at < 0 {
			http.Error(w, "not a question of the sample", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{
			"message": map[string]string{"role": "assistant", "content": english[at]}, "finish_reason": "stop",
		}}})
	})
}

// Qdrant's health check says what the server says.
func TestQdrantHealthCheck(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		testenv.Missing(t, "bash", "install it")
	}
	project, err := readFiles(t).load(t.Context(), testenv.Root(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	check := project.Services["qdrant"].HealthCheck.Test
	if len(check) != 4 || check[0] != "CMD" {
		t.Fatalf("health check %q", check)
	}
	for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable, 0} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var asked atomic.Value
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Store(r.URL.Path)
				w.WriteHeader(status)
			}))
			defer server.Close()
			if status == 0 { // nobody listens
				server.Close()
			}
			address, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			script := strings.ReplaceAll(check[3], "/6333", "/"+address.Port())
			err = exec.CommandContext(t.Context(), check[1], check[2], script).Run()
			if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() <= 0) {
				t.Fatal(err)
			}
			if healthy := err == nil; healthy != (status == http.StatusOK) {
				t.Errorf("healthy: %t", healthy)
			}
			if status != 0 && asked.Load() != "/readyz" {
				t.Errorf("asked for %v", asked.Load())
			}
		})
	}
}
