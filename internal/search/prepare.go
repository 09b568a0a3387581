package search

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/unicode/norm"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// Prepared is a query whose indexes are open and whose texts are translated and
// embedded: it can be asked at any λ without another call to an endpoint.
type Prepared struct {
	Query
	indexes map[string]qdrant.Collection // by target language
	anchor  Anchor
	source  []float32
	anchors [][]float32 // the anchor's, where there is one, and those of Query.More
	timings Timings     // Total is what preparing took
	// unjudged makes the anchor count in full, whatever it looks like.
	unjudged bool
}

// At returns the query at another λ, for all languages, without a judgement of
// its anchor: at 0 it is the anchor's own ranking.
func (p *Prepared) At(lambda float64) *Prepared {
	other := *p
	other.Lambda, other.Lambdas, other.Weights, other.unjudged = lambda, nil, nil, true
	return &other
}

// MissingAnchorError is the error of a query that requires an anchor and has
// none.
type MissingAnchorError struct{ Anchor Anchor }

func (e *MissingAnchorError) Error() string {
	if e.Anchor.Error != "" {
		return fmt.Sprintf("the query has no anchor (%s): %s", e.Anchor.Status, e.Anchor.Error)
	}
	return fmt.Sprintf("the query has no anchor (%s)", e.Anchor.Status)
}

// Prepare opens the indexes, gets the anchor and embeds source and anchors, the
// source while the translation is under way.
func (s *Searcher) Prepare(ctx context.Context, q Query) (*Prepared, error) {
	begun, err := s.Begin(ctx, q)
	if err != nil {
		return nil, err
	}
	defer begun.Close()
	return begun.Finish(ctx)
}

// Begun is a query whose source is embedded, while a translation of it may be
// under way. Close it on every path.
type Begun struct {
	searcher   *Searcher
	prepared   *Prepared
	translated chan translation // nil: none is awaited
	cancel     context.CancelFunc
	start      time.Time
}

// Begin is the part of Prepare that waits for no translation.
func (s *Searcher) Begin(ctx context.Context, q Query) (_ *Begun, err error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	b := &Begun{searcher: s, start: time.Now(), cancel: func() {}}
	p := &Prepared{Query: q, indexes: map[string]qdrant.Collection{}, anchor: Anchor{Lang: q.AnchorLang, Status: StatusNone}}
	b.prepared = p
	if err := s.openAll(ctx, p); err != nil {
		return nil, err
	}
	start := time.Now()
	switch {
	case q.Anchor != "":
		given, err := anchor.Given(q.Anchor, q.AnchorLang)
		if err != nil {
			return nil, err
		}
		p.anchor = Anchor{Lang: q.AnchorLang, Text: given.Text, Origin: given.Origin, Status: StatusOK}
	case lang.Base(q.Lang) == lang.Base(q.AnchorLang):
		p.anchor.Status = StatusSameLanguage
	case s.Translator != nil:
		// Where the query fails meanwhile, nobody waits for the translation.
		translating, cancel := context.WithCancel(ctx)
		b.cancel, b.translated = cancel, make(chan translation, 1)
		go func() { b.translated <- translate(translating, s.Translator, q) }()
	}
	texts := []string{norm.NFC.String(q.Text)}
	if p.anchor.Text != "" {
		texts = append(texts, p.anchor.Text)
	}
	for _, more := range q.More {
		texts = append(texts, norm.NFC.String(more.Text))
	}
	vectors, _, err := s.Embedder.Embed(ctx, embedding.Query, texts)
	if err != nil {
		b.cancel()
		return nil, err
	}
	p.timings.Embed = milliseconds(time.Since(start))
	p.source, p.anchors = vectors[0], vectors[1:]
	return b, nil
}

// Waiting says whether a translation is awaited.
func (b *Begun) Waiting() bool { return b.translated != nil }

