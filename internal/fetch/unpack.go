package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
)

// maxMember is the most that a file in an archive may unpack to.
const maxMember = 32 << 20

// unpack puts the files of the languages, or all if there are none, beside the
// archive.
func (f *fetcher) unpack(ctx context.Context, archive string, p dataset.Publication, tags []string) error {
	in, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", archive, err)
	}
	defer func() { _ = in.Close() }() // only read from: nothing can be lost
	members := make(map[string]*zip.File)
	for _, m := range in.File {
		// The last part only, so that no member can lead out of the folder.
		name := path.Base(m.Name)
		if strings.HasSuffix(name, ".jsonl") && filepath.IsLocal(name) && !strings.HasPrefix(m.Name, "__MACOSX/") {
			members[name] = m
		}
	}
	var wanted []string
	for _, tag := range tags {
		name, err := p.Member(tag)
		if err != nil {
			return err
		}
		if members[name] == nil {
			return fmt.Errorf("dataset %s is not published in %s: %s holds no %s", p.Dataset, tag, archive, name)
		}
		wanted = append(wanted, name)
	}
	if len(tags) == 0 {
		for name := range members {
			wanted = append(wanted, name)
		}
		slices.Sort(wanted)
	}
	for _, name := range wanted {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := f.unpackMember(filepath.Join(filepath.Dir(archive), name), members[name]); err != nil {
			return fmt.Errorf("unpack %s from %s: %w", name, archive, err)
		}
	}
	return nil
}

func (f *fetcher) unpackMember(target string, m *zip.File) error {
	content, err := readMember(m)
	if err != nil {
		return err
	}
	there, err := os.ReadFile(target)
	switch {
	case err == nil && !bytes.Equal(there, content):
		return fmt.Errorf("%s is there with another content: move it away to have it unpacked", target)
	case errors.Is(err, os.ErrNotExist):
		err = atomically(target, func(temp *os.File) error {
			_, err := temp.Write(content)
			return err
		})
	}
	if err != nil {
		return err
	}
	f.Progress(target, int64(len(content)), int64(len(content)))
	return nil
}

func readMember(m *zip.File) ([]byte, error) {
	in, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	content, err := io.ReadAll(io.LimitReader(in, maxMember+1))
	if err == nil && len(content) > maxMember {
		err = fmt.Errorf("it is larger than %d MiB", maxMember>>20)
	}
	return content, err
}
