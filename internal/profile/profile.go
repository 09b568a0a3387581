// Package profile keeps what was tuned on judged questions in a file: `evaluate
// tune` writes it, `query` goes by it.
//
// It knows the file and nothing of how its figures were found.
package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// Profile is what was tuned for a model. A weight that is best for one model is
// not for the next, so a profile is refused with another.
type Profile struct {
	Version    int               `json:"version"`
	Model      string            `json:"model"`
	AnchorLang string            `json:"anchor_lang"`
	Dataset    string            `json:"dataset"` // that it was tuned on
	Langs      map[string]Tuning `json:"langs"`   // by language of the documents
}

// Tuning holds the figures of one language.
type Tuning struct {
	Lambda    float64 `json:"lambda"`    // weight of the source query, in [0, 1]
	Questions int     `json:"questions"` // that it was tuned on
}

const (
	version  = 1
	maxBytes = 1 << 20
)

// Lambda returns λ for documents in a language and anchors in another; false
// where the profile has none. A tag that it does not name takes the value of
// its base language ("pt" for "pt-BR").
func (p *Profile) Lambda(language, anchorLang string) (float64, bool) {
	if p == nil || lang.Base(anchorLang) != lang.Base(p.AnchorLang) {
		return 0, false
	}
	t, ok := p.Langs[language]
	if !ok {
		t, ok = p.Langs[lang.Base(language)]
	}
	return t.Lambda, ok
}

// Read reads the profile at path. It must be of this model.
func Read(path, model string) (*Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read profile %s: %w", path, err)
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("read profile %s: it is larger than %d bytes: is this the right file?", path, maxBytes)
	}
	p, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read profile %s: %w", path, err)
	}
	if p.Model != model {
		return nil, fmt.Errorf("profile %s was tuned for model %.120q, not for %.120q: tune again with evaluate tune", path, p.Model, model)
	}
	return p, nil
}

func parse(text []byte) (*Profile, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	p := &Profile{}
	if err := decoder.Decode(p); err != nil {
		line := 1 + bytes.Count(text[:min(int(decoder.InputOffset()), len(text))], []byte("\n"))
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON object")
	}
	return p, p.validate()
}

func (p *Profile) validate() error {
	if p.Version != version {
		return fmt.Errorf("version is %d, this program reads %d", p.Version, version)
	}
	if strings.TrimSpace(p.Model) == "" {
		return errors.New("it names no model")
	}
	tags := append(slices.Sorted(maps.Keys(p.Langs)), p.AnchorLang)
	for _, tag := range tags {
		if parsed, err := lang.Parse(tag); err != nil || parsed != tag {
			return fmt.Errorf("%.40q is not a language tag in its usual form", tag)
		}
	}
	for _, tag := range tags[:len(tags)-1] {
		if l := p.Langs[tag].Lambda; !(l >= 0 && l <= 1) { // also catches NaN
			return fmt.Errorf("lambda of %q is %v, want a number in [0, 1]", tag, l)
		}
	}
	return nil
}

// Write replaces the file at path in one step.
func (p *Profile) Write(path string) (err error) {
	p.Version = version
	if err := p.validate(); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write profile: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
