package search

// Result is the answer to one query: the object that `query --json` prints.
// docs/json.md describes it field by field; a change there is a new Version.
type Result struct {
	Version   int     `json:"version"`
	Corpus    string  `json:"corpus"`
	Query     string  `json:"query"`
	Lang      string  `json:"lang"`
	Lambda    float64 `json:"lambda"` // weight of the source query; 1 where no anchor took part
	TopK      int     `json:"top_k"`
	Anchor    Anchor  `json:"anchor"`
	Certified bool    `json:"certified"` // the hits are proven to be the whole index's top k
	Depth     int     `json:"depth"`     // passages asked of each search
	Hits      []Hit   `json:"hits"`
	Timings   Timings `json:"timings_ms"`
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
)

// Missing says whether an anchor was wanted and could not be had.
func (s Status) Missing() bool { return s == StatusTimeout || s == StatusUnavailable }

// Hit is a document with its best passage.
type Hit struct {
	Rank     int            `json:"rank"` // from 1
	ID       string         `json:"id"`   // of the document
	Score    float64        `json:"score"`
	Source   float64        `json:"source"` // cosine to the source query
	Anchor   *float64       `json:"anchor"` // cosine to the anchor query; null where there is none
	Lang     string         `json:"lang"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`   // of the best passage
	Chunk    int            `json:"chunk"`  // which of the document's chunks that is, from 0
	Chunks   int            `json:"chunks"` // how many it has
	Metadata map[string]any `json:"metadata"`
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