// Source returns the source query alone, which can be answered while the anchor
// is awaited. The status of its anchor is StatusPending.
func (b *Begun) Source() *Prepared {
	alone := *b.prepared
	alone.anchor = Anchor{Lang: alone.AnchorLang, Status: StatusPending}
	alone.anchors, alone.More, alone.Weights, alone.RequireAnchor = nil, nil, nil, false
	alone.timings.Total = milliseconds(time.Since(b.start))
	return &alone
}

// Finish waits for the translation, if there is to be one, and embeds it.
func (b *Begun) Finish(ctx context.Context) (*Prepared, error) {
	if b.translated != nil {
		t := <-b.translated
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := b.searcher.adopt(ctx, b.prepared, t); err != nil {
			return nil, err
		}
	}
	b.prepared.timings.Total = milliseconds(time.Since(b.start))
	return b.prepared, b.prepared.finish()
}

// Close ends a translation that nobody waits for any more.
func (b *Begun) Close() { b.cancel() }

// openAll opens the indexes that a query searches, several at a time. Of several
// that cannot be opened, the first of the query's targets is the error.
func (s *Searcher) openAll(ctx context.Context, p *Prepared) error {
	targets := p.targets()
	indexes, errs := make([]qdrant.Collection, len(targets)), make([]error, len(targets))
	var group errgroup.Group
	group.SetLimit(searchingLanguages)
	for i, target := range targets {
		group.Go(func() error {
			indexes[i], errs[i] = s.Open(ctx, qdrant.Key{Corpus: p.Corpus, Lang: target})
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs, in order
	for i, target := range targets {
		if errs[i] != nil {
			return errs[i]
		}
		indexes[i].Read = p.Read
		p.indexes[target] = indexes[i]
	}
	return nil
}

// adopt takes a translation over, and embeds it.
func (s *Searcher) adopt(ctx context.Context, p *Prepared, t translation) error {
	p.anchor, p.timings.Translate = t.anchor, t.took
	if t.anchor.Text == "" {
		return nil
	}
	start := time.Now()
	vectors, _, err := s.Embedder.Embed(ctx, embedding.Query, []string{t.anchor.Text})
	if err != nil {
		return err
	}
	p.anchors = append([][]float32{vectors[0]}, p.anchors...)
	p.timings.Embed += milliseconds(time.Since(start))
	return nil
}

// finish says how well source and anchor agree, and refuses a query that lacks
// the anchor it requires.
func (p *Prepared) finish() error {
	if p.anchor.Text != "" {
		agreement := vector.Cosine(p.source, p.anchors[0])
		p.anchor.Agreement = &agreement
	}
	if p.RequireAnchor && p.anchor.Text == "" && p.anchor.Status != StatusSameLanguage {
		return &MissingAnchorError{Anchor: p.anchor}
	}
	return nil
}

type translation struct {
	anchor Anchor
	took   float64 // milliseconds
}

func translate(ctx context.Context, from anchor.Translator, q Query) translation {
	start := time.Now()
	if q.AnchorTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, q.AnchorTimeout,
			fmt.Errorf("no translation within %v: %w", q.AnchorTimeout, context.DeadlineExceeded))
		defer cancel()
	}
	t := outcome(from.Translate(ctx, anchor.Request{ID: q.ID, Text: q.Text, From: q.Lang, To: q.AnchorLang}))
	if t.anchor.Text == "" && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t = outcome(anchor.Anchor{}, context.Cause(ctx))
	}
	t.anchor.Lang, t.took = q.AnchorLang, milliseconds(time.Since(start))
	return t
}

// outcome says what became of a translation.
func outcome(got anchor.Anchor, err error) translation {
	var refused *anchor.RefusedError
	var a Anchor
	switch {
	case err == nil:
		a = Anchor{Text: got.Text, Origin: got.Origin, Status: StatusOK}
		if got.Cached {
			a.Status = StatusCached
		}
	case errors.Is(err, context.DeadlineExceeded):
		a = Anchor{Status: StatusTimeout, Error: err.Error()}
	case errors.As(err, &refused):
		a = Anchor{Status: StatusRefused, Error: err.Error()}
	default:
		a = Anchor{Status: StatusUnavailable, Error: err.Error()}
	}
	return translation{anchor: a}
}
