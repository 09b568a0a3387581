package dump_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/dump"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

const dimensions = 5

var head = dump.Header{
	Key: qdrant.Key{Corpus: "docs", Lang: "th"},
	Schema: qdrant.Schema{
		Model: "m", Dimensions: dimensions, QueryPrefix: "query: ", PassageBody: `{"input_type":"passage"}`, ChunkRunes: 100,
		Augment: &qdrant.Augment{Alpha: 0.1, Queries: 3, PerPassage: 1, Langs: []string{"en"}, Models: []string{}, Prompts: []string{}, Hash: "h"},
	},
}

// points returns n of random directions and awkward payloads.
func points(n int) []qdrant.Point {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]qdrant.Point, n)
	for i := range all {
		v := make([]float32, dimensions)
		for j := range v {
			v[j] = float32(random.NormFloat64())
		}
		all[i] = qdrant.Point{
			ID: fmt.Sprintf("%08x-0000-5000-8000-000000000000", i), Vector: vector.Normalize(v),
			Payload: qdrant.Payload{
				DocID: fmt.Sprintf("d<%d>", i), Lang: "th", Title: "หัวข้อ \u2028\u0000", Text: strings.Repeat("บรรทัด\n\"\\", i%7),
				Chunk: i % 2, Chunks: 2, ContentHash: "abc",
				Metadata: map[string]any{
					"whole": int64(math.MaxInt64 - i), "round": float64(i), "real": random.NormFloat64(), "tiny": 5e-324, "minus": -0.5,
					"list": []any{nil, true, int64(1), 1.0, map[string]any{"k": []any{}}}, "text": "&",
				},
			},
		}
	}
	all[0].Vector = []float32{0, float32(math.Copysign(0, -1)), 1, 0, 0}
	all[1].Payload.Metadata = nil
	return all
}

