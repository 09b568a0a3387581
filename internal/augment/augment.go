// Package augment gives passages the questions that they answer, in other
// languages too, at index time (xQG, arXiv 2305.03950): rows of generated
// queries and their files, the prompt that asks for them and the cleaning of
// what comes back, and the blend of their vectors with the passage's.
//
// It knows texts, files and arithmetic, and nothing of networks, of models or of
// where vectors are stored. Asking a model is package generate's work.
package augment

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// EveryChunk is the Chunk of a query that belongs to a whole document.
const EveryChunk = -1

// Query is a question that a passage answers.
type Query struct {
	DocID string
	// Chunk counts the document's passages from 0; EveryChunk where the document
	// is one passage, or where nobody said which.
	Chunk int
	Lang  string // the query's own, as lang.Parse spells it
	Text  string // NFC, not blank
	Model string // that generated it; "" where unknown
	// Prompt is the Prompt.Hash that it was asked for with; "" where unknown.
	Prompt string
}

// Bank holds queries by the passage that they belong to.
type Bank struct {
	byDoc map[string][]Query
	rows  []Query
}

// NewBank returns a bank of the queries, repeats included. The queries stay in
// its use.
func NewBank(queries []Query) *Bank {
	b := &Bank{byDoc: make(map[string][]Query), rows: queries}
	for _, q := range queries {
		b.byDoc[q.DocID] = append(b.byDoc[q.DocID], q)
	}
	return b
}

// Of returns a passage's queries in the order of their rows: those of its chunk
// and those of its whole document.
func (b *Bank) Of(docID string, chunk int) []Query {
	of := b.byDoc[docID]
	elsewhere := func(q Query) bool { return q.Chunk != EveryChunk && q.Chunk != chunk }
	if !slices.ContainsFunc(of, elsewhere) {
		return slices.Clip(of)
	}
	return slices.DeleteFunc(slices.Clone(of), elsewhere)
}

// Select returns, in their order, the first n queries in each of the languages
// for each chunk of a document. No languages means all of them, and n = 0 as
// many as there are. A language stands for its regions: "pt" takes "pt-BR".
func Select(queries []Query, langs []string, n int) []Query {
	type place struct {
		docID string
		chunk int
		lang  string
	}
	taken := make(map[place]int)
	var selected []Query
	for _, q := range queries {
		wanted := func(tag string) bool { return tag == q.Lang || tag == lang.Base(q.Lang) }
		at := place{q.DocID, q.Chunk, q.Lang}
		if len(langs) > 0 && !slices.ContainsFunc(langs, wanted) || n > 0 && taken[at] == n {
			continue
		}
		taken[at]++
		selected = append(selected, q)
	}
	return selected
}

// Summary says what queries an index was augmented with.
type Summary struct {
	Queries   int `json:"queries"`
	Documents int `json:"documents"` // that have one or more
	// PerPassage is the most that a passage has in one language.
	PerPassage int      `json:"per_passage"`
	Langs      []string `json:"langs"`
	Models     []string `json:"models"`  // sorted, as Langs; without the unknown
	Prompts    []string `json:"prompts"` // hashes, likewise
	// Hash is the hex SHA-256 of all rows in order: another order, another sum
	// of their vectors.
	Hash string `json:"hash"`
}

// Summary describes the bank.
func (b *Bank) Summary() Summary {
	langs, models, prompts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	s := Summary{Queries: len(b.rows), Documents: len(b.byDoc)}
	hash := sha256.New()
	for _, q := range b.rows {
		langs[q.Lang], models[q.Model], prompts[q.Prompt] = true, true, true
		for _, part := range []string{q.DocID, q.Lang, q.Text} {
			hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			hash.Write([]byte(part))
		}
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(int64(q.Chunk))))
	}
	s.PerPassage = b.perPassage()
	s.Langs, s.Models, s.Prompts = known(langs), known(models), known(prompts)
	s.Hash = hex.EncodeToString(hash.Sum(nil))
	return s
}

// perPassage counts a document's own rows for each of its chunks.
func (b *Bank) perPassage() int {
	most := 0
	for _, of := range b.byDoc {
		whole, chunks := map[string]int{}, map[string]map[int]int{}
		for _, q := range of {
			if q.Chunk == EveryChunk {
				whole[q.Lang]++
				continue
			}
			if chunks[q.Lang] == nil {
				chunks[q.Lang] = map[int]int{}
			}
			chunks[q.Lang][q.Chunk]++
		}
		for _, n := range whole {
			most = max(most, n)
		}
		for tag, counts := range chunks {
			for _, n := range counts {
				most = max(most, whole[tag]+n)
			}
		}
	}
	return most
}

// known returns the names of a set, sorted, without the empty one.
func known(set map[string]bool) []string {
	delete(set, "")
	return slices.SortedFunc(maps.Keys(set), cmp.Compare[string])
}
