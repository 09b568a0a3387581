package cli

import (
	"fmt"
	"io"
	"os"

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
	if total > 0 {
		p.bar = p.bars.New(total, mpb.BarStyle().Rbound("] "), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(name, pair, space),
			mpb.AppendDecorators(rate, decor.Name(", "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left")))
		return p
	}
	p.bar = p.bars.New(0, mpb.SpinnerStyle(), mpb.BarWidth(1),
		mpb.PrependDecorators(name),
		mpb.AppendDecorators(space, one, space, rate))
	return p
}

// Add counts n more.
func (p *Progress) Add(n int64) {
	if p.bar != nil {
		p.bar.IncrInt64(n)
	}
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
