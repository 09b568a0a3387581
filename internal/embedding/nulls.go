package embedding

import (
	"errors"
	"io"
	"net/http"

	"github.com/query-synergy/query-synergy/internal/endpoint"
)

// refuseNulls makes a null among numbers an error. Servers whose JSON library
// writes NaN as null exist, and encoding/json reads it as 0 without a word.
type refuseNulls struct{ attempt *endpoint.Attempt }

func (d refuseNulls) Do(request *http.Request) (*http.Response, error) {
	response, err := d.attempt.Do(request)
	if err != nil {
		return nil, err
	}
	response.Body = &nullScanner{ReadCloser: response.Body}
	return response, nil
}

// nullScanner reads JSON and stops at an array element that is null: outside
// strings, an n after a bracket or a comma, for an object's value follows a
// colon.
type nullScanner struct {
	io.ReadCloser
	inString, escaped bool
	last              byte // outside strings, white space aside
}

func (s *nullScanner) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	for i, b := range p[:n] {
		switch {
		case s.inString:
			s.inString = s.escaped || b != '"'
			s.escaped = !s.escaped && b == '\\'
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
		default:
			if b == 'n' && (s.last == '[' || s.last == ',') {
				return i, errors.New("null where a number belongs")
			}
			s.inString = b == '"'
			s.last = b
		}
	}
	return n, err
}
