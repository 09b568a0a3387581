package corpus

// Span is a chunk's range of bytes in the text it was cut from.
type Span struct{ Start, End int }

// Spans is Split with the ranges instead of the texts, which alone do not say
// where they lie in a text that repeats itself.
func (c Chunking) Spans(text string) []Span {
	var all []Span
	for _, s := range c.spans(text) {
		all = append(all, Span{s.start, s.end})
	}
	return all
}
