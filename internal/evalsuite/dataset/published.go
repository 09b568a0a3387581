package dataset

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/corpus"
)

// Publication says where a dataset comes from.
type Publication struct {
	Dataset string `json:"dataset"`
	Licence string `json:"licence"`
	Source  string `json:"source"` // a page about it
	// HashOrigin says how the SHA-256 of the files came to be known.
	HashOrigin string `json:"hash_origin"`
	// Files are published one a language; or Archive is, with a JSONL file for
	// each.
	Files   []PublishedFile `json:"files"`
	Archive *PublishedFile  `json:"archive"`
}

// PublishedFile is a file to download. What differs from its size or hash is
// another file.
type PublishedFile struct {
	Lang   string `json:"lang"` // "" for an archive
	Path   string `json:"path"` // within the dataset's folder, with slashes
	URL    string `json:"url"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

//go:embed published.json
var publishedJSON []byte

var publications = parsePublications(publishedJSON)

func parsePublications(data []byte) []Publication {
	var all []Publication
	if err := json.Unmarshal(data, &all); err != nil {
		panic(fmt.Sprintf("dataset: published.json: %v", err))
	}
	return all
}

// Published returns where a dataset comes from, and whether that is known.
func Published(name string) (Publication, bool) {
	at := slices.IndexFunc(publications, func(p Publication) bool { return p.Dataset == name })
	if at < 0 {
		return Publication{}, false
	}
	return publications[at], true
}

// Downloadable returns the datasets that Published knows, ascending.
func Downloadable() []string {
	var names []string
	for _, p := range publications {
		names = append(names, p.Dataset)
	}
	return names
}

// Langs returns the languages of Files; none for an archive, which itself says
// what is in it.
func (p Publication) Langs() []string {
	var tags []string
	for _, f := range p.Files {
		tags = append(tags, f.Lang)
	}
	return tags
}

// Member returns the name that a language's file bears in Archive and on disk.
func (p Publication) Member(tag string) (string, error) { return belebeleName(tag) }

// howToGet says how to come by a language that is not on disk.
func howToGet(name, dir, tag string) string {
	p, ok := Published(name)
	if !ok {
		if layouts[name].format == corpus.FormatBEIR {
			return fmt.Sprintf("want the folder %s with corpus.jsonl, queries.jsonl and qrels/test.tsv", tag)
		}
		return "put it there"
	}
	var size int64
	var from string
	if p.Archive != nil {
		size, from = p.Archive.Bytes, p.Archive.URL
	} else {
		at := slices.IndexFunc(p.Files, func(f PublishedFile) bool { return f.Lang == tag })
		if at < 0 {
			return "it is published in " + strings.Join(p.Langs(), ", ")
		}
		size, from = p.Files[at].Bytes, p.Files[at].URL
	}
	return fmt.Sprintf("get it with: evaluate fetch --dataset %s --data %s --langs %s (%.1f MB from %s)", name, dir, tag, float64(size)/1e6, from)
}
