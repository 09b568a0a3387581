package qdrant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// Augment describes an index whose vectors are blends of passages and queries.
type Augment struct {
	Alpha      float64  `json:"alpha"` // above 0, to 1
	Queries    int      `json:"queries"`
	PerPassage int      `json:"per_passage"` // the most that one has in a language
	Langs      []string `json:"langs"`
	Models     []string `json:"models"`  // that generated them, as far as is known
	Prompts    []string `json:"prompts"` // hashes, likewise
	Hash       string   `json:"hash"`    // of all queries, in order
}

// alpha is 0 where nothing is augmented.
func (s Schema) alpha() float64 {
	if s.Augment == nil {
		return 0
	}
	return s.Augment.Alpha
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
		{"alpha", s.alpha(), now.alpha()},
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
	if a := s.Augment; a != nil && !(a.Alpha > 0 && a.Alpha <= 1) {
		return fmt.Errorf("schema has alpha %v: want more than 0, to 1", a.Alpha)
	}
	return s.Layout.ValidateOwn()
}

// record is the metadata of a collection.
type record struct {
	Version int `json:"schema_version"`
	Key
	Schema
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
