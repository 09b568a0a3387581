package testenv

import (
	"os"
	"testing"
)

// Soaking says whether the long proofs run: a hundred kills, minutes of load,
// thousands of random queries. `make soak` asks for them with SOAK=1.
func Soaking() bool { return os.Getenv("SOAK") == "1" }

// Soak skips a test that is a long proof, unless one was asked for. Not to run
// it is no failure in CI: a short version of the same always runs.
func Soak(t testing.TB) {
	t.Helper()
	if !Soaking() {
		t.Skip("a long proof: set SOAK=1, or run make soak")
	}
}
