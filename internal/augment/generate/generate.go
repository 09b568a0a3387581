// Package generate asks a model which questions passages answer, and keeps what
// it answers in a journal that a killed run leaves whole and the next one
// continues.
//
//	passages → ask (several at a time) → clean → [find again] → journal, in order
//
// It knows the chat endpoint, passages and texts, and nothing of vectors or of
// where they are stored: what finds a passage again is the caller's Retriever.
package generate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/endpoint"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// Model answers prompts. Models here are safe for concurrent use.
type Model interface {
	Name() string
	// Generate samples a reply. The same prompt and seed, from 0 to 2³¹−1, give
	// the same reply as far as the model's server keeps to it.
	Generate(ctx context.Context, prompt string, seed int) (Reply, error)
}

// Reply is what a model answered.
type Reply struct {
	Text   string
	Tokens int  // of prompt and reply, as the endpoint counted them; 0 where it did not or nothing was sent
	Cached bool // nothing was sent
}

// Retriever finds out whether a query leads to its passage.
type Retriever interface {
	// Rank returns the rank, from 1, of the query's own passage among all
	// passages, or 0 where it is not among those that were retrieved.
	// It is called from several goroutines.
	Rank(ctx context.Context, query augment.Query) (int, error)
}

// Options say what to generate.
type Options struct {
	Langs       []string // of the queries, as lang.Parse spells them
	PerLang     int      // queries for a passage in each of them
	Prompt      augment.Prompt
	Concurrency int // passages asked about at the same time
	// Retriever, if set, drops a query whose own passage is not in its top TopK.
	Retriever Retriever
	TopK      int
	// Progress, if set, is called after each passage and language, from one
	// goroutine at a time, with a report that is its own.
	Progress func(Report)
}

const (
	// asksPerQuery bounds how often a model that gives too few queries is asked.
	asksPerQuery = 2
	// maxFailuresInRow is after how many passages without any answer the
	// endpoint counts as gone.
	maxFailuresInRow = 1000
)

// errGone ends a run early, for an endpoint that does not come back.
var errGone = errors.New("the endpoint is gone")

// Run asks model for queries for the passages, as far as journal lacks them, and
// reports what was done, also where it fails or is interrupted in the middle.
// The rows of the journal are in the order of passages and languages, whatever
// was answered first; a run that was killed is continued by the same Run.
//
// A model that does not answer, or not with queries, costs the passage its
// queries and not the run: it ends with an *IncompleteError. Only a key, a model
// or an address that the endpoint refuses from the start ends it at once, and a
// journal of another model or prompt is refused.
func Run(ctx context.Context, model Model, journal *Journal, options Options, passages iter.Seq2[corpus.Passage, error]) (Report, error) {
	if err := options.check(); err != nil {
		return Report{}, err
	}
	if err := journal.admit(model.Name(), options.Prompt.Hash()); err != nil {
		return Report{}, err
	}
	r := &run{
		model: model, journal: journal, Options: options,
		toAsk: make(chan *pair), toWrite: make(chan *pair, 2*options.Concurrency),
		report: Report{Refused: map[augment.Reason]int{}, Short: []Short{}},
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(r.toAsk)
		defer close(r.toWrite)
		return r.plan(groupCtx, passages)
	})
	for range options.Concurrency {
		group.Go(func() error { return r.ask(groupCtx) })
	}
	group.Go(func() error { return r.write(groupCtx) })
	err := group.Wait()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, errGone):
		err = r.report.incomplete(err)
	case err == nil && (r.report.Failed > 0 || r.report.Without > 0):
		err = r.report.incomplete(r.report.failure)
	}
	if unsynced := journal.Sync(); unsynced != nil {
		err = errors.Join(unsynced, err)
	}
	return r.report.clone(), err
}

func (o Options) check() error {
	switch {
	case len(o.Langs) == 0:
		return errors.New("generate queries: no language is named")
	case o.PerLang < 1 || o.Concurrency < 1:
		return fmt.Errorf("generate queries: %d a language, %d at a time: want 1 or more", o.PerLang, o.Concurrency)
	case o.Retriever != nil && o.TopK < 1:
		return fmt.Errorf("generate queries: top %d of the round trip, want 1 or more", o.TopK)
	}
	for i, tag := range o.Langs {
		if canonical, err := lang.Parse(tag); err != nil {
			return fmt.Errorf("generate queries: %w", err)
		} else if canonical != tag || slices.Contains(o.Langs[:i], tag) {
			return fmt.Errorf("generate queries: language %q stands twice or is spelled %q", tag, canonical)
		}
	}
	return nil
}

