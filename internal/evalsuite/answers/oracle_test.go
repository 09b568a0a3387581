package answers_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/answers"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// oracleTokens is what NLTK made of a text; testdata/oracle.py says more.
type oracleTokens struct {
	Text   string   `json:"text"`
	Words  []string `json:"words"`
	Tokens []string `json:"tokens"`
}

func readOracle(tb testing.TB, name string, into any) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		tb.Fatal(err)
	}
}

func readTexts(tb testing.TB) (texts, random []oracleTokens) {
	tb.Helper()
	var oracle struct{ Texts, Random []oracleTokens }
	readOracle(tb, "tokens.json", &oracle)
	if len(oracle.Texts) < 50 || len(oracle.Random) < 1000 {
		tb.Fatalf("tokens.json has %d texts and %d random ones", len(oracle.Texts), len(oracle.Random))
	}
	return oracle.Texts, oracle.Random
}

func TestWordsEqualNLTK(t *testing.T) {
	texts, random := readTexts(t)
	for _, want := range slices.Concat(texts, random) {
		if got := answers.Words(want.Text); !slices.Equal(got, want.Words) {
			t.Errorf("words of %q\n got %q\nwant %q", want.Text, got, want.Words)
		}
	}
}

func TestTokensEqualNLTK(t *testing.T) {
	texts, _ := readTexts(t)
	for _, want := range texts {
		if got := answers.Tokens(want.Text); !slices.Equal(got, want.Tokens) {
			t.Errorf("tokens of %q\n got %q\nwant %q", want.Text, got, want.Tokens)
		}
	}
}

// TestXQuADEqualsNLTK says how far the rules for sentences stand from Punkt:
// tokens and measure over 240 passages and 1190 questions a language.
func TestXQuADEqualsNLTK(t *testing.T) {
	dir := testenv.XQuAD(t)
	var oracle struct {
		Languages []struct {
			Lang  string            `json:"lang"`
			CRC32 string            `json:"crc32"`
			Found map[string]string `json:"found"`
		} `json:"languages"`
	}
	readOracle(t, "xquad.json", &oracle)
	differ := map[string]int{"en": 3, "es": 1, "tr": 1, "zh": 0} // passages, of 240
	if len(oracle.Languages) != len(differ) {
		t.Fatalf("xquad.json has %d languages, want %d", len(oracle.Languages), len(differ))
	}
	for _, want := range oracle.Languages {
		t.Run(want.Lang, func(t *testing.T) {
			texts, questions, home := readXQuAD(t, filepath.Join(dir, "xquad."+want.Lang+".json"))
			passages := make([]answers.Passage, len(texts))
			sums := strings.Fields(want.CRC32)
			if len(sums) != len(texts) {
				t.Fatalf("%d checksums for %d passages", len(sums), len(texts))
			}
			unequal := 0
			for i, text := range texts {
				passages[i] = answers.Tokenize(text)
				joined := strings.Join(answers.Tokens(text), " ")
				if fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(joined))) != sums[i] {
					unequal++
				}
			}
			if unequal != differ[want.Lang] {
				t.Errorf("%d of %d passages have other tokens than NLTK's, want %d", unequal, len(texts), differ[want.Lang])
			}

			ranked := func(id string) iter.Seq[answers.Passage] {
				n, err := strconv.Atoi(id)
				if err != nil {
					t.Fatal(err)
				}
				start := home[n] - n%40 + len(passages)
				return func(yield func(answers.Passage) bool) {
					for k := range passages {
						if !yield(passages[(start+k)%len(passages)]) {
							return
						}
					}
				}
			}
			evaluation, err := answers.Evaluate(questions, ranked, 2000, 5000)
			if err != nil {
				t.Fatal(err)
			}
			for b, budget := range evaluation.Budgets {
				var found strings.Builder
				for _, v := range evaluation.Values[b] {
					fmt.Fprint(&found, v)
				}
				if want := want.Found[strconv.Itoa(budget)]; len(want) < 1180 || found.String() != want {
					t.Errorf("found within %d tokens:\n got %s\nwant %s", budget, found.String(), want)
				}
			}
		})
	}
}

// readXQuAD returns the passages, the questions, whose ids are their numbers
// from 0 with leading zeros, and the number of each question's passage.
func readXQuAD(t *testing.T, path string) (texts []string, questions []answers.Question, home []int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Data []struct {
			Paragraphs []struct {
				Context string
				QAs     []struct {
					Answers []struct{ Text string }
				}
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, article := range file.Data {
		for _, p := range article.Paragraphs {
			for _, qa := range p.QAs {
				q := answers.Question{ID: fmt.Sprintf("%04d", len(questions))}
				for _, a := range qa.Answers {
					q.Answers = append(q.Answers, a.Text)
				}
				questions = append(questions, q)
				home = append(home, len(texts))
			}
			texts = append(texts, p.Context)
		}
	}
	return texts, questions, home
}
