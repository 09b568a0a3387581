package search

import (
	"cmp"
	"slices"
	"time"

	"github.com/query-synergy/query-synergy/internal/retrieve"
)

// Result is the answer to one query: the object that `query --json` prints.
// docs/json.md describes it field by field; a change there is a new Version.
type Result struct {
	Version int    `json:"version"`
	Corpus  string `json:"corpus"`
	Query   string `json:"query"`
	Lang    string `json:"lang"`
	// Detected says how Lang was found; left out where it was given.
	Detected *Detected `json:"detected,omitempty"`
	Lambda   float64   `json:"lambda"` // weight of the source query; 1 where no anchor took part
	TopK     int       `json:"top_k"`
	Anchor   Anchor    `json:"anchor"`
	// More are the further anchors of the query, in their order.
	More []MoreAnchor `json:"more_anchors,omitempty"`
	// Langs says how each index was searched; left out where there is one.
	Langs    []Searched        `json:"langs,omitempty"`
	Strategy retrieve.Strategy `json:"strategy"`
	// Filter is what the documents were chosen by; left out where by nothing.
	Filter string `json:"filter,omitempty"`
	// Approximate says that the store's approximate index was searched.
	Approximate bool         `json:"approximate,omitempty"`
	Certified   bool         `json:"certified"` // the hits are proven to be the whole index's top k
	Depth       int          `json:"depth"`     // passages asked of each search
	Hits        []Hit        `json:"hits"`
	Explain     *Explanation `json:"explain,omitempty"`
	// Compare holds what each query alone finds; left out where it was not asked
	// for or there is no anchor.
	Compare *Comparison `json:"compare,omitempty"`
	Timings Timings     `json:"timings_ms"`
}

// resultVersion is that of the object's form.
const resultVersion = 1

// Anchor says what became of the anchor query.
type Anchor struct {
	Text      string   `json:"text"` // empty where there is none
	Lang      string   `json:"lang"`
	Origin    string   `json:"origin"`    // who wrote it: "given", "file:…", "chat:…"; empty where there is none
	Agreement *float64 `json:"agreement"` // cosine of source and anchor query; null where there is none
	Status    Status   `json:"status"`
	Error     string   `json:"error,omitempty"` // why it is missing
	// Judgement says what it was found to be worth; left out where it was not
	// judged, as with an anchor that somebody gave.
	Judgement *Judgement `json:"judgement,omitempty"`
}

// MoreAnchor is a further anchor query.
type MoreAnchor struct {
	Text   string  `json:"text"`
	Lang   string  `json:"lang"`
	Weight float64 `json:"weight"` // in [0, 1]
}

// Searched is how the index of one language was searched.
type Searched struct {
	Lang      string  `json:"lang"`
	Lambda    float64 `json:"lambda"`
	Certified bool    `json:"certified"`
	Depth     int     `json:"depth"`
}

// Status is what became of the anchor query, in a word.
type Status string

// The statuses. With all but StatusOK and StatusCached the ranking is that of
// the source query alone.
const (
	StatusOK           Status = "ok"
	StatusCached       Status = "cached"        // a translation made earlier
	StatusNone         Status = "none"          // neither an anchor nor a translator was given
	StatusSameLanguage Status = "same_language" // the query is in the anchor's language
	StatusTimeout      Status = "timeout"       // the translator took too long
	StatusUnavailable  Status = "unavailable"   // the translator failed
	StatusRefused      Status = "refused"       // what came back is no translation, or does not fit
	StatusPending      Status = "pending"       // the translation is under way, see Begun.Source
)

// absence says why there is no anchor.
var absence = map[Status]string{
	StatusNone:         "none was given",
	StatusSameLanguage: "the query is in its language already",
	StatusTimeout:      "the translator took too long",
	StatusUnavailable:  "it could not be had",
	StatusRefused:      "what came back does not fit the query",
	StatusPending:      "the translation is under way",
}

// Absence says for people why there is no anchor; "" where there is one.
func (s Status) Absence() string { return absence[s] }

// Missing says whether an anchor was wanted and could not be had.
func (s Status) Missing() bool {
	return s == StatusTimeout || s == StatusUnavailable || s == StatusRefused
}

