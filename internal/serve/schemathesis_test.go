package serve_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/servetest"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// Requests made up from the OpenAPI file, those that it allows and those that it
// does not, find no answer that it does not describe. The endpoint embeds any
// text. A valid request may be refused all the same (what is a language tag, or
// that weights sum to 1, no schema says), so that check is left out.
func TestSchemathesis(t *testing.T) {
	testenv.Soak(t)
	program := filepath.Join(testenv.Root(t), ".cache", "schemathesis", "bin", "schemathesis")
	if _, err := os.Stat(program); err != nil {
		t.Skip("schemathesis is not installed: run `make schemathesis`")
	}
	backend := servetest.NewWith(t, embeddingtest.Hashed(384), "th", "el")
	a := &api{t: t, backend: backend, service: backend.Service(service.Options{})}
	var err error
	if a.server, err = serve.New(serve.Options{Service: a.service, Rate: -1}); err != nil {
		t.Fatal(err)
	}
	url, _ := a.start(t)
	// Corpora and languages are those that there are, else most requests would end
	// there.
	spec := string(serve.OpenAPI)
	for schema, values := range map[string]string{"CorpusName": "[sample]", "Lang": "[th, el]"} {
		narrow := regexp.MustCompile(`(?s)(\n    ` + schema + `:\n      type: string\n.*?)      pattern: [^\n]*`)
		if !narrow.MatchString(spec) {
			t.Fatalf("openapi.yaml has no pattern of %s", schema)
		}
		spec = narrow.ReplaceAllString(spec, "${1}      enum: "+values)
	}
	file := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "run", file, "--url", url,
		"--exclude-checks", "positive_data_acceptance", "--max-examples", "40", "--suppress-health-check", "too_slow", "--seed", "8", "--no-color")
	command.Dir = t.TempDir()
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("Tested: 7")) {
		t.Errorf("schemathesis: %v", err)
	}
}
