package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/query-synergy/query-synergy/internal/config"
)

// home makes the default paths the same on every machine.
func home(environ map[string]string) map[string]string {
	all := map[string]string{"XDG_DATA_HOME": "/data", "XDG_CACHE_HOME": "/cache"}
	maps.Copy(all, environ)
	return all
}

func load(t *testing.T, environ map[string]string, flags ...config.Flags) config.Settings {
	t.Helper()
	settings, err := config.Load(home(environ), flags...)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return settings
}

func TestDefaults(t *testing.T) {
	want := config.Settings{
		Qdrant: config.Qdrant{LocalPath: filepath.FromSlash("/data/query-synergy/store"), Timeout: 30 * time.Second},
		Embedding: config.Embedding{
			BaseURL: "http://127.0.0.1:8199/v1", Model: "multilingual-e5-small-q4",
			BatchSize: 16, Concurrency: 4, Timeout: time.Minute, MaxAttempts: 5,
			CachePath: filepath.FromSlash("/cache/query-synergy/embeddings.db"), CacheMB: 4096,
		},
		Query: config.Query{AnchorLang: "en", AnchorTimeout: 2 * time.Second},
	}
	if got := load(t, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("Load:\n got %+v\nwant %+v", got, want)
	}
	// Set to nothing is unset, but for the prefixes and the instruction.
	empty := map[string]string{}
	for _, v := range config.Variables() {
		empty[v.Name] = ""
	}
	none := ""
	want.Embedding.QueryPrefix, want.Embedding.PassagePrefix, want.Embedding.Instruction = &none, &none, &none
	if got := load(t, empty); !reflect.DeepEqual(got, want) {
		t.Errorf("Load of empty variables:\n got %+v\nwant %+v", got, want)
	}
}

func TestDefaultPathsWithoutXDG(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("HOME", folder)
	t.Setenv("XDG_CACHE_HOME", "")
	settings, err := config.Load(map[string]string{"XDG_DATA_HOME": "relative/is/not/valid"})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(folder, ".local", "share", "query-synergy", "store"); settings.Qdrant.LocalPath != want {
		t.Errorf("store at %s, want %s", settings.Qdrant.LocalPath, want)
	}
	t.Setenv("HOME", "")
	_, err = config.Load(nil)
	if err == nil || !strings.Contains(err.Error(), "QDRANT_LOCAL_PATH: is needed") || !strings.Contains(err.Error(), "EMBEDDING_CACHE: is needed") {
		t.Errorf("without a home: %v", err)
	}
	if _, err := config.Load(map[string]string{"QDRANT_URL": "http://q", "EMBEDDING_CACHE": "off"}); err != nil {
		t.Errorf("a server and no cache need no home: %v", err)
	}
}

func TestPrecedence(t *testing.T) {
	text := func(s string) *string { return &s }
	environ := map[string]string{
		"EMBEDDING_MODEL": "from-env", "QDRANT_LOCAL_PATH": "/env", "EMBEDDING_QUERY_PREFIX": "env: ",
		"EMBEDDING_PASSAGE_PREFIX": "p: ", "EMBEDDING_DOCUMENT_PREFIX": "p: ", "QUERY_LAMBDA": "0.7",
		"EMBEDDING_DIMENSIONS": "256", "EMBEDDING_TIMEOUT": "1500ms", "EMBEDDING_CACHE": "off",
		"EMBEDDING_QUERY_BODY": `{"input_type":"query","n":9007199254740993}`,
	}
	got := load(t, environ)
	if e := got.Embedding; e.Model != "from-env" || *e.QueryPrefix != "env: " || *e.PassagePrefix != "p: " ||
		e.Dimensions != 256 || e.Timeout != 1500*time.Millisecond || e.CachePath != "" ||
		fmt.Sprint(e.QueryBody) != "map[input_type:query n:9007199254740993]" {
		t.Errorf("from the environment: %+v", e)
	}
	if got.Qdrant.LocalPath != "/env" || *got.Query.Lambda != 0.7 {
		t.Errorf("from the environment: %+v", got)
	}
	before := maps.Clone(environ)
	got = load(t, environ,
		config.StoreFlags{LocalPath: text("/flag")},
		config.EmbeddingFlags{Model: text("from-flag"), QueryPrefix: text(""), PassagePrefix: text("f: ")},
		config.QueryFlags{Lambda: text("0")})
	if e := got.Embedding; e.Model != "from-flag" || *e.QueryPrefix != "" || *e.PassagePrefix != "f: " || e.Dimensions != 256 {
		t.Errorf("from flags: %+v", e)
	}
	if got.Qdrant.LocalPath != "/flag" || *got.Query.Lambda != 0 {
		t.Errorf("from flags: %+v", got)
	}
	if !maps.Equal(before, environ) {
		t.Error("Load changed the environment that it was given")
	}
	if got := load(t, map[string]string{"EMBEDDING_DOCUMENT_PREFIX": "d: "}); *got.Embedding.PassagePrefix != "d: " {
		t.Errorf("alias of the passage prefix: %+v", got.Embedding)
	}
}

