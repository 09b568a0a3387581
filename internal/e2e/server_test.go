package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

// With these variables the test's own program is a server: the embedded engine
// over TCP, which stands in for a Qdrant that can be killed.
const (
	serveVariable   = "E2E_SERVE_STORE"
	addressVariable = "E2E_SERVE_ADDRESS"
)

// serve answers at an address until the process is killed, and says where.
func serve(folder, address string) error {
	engine, err := embedded.Open(context.Background(), folder, embedded.ReadWrite)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return errors.Join(err, engine.Close())
	}
	fmt.Println(listener.Addr())
	return engine.Serve(listener)
}

// server is a store in a process of its own.
type server struct {
	folder  string
	address string // once it was started
	process *exec.Cmd
}

// start returns when the server answers; after a kill it does so at the same
// address.
func (s *server) start(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.process = exec.CommandContext(context.Background(), program)
	address := s.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	s.process.Env = append(os.Environ(), serveVariable+"="+s.folder, addressVariable+"="+address)
	var stderr strings.Builder
	s.process.Stderr = &stderr
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = s.process.Wait()
		t.Fatalf("the server did not start: %v: %s", err, stderr.String())
	}
	s.address = strings.TrimSpace(line)
}

// kill is kill -9.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// url is what QDRANT_URL names.
func (s *server) url() string { return "grpc://" + s.address }
