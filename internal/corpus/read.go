package corpus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// Read yields the documents of the inputs in order. A path "-" is standard
// input. Gzip is recognised by its first bytes, whatever the name.
//
// The error, if any, comes last, with an empty document: a *RecordError for a
// bad record that was not skipped, ctx.Err() when the context has ended, and
// anything else for an input that cannot be read on (missing, cut off, broken
// gzip or JSON structure), which no skipping passes over.
//
// The inputs are streamed. What grows with them is only the set of ids already
// seen, about 100 bytes a document.
func Read(ctx context.Context, opts Options, paths ...string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		rules, err := newRules(opts.Lang)
		if err == nil {
			_, err = ParseFormat(string(opts.Format))
		}
		if err == nil && len(paths) == 0 {
			err = errors.New(`no input: name a file, or "-" for standard input`)
		}
		if err != nil {
			yield(Document{}, err)
			return
		}
		for _, path := range paths {
			for d, err := range documents(ctx, opts, path) {
				if err == nil {
					err = rules.apply(&d)
				}
				// Buffered records could go on long after the context's end.
				if ctx.Err() != nil {
					err = ctx.Err()
				}
				_, bad := errors.AsType[*RecordError](err)
				switch {
				case err == nil:
					if !yield(d, nil) {
						return
					}
				case bad && opts.OnSkip != nil:
					opts.OnSkip(err)
				default:
					yield(Document{}, err)
					return
				}
			}
		}
	}
}

// documents yields the documents of one input as they are written there.
func documents(ctx context.Context, opts Options, path string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		path, err := corpusFile(opts.Format, path)
		if err != nil {
			yield(Document{}, err)
			return
		}
		src, err := open(ctx, path, opts)
		if err != nil {
			yield(Document{}, err)
			return
		}
		defer src.Close()
		read := readJSONL
		switch opts.Format {
		case FormatSQuAD:
			read = readSQuAD
		case FormatXQuADR:
			read = readXQuADR
		case FormatBelebele:
			read = readBelebele
		case FormatTSV:
			read = readTSV
		}
		read(src)(yield)
	}
}

// Size returns how many bytes the inputs have as they lie on disk, which is what
// Options.OnRead counts; 0 where one cannot tell, as standard input.
func Size(format Format, paths ...string) int64 {
	var size int64
	for _, path := range paths {
		file, err := corpusFile(format, path)
		if err != nil {
			return 0
		}
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		size += info.Size()
	}
	return size
}

// corpusFile returns the file to read for a path, which may be a folder in BEIR.
func corpusFile(format Format, path string) (string, error) {
	if path == "-" {
		return path, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("open input: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	if format != FormatBEIR {
		return "", fmt.Errorf("%s is a folder: name its files, or use the format %s for a folder with a corpus.jsonl", path, FormatBEIR)
	}
	for _, name := range []string{"corpus.jsonl", "corpus.jsonl.gz"} {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("folder %s has no corpus.jsonl or corpus.jsonl.gz", path)
}

// rules are what Read promises of every document, in one place.
type rules struct {
	lang string
	seen map[digest]Position
}

func newRules(tag string) (*rules, error) {
	r := &rules{lang: tag, seen: make(map[digest]Position)}
	if tag == "" {
		return r, nil
	}
	var err error
	r.lang, err = lang.Parse(tag)
	return r, err
}

// apply makes d valid, or says at which position it breaks which rule.
func (r *rules) apply(d *Document) error {
	err := r.check(d)
	if err != nil {
		return &RecordError{Pos: d.Pos, Err: err}
	}
	return nil
}

func (r *rules) check(d *Document) error {
	if err := checkID(d.ID); err != nil {
		return err
	}
	var err error
	if d.Text, err = cleanText("text", d.Text); err != nil {
		return fmt.Errorf("document %s: %w", quote(d.ID), err)
	}
	if d.Title, err = clean("title", d.Title); err != nil {
		return fmt.Errorf("document %s: %w", quote(d.ID), err)
	}
	if d.Lang, err = r.language(d.Lang); err != nil {
		return fmt.Errorf("document %s: %w", quote(d.ID), err)
	}
	key := digestOf(d.Lang, d.ID)
	if first, ok := r.seen[key]; ok {
		return fmt.Errorf("document %s: duplicate id in %s, first seen at %s", quote(d.ID), d.Lang, first)
	}
	r.seen[key] = d.Pos
	return nil
}

// language returns the language of a document that names tag, or none.
func (r *rules) language(tag string) (string, error) {
	if tag == "" {
		if r.lang == "" {
			return "", errors.New("no language: give the document a lang, or name one for all with --lang")
		}
		return r.lang, nil
	}
	own, err := lang.Parse(tag)
	if err != nil {
		return "", err
	}
	if r.lang == "" {
		return own, nil
	}
	if lang.Base(own) != lang.Base(r.lang) {
		return "", fmt.Errorf("language %s, but %s is being read: drop --lang, or read the file without it", own, r.lang)
	}
	return r.lang, nil
}
