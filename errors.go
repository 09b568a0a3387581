package querysynergy

import (
	"errors"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/search"
)

// Errors to branch on, with errors.Is. What is wrong with the index is a
// *[MismatchError], a required anchor that could not be had a *[NoAnchorError].
var (
	// ErrInvalid means that the options, the query or a document make no sense.
	ErrInvalid = errors.New("invalid")
	// ErrNoIndex means that the corpus is not indexed in the language asked for.
	ErrNoIndex = errors.New("no such index")
	// ErrUnclearLanguage means that the language of the query could not be told:
	// name it, with WithLang.
	ErrUnclearLanguage = errors.New("unclear language")
	// ErrLocked means that another process, or another Add, is writing to the
	// folder.
	ErrLocked = errors.New("store is being written to")
	// ErrClosed means that the Retriever was closed before.
	ErrClosed = errors.New("retriever is closed")
)

// MismatchError says that an index was built otherwise than the Retriever would
// build or search it: with another model, prefix or cut. Mixing them would give
// scores that mean nothing.
type MismatchError struct {
	Corpus, Lang string
	Differences  []string // sentences that name both sides, never empty
	cause        error
}

func (e *MismatchError) Error() string { return e.cause.Error() }

// NoAnchorError is the error of a query that requires an anchor and has none.
type NoAnchorError struct {
	Anchor Anchor // its Status and Reason say why
	cause  error
}

func (e *NoAnchorError) Error() string { return e.cause.Error() }

// kindError marks an error as one of the sentinels above without repeating
// itself in words.
type kindError struct{ kind, cause error }

func (e *kindError) Error() string   { return e.cause.Error() }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.cause} }

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &kindError{ErrInvalid, err}
}

// explain translates the errors that callers branch on.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if mismatch, ok := errors.AsType[*qdrant.SchemaError](err); ok {
		return &MismatchError{Corpus: mismatch.Key.Corpus, Lang: mismatch.Key.Lang, Differences: mismatch.Differences, cause: err}
	}
	if missing, ok := errors.AsType[*search.MissingAnchorError](err); ok {
		return &NoAnchorError{Anchor: newAnchor(missing.Anchor), cause: err}
	}
	if _, locked := errors.AsType[*embedded.LockedError](err); locked {
		return &kindError{ErrLocked, err}
	}
	if errors.Is(err, qdrant.ErrNoCollection) || errors.Is(err, embedded.ErrNoStore) {
		return &kindError{ErrNoIndex, err}
	}
	return err
}
