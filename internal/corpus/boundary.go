package corpus

import "unicode"

// reading remembers what precedes a place in a text: enough to say whether a
// sentence or a word ends there.
type reading struct {
	stop   stop
	spaced bool // white space lies between the stop and here
}

type stop int

const (
	noStop    stop = iota
	clauseEnd      // such as the ideographic comma
	weakStop       // ends a sentence if white space follows, as in "3.14" it does not
	fullStop
)

// pass goes over one rune.
func (s *reading) pass(r rune) {
	mark := stopOf(r)
	switch {
	case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
		*s = reading{stop: fullStop, spaced: true}
	case unicode.IsSpace(r):
		s.spaced = true
	case mark != noStop:
		*s = reading{stop: mark}
	case closes(r) && !s.spaced:
		// The stop within quotes or brackets counts behind them.
	default:
		*s = reading{}
	}
}

// rank says what ends between what was passed and next. White space and closing
// marks stay with what they follow.
func (s *reading) rank(next rune) rank {
	switch {
	case unicode.IsSpace(next), !s.spaced && (closes(next) || stopOf(next) != noStop):
		return clusterEnd
	case s.stop == fullStop, s.stop == weakStop && s.spaced:
		return sentenceEnd
	case s.stop == clauseEnd, s.spaced:
		return wordEnd
	}
	return clusterEnd
}

// stopOf classifies a punctuation mark. A semicolon is also the Greek question
// mark, which NFC turns into it.
func stopOf(r rune) stop {
	switch {
	case r == '.' || r == '!' || r == '?' || r == ';' || r == '…':
		return weakStop
	case r <= unicode.MaxASCII:
		return noStop
	case unicode.Is(unicode.Sentence_Terminal, r):
		return fullStop
	case unicode.Is(unicode.Terminal_Punctuation, r):
		return clauseEnd
	}
	return noStop
}

func closes(r rune) bool {
	return r == '"' || r == '\'' || unicode.In(r, unicode.Pe, unicode.Pf)
}