// A key goes to the endpoint that it belongs to, and nowhere else.
func TestWhereKeysGo(t *testing.T) {
	tests := []struct {
		name             string
		environ          map[string]string
		embedURL, embed  string
		chatURL, chatKey string
	}{
		{"nothing named: the local endpoint gets no key",
			map[string]string{"OPENAI_API_KEY": "o"},
			"http://127.0.0.1:8199/v1", "", "", ""},
		{"one endpoint for all",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://x/v1", "TRANSLATE_MODEL": "m"},
			"https://x/v1", "o", "https://x/v1", "o"},
		{"the alias of the base URL",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_API_BASE": "https://x/v1"},
			"https://x/v1", "o", "", ""},
		{"another host",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://x/v1", "EMBEDDING_BASE_URL": "https://y/v1"},
			"https://y/v1", "", "", ""},
		{"another port",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://x/v1", "EMBEDDING_BASE_URL": "https://x:8443/v1"},
			"https://x:8443/v1", "", "", ""},
		{"the same host, unencrypted",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://x/v1", "EMBEDDING_BASE_URL": "http://x/v1"},
			"http://x/v1", "", "", ""},
		{"the same host, spelled otherwise",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://x/v1", "EMBEDDING_BASE_URL": "HTTPS://X:443/embed"},
			"HTTPS://X:443/embed", "o", "", ""},
		{"OpenAI itself needs no OPENAI_BASE_URL",
			map[string]string{"OPENAI_API_KEY": "o", "TRANSLATE_BASE_URL": "https://api.openai.com/v1", "TRANSLATE_MODEL": "m"},
			"http://127.0.0.1:8199/v1", "", "https://api.openai.com/v1", "o"},
		{"keys of their own",
			map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "https://x/v1", "EMBEDDING_API_KEY": "e",
				"TRANSLATE_API_KEY": "t", "TRANSLATE_MODEL": "m"},
			"https://x/v1", "e", "https://x/v1", "t"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := load(t, test.environ)
			if got.Embedding.BaseURL != test.embedURL || got.Embedding.APIKey.Reveal() != test.embed {
				t.Errorf("embedding: %s with key %q, want %s with %q",
					got.Embedding.BaseURL, got.Embedding.APIKey.Reveal(), test.embedURL, test.embed)
			}
			if got.Translate == nil {
				got.Translate = &config.Translate{}
			}
			if got.Translate.BaseURL != test.chatURL || got.Translate.APIKey.Reveal() != test.chatKey {
				t.Errorf("translate: %s with key %q, want %s with %q",
					got.Translate.BaseURL, got.Translate.APIKey.Reveal(), test.chatURL, test.chatKey)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	text := "warm"
	_, err := config.Load(home(map[string]string{
		"QDRANT_API_KEY":            "sk-1\n",
		"QDRANT_TIMEOUT":            "30",
		"OPENAI_BASE_URL":           "https://user:hunter2@",
		"OPENAI_API_KEY_FILE":       "/no/such/sk-2",
		"EMBEDDING_API_KEY":         "sk-3",
		"EMBEDDING_API_KEY_FILE":    "sk-4",
		"EMBEDDING_PASSAGE_PREFIX":  "a",
		"EMBEDDING_DOCUMENT_PREFIX": "b",
		"EMBEDDING_QUERY_BODY":      `["sk-5"]`,
		"EMBEDDING_PASSAGE_BODY":    `{} {"k":"sk-6"}`,
		"EMBEDDING_DIMENSIONS":      "0",
		"EMBEDDING_BATCH_SIZE":      "99999999999",
		"EMBEDDING_CONCURRENCY":     "sk-7",
		"EMBEDDING_MAX_ATTEMPTS":    "-1",
		"TRANSLATE_MODEL":           "m",
		"TRANSLATE_TIMEOUT":         "2h",
		"QUERY_LAMBDA":              "0.5",
	}), config.QueryFlags{Lambda: &text})
	const want = `QDRANT_API_KEY: holds a space, a line break or another character that no key has: expected the key alone, on one line
QDRANT_TIMEOUT: cannot be read: expected a duration from 1ms to 1h such as 30s
OPENAI_BASE_URL: is not such a URL: expected an http or https URL such as http://127.0.0.1:8199/v1
OPENAI_API_KEY_FILE: names a file that cannot be read (no such file or directory): expected the path of a text file of at most 64 KiB that holds the key alone
EMBEDDING_API_KEY_FILE: is set together with EMBEDDING_API_KEY: expected the path of a text file of at most 64 KiB that holds the key alone
EMBEDDING_DOCUMENT_PREFIX: differs from EMBEDDING_PASSAGE_PREFIX: expected text
EMBEDDING_QUERY_BODY: is not a JSON object: expected a JSON object such as {"input_type":"query"}
EMBEDDING_PASSAGE_BODY: has something after the JSON object: expected a JSON object such as {"input_type":"query"}
EMBEDDING_DIMENSIONS: is out of range: expected a whole number from 1 to 65536
EMBEDDING_BATCH_SIZE: cannot be read: expected a whole number from 1 to 2048
EMBEDDING_CONCURRENCY: cannot be read: expected a whole number from 1 to 256
EMBEDDING_MAX_ATTEMPTS: is out of range: expected a whole number from 1 to 100
TRANSLATE_BASE_URL: is needed with TRANSLATE_MODEL and TRANSLATE_API: expected an http or https URL such as http://127.0.0.1:8199/v1
TRANSLATE_TIMEOUT: is out of range: expected a duration from 1ms to 1h such as 30s
--lambda: cannot be read: expected a number from 0 to 1`
	if err == nil || err.Error() != want {
		t.Errorf("faults:\n%v\nwant:\n%s", err, want)
	}
}

func TestLambdaRange(t *testing.T) {
	for _, value := range []string{"-0.1", "1.1", "NaN", "+Inf"} {
		if _, err := config.Load(home(map[string]string{"QUERY_LAMBDA": value})); err == nil {
			t.Errorf("QUERY_LAMBDA=%s was accepted", value)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got := load(t, map[string]string{
		"QDRANT_API_KEY_FILE":    write("q", "q-key\r\n"),
		"EMBEDDING_API_KEY_FILE": write("e", "e-key\n\n"),
		"TRANSLATE_API_KEY_FILE": write("t", "t-key"),
		"TRANSLATE_MODEL":        "m",
		"TRANSLATE_BASE_URL":     "http://x",
	})
	if got.Qdrant.APIKey.Reveal() != "q-key" || got.Embedding.APIKey.Reveal() != "e-key" || got.Translate.APIKey.Reveal() != "t-key" {
		t.Errorf("keys %q, %q, %q", got.Qdrant.APIKey.Reveal(), got.Embedding.APIKey.Reveal(), got.Translate.APIKey.Reveal())
	}
	for path, problem := range map[string]string{
		write("large", strings.Repeat("k", 64<<10+1)): "names a file that is larger",
		write("empty", "\n"):                          "names an empty file",
		write("two", "one\ntwo\n"):                    "holds a space",
		folder:                                        "cannot be read (is a directory)",
	} {
		_, err := config.Load(home(map[string]string{"OPENAI_API_KEY_FILE": path}))
		if err == nil || !strings.HasPrefix(err.Error(), "OPENAI_API_KEY_FILE: ") || !strings.Contains(err.Error(), problem) ||
			strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", path, err, problem)
		}
	}
	if _, err := config.Load(home(map[string]string{"OPENAI_API_KEY_FILE": write("largest", strings.Repeat("k", 64<<10))})); err != nil {
		t.Errorf("a file of 64 KiB: %v", err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const key = "sk-verysecret"
	settings := load(t, map[string]string{
		"QDRANT_API_KEY": key, "EMBEDDING_API_KEY": key, "TRANSLATE_API_KEY": key, "TRANSLATE_MODEL": "m", "TRANSLATE_BASE_URL": "http://x",
	})
	var printed bytes.Buffer
	for _, value := range []any{settings, &settings, settings.Qdrant, *settings.Translate, settings.Qdrant.APIKey, &settings.Qdrant.APIKey} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(encoded)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("settings", "value", value)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("settings", "value", value)
	}
	for _, form := range []string{key, "verysecret", fmt.Sprintf("%x", key)} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("the key was printed as %s", form)
		}
	}
	if !strings.Contains(printed.String(), "[redacted]") {
		t.Error("nothing says that a key was left out")
	}
}

// The table, the variables that Load reads and the flags say the same.
func TestTableIsInStep(t *testing.T) {
	read, err := config.ReadNames()
	if err != nil {
		t.Fatal(err)
	}
	var names, flagged []string
	for _, v := range config.Variables() {
		names = append(names, v.Name)
		if v.Flag != "" {
			flagged = append(flagged, v.Flag)
		}
		if v.Meaning == "" || v.Expects == "" {
			t.Errorf("%s has no meaning or expectation", v.Name)
		}
	}
	if !slices.Equal(names, read) {
		t.Errorf("table %q\nread  %q", names, read)
	}

	var app struct {
		config.StoreFlags
		config.EmbeddingFlags
		config.TranslateFlags
		config.GenerateFlags
		config.QueryFlags
		config.ReadFlags
		config.CollectionFlags
		config.LayoutFlags
	}
	parser, err := kong.New(&app, kong.Vars(config.HelpVars()), kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, flag := range parser.Model.Flags {
		flags = append(flags, flag.Name)
		at := slices.IndexFunc(config.Variables(), func(v config.Variable) bool { return v.Flag == flag.Name })
		if at < 0 || !strings.Contains(flag.Help, "(env: "+config.Variables()[at].Name) {
			t.Errorf("--%s has the help %q", flag.Name, flag.Help)
		}
	}
	slices.Sort(flags)
	slices.Sort(flagged)
	if !slices.Equal(flags, flagged) {
		t.Errorf("flags %q\ntable %q", flags, flagged)
	}

	// Every flag reaches the variable that the table gives it: as a fault where
	// no text is right, as a value elsewhere.
	for _, v := range config.Variables() {
		if v.Flag == "" {
			continue
		}
		value := "\x00"
		if v.Expects == "true or false" { // the parser knows it
			value = "true"
		}
		if _, err := parser.Parse([]string{"--" + v.Flag + "=" + value}); err != nil {
			t.Fatal(err)
		}
		viaFlag, flagErr := config.Load(home(nil), app.StoreFlags, app.EmbeddingFlags, app.TranslateFlags, app.GenerateFlags, app.QueryFlags,
			app.ReadFlags, app.CollectionFlags, app.LayoutFlags)
		viaEnv, envErr := config.Load(home(map[string]string{v.Name: value}))
		if !reflect.DeepEqual(viaFlag, viaEnv) || (flagErr == nil) != (envErr == nil) {
			t.Errorf("--%s: %+v, %v; %s: %+v, %v", v.Flag, viaFlag, flagErr, v.Name, viaEnv, envErr)
		}
		if flagErr != nil && !strings.HasPrefix(flagErr.Error(), "--"+v.Flag+": ") &&
			v.Name != "TRANSLATE_MODEL" && v.Name != "GENERATE_MODEL" { // whose endpoint is missed
			t.Errorf("--%s: %v", v.Flag, flagErr)
		}
		reflect.ValueOf(&app).Elem().SetZero()
	}
}

// No value, whatever it is, panics or comes back in an error.
func FuzzLoad(f *testing.F) {
	for i := range config.Variables() {
		for _, value := range []string{"", "off", "30s", "12345678901234567890", "NaN", "https://user:hunter2@:99999", `{"a":`, "sk-1\nsk-2", "\xff\x00"} {
			f.Add(uint(i), value, uint(i+1), value)
		}
	}
	f.Fuzz(func(t *testing.T, first uint, a string, second uint, b string) {
		table := config.Variables()
		environ := home(nil)
		for at, value := range map[uint]string{first: a, second: b} {
			name := table[at%uint(len(table))].Name
			if strings.HasSuffix(name, "_FILE") && value != "" {
				value = filepath.Join(t.TempDir(), "none", "~") // no file of this machine is read
			}
			environ[name] = value
		}
		settings, err := config.Load(environ)
		if err == nil {
			if e := settings.Embedding; e.Timeout <= 0 || e.BatchSize < 1 || e.Concurrency < 1 || e.MaxAttempts < 1 || e.CacheMB < 1 || e.BaseURL == "" || e.Model == "" {
				t.Errorf("accepted %+v", e)
			}
			return
		}
		for line := range strings.Lines(err.Error()) {
			if !slices.ContainsFunc(table, func(v config.Variable) bool {
				return strings.HasPrefix(line, v.Name+": ") && strings.HasSuffix(strings.TrimSpace(line), v.Expects)
			}) {
				t.Errorf("a fault names no variable or says more than it may: %q", line)
			}
			for _, value := range []string{a, b} {
				if len(value) > 20 && strings.Contains(line, value) {
					t.Errorf("the value came back: %q", line)
				}
			}
		}
	})
}
