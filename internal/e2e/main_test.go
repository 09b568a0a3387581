package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/ingest"
)

// programs is the folder of the commands under test.
var programs string

func TestMain(m *testing.M) {
	if folder := os.Getenv(serveVariable); folder != "" {
		fmt.Fprintln(os.Stderr, serve(folder, os.Getenv(addressVariable)))
		os.Exit(1)
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	programs, err = os.MkdirTemp("", "query-synergy-e2e-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	build := exec.Command("go", "build", "-o", programs+string(filepath.Separator),
		"github.com/query-synergy/query-synergy/cmd/indexer", "github.com/query-synergy/query-synergy/cmd/query",
		"github.com/query-synergy/query-synergy/cmd/evaluate")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the commands: %w\n%s", err, output)
	}
	return m.Run(), nil
}

// patience bounds every command: it guards against a hang and measures nothing.
const patience = 5 * time.Minute

// bench is a place to run commands in: nothing of the user's is read or written.
type bench struct {
	folder string // scratch
	store  string
	url    string   // the embedding endpoint's
	env    []string // further variables
}

// newBench returns a bench with the store in its own scratch folder, without an
// embedding cache.
func newBench(t *testing.T, url string) *bench {
	t.Helper()
	folder := t.TempDir()
	return &bench{folder: folder, store: filepath.Join(folder, "store"), url: url, env: []string{
		"EMBEDDING_CACHE=off", "EMBEDDING_BATCH_SIZE=" + strconv.Itoa(window),
		"EMBEDDING_MODEL=" + model, "EMBEDDING_QUERY_PREFIX=query: ", "EMBEDDING_PASSAGE_PREFIX=passage: ",
	}}
}

// with returns the same bench with further variables, of which the last counts.
func (b *bench) with(variables ...string) *bench {
	changed := *b
	changed.env = append(append([]string{}, b.env...), variables...)
	return &changed
}

func (b *bench) command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(programs, program), args...)
	command.Env = append([]string{
		"HOME=" + b.folder, "TMPDIR=" + b.folder,
		"QDRANT_LOCAL_PATH=" + b.store, "EMBEDDING_BASE_URL=" + b.url,
	}, b.env...)
	return command
}

// process is a command under way.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
	exit           error // once it has ended
}

func (b *bench) start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: b.command(t, program, args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.exit = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9. A process that has ended already is left as it is.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// wait returns the exit code, -1 where a signal ended the process.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
		t.Fatalf("%s did not end within %s; stderr:\n%s", p, patience, p.stderr.String())
	}
	return p.ProcessState.ExitCode()
}

// outcome is what a command that has ended leaves.
type outcome struct {
	code           int
	stdout, stderr string
}

func (b *bench) run(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	p := b.start(t, program, args...)
	code := p.wait(t)
	return outcome{code, p.stdout.String(), p.stderr.String()}
}

// index runs the indexer on a file to the end and returns its report.
func (b *bench) index(t *testing.T, file string, args ...string) ingest.Report {
	t.Helper()
	out := b.run(t, "indexer", indexing(file, args...)...)
	if out.code != 0 || strings.Contains(out.stderr, "WARN") {
		t.Fatalf("indexer ended with %d and said:\n%s", out.code, out.stderr)
	}
	return out.report(t)
}

func indexing(file string, args ...string) []string {
	return append([]string{"--corpus", key.Corpus, "--lang", key.Lang, "--json",
		"--chunk-runes", fmt.Sprint(chunking.MaxRunes), "--overlap-runes", fmt.Sprint(chunking.OverlapRunes), file}, args...)
}

func (o outcome) report(t *testing.T) ingest.Report {
	t.Helper()
	var r ingest.Report
	decode(t, o.stdout, &r)
	return r
}

// wantError demands exit code 1 and an error that holds every one of the texts.
func (o outcome) wantError(t *testing.T, texts ...string) {
	t.Helper()
	if o.code != 1 {
		t.Fatalf("exit code %d, want 1; stderr:\n%s", o.code, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, o.stderr)
		}
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("not the JSON object that was wanted: %v\n%s", err, text)
	}
}
