package qdrant

import (
	"fmt"

	qc "github.com/qdrant/go-client/qdrant"
)

// The keys of a point's payload. A Layout may name others for all but the last
// three.
const (
	keyDocID       = "doc_id"
	keyLang        = "lang"
	keyTitle       = "title"
	keyText        = "text"
	keyMetadata    = "metadata"
	keyChunk       = "chunk"
	keyChunks      = "chunks"
	keyContentHash = "content_hash"
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

// values is the payload as it is stored in an index of this program's.
func (p Payload) values(l Layout) (map[string]*qc.Value, error) {
	fields := map[string]any{
		l.DocID:        p.DocID,
		l.Lang:         p.Lang,
		l.Title:        p.Title,
		l.Text:         p.Text,
		keyChunk:       p.Chunk,
		keyChunks:      p.Chunks,
		keyContentHash: p.ContentHash,
	}
	if p.Vector > 0 {
		fields[keyVector] = p.Vector
	}
	if len(p.Metadata) > 0 {
		fields[l.Metadata] = p.Metadata
	}
	values, err := qc.TryValueMap(fields) // NewValueMap would panic
	if err != nil {
		return nil, fmt.Errorf("payload of document %q: %s", cut(p.DocID), cut(err.Error()))
	}
	return values, nil
}

// stampFields selects what stamp reads.
func (c Collection) stampFields() *qc.WithPayloadSelector {
	return qc.NewWithPayloadInclude(c.layout().DocID, keyChunk, keyChunks, keyContentHash)
}

func (c Collection) stamp(point *qc.RetrievedPoint) Stamp {
	id := idOf(point.GetId())
	p := c.payload(id, point.GetPayload())
	return Stamp{ID: id, DocID: p.DocID, Chunk: p.Chunk, Chunks: p.Chunks, ContentHash: p.ContentHash}
}
