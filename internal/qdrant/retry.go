package qdrant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxElapsed bounds one call with all its attempts and waits, whatever time the
// server asks to be left alone.
const maxElapsed = 15 * time.Minute

// errNotApplied says that a write was answered without error, yet not carried
// out in time: Qdrant reports its own time limit that way.
var errNotApplied = errors.New("write not completed")

// call runs op until it succeeds, fails for good, has been tried s.attempts
// times, or ctx ends. Each attempt has its own deadline. The error begins with
// what, such as "count the points of docs_th.v1".
func call[T any](ctx context.Context, s *Store, what string, op func(context.Context) (T, error)) (T, error) {
	var last error
	attempts := 0
	delays := backoff.NewExponentialBackOff() // jittered by half
	delays.InitialInterval = 200 * time.Millisecond
	delays.Multiplier = 2
	delays.MaxInterval = 5 * time.Second
	start := time.Now()

	value, err := backoff.Retry(ctx, func() (T, error) {
		attempts++
		attempt, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		value, err := op(attempt)
		if err == nil {
			s.reached.Store(true)
			return value, nil
		}
		last = err
		next := s.nextStep(err)
		if attempts >= int(s.attempts) && !s.away(err, start) {
			next = backoff.Permanent(err)
		}
		return value, next
	},
		backoff.WithBackOff(delays),
		backoff.WithMaxElapsedTime(maxElapsed),
		backoff.WithNotify(func(_ error, wait time.Duration) {
			s.log.Warn("retrying", "call", what, "at", s.where, "cause", s.reply(last, attempts), "wait", wait)
		}),
	)
	if err == nil {
		return value, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		switch status.Code(last) {
		case codes.Canceled, codes.DeadlineExceeded: // says no more than the cause does
			return value, fmt.Errorf("%s at %s: %w", what, s.where, cause)
		default:
			return value, fmt.Errorf("%s at %s: %w, after %w", what, s.where, cause, s.reply(last, attempts))
		}
	}
	return value, fmt.Errorf("%s at %s: %w", what, s.where, s.reply(last, attempts))
}

// away says whether the other side is to be waited for beyond the attempts: it
// was there before, and has been away for less than an outage may last.
func (s *Store) away(err error, since time.Time) bool {
	return status.Code(err) == codes.Unavailable && s.reached.Load() && time.Since(since) < s.outage
}

// nextStep translates a failed attempt for backoff.Retry: a permanent error, one
// to wait a named time for, or one to try again.
func (s *Store) nextStep(err error) error {
	if exhausted, ok := errors.AsType[*qc.QdrantResourceExhaustedError](err); ok {
		return &backoff.RetryAfterError{Duration: time.Duration(exhausted.RetryAfterS) * time.Second}
	}
	slow := errors.Is(err, errNotApplied) || status.Code(err) == codes.DeadlineExceeded
	if slow && s.timeoutsEnd {
		return backoff.Permanent(err)
	}
	if slow {
		return err
	}
	switch status.Code(err) {
	case codes.Unavailable:
		if !s.reached.Load() && badTLS(status.Convert(err).Message()) {
			return backoff.Permanent(err)
		}
		return err
	case codes.Internal, codes.FailedPrecondition:
		return err
	default:
		// ResourceExhausted without a time to wait: a size limit, a full disk, or a
		// rate that this request alone exceeds.
		return backoff.Permanent(err)
	}
}

// reply describes the failure of a call that was tried that many times.
func (s *Store) reply(err error, attempts int) error {
	answer := status.Convert(err)
	// Convert would repeat what go-client's own error types put around the status.
	if inner, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		answer = inner.GRPCStatus()
	}
	e := &replyError{code: answer.Code(), message: s.clean(answer.Message()), attempts: attempts}
	switch {
	case tooLarge(e.code, answer.Message()):
		e.kind = errTooLarge
	case errors.Is(err, errNotApplied):
		e.kind = errNotApplied
	case e.code == codes.NotFound:
		e.kind = ErrNoCollection
	case e.code == codes.Aborted:
		e.kind = ErrReadOnly
	case e.code == codes.DeadlineExceeded:
		e.kind = context.DeadlineExceeded
		e.message = fmt.Sprintf("no answer within %s", s.timeout)
	case e.code == codes.Unavailable && s.remote:
		e.hint = s.unavailableHint(answer.Message())
	case e.code == codes.Unauthenticated || e.code == codes.PermissionDenied:
		e.hint = "check QDRANT_API_KEY"
	}
	return e
}

// What crypto/tls says of a server whose certificate does not count, and of one
// that speaks without TLS. gRPC passes on no more than these words.
const (
	tlsCertificate = "x509: "
	tlsNone        = "tls: first record does not look like a TLS handshake"
)

// badTLS recognises settings, the server's or these, that no further attempt
// makes fit.
func badTLS(message string) bool {
	return strings.Contains(message, tlsCertificate) || strings.Contains(message, tlsNone)
}

// unavailableHint says what to do about a server that cannot be talked to.
func (s *Store) unavailableHint(message string) string {
	has := func(words string) bool { return strings.Contains(message, words) }
	switch {
	case has("certificate signed by unknown authority"):
		return "name the authority that signed the server's certificate with QDRANT_CA_FILE"
	case has(tlsCertificate):
		return "QDRANT_URL must name the server as its certificate does, and the certificate be in force"
	case has(tlsNone):
		return "the server speaks without TLS there: write http, and unset QDRANT_TLS, QDRANT_CA_FILE and QDRANT_CERT_FILE"
	case has("remote error: tls: "):
		return "name a certificate that the server takes, and its key, with QDRANT_CERT_FILE and QDRANT_KEY_FILE"
	// With TLS 1.3 a server may hang up before its reason is read.
	case !s.reached.Load() && (has("broken pipe") || has("connection reset") || has("EOF")):
		return "something is there and hangs up: is it Qdrant's gRPC port, does it want https, or a certificate (QDRANT_CERT_FILE)?"
	default:
		return "is Qdrant running there? start it, or unset QDRANT_URL to use the embedded store"
	}
}

// tooLarge recognises the size limits of grpc-go ("larger than max"), of tonic
// in the server ("length too large") and of a proxy before it (HTTP 413).
func tooLarge(code codes.Code, message string) bool {
	switch code {
	case codes.ResourceExhausted, codes.OutOfRange, codes.InvalidArgument, codes.Unknown:
		return strings.Contains(message, "larger than max") ||
			strings.Contains(message, "length too large") ||
			strings.Contains(message, "status code received from server: 413")
	default:
		return false
	}
}

// applied passes a write's error on and turns every answer but Completed into
// one: Acknowledged and WaitTimeout come without error for a write that may
// still fail.
func applied(result *qc.UpdateResult, err error) (struct{}, error) {
	if err != nil {
		return struct{}{}, err
	}
	if got := result.GetStatus(); got != qc.UpdateStatus_Completed {
		return struct{}{}, fmt.Errorf("%w: status %s", errNotApplied, got)
	}
	return struct{}{}, nil
}

// inHalves runs do on all items at once and, while a message proves too large,
// on ever smaller halves of them.
func inHalves[T any](items []T, do func([]T) error) error {
	err := do(items)
	if len(items) < 2 || !errors.Is(err, errTooLarge) {
		return err
	}
	half := len(items) / 2
	if err := inHalves(items[:half], do); err != nil {
		return err
	}
	return inHalves(items[half:], do)
}
