// Package page is the search page: one document, a stylesheet and a script, all
// within the program. It works without the script, as a form whose answer is
// rendered here; with it, the script asks the HTTP API and re-ranks at once from
// the scores that it has.
//
// It knows requests and answers of package service and nothing of how they come
// about. Whoever serves it answers POST v1/search beside it, sees to tokens and
// limits, and lets nobody ask for the page who may not search.
package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Backend is what answers. *service.Service is one.
type Backend interface {
	Search(ctx context.Context, r service.Request) (service.Response, error)
	Corpora(ctx context.Context) ([]service.Corpus, error)
}

// Options make a page.
type Options struct {
	Backend Backend
	// AnchorLang is the language of anchors, a BCP 47 tag; "" is "en".
	AnchorLang string
	// MaxTopK is the most documents that can be asked for; 0: as the backend says.
	MaxTopK int
}

//go:embed assets
var assets embed.FS

// asset is a file that never changes under its name, which holds its hash.
type asset struct {
	kind string
	etag string
	data []byte
}

type handler struct {
	options Options
	assets  map[string]asset // by path
	links   map[string]string
	html    *template.Template
}

// New returns the page, which answers GET and HEAD of / and of what it links to.
func New(o Options) http.Handler {
	if o.AnchorLang == "" {
		o.AnchorLang = "en"
	}
	h := &handler{options: o, assets: map[string]asset{}, links: map[string]string{}}
	for name, kind := range map[string]string{
		"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		data, err := assets.ReadFile("assets/" + name)
		if err != nil {
			panic("page: " + err.Error()) // it is embedded
		}
		sum := sha256.Sum256(data)
		hash := hex.EncodeToString(sum[:8])
		stem, ext, _ := strings.Cut(name, ".")
		path := "assets/" + stem + "." + hash + "." + ext
		h.assets["/"+path] = asset{kind, `"` + hash + `"`, data}
		h.links[name] = path
	}
	h.html = template.Must(template.New("").Funcs(template.FuncMap{
		"say": say, "cosine": cosine, "takenOff": takenOff, "asset": func(name string) string { return h.links[name] }, "next": func(n int) int { return n + 1 },
	}).
		ParseFS(assets, "assets/page.html"))
	return h
}

// policy lets the page load nothing but its own files and ask nobody but its own
// server, and nobody frame it. Inline script and style do not run.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer") // the address holds the query
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	file, isAsset := h.assets[r.URL.Path]
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the page takes GET and HEAD only", http.StatusMethodNotAllowed)
	case isAsset:
		header.Set("Content-Type", file.kind)
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		header.Set("ETag", file.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.data))
	case r.URL.Path == "/":
		h.page(w, r)
	default:
		http.Error(w, "there is nothing at this path", http.StatusNotFound)
	}
}
