package generate_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/augment/generate"
	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/corpus"
)

// run runs over a journal at path and returns what is in it then.
func run(t *testing.T, ctx context.Context, model generate.Model, path string, o generate.Options, passages []corpus.Passage) (generate.Report, string, error) {
	t.Helper()
	journal := open(t, path)
	report, err := generate.Run(ctx, model, journal, o, each(passages))
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return report, string(text), err
}

func TestRun(t *testing.T) {
	var busy, most atomic.Int64
	model, calls := chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request, asked chatRequest) {
		most.Store(max(most.Load(), busy.Add(1)))
		defer busy.Add(-1)
		time.Sleep(time.Duration(*asked.Seed%3) * time.Millisecond) // the answers change places
		right(w, r, asked)
	})
	o := options()
	var heard []generate.Report
	o.Progress = func(r generate.Report) { heard = append(heard, r) }
	path := journalPath(t)
	report, text, err := run(t, t.Context(), model, path, o, cities(20))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := augment.ReadFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	perPair := map[string]int{}
	for _, q := range rows {
		if q.Model != "tiny" || q.Prompt != (augment.Prompt{}).Hash() || q.Chunk != augment.EveryChunk {
			t.Fatalf("%+v", q)
		}
		if perPair[q.DocID+q.Lang]++; perPair[q.DocID+q.Lang] == 1 {
			order = append(order, q.DocID+q.Lang)
		}
		if perPair[q.DocID+q.Lang] > 3 {
			t.Errorf("more than 3 for %s", q.DocID+q.Lang)
		}
	}
	var want []string
	for _, p := range cities(20) {
		want = append(want, p.DocID+"en", p.DocID+"zh")
	}
	if !slices.Equal(order, want) {
		t.Errorf("order %v", order)
	}
	if report.Passages != 20 || report.Pairs != 40 || report.Kept != len(rows) || report.Requests != int(calls.Load()) ||
		report.Tokens != 30*report.Requests || report.Failed+report.Without+report.Present+report.Cached != 0 {
		t.Errorf("%+v after %d calls", report, calls.Load())
	}
	if asked := report.Kept + report.Refused[augment.ReasonDuplicate]; asked != report.Requests {
		t.Errorf("%+v: kept and repeated %d", report, asked)
	}
	if most.Load() > 4 {
		t.Errorf("%d requests at a time", most.Load())
	}
	if len(heard) != 40 || !reflect.DeepEqual(heard[39], report) || heard[0].Pairs != 1 {
		t.Errorf("heard %d reports", len(heard))
	}
	// Nothing is asked again, and nothing written, where all is there.
	full := o
	full.PerLang = 1
	before := calls.Load()
	again, after, err := run(t, t.Context(), model, path, full, cities(20))
	if err != nil || after != text || calls.Load() != before || again.Present != len(rows) || again.Kept != 0 {
		t.Errorf("%+v, %v after %d more calls", again, err, calls.Load()-before)
	}
}

// A run that was killed anywhere and run again ends as if it had not been.
func TestKilled(t *testing.T) {
	model, _ := chat(t, time.Minute, right)
	passages := cities(6)
	_, whole, err := run(t, t.Context(), model, journalPath(t), options(), passages)
	if err != nil {
		t.Fatal(err)
	}
	cuts := []int{0, 1, strings.Index(whole, "\n"), strings.Index(whole, "\n") + 1, len(whole) - 1}
	random := rand.New(rand.NewPCG(6, 6))
	for range 25 {
		cuts = append(cuts, random.IntN(len(whole)))
	}
	for _, cut := range cuts {
		path := journalPath(t)
		if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		if report, got, err := run(t, t.Context(), model, path, options(), passages); err != nil || got != whole {
			t.Fatalf("cut at %d of %d: %+v, %v\n%s", cut, len(whole), report, err, got)
		}
	}
}

// What is interrupted leaves whole rows, in order.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	model, calls := chat(t, time.Minute, right)
	o := options()
	o.Progress = func(r generate.Report) {
		if r.Pairs == 10 {
			interrupt()
		}
	}
	path := journalPath(t)
	report, part, err := run(t, ctx, model, path, o, cities(50))
	if !errors.Is(err, context.Canceled) || report.Pairs < 10 || calls.Load() > 200 || !strings.HasSuffix(part, "\n") {
		t.Errorf("%+v, %v", report, err)
	}
	_, whole, err := run(t, t.Context(), model, path, options(), cities(50))
	if _, straight, _ := run(t, t.Context(), model, journalPath(t), options(), cities(50)); err != nil || whole != straight || !strings.HasPrefix(whole, part) {
		t.Errorf("continued otherwise: %v", err)
	}
}

