package stack_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// files are the texts that make up the stack.
type files struct {
	compose, override string // override may be empty
	dockerfile, docs  string
}

func readFiles(t *testing.T) files {
	t.Helper()
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{testenv.Root(t)}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return files{compose: read("docker-compose.yml"), dockerfile: read("Dockerfile"), docs: read("docs", "stack.md")}
}

// details are what compose-go loads, with environ in place of the shell's.
func (f files) details(root string, environ map[string]string) types.ConfigDetails {
	d := types.ConfigDetails{WorkingDir: root, Environment: environ}
	for _, text := range []string{f.compose, f.override} {
		if text != "" {
			name := filepath.Join(root, fmt.Sprintf("compose.%d.yml", len(d.ConfigFiles)))
			d.ConfigFiles = append(d.ConfigFiles, types.ConfigFile{Filename: name, Content: []byte(text)})
		}
	}
	return d
}

// load returns the project with the services of all profiles.
func (f files) load(ctx context.Context, root string, environ map[string]string) (*types.Project, error) {
	return loader.LoadWithContext(ctx, f.details(root, environ), loader.WithProfiles([]string{"*"}))
}

// references returns the variables that the compose files take from outside,
// sorted.
func (f files) references(ctx context.Context, root string) ([]string, error) {
	model, err := loader.LoadModelWithContext(ctx, f.details(root, nil), func(o *loader.Options) {
		o.SkipInterpolation = true
	})
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(template.ExtractVariables(model, template.DefaultPattern)))
	// An environment entry without a value is handed through.
	services, _ := model["services"].(map[string]any)
	for _, service := range services {
		environment, _ := service.(map[string]any)["environment"].(map[string]any)
		for name, value := range environment {
			if value == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// faults returns what is wrong with the stack.
func (f files) faults(ctx context.Context, root string) []string {
	project, err := f.load(ctx, root, nil)
	if err != nil {
		return []string{err.Error()}
	}
	names, err := f.references(ctx, root)
	if err != nil {
		return []string{err.Error()}
	}
	faults := append(dockerfileFaults(f.dockerfile), documentationFaults(f.docs, names)...)
	for name, service := range project.Services {
		all := commonFaults(service)
		if service.Build != nil {
			all = append(all, programFaults(service, project)...)
		} else {
			all = append(all, serverFaults(service)...)
		}
		for _, fault := range all {
			faults = append(faults, name+": "+fault)
		}
	}
	slices.Sort(faults)
	return faults
}

// secret matches the names of variables that hold one.
var secret = regexp.MustCompile(`(KEY|TOKEN|PASSWORD|SECRET)$`)

func commonFaults(service types.ServiceConfig) (faults []string) {
	if !isPinned(service.Image) {
		faults = append(faults, fmt.Sprintf("image %q is not pinned", service.Image))
	}
	for _, port := range service.Ports {
		if ip, err := netip.ParseAddr(port.HostIP); err != nil || !ip.IsLoopback() {
			faults = append(faults, fmt.Sprintf("port %s is bound to %q, not to this machine alone", port.Published, port.HostIP))
		}
	}
	for name, value := range service.Environment {
		if secret.MatchString(name) && value != nil && *value != "" {
			faults = append(faults, name+" has a value in the file")
		}
	}
	return faults
}

// isPinned says whether an image has a digest or a tag that names a version.
func isPinned(image string) bool {
	name, digest, _ := strings.Cut(image, "@")
	if strings.HasPrefix(digest, "sha256:") {
		return true
	}
	_, tag, tagged := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	return tagged && tag != "" && tag != "latest"
}

// serverFaults looks at a service that keeps running.
func serverFaults(service types.ServiceConfig) (faults []string) {
	if check := service.HealthCheck; check == nil || check.Disable || len(check.Test) == 0 {
		faults = append(faults, "has no health check")
	}
	if len(service.Profiles) > 0 {
		faults = append(faults, "is a server behind a profile")
	}
	return faults
}

// programFaults looks at a one-shot service, one of this project's programs.
func programFaults(service types.ServiceConfig, project *types.Project) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(service.Profiles) == 0 {
		fault("runs without being asked: it needs a profile")
	}
	if service.Restart != "" {
		fault("is started again when it has ended")
	}
	if isRoot(service.User) {
		fault("runs as root")
	}
	if len(service.DependsOn) == 0 {
		fault("waits for nothing")
	}
	for server, dependency := range service.DependsOn {
		if dependency.Condition != types.ServiceConditionHealthy {
			fault("does not wait until %s is healthy", server)
		}
		if project.Services[server].Build != nil {
			fault("waits for %s, which is no server", server)
		}
	}
	for _, volume := range service.Volumes {
		if strings.HasPrefix(volume.Target, "/data") && !volume.ReadOnly {
			fault("may write into %s", volume.Target)
		}
	}
	known := config.Variables()
	environ := map[string]string{"XDG_CACHE_HOME": "/var/cache"} // as the image has it
	for name, value := range service.Environment {
		if !slices.ContainsFunc(known, func(v config.Variable) bool { return v.Name == name }) {
			fault("%s is no variable of the programs", name)
		}
		if value != nil {
			environ[name] = *value
		}
	}
	if _, err := config.Load(environ); err != nil {
		fault("%v", err)
	}
	return faults
}

func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "0" || name == "root"
}

