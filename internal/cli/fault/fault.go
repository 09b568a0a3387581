// Package fault marks errors with what a person at a command line is to know
// besides: that the input makes no sense, and what to do.
//
// It is apart from package cli, which prints them, so that what makes such errors
// need not know a command line's flags and progress bars.
package fault

// UsageError is a command line or an environment that makes no sense.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// hinted is an error with advice. Other packages' errors may give some too, by
// a method Hint() string.
type hinted struct {
	error
	hint string
}

// WithHint adds to err what to do about it, printed on a line of its own.
func WithHint(err error, hint string) error { return hinted{err, hint} }

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }
