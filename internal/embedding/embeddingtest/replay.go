package embeddingtest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/embedding"
)

// RecordedModel is the model of the recorded vectors, as its server names it.
const RecordedModel = "multilingual-e5-small-q4"

// Entry is a text in a role.
type Entry struct {
	Role embedding.Role
	Text string // NFC, without a prefix
}

// Replay returns a server that answers from table, and 400 to any other text.
func Replay(table map[Entry][]float32) *Server {
	return &Server{model: RecordedModel, lookUp: func(role embedding.Role, text string) ([]float32, bool) {
		v, ok := table[Entry{role, text}]
		return v, ok
	}}
}

// XQuAD returns a server that replays the recorded vectors of these languages'
// passages and questions, of the questions' recorded translations, and of all
// queries that were generated for passages. dir is testenv.XQuAD's.
func XQuAD(tb testing.TB, dir string, langs ...string) *Server {
	tb.Helper()
	table := recorded(tb, vectorsOfXQuAD(dir), langs, func(lang string) (passages, questions []string) {
		return XQuADTexts(tb, dir, lang)
	})
	for _, lang := range langs {
		addQueries(tb, table, dir, filepath.Join("translations", lang+".*.f32"))
	}
	addQueries(tb, table, dir, filepath.Join("generated-queries", "*.f32"))
	return Replay(table)
}

// addQueries adds the vectors in the files of a pattern below dir. Their texts
// are in the .jsonl beside each.
func addQueries(tb testing.TB, table map[Entry][]float32, dir, pattern string) {
	tb.Helper()
	var format manifest // that of the other vectors
	readJSON(tb, filepath.Join(vectorsOfXQuAD(dir), manifestName), &format)
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		texts := strings.TrimSuffix(file, ".f32") + ".jsonl"
		text, err := os.ReadFile(texts)
		if err != nil {
			tb.Fatal(err)
		}
		vectors, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		rows := decodeRows(vectors, format.Dim)
		if len(rows) != len(lines) {
			tb.Fatalf("%s has %d lines, and vectors for %d", texts, len(lines), len(rows))
		}
		for i, line := range lines {
			var query struct {
				Text string `json:"text"`
			}
			if err := json.Unmarshal([]byte(line), &query); err != nil {
				tb.Fatalf("%s:%d: %v", texts, i+1, err)
			}
			table[Entry{embedding.Query, norm.NFC.String(strings.TrimSpace(query.Text))}] = rows[i]
		}
	}
}

func vectorsOfXQuAD(dir string) string { return filepath.Join(dir, "e5-small") }

// recorded returns what folder holds: for each language a row of
// <lang>.passages.f32 and <lang>.queries.f32 for each of its texts.
func recorded(tb testing.TB, folder string, langs []string, texts func(lang string) (passages, questions []string)) map[Entry][]float32 {
	tb.Helper()
	table := map[Entry][]float32{}
	for _, lang := range langs {
		passages, questions := texts(lang)
		for _, part := range []struct {
			role  embedding.Role
			texts []string
		}{{embedding.Passage, passages}, {embedding.Query, questions}} {
			file := vectorFile(lang, part.role)
			vectors := readVectors(tb, folder, file)
			if len(vectors) != len(part.texts) {
				tb.Fatalf("%s has %d rows, want %d", file, len(vectors), len(part.texts))
			}
			for i, text := range part.texts {
				table[Entry{part.role, text}] = vectors[i]
			}
		}
	}
	return table
}

func vectorFile(lang string, role embedding.Role) string {
	if role == embedding.Passage {
		return lang + ".passages.f32"
	}
	return lang + ".queries.f32"
}

// XQuADTexts returns the passages and questions of a language in file order,
// that of the recorded vectors, in NFC, as the programs send them.
func XQuADTexts(tb testing.TB, dir, lang string) (passages, questions []string) {
	tb.Helper()
	var file struct {
		Data []struct {
			Paragraphs []struct {
				Context string `json:"context"`
				QAs     []struct {
					Question string `json:"question"`
				} `json:"qas"`
			} `json:"paragraphs"`
		} `json:"data"`
	}
	readJSON(tb, filepath.Join(dir, "xquad."+lang+".json"), &file)
	for _, article := range file.Data {
		for _, paragraph := range article.Paragraphs {
			passages = append(passages, norm.NFC.String(paragraph.Context))
			for _, qa := range paragraph.QAs {
				questions = append(questions, norm.NFC.String(qa.Question))
			}
		}
	}
	return passages, questions
}

// RecordedVectors returns the rows of one file of dir/e5-small, such as
// "th.queries.f32", checked against the manifest.
func RecordedVectors(tb testing.TB, dir, name string) [][]float32 {
	tb.Helper()
	return readVectors(tb, vectorsOfXQuAD(dir), name)
}

// manifest lists the files of vectors in a folder: raw little-endian float32,
// a row for each text.
type manifest struct {
	Model   string                  `json:"model"`
	Weights string                  `json:"weights"`
	Dim     int                     `json:"dim"`
	Files   map[string]manifestFile `json:"files"`
}

type manifestFile struct {
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

const manifestName = "manifest.json"

func readVectors(tb testing.TB, folder, name string) [][]float32 {
	tb.Helper()
	var manifest manifest
	readJSON(tb, filepath.Join(folder, manifestName), &manifest)
	want, ok := manifest.Files[name]
	if !ok {
		tb.Fatalf("%s does not list %s", filepath.Join(folder, manifestName), name)
	}
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != want.SHA256 {
		tb.Fatalf("%s has SHA-256 %s, its manifest says %s", name, got, want.SHA256)
	}
	if len(data) != want.Rows*manifest.Dim*4 {
		tb.Fatalf("%s has %d bytes, want %d rows of %d float32", name, len(data), want.Rows, manifest.Dim)
	}
	return decodeRows(data, manifest.Dim)
}

// decodeRows reads little-endian float32, width a row.
func decodeRows(data []byte, width int) [][]float32 {
	rows := make([][]float32, len(data)/(4*width))
	for i := range rows {
		rows[i] = make([]float32, width)
		for k := range rows[i] {
			rows[i][k] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*width+k):]))
		}
	}
	return rows
}

func readJSON(tb testing.TB, path string, into any) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
}