func TestCached(t *testing.T) {
	memory, err := cache.Open(filepath.Join(t.TempDir(), "cache"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	model, calls := chat(t, time.Minute, right)
	cached := generate.NewCached(model, memory, slog.New(slog.DiscardHandler))
	first, text, err := run(t, t.Context(), cached, journalPath(t), options(), cities(4))
	if err != nil || first.Cached != 0 || first.Requests != int(calls.Load()) {
		t.Errorf("%+v, %v", first, err)
	}
	second, again, err := run(t, t.Context(), cached, journalPath(t), options(), cities(4))
	if err != nil || again != text || second.Cached != first.Requests || second.Requests+second.Tokens != 0 || int(calls.Load()) != first.Requests {
		t.Errorf("%+v, %v after %d calls", second, err, calls.Load())
	}
}

// A third of the passages gets no answer, or none that is of use: the others
// have theirs, the report names those that have not, and a second run makes up
// for them.
func TestMisbehaving(t *testing.T) {
	for name, c := range map[string]struct {
		fault   asking
		failure string
		reason  augment.Reason
	}{
		"dies":       {func(http.ResponseWriter, *http.Request, chatRequest) { panic(http.ErrAbortHandler) }, "closed before an answer", ""},
		"hangs":      {func(_ http.ResponseWriter, r *http.Request, _ chatRequest) { <-r.Context().Done() }, "no complete answer within", ""},
		"refuses":    {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { http.Error(w, key, http.StatusBadRequest) }, "status 400", ""},
		"no JSON":    {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { _, _ = w.Write([]byte("<html>")) }, "unusable reply", ""},
		"no choices": {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { _, _ = w.Write([]byte("{}")) }, "no choices", ""},
		"empty":      {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { answer(w, " \n", "stop") }, "", augment.ReasonEmpty},
		"rubbish":    {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { answer(w, "\x00\xff{}[]?!", "stop") }, "", augment.ReasonEmpty},
		"cut off":    {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) { answer(w, "What is the", "length") }, "", augment.ReasonEmpty},
		"other tongue": {func(w http.ResponseWriter, _ *http.Request, _ chatRequest) {
			answer(w, "Когда был основан этот город?", "stop")
		}, "", augment.ReasonLanguage},
		"echo": {func(w http.ResponseWriter, _ *http.Request, asked chatRequest) {
			answer(w, asked.Messages[0].Content, "stop")
		}, "", augment.ReasonEcho},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			timeout := time.Minute
			if name == "hangs" {
				timeout = 50 * time.Millisecond
			}
			model, _ := chat(t, timeout, func(w http.ResponseWriter, r *http.Request, asked chatRequest) {
				if prompt := asked.Messages[0].Content; !mended.Load() && (strings.HasSuffix(prompt, "1") || strings.HasSuffix(prompt, "4")) {
					c.fault(w, r, asked)
					return
				}
				right(w, r, asked)
			})
			o := options()
			o.Langs = []string{"en"}
			path := journalPath(t)
			report, _, err := run(t, t.Context(), model, path, o, cities(6))
			incomplete, ok := errors.AsType[*generate.IncompleteError](err)
			if !ok || incomplete.Without != 2 || incomplete.Pairs != 6 || (incomplete.Failed == 2) != (c.failure != "") || (incomplete.Cause != nil) != (c.failure != "") {
				t.Fatalf("%+v, %v", report, err)
			}
			var short []string
			for _, s := range report.Short {
				if s.Have == 0 {
					short = append(short, s.DocID)
					if c.failure != "" && !strings.Contains(s.Failure, c.failure) || c.reason != "" && s.Refused[c.reason] == 0 || strings.Contains(s.Failure, key) {
						t.Errorf("%+v", s)
					}
				}
			}
			if report.Passages != 6 || !slices.Equal(short, []string{"d1", "d4"}) || report.Fewer != len(report.Short) || report.Kept < 8 {
				t.Errorf("%+v", report)
			}
			mended.Store(true)
			if report, _, err := run(t, t.Context(), model, path, o, cities(6)); err != nil || report.Kept < 2 || report.Without != 0 {
				t.Errorf("after it was mended: %+v, %v", report, err)
			}
		})
	}
}

// What the endpoint refuses from the start is no matter of passages.
func TestRefusedAtOnce(t *testing.T) {
	model, calls := chat(t, time.Minute, func(w http.ResponseWriter, _ *http.Request, _ chatRequest) {
		http.Error(w, "no access with "+key, http.StatusUnauthorized)
	})
	report, text, err := run(t, t.Context(), model, journalPath(t), options(), cities(500))
	if _, incomplete := errors.AsType[*generate.IncompleteError](err); err == nil || incomplete || calls.Load() > 8 || text != "" || report.Kept != 0 {
		t.Errorf("%+v, %v after %d calls", report, err, calls.Load())
	}
	if !strings.Contains(err.Error(), "GENERATE_API_KEY") || strings.Contains(err.Error(), key) {
		t.Error(err)
	}
}

