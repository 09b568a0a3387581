package embedding_test

import (
	"bytes"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/vector"
)

const dimensions = 16

// plainE5 tells Hashed the role by the prefix.
var plainE5 = embedding.Profile{QueryPrefix: "query: ", PassagePrefix: "passage: ", Dimensions: dimensions}

var errConnectionRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func readCloser(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }

func newClient(tb testing.TB, config embedding.Config) *embedding.Client {
	tb.Helper()
	c, err := embedding.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// wantIn fails unless there is an error with all of these in its text.
func wantIn(tb testing.TB, err error, want ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatal("no error")
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			tb.Errorf("error %q lacks %q", err, part)
		}
	}
}

func wantHashed(tb testing.TB, role embedding.Role, texts []string, got [][]float32) {
	tb.Helper()
	if len(got) != len(texts) {
		tb.Fatalf("%d vectors for %d texts", len(got), len(texts))
	}
	for i, text := range texts {
		if want := embeddingtest.HashedVector(dimensions, role, text); !slices.Equal(got[i], want) {
			tb.Errorf("%s %q: got %v…, want %v…", role, text, got[i][:2], want[:2])
		}
	}
}

func wantUnit(tb testing.TB, v []float32, dimensions int) {
	tb.Helper()
	if err := vector.Check(v, dimensions); err != nil {
		tb.Error(err)
	}
	if length := math.Sqrt(vector.Dot64(v, v)); math.Abs(length-1) > 1e-6 {
		tb.Errorf("length %v", length)
	}
}