func write(t *testing.T, path string, points []qdrant.Point) {
	t.Helper()
	w, err := dump.Create(path, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Finish(), w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []qdrant.Point {
	t.Helper()
	var all []qdrant.Point
	for p, err := range dump.Read(t.Context(), path) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// bits are what slices of float32 do not tell: the sign of a zero.
func bits(points []qdrant.Point) (all []uint32) {
	for _, p := range points {
		for _, x := range p.Vector {
			all = append(all, math.Float32bits(x))
		}
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"index.jsonl", "index.jsonl.gz"} {
		path := filepath.Join(t.TempDir(), name)
		want := points(100)
		write(t, path, want)
		got := read(t, path)
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(bits(got), bits(want)) {
			t.Errorf("%s: what was read is not what was written", name)
		}
		if h, err := dump.ReadHeader(path); err != nil || !reflect.DeepEqual(h, head) {
			t.Errorf("%s: header %+v, %v", name, h, err)
		}
		if _, err := os.Stat(dump.Part(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the part is still there: %v", name, err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if zipped := bytes.HasPrefix(file, []byte{0x1f, 0x8b}); zipped != dump.Compressed(path) {
			t.Errorf("%s is gzipped: %t", name, zipped)
		}
	}
}

// A copy that was killed anywhere leaves a part of some length; the next one goes
// on behind what is whole of it, and the file comes out the same.
func TestResume(t *testing.T) {
	dump.SmallBlocks(t, 2000)
	want := points(40)
	random := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"index.jsonl", "index.jsonl.gz"} {
		whole := filepath.Join(t.TempDir(), name)
		write(t, whole, want)
		content, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		resumed := 0
		for try := range 12 {
			length := random.IntN(len(content) + 1)
			if try == 0 {
				length = len(content)
			}
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(dump.Part(path), content[:length], 0o600); err != nil {
				t.Fatal(err)
			}
			w, err := dump.Create(path, head)
			if err != nil {
				t.Fatal(err)
			}
			if w.Passages() > 0 {
				resumed++
			}
			for _, p := range want[w.Passages():] {
				if err := w.Write(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(w.Finish(), w.Commit(), w.Close()); err != nil {
				t.Fatal(err)
			}
			if got := unzip(t, path); !bytes.Equal(got, unzip(t, whole)) {
				t.Errorf("%s cut to %d of %d bytes comes out otherwise", name, length, len(content))
			}
		}
		if resumed < 6 {
			t.Errorf("%s: only %d of 12 were gone on with", name, resumed)
		}
	}
}

func unzip(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !dump.Compressed(path) {
		return content
	}
	zip, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What another copy left under the name is not gone on with.
func TestResumeOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.jsonl")
	other := head
	other.Schema.Model = "other"
	w, err := dump.Create(path, other)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(points(2)[0]), w.Close()); err != nil {
		t.Fatal(err)
	}
	write(t, path, points(3))
	if got := read(t, path); len(got) != 3 {
		t.Errorf("%d points", len(got))
	}
}

func TestFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.jsonl")
	write(t, path, points(3))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(content), "\n"), "\n") // header, 3 passages, end
	lines[4] += "\n"
	edit := func(n int, from, to string) string {
		changed := append([]string{}, lines...)
		if !strings.Contains(changed[n], from) {
			t.Fatalf("line %d lacks %q", n, from)
		}
		changed[n] = strings.Replace(changed[n], from, to, 1)
		return strings.Join(changed, "")
	}
	for name, test := range map[string]struct{ content, want string }{
		"empty":            {"", ":1: this is no file of an index"},
		"no header":        {strings.Join(lines[1:], ""), ":1: this is no file of an index"},
		"another version":  {edit(0, `"version":1`, `"version":2`), ":1: the file's version is 2, this program reads version 1"},
		"bad corpus":       {edit(0, `"corpus":"docs"`, `"corpus":"../x"`), `:1: corpus name "../x"`},
		"no model":         {edit(0, `"model":"m"`, `"model":""`), ":1: \"schema\" must name"},
		"cut off":          {strings.Join(lines[:3], ""), ":4: the file was cut off"},
		"cut off in mid":   {strings.Join(lines[:3], "") + lines[3][:40], ":4: the file was cut off"},
		"broken JSON":      {edit(2, `{"id"`, `{"id`), ":3: broken passage"},
		"null":             {edit(2, lines[2], "null\n"), ":3: id \"\" is not a UUID"},
		"bad id":           {edit(2, `"id":"00000001`, `"id":"0000000G`), ":3: id "},
		"wrong order":      {strings.Join([]string{lines[0], lines[2], lines[1], lines[3], lines[4]}, ""), ":3: id 00000000-0000-5000-8000-000000000000 does not come after"},
		"twice":            {strings.Join([]string{lines[0], lines[1], lines[1]}, ""), ":3: id "},
		"no document":      {edit(1, `"doc_id":"d<0>"`, `"doc_id":""`), ":2: the doc_id is missing"},
		"bad chunk":        {edit(1, `"chunks":2`, `"chunks":0`), ":2: chunk 0 of 0"},
		"no hash":          {edit(1, `"content_hash":"abc",`, ``), ":2: the content_hash is missing"},
		"bad base64":       {edit(1, `"vector":"`, `"vector":"*`), ":2: broken passage: the vector is neither"},
		"odd bytes":        {edit(1, lines[1], `{"id":"00000000-0000-5000-8000-000000000000","doc_id":"d","chunks":1,"content_hash":"x","vector":"AAA="}`+"\n"), ":2: broken passage: the vector"},
		"no vector":        {edit(1, `"vector"`, `"victor"`), ":2: vector has 0 dimensions, want 5"},
		"null vector":      {edit(1, lines[1], `{"id":"00000000-0000-5000-8000-000000000000","doc_id":"d","chunks":1,"content_hash":"x","vector":null}`+"\n"), ":2: vector has 0 dimensions"},
		"huge number":      {edit(1, lines[1], `{"id":"00000000-0000-5000-8000-000000000000","doc_id":"d","chunks":1,"content_hash":"x","vector":[1,2,3,4,1e99]}`+"\n"), ":2: broken passage"},
		"zero vector":      {edit(1, lines[1], `{"id":"00000000-0000-5000-8000-000000000000","doc_id":"d","chunks":1,"content_hash":"x","vector":[0,0,0,0,0]}`+"\n"), ":2: vector has zero length"},
		"not UTF-8":        {edit(1, "d<0>", "d\xff"), ":2: the line is not valid UTF-8"},
		"metadata":         {edit(1, `"metadata":{`, `"metadata":[{`), ":2: "},
		"huge integer":     {edit(1, `"whole":`, `"whole":9`), ":2: metadata: "},
		"deep metadata":    {edit(1, `"text":"&"`, `"text":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)), ":2: metadata: nested over 16 deep"},
		"changed":          {edit(1, "d<0>", "d<9>"), ":5: the lines before were changed"},
		"wrong number":     {edit(4, `"passages":3`, `"passages":4`), ":5: the file holds 3 passages, and says that it has 4"},
		"more after that":  {string(content) + "{}\n", ":6: the last line is followed by another"},
		"truncated gzip":   {string(zipped(t, content)[:200]), ":"},
		"gzip of nonsense": {"\x1f\x8bnonsense", "read "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.jsonl")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			var err error
			for _, err = range dump.Read(t.Context(), path) {
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
}

func zipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, err := zip.Write(content)
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A file that people made by hand: vectors as lists, of any length, and no sum.
func TestByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hand.jsonl")
	content := `{"format":"query-synergy-index","version":1,"corpus":"docs","lang":"th","schema":{"model":"m","dimensions":2}}` + "\r\n" +
		`{"id":"00000000-0000-5000-8000-000000000000","doc_id":"d","chunks":1,"content_hash":"x","vector":[3,4],"unknown":1}` + "\r\n" +
		`{"end":true,"passages":1}` + "\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	got := read(t, path)
	if len(got) != 1 || !reflect.DeepEqual(got[0].Vector, []float32{0.6, 0.8}) {
		t.Errorf("read %+v", got)
	}
}

func TestEndedContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.jsonl")
	write(t, path, points(3))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range dump.Read(ctx, path) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	}
}

// Whatever a file holds, reading it ends with passages that a store takes or with
// an error that names the file; what was read comes back when it is written.
func FuzzRead(f *testing.F) {
	file := func(t testing.TB, h dump.Header, points []qdrant.Point) []byte {
		t.Helper()
		out, err := dump.EncodeHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			line, err := dump.EncodePoint(p)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, line...)
		}
		return fmt.Appendf(out, "{\"end\":true,\"passages\":%d}\n", len(points))
	}
	seed := file(f, head, points(3))
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte(`{"format":"query-synergy-index","version":1,"corpus":"docs","lang":"th","schema":{"model":"m","dimensions":2}}` + "\n" +
		`{"id":"00000000-0000-5000-8000-000000000000","doc_id":"d","chunks":1,"content_hash":"x","metadata":{"a":1e3,"b":[]},"vector":[3,4]}` + "\n" +
		`{"end":true,"passages":1}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		var all []qdrant.Point
		for p, err := range dump.ReadFrom(t.Context(), "file.jsonl", bytes.NewReader(content)) {
			if err != nil {
				if !strings.Contains(err.Error(), "file.jsonl") {
					t.Errorf("the error names no file: %v", err)
				}
				break
			}
			if err := vector.Check(p.Vector, 0); err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		if len(all) == 0 {
			return
		}
		h := head
		h.Schema.Dimensions = len(all[0].Vector)
		var got []qdrant.Point
		for p, err := range dump.ReadFrom(t.Context(), "file.jsonl", bytes.NewReader(file(t, h, all))) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p)
		}
		if !reflect.DeepEqual(got, all) {
			t.Errorf("%d points were written and read as %+v, want %+v", len(all), got, all)
		}
	})
}
