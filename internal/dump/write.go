package dump

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Compressed says whether a file of that name is written with gzip.
func Compressed(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".gz") }

// blockBytes is how much is written at a time. In a gzipped file each block is a
// member of its own, so that a file cut off is whole up to a block.
var blockBytes = 4 << 20

// Writer writes a file under a name of its own, FILE.part, until Commit. A
// Writer opened on what a killed one left goes on behind it.
type Writer struct {
	path string
	file *os.File
	zip  bool
	sum  hash.Hash // of all lines

	block    bytes.Buffer
	last     string
	passages int
}

// Part is the name under which a file is written.
func Part(path string) string { return path + ".part" }

// Create begins a file, or goes on with the unfinished one of the same header.
// Last tells from where.
func Create(path string, h Header) (*Writer, error) {
	first, err := h.encode()
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(Part(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the file of an index: %w", err)
	}
	w := &Writer{path: path, file: file, zip: Compressed(path), sum: sha256.New()}
	at := w.recover(h, first)
	if at == 0 {
		w.last, w.passages = "", 0
		w.sum.Reset()
		w.line(first)
	}
	if err := file.Truncate(at); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", Part(path), err), file.Close())
	}
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", Part(path), err), file.Close())
	}
	return w, nil
}

// Last is the id of the last passage that is written, "" where there is none.
func (w *Writer) Last() string { return w.last }

// Passages is how many are written.
func (w *Writer) Passages() int { return w.passages }

// Write adds a passage, whose id must come after Last.
func (w *Writer) Write(p qdrant.Point) error {
	if p.ID <= w.last {
		return fmt.Errorf("write %s: id %s does not come after %s", Part(w.path), p.ID, w.last)
	}
	line, err := encodePoint(p)
	if err != nil {
		return fmt.Errorf("write %s: %w", Part(w.path), err)
	}
	w.line(line)
	w.last = p.ID
	w.passages++
	if w.block.Len() < blockBytes {
		return nil
	}
	return w.flush()
}

func (w *Writer) line(text []byte) {
	w.block.Write(text)
	w.sum.Write(text)
}

func (w *Writer) flush() error {
	if w.block.Len() == 0 {
		return nil
	}
	data := w.block.Bytes()
	if w.zip {
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		if _, err := zip.Write(data); err != nil {
			return err
		}
		if err := zip.Close(); err != nil {
			return err
		}
		data = packed.Bytes()
	}
	if _, err := w.file.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", Part(w.path), err)
	}
	w.block.Reset()
	return nil
}

// Finish writes the last line and makes all of it durable, still under the name
// that Part gives.
func (w *Writer) Finish() error {
	line, err := encode(end{true, w.passages, hex.EncodeToString(w.sum.Sum(nil))})
	if err != nil {
		return err
	}
	w.block.Write(line)
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", Part(w.path), err)
	}
	return nil
}

// Commit gives the finished file its name, in place of one that has it.
func (w *Writer) Commit() error {
	if err := os.Rename(Part(w.path), w.path); err != nil {
		return fmt.Errorf("write the file of an index: %w", err)
	}
	folder, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return fmt.Errorf("write the file of an index: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("write the file of an index: %w", err)
	}
	return nil
}

// Close lets go of the file; what is not committed stays for the next Create.
func (w *Writer) Close() error {
	err := w.flush() // whole lines, for the next one
	return errors.Join(err, w.file.Close())
}

// recover reads what a killed writer left, and returns where to go on: behind
// the last whole block before a last line, 0 where the file is of other passages.
func (w *Writer) recover(h Header, first []byte) (at int64) {
	blocks := w.plainBlocks
	if w.zip {
		blocks = w.zipBlocks
	}
	begun := false
	_ = blocks(func(block []byte, end int64) bool { // where it cannot be read on, it is written on
		last, n := w.last, w.passages
		for line := range bytes.Lines(block) {
			if !begun {
				if !bytes.Equal(line, first) {
					return false
				}
				begun = true
				continue
			}
			p, err := parsePoint(h, line, last)
			if err != nil { // also the last line
				return false
			}
			last = p.ID
			n++
		}
		w.sum.Write(block)
		w.last, w.passages, at = last, n, end
		return true
	})
	return at
}

// plainBlocks passes on each whole line and where it ends.
func (w *Writer) plainBlocks(each func(block []byte, end int64) bool) error {
	r := bufio.NewReaderSize(w.file, 1<<16)
	for at := int64(0); ; {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		if at += int64(len(line)); !each(line, at) {
			return nil
		}
	}
}

// zipBlocks passes on the content of each whole member and where it ends.
func (w *Writer) zipBlocks(each func(block []byte, end int64) bool) error {
	r := &counted{r: bufio.NewReaderSize(w.file, 1<<16)}
	for {
		zip, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		zip.Multistream(false)
		block, err := io.ReadAll(io.LimitReader(zip, int64(blockBytes+maxLineBytes)))
		if err != nil {
			return err
		}
		if !each(block, r.n) {
			return nil
		}
	}
}

// counted tells how much of a reader was read; a gzip.Reader over it reads no
// byte beyond its member.
type counted struct {
	r *bufio.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
