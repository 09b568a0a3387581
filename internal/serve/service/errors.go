package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/search"
)

// Code says in a word what went wrong, for programs. docs/api.md lists what each
// means and which HTTP status goes with it.
type Code string

// The codes of this package; package serve has more, for what never gets here.
const (
	CodeInvalid         Code = "invalid_request"
	CodeNotFound        Code = "not_found"
	CodeLanguageUnclear Code = "language_unclear"
	CodeAnchorMissing   Code = "anchor_missing"
	CodeMismatch        Code = "index_mismatch"
	CodeEmbedding       Code = "embedding_unavailable"
	CodeStore           Code = "store_unavailable"
	CodeOverloaded      Code = "overloaded"
	CodeTimeout         Code = "timeout"
	CodeCanceled        Code = "canceled" // nobody waits for the answer
)

// Error is the one form of all errors. Code, Message and Hint are for whoever
// asked; what Unwrap returns is for the log.
type Error struct {
	Code    Code
	Message string
	Hint    string // what to do about it; may be empty
	cause   error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause, which may hold addresses and paths; nil where the
// message says it all.
func (e *Error) Unwrap() error { return e.cause }

// invalid returns the error of a request that makes no sense. err's text is
// shown.
func invalid(err error) *Error { return &Error{Code: CodeInvalid, Message: err.Error()} }

func overloaded() *Error {
	return &Error{Code: CodeOverloaded, Message: "too many searches are under way", Hint: "try again in a moment"}
}

// explain turns any error into an *Error.
func explain(ctx context.Context, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return &Error{Code: CodeTimeout, Message: "the search took too long", cause: err}
		}
		return &Error{Code: CodeCanceled, Message: "the search was canceled", cause: err}
	}
	if unclear, ok := errors.AsType[*UnclearError](err); ok {
		return &Error{Code: CodeLanguageUnclear, Message: unclear.Error(), Hint: `name it in "lang"`, cause: err}
	}
	if missing, ok := errors.AsType[*search.MissingAnchorError](err); ok {
		return &Error{
			Code: CodeAnchorMissing, Message: fmt.Sprintf("the query has no anchor (%s): %s", missing.Anchor.Status, missing.Anchor.Status.Absence()),
			Hint: `give one in "anchor", or leave "require_anchor" away`, cause: err,
		}
	}
	if mismatch, ok := errors.AsType[*qdrant.SchemaError](err); ok {
		return &Error{
			Code: CodeMismatch, Message: fmt.Sprintf("index %s was built with other embedding settings than the server has", mismatch.Key),
			Hint: "start the server with the settings that the index was built with; indexer status shows its model", cause: err,
		}
	}
	switch embed := (embedError{}); {
	case errors.Is(err, qdrant.ErrNoCollection):
		return &Error{Code: CodeNotFound, Message: "there is no such index", Hint: `check "corpus" and "lang": GET /v1/corpora lists what is indexed`, cause: err}
	case errors.As(err, &embed):
		return &Error{Code: CodeEmbedding, Message: "the query could not be embedded", Hint: "try again; the server's log says why", cause: err}
	}
	return &Error{Code: CodeStore, Message: "the index could not be searched", Hint: "try again; the server's log says why", cause: err}
}
