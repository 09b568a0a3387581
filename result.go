package querysynergy

import "github.com/query-synergy/query-synergy/internal/search"

// Result is the answer to one query.
type Result struct {
	Query string
	Lang  string // of the query, a canonical BCP 47 tag
	// Confidence is how sure the detection of Lang is, in [0, 1]; 1 where Lang
	// was given.
	Confidence float64
	// Lambda is the weight of the query itself in this ranking, in [0, 1]; 1
	// where no anchor took part. Of several languages, that of the first.
	Lambda float64
	Anchor Anchor
	// Certified says that the hits are proven to be the top k of the whole
	// index, in order. Without it every score is exact all the same, but a
	// document that was not looked at could belong among them.
	Certified bool
	Hits      []Hit // by descending score, equal scores by ascending ID
}

// Anchor says what became of the anchor query.
type Anchor struct {
	Text      string   // empty where there is none
	Lang      string   // of the anchor, also where there is none
	Origin    string   // who wrote it: "given", "chat:MODEL", a translator's name; empty where there is none
	Agreement *float64 // cosine of query and anchor, in [-1, 1]; nil where there is none
	Status    Status
	Reason    string // why it is missing, for people; may name an endpoint
	// Weight is the share of its weight that the anchor keeps after it was
	// judged by what it finds, in [0, 1]; 1 where nobody judged it, 0 where it
	// takes no part.
	Weight float64
}

// Status is what became of the anchor query, in a word.
type Status string

// The statuses. With all but StatusOK and StatusCached the ranking is that of
// the query alone.
const (
	StatusOK           Status = "ok"
	StatusCached       Status = "cached"        // a translation made earlier
	StatusNone         Status = "none"          // neither an anchor nor a translator was given
	StatusSameLanguage Status = "same_language" // the query is in the anchor's language
	StatusTimeout      Status = "timeout"       // the translator took too long
	StatusUnavailable  Status = "unavailable"   // the translator failed
	StatusRefused      Status = "refused"       // what came back is no translation, or does not fit
)

// Missing says whether an anchor was wanted and could not be had.
func (s Status) Missing() bool { return search.Status(s).Missing() }

// Hit is a document with its best passage.
type Hit struct {
	ID     string   // of the document
	Score  float64  // λ·Source + (1 − λ)·Anchor, in [-1, 1]
	Source float64  // cosine of query and passage
	Anchor *float64 // cosine of anchor and passage; nil where there is no anchor
	Lang   string
	Title  string
	Text   string // of the passage
	Chunk  int    // which of the document's passages it is, from 0
	Chunks int    // how many the document has
	// Metadata is the document's own: a JSON object, its values nil, bool, int64,
	// float64, string, []any and map[string]any. Nil where there is none.
	Metadata map[string]any
}

func newResult(r search.Result) Result {
	out := Result{
		Query: r.Query, Lang: r.Lang, Confidence: 1, Lambda: r.Lambda, Certified: r.Certified,
		Anchor: newAnchor(r.Anchor), Hits: make([]Hit, len(r.Hits)),
	}
	if r.Detected != nil {
		out.Confidence = r.Detected.Confidence
	}
	for i, hit := range r.Hits {
		out.Hits[i] = Hit{
			ID: hit.ID, Score: hit.Score, Source: hit.Source, Anchor: hit.Anchor,
			Lang: hit.Lang, Title: hit.Title, Text: hit.Text, Chunk: hit.Chunk, Chunks: hit.Chunks,
		}
		if len(hit.Metadata) > 0 {
			out.Hits[i].Metadata = hit.Metadata
		}
	}
	return out
}

func newAnchor(a search.Anchor) Anchor {
	out := Anchor{
		Text: a.Text, Lang: a.Lang, Origin: a.Origin, Agreement: a.Agreement,
		Status: Status(a.Status), Reason: a.Error,
	}
	switch {
	case a.Judgement != nil:
		out.Weight = a.Judgement.Weight
	case a.Text != "":
		out.Weight = 1
	}
	return out
}
