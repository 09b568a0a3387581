package lab

import (
	"context"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
)

// Index writes the documents of these languages to a store, for Indexed to
// search. The options say all but whether titles are embedded, which the
// dataset's form decides.
func (l *Lab) Index(ctx context.Context, store ingest.Store, opts ingest.Options, langs ...string) error {
	for _, language := range langs {
		set, err := l.Set(language)
		if err != nil {
			return err
		}
		opts.EmbedsTitle = set.Format.EmbedsTitle()
		_, err = ingest.Run(ctx, store, l.embedder, opts, func(yield func(corpus.Document, error) bool) {
			for _, d := range set.Documents {
				if !yield(d, nil) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
