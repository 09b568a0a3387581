package qdrant

import (
	"fmt"

	qc "github.com/qdrant/go-client/qdrant"
)

// The keys of a point's payload.
const (
	keyDocID       = "doc_id"
	keyLang        = "lang"
	keyTitle       = "title"
	keyText        = "text"
	keyChunk       = "chunk"
	keyChunks      = "chunks"
	keyContentHash = "content_hash"
	keyMetadata    = "metadata"
	keyVector      = "vector"
)

// Payload is what is stored beside a passage's vector.
type Payload struct {
	DocID       string
	Lang        string
	Title       string
	Text        string
	Chunk       int // 0 is the document's first
	Chunks      int // of the document
	ContentHash string
	// Vector is 0 but for the further vectors of a passage that has several, which
	// count from 1 and repeat the passage's other fields.
	Vector int
	// Metadata is the document's own: values like those of JSON, with whole
	// numbers as int64. An empty map comes back as nil.
	Metadata map[string]any
}

// Stamp tells which content is stored as a point, without the content.
type Stamp struct {
	ID          string
	DocID       string
	Chunk       int
	Chunks      int
	ContentHash string
}

func (p Payload) values() (map[string]*qc.Value, error) {
	fields := map[string]any{
		keyDocID:       p.DocID,
		keyLang:        p.Lang,
		keyTitle:       p.Title,
		keyText:        p.Text,
		keyChunk:       p.Chunk,
		keyChunks:      p.Chunks,
		keyContentHash: p.ContentHash,
	}
	if p.Vector > 0 {
		fields[keyVector] = p.Vector
	}
	if len(p.Metadata) > 0 {
		fields[keyMetadata] = p.Metadata
	}
	values, err := qc.TryValueMap(fields) // NewValueMap would panic
	if err != nil {
		return nil, fmt.Errorf("payload of document %q: %s", cut(p.DocID), cut(err.Error()))
	}
	return values, nil
}

func payloadOf(values map[string]*qc.Value) Payload {
	p := Payload{
		DocID:       values[keyDocID].GetStringValue(),
		Lang:        values[keyLang].GetStringValue(),
		Title:       values[keyTitle].GetStringValue(),
		Text:        values[keyText].GetStringValue(),
		Chunk:       int(values[keyChunk].GetIntegerValue()),
		Chunks:      int(values[keyChunks].GetIntegerValue()),
		ContentHash: values[keyContentHash].GetStringValue(),
		Vector:      int(values[keyVector].GetIntegerValue()),
	}
	if fields := values[keyMetadata].GetStructValue().GetFields(); len(fields) > 0 {
		p.Metadata = fromFields(fields)
	}
	return p
}

// stampFields selects what stampOf reads.
func stampFields() *qc.WithPayloadSelector {
	return qc.NewWithPayloadInclude(keyDocID, keyChunk, keyChunks, keyContentHash)
}

func stampOf(point *qc.RetrievedPoint) Stamp {
	p := payloadOf(point.GetPayload())
	return Stamp{ID: point.GetId().GetUuid(), DocID: p.DocID, Chunk: p.Chunk, Chunks: p.Chunks, ContentHash: p.ContentHash}
}