// dockerfileFaults looks at the stages' base images and the last stage's user.
func dockerfileFaults(text string) (faults []string) {
	user := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "FROM":
			user = ""
			if !isPinned(words[1]) {
				faults = append(faults, fmt.Sprintf("Dockerfile: image %q is not pinned", words[1]))
			}
		case "USER":
			user = words[1]
		}
	}
	if isRoot(user) {
		faults = append(faults, "Dockerfile: the image's user is root")
	}
	return faults
}

var stackVariable = regexp.MustCompile(`\bSTACK_[A-Z_]*[A-Z]\b`)

// documentationFaults compares the variables taken from outside with those that
// the documentation's table describes.
func documentationFaults(docs string, names []string) (faults []string) {
	for _, name := range names {
		if !strings.Contains(docs, "| `"+name+"` |") {
			faults = append(faults, name+" is not in the table of docs/stack.md")
		}
		if !stackVariable.MatchString(name) && name != "HF_TOKEN" {
			faults = append(faults, name+" would be taken over from a shell set up for something else: call it STACK_…")
		}
	}
	for _, name := range stackVariable.FindAllString(docs, -1) {
		if !slices.Contains(names, name) {
			faults = append(faults, name+" is in docs/stack.md and nowhere else")
		}
	}
	return faults
}

