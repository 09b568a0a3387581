// Package dump is the file form of an index: JSON Lines, gzipped where the name
// ends in .gz, that hold every passage with its vector, so that an index moves
// without being embedded again.
//
//	{"format":"query-synergy-index","version":1,"corpus":"docs","lang":"th","schema":{…}}
//	{"id":"…","doc_id":"…",…,"text":"…","vector":"base64 of float32, little-endian"}
//	…
//	{"end":true,"passages":48,"sha256":"…"}
//
// Passages stand in the order of their ids. Nothing is lost on the way: vectors
// come back bit for bit, and the metadata's whole and real numbers stay what they
// are. The last line tells a whole file from one cut off. docs/index-file.md is
// the contract.
//
// The package knows the file and the types of internal/qdrant, and asks no store
// anything.
package dump

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

const (
	formatName    = "query-synergy-index"
	formatVersion = 1

	// maxLineBytes bounds a line: a passage's text of 16 MiB with its escapes.
	maxLineBytes = 128 << 20
	// maxNested bounds the metadata, as documents' are bounded.
	maxNested = 16
)

// Header is the first line: whose passages follow, and what they were made with.
type Header struct {
	qdrant.Key
	Schema qdrant.Schema
	// Datatype of the vectors where the index keeps them in less than float32.
	Datatype string
}

// header is Header as it is written.
type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	qdrant.Key
	Datatype string        `json:"datatype,omitempty"`
	Schema   qdrant.Schema `json:"schema"`
}

func (h Header) encode() ([]byte, error) {
	return encode(header{formatName, formatVersion, h.Key, h.Datatype, h.Schema})
}

func parseHeader(line []byte) (Header, error) {
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Format != formatName {
		return Header{}, fmt.Errorf("this is no file of an index: its first line must be an object with %q", `"format":"`+formatName+`"`)
	}
	if h.Version != formatVersion {
		return Header{}, fmt.Errorf("the file's version is %d, this program reads version %d", h.Version, formatVersion)
	}
	if err := h.Validate(); err != nil {
		return Header{}, err
	}
	if h.Schema.Model == "" || h.Schema.Dimensions < 1 {
		return Header{}, errors.New(`"schema" must name the model and the dimensions`)
	}
	return Header{Key: h.Key, Schema: h.Schema, Datatype: h.Datatype}, nil
}

// passage is a point as a line. The names are those of the payload.
type passage struct {
	ID          string          `json:"id"`
	DocID       string          `json:"doc_id"`
	Lang        string          `json:"lang"`
	Title       string          `json:"title"`
	Text        string          `json:"text"`
	Chunk       int             `json:"chunk"`
	Chunks      int             `json:"chunks"`
	ContentHash string          `json:"content_hash"`
	Nth         int             `json:"nth,omitempty"` // which further vector of the passage
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Vector      floats          `json:"vector"`
}

func encodePoint(p qdrant.Point) ([]byte, error) {
	line := passage{
		ID: p.ID, DocID: p.Payload.DocID, Lang: p.Payload.Lang, Title: p.Payload.Title, Text: p.Payload.Text,
		Chunk: p.Payload.Chunk, Chunks: p.Payload.Chunks, ContentHash: p.Payload.ContentHash, Nth: p.Payload.Vector, Vector: p.Vector,
	}
	if len(p.Payload.Metadata) > 0 {
		metadata, err := encode(marked(p.Payload.Metadata))
		if err != nil {
			return nil, fmt.Errorf("metadata of document %.80q: %w", p.Payload.DocID, err)
		}
		line.Metadata = bytes.TrimSpace(metadata)
	}
	return encode(line)
}

