package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lab"
)

// ranxRows are what is printed of ranx: mode as in sweep_ranx.py.
var ranxRows = []struct {
	mode, name   string
	evaluateOnly bool
	goal         string
}{
	{"whole", "ranx: Run.from_dict and evaluate", false, "at least 10"},
	{"whole", "ranx: evaluate alone, of these Runs", true, ""},
	{"top", "ranx: Run.from_dict and evaluate, top ten only", false, ""},
	{"arrays", "ranx: evaluate of numpy arrays, top ten only", false, ""},
}

// benchAgainstRanx sweeps one language a round on each side, in one thread.
func benchAgainstRanx(ctx context.Context, t *table, e *experiment, root, dir string) (err error) {
	var other *ranx
	python, err := installRanx(ctx, root)
	if err != nil { // no Python, or nowhere to get ranx from
		fmt.Fprintln(os.Stderr, "bench: no comparison with ranx:", err)
	} else {
		if other, err = startRanx(ctx, root, python, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, other.Close()) }()
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	l := lab.New(e, e.sets...)
	if _, err := sweepBoth(ctx, l, other, dir, sweepLangs[0], sweepLambdas[:1]); err != nil { // warms both
		return err
	}
	var vectors, matrices []float64
	theirs := make([][]float64, len(ranxRows))
	ties := 0
	for _, lang := range sweepLangs {
		round, err := sweepBoth(ctx, l, other, dir, lang, sweepLambdas)
		if err != nil {
			return err
		}
		vectors, matrices = append(vectors, milliseconds(round.vectors)), append(matrices, milliseconds(round.matrices))
		for i, r := range ranxRows {
			if reply, ok := round.ranx[r.mode]; ok {
				seconds := reply.Evaluate
				if !r.evaluateOnly {
					seconds += reply.Build
				}
				theirs[i] = append(theirs[i], 1e3*seconds)
			}
		}
		ties += round.ranx["whole"].Ties
	}

	group := fmt.Sprintf("A language's sweep of %d lambdas, %s, one thread", len(sweepLambdas), e)
	t.add(row{Group: group, Name: "brute force, from the vectors", Unit: "ms", spread: spreadOf(vectors), Note: total(vectors)})
	t.add(row{Group: group, Name: "brute force, from the score matrices", Unit: "ms", spread: spreadOf(matrices), Note: total(matrices)})
	for i, r := range ranxRows {
		if other == nil {
			continue
		}
		t.add(row{
			Group: group, Name: r.name, Unit: "ms", spread: spreadOf(theirs[i]),
			Against: &against{Name: "from the vectors", Unit: "x", spread: paired(theirs[i], vectors, ratio), Goal: r.goal},
			Note:    fmt.Sprintf("%s; %s x from the matrices", total(theirs[i]), short(paired(theirs[i], matrices, ratio).Median)),
		})
	}
	if ties > 0 {
		fmt.Fprintf(os.Stderr, "bench: %d passages score what the relevant one does; ranx orders these by chance\n", ties)
	}
	return nil
}

// total says what all languages take.
func total(took []float64) string {
	var sum float64
	for _, ms := range took {
		sum += ms
	}
	return fmt.Sprintf("%d languages: %s s", len(took), short(sum/1e3))
}

// bothSweeps are the sweeps of one language on both sides.
type bothSweeps struct {
	vectors, matrices time.Duration
	ranx              map[string]ranxSweep // by mode; empty without ranx
}

// sweepBoth fails unless all give the same figures.
func sweepBoth(ctx context.Context, l *lab.Lab, other *ranx, dir, lang string, lambdas []float64) (bothSweeps, error) {
	both := bothSweeps{ranx: map[string]ranxSweep{}}
	set, err := l.Set(lang)
	if err != nil {
		return both, err
	}
	source, anchor, err := l.Brute(corpus.DefaultChunking).Matrices(ctx, pairing(lang)) // has the lab hold the vectors
	if err != nil {
		return both, err
	}

	start := time.Now()
	want, err := l.Brute(corpus.DefaultChunking).Evaluate(ctx, pairing(lang), lambdas, sweepMeasures...)
	both.vectors = time.Since(start)
	if err != nil {
		return both, err
	}

	start = time.Now()
	got := make([]*metrics.Evaluation, len(lambdas))
	for i, lambda := range lambdas {
		fused, err := evalsuite.Fuse(source, anchor, lambda)
		if err == nil {
			got[i], err = fused.Evaluate(set.Qrels, sweepMeasures...)
		}
		if err != nil {
			return both, err
		}
	}
	both.matrices = time.Since(start)
	if err := sameFigures(want, figuresOf(got)); err != nil {
		return both, fmt.Errorf("%s, from the score matrices: %w", lang, err)
	}

	if other == nil {
		return both, nil
	}
	var documents []string
	for _, d := range set.Documents {
		documents = append(documents, d.ID)
	}
	if err := writeMatrices(dir, lang, set.Qrels, documents, source, anchor); err != nil {
		return both, err
	}
	for _, r := range ranxRows {
		if r.evaluateOnly {
			continue
		}
		reply, err := other.sweep(lang, r.mode, lambdas)
		if err == nil {
			err = sameFigures(want, reply.Figures)
		}
		if err != nil {
			return both, fmt.Errorf("%s, %s: %w", lang, r.name, err)
		}
		both.ranx[r.mode] = reply
	}
	return both, nil
}

func figuresOf(evaluations []*metrics.Evaluation) [][]float64 {
	figures := make([][]float64, len(evaluations))
	for i, e := range evaluations {
		means := e.Means()
		for _, m := range sweepMeasures {
			figures[i] = append(figures[i], means[m])
		}
	}
	return figures
}

func sameFigures(evaluations []*metrics.Evaluation, other [][]float64) error {
	const rounding = 1e-9
	same := func(a, b []float64) bool {
		return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= rounding })
	}
	own := figuresOf(evaluations)
	if len(own) != len(other) {
		return fmt.Errorf("figures of %d lambdas, want %d", len(other), len(own))
	}
	for i := range own {
		if !same(own[i], other[i]) {
			return fmt.Errorf("lambda %d: figures %v, brute force from the vectors has %v", i, other[i], own[i])
		}
	}
	return nil
}
