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
	"github.com/query-synergy/query-synergy/internal/trust"
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
	// Translators holds what each translator's anchors are worth, by the name
	// that results have for it ("chat:MODEL", "apertium"). People's anchors, given
	// by hand or with a dataset, are those of "human".
	Translators map[string]trust.Fit `json:"translators,omitempty"`
}

const (
	version  = 1
	maxBytes = 1 << 20
	maxName  = 1000 // bytes of a translator's name
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

// Trust returns how far a translator's anchors are trusted in a language, in
// [0, 1], and their λ; false where the profile does not know the translator
// there. As in Lambda, a base language stands in for its variants.
func (p *Profile) Trust(language, anchorLang, translator string) (trusted, lambda float64, ok bool) {
	if p == nil || lang.Base(anchorLang) != lang.Base(p.AnchorLang) {
		return 0, 0, false
	}
	fit, ok := p.Langs[language].Translators[translator]
	if !ok {
		fit, ok = p.Langs[lang.Base(language)].Translators[translator]
	}
	return fit.Trust, fit.Lambda, ok
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
		return nil, atLine(text, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON object")
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	// A weight that is left out must not pass for 0, which is the anchor alone.
	var given struct {
		Langs map[string]struct {
			Lambda      *float64
			Translators map[string]struct{ Lambda *float64 }
		}
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	for _, tag := range slices.Sorted(maps.Keys(given.Langs)) {
		if given.Langs[tag].Lambda == nil {
			return nil, fmt.Errorf("%q has no lambda", tag)
		}
		translators := given.Langs[tag].Translators
		for _, name := range slices.Sorted(maps.Keys(translators)) {
			if translators[name].Lambda == nil {
				return nil, fmt.Errorf("translator %.120q of %q has no lambda", name, tag)
			}
		}
	}
	return p, nil
}

// atLine names the line of a fault that the decoder places.
func atLine(text []byte, err error) error {
	var offset int64 // after the faulty byte or value
	if fault, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = fault.Offset
	} else if fault, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = fault.Offset
	}
	if offset < 1 || offset > int64(len(text)) {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:offset-1], []byte("\n")), err)
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
		translators := p.Langs[tag].Translators
		for _, name := range slices.Sorted(maps.Keys(translators)) {
			if strings.TrimSpace(name) == "" || len(name) > maxName {
				return fmt.Errorf("a translator of %q has a name of %d bytes, want 1 to %d", tag, len(name), maxName)
			}
			if err := translators[name].Check(); err != nil {
				return fmt.Errorf("translator %.120q of %q: %w", name, tag, err)
			}
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
