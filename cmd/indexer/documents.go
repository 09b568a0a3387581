package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/lang"
)

var errNoDocuments = errors.New("the input holds no documents")

// documentFlags say which documents to read, and how to cut them.
type documentFlags struct {
	Lang    string   `placeholder:"TAG" help:"Language of the documents, such as th or zh-Hant. Without it every document must name its own."`
	Format  string   `default:"jsonl" enum:"${formats}" placeholder:"FORM" help:"Form of the files: ${enum} (default: ${default}). Gzip is recognised."`
	OnError string   `default:"fail" enum:"fail, skip" placeholder:"WHAT" help:"What a bad record does: ${enum} (default: ${default}). With skip, the exit code is 3 where any was skipped."`
	Files   []string `arg:"" name:"file" help:"Files to read, folders for beir, - for standard input."`

	ChunkRunes   int `default:"${chunk_runes}" placeholder:"N" help:"Longer documents are cut into chunks of at most this many characters (default: ${default})."`
	OverlapRunes int `default:"${overlap_runes}" placeholder:"N" help:"How much a chunk repeats of the one before, in characters (default: ${default})."`
}

// options checks the flags.
func (f documentFlags) options() (corpus.Options, corpus.Chunking, error) {
	chunking := corpus.Chunking{MaxRunes: f.ChunkRunes, OverlapRunes: f.OverlapRunes}
	format, err := corpus.ParseFormat(f.Format)
	read := corpus.Options{Format: format}
	if f.Lang != "" {
		var langErr error
		if read.Lang, langErr = lang.Parse(f.Lang); langErr != nil {
			err = errors.Join(err, fmt.Errorf("--lang: %w", langErr))
		}
	}
	return read, chunking, errors.Join(err, chunking.Validate())
}

// interruptible returns a reader of r that ends when ctx does, also where r
// waits for a terminal or a pipe, which no signal ends.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { out.CloseWithError(context.Cause(ctx)) })
	return out
}
