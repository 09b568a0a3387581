package fetch_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/fetch"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// content is what the file under test holds.
var content = strings.Repeat("0123456789abcdef\n", 1000)

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// publication returns one of the file sub/x.json, in en, at a server.
func publication(base string) dataset.Publication {
	return dataset.Publication{Dataset: "test", Files: []dataset.PublishedFile{
		{Lang: "en", Path: "sub/x.json", URL: base + "/x.json", Bytes: int64(len(content)), SHA256: sha(content)},
	}}
}

// serve starts a server whose handler also gets the number of the request, from
// 1, and returns the server and how many requests there were.
func serve(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, n int)) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handle(w, r, int(requests.Add(1)))
	}))
	t.Cleanup(server.Close)
	return server, &requests
}

// names returns what lies in a folder and below, folders left out.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, relErr := filepath.Rel(dir, path)
			all, err = append(all, filepath.ToSlash(name)), relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const patience = 20 * time.Second

func TestFetch(t *testing.T) {
	server, requests := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Method != http.MethodGet || r.URL.Path != "/x.json" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, content)
	})
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	path := filepath.Join(dir, "sub", "x.json")
	var last [2]int64
	o := fetch.Options{Dir: dir, Client: server.Client(), Progress: func(p string, have, total int64) {
		if p != path || have < last[0] || last[0] == last[1] && last[1] > 0 {
			t.Errorf("progress %s %d of %d after %v", p, have, total, last)
		}
		last = [2]int64{have, total}
	}}
	if err := fetch.From(t.Context(), o, publication(server.URL), patience); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if want := int64(len(content)); last != [2]int64{want, want} {
		t.Errorf("the progress ends with %v", last)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// Once there, it is kept.
	o.Progress = nil
	if err := fetch.From(t.Context(), o, publication(server.URL), patience); err != nil || requests.Load() != 1 {
		t.Errorf("again: %v, %d requests", err, requests.Load())
	}
	// Another file in its place is left alone.
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = fetch.From(t.Context(), o, publication(server.URL), patience)
	if err == nil || !strings.Contains(err.Error(), path+" is there, but is not the published file (4 bytes, SHA-256 "+sha("mine")) || requests.Load() != 1 {
		t.Errorf("another file: %v, %d requests", err, requests.Load())
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "mine" {
		t.Errorf("it holds %.20q, %v", got, err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"sub/x.json"}) {
		t.Errorf("files %v", got)
	}
}

// TestFetchSurvives has servers that fail at first.
func TestFetchSurvives(t *testing.T) {
	for name, first := range map[string]func(w http.ResponseWriter, n int){
		"500": func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusInternalServerError) },
		"429 with a wait": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"503 until a time": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"closed": func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) },
		"truncated": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = io.WriteString(w, content[:len(content)/2])
		},
		"short": func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, content[:len(content)/2]) },
		"empty": func(http.ResponseWriter, int) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
				if n < 3 {
					first(w, n)
					return
				}
				_, _ = io.WriteString(w, content)
			})
			dir := t.TempDir()
			if err := fetch.From(t.Context(), fetch.Options{Dir: dir, Client: server.Client()}, publication(server.URL), patience); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, "sub", "x.json"))
			if err != nil || string(got) != content || requests.Load() != 3 {
				t.Errorf("%d bytes, %v, %d requests", len(got), err, requests.Load())
			}
		})
	}
}

// laterOn is a server that asks to wait, once.
type laterOn struct {
	retryAfter string
	asked      bool
}

func (l *laterOn) RoundTrip(*http.Request) (*http.Response, error) {
	reply := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(content))}
	if !l.asked {
		reply.StatusCode = http.StatusTooManyRequests
		reply.Header.Set("Retry-After", l.retryAfter)
	}
	l.asked = true
	return reply, nil
}

func TestFetchHonoursRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		header string
		want   time.Duration
	}{{"17", 17 * time.Second}, {"3600", time.Minute}} {
		synctest.Test(t, func(t *testing.T) { // in fake time
			start := time.Now()
			client := &http.Client{Transport: &laterOn{retryAfter: tc.header}}
			err := fetch.From(t.Context(), fetch.Options{Dir: t.TempDir(), Client: client}, publication("https://test"), patience)
			if waited := time.Since(start); err != nil || waited != tc.want {
				t.Errorf("Retry-After %s: waited %s, %v", tc.header, waited, err)
			}
		})
	}
}

