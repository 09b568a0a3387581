package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are where a command reads and writes.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// ProcessStreams returns the streams of this process.
func ProcessStreams() Streams {
	return Streams{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
}

// StdoutIsTerminal says whether a person reads stdout.
func (s Streams) StdoutIsTerminal() bool { return isTerminal(s.Stdout) }

// StderrIsTerminal says whether a person reads stderr.
func (s Streams) StderrIsTerminal() bool { return isTerminal(s.Stderr) }

// Color says whether stdout takes colours: a terminal, and neither NO_COLOR
// (https://no-color.org) nor TERM=dumb.
func (s Streams) Color() bool {
	return s.StdoutIsTerminal() && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// plainWidth is the columns that text gets where stdout is no terminal.
const plainWidth = 120

// Width returns the columns of the terminal at stdout, 120 where there is none.
func (s Streams) Width() int {
	if file, ok := s.Stdout.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return plainWidth
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
