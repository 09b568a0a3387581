package endpoint

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// StatusError is a reply whose status is not 2xx.
type StatusError struct {
	Status     int
	Message    string        // the reply's beginning, up to 4 KiB, without the API key
	RetryAfter time.Duration // what the reply asks to wait; 0: it does not ask
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("status %d", e.Status)
	if name := http.StatusText(e.Status); name != "" {
		text += " " + name
	}
	if e.Message != "" {
		text += fmt.Sprintf(": %q", cut(e.Message))
	}
	return text
}

// redirectError is a redirect that was not followed.
type redirectError struct{ to string }

func (e *redirectError) Error() string {
	return "it redirects to " + e.to + ", which is not followed: give the final address as the base URL"
}

// isPermanent says whether the same request would only fail again.
func isPermanent(err error) bool {
	if status, ok := errors.AsType[*StatusError](err); ok {
		switch status.Status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		default:
			if status.Status < 500 {
				return true
			}
		}
	}
	if _, ok := errors.AsType[*redirectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	_, ok := errors.AsType[*backoff.PermanentError](err)
	return ok
}

// hint says what to do about err, as the end of its message.
func (e *Endpoint) hint(err error) string {
	hints := e.config.Hints
	if status, ok := errors.AsType[*StatusError](err); ok {
		switch status.Status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Sprintf(" (the key comes from %s)", hints.KeyVariables)
		case http.StatusNotFound:
			return fmt.Sprintf(" (is the model's name right, and does the base URL in %s include /v1?)", hints.URLVariables)
		}
		return ""
	}
	_, unknownHost := errors.AsType[*net.DNSError](err)
	if !unknownHost && !errors.Is(err, syscall.ECONNREFUSED) {
		return ""
	}
	if hints.Start == "" {
		return fmt.Sprintf(" (set %s to one that runs)", hints.URLVariables)
	}
	return fmt.Sprintf(" (%s, or set %s to one that runs)", hints.Start, hints.URLVariables)
}

// parseRetryAfter reads both forms of the header, RFC 9110 §10.2.3. A time that
// has passed, 0 and anything else read as 0: no wish.
func parseRetryAfter(header string) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
