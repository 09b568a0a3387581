package endpoint

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	// headBytes of a reply are kept for its error message.
	headBytes = 4 << 10
	// excerptRunes of them are shown.
	excerptRunes = 120
)

// Attempt sends the requests of one attempt. Its Do has the signature that
// client libraries ask of an HTTP client.
type Attempt struct {
	endpoint *Endpoint
	reply    *replyBody
}

// Do sends request. Unlike http.Client, it returns a StatusError for a reply
// whose status is not 2xx, and limits how much of a reply can be read.
func (a *Attempt) Do(request *http.Request) (*http.Response, error) {
	response, err := a.endpoint.client.Do(request)
	if err != nil {
		// url.Error repeats the URL, which may hold a password.
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("the connection was closed before an answer came")
		}
		// What is not HTTP at all is quoted in the error.
		if text := a.endpoint.secrets.mask(err.Error()); text != err.Error() {
			err = errors.New(text)
		}
		return nil, err
	}
	a.reply = &replyBody{source: response.Body, left: a.endpoint.config.MaxReplyBytes}
	response.Body = a.reply
	if response.StatusCode >= 200 && response.StatusCode <= 299 {
		return response, nil
	}
	defer response.Body.Close()
	// What cannot be read of an error page is not needed.
	_, _ = io.CopyN(io.Discard, response.Body, headBytes)
	return nil, &StatusError{
		Status:     response.StatusCode,
		Message:    a.head(),
		RetryAfter: parseRetryAfter(response.Header.Get("Retry-After")),
	}
}

// describe says of an error that a reply was not understood how the reply
// begins. The cause's text is cut: a JSON error may quote megabytes.
func (a *Attempt) describe(err error) error {
	if a.reply == nil || isPermanent(err) {
		return err
	}
	if _, ok := errors.AsType[*StatusError](err); ok {
		return err
	}
	head := a.head()
	if head == "" && errors.Is(err, io.EOF) {
		return errors.New("unusable reply: it is empty")
	}
	cause := cut(a.endpoint.secrets.mask(err.Error()))
	return fmt.Errorf("unusable reply: %s; it begins %q", cause, cut(head))
}

// head returns the beginning of the reply without secrets.
func (a *Attempt) head() string {
	head := a.endpoint.secrets.mask(string(a.reply.head))
	if len(a.reply.head) == headBytes {
		head = a.endpoint.secrets.dropPartial(head)
	}
	return strings.TrimSpace(strings.ToValidUTF8(head, "\uFFFD"))
}

// cut shortens text to excerptRunes.
func cut(text string) string {
	runes := 0
	for at := range text {
		if runes++; runes > excerptRunes {
			return text[:at] + "…"
		}
	}
	return text
}

// replyBody limits a reply and keeps its beginning.
type replyBody struct {
	source io.ReadCloser
	left   int64
	head   []byte
}

func (b *replyBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// At the limit only the end of the reply is acceptable.
		if n, err := b.source.Read(p[:min(1, len(p))]); n == 0 {
			return 0, err
		}
		return 0, errors.New("it is larger than any right answer")
	}
	n, err := b.source.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.head = append(b.head, p[:min(n, headBytes-len(b.head))]...)
	return n, err
}

func (b *replyBody) Close() error { return b.source.Close() }

// refuseForeign follows a redirect only where the same host gets the same
// request again: elsewhere it would hand out the texts and perhaps the key, or
// turn the POST into a GET.
func refuseForeign(next *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme:
		return &redirectError{to: next.URL.Scheme + "://" + next.URL.Host}
	case next.Method != first.Method:
		return &redirectError{to: "another path"}
	case len(via) >= 10:
		return &redirectError{to: "itself, again and again"}
	}
	return nil
}
