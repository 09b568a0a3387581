package corpus

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// checkID says what is wrong with an id of a document or a query.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("the id is missing or empty")
	case !utf8.ValidString(id):
		return errors.New("the id is not valid UTF-8")
	case len(id) > maxIDBytes:
		return fmt.Errorf("id %s has %d bytes, at most %d are allowed", quote(id), len(id), maxIDBytes)
	case strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Errorf("id %s contains a control character", quote(id))
	}
	return nil
}

// clean returns s in NFC, or says what is wrong with the field.
func clean(field, s string) (string, error) {
	switch {
	case !utf8.ValidString(s):
		return "", fmt.Errorf("the %s is not valid UTF-8", field)
	case strings.ContainsRune(s, 0):
		return "", fmt.Errorf("the %s contains a NUL character", field)
	}
	s = norm.NFC.String(s)
	if len(s) > maxTextBytes {
		return "", fmt.Errorf("the %s has %d bytes, at most %d (16 MiB) are allowed", field, len(s), maxTextBytes)
	}
	return s, nil
}

// cleanText is clean for a field that must hold something to read.
func cleanText(field, s string) (string, error) {
	s, err := clean(field, s)
	if err == nil && blank(s) {
		return "", fmt.Errorf("the %s is missing or blank", field)
	}
	return s, err
}

// blank says whether s shows nothing: it is empty, or all space, control and
// format characters.
func blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r)
	})
}

// quote quotes s for an error message, cut to a readable length.
func quote(s string) string {
	const most = 80
	if short := fmt.Sprintf("%.*s", most, s); len(short) < len(s) {
		return fmt.Sprintf("%q…", short)
	}
	return fmt.Sprintf("%q", s)
}
