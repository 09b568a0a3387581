package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// Options say what to download and where to.
type Options struct {
	Dataset string // one of dataset.Downloadable
	Dir     string // is made where it does not exist
	// Langs are the languages, as BCP 47 tags; none: all that are published.
	Langs []string
	// Client sends the requests; nil: one that goes by the proxy variables of the
	// environment. Redirects are followed to HTTPS only, whatever it says of them.
	Client *http.Client
	// Progress, if set, hears how many bytes of a file are there, of how many. A
	// file that begins again begins at 0. Where both are equal, it is in place.
	Progress func(path string, have, total int64)
}

// Fetch downloads a dataset. A file that is there already is kept if it is the
// published one; if it is not, Fetch leaves it alone and returns an error, since
// somebody may need it. Each file is asked for up to five times, with growing
// waits that honour Retry-After, and each time must come within half a minute
// and what 32 KiB a second take. Fetch returns at once when ctx ends.
func Fetch(ctx context.Context, o Options) error {
	p, ok := dataset.Published(o.Dataset)
	if !ok {
		return fmt.Errorf("dataset %.40q cannot be downloaded, want one of %s", o.Dataset, strings.Join(dataset.Downloadable(), ", "))
	}
	return newFetcher(o).fetch(ctx, p)
}

// fetcher is a Fetch with its deadlines, which tests shorten.
type fetcher struct {
	Options
	client    http.Client
	firstWait time.Duration
	patience  time.Duration // for a file of no bytes
}

func newFetcher(o Options) *fetcher {
	f := &fetcher{Options: o, firstWait: 500 * time.Millisecond, patience: 30 * time.Second}
	if o.Client != nil {
		f.client = *o.Client
	}
	f.client.CheckRedirect = onlyHTTPS
	if f.Progress == nil {
		f.Progress = func(string, int64, int64) {}
	}
	return f
}

func (f *fetcher) fetch(ctx context.Context, p dataset.Publication) error {
	tags, err := parseTags(f.Langs)
	if err != nil {
		return err
	}
	if p.Archive != nil {
		path, err := f.place(ctx, *p.Archive)
		if err != nil {
			return err
		}
		return f.unpack(ctx, path, p, tags)
	}
	for _, tag := range tags {
		if !slices.Contains(p.Langs(), tag) {
			return fmt.Errorf("dataset %s is not published in %s, only in %s", p.Dataset, tag, strings.Join(p.Langs(), ", "))
		}
	}
	for _, file := range p.Files {
		if len(tags) > 0 && !slices.Contains(tags, file.Lang) {
			continue
		}
		if _, err := f.place(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

func parseTags(langs []string) ([]string, error) {
	var tags []string
	for _, l := range langs {
		tag, err := lang.Parse(l)
		if err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// place sees to it that a published file is in its place, and returns that.
func (f *fetcher) place(ctx context.Context, file dataset.PublishedFile) (string, error) {
	path := filepath.Join(f.Dir, filepath.FromSlash(file.Path))
	there, err := dataset.Identify(path)
	switch {
	case err == nil && there.Bytes == file.Bytes && there.SHA256 == file.SHA256:
		f.Progress(path, file.Bytes, file.Bytes)
		return path, nil
	case err == nil:
		return "", fmt.Errorf("%s is there, but is not the published file (%d bytes, SHA-256 %s; want %d, %s): move it away to have it fetched",
			path, there.Bytes, there.SHA256, file.Bytes, file.SHA256)
	case !errors.Is(err, os.ErrNotExist):
		return "", err
	}
	err = atomically(path, func(temp *os.File) error { return f.download(ctx, file, path, temp) })
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", file.URL, err)
	}
	f.Progress(path, file.Bytes, file.Bytes)
	return path, nil
}

// atomically lets fill write a new file and then puts it in its place.
func atomically(path string, fill func(temp *os.File) error) error {
	dir, name := filepath.Split(path)
	if err := os.MkdirAll(filepath.Clean(dir), 0o755); err != nil { //nolint:gosec // data that anyone may read
		return err
	}
	temp, err := os.CreateTemp(dir, "."+name+".*.part")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone already after the rename
	err = fill(temp)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
