package querysynergy_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	querysynergy "github.com/query-synergy/query-synergy"
)

// meanings stands in for a multilingual embedding model: a dimension for each
// thing that it knows, in two languages. Of Greek it knows less than of English,
// as real models do.
var meanings = []string{"storm καταιγίδα", "ice hail πάγος χαλάζι", "float up ανεβαίνει", "sky ουρανός", "blue γαλάζιος", "soup σούπα"}

func embed(_ context.Context, _ querysynergy.Role, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = make([]float32, len(meanings)+1)
		vectors[i][len(meanings)] = 0.1 // nothing is without any meaning
		for _, word := range strings.Fields(strings.ToLower(strings.Trim(text, ".;?"))) {
			for k, known := range meanings {
				if strings.Contains(" "+known+" ", " "+strings.Trim(word, ".,;?")+" ") {
					vectors[i][k]++
				}
			}
		}
	}
	return vectors, nil
}

// phrasebook stands in for a translator.
func phrasebook(_ context.Context, text, _, _ string) (string, error) {
	translations := map[string]string{"Τι κρατά ψηλά το χαλάζι;": "What makes the ice in a storm float up?"}
	if translation, ok := translations[text]; ok {
		return translation, nil
	}
	return "", errors.New("it is not in the phrasebook")
}

var greek = []querysynergy.Document{
	{ID: "sky", Lang: "el", Title: "Ουρανός", Text: "Γιατί ο ουρανός είναι γαλάζιος.", Metadata: map[string]any{"year": 2024, "odd key.s": `a "value" it's`}},
	{ID: "hail", Lang: "el", Title: "Αέρας", Text: "Το χαλάζι ανεβαίνει με την καταιγίδα."},
	{ID: "soup", Lang: "el", Title: "Σούπα", Text: "Σούπα με πάγος και χαλάζι."},
}

func temporary() string {
	folder, err := os.MkdirTemp("", "querysynergy")
	must(err)
	return folder
}

// must ends an example; a program has better ways.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Documents are indexed into a folder and searched with a query and its anchor,
// which a translator writes. Real programs use WithEndpoint and
// WithChatTranslator in place of the two stand-ins.
func Example() {
	ctx := context.Background()
	folder := temporary()
	defer func() { must(os.RemoveAll(folder)) }()

	r, err := querysynergy.Open("docs",
		querysynergy.WithFolder(folder),
		querysynergy.WithEmbedder("meanings", querysynergy.EmbedderFunc(embed)),
		querysynergy.WithTranslator("phrasebook", querysynergy.TranslatorFunc(phrasebook)),
		querysynergy.WithFullTrust(),
	)
	must(err)
	defer func() { must(r.Close()) }()

	added, err := r.Add(ctx, greek...)
	must(err)
	fmt.Println(added.Written, "passages written")

	result, err := r.Retrieve(ctx, "Τι κρατά ψηλά το χαλάζι;", querysynergy.WithTopK(2))
	must(err)
	fmt.Println(result.Anchor.Status, result.Anchor.Text)
	for _, hit := range result.Hits {
		fmt.Printf("%s %.2f = %.2f·%.2f + %.2f·%.2f\n", hit.ID, hit.Score, result.Lambda, hit.Source, 1-result.Lambda, *hit.Anchor)
	}
	fmt.Println("proven to be the best two:", result.Certified)
	// Output:
	// 3 passages written
	// ok What makes the ice in a storm float up?
	// hail 0.76 = 0.50·0.58 + 0.50·0.94
	// soup 0.50 = 0.50·0.71 + 0.50·0.29
	// proven to be the best two: true
}

