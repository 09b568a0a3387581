package mteb_test

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/mteb"
)

var ndcg10 = metrics.Measure{Kind: metrics.NDCG, K: 10}

func example() mteb.Result {
	means := map[metrics.Measure]float64{
		ndcg10:                         0.9512345678901234,
		{Kind: metrics.NDCG, K: 1}:     0.875,
		{Kind: metrics.MRR, K: 10}:     0.9375,
		{Kind: metrics.MAP}:            0.9,
		{Kind: metrics.Recall, K: 5}:   1,
		{Kind: metrics.Success, K: 1}:  0.875,
		{Kind: metrics.Recall, K: 100}: 0,
	}
	other := maps.Clone(means)
	other[ndcg10] = 0.5
	return mteb.Result{
		Task: "XQuADRetrieval", Revision: "194842d6a49baddf6cd3f4d5130ab3c7756268d2", Split: "validation", Main: ndcg10,
		Scores: []mteb.Score{
			{Subset: "th", Languages: []string{"tha-Thai"}, Means: means},
			{Subset: "th-en", Languages: []string{"tha-Thai", "eng-Latn"}, Means: other},
		},
	}
}

// The golden file was read back by mteb itself: testdata/check.py.
func TestWritesTheFileThatMTEBRead(t *testing.T) {
	want, err := os.ReadFile("testdata/XQuADRetrieval.json")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := mteb.Write(&got, example()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*mteb.Result)
		want   string
	}{
		{"no task", func(r *mteb.Result) { r.Task = "" }, "must all be there"},
		{"no revision", func(r *mteb.Result) { r.Revision = "" }, "must all be there"},
		{"no split", func(r *mteb.Result) { r.Split = "" }, "must all be there"},
		{"no scores", func(r *mteb.Result) { r.Scores = nil }, "must all be there"},
		{"no subset", func(r *mteb.Result) { r.Scores[1].Subset = "" }, "no name"},
		{"subset twice", func(r *mteb.Result) { r.Scores[1].Subset = "th" }, `subset "th": it stands twice`},
		{"no language", func(r *mteb.Result) { r.Scores[0].Languages = nil }, "no language"},
		{"BCP 47", func(r *mteb.Result) { r.Scores[1].Languages[1] = "en" }, `language "en" is not of the form deu-Latn`},
		{"no main measure", func(r *mteb.Result) { r.Main.K = 20 }, "lacks the main measure ndcg@20"},
		{"NaN", func(r *mteb.Result) { r.Scores[0].Means[ndcg10] = math.NaN() }, "ndcg@10 is NaN"},
		{"percent", func(r *mteb.Result) { r.Scores[0].Means[ndcg10] = 95.1 }, "ndcg@10 is 95.1, want 0 to 1"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := example()
			tc.change(&r)
			var out bytes.Buffer
			if err := mteb.Write(&out, r); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one that says %q", err, tc.want)
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes were written", out.Len())
			}
		})
	}
}

func TestWriterFails(t *testing.T) {
	full := errors.New("disk full")
	if err := mteb.Write(failing{full}, example()); !errors.Is(err, full) {
		t.Errorf("error = %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
