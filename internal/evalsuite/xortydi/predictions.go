package xortydi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// Prediction is what was retrieved for a question.
type Prediction struct {
	ID       string // of the question
	Lang     string // a canonical tag
	Contexts []string
	Line     int // where it ends in the file
}

// Predictions yields the elements of a prediction file, one at a time: a JSON
// array of objects with "id", "lang" and "ctxs", which are texts of passages, best
// first, or objects with a "text". A question that stands twice is an error. The
// error, if any, comes last, with no prediction.
func Predictions(r io.Reader, name string) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		in, err := open(r, name)
		if err != nil {
			yield(Prediction{}, err)
			return
		}
		source := &counting{r: in, line: 1, limit: maxElementBytes}
		decoder := json.NewDecoder(source)
		fail := func(err error) {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("it ends within the array")
			}
			yield(Prediction{}, fmt.Errorf("%s:%d: %w", name, source.lineAt(decoder.InputOffset()), err))
		}
		start, err := decoder.Token()
		if err == nil && start != json.Delim('[') {
			err = errors.New(`it is no array of objects with "id", "lang" and "ctxs"`)
		}
		if err != nil {
			fail(err)
			return
		}
		seen := map[string]int{}
		for decoder.More() {
			source.limit = decoder.InputOffset() + maxElementBytes
			var p Prediction
			var row predictionRow
			if err := decoder.Decode(&row); err != nil {
				fail(err)
				return
			}
			err := row.into(&p)
			p.Line = source.lineAt(decoder.InputOffset())
			if first, twice := seen[p.ID]; err == nil && twice {
				err = fmt.Errorf("question %.120q stood in line %d already", p.ID, first)
			}
			if err != nil {
				fail(err)
				return
			}
			seen[p.ID] = p.Line
			if !yield(p, nil) {
				return
			}
		}
		if _, err := decoder.Token(); err != nil {
			fail(err)
			return
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			fail(errors.New("there is more behind the array"))
			return
		}
		if len(seen) == 0 {
			fail(errors.New("it holds no predictions"))
		}
	}
}

type predictionRow struct {
	ID   json.RawMessage   `json:"id"`
	Lang string            `json:"lang"`
	Ctxs []json.RawMessage `json:"ctxs"`
}

func (row predictionRow) into(p *Prediction) (err error) {
	if p.ID, err = identifier(row.ID); err != nil {
		return err
	}
	if p.Lang, err = lang.Parse(row.Lang); err != nil {
		return fmt.Errorf(`question %.120q: "lang": %w`, p.ID, err)
	}
	if row.Ctxs == nil {
		return fmt.Errorf(`question %.120q has no "ctxs"`, p.ID)
	}
	for i, raw := range row.Ctxs {
		var text *string
		if len(raw) > 0 && raw[0] == '{' {
			var passage struct{ Text *string }
			err = json.Unmarshal(raw, &passage)
			text = passage.Text
		} else {
			err = json.Unmarshal(raw, &text)
		}
		if err != nil || text == nil {
			return fmt.Errorf("question %.120q: context %d is neither a text nor an object with one", p.ID, i+1)
		}
		p.Contexts = append(p.Contexts, *text)
	}
	return nil
}

// counting counts lines as they are read, and stops at a limit.
type counting struct {
	r     io.Reader
	read  int64 // bytes
	limit int64
	// line is that of the offset asked for last; breaks are the offsets of the
	// line ends read behind it.
	line   int
	breaks []int64
}

func (c *counting) Read(p []byte) (int, error) {
	if c.read > c.limit {
		return 0, fmt.Errorf("a prediction is longer than %d bytes", maxElementBytes)
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.limit-c.read+1)])
	for at := 0; ; {
		i := bytes.IndexByte(p[at:n], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		c.breaks = append(c.breaks, c.read+int64(at))
	}
	c.read += int64(n)
	return n, err
}

// lineAt returns the line of an offset, which must not lie before the last one
// asked for.
func (c *counting) lineAt(offset int64) int {
	for len(c.breaks) > 0 && c.breaks[0] <= offset {
		c.breaks = c.breaks[1:]
		c.line++
	}
	return c.line
}
