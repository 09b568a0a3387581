package qdrant

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
)

var (
	// ErrNoCollection says that nothing is indexed under the key or name given.
	ErrNoCollection = errors.New("no such collection")

	// ErrReadOnly says that the embedded store does not take writes from here.
	ErrReadOnly = errors.New("store is read-only")

	// errTooLarge says that a message exceeded a size limit of either side.
	errTooLarge = errors.New("message too large")
)

// SchemaError says that an index was built otherwise than this run would build
// it, so that the two must not be mixed.
type SchemaError struct {
	Key         Key
	Differences []string // sentences that name both sides, never empty
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("index %s was built differently: %s", e.Key, strings.Join(e.Differences, "; "))
}

// replyError is a refusal or failure as the other side, or the connection to
// it, reported it.
type replyError struct {
	code     codes.Code
	message  string // short, holds no key
	attempts int
	hint     string // may be empty
	kind     error  // a sentinel of this package or of context, or nil
}

func (e *replyError) Error() string {
	text := fmt.Sprintf("%s (%s", e.message, e.code)
	if e.attempts > 1 {
		text += fmt.Sprintf(", %d attempts", e.attempts)
	}
	text += ")"
	if e.hint != "" {
		text += ": " + e.hint
	}
	return text
}

func (e *replyError) Unwrap() error { return e.kind }

// clean makes a foreign message fit for an error: one short line, without the
// API key even where a server or proxy repeats it.
func (s *Store) clean(message string) string {
	if s.apiKey != "" {
		message = strings.ReplaceAll(message, s.apiKey, "[key]")
	}
	message = strings.TrimPrefix(message, "connection error: desc = \"transport: ")
	message = strings.TrimPrefix(message, "Error while dialing: ")
	message = strings.TrimSuffix(message, "\"")
	return cut(strings.Join(strings.Fields(message), " "))
}

// cut shortens a text that an error repeats.
func cut(text string) string {
	const limit = 120
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-3]) + "..."
	}
	return text
}
