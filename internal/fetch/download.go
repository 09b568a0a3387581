package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
)

const (
	maxTries     = 5
	maxWait      = time.Minute // also caps what a Retry-After may ask for
	slowest      = 32 << 10    // bytes a second that are still waited for
	maxRedirects = 5
)

// download fills temp with a published file.
func (f *fetcher) download(ctx context.Context, file dataset.PublishedFile, path string, temp *os.File) error {
	waits := &backoff.ExponentialBackOff{
		InitialInterval: f.firstWait, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: maxWait,
	}
	tries := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		tries++
		return struct{}{}, f.attempt(ctx, file, path, temp)
	}, backoff.WithBackOff(waits), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case tries == maxTries:
		return fmt.Errorf("gave up after %d attempts: %w", tries, err)
	}
	return err
}

// attempt asks for the file once. What the next attempt would not better is
// marked as permanent.
func (f *fetcher) attempt(ctx context.Context, file dataset.PublishedFile, path string, temp *os.File) error {
	_, seekErr := temp.Seek(0, io.SeekStart)
	if err := errors.Join(seekErr, temp.Truncate(0)); err != nil {
		return backoff.Permanent(err)
	}
	patience := f.patience + time.Duration(file.Bytes)*time.Second/slowest
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it did not come within %s", patience.Round(time.Millisecond)))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, file.URL, http.NoBody)
	if err != nil {
		return backoff.Permanent(err)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return ended(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return refused(response)
	}
	hash := sha256.New()
	counted := &counter{f: f, path: path, total: file.Bytes}
	n, err := io.Copy(io.MultiWriter(temp, hash, counted), io.LimitReader(response.Body, file.Bytes+1))
	if _, full := errors.AsType[*os.PathError](err); full {
		return backoff.Permanent(err) // the disk, not the network
	}
	switch sum := hex.EncodeToString(hash.Sum(nil)); {
	case n > file.Bytes:
		return backoff.Permanent(fmt.Errorf("what came is larger than the published %d bytes: another file, or another page", file.Bytes))
	case err != nil:
		return ended(ctx, err)
	case n < file.Bytes:
		return fmt.Errorf("%d bytes came, want %d", n, file.Bytes)
	case sum != file.SHA256:
		return backoff.Permanent(fmt.Errorf("what came is not the published file: its SHA-256 is %s, want %s", sum, file.SHA256))
	}
	return nil
}

// ended returns why a request broke off.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // without the URL, which the caller names
	}
	if errors.Is(err, errRedirect) {
		return backoff.Permanent(err)
	}
	return err
}

// refused returns the error of a reply without the file.
func refused(response *http.Response) error {
	err := fmt.Errorf("status %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	switch code := response.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusGone:
		return backoff.Permanent(fmt.Errorf("%w: it has moved; get it by hand", err))
	case code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooEarly && code != http.StatusTooManyRequests:
		return backoff.Permanent(err)
	}
	if wait := retryAfter(response.Header.Get("Retry-After")); wait > 0 {
		return fmt.Errorf("%w: %w", err, &backoff.RetryAfterError{Duration: min(wait, maxWait)})
	}
	return err
}

// retryAfter reads both forms of the header, RFC 9110 §10.2.3; 0 is no wish.
func retryAfter(header string) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

var errRedirect = errors.New("it redirects")

// onlyHTTPS follows a few redirects, and none to where the file could be read
// or changed on its way.
func onlyHTTPS(next *http.Request, via []*http.Request) error {
	if next.URL.Scheme != "https" {
		return fmt.Errorf("%w to %s without HTTPS, which is not followed", errRedirect, next.URL.Host)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w again and again", errRedirect)
	}
	return nil
}

// counter tells Progress what has come. The last step is told when the file is
// in its place.
type counter struct {
	f           *fetcher
	path        string
	have, total int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.have += int64(len(p))
	if c.have < c.total {
		c.f.Progress(c.path, c.have, c.total)
	}
	return len(p), nil
}
