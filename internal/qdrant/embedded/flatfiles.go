package embedded

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
)

// flatFiles are a generation's files, open for appending. Where an append
// begins is decided by the catalog, not by the size of a file.
type flatFiles struct {
	generation                 int64
	vectors, records, payloads *os.File
}

func openFlatFiles(dir string, s *state) (*flatFiles, error) {
	if err := os.MkdirAll(collectionDir(dir, s.id), 0o700); err != nil {
		return nil, err
	}
	f := &flatFiles{generation: s.generation}
	for _, part := range []struct {
		kind string
		dst  **os.File
	}{{"vectors", &f.vectors}, {"rows", &f.records}, {"payloads", &f.payloads}} {
		file, err := os.OpenFile(s.file(dir, part.kind), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		*part.dst = file
	}
	return f, nil
}

// append writes the new rows behind those that s has committed and syncs them.
// What it fails to write whole it takes back, so that a full disk is as full as
// before.
func (f *flatFiles) append(s *state, vectors []float32, records, payloads []byte) error {
	parts := []struct {
		file *os.File
		at   int64
		data []byte
	}{
		{f.vectors, int64(s.rows) * int64(s.dimensions) * 4, floatBytes(vectors)},
		{f.records, int64(s.rows) * recordSize, records},
		{f.payloads, s.payloadBytes, payloads},
	}
	var group errgroup.Group
	for _, p := range parts {
		group.Go(func() error {
			if _, err := p.file.WriteAt(p.data, p.at); err != nil {
				return err
			}
			return p.file.Sync()
		})
	}
	if err := group.Wait(); err != nil {
		for _, p := range parts {
			err = errors.Join(err, p.file.Truncate(p.at))
		}
		return fmt.Errorf("write to collection %s: %w", s.name, err)
	}
	return nil
}

func (f *flatFiles) close() error {
	var errs []error
	for _, file := range []*os.File{f.vectors, f.records, f.payloads} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}
