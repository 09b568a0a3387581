package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Confirm asks a question on stderr and returns whether the answer is yes. It
// is a UsageError where nobody can answer; a command with --yes asks nothing.
func (s Streams) Confirm(ctx context.Context, question string) (bool, error) {
	if !isTerminal(s.Stdin) {
		return false, WithHint(UsageError{Err: errors.New("this needs a confirmation, and stdin is no terminal")}, "pass --yes to confirm")
	}
	fmt.Fprintf(s.Stderr, "%s [y/N] ", Clean(question))
	type reply struct {
		line string
		err  error
	}
	// A read cannot be interrupted; the process ends soon after.
	replies := make(chan reply, 1)
	go func() {
		line, err := bufio.NewReader(s.Stdin).ReadString('\n')
		replies <- reply{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Stderr)
		return false, context.Cause(ctx)
	case got := <-replies:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return false, fmt.Errorf("read the answer: %w", got.err)
		}
		switch strings.ToLower(strings.TrimSpace(got.line)) {
		case "y", "yes":
			return true, nil
		}
		return false, nil
	}
}
