package embeddingtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
)

// Fault is one way in which an endpoint answers wrongly. Its serve gets the
// endpoint that would answer rightly.
type Fault struct {
	Name  string
	serve func(w http.ResponseWriter, r *http.Request, right http.Handler)
}

// Script is an endpoint that goes through faults, one a request.
type Script struct {
	right  http.Handler
	faults []Fault
	always bool
	served atomic.Int64
}

// Misbehave returns an endpoint that answers its first requests with the faults
// in turn, and all others as right does.
func Misbehave(right http.Handler, faults ...Fault) *Script {
	return &Script{right: right, faults: faults}
}

// MisbehaveAlways returns an endpoint that never answers rightly.
func MisbehaveAlways(right http.Handler, fault Fault) *Script {
	return &Script{right: right, faults: []Fault{fault}, always: true}
}

// Requests returns the number of requests so far.
func (s *Script) Requests() int { return int(s.served.Load()) }

func (s *Script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.served.Add(1)) - 1
	switch {
	case s.always:
		s.faults[0].serve(w, r, s.right)
	case n < len(s.faults):
		s.faults[n].serve(w, r, s.right)
	default:
		s.right.ServeHTTP(w, r)
	}
}

// Faults with a parameter.

// RateLimited answers 429 with this Retry-After: seconds, or an HTTP date.
func RateLimited(retryAfter string) Fault {
	return Fault{"429, Retry-After " + retryAfter, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", retryAfter)
		writeError(w, http.StatusTooManyRequests, "slow down")
	}}
}

// Status answers with a status and a body.
func Status(status int, body string) Fault {
	return Fault{"status " + strconv.Itoa(status), func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}}
}

// Body answers 200 with a body.
func Body(name, body string) Fault {
	fault := Status(http.StatusOK, body)
	fault.Name = name
	return fault
}

// Faults without one.
var (
	// Hang answers nothing until the client gives up.
	Hang = Fault{"hang", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		// Only a read body lets net/http notice that the client left.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}}
	// Cut closes the connection in the middle of the right reply.
	Cut = Fault{"cut connection", func(w http.ResponseWriter, r *http.Request, right http.Handler) {
		body := record(r, right)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}}
	// EchoKey answers 401 with the credentials that it got.
	EchoKey = Fault{"echoed key", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		writeError(w, http.StatusUnauthorized, "no access with "+r.Header.Get("Authorization"))
	}}

	// CutEarly closes the connection before the first byte of an answer.
	CutEarly = Fault{"connection cut early", func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler)
	}}

	ServerError   = Status(http.StatusInternalServerError, `{"error":{"message":"out of luck"}}`)
	StringError   = Status(http.StatusServiceUnavailable, `{"error":"x"}`)
	HTML          = Body("HTML", "<!DOCTYPE html><html><body><h1>Sign in to the Wi-Fi</h1></body></html>")
	Garbage       = Body("10 MB of garbage", strings.Repeat("\x00garbage\xff", 10<<20/9))
	HugeNumber    = Body("10 MB in one number", `{"data":[{"index":0,"embedding":[`+strings.Repeat("1", 10<<20)+`]}]}`)
	Empty         = Body("empty body", "")
	Truncated     = Fault{"truncated JSON", truncate}
	WrongCount    = change("wrong count", func(r *reply) { r.Data = r.Data[1:] })
	OneTooMany    = change("one vector too many", func(r *reply) { r.Data = append(r.Data, r.Data[0]) })
	Duplicate     = change("duplicate index", func(r *reply) { r.Data[len(r.Data)-1].Index = 0 })
	IndexTooHigh  = change("index out of range", func(r *reply) { r.Data[0].Index = len(r.Data) })
	IndexNegative = change("negative index", func(r *reply) { r.Data[0].Index = -1 })
	NaN           = component("NaN", "NaN")
	Infinity      = component("Infinity", "Infinity")
	Overflow      = component("1e999", "1e999")
	Null          = component("null for NaN", "null")
	Wider         = component("one vector wider", "0.5,0.5")
	WrongWidth    = change("wrong width", func(r *reply) {
		for i := range r.Data {
			r.Data[i].Embedding = json.RawMessage(`[0.6,0.8]`)
		}
	})
	ZeroVector = change("zero vector", func(r *reply) {
		width := strings.Count(string(r.Data[0].Embedding), ",") + 1
		r.Data[0].Embedding = json.RawMessage("[" + strings.Repeat("0,", width-1) + "0]")
	})
	// Swapped is no fault: the vectors come in reverse, their indices are right.
	Swapped = change("swapped order", func(r *reply) {
		for i, k := 0, len(r.Data)-1; i < k; i, k = i+1, k-1 {
			r.Data[i], r.Data[k] = r.Data[k], r.Data[i]
		}
	})
)

// Faults returns all ways to go wrong that another attempt may cure, for
// requests of at least two texts. The hang is not among them: it lasts as long
// as the client's patience.
func Faults() []Fault {
	return []Fault{
		RateLimited("1"), ServerError, StringError, Cut, CutEarly,
		HTML, Garbage, HugeNumber, Empty, Truncated,
		WrongCount, OneTooMany, Duplicate, IndexTooHigh, IndexNegative,
		NaN, Infinity, Overflow, Null, Wider, WrongWidth, ZeroVector,
	}
}

// component puts text in the place of a vector's second component.
func component(name, text string) Fault {
	return Fault{name, func(w http.ResponseWriter, r *http.Request, right http.Handler) {
		// Not through encoding/json, which would refuse to write this.
		body := string(record(r, right))
		head, rest, _ := strings.Cut(body, `"embedding":[`)
		numbers, tail, _ := strings.Cut(rest, "]")
		parts := strings.Split(numbers, ",")
		parts[1] = text
		fmt.Fprintf(w, `%s"embedding":[%s]%s`, head, strings.Join(parts, ","), tail)
	}}
}

// change makes a right reply wrong.
func change(name string, spoil func(*reply)) Fault {
	return Fault{name, func(w http.ResponseWriter, r *http.Request, right http.Handler) {
		var out reply
		if err := json.Unmarshal(record(r, right), &out); err != nil || len(out.Data) == 0 {
			writeError(w, http.StatusNotImplemented, "misbehave: no reply to spoil")
			return
		}
		spoil(&out)
		writeJSON(w, http.StatusOK, out)
	}}
}

func truncate(w http.ResponseWriter, r *http.Request, right http.Handler) {
	body := record(r, right)
	_, _ = w.Write(body[:len(body)/2])
}

// record returns the body of the right reply.
func record(r *http.Request, right http.Handler) []byte {
	recorder := httptest.NewRecorder()
	right.ServeHTTP(recorder, r)
	return recorder.Body.Bytes()
}

// Raw answers with bytes that need not be HTTP, and closes the connection.
func Raw(answer string) Fault {
	return Fault{"not HTTP", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			writeError(w, http.StatusNotImplemented, "misbehave: "+err.Error())
			return
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, answer)
	}}
}

// LimitBatch returns an endpoint that refuses requests of more than limit texts.
func LimitBatch(right http.Handler, limit int, refusal Fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var in struct{ Input []string }
		if err != nil || json.Unmarshal(body, &in) != nil {
			writeError(w, http.StatusBadRequest, "invalid JSON body")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if len(in.Input) > limit {
			refusal.serve(w, r, right)
			return
		}
		right.ServeHTTP(w, r)
	})
}
