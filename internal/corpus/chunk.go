package corpus

import (
	"fmt"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Chunking says how long documents are cut, in runes.
type Chunking struct {
	// MaxRunes is the most that a chunk holds, at least 1.
	MaxRunes int
	// OverlapRunes is the most that a chunk repeats of the one before, from 0
	// to half of MaxRunes. As a rule a chunk repeats at least half of that.
	OverlapRunes int
}

// DefaultChunking keeps a paragraph whole: the longest of XQuAD has 3,745
// characters.
var DefaultChunking = Chunking{MaxRunes: 4000, OverlapRunes: 200}

// Validate says whether Split can work with c.
func (c Chunking) Validate() error {
	if c.MaxRunes < 1 {
		return fmt.Errorf("chunk size %d: want at least 1 character", c.MaxRunes)
	}
	if c.OverlapRunes < 0 || c.OverlapRunes > c.MaxRunes/2 {
		return fmt.Errorf("chunk overlap %d: want 0 to %d, half of the chunk size", c.OverlapRunes, c.MaxRunes/2)
	}
	return nil
}

// Split cuts a text into chunks of at most MaxRunes runes that together hold
// every character; c must be valid. A text of at most MaxRunes runes comes back
// unchanged, as the one chunk.
//
// A chunk ends with a sentence or line, if one ends late enough in it; else with
// a word or clause; else between two grapheme clusters, which is the rule where
// neither spaces nor stops are written. Only a cluster that is longer than
// MaxRunes is cut within.
func (c Chunking) Split(text string) []string {
	var chunks []string
	for _, s := range c.spans(text) {
		chunks = append(chunks, text[s.start:s.end])
	}
	return chunks
}

// span is a chunk's range of bytes.
type span struct{ start, end int }

// spans looks only at windows of MaxRunes, each of which brings the end forward
// by a share of MaxRunes, and so takes time linear in the text.
func (c Chunking) spans(text string) []span {
	var all []span
	var cuts []cut
	for start, last := 0, 0; ; { // last is the end of the chunk before
		most := len(prefix(text[start:], c.MaxRunes))
		if start+most == len(text) {
			return append(all, span{start, len(text)})
		}
		// One rune more than fits shows whether a cluster ends at the limit.
		_, beyond := utf8.DecodeRuneInString(text[start+most:])
		cuts = appendCuts(cuts[:0], text[start:start+most+beyond])
		end, ok := c.chooseEnd(cuts, last-start)
		if !ok && start < last {
			// A long cluster leaves no room for the overlap.
			start = last
			continue
		}
		if !ok {
			end = cut{bytes: most, runes: c.MaxRunes}
		}
		last = start + end.bytes
		all = append(all, span{start, last})
		start += c.chooseStart(cuts, end).bytes
	}
}

// chooseEnd returns the last of the best cuts that leave the chunk well filled,
// or else the last cut; it lies beyond after bytes. There may be none.
func (c Chunking) chooseEnd(cuts []cut, after int) (best cut, ok bool) {
	filled := c.OverlapRunes + (c.MaxRunes-c.OverlapRunes)/2
	for _, k := range cuts {
		if k.bytes <= after {
			continue
		}
		if k.runes < filled {
			k.rank = clusterEnd
		}
		if k.rank >= best.rank {
			best, ok = k, true
		}
	}
	return best, ok
}

// chooseStart returns the first of the best cuts at which the chunk after end
// can start so that about OverlapRunes come twice, or else end.
func (c Chunking) chooseStart(cuts []cut, end cut) cut {
	best, found := end, false
	for _, k := range cuts {
		if k.runes < end.runes-c.OverlapRunes || k.runes > end.runes-(c.OverlapRunes+1)/2 {
			continue
		}
		if !found || k.rank > best.rank {
			best, found = k, true
		}
	}
	return best
}

// prefix returns the first n runes of s, or all of it.
func prefix(s string, n int) string {
	for end := range s {
		if n == 0 {
			return s[:end]
		}
		n--
	}
	return s
}

// cut is a place between two grapheme clusters, counted from a window's start.
type cut struct {
	bytes, runes int
	rank         rank
}

// rank orders places to cut, the best last.
type rank int

const (
	clusterEnd  rank = iota
	wordEnd          // or the end of a clause
	sentenceEnd      // or of a line
)

// appendCuts appends the cuts within window, without its start and end.
func appendCuts(cuts []cut, window string) []cut {
	var at cut
	var before reading
	state := -1
	for rest := window; ; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if rest == "" {
			return cuts
		}
		first, _ := utf8.DecodeRuneInString(cluster)
		next, _ := utf8.DecodeRuneInString(rest)
		before.pass(first)
		at.bytes += len(cluster)
		at.runes += utf8.RuneCountInString(cluster)
		at.rank = before.rank(next)
		cuts = append(cuts, at)
	}
}
