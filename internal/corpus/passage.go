package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"
)

// Passage is a chunk of a document: what is embedded and stored as one point.
type Passage struct {
	DocID string
	Lang  string
	Title string
	Text  string
	// Chunk counts from 0 within the document's Chunks.
	Chunk, Chunks int
	Metadata      map[string]any
}

// Passages cuts a document. A chunk that would be blank is left out, since
// nothing in it can be embedded; at least one remains.
func (c Chunking) Passages(d Document) []Passage {
	var all []Passage
	for _, text := range c.Split(d.Text) {
		if blank(text) {
			continue
		}
		all = append(all, Passage{
			DocID: d.ID, Lang: d.Lang, Title: d.Title, Text: text,
			Chunk: len(all), Metadata: d.Metadata,
		})
	}
	for i := range all {
		all[i].Chunks = len(all)
	}
	return all
}

// ContentHash returns the hex SHA-256 of all that a stored passage holds, so
// that an equal hash means that nothing has to be written again.
func (p Passage) ContentHash() string {
	metadata, err := json.Marshal(p.Metadata) // sorts the keys
	if err != nil {
		panic(fmt.Sprintf("corpus: metadata of %s is not JSON: %v", p.DocID, err))
	}
	sum := sha256.Sum256(encode(p.Lang, p.Title, p.Text, strconv.Itoa(p.Chunk), strconv.Itoa(p.Chunks), string(metadata)))
	return hex.EncodeToString(sum[:])
}

// EmbeddingText returns what is embedded: the text, after the title and a line
// end if withTitle is set and the title is not blank.
func (p Passage) EmbeddingText(withTitle bool) string {
	if !withTitle || blank(p.Title) {
		return p.Text
	}
	return p.Title + "\n" + p.Text
}

// namespace makes this project's point ids differ from any other UUIDv5. It
// must never change: the ids in every stored collection derive from it.
var namespace = uuid.MustParse("9a5f9332-ee63-4d57-8f72-4f27ec39314d")

// PointID returns the UUIDv5 of a chunk, the same on every run, so that
// indexing again overwrites.
func PointID(corpus, lang, docID string, chunk int) string {
	return uuid.NewSHA1(namespace, encode(corpus, lang, docID, strconv.Itoa(chunk))).String()
}

// VectorID returns the UUIDv5 of the n-th further vector, from 1, of a chunk that
// has several. Its first has PointID.
func VectorID(corpus, lang, docID string, chunk, n int) string {
	return uuid.NewSHA1(namespace, encode(corpus, lang, docID, strconv.Itoa(chunk), strconv.Itoa(n))).String()
}

// digest identifies a sequence of strings.
type digest [16]byte

func digestOf(fields ...string) digest {
	sum := sha256.Sum256(encode(fields...))
	return digest(sum[:16])
}

// encode joins fields, each after its length, so that no two sequences of
// fields give the same bytes.
func encode(fields ...string) []byte {
	var b []byte
	for _, f := range fields {
		b = binary.AppendUvarint(b, uint64(len(f)))
		b = append(b, f...)
	}
	return b
}
