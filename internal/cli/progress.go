package cli

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Unit is what a Progress counts.
type Unit int

// Units.
const (
	Items Unit = iota
	Bytes
)

// Progress shows on stderr how far the work is, where stderr is a terminal,
// and nothing elsewhere. Its methods may be called from several goroutines.
type Progress struct {
	stderr io.Writer
	bars   *mpb.Progress // nil: nothing is drawn
	bar    *mpb.Bar
	total  atomic.Int64 // 0: unknown
	note   atomic.Pointer[string]
}

// Progress begins to show the progress of what, with rate and, where total > 0,
// a bar and the time left; otherwise a spinner. Close it on every path, so that
// no line stays behind half drawn.
func (s Streams) Progress(what string, total int64, unit Unit) *Progress {
	p := &Progress{stderr: s.Stderr}
	if !s.StderrIsTerminal() || os.Getenv("TERM") == "dumb" {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(s.Stderr))
	pair, one, rate := decor.CountersNoUnit("%d/%d"), decor.CurrentNoUnit("%d"), decor.AverageSpeed(0, "%.1f/s")
	if unit == Bytes {
		pair, one = decor.CountersKibiByte("% .1f / % .1f"), decor.CurrentKibiByte("% .1f")
		rate = decor.AverageSpeed(decor.SizeB1024(0), "% .1f")
	}
	name, space := decor.Name(Clean(what)+" "), decor.Name(" ")
	note := decor.Any(func(decor.Statistics) string {
		if text := p.note.Load(); text != nil {
			return ", " + *text
		}
		return ""
	})
	if total > 0 {
		// mpb would take a total given here for final.
		p.bar = p.bars.New(0, mpb.BarStyle().Rbound("] "),
			mpb.PrependDecorators(name, pair, space),
			mpb.AppendDecorators(rate, decor.Name(", "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left"), note))
		p.SetTotal(total)
		return p
	}
	p.bar = p.bars.New(0, mpb.SpinnerStyle(), mpb.BarWidth(1),
		mpb.PrependDecorators(name),
		mpb.AppendDecorators(space, one, space, rate, note))
	return p
}

// Add counts n more.
func (p *Progress) Add(n int64) {
	if p.bar == nil {
		return
	}
	p.bar.IncrInt64(n)
	if total := p.total.Load(); total > 0 && p.bar.Current() > total {
		p.SetTotal(p.bar.Current())
	}
}

// SetTotal corrects a total that was an estimate. A count that goes beyond the
// total raises it.
func (p *Progress) SetTotal(total int64) {
	if p.bar != nil {
		p.total.Store(total)
		p.bar.SetTotal(total, false)
	}
}

// Note shows a short text behind the rest, in place of the one before.
func (p *Progress) Note(text string) {
	text = Clean(text)
	p.note.Store(&text)
}

// Printf prints a line on stderr, above what is drawn.
func (p *Progress) Printf(format string, args ...any) {
	line := Clean(fmt.Sprintf(format, args...)) + "\n"
	if p.bars != nil {
		if _, err := io.WriteString(p.bars, line); err == nil {
			return
		} // it is closed
	}
	_, _ = io.WriteString(p.stderr, line)
}

// Close removes what is drawn. A second Close does nothing.
func (p *Progress) Close() {
	if p.bars == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
}
