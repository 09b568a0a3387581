package anchor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// apertiumServer returns the command of a real Apertium server and the folder
// of its language pairs: those that testdata/install-apertium unpacked into the
// tree, or the system's.
func apertiumServer(t *testing.T) (command, pairs string) {
	t.Helper()
	tree := filepath.Join(testenv.Root(t), ".cache", "apertium")
	for _, place := range [][2]string{
		{filepath.Join(tree, "bin", "apertium-apy"), filepath.Join(tree, "root", "usr", "share", "apertium")},
		{"/usr/bin/apertium-apy", "/usr/share/apertium"},
	} {
		_, noCommand := os.Stat(place[0])
		_, noPair := os.Stat(filepath.Join(place[1], "modes", "spa-eng.mode"))
		if noCommand == nil && noPair == nil {
			return place[0], place[1]
		}
	}
	testenv.Missing(t, "Apertium with its Spanish-English pair",
		"run `internal/anchor/testdata/install-apertium .cache/apertium`, or apt-get install apertium-apy apertium-eng-spa")
	return "", ""
}

// startApertium starts the real server and returns its base URL.
func startApertium(t *testing.T) string {
	t.Helper()
	command, pairs := apertiumServer(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	server := exec.Command(command, "-p", port, pairs)
	server.Dir, server.Stdout, server.Stderr = t.TempDir(), &output, &output
	// The translation pipes that it starts hold its output open a little longer.
	server.WaitDelay = time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
	})
	base := "http://127.0.0.1:" + port
	ready, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ready, http.MethodGet, base+"/listPairs", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			return base
		}
		select {
		case <-ended:
			t.Fatalf("%s ended at once: %s", command, &output)
		case <-ready.Done():
			t.Fatalf("%s does not answer at %s", command, base)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestRealApertium(t *testing.T) {
	client, err := anchor.NewApertium(anchor.ServerConfig{BaseURL: startApertium(t), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, to, text, want string }{
		{"es", "en", "¿Cuántos puntos dejó escapar la defensa de los Panthers?", "How many points left to escape the defence of the Panthers?"},
		{"es", "en", "la casa blanca", "The white house"},
		{"en", "es", "the white house", "La casa blanca"},
		{"es-MX", "en", "la casa & el gato + 50% = ¿qué?", "The house & the cat + 50% = what?"},
		{"es", "en-US", "el color de la casa", "The color of the house"},
		{"es", "en", "el color de la casa", "The colour of the house"},
	} {
		got, err := client.Translate(t.Context(), anchor.Request{Text: test.text, From: test.from, To: test.to})
		if want := (anchor.Anchor{Text: test.want, Lang: test.to, Origin: "apertium"}); err != nil || got != want {
			t.Errorf("%s-%s %q: %+v, %v, want %+v", test.from, test.to, test.text, got, err, want)
		}
	}
	if _, err := client.Translate(t.Context(), thai); !errors.Is(err, anchor.ErrNoTranslation) {
		t.Errorf("Thai: %v, want ErrNoTranslation", err)
	}
}

// Many at a time get each their own answer.
func TestRealApertiumBatch(t *testing.T) {
	client, err := anchor.NewApertium(anchor.ServerConfig{BaseURL: startApertium(t), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var requests []anchor.Request
	for i := range 60 {
		requests = append(requests, anchor.Request{Text: fmt.Sprintf("¿Dónde está la casa número %d?", i), From: "es", To: "en"})
	}
	outcomes, err := anchor.TranslateAll(t.Context(), client, requests, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range outcomes {
		if got.Err != nil || !strings.HasPrefix(got.Anchor.Text, "Where") || !strings.Contains(got.Anchor.Text, fmt.Sprintf(" %d?", i)) {
			t.Errorf("%q: %+v", requests[i].Text, got)
		}
	}
}
