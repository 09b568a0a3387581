package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: the far end is what a command gets as a
// stream, typing and screen are what a person does.
type terminal struct {
	far    *os.File
	near   *os.File
	mu     sync.Mutex
	output bytes.Buffer
	read   sync.WaitGroup
}

func openTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("skipped: no pseudo-terminals here: %v", err)
	}
	fd := int(near.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{far: far, near: near}
	term.read.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, err := near.Read(buffer)
			term.mu.Lock()
			term.output.Write(buffer[:n])
			term.mu.Unlock()
			if err != nil { // EIO once the far end is closed
				return
			}
		}
	})
	t.Cleanup(func() { far.Close(); near.Close() })
	return term
}

// seen returns what was written so far.
func (t *terminal) seen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.output.String()
}

// finish closes the far end and returns everything that was written to it.
func (t *terminal) finish() string {
	t.far.Close()
	t.read.Wait()
	return t.seen()
}

func (t *terminal) typeLine(tb testing.TB, text string) {
	tb.Helper()
	if _, err := io.WriteString(t.near, text+"\n"); err != nil {
		tb.Fatal(err)
	}
}
