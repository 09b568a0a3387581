package generate

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
)

// place is what a query is generated for, as a row names it.
type place struct {
	docID string
	chunk int
	lang  string
}

// placeOf leaves the chunk of a document that is one passage unsaid, so that its
// queries survive another cut.
func placeOf(p corpus.Passage, tag string) place {
	if p.Chunks > 1 {
		return place{p.DocID, p.Chunk, tag}
	}
	return place{p.DocID, augment.EveryChunk, tag}
}

// seed is the same on every run: 31 bits, which every server takes.
func seed(at place, number int) int {
	hash := digest(at.docID, at.lang, string(binary.BigEndian.AppendUint64(nil, uint64(int64(at.chunk)))),
		string(binary.BigEndian.AppendUint64(nil, uint64(number))))
	return int(binary.BigEndian.Uint32(hash[:]) >> 1)
}

// digest hashes parts, each with its length, so that no two lists of parts hash
// the same.
func digest(parts ...string) [sha256.Size]byte {
	var all []byte
	for _, part := range parts {
		all = binary.BigEndian.AppendUint64(all, uint64(len(part)))
		all = append(all, part...)
	}
	return sha256.Sum256(all)
}
