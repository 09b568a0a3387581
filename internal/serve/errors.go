package serve

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// The codes of what never gets to package service.
const (
	CodeUnauthorized     service.Code = "unauthorized"
	CodeForbidden        service.Code = "forbidden"
	CodeWrongHost        service.Code = "wrong_host"
	CodeMethodNotAllowed service.Code = "method_not_allowed"
	CodeTooLarge         service.Code = "too_large"
	CodeMediaType        service.Code = "unsupported_media_type"
	CodeRateLimited      service.Code = "rate_limited"
	CodeInternal         service.Code = "internal"
)

// statusClientLeft is what logs and metrics show where nobody waited for the
// answer. No client sees it.
const statusClientLeft = 499

// statuses holds the HTTP status of each code.
var statuses = map[service.Code]int{
	service.CodeInvalid:         http.StatusBadRequest,
	CodeUnauthorized:            http.StatusUnauthorized,
	CodeForbidden:               http.StatusForbidden,
	service.CodeNotFound:        http.StatusNotFound,
	CodeMethodNotAllowed:        http.StatusMethodNotAllowed,
	service.CodeMismatch:        http.StatusConflict,
	CodeTooLarge:                http.StatusRequestEntityTooLarge,
	CodeMediaType:               http.StatusUnsupportedMediaType,
	CodeWrongHost:               http.StatusMisdirectedRequest,
	service.CodeLanguageUnclear: http.StatusUnprocessableEntity,
	service.CodeAnchorMissing:   http.StatusUnprocessableEntity,
	CodeRateLimited:             http.StatusTooManyRequests,
	service.CodeCanceled:        statusClientLeft,
	CodeInternal:                http.StatusInternalServerError,
	service.CodeEmbedding:       http.StatusBadGateway,
	service.CodeOverloaded:      http.StatusServiceUnavailable,
	service.CodeStore:           http.StatusServiceUnavailable,
	service.CodeTimeout:         http.StatusGatewayTimeout,
}

// errorBody is the one form of errors.
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code      service.Code `json:"code"`
	Message   string       `json:"message"`
	Hint      string       `json:"hint,omitempty"`
	RequestID string       `json:"request_id"`
}

// detail turns any error into the one form, and says its status.
func detail(r *http.Request, err error) (errorBody, int) {
	e, ok := errors.AsType[*service.Error](err)
	if !ok {
		e = &service.Error{Code: CodeInternal, Message: "something went wrong", Hint: "the server's log says what"}
	}
	return errorBody{errorDetail{Code: e.Code, Message: e.Message, Hint: e.Hint, RequestID: requestID(r.Context())}}, statuses[e.Code]
}

// retryAfter is how many seconds a client is asked to wait, at the least.
const retryAfter = 1

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	body, status := detail(r, err)
	if body.Error.Code == CodeInternal {
		s.log.LogAttrs(r.Context(), slog.LevelError, "internal error", slog.String("request_id", body.Error.RequestID), slog.Any("error", err))
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if w.Header().Get("Retry-After") == "" {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		}
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="Query-Synergy: any name, the token as password", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", "Bearer")
	case http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	s.metrics.refused(body.Error.Code)
	writeJSON(w, status, body)
}

// writeJSON writes a value as `query --json` prints it.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client may have left
}