// TestFetchGivesUp has servers that never give the file.
func TestFetchGivesUp(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for _, tc := range []struct {
		name     string
		handle   func(w http.ResponseWriter, r *http.Request)
		want     string
		requests int32
	}{
		{"404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "status 404 Not Found: it has moved; get it by hand", 1},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "status 403 Forbidden", 1},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "status 204 No Content", 1},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "gave up after 5 attempts: status 500 Internal Server Error", 5},
		{"truncated", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = io.WriteString(w, content[1:])
		}, "gave up after 5 attempts: unexpected EOF", 5},
		{"short", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content[1:]) }, "gave up after 5 attempts: 16999 bytes came, want 17000", 5},
		{"too large", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content+"x") }, "larger than the published 17000 bytes", 1},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, content)
			}
		}, "larger than the published 17000 bytes", 1},
		{"another file", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "X"+content[1:]) },
			"what came is not the published file: its SHA-256 is " + sha("X"+content[1:]) + ", want " + sha(content), 1},
		{"redirect without HTTPS", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) },
			"it redirects to " + strings.TrimPrefix(plain.URL, "http://") + " without HTTPS, which is not followed", 1},
		{"redirect in a circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x.json", http.StatusFound) }, "it redirects again and again", 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server, requests := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { tc.handle(w, r) })
			dir := t.TempDir()
			err := fetch.From(t.Context(), fetch.Options{Dir: dir, Client: server.Client()}, publication(server.URL), patience)
			if err == nil || !strings.HasPrefix(err.Error(), "fetch "+server.URL+"/x.json: ") || !strings.Contains(err.Error(), tc.want) || strings.Count(err.Error(), server.URL) != 1 {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if requests.Load() != tc.requests {
				t.Errorf("%d requests, want %d", requests.Load(), tc.requests)
			}
			if got := names(t, dir); len(got) > 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestFetchFollowsRedirects(t *testing.T) {
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path == "/x.json" {
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
			return
		}
		_, _ = io.WriteString(w, content)
	})
	if err := fetch.From(t.Context(), fetch.Options{Dir: t.TempDir(), Client: server.Client()}, publication(server.URL), patience); err != nil {
		t.Error(err)
	}
}

// hang answers with half of the file and then with nothing.
func hang(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = io.WriteString(w, content[:len(content)/2])
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestFetchHangs(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"before an answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half-way":         hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, requests := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { handle(w, r) })
			dir := t.TempDir()
			err := fetch.From(t.Context(), fetch.Options{Dir: dir, Client: server.Client()}, publication(server.URL), 50*time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), "gave up after 5 attempts: it did not come within") || requests.Load() != 5 {
				t.Errorf("error %v, %d requests", err, requests.Load())
			}
			if got := names(t, dir); len(got) > 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestFetchStops(t *testing.T) {
	cause := errors.New("enough")
	for name, handle := range map[string]http.HandlerFunc{
		"half-way": hang,
		"between attempts": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			server, requests := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
				handle(w, r)
			})
			dir := t.TempDir()
			done := make(chan error, 1)
			go func() {
				done <- fetch.From(ctx, fetch.Options{Dir: dir, Client: server.Client()}, publication(server.URL), time.Hour)
			}()
			select {
			case err := <-done:
				if !errors.Is(err, cause) || requests.Load() != 1 {
					t.Errorf("error %v, %d requests", err, requests.Load())
				}
			case <-time.After(patience):
				t.Fatal("it goes on")
			}
			if got := names(t, dir); len(got) > 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestFetchLanguages(t *testing.T) {
	server, requests := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { _, _ = io.WriteString(w, r.URL.Path) })
	var p dataset.Publication
	p.Dataset = "test"
	for _, tag := range []string{"de", "en", "zh"} {
		p.Files = append(p.Files, dataset.PublishedFile{Lang: tag, Path: tag, URL: server.URL + "/" + tag, Bytes: 3, SHA256: sha("/" + tag)})
	}
	dir := t.TempDir()
	get := func(langs ...string) error {
		return fetch.From(t.Context(), fetch.Options{Dir: dir, Client: server.Client(), Langs: langs}, p, patience)
	}
	if err := get("cmn", "de"); err != nil || !slices.Equal(names(t, dir), []string{"de", "zh"}) {
		t.Errorf("%v: %v", err, names(t, dir))
	}
	// Nothing is asked for before all is known to be there.
	if err := get("en", "fr"); err == nil || err.Error() != "dataset test is not published in fr, only in de, en, zh" || requests.Load() != 2 {
		t.Errorf("error %v, %d requests", err, requests.Load())
	}
	if err := get("xx"); err == nil || !strings.Contains(err.Error(), "is not a language tag") {
		t.Errorf("error %v", err)
	}
	if err := get(); err != nil || len(names(t, dir)) != 3 || requests.Load() != 3 {
		t.Errorf("error %v, %d requests, files %v", err, requests.Load(), names(t, dir))
	}
	err := fetch.Fetch(t.Context(), fetch.Options{Dataset: "sample", Dir: dir})
	if err == nil || err.Error() != `dataset "sample" cannot be downloaded, want one of belebele, xquad, xquad-r` {
		t.Errorf("error %v", err)
	}
}