type run struct {
	Options
	model   Model
	journal *Journal

	toAsk   chan *pair
	toWrite chan *pair // the same pairs and those that lack nothing, in order

	answered    atomic.Bool
	failuresRun atomic.Int64 // in a row

	report Report // the writer's
}

// pair is a passage and a language on their way through the stages.
type pair struct {
	passage corpus.Passage
	lang    string
	last    bool     // of the passage's languages
	had     []string // in the journal already
	asked   chan struct{}

	// What asking gave; fixed once asked is closed.
	kept     []augment.Query
	refused  []augment.Reason
	requests int
	cached   int
	tokens   int
	failure  error
}

// plan makes pairs of the passages and sends on those that lack queries.
func (r *run) plan(ctx context.Context, passages iter.Seq2[corpus.Passage, error]) error {
	for passage, err := range passages {
		if err != nil {
			return err
		}
		for i, tag := range r.Langs {
			p := &pair{passage: passage, lang: tag, last: i == len(r.Langs)-1, asked: make(chan struct{})}
			if p.had = r.journal.texts(placeOf(passage, tag)); len(p.had) >= r.PerLang {
				close(p.asked)
				p.passage.Text = "" // nobody needs it
			}
			select {
			case r.toWrite <- p:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if len(p.had) >= r.PerLang {
				continue
			}
			select {
			case r.toAsk <- p:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// ask asks for the queries of one pair after the other.
func (r *run) ask(ctx context.Context) error {
	for p := range r.toAsk {
		r.askFor(ctx, p)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case p.failure == nil:
			r.failuresRun.Store(0)
		case !r.answered.Load() && refusesAll(p.failure):
			return p.failure
		case r.failuresRun.Add(1) >= maxFailuresInRow:
			return fmt.Errorf("%w: %d in a row failed, and the rest was not asked: %w", errGone, maxFailuresInRow, p.failure)
		}
		close(p.asked)
	}
	return nil
}

// refusesAll says whether an endpoint that has never answered never will.
func refusesAll(err error) bool {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	return ok && slices.Contains([]int{401, 403, 404}, status.Status)
}

// askFor asks until the pair has its queries, the model has been asked as often
// as is worth it, or it fails.
func (r *run) askFor(ctx context.Context, p *pair) {
	request := augment.Request{Passage: p.passage, Lang: p.lang, Prompt: r.Prompt}
	prompt := r.Prompt.Render(p.passage, p.lang)
	at := placeOf(p.passage, p.lang)
	// A reply that the journal has the queries of is no duplicate.
	written := slices.Clone(p.had)
	var known []string
	has := func() int { return len(p.had) + len(p.kept) }
	for number := 0; has() < r.PerLang && number < asksPerQuery*r.PerLang; number++ {
		if number == r.PerLang && has() == 0 {
			return // more of the same
		}
		reply, err := r.model.Generate(ctx, prompt, seed(at, number))
		if err != nil {
			p.failure = err
			return
		}
		r.answered.Store(true)
		p.tokens += reply.Tokens
		if reply.Cached {
			p.cached++
		} else {
			p.requests++
		}
		queries, refused := augment.Clean(reply.Text, request, known)
		p.refused = append(p.refused, refused...)
		for _, text := range queries {
			known = append(known, text)
			if i := slices.IndexFunc(written, func(w string) bool { return augment.Fold(w) == augment.Fold(text) }); i >= 0 {
				written = slices.Delete(written, i, i+1)
				continue
			}
			if has() == r.PerLang {
				break
			}
			query := augment.Query{
				DocID: p.passage.DocID, Chunk: at.chunk, Lang: p.lang, Text: text,
				Model: r.model.Name(), Prompt: r.Prompt.Hash(),
			}
			if found, err := r.findsBack(ctx, query); err != nil {
				p.failure = fmt.Errorf("search for the passage of a generated query: %w", err)
				return
			} else if !found {
				p.refused = append(p.refused, augment.ReasonRoundTrip)
				continue
			}
			p.kept = append(p.kept, query)
		}
	}
}

// findsBack says whether a query's own passage is among the first that it finds.
func (r *run) findsBack(ctx context.Context, query augment.Query) (bool, error) {
	if r.Retriever == nil {
		return true, nil
	}
	rank, err := r.Retriever.Rank(ctx, query)
	return rank >= 1 && rank <= r.TopK, err
}

// write appends to the journal what was answered, in order.
func (r *run) write(ctx context.Context) error {
	for p := range r.toWrite {
		select {
		case <-p.asked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := r.journal.Append(p.kept); err != nil {
			return err
		}
		r.report.add(p, r.PerLang)
		if r.Progress != nil {
			r.Progress(r.report.clone())
		}
	}
	return nil
}
