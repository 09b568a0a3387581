package search_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/search"
)

func TestAnchor(t *testing.T) {
	translated := anchor.Anchor{Text: anchorText, Lang: "en", Origin: "chat:m"}
	cached := translated
	cached.Cached = true
	answer := func(a anchor.Anchor, err error) translatorFunc {
		return func(context.Context, anchor.Request) (anchor.Anchor, error) { return a, err }
	}
	uncalled := translatorFunc(func(context.Context, anchor.Request) (anchor.Anchor, error) {
		t.Error("the translator was asked")
		return anchor.Anchor{}, nil
	})
	slow := translatorFunc(func(ctx context.Context, _ anchor.Request) (anchor.Anchor, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		<-ctx.Done()
		return anchor.Anchor{}, fmt.Errorf("translate: %w", ctx.Err())
	})
	for name, test := range map[string]struct {
		translator anchor.Translator
		given      string
		lang       string
		want       search.Anchor // but for the agreement
	}{
		"given": {uncalled, anchorText, "en",
			search.Anchor{Text: anchorText, Lang: "en", Origin: "given", Status: search.StatusOK}},
		"given in the same language": {uncalled, anchorText, "th",
			search.Anchor{Text: anchorText, Lang: "th", Origin: "given", Status: search.StatusOK}},
		"translated": {answer(translated, nil), "", "en",
			search.Anchor{Text: anchorText, Lang: "en", Origin: "chat:m", Status: search.StatusOK}},
		"cached": {answer(cached, nil), "", "en",
			search.Anchor{Text: anchorText, Lang: "en", Origin: "chat:m", Status: search.StatusCached}},
		"failing": {answer(anchor.Anchor{}, fmt.Errorf("file: %w", anchor.ErrNoTranslation)), "", "en",
			search.Anchor{Lang: "en", Status: search.StatusUnavailable, Error: "file: no translation"}},
		"slow": {slow, "", "en",
			search.Anchor{Lang: "en", Status: search.StatusTimeout, Error: "translate: context deadline exceeded"}},
		"same language": {uncalled, "", "th",
			search.Anchor{Lang: "th", Status: search.StatusSameLanguage}},
		"same language, other region": {uncalled, "", "th-TH",
			search.Anchor{Lang: "th-TH", Status: search.StatusSameLanguage}},
		"none": {nil, "", "en",
			search.Anchor{Lang: "en", Status: search.StatusNone}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newFakeStore(2, at("source", 5), at("middle", 45), at("anchor", 85))
				q := planeQuery(0.5, 10)
				q.Anchor, q.AnchorLang = test.given, test.lang
				result := run(t, &search.Searcher{Store: store, Embedder: plane, Translator: test.translator}, q)

				agreement := result.Anchor.Agreement
				result.Anchor.Agreement = nil
				if result.Anchor != test.want {
					t.Errorf("anchor %+v, want %+v", result.Anchor, test.want)
				}
				if missing := test.want.Error != ""; result.Anchor.Status.Missing() != missing {
					t.Errorf("status %q is called missing: %v", result.Anchor.Status, !missing)
				}
				if test.want.Text == "" {
					if agreement != nil || result.Lambda != 1 || result.Hits[0].Anchor != nil {
						t.Errorf("agreement %v, λ %v, anchor cosine %v without an anchor", agreement, result.Lambda, result.Hits[0].Anchor)
					}
					if got := docIDs(result); !slices.Equal(got, []string{"source", "middle", "anchor"}) || result.Hits[0].Score != result.Hits[0].Source {
						t.Errorf("ranked %v, which is not the source's ranking", got)
					}
					return
				}
				if agreement == nil || math.Abs(*agreement) > 1e-9 || result.Lambda != 0.5 || result.Hits[0].ID != "middle" {
					t.Errorf("agreement %v, λ %v, first %s with an anchor", agreement, result.Lambda, result.Hits[0].ID)
				}
			})
		})
	}
}

func TestTranslatorIsAskedForTheQuery(t *testing.T) {
	var got anchor.Request
	translator := translatorFunc(func(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
		got = r
		return anchor.Anchor{Text: anchorText, Lang: r.To, Origin: "chat:m"}, nil
	})
	q := planeQuery(0.5, 1)
	q.ID, q.Anchor = "q7", ""
	run(t, &search.Searcher{Store: newFakeStore(2, at("a", 1)), Embedder: plane, Translator: translator}, q)
	if want := (anchor.Request{ID: "q7", Text: sourceText, From: "th", To: "en"}); got != want {
		t.Errorf("asked %+v, want %+v", got, want)
	}
}

// Each of the two goes on only when the other has begun: one after the other,
// they would wait forever, which synctest notices.
func TestTranslationOverlapsWithEmbedding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		translating, embedding := make(chan struct{}), make(chan struct{})
		translator := translatorFunc(func(context.Context, anchor.Request) (anchor.Anchor, error) {
			close(translating)
			<-embedding
			return anchor.Anchor{Text: anchorText, Lang: "en", Origin: "chat:m"}, nil
		})
		embedder := plane
		embedder.before = func(_ context.Context, texts []string) error {
			if slices.Equal(texts, []string{sourceText}) {
				close(embedding)
				<-translating
			}
			return nil
		}
		q := planeQuery(0.5, 10)
		q.Anchor = ""
		result := run(t, &search.Searcher{Store: newFakeStore(2, at("a", 45)), Embedder: embedder, Translator: translator}, q)
		if result.Anchor.Status != search.StatusOK {
			t.Errorf("anchor %+v", result.Anchor)
		}
	})
}

// Whatever ends a query ends the translation with it: one left behind would
// deadlock the bubble, which synctest notices.
func TestNothingOutlivesTheQuery(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		before func(context.Context, []string) error
		want   error
	}{
		"cancelled while the translator hangs": {nil, context.Canceled},
		"endpoint fails while it hangs":        {func(context.Context, []string) error { return broken }, broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				translated := make(chan struct{})
				translator := translatorFunc(func(ctx context.Context, _ anchor.Request) (anchor.Anchor, error) {
					defer close(translated)
					<-ctx.Done()
					return anchor.Anchor{}, ctx.Err()
				})
				embedder := plane
				embedder.before = test.before
				q := planeQuery(0.5, 10)
				q.Anchor = ""
				done := make(chan error, 1)
				go func() {
					_, err := (&search.Searcher{Store: newFakeStore(2), Embedder: embedder, Translator: translator}).Run(ctx, q)
					done <- err
				}()
				synctest.Wait()
				if test.before == nil {
					select {
					case err := <-done:
						t.Fatalf("returned with %v before it was cancelled", err)
					default:
					}
					cancel()
				}
				if err := <-done; !errors.Is(err, test.want) {
					t.Errorf("error is %v, want %v", err, test.want)
				}
				<-translated // or all wait for ever
			})
		})
	}
}