// parsePoint reads a passage that fits the header and comes after the id last.
func parsePoint(h Header, raw []byte, last string) (qdrant.Point, error) {
	if !utf8.Valid(raw) { // which encoding/json would replace without a word
		return qdrant.Point{}, errors.New("the line is not valid UTF-8")
	}
	var line passage
	if err := json.Unmarshal(raw, &line); err != nil {
		return qdrant.Point{}, fmt.Errorf("broken passage: %w", err)
	}
	p := qdrant.Point{ID: line.ID, Vector: line.Vector, Payload: qdrant.Payload{
		DocID: line.DocID, Lang: line.Lang, Title: line.Title, Text: line.Text,
		Chunk: line.Chunk, Chunks: line.Chunks, ContentHash: line.ContentHash, Vector: line.Nth,
	}}
	if id, err := uuid.Parse(p.ID); err != nil || id.String() != p.ID {
		return qdrant.Point{}, fmt.Errorf("id %.40q is not a UUID in lower case with hyphens", p.ID)
	}
	switch {
	case p.ID <= last:
		return qdrant.Point{}, fmt.Errorf("id %s does not come after %s: passages stand in the order of their ids", p.ID, last)
	case p.Payload.DocID == "":
		return qdrant.Point{}, errors.New("the doc_id is missing")
	case p.Payload.Chunk < 0 || p.Payload.Chunk >= p.Payload.Chunks:
		return qdrant.Point{}, fmt.Errorf("chunk %d of %d: want 0 to one less than chunks", p.Payload.Chunk, p.Payload.Chunks)
	case p.Payload.Vector < 0:
		return qdrant.Point{}, fmt.Errorf("nth is %d: want 1 or more, or none", p.Payload.Vector)
	case p.Payload.ContentHash == "":
		return qdrant.Point{}, errors.New("the content_hash is missing")
	}
	if err := vector.Check(p.Vector, h.Schema.Width()); err != nil {
		return qdrant.Point{}, err
	}
	if !h.Schema.Products() {
		// What a store does to a vector of another length; ours have unit length.
		p.Vector = vector.Normalize(p.Vector)
	}
	var err error
	if p.Payload.Metadata, err = parseMetadata(line.Metadata); err != nil {
		return qdrant.Point{}, err
	}
	return p, nil
}

// end is the last line.
type end struct {
	End      bool   `json:"end"`
	Passages int    `json:"passages"`
	SHA256   string `json:"sha256,omitempty"` // of all lines before, with their line ends
}

// parseEnd says whether a line is the last one.
func parseEnd(raw []byte) (end, bool) {
	if !bytes.HasPrefix(raw, []byte(`{"end":`)) {
		return end{}, false
	}
	var e end
	if err := json.Unmarshal(raw, &e); err != nil || !e.End {
		return end{}, false
	}
	return e, true
}

// encode returns a value as one line.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// floats is a vector: written as base64 of its bits, read as that or as a list
// of numbers.
type floats []float32

// MarshalJSON implements json.Marshaler.
func (v floats) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return []byte(`"` + base64.StdEncoding.EncodeToString(raw) + `"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *floats) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]float32)(v))
	}
	var raw []byte // encoding/json reads base64 into it
	if err := json.Unmarshal(text, &raw); err != nil || len(raw)%4 != 0 {
		return errors.New("the vector is neither a list of numbers nor the base64 of float32 values")
	}
	*v = make(floats, len(raw)/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// marked returns metadata whose real numbers are written with a point or an
// exponent, so that 3.0 does not come back as 3.
func marked(value any) any {
	switch v := value.(type) {
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eE") {
			text += ".0"
		}
		return json.Number(text)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = marked(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = marked(item)
		}
		return out
	}
	return value
}

func parseMetadata(raw json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, errors.New("metadata is not a JSON object")
	}
	if len(fields) == 0 {
		return nil, nil
	}
	if _, err := exact(fields, 1); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return fields, nil
}

// exact replaces each json.Number within a value by an int64 or a float64.
func exact(value any, depth int) (any, error) {
	if depth > maxNested+1 {
		return nil, fmt.Errorf("nested over %d deep", maxNested)
	}
	var err error
	switch v := value.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		return v.Int64()
	case map[string]any:
		for key, item := range v {
			if v[key], err = exact(item, depth+1); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, item := range v {
			if v[i], err = exact(item, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}
