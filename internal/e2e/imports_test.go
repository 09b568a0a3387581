package e2e_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/testenv"
)

const module = "github.com/query-synergy/query-synergy/"

// The packages' table in docs/design.md, as far as imports can prove it:
// dependencies point one way, and the arithmetic knows no network.
func TestImports(t *testing.T) {
	const (
		grpc     = "google.golang.org/grpc"
		protobuf = "google.golang.org/protobuf"
		goClient = "github.com/qdrant/go-client"
		openAI   = "github.com/sashabaranov/go-openai"
	)
	network := []string{"net/http", grpc, goClient, openAI}
	for _, rule := range []struct {
		pattern string
		never   []string // neither directly nor through others
	}{
		{"./internal/vector", append([]string{module}, network...)},
		{"./internal/lang", append([]string{module}, network...)},
		{"./internal/filter", append([]string{module}, network...)},
		{"./internal/rerank", append([]string{module + "internal/qdrant"}, network...)},
		{"./internal/corpus", append([]string{module + "internal/qdrant", module + "internal/embedding"}, network...)},
		{"./internal/evalsuite/...", append([]string{module + "internal/qdrant", module + "internal/embedding"}, network...)},
		{"./internal/config", append([]string{module}, network...)},
		{".", []string{"github.com/alecthomas/kong", "github.com/vbauerster/mpb"}}, // who imports us has flags of their own
		{"./internal/cli", append([]string{module}, network...)},
		{"./internal/cache", append([]string{module}, network...)},
		{"./internal/profile", append([]string{module + "internal/qdrant", module + "internal/embedding"}, network...)},
		{"./internal/trust", append([]string{module + "internal/qdrant", module + "internal/embedding"}, network...)},
		{"./internal/retrieve", []string{module + "internal/embedding", module + "internal/anchor", openAI}},
		{"./internal/augment", append([]string{module + "internal/qdrant", module + "internal/embedding"}, network...)},
		{"./internal/augment/roundtrip", append([]string{module + "internal/qdrant"}, grpc, goClient)},
		{"./internal/detect", append([]string{module + "internal/qdrant", module + "internal/embedding"}, network...)},
		{"./internal/embedding", []string{module + "internal/qdrant", grpc, goClient}},
		{"./internal/anchor", []string{module + "internal/qdrant", module + "internal/embedding", grpc, goClient}},
		{"./internal/dump", []string{module + "internal/embedding", module + "internal/ingest", openAI}},
		{"./internal/upkeep", []string{module + "internal/config", module + "internal/cli", module + "internal/search", module + "internal/setup"}},
		{"./internal/qdrant", []string{module + "internal/embedding", module + "internal/anchor", module + "internal/rerank", openAI}},
		{"./internal/serve/...", []string{module + "internal/cli", module + "internal/config", module + "internal/setup"}},
		{"./internal/qdrant/embedded", []string{module + "internal/embedding", module + "internal/rerank", openAI}},
	} {
		for _, pkg := range list(t, "-f", "{{.ImportPath}}", rule.pattern) {
			for _, dep := range list(t, "-deps", "-f", "{{.ImportPath}}", pkg) {
				if dep != pkg && slices.ContainsFunc(rule.never, func(banned string) bool { return within(dep, banned) }) &&
					!strings.HasPrefix(dep, pkg+"/") {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
		}
	}
	// No protobuf and no gRPC outside the adapter and its engine.
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		pkg, imports, _ := strings.Cut(line, " ")
		if within(pkg, module+"internal/qdrant") {
			continue
		}
		for _, imported := range strings.Fields(imports) {
			if within(imported, grpc) || within(imported, protobuf) || within(imported, goClient) {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
}

// The adapter's exported surface names no type of go-client.
func TestAdapterHidesProtobuf(t *testing.T) {
	command := exec.CommandContext(t.Context(), "go", "doc", "-all", "./internal/qdrant")
	command.Dir = testenv.Root(t)
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("go doc: %v: %s", err, text)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "qc.") {
			t.Errorf("internal/qdrant shows go-client: %s", strings.TrimSpace(line))
		}
	}
}

// within says whether an import path is parent or below it; a parent that ends
// in a slash stands for all below it.
func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, strings.TrimSuffix(parent, "/")+"/")
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	command.Dir = testenv.Root(t)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
