package langchaingo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"

	querysynergy "github.com/query-synergy/query-synergy"
	"github.com/query-synergy/query-synergy/adapters/langchaingo"
)

// meanings stands in for langchaingo's embeddings over a multilingual model: a
// dimension for each thing that it knows.
type meanings struct{}

var things = []string{"storm καταιγίδα", "ice hail χαλάζι πάγος", "up ανεβαίνει", "sky ουρανός", "soup σούπα"}

func (meanings) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	v := make([]float32, len(things)+1)
	v[len(things)] = 0.1
	for _, word := range strings.Fields(strings.ToLower(text)) {
		for k, known := range things {
			if slices.Contains(strings.Fields(known), strings.Trim(word, ".;?")) {
				v[k]++
			}
		}
	}
	return v, nil
}

func (m meanings) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i], _ = m.EmbedQuery(ctx, text)
	}
	return vectors, nil
}

func newStore(folder string, opts ...querysynergy.Option) (*langchaingo.Store, func() error, error) {
	r, err := querysynergy.Open("docs", append([]querysynergy.Option{
		querysynergy.WithFolder(folder),
		querysynergy.WithEmbedder("meanings", langchaingo.FromEmbedder(meanings{})),
	}, opts...)...)
	if err != nil {
		return nil, nil, err
	}
	return langchaingo.New(r), r.Close, nil
}

var greek = []schema.Document{
	{PageContent: "Το χαλάζι ανεβαίνει με την καταιγίδα.", Metadata: map[string]any{"id": "hail", "title": "Αέρας", "year": 2024}},
	{PageContent: "Σούπα με πάγο, σούπα με χαλάζι."},
}

// A store for any chain that takes a schema.Retriever. The anchor comes from the
// translator that Open was given.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "langchaingo")
	must(err)
	defer func() { must(os.RemoveAll(folder)) }()
	store, done, err := newStore(folder, querysynergy.WithFullTrust(),
		querysynergy.WithTranslator("phrasebook", querysynergy.TranslatorFunc(
			func(context.Context, string, string, string) (string, error) {
				return "What makes ice in a storm go up?", nil
			})))
	must(err)
	defer func() { must(done()) }()
	store.OnResult = func(_ context.Context, r querysynergy.Result) {
		fmt.Println(r.Anchor.Status, r.Anchor.Text, r.Certified)
	}
	_, err = store.AddDocuments(ctx, greek, vectorstores.WithNameSpace("el"))
	must(err)

	var retriever schema.Retriever = vectorstores.ToRetriever(store, 1, vectorstores.WithNameSpace("el"))
	docs, err := retriever.GetRelevantDocuments(ctx, "Τι κρατά ψηλά το χαλάζι;")
	must(err)
	for _, doc := range docs {
		fmt.Printf("%v %.2f %v\n", doc.Metadata["id"], doc.Score, doc.Metadata["year"])
	}
	// Output:
	// ok What makes ice in a storm go up? true
	// hail 0.79 2024
}

// must ends an example; a program has better ways.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func open(t *testing.T, opts ...querysynergy.Option) *langchaingo.Store {
	t.Helper()
	store, done, err := newStore(t.TempDir(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// Adding the same documents again, or one twice, makes no duplicates.
func TestAddIsIdempotent(t *testing.T) {
	store := open(t, querysynergy.WithLang("el"))
	var first []string
	for range 2 {
		ids, err := store.AddDocuments(t.Context(), append(slices.Clone(greek), greek[1]))
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
	docs, err := store.SimilaritySearch(t.Context(), "σούπα", 10)
	if err != nil || len(docs) != 2 || docs[0].Metadata["id"] != first[1] || docs[0].Score <= docs[1].Score || docs[1].Metadata["title"] != "Αέρας" {
		t.Errorf("got %+v, %v", docs, err)
	}
	if len(greek[0].Metadata) != 3 {
		t.Errorf("the caller's metadata was changed: %v", greek[0].Metadata)
	}
}

func TestOptions(t *testing.T) {
	store := open(t)
	ids, err := store.AddDocuments(t.Context(), greek, vectorstores.WithNameSpace("el"),
		vectorstores.WithDeduplicater(func(_ context.Context, d schema.Document) bool { return d.Metadata["id"] == "hail" }))
	if err != nil || len(ids) != 1 {
		t.Fatalf("ids %q, %v", ids, err)
	}
	// A document's own language goes before the name space.
	if _, err := store.AddDocuments(t.Context(), []schema.Document{{PageContent: "hail storm", Metadata: map[string]any{"lang": "en"}}},
		vectorstores.WithNameSpace("el")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		space string
		least float32
		want  int
	}{{"el", 0, 1}, {"en", 0, 1}, {"all", 0, 2}, {"all", 0.9, 1}} {
		docs, err := store.SimilaritySearch(t.Context(), "hail storm", 5, vectorstores.WithNameSpace(test.space), vectorstores.WithScoreThreshold(test.least))
		if err != nil || len(docs) != test.want {
			t.Errorf("%+v: %d documents, %v", test, len(docs), err)
		}
	}
	for _, only := range []any{"place = sea", map[string]any{"place": "sea"}} {
		if _, err := store.AddDocuments(t.Context(), []schema.Document{{PageContent: "hail at sea", Metadata: map[string]any{"id": "sea", "lang": "en", "place": "sea"}}}); err != nil {
			t.Fatal(err)
		}
		docs, err := store.SimilaritySearch(t.Context(), "hail storm", 5, vectorstores.WithNameSpace("en"), vectorstores.WithFilters(only))
		if err != nil || len(docs) != 1 || docs[0].Metadata["id"] != "sea" {
			t.Errorf("only %v: %+v, %v", only, docs, err)
		}
	}
	search := func(n int, options ...vectorstores.Option) error {
		_, err := store.SimilaritySearch(t.Context(), "hail", n, options...)
		return err
	}
	add := func(docs []schema.Document, options ...vectorstores.Option) error {
		_, err := store.AddDocuments(t.Context(), docs, options...)
		return err
	}
	for name, test := range map[string]struct{ got, want error }{
		"filters":            {search(1, vectorstores.WithFilters(7)), langchaingo.ErrUnsupported},
		"broken filter":      {search(1, vectorstores.WithFilters("year >")), querysynergy.ErrInvalid},
		"embedder":           {search(1, vectorstores.WithEmbedder(meanings{})), langchaingo.ErrUnsupported},
		"deduplicater":       {search(1, vectorstores.WithDeduplicater(func(context.Context, schema.Document) bool { return true })), langchaingo.ErrUnsupported},
		"threshold":          {search(1, vectorstores.WithScoreThreshold(1.5)), querysynergy.ErrInvalid},
		"no documents":       {search(0), querysynergy.ErrInvalid},
		"no such language":   {search(1, vectorstores.WithNameSpace("tr")), querysynergy.ErrNoIndex},
		"adding by filter":   {add(greek, vectorstores.WithFilters("x")), langchaingo.ErrUnsupported},
		"adding by embedder": {add(greek, vectorstores.WithEmbedder(meanings{})), langchaingo.ErrUnsupported},
		"no language":        {add(greek), querysynergy.ErrInvalid},
		"id of 7":            {add([]schema.Document{{PageContent: "x", Metadata: map[string]any{"id": 7}}}), querysynergy.ErrInvalid},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}
}