func TestStackIsSound(t *testing.T) {
	f := readFiles(t)
	for _, fault := range f.faults(t.Context(), testenv.Root(t)) {
		t.Error(fault)
	}
	project, err := f.load(t.Context(), testenv.Root(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(project.Services))
	want := []string{"embeddings", "evaluate", "index", "qdrant", "query", "translator"}
	if !slices.Equal(got, want) {
		t.Errorf("services %q, want %q", got, want)
	}
}

// Every rule is broken once, and must be noticed.
func TestFaultsAreNoticed(t *testing.T) {
	const qdrantImage = "image: qdrant/qdrant:v1.18.3@sha256:0bd98fa7977f1e75694779359ca4e212822e5a71334e28421182f72f209d5286"
	const queryWaits = `    depends_on:
      qdrant: {condition: service_healthy}
      embeddings: {condition: service_healthy}
      translator: {condition: service_healthy}
`
	compose := func(f *files) *string { return &f.compose }
	dockerfile := func(f *files) *string { return &f.dockerfile }
	docs := func(f *files) *string { return &f.docs }
	for _, test := range []struct {
		name     string
		in       func(*files) *string
		old, new string // the first old becomes new
		want     string
	}{
		{"misspelt variable", compose, "  EMBEDDING_MODEL:", "  EMBEDING_MODEL:", "EMBEDING_MODEL is no variable of the programs"},
		{"value out of range", compose, "EMBEDDING_TIMEOUT: 5m", "EMBEDDING_TIMEOUT: 5min", "EMBEDDING_TIMEOUT: cannot be read"},
		{"key in the file", compose, "EMBEDDING_API_KEY: ${STACK_EMBEDDING_API_KEY:-}", "EMBEDDING_API_KEY: sk-1", "EMBEDDING_API_KEY has a value"},
		{"misspelt key of Compose", compose, "depends_on:", "depend_on:", "depend_on"},
		{"unknown server", compose, "      translator: {", "      chatter: {", "chatter"},
		{"latest", compose, qdrantImage, "image: qdrant/qdrant:latest", `qdrant: image "qdrant/qdrant:latest" is not pinned`},
		{"no tag", compose, qdrantImage, "image: localhost:5000/qdrant", `qdrant: image "localhost:5000/qdrant" is not pinned`},
		{"port for everyone", compose, "127.0.0.1:6334:6334", "6334:6334", "qdrant: port 6334 is bound to"},
		{"port on another address", compose, "127.0.0.1:8201:80", "0.0.0.0:8201:80", "embeddings: port 8201 is bound to"},
		{"no health check", compose, `test: ["CMD", "curl", "-fsS", "http://127.0.0.1/health"]`, "disable: true", "embeddings: has no health check"},
		{"server behind a profile", compose, "    restart: unless-stopped\n\n  index:", "    profiles: [translate]\n\n  index:", "translator: is a server behind a profile"},
		{"no profile", compose, "    profiles: [evaluate]\n", "", "evaluate: runs without being asked"},
		{"started again", compose, "profiles: [index]\n", "profiles: [index]\n    restart: always\n", "index: is started again"},
		{"waits for nothing", compose, queryWaits, "", "query: waits for nothing"},
		{"started, not healthy", compose, "qdrant: {condition: service_healthy}", "qdrant: {condition: service_started}", "index: does not wait until qdrant is healthy"},
		{"waits for a program", compose, "      translator: {condition", "      index: {condition", "query: waits for index"},
		{"writable data", compose, "  read_only: true\n  bind:", "  read_only: false\n  bind:", "may write into /data/sample"},
		{"program as root", compose, "user: ${STACK_USER:-65532:65532}", `user: "0:0"`, "index: runs as root"},
		{"the programs' own variable", compose, "${STACK_EMBEDDING_MODEL:-BAAI/bge-m3}", "${EMBEDDING_MODEL:-BAAI/bge-m3}", "EMBEDDING_MODEL would be taken over"},
		{"new variable", compose, "TRANSLATE_TIMEOUT: 2m", "TRANSLATE_TIMEOUT: ${STACK_PATIENCE:-2m}", "STACK_PATIENCE is not in the table"},
		{"variable handed through", compose, "      HF_TOKEN:", "      STACK_TOKEN:", "STACK_TOKEN is not in the table"},
		{"variable gone", docs, "| `STACK_LANG` |", "| `STACK_LANGUAGE` |", "STACK_LANGUAGE is in docs/stack.md and nowhere else"},
		{"image as root", dockerfile, "\nUSER 65532:65532\n", "\nUSER root\n", "Dockerfile: the image's user is root"},
		{"user of another stage", dockerfile, "\nUSER 65532:65532\n", "\nUSER 65532:65532\nFROM other:1\n", "Dockerfile: the image's user is root"},
		{"no user", dockerfile, "\nUSER 65532:65532\n", "\n", "Dockerfile: the image's user is root"},
		{"unpinned stage", dockerfile, "FROM golang:1.26.8-bookworm@sha256:", "FROM golang #", `Dockerfile: image "golang" is not pinned`},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := readFiles(t)
			text := test.in(&f)
			if !strings.Contains(*text, test.old) {
				t.Fatalf("there is no %q to change", test.old)
			}
			*text = strings.Replace(*text, test.old, test.new, 1)
			found := strings.Join(f.faults(t.Context(), testenv.Root(t)), "\n")
			if (found == "") != (test.want == "") || !strings.Contains(found, test.want) {
				t.Errorf("found %q, want %q", found, test.want)
			}
		})
	}
}

// The override that the documentation offers fits the stack.
func TestOverrideForGPU(t *testing.T) {
	f := readFiles(t)
	_, rest, _ := strings.Cut(f.docs, "```yaml\n")
	override, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("docs/stack.md has no override")
	}
	f.override = override
	for _, fault := range f.faults(t.Context(), testenv.Root(t)) {
		t.Error(fault)
	}
	project, err := f.load(t.Context(), testenv.Root(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"embeddings", "translator"} {
		service := project.Services[name]
		if service.Deploy == nil || service.Deploy.Resources.Reservations == nil || len(service.Deploy.Resources.Reservations.Devices) != 1 {
			t.Errorf("%s has no GPU", name)
		}
		if !strings.Contains(service.Image, "cuda") {
			t.Errorf("%s has the image %s", name, service.Image)
		}
		if service.Environment["MODEL_ID"] == nil && service.Environment["LLAMA_ARG_MODEL_URL"] == nil {
			t.Errorf("%s lost its model", name)
		}
	}
}
