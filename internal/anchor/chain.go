package anchor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Chain asks several translators, one after the other, until one answers.
type Chain []Translator

// Translate returns the first answer. Where ctx has a deadline, each translator
// may take an equal share of the time that is left when its turn comes, and the
// last one all of it: one that hangs leaves the others time, and one that fails
// at once leaves them its share.
//
// Where none answers, the error joins all of theirs, so that errors.Is finds
// each of their causes; where ctx ends, nobody else is asked.
func (c Chain) Translate(ctx context.Context, request Request) (Anchor, error) {
	var failures []error
	for i, translator := range c {
		anchor, err := ask(ctx, translator, request, len(c)-i)
		if err == nil {
			return anchor, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(failures) == 0 {
		return Anchor{}, fmt.Errorf("%w: no translator to ask", ErrNoTranslation)
	}
	return Anchor{}, &chainError{failures}
}

// chainError is errors.Join on one line.
type chainError struct{ failures []error }

func (e *chainError) Error() string {
	texts := make([]string, len(e.failures))
	for i, failure := range e.failures {
		texts[i] = failure.Error()
	}
	return strings.Join(texts, "; then ")
}

func (e *chainError) Unwrap() []error { return e.failures }

// ask gives translator one share of the time left, of as many as there are.
func ask(ctx context.Context, translator Translator, request Request, shares int) (Anchor, error) {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		share := time.Until(deadline) / time.Duration(shares)
		var cancel context.CancelFunc
		ctx, cancel = withTimeout(ctx, share)
		defer cancel()
	}
	return translator.Translate(ctx, request)
}