// A translator that fails costs the anchor and not the answer.
func ExampleRetriever_Retrieve_withoutAnchor() {
	ctx := context.Background()
	folder := temporary()
	defer func() { must(os.RemoveAll(folder)) }()
	r, err := querysynergy.Open("docs", querysynergy.WithFolder(folder),
		querysynergy.WithEmbedder("meanings", querysynergy.EmbedderFunc(embed)),
		querysynergy.WithTranslator("phrasebook", querysynergy.TranslatorFunc(phrasebook)))
	must(err)
	defer func() { must(r.Close()) }()
	_, err = r.Add(ctx, greek...)
	must(err)

	result, err := r.Retrieve(ctx, "Είναι γαλάζιος ο ουρανός;", querysynergy.WithTopK(1))
	must(err)
	fmt.Println(result.Hits[0].ID, result.Anchor.Status, "λ =", result.Lambda)
	fmt.Println(result.Anchor.Reason)

	_, err = r.Retrieve(ctx, "Είναι γαλάζιος ο ουρανός;", querysynergy.WithRequiredAnchor())
	var missing *querysynergy.NoAnchorError
	fmt.Println(errors.As(err, &missing))
	// Output:
	// sky unavailable λ = 1
	// translate with phrasebook: it is not in the phrasebook
	// true
}

// Adding again costs nothing for what is there already.
func ExampleRetriever_Add() {
	ctx := context.Background()
	folder := temporary()
	defer func() { must(os.RemoveAll(folder)) }()
	r, err := querysynergy.Open("docs", querysynergy.WithFolder(folder), querysynergy.WithLang("el"),
		querysynergy.WithEmbedder("meanings", querysynergy.EmbedderFunc(embed)))
	must(err)
	defer func() { must(r.Close()) }()

	for _, text := range []string{"Ο ουρανός είναι γαλάζιος.", "Ο ουρανός είναι γαλάζιος.", "Ο ουρανός δεν είναι γαλάζιος."} {
		added, err := r.Add(ctx, querysynergy.Document{ID: "sky", Text: text})
		must(err)
		fmt.Printf("%d written, %d unchanged\n", added.Written, added.Unchanged)
	}
	// Output:
	// 1 written, 0 unchanged
	// 0 written, 1 unchanged
	// 1 written, 0 unchanged
}

// Errors that a program may want to tell apart.
func ExampleMismatchError() {
	ctx := context.Background()
	folder := temporary()
	defer func() { must(os.RemoveAll(folder)) }()
	for _, model := range []string{"meanings", "meanings-2"} {
		r, err := querysynergy.Open("docs", querysynergy.WithFolder(folder),
			querysynergy.WithEmbedder(model, querysynergy.EmbedderFunc(embed)))
		must(err)
		_, err = r.Retrieve(ctx, "ουρανός")
		fmt.Println(model+":", errors.Is(err, querysynergy.ErrNoIndex))
		_, err = r.Add(ctx, greek...)
		var mismatch *querysynergy.MismatchError
		if errors.As(err, &mismatch) {
			fmt.Println(mismatch.Lang, mismatch.Differences[0])
		}
		must(r.Close())
	}
	// Output:
	// meanings: true
	// meanings-2: false
	// el model: index has "meanings", this run has "meanings-2"
}

// What is given to Open holds for all queries; a query may say otherwise. The
// source query alone takes the soup for the answer.
func ExampleWithLambda() {
	ctx := context.Background()
	folder := temporary()
	defer func() { must(os.RemoveAll(folder)) }()
	r, err := querysynergy.Open("docs", querysynergy.WithFolder(folder),
		querysynergy.WithEmbedder("meanings", querysynergy.EmbedderFunc(embed)),
		querysynergy.WithLang("el"), querysynergy.WithTopK(1), querysynergy.WithLambda(1))
	must(err)
	defer func() { must(r.Close()) }()
	_, err = r.Add(ctx, greek...)
	must(err)
	anchored := querysynergy.WithAnchor("What makes the ice in a storm float up?")
	for _, lambda := range []float64{1, 0.5, 0} {
		result, err := r.Retrieve(ctx, "Τι κρατά ψηλά το χαλάζι;", anchored, querysynergy.WithLambda(lambda))
		must(err)
		fmt.Println(lambda, result.Hits[0].ID)
	}
	// Output:
	// 1 soup
	// 0.5 hail
	// 0 hail
}
