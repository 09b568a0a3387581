package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// walker goes through JSON too large to hold, and knows which line it is on.
type walker struct {
	dec *json.Decoder
	in  *tracker
}

// newWalker returns a walker for JSON that starts at a position.
func newWalker(r io.Reader, start Position) *walker {
	in := &tracker{r: r, pos: start}
	return &walker{dec: json.NewDecoder(in), in: in}
}

// object calls member for each key; member must consume its value.
func (w *walker) object(member func(key string) error) error {
	if err := w.expect('{'); err != nil {
		return err
	}
	for w.dec.More() {
		key, err := w.dec.Token()
		if err != nil {
			return cutOff(err)
		}
		if err := member(key.(string)); err != nil {
			return err
		}
	}
	return w.expect('}')
}

// array calls element before each element, which it must consume.
func (w *walker) array(element func() error) error {
	if err := w.expect('['); err != nil {
		return err
	}
	for w.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	return w.expect(']')
}

// value consumes the next value whole, and returns where it starts.
func (w *walker) value() (json.RawMessage, Position, error) {
	var raw json.RawMessage
	if err := w.dec.Decode(&raw); err != nil {
		return nil, Position{}, cutOff(err)
	}
	end := w.dec.InputOffset()
	start := w.in.advance(end - int64(len(raw)))
	w.in.advance(end)
	return raw, start, nil
}

// end returns an error unless nothing follows.
func (w *walker) end() error {
	_, err := w.dec.Token()
	switch {
	case err == nil:
		return errors.New("more follows the end of the JSON")
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// pos is the position up to which the JSON was read well.
func (w *walker) pos() Position { return w.in.advance(w.dec.InputOffset()) }

func (w *walker) expect(want json.Delim) error {
	got, err := w.dec.Token()
	if err == nil && got != want {
		err = fmt.Errorf("want %q here", want.String())
	}
	return cutOff(err)
}

// cutOff names an end of input where more was needed.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// tracker turns offsets of a reader into lines. It keeps what was read and not
// yet advanced over, and so bounds how far the decoder may read for one value.
type tracker struct {
	r       io.Reader
	pending []byte
	base    int64 // offset of pending
	pos     Position
}

func (t *tracker) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.pending = append(t.pending, p[:n]...)
	if len(t.pending) > maxLineBytes {
		// None of it: the decoder would finish the value before it minds the error.
		return 0, fmt.Errorf("one value is over %d MiB: split it", maxLineBytes>>20)
	}
	return n, err
}

// advance returns the position of an offset, at or after the last one.
func (t *tracker) advance(offset int64) Position {
	passed := t.pending[:offset-t.base]
	t.pos.Line += bytes.Count(passed, []byte("\n"))
	t.pending = append(t.pending[:0], t.pending[len(passed):]...)
	t.base = offset
	return t.pos
}