// Hit is a document with its best passage.
type Hit struct {
	Rank   int      `json:"rank"` // from 1
	ID     string   `json:"id"`   // of the document
	Score  float64  `json:"score"`
	Source float64  `json:"source"` // cosine to the source query; the product, where the index compares by that
	Anchor *float64 `json:"anchor"` // likewise to the anchor query; null where there is none
	// Hub is what was taken off for the passage's hubness: λ·Source + (1−λ)·Anchor
	// − Hub is Score. Left out where the index has none.
	Hub *float64 `json:"hub,omitempty"`
	// More are the cosines to the further anchors.
	More     []float64       `json:"more_anchors,omitempty"`
	Lang     string          `json:"lang"`
	Title    string          `json:"title"`
	Text     string          `json:"text"`   // of the best passage
	Chunk    int             `json:"chunk"`  // which of the document's chunks that is, from 0
	Chunks   int             `json:"chunks"` // how many it has
	Metadata map[string]any  `json:"metadata"`
	Explain  *HitExplanation `json:"explain,omitempty"`
}

// Timings are milliseconds of wall-clock time. Translation overlaps with the
// embedding of the source query, so Embed counts what the embeddings took
// besides.
type Timings struct {
	Translate float64 `json:"translate"`
	Embed     float64 `json:"embed"`
	Search    float64 `json:"search"`
	Fuse      float64 `json:"fuse"`
	Total     float64 `json:"total"`
}

// result merges what was found in the indexes of all languages.
func (p *Prepared) result(parts []part) Result {
	r := Result{
		Version: resultVersion, Corpus: p.Corpus, Query: p.Text, Lang: p.Lang, Detected: p.Detected,
		Lambda: parts[0].Weights[0], TopK: p.TopK, Strategy: cmp.Or(p.Strategy, retrieve.Synergy),
		Approximate: p.Approximate,
		Anchor:      judged(p.anchor, parts), Certified: true, Hits: []Hit{}, Timings: p.timings,
	}
	if p.Read.Filter != nil {
		r.Filter = p.Read.Filter.String()
	}
	first := len(p.anchors) - len(p.More) // of the further anchors
	for i, more := range p.More {
		r.More = append(r.More, MoreAnchor{Text: more.Text, Lang: more.Lang, Weight: parts[0].Weights[1+first+i]})
	}
	for _, part := range parts {
		hubs := p.indexes[part.lang].Schema.HasHub()
		for _, hit := range part.Hits {
			out := p.hit(hit, part.Weights)
			if hubs {
				out.Hub = &hit.Hub
			}
			r.Hits = append(r.Hits, out)
		}
		r.Certified = r.Certified && part.Certified
		r.Depth = max(r.Depth, part.Depth)
		r.Timings.Search = max(r.Timings.Search, milliseconds(part.Timings.Search)) // they run side by side
		r.Timings.Fuse += milliseconds(part.Timings.Fuse)
		if len(parts) > 1 {
			r.Langs = append(r.Langs, Searched{Lang: part.lang, Lambda: part.Weights[0], Certified: part.Certified, Depth: part.Depth})
		}
	}
	slices.SortStableFunc(r.Hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Lang, b.Lang))
	})
	r.Hits = r.Hits[:min(p.TopK, len(r.Hits))]
	for i := range r.Hits {
		r.Hits[i].Rank = i + 1
	}
	if p.Explain {
		r.Explain = explain(p, parts)
	}
	return r
}

// hit returns a hit without its rank.
func (p *Prepared) hit(found retrieve.Hit, weights []float64) Hit {
	payload, cosines := found.Payload, found.Cosines
	out := Hit{
		ID: found.DocID, Score: found.Score, Source: cosines[0], More: cosines[1:],
		Lang: payload.Lang, Title: payload.Title, Text: payload.Text, Chunk: payload.Chunk, Chunks: payload.Chunks, Metadata: payload.Metadata,
	}
	if p.anchor.Text != "" {
		out.Anchor, out.More = &cosines[1], cosines[2:]
	}
	if out.Metadata == nil {
		out.Metadata = map[string]any{}
	}
	if p.Explain {
		out.Explain = &HitExplanation{Ranks: found.Ranks}
		for i, c := range cosines {
			out.Explain.Shares = append(out.Explain.Shares, weights[i]*c)
		}
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