// An endpoint that dies and stays dead does not keep a run for long.
func TestGone(t *testing.T) {
	var left atomic.Int64
	left.Store(20)
	model, calls := chat(t, time.Minute, func(w http.ResponseWriter, r *http.Request, asked chatRequest) {
		if left.Add(-1) < 0 {
			panic(http.ErrAbortHandler)
		}
		right(w, r, asked)
	})
	o := options()
	o.Langs, o.PerLang = []string{"en"}, 1
	report, text, err := run(t, t.Context(), model, journalPath(t), o, cities(5000))
	incomplete, ok := errors.AsType[*generate.IncompleteError](err)
	if !ok || incomplete.Cause == nil || report.Kept != 20 || strings.Count(text, "\n") != 20 || calls.Load() > 1200 || len(report.Short) > 1000 {
		t.Errorf("%d of %d pairs, %v after %d calls", report.Kept, report.Pairs, err, calls.Load())
	}
}

// ranks is a retriever that knows some queries.
type ranks func(augment.Query) (int, error)

func (r ranks) Rank(_ context.Context, q augment.Query) (int, error) { return r(q) }

func TestRoundTrip(t *testing.T) {
	model, _ := chat(t, time.Minute, right)
	o := options()
	o.Langs, o.TopK = []string{"en"}, 2
	broken := errors.New("no index")
	o.Retriever = ranks(func(q augment.Query) (int, error) {
		switch q.DocID {
		case "d0":
			return 2, nil
		case "d1":
			return 3, nil
		case "d2":
			return 0, nil
		}
		return 0, broken
	})
	report, _, err := run(t, t.Context(), model, journalPath(t), o, cities(4))
	if _, ok := errors.AsType[*generate.IncompleteError](err); !ok || !errors.Is(err, broken) || report.Without != 3 || report.Failed != 1 ||
		report.Kept == 0 || report.Refused[augment.ReasonRoundTrip] < 4 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestChunks(t *testing.T) {
	model, _ := chat(t, time.Minute, right)
	o := options()
	o.Langs = []string{"en"}
	path := journalPath(t)
	parts := []corpus.Passage{
		{DocID: "d", Lang: "en", Text: "Its number is 1", Chunk: 0, Chunks: 2}, {DocID: "d", Lang: "en", Text: "Its number is 2", Chunk: 1, Chunks: 2},
	}
	if _, _, err := run(t, t.Context(), model, path, o, parts); err != nil {
		t.Fatal(err)
	}
	rows, err := augment.ReadFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	bank := augment.NewBank(rows)
	for chunk, about := range []string{"city 1?", "city 2?"} {
		of := bank.Of("d", chunk)
		if len(of) < 2 || slices.ContainsFunc(of, func(q augment.Query) bool { return !strings.HasSuffix(q.Text, about) }) {
			t.Errorf("chunk %d: %+v", chunk, of)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	model, calls := chat(t, time.Minute, right)
	for want, change := range map[string]func(*generate.Options){
		"no language is named":    func(o *generate.Options) { o.Langs = nil },
		"is not a language tag":   func(o *generate.Options) { o.Langs = []string{"xx-"} },
		`"en" stands twice`:       func(o *generate.Options) { o.Langs = []string{"en", "en"} },
		`is spelled "zh"`:         func(o *generate.Options) { o.Langs = []string{"cmn"} },
		"0 a language":            func(o *generate.Options) { o.PerLang = 0 },
		"0 at a time":             func(o *generate.Options) { o.Concurrency = 0 },
		"top 0 of the round trip": func(o *generate.Options) { o.Retriever = ranks(nil) },
	} {
		o := options()
		change(&o)
		if _, text, err := run(t, t.Context(), model, journalPath(t), o, cities(1)); err == nil || !strings.Contains(err.Error(), want) || text != "" {
			t.Errorf("%v, want %q", err, want)
		}
	}
	path := journalPath(t)
	o := options()
	if _, _, err := run(t, t.Context(), model, path, o, cities(1)); err != nil {
		t.Fatal(err)
	}
	before := calls.Load()
	own, err := augment.ParsePrompt("{passage} {language}?")
	if err != nil {
		t.Fatal(err)
	}
	o.Prompt = own
	if _, _, err := run(t, t.Context(), model, path, o, cities(1)); err == nil || !strings.Contains(err.Error(), "row 1 is from prompt") {
		t.Errorf("another prompt: %v", err)
	}
	other, err := generate.NewChat(generate.ChatConfig{BaseURL: "http://127.0.0.1:1/v1", Model: "huge", Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, t.Context(), other, path, options(), cities(1)); err == nil || !strings.Contains(err.Error(), `from model "tiny"`) {
		t.Errorf("another model: %v", err)
	}
	broken := errors.New("cannot read on")
	journal := open(t, journalPath(t))
	t.Cleanup(func() { _ = journal.Close() })
	if _, err := generate.Run(t.Context(), model, journal, options(), func(yield func(corpus.Passage, error) bool) { yield(corpus.Passage{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("passages that end in an error: %v", err)
	}
	if calls.Load() != before {
		t.Errorf("%d requests", calls.Load()-before)
	}
}
