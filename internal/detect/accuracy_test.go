package detect_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/detect"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// every names the languages that have profiles, and those of XQuAD that need none.
var every = func() []string {
	names, _, _ := strings.Cut(detect.Profiles, "\n")
	return append(strings.Fields(names), "el", "ja", "ko", "th", "zh")
}()

// tally counts guesses.
type tally struct {
	asked, right, sure, sureRight int
	said, was                     [10]float64 // by tenth of the confidence
	in                            [10]int
}

func (y *tally) count(text, language string, among []string) {
	guess := detect.Detect(text, among)
	right := guess.Candidates[0].Confidence > 0 && guess.Candidates[0].Lang == language
	tenth := min(int(guess.Confidence*10), 9)
	y.asked++
	y.in[tenth]++
	y.said[tenth] += guess.Confidence
	if right {
		y.right++
		y.was[tenth]++
	}
	if guess.Confidence >= detect.Sure {
		y.sure++
		if right {
			y.sureRight++
		}
	}
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

func TestSampleAccuracy(t *testing.T) {
	indexed := strings.Fields("ar el en th tr zh")
	for _, language := range indexed {
		questions, err := corpus.ReadQueries(filepath.Join(testenv.Root(t), "sample", language, "queries.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, among := range [][]string{indexed, {"en", language}, {"tr", language}, every} {
			if len(slices.Compact(slices.Sorted(slices.Values(among)))) < 2 {
				continue
			}
			var y tally
			for _, question := range questions {
				y.count(question.Text, language, among)
			}
			// Of the 96 questions, at most one may be misread and two doubtful.
			if y.asked < 90 || y.asked-y.right > 1 || y.asked-y.sure > 2 || y.sure-y.sureRight > 1 {
				t.Errorf("%s among %v: %d of %d right, %d sure, %d of them right", language, among, y.right, y.asked, y.sure, y.sureRight)
			}
		}
	}
}

// Floors are a little below what is reached. A few of the Greek questions are
// English.
func TestXQuADAccuracy(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	for _, tc := range []struct {
		among                  string
		right, sure, sureRight float64 // percent of all, of all, of the sure
	}{
		{"en es", 99.5, 98.5, 99.6},
		{"es vi", 99.8, 98.5, 99.8},
		{"en tr", 99.5, 99, 99.7},
		{"en es tr vi", 99.6, 99, 99.7},
		{"en zh", 99.9, 99, 99.9},
		{"ja zh", 99.9, 99, 99.9},
		{"ar el en es hi th tr vi zh", 99.7, 98.5, 99.8},
		{strings.Join(every, " "), 98.7, 97.9, 99.3},
	} {
		among := strings.Fields(tc.among)
		var all tally
		for _, language := range strings.Fields("ar el en es hi th tr vi zh") {
			if !slices.Contains(among, language) {
				continue
			}
			questions, err := corpus.ReadSQuADQuestions(filepath.Join(dir, "xquad."+language+".json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, question := range questions {
				all.count(question.Text, language, among)
			}
		}
		right, sure, sureRight := percent(all.right, all.asked), percent(all.sure, all.asked), percent(all.sureRight, all.sure)
		t.Logf("%.30s: %d questions, %.2f%% right, %.2f%% sure, %.2f%% of them right", tc.among, all.asked, right, sure, sureRight)
		if right < tc.right || sure < tc.sure || sureRight < tc.sureRight {
			t.Errorf("%s: %.2f%% right, %.2f%% sure, %.2f%% of them right, want %v, %v, %v", tc.among, right, sure, sureRight, tc.right, tc.sure, tc.sureRight)
		}
	}
}

// A word or two of a question are few enough to be doubtful; what is said of them
// must be true of them.
func TestXQuADCalibration(t *testing.T) {
	dir := testenv.XQuAD(t)
	languages := strings.Fields("en es tr vi")
	var all tally
	for _, language := range languages {
		questions, err := corpus.ReadSQuADQuestions(filepath.Join(dir, "xquad."+language+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for i, question := range questions {
			words := strings.Fields(question.Text)
			at := i % len(words)
			text := strings.Join(words[at:min(at+1+i%2, len(words))], " ")
			all.count(text, language, languages)
		}
	}
	for tenth, n := range all.in {
		said, was := all.said[tenth]/float64(max(n, 1)), all.was[tenth]/float64(max(n, 1))
		t.Logf("%4d guesses said %.3f, %.3f were right", n, said, was)
		// Modest is allowed, boastful is not; 0.03 is for chance.
		if n < 30 || was < said-0.03 {
			t.Errorf("%d guesses said %.3f, but %.3f were right", n, said, was)
		}
	}
}
