package anchor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
)

// fake is a translator in a function.
type fake func(context.Context, anchor.Request) (anchor.Anchor, error)

func (f fake) Translate(ctx context.Context, request anchor.Request) (anchor.Anchor, error) {
	return f(ctx, request)
}

func (fake) Identity() string { return "fake" }

var errDown = errors.New("down")

// Translators that answer at once, fail at once, and answer never.
var (
	sure = fake(func(_ context.Context, r anchor.Request) (anchor.Anchor, error) {
		return anchor.Anchor{Text: where, Lang: r.To}, nil
	})
	down = fake(func(context.Context, anchor.Request) (anchor.Anchor, error) { return anchor.Anchor{}, errDown })
	none = fake(func(context.Context, anchor.Request) (anchor.Anchor, error) {
		return anchor.Anchor{}, fmt.Errorf("file: %w", anchor.ErrNoTranslation)
	})
	never = fake(func(ctx context.Context, _ anchor.Request) (anchor.Anchor, error) {
		<-ctx.Done()
		return anchor.Anchor{}, context.Cause(ctx)
	})
)

func TestChain(t *testing.T) {
	for _, chain := range []anchor.Chain{{sure}, {none, sure}, {down, none, sure, never}, {none, anchor.Chain{down, sure}}} {
		if got, err := chain.Translate(t.Context(), thai); err != nil || got.Text != where {
			t.Errorf("%+v, %v", got, err)
		}
	}
	refused := fake(func(context.Context, anchor.Request) (anchor.Anchor, error) {
		return anchor.Anchor{}, &anchor.RefusedError{Reason: anchor.ErrEcho}
	})
	_, err := anchor.Chain{none, down, refused}.Translate(t.Context(), thai)
	for _, cause := range []error{anchor.ErrNoTranslation, errDown, anchor.ErrEcho} {
		if !errors.Is(err, cause) {
			t.Errorf("%v does not hold %v", err, cause)
		}
	}
	if want := "file: no translation; then down; then the reply is no translation: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if _, err := (anchor.Chain{}).Translate(t.Context(), thai); !errors.Is(err, anchor.ErrNoTranslation) {
		t.Errorf("empty: %v", err)
	}
}

func TestChainSharesTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		var asked []time.Duration
		slow := fake(func(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
			asked = append(asked, time.Since(start))
			return never(ctx, r)
		})
		_, err := anchor.Chain{slow, down, slow, slow}.Translate(ctx, thai)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDown) || !strings.Contains(err.Error(), "no translation within 500ms") {
			t.Errorf("%v", err)
		}
		// A quarter of 2 s; then, as one failed at once, half of the 1.5 s left.
		if want := []time.Duration{0, 500 * time.Millisecond, 1250 * time.Millisecond}; fmt.Sprint(asked) != fmt.Sprint(want) {
			t.Errorf("asked after %v, want %v", asked, want)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A caller that leaves is not kept waiting for those further down.
func TestChainStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	leave := fake(func(ctx context.Context, r anchor.Request) (anchor.Anchor, error) {
		cancel()
		return never(ctx, r)
	})
	reached := fake(func(context.Context, anchor.Request) (anchor.Anchor, error) {
		t.Error("the next one was asked")
		return anchor.Anchor{}, errDown
	})
	if _, err := (anchor.Chain{leave, reached}).Translate(ctx, thai); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