// zipped returns an archive of files, by name.
func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		out, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(out, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func archived(base, archive string) dataset.Publication {
	return dataset.Publication{Dataset: "belebele", Archive: &dataset.PublishedFile{
		Path: "Belebele.zip", URL: base + "/Belebele.zip", Bytes: int64(len(archive)), SHA256: sha(archive),
	}}
}

func TestFetchArchive(t *testing.T) {
	archive := zipped(t, map[string]string{
		"Belebele/eng_Latn.jsonl": "en", "Belebele/arb_Arab.jsonl": "ar", "Belebele/zho_Hant.jsonl": "zh", "Belebele/README": "no",
		"__MACOSX/Belebele/eng_Latn.jsonl": "no", "../../evil.jsonl": "evil",
	})
	server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, archive) })
	dir := filepath.Join(t.TempDir(), "a", "b")
	get := func(langs ...string) error {
		return fetch.From(t.Context(), fetch.Options{Dir: dir, Client: server.Client(), Langs: langs}, archived(server.URL, archive), patience)
	}
	if err := get("ar", "zh-TW"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"Belebele.zip", "arb_Arab.jsonl", "zho_Hant.jsonl"}) {
		t.Errorf("files %v", got)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "arb_Arab.jsonl")); err != nil || string(got) != "ar" {
		t.Errorf("ar holds %q, %v", got, err)
	}
	err := get("en", "fr")
	if want := "dataset belebele is not published in fr: " + filepath.Join(dir, "Belebele.zip") + " holds no fra_Latn.jsonl"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// All, out of the archive that is there; no member leads out of the folder.
	if err := get(); err != nil || requests.Load() != 1 {
		t.Errorf("%v, %d requests", err, requests.Load())
	}
	if got := names(t, filepath.Dir(filepath.Dir(dir))); !slices.Equal(got, []string{"a/b/Belebele.zip", "a/b/arb_Arab.jsonl", "a/b/eng_Latn.jsonl", "a/b/evil.jsonl", "a/b/zho_Hant.jsonl"}) {
		t.Errorf("files %v", got)
	}
	path := filepath.Join(dir, "eng_Latn.jsonl")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := get("en"); err == nil || !strings.Contains(err.Error(), path+" is there with another content: move it away") {
		t.Errorf("another file: %v", err)
	}
}

func TestFetchBadArchive(t *testing.T) {
	large := zipped(t, map[string]string{"eng_Latn.jsonl": strings.Repeat("x", 32<<20+1)})
	damaged := strings.Replace(zipped(t, map[string]string{"eng_Latn.jsonl": ""}), "PK\x01\x02", "PK\x01\x03", 1)
	for name, tc := range map[string]struct{ archive, want string }{
		"no archive": {"<html>", "zip: not a valid zip file"},
		"damaged":    {damaged, "zip: not a valid zip file"},
		"too large":  {large, "it is larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, tc.archive) })
			dir := t.TempDir()
			err := fetch.From(t.Context(), fetch.Options{Dir: dir, Client: server.Client(), Langs: []string{"en"}}, archived(server.URL, tc.archive), patience)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if got := names(t, dir); !slices.Equal(got, []string{"Belebele.zip"}) {
				t.Errorf("files %v", got)
			}
		})
	}
}

// mirror sends every request to a server of its own, whatever its host.
type mirror struct{ server *httptest.Server }

func (m mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Path = "/" + r.URL.Host + r.URL.Path
	r.URL.Host = strings.TrimPrefix(m.server.URL, "https://")
	return m.server.Client().Transport.RoundTrip(r)
}

// The published XQuAD, from a server that has it, is what the manifest says, and
// can be loaded.
func TestFetchXQuAD(t *testing.T) {
	source := testenv.XQuAD(t)
	const prefix = "/raw.githubusercontent.com/google-deepmind/xquad/"
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if !strings.HasPrefix(r.URL.Path, prefix) {
			t.Errorf("asked for %s", r.URL.Path)
		}
		http.ServeFile(w, r, filepath.Join(source, filepath.Base(r.URL.Path)))
	})
	dir := t.TempDir()
	o := fetch.Options{Dataset: "xquad", Dir: dir, Langs: []string{"th", "en"}, Client: &http.Client{Transport: mirror{server}}}
	if err := fetch.Fetch(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(names(t, dir)); got != "[xquad.en.json xquad.th.json]" {
		t.Errorf("files %s", got)
	}
	if s, err := dataset.Load(t.Context(), "xquad", dir, "th"); err != nil || len(s.Questions) != 1190 {
		t.Errorf("loading it: %v", err)
	}
}
