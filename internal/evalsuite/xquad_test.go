package evalsuite_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

const (
	dimensions = 384
	passages   = 240
	questions  = 1190
	tolerance  = 1e-6
)

// expected is ../shared/xquad/expected.json: what numpy computed from the
// recorded vectors.
type expected struct {
	Sweep  map[string]map[string][3]float64 `json:"lambda_sweep_anchor_en"`
	Matrix map[string]map[string]float64    `json:"anchor_matrix_ndcg1_lambda_0.5"`
}

// xquad is the recorded data. Documents and questions bear their row as id, with
// leading zeros: expected.json breaks ties by passage order, which is then the
// order of ids.
type xquad struct {
	dir   string
	qrels metrics.Qrels
	ids   []string // of the questions, in file order
}

func TestXQuADSweep(t *testing.T) {
	testenv.Long(t)
	data, want := openXQuAD(t)
	if len(want.Sweep) != 5 {
		t.Fatalf("expected.json has %d languages, want 5", len(want.Sweep))
	}
	measures := []metrics.Measure{{Kind: metrics.NDCG, K: 1}, {Kind: metrics.NDCG, K: 3}, {Kind: metrics.NDCG, K: 10}}
	for lang, sweep := range want.Sweep {
		t.Run(lang, func(t *testing.T) {
			if len(sweep) != 21 {
				t.Fatalf("expected.json has %d lambdas, want 21", len(sweep))
			}
			source, anchor := data.cosines(t, lang, lang), data.cosines(t, "en", lang)
			for text, want := range sweep {
				lambda, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				means := data.means(t, source, anchor, lambda, measures...)
				for i, m := range measures {
					if math.Abs(means[m]-want[i]) > tolerance {
						t.Errorf("lambda %s: %s = %.7f, want %.6f", text, m, means[m], want[i])
					}
				}
			}
		})
	}
}

func TestXQuADAnchorMatrix(t *testing.T) {
	testenv.Long(t)
	data, want := openXQuAD(t)
	if len(want.Matrix) != 5 {
		t.Fatalf("expected.json has %d languages, want 5", len(want.Matrix))
	}
	ndcg1 := metrics.Measure{Kind: metrics.NDCG, K: 1}
	for lang, anchors := range want.Matrix {
		t.Run(lang, func(t *testing.T) {
			if len(anchors) != 9 {
				t.Fatalf("expected.json has %d anchor languages, want 9", len(anchors))
			}
			source := data.cosines(t, lang, lang)
			for anchorLang, want := range anchors {
				anchor := source // the language itself: source only
				if anchorLang != lang {
					anchor = data.cosines(t, anchorLang, lang)
				}
				if got := data.means(t, source, anchor, 0.5, ndcg1)[ndcg1]; math.Abs(got-want) > tolerance {
					t.Errorf("anchor %s: %s = %.7f, want %.6f", anchorLang, ndcg1, got, want)
				}
			}
		})
	}
}

// means fuses at lambda and averages over all questions.
func (x *xquad) means(t *testing.T, source, anchor *evalsuite.Matrix, lambda float64, measures ...metrics.Measure) map[metrics.Measure]float64 {
	t.Helper()
	fused, err := evalsuite.Fuse(source, anchor, lambda)
	if err != nil {
		t.Fatal(err)
	}
	e, err := fused.Evaluate(x.qrels, measures...)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Queries) != questions {
		t.Fatalf("%d questions were evaluated, want %d", len(e.Queries), questions)
	}
	return e.Means()
}

// cosines scores the questions in one language against the passages in another.
func (x *xquad) cosines(t *testing.T, questionLang, passageLang string) *evalsuite.Matrix {
	t.Helper()
	documents := evalsuite.Vectors{Rows: x.rows(t, passageLang+".passages.f32", passages)}
	for i := range documents.Rows {
		documents.IDs = append(documents.IDs, passageID(i))
	}
	queries := evalsuite.Vectors{IDs: x.ids, Rows: x.rows(t, questionLang+".queries.f32", questions)}
	m, err := evalsuite.Cosines(queries, documents)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rows reads recorded vectors.
func (x *xquad) rows(t *testing.T, file string, n int) [][]float32 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(x.dir, "e5-small", file))
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != 4*dimensions*n {
		t.Fatalf("%s has %d bytes, want %d rows of %d", file, len(data), n, dimensions)
	}
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, dimensions)
		for j := range rows[i] {
			rows[i][j] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*dimensions+j):]))
		}
	}
	return rows
}

func passageID(row int) string { return fmt.Sprintf("%03d", row) }

// openXQuAD reads the expected figures, and which passage answers which
// question: the files are parallel, so English speaks for all.
func openXQuAD(t *testing.T) (*xquad, expected) {
	t.Helper()
	x := &xquad{dir: testenv.XQuAD(t), qrels: metrics.Qrels{}}
	var want expected
	readJSON(t, filepath.Join(x.dir, "expected.json"), &want)
	var file struct {
		Data []struct {
			Paragraphs []struct {
				QAs []struct{} `json:"qas"`
			} `json:"paragraphs"`
		} `json:"data"`
	}
	readJSON(t, filepath.Join(x.dir, "xquad.en.json"), &file)
	row := 0
	for _, article := range file.Data {
		for _, paragraph := range article.Paragraphs {
			for range paragraph.QAs {
				id := fmt.Sprintf("%04d", len(x.ids))
				x.ids = append(x.ids, id)
				x.qrels[id] = map[string]int{passageID(row): 1}
			}
			row++
		}
	}
	if row != passages || len(x.ids) != questions {
		t.Fatalf("xquad.en.json has %d passages and %d questions, want %d and %d", row, len(x.ids), passages, questions)
	}
	return x, want
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
