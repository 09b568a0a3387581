package embeddingtest

import (
	"path/filepath"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// SampleLangs are the languages of the sample corpus.
var SampleLangs = []string{"ar", "el", "en", "th", "tr", "zh"}

// SampleDir returns the folder of the sample corpus, a dataset as BEIR has them
// for each language.
func SampleDir(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(testenv.Root(tb), "sample")
}

// Sample returns a server that replays the recorded vectors of the whole sample
// corpus.
func Sample(tb testing.TB) *Server {
	tb.Helper()
	return Replay(recorded(tb, sampleVectors(tb), SampleLangs, func(lang string) (passages, questions []string) {
		return SampleTexts(tb, lang)
	}))
}

// SampleVectors returns the recorded rows of a language, in the order of
// SampleTexts.
func SampleVectors(tb testing.TB, lang string, role embedding.Role) [][]float32 {
	tb.Helper()
	return readVectors(tb, sampleVectors(tb), vectorFile(lang, role))
}

// SampleTexts returns the passages and questions of a language in file order,
// as the programs send them.
func SampleTexts(tb testing.TB, lang string) (passages, questions []string) {
	tb.Helper()
	dir := filepath.Join(SampleDir(tb), lang)
	for doc, err := range corpus.Read(tb.Context(), corpus.Options{Format: corpus.FormatBEIR, Lang: lang}, dir) {
		if err != nil {
			tb.Fatal(err)
		}
		for _, p := range corpus.DefaultChunking.Passages(doc) {
			passages = append(passages, p.EmbeddingText(corpus.FormatBEIR.EmbedsTitle()))
		}
	}
	asked, err := corpus.ReadQueries(filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, q := range asked {
		questions = append(questions, q.Text)
	}
	return passages, questions
}

func sampleVectors(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(SampleDir(tb), "vectors")
}
