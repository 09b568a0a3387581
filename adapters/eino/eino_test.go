package eino_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/components/embedding"
	"github.com/cloudwego/eino/components/indexer"
	"github.com/cloudwego/eino/components/retriever"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"

	querysynergy "github.com/query-synergy/query-synergy"
	"github.com/query-synergy/query-synergy/adapters/eino"
)

// meanings stands in for eino's embedding over a multilingual model: a dimension
// for each thing that it knows.
type meanings struct{}

var things = []string{"storm καταιγίδα", "ice hail χαλάζι πάγος", "up ανεβαίνει", "sky ουρανός", "soup σούπα"}

func (meanings) EmbedStrings(_ context.Context, texts []string, _ ...embedding.Option) ([][]float64, error) {
	vectors := make([][]float64, len(texts))
	for i, text := range texts {
		vectors[i] = make([]float64, len(things)+1)
		vectors[i][len(things)] = 0.1
		for _, word := range strings.Fields(strings.ToLower(text)) {
			for k, known := range things {
				if slices.Contains(strings.Fields(known), strings.Trim(word, ".;?")) {
					vectors[i][k]++
				}
			}
		}
	}
	return vectors, nil
}

func newRetriever(folder string, opts ...querysynergy.Option) (*querysynergy.Retriever, error) {
	return querysynergy.Open("docs", append([]querysynergy.Option{
		querysynergy.WithFolder(folder),
		querysynergy.WithEmbedder("meanings", eino.FromEmbedder(meanings{})),
	}, opts...)...)
}

var greek = []*schema.Document{
	{ID: "hail", Content: "Το χαλάζι ανεβαίνει με την καταιγίδα.", MetaData: map[string]any{"title": "Αέρας", "year": 2024}},
	{Content: "Σούπα με πάγο, σούπα με χαλάζι."},
}

// A retriever as a node of a graph. The anchor comes from the translator that
// Open was given.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "eino")
	must(err)
	defer func() { must(os.RemoveAll(folder)) }()
	r, err := newRetriever(folder, querysynergy.WithLang("el"), querysynergy.WithFullTrust(),
		querysynergy.WithTranslator("phrasebook", querysynergy.TranslatorFunc(
			func(context.Context, string, string, string) (string, error) {
				return "What makes ice in a storm go up?", nil
			})))
	must(err)
	defer func() { must(r.Close()) }()
	_, err = eino.NewIndexer(r).Store(ctx, greek)
	must(err)

	chain := compose.NewChain[string, []*schema.Document]()
	chain.AppendRetriever(eino.NewRetriever(r, 1))
	runnable, err := chain.Compile(ctx)
	must(err)
	docs, err := runnable.Invoke(ctx, "Τι κρατά ψηλά το χαλάζι;")
	must(err)
	for _, doc := range docs {
		fmt.Printf("%s %.2f %v\n", doc.ID, doc.Score(), doc.MetaData["year"])
	}
	// Output:
	// hail 0.79 2024
}

