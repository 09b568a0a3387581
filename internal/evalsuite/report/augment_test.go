package report_test

import (
	"math"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
)

// The question whether query augmentation holds up is answered as the differences
// have it, and chance is called chance.
func TestAugmentationAnswer(t *testing.T) {
	const queries, translations = 1, 2
	own := func(known int, source, synergy float64) *evalsuite.Result {
		return over(2, langs, func(g int, l string) evalsuite.Row {
			return augmented(l, 2*g, known, []float64{source, synergy}[g])
		})
	}
	join := func(a, b *evalsuite.Result) *evalsuite.Result {
		return &evalsuite.Result{Rows: append(a.Rows, b.Rows...), Means: append(a.Means, b.Means...)}
	}
	for name, tc := range map[string]struct {
		own  *evalsuite.Result
		says []string
		not  string
	}{
		"chance":    {own(queries, 0.1, -0.1), []string{"No, not on these data.", "of +0.10 points", "may be chance and"}, "passage generation?"},
		"it helps":  {own(queries, 3, 4), []string{"Yes, on these data.", "is significant"}, "chance"},
		"in part":   {own(queries, 0.1, 4), []string{"In part.", "may be chance", "is significant"}, "Yes"},
		"it hurts":  {own(queries, -3, 0.1), []string{"No: it hurts."}, "Yes"},
		"its rival": {join(own(queries, 0.1, 0.1), own(translations, 3, 4)), []string{"No, not on these data.", "Does passage generation? Yes, on these data.", "These translations are people's"}, "In part"},
		"neither":   {join(own(queries, 0.1, 0.1), own(translations, 0.1, -3)), []string{"Does passage generation? No: it hurts."}, "Yes"},
	} {
		in := report.Input{Measures: small().Measures, Augmentation: &report.Augmentation{Blend: &evalsuite.AugmentTuned{Result: tc.own, Own: tc.own}}}
		text := write(t, in)[report.MarkdownName]
		_, answer, found := strings.Cut(text, "Query augmentation, the answer.** ")
		answer, _, _ = strings.Cut(answer, "\n")
		answer = strings.ReplaceAll(answer, "\u00a0", " ")
		if !found || strings.Contains(answer, tc.not) {
			t.Errorf("%s: %q", name, answer)
		}
		for _, want := range tc.says {
			if !strings.Contains(answer, want) {
				t.Errorf("%s: %q lacks %q", name, answer, want)
			}
		}
	}
	// Without queries there is nothing to answer.
	only := own(translations, 1, 1)
	only.Rows[0].Metrics[ndcg1] = math.NaN()
	text := write(t, report.Input{Measures: small().Measures, Augmentation: &report.Augmentation{Blend: &evalsuite.AugmentTuned{Result: only, Own: only}}})[report.MarkdownName]
	if strings.Contains(text, "the answer") {
		t.Error("an answer without generated queries")
	}
}
