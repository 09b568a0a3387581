// Package cli is what the three commands share: exit codes and the one place
// that prints errors, flag parsing, progress, tables and questions.
//
// stdout is data, stderr is everything else. The package knows terminals and
// nothing of documents, vectors or endpoints.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/query-synergy/query-synergy/internal/cli/fault"
)

// Exit codes of every command.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitMisuse      = 2
	ExitPartial     = 3   // done, but not all of it
	ExitInterrupted = 130 // by SIGINT or SIGTERM
)

// errInterrupted is the cause with which a signal ends the context.
var errInterrupted = errors.New("interrupted")

// Run is a command without its process. Its context ends at SIGINT or SIGTERM.
type Run func(ctx context.Context, args []string, streams Streams) error

// Main runs a command with the process's arguments and streams and returns the
// exit code. After the first signal, a second one kills the process at once.
func Main(name string, run Run) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	notified, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(notified, func() {
		stop() // the signals do again what they do by default
		cancel(errInterrupted)
	})
	return Execute(ctx, name, run, os.Args[1:], ProcessStreams())
}

// Execute runs a command, prints its error and hints to stderr and returns the
// exit code.
func Execute(ctx context.Context, name string, run Run, args []string, streams Streams) int {
	err := run(ctx, args, streams)
	switch {
	case err == nil, errors.Is(err, ErrHelpShown):
		return ExitOK
	case ctx.Err() != nil:
		// What failed did so because it was stopped.
		printLines(streams.Stderr, name+": error: ", context.Cause(ctx).Error())
	default:
		printLines(streams.Stderr, name+": error: ", err.Error())
	}
	for _, hint := range hints(err) {
		printLines(streams.Stderr, name+": hint: ", hint)
	}
	return exitCode(ctx, err)
}

func exitCode(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		return ExitInterrupted
	}
	if _, ok := errors.AsType[UsageError](err); ok {
		return ExitMisuse
	}
	if _, ok := errors.AsType[PartialError](err); ok {
		return ExitPartial
	}
	return ExitFailed
}

// printLines prints each line of text after prefix. An error may quote a
// document, so its lines are cleaned.
func printLines(w io.Writer, prefix, text string) {
	for line := range strings.Lines(text) {
		if line = Clean(line); line != "" {
			fmt.Fprintln(w, prefix+line)
		}
	}
}

// ErrHelpShown is what Parse returns where it printed the help or the version:
// there is nothing left to do, and nothing failed.
var ErrHelpShown = errors.New("help was shown")

// UsageError is a command line or an environment that makes no sense.
type UsageError = fault.UsageError

// PartialError says which part of the work was not done; the rest was.
type PartialError struct{ Err error }

func (e PartialError) Error() string { return e.Err.Error() }
func (e PartialError) Unwrap() error { return e.Err }

// WithHint adds to err what to do about it, printed on a line of its own.
func WithHint(err error, hint string) error { return fault.WithHint(err, hint) }

// hints returns the distinct hints of all errors in err's tree, outermost first.
func hints(err error) []string {
	var all []string
	var walk func(error)
	walk = func(err error) {
		if h, ok := err.(interface{ Hint() string }); ok && !slices.Contains(all, h.Hint()) {
			all = append(all, h.Hint())
		}
		switch e := err.(type) { //nolint:errorlint // this is the unwrapping
		case interface{ Unwrap() error }:
			if inner := e.Unwrap(); inner != nil {
				walk(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
	return all
}
