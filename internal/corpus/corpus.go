// Package corpus turns files into documents, and documents into the passages
// that are embedded: readers for JSONL, BEIR, SQuAD, XQuAD-R, Belebele and TSV,
// the rules that every document must meet, chunking, content hashes and point
// ids. It also reads what an evaluation needs beside the documents: questions
// and qrels.
//
// It knows files and text only: no network, no vector store, no model.
package corpus

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds on what is read, so that no input can fill the memory.
const (
	maxIDBytes    = 512
	maxTextBytes  = 16 << 20
	maxLineBytes  = 64 << 20 // a JSONL or TSV line, a SQuAD article
	maxMetaNested = 16       // three protobuf messages each; decoders stop at 100
)

// Document is one valid record of an input: what Read promises of each field
// holds for every Document it yields.
type Document struct {
	// ID is non-empty UTF-8 of at most 512 bytes without control characters,
	// as written in the input, and unique among the input's documents of Lang.
	ID string
	// Lang is a canonical tag (package lang).
	Lang string
	// Title is UTF-8 in NFC, without NUL; it may be empty.
	Title string
	// Text is UTF-8 in NFC, without NUL, not blank, at most 16 MiB; it is
	// otherwise as written, with its leading and trailing space.
	Text string
	// Metadata is nil or a JSON object: its values are nil, bool, int64,
	// float64, string, []any and map[string]any.
	Metadata map[string]any
	Pos      Position
}

// Position is where in an input a record starts. Lines count from 1.
type Position struct {
	File string // the path as given; "<stdin>" for standard input
	Line int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// RecordError is a fault of one record, after which the reading can go on.
type RecordError struct {
	Pos Position
	Err error
}

func (e *RecordError) Error() string { return e.Pos.String() + ": " + e.Err.Error() }

func (e *RecordError) Unwrap() error { return e.Err }

// Format names the layout of an input.
type Format string

const (
	// FormatJSONL has one object a line: _id and text, and optionally title,
	// lang and metadata. Other keys are ignored.
	FormatJSONL Format = "jsonl"
	// FormatBEIR is a folder with a corpus.jsonl or corpus.jsonl.gz of the same
	// rows, or such a file itself.
	FormatBEIR Format = "beir"
	// FormatSQuAD is the JSON of SQuAD and XQuAD. Each paragraph is a document
	// with the id <article>-<paragraph>, both counted from 0 in the file.
	FormatSQuAD Format = "squad"
	// FormatXQuADR is SQuAD's JSON with "sentence_breaks" in its paragraphs, as
	// LAReQA publishes it. Each sentence is a document with the id
	// <article>-<paragraph>-<sentence>, all counted from 0 in the file.
	FormatXQuADR Format = "xquad-r"
	// FormatBelebele has one object a line for each question, as Meta publishes
	// it. Each link is a document with the link as its id, flores_passage as its
	// text and the language of its dialect. A link that comes with two passages
	// is a fault; white space does not tell passages apart.
	FormatBelebele Format = "belebele"
	// FormatTSV has a header line that names the columns: id (or _id) and text,
	// optionally title and lang; other columns become metadata. There is no
	// quoting: a tab always separates.
	FormatTSV Format = "tsv"
)

// Formats returns every format, the default first.
func Formats() []Format {
	return []Format{FormatJSONL, FormatBEIR, FormatSQuAD, FormatXQuADR, FormatBelebele, FormatTSV}
}

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	names := make([]string, len(Formats()))
	for i, f := range Formats() {
		names[i] = string(f)
	}
	return "", fmt.Errorf("unknown format %.40q: want one of %s", name, strings.Join(names, ", "))
}

// EmbedsTitle says whether the title belongs to what is embedded, as BEIR does
// it. A SQuAD title names an article, and says the same of all its paragraphs.
func (f Format) EmbedsTitle() bool { return f != FormatSQuAD && f != FormatXQuADR }

// Options say how to read.
type Options struct {
	Format Format
	// Lang is the language that the documents are read into. A document that
	// names a language must name one with the same base, and comes out with
	// Lang ("pt-BR" read into "pt" is "pt"). If Lang is empty, every document
	// must name its own.
	Lang string
	// OnSkip, if set, is called for each bad record, and the reading goes on;
	// the error is a *RecordError. If nil, the first bad record ends it.
	OnSkip func(error)
	// OnRead, if set, hears how many more bytes of the inputs were read, as they
	// lie on disk; Size tells how many there are.
	OnRead func(bytes int)
	// Stdin is what the path "-" reads.
	Stdin io.Reader
}