// must ends an example; a program has better ways.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func open(t *testing.T, opts ...querysynergy.Option) *querysynergy.Retriever {
	t.Helper()
	r, err := newRetriever(t.TempDir(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Storing the same documents again, or one twice, makes no duplicates.
func TestStoreIsIdempotent(t *testing.T) {
	r := open(t)
	var first []string
	for range 2 {
		ids, err := eino.NewIndexer(r).Store(t.Context(), append(slices.Clone(greek), greek[1]), indexer.WithSubIndexes([]string{"el"}))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = ids
		}
		if !slices.Equal(ids, first) || len(ids) != 3 || ids[0] != "hail" || ids[1] != ids[2] || len(ids[1]) != 32 {
			t.Errorf("ids %q, before %q", ids, first)
		}
	}
	docs, err := eino.NewRetriever(r, 10).Retrieve(t.Context(), "σούπα")
	if err != nil || len(docs) != 2 || docs[0].ID != first[1] || docs[0].Score() <= docs[1].Score() || docs[1].MetaData["title"] != "Αέρας" {
		t.Errorf("got %v, %v", docs, err)
	}
	if len(greek[0].MetaData) != 2 {
		t.Errorf("the caller's metadata was changed: %v", greek[0].MetaData)
	}
}

func TestOptions(t *testing.T) {
	r := open(t)
	store := func(docs []*schema.Document, opts ...indexer.Option) error {
		_, err := eino.NewIndexer(r).Store(t.Context(), docs, opts...)
		return err
	}
	retrieve := func(opts ...retriever.Option) error {
		_, err := eino.NewRetriever(r, 3).Retrieve(t.Context(), "hail storm", opts...)
		return err
	}
	if err := store(append(slices.Clone(greek), &schema.Document{Content: "hail storm", MetaData: map[string]any{"lang": "en"}}),
		indexer.WithSubIndexes([]string{"el"})); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		opts []retriever.Option
		want int
	}{
		{[]retriever.Option{retriever.WithSubIndex("el")}, 2},
		{[]retriever.Option{retriever.WithSubIndex("el"), retriever.WithTopK(1)}, 1},
		{[]retriever.Option{retriever.WithSubIndex("all"), retriever.WithIndex("docs")}, 3},
		{[]retriever.Option{retriever.WithSubIndex("all"), retriever.WithScoreThreshold(0.9)}, 1},
		{[]retriever.Option{retriever.WithSubIndex("el"), eino.WithQuery(querysynergy.WithFilter("year = 2024"))}, 1},
	} {
		docs, err := eino.NewRetriever(r, 3).Retrieve(t.Context(), "hail storm", test.opts...)
		if err != nil || len(docs) != test.want {
			t.Errorf("%d documents, %v; want %d", len(docs), err, test.want)
		}
	}
	for name, test := range map[string]struct{ got, want error }{
		"index":            {retrieve(retriever.WithIndex("other")), eino.ErrUnsupported},
		"DSL":              {retrieve(retriever.WithDSLInfo(map[string]any{})), eino.ErrUnsupported},
		"embedding":        {retrieve(retriever.WithEmbedding(meanings{})), eino.ErrUnsupported},
		"top k":            {retrieve(retriever.WithTopK(0)), querysynergy.ErrInvalid},
		"threshold":        {retrieve(retriever.WithScoreThreshold(7)), querysynergy.ErrInvalid},
		"no such language": {retrieve(retriever.WithSubIndex("tr")), querysynergy.ErrNoIndex},
		"two languages":    {store(greek, indexer.WithSubIndexes([]string{"el", "sv"})), eino.ErrUnsupported},
		"storing":          {store(greek, indexer.WithEmbedding(meanings{})), eino.ErrUnsupported},
		"no language":      {store(greek), querysynergy.ErrInvalid},
		"nil":              {store([]*schema.Document{nil}), querysynergy.ErrInvalid},
		"title of 7":       {store([]*schema.Document{{Content: "x", MetaData: map[string]any{"title": 7}}}), querysynergy.ErrInvalid},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}
}

// Callbacks hear what was really asked, what came of it, and of errors.
func TestCallbacks(t *testing.T) {
	r := open(t, querysynergy.WithLang("el"))
	var heard []string
	handler := callbacks.NewHandlerBuilder().
		OnStartFn(func(ctx context.Context, info *callbacks.RunInfo, input callbacks.CallbackInput) context.Context {
			if in, ok := input.(*retriever.CallbackInput); ok {
				heard = append(heard, fmt.Sprintf("%s%s %s %d %v", info.Type, info.Component, in.Query, in.TopK, *in.ScoreThreshold))
			}
			return ctx
		}).
		OnEndFn(func(ctx context.Context, _ *callbacks.RunInfo, output callbacks.CallbackOutput) context.Context {
			if out, ok := output.(*retriever.CallbackOutput); ok {
				result, _ := out.Extra["result"].(querysynergy.Result)
				heard = append(heard, fmt.Sprintf("%d %s", len(out.Docs), result.Anchor.Status))
			}
			return ctx
		}).
		OnErrorFn(func(ctx context.Context, _ *callbacks.RunInfo, err error) context.Context {
			heard = append(heard, fmt.Sprint(errors.Is(err, querysynergy.ErrInvalid)))
			return ctx
		}).Build()
	ctx := callbacks.InitCallbacks(t.Context(), &callbacks.RunInfo{Type: "QuerySynergy", Component: "Retriever"}, handler)
	if _, err := eino.NewIndexer(r).Store(t.Context(), greek); err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{2, -1} {
		_, _ = eino.NewRetriever(r, 5).Retrieve(ctx, "χαλάζι", retriever.WithTopK(k), retriever.WithScoreThreshold(0.25))
	}
	want := []string{"QuerySynergyRetriever χαλάζι 2 0.25", "2 none", "QuerySynergyRetriever χαλάζι -1 0.25", "true"}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}
