package qdrant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	qc "github.com/qdrant/go-client/qdrant"
)

// schemaVersion changes when the layout of payloads or of the record does.
const schemaVersion = 1

// recordKey is the collection metadata key that holds a record. A collection
// without it was not written by this program.
const recordKey = "query_synergy"

// maxDimensions is Qdrant's own limit on the size of a dense vector.
const maxDimensions = 65536

// Key names an index: one language of one corpus. An index is reached through
// the alias "<corpus>_<lang>".
type Key struct {
	Corpus string `json:"corpus"` // letters, digits, dot, underscore, hyphen; at most 100
	Lang   string `json:"lang"`   // BCP 47: th, zh-Hant
}

var (
	corpusPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	// No underscore: the last one of an alias divides corpus and language.
	langPattern = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$`)
)

// Validate returns an error unless both parts can be part of a collection name.
func (k Key) Validate() error {
	if !corpusPattern.MatchString(k.Corpus) {
		return fmt.Errorf("corpus name %q: want 1 to 100 letters, digits, dots, underscores or hyphens, the first a letter or digit", cut(k.Corpus))
	}
	if !langPattern.MatchString(k.Lang) {
		return fmt.Errorf("language %q: want a BCP 47 tag such as th or zh-Hant", cut(k.Lang))
	}
	return nil
}

// String returns the alias.
func (k Key) String() string { return k.Corpus + "_" + k.Lang }

// Schema is what an index was built with. Vectors, and passages cut, under
// another schema do not belong beside its own.
type Schema struct {
	Model         string `json:"model"`
	Dimensions    int    `json:"dimensions"` // 1 to 65536
	QueryPrefix   string `json:"query_prefix"`
	PassagePrefix string `json:"passage_prefix"`
	QueryBody     string `json:"query_body"`   // extra request fields, JSON
	PassageBody   string `json:"passage_body"` // extra request fields, JSON
	EmbedsTitle   bool   `json:"embeds_title"`
	ChunkRunes    int    `json:"chunk_runes"`
	OverlapRunes  int    `json:"overlap_runes"`
	// Augment says which generated queries the vectors hold besides their
	// passages; nil: none.
	Augment *Augment `json:"augment,omitempty"`
	// Layout says under which keys a point has what; the zero one: OwnLayout.
	Layout Layout `json:"layout,omitzero"`
}

// Augment describes an index whose vectors are made of passages and queries.
type Augment struct {
	Alpha float64 `json:"alpha"` // from 0, passages alone, to 1
	// Mode is "multi" where a passage has a vector for each of its queries;
	// empty, it has one.
	Mode string `json:"mode,omitempty"`
	// Missing says what passages without queries were blended with: "typical",
	// what the others have in the mean. Empty where nothing is blended.
	Missing string `json:"missing,omitempty"`
	// Distance is "dot" where the vectors were left at the length that they came
	// to and count with it; empty, they have unit length.
	Distance string `json:"distance,omitempty"`
	// MaxLength bounds the vectors' lengths; 0 unless Distance is "dot".
	MaxLength float64 `json:"max_length,omitempty"`
	// Hub says that each vector has one component more than Dimensions, its last:
	// the passage's hubness. nil: it has none.
	Hub *Hub `json:"hub,omitempty"`

	Queries    int      `json:"queries"`
	PerPassage int      `json:"per_passage"` // the most that one has in a language
	Langs      []string `json:"langs"`
	Models     []string `json:"models"`  // that generated them, as far as is known
	Prompts    []string `json:"prompts"` // hashes, likewise
	Hash       string   `json:"hash"`    // of all queries, in order
}

// Hub describes how much of a passage's hubness its score is lowered by.
type Hub struct {
	Weight     float64 `json:"weight"`     // above 0, to MaxHubWeight
	Neighbours int     `json:"neighbours"` // queries nearest to a passage that it is the mean of; 0: all
	Lang       string  `json:"lang"`       // of the queries, where there are any in it
}

// MaxHubWeight is far beyond what helps.
const MaxHubWeight = 10

// The values of Augment's texts other than the usual, which is left out.
const (
	ModeMulti      = "multi"
	DistanceDot    = "dot"
	MissingTypical = "typical"
)

// HasHub says whether the vectors hold their passages' hubness.
func (s Schema) HasHub() bool { return s.augment().Hub != nil }

// Width returns how many components a stored vector has.
func (s Schema) Width() int {
	if s.HasHub() {
		return s.Dimensions + 1
	}
	return s.Dimensions
}

// Products says whether vectors are compared by dot product, as they are, and not
// by cosine.
func (s Schema) Products() bool {
	return s.augment().Distance == DistanceDot || s.HasHub()
}

// distance is that of the collection.
func (s Schema) distance() qc.Distance {
	if s.Products() {
		return qc.Distance_Dot
	}
	return qc.Distance_Cosine
}

// augment and hub are zero where there is none.
func (s Schema) augment() Augment {
	if s.Augment == nil {
		return Augment{}
	}
	return *s.Augment
}

func (a Augment) hub() Hub {
	if a.Hub == nil {
		return Hub{}
	}
	return *a.Hub
}

// bank names the queries. Models and prompts belong to their history and do not
// change a vector.
func (s Schema) bank() string {
	const digits = 12
	if s.Augment == nil {
		return ""
	}
	return fmt.Sprintf("%d in %s, %.*s", s.Augment.Queries, strings.Join(s.Augment.Langs, ", "), digits, s.Augment.Hash)
}

// Diff returns one sentence for each field in which the index, s, differs from
// the run, now; none if they agree.
func (s Schema) Diff(now Schema) []string {
	was, is := s.augment(), now.augment()
	var differences []string
	for _, field := range []struct {
		name       string
		index, run any
	}{
		{"model", s.Model, now.Model},
		{"dimensions", s.Dimensions, now.Dimensions},
		{"query prefix", s.QueryPrefix, now.QueryPrefix},
		{"passage prefix", s.PassagePrefix, now.PassagePrefix},
		{"query body", s.QueryBody, now.QueryBody},
		{"passage body", s.PassageBody, now.PassageBody},
		{"embeds title", s.EmbedsTitle, now.EmbedsTitle},
		{"chunk runes", s.ChunkRunes, now.ChunkRunes},
		{"overlap runes", s.OverlapRunes, now.OverlapRunes},
		{"alpha", was.Alpha, is.Alpha},
		{"mode", was.Mode, is.Mode},
		{"passages without queries", was.Missing, is.Missing},
		{"distance", was.Distance, is.Distance},
		{"hub", was.hub().Weight, is.hub().Weight},
		{"hub neighbours", was.hub().Neighbours, is.hub().Neighbours},
		{"hub language", was.hub().Lang, is.hub().Lang},
		{"generated queries", s.bank(), now.bank()},
	} {
		if field.index != field.run {
			differences = append(differences, fmt.Sprintf("%s: index has %s, this run has %s",
				field.name, shown(field.index), shown(field.run)))
		}
	}
	return append(differences, s.Layout.differ(now.Layout)...)
}

// shown prints a field's value: a text in quotes, since a prefix ends in a space,
// but JSON as it is.
func shown(value any) string {
	text, ok := value.(string)
	switch {
	case !ok:
		return fmt.Sprint(value)
	case text == "":
		return "none"
	case text[0] == '{':
		return cut(text)
	default:
		return fmt.Sprintf("%q", cut(text))
	}
}

func (s Schema) validate() error {
	if s.Model == "" {
		return errors.New("schema names no model")
	}
	if s.Dimensions < 1 || s.Dimensions > maxDimensions {
		return fmt.Errorf("schema has %d dimensions: want 1 to %d", s.Dimensions, maxDimensions)
	}
	if err := s.Layout.ValidateOwn(); err != nil || s.Augment == nil {
		return err
	}
	a := *s.Augment
	switch hub := a.hub(); {
	case !(a.Alpha >= 0 && a.Alpha <= 1):
		return fmt.Errorf("schema has alpha %v: want 0 to 1", a.Alpha)
	case a.Alpha == 0 && a.Hub == nil:
		return errors.New("schema is of an augmented index, but has neither an alpha above 0 nor a hub")
	case a.Mode != "" && a.Mode != ModeMulti:
		return fmt.Errorf("schema has mode %q, which this program does not know", cut(a.Mode))
	case a.Distance != "" && a.Distance != DistanceDot:
		return fmt.Errorf("schema has distance %q, which this program does not know", cut(a.Distance))
	case a.Distance == DistanceDot && !(a.MaxLength > 0 && a.MaxLength < math.MaxFloat32):
		return fmt.Errorf("schema has vectors of length %v: want more than 0", a.MaxLength)
	case a.Hub != nil && (!(hub.Weight > 0 && hub.Weight <= MaxHubWeight) || hub.Neighbours < 0):
		return fmt.Errorf("schema has hub %v by %d neighbours: want more than 0, to %d, and none below 0", hub.Weight, hub.Neighbours, MaxHubWeight)
	}
	return nil
}

// record is the metadata of a collection.
type record struct {
	Version int `json:"schema_version"`
	Key
	Schema
	// Building says that the version is half made; see versions.go.
	Building bool   `json:"building"`
	ShardKey string `json:"shard_key,omitempty"`
}

// errNoRecord says that a collection has no record of ours.
var errNoRecord = fmt.Errorf("it has no %q metadata, so this program did not write it", recordKey)

func (r record) metadata() (map[string]*qc.Value, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, err
	}
	stored, err := numbers(fields)
	if err != nil {
		return nil, err
	}
	return qc.TryValueMap(map[string]any{recordKey: stored})
}

// numbers returns a JSON value with int64 and float64 for the json.Number in it.
func numbers(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole, nil
		}
		return v.Float64()
	case map[string]any:
		for name := range v {
			if v[name], err = numbers(v[name]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func parseRecord(metadata map[string]*qc.Value) (record, error) {
	stored, ok := metadata[recordKey]
	if !ok {
		return record{}, errNoRecord
	}
	var r record
	text, err := json.Marshal(fromValue(stored))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return record{}, fmt.Errorf("metadata %q cannot be read: %w", recordKey, err)
	}
	if r.Version != schemaVersion {
		return record{}, fmt.Errorf("index has schema version %d, this program knows %d: index again, or use the program that wrote it",
			r.Version, schemaVersion)
	}
	return r, nil
}
