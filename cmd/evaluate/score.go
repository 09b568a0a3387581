package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/answers"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/published"
	"github.com/query-synergy/query-synergy/internal/evalsuite/trec"
	"github.com/query-synergy/query-synergy/internal/evalsuite/xortydi"
	"github.com/query-synergy/query-synergy/internal/lang"
)

type scoreCommand struct {
	Questions   string            `required:"" placeholder:"FILE" help:"Questions with their answers, as XOR-TyDi has them: JSON Lines with id, lang, question and answers."`
	Passages    string            `placeholder:"FILE" help:"Passages that runs name by id: tab-separated id, text and title, as DPR has them, plain or gzipped."`
	Langs       []string          `placeholder:"TAG" help:"Languages of the questions (default: all)."`
	Metrics     []metrics.Measure `default:"r@2kt,r@5kt" placeholder:"r@Nkt" help:"Budgets: an answer within the first N thousand tokens (default: ${default})."`
	SkipMissing bool              `help:"Leave out questions that a run has nothing for, as the official script does, instead of counting them as not found; of several runs, those that any has nothing for."`
	Runs        []string          `arg:"" name:"run" help:"What was retrieved: a prediction file of XOR-Retrieve (JSON), a TREC run, or Tevatron's question, passage and score with tabs between. The others are compared with the first."`
	output
}

// scoredRun is a run while it is scored.
type scoredRun struct {
	name, path string
	// ranking has the passages of each question, best first; nil for a prediction
	// file, which holds their texts.
	ranking map[string][]string
	found   map[string][]bool // by question, within each budget; none where nothing was retrieved
}

// Run scores runs by the answers in their passages.
func (c *scoreCommand) Run(ctx context.Context, streams cli.Streams) error {
	budgets, langs, err := c.check()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	questions, err := readFile(c.Questions, xortydi.ReadQuestions)
	if err != nil {
		return err
	}
	asked := map[string]xortydi.Question{}
	for _, q := range questions {
		if (len(langs) == 0 || slices.Contains(langs, q.Lang)) && len(answers.Spans(q.Answers)) > 0 {
			asked[q.ID] = q
		}
	}
	var runs []*scoredRun
	for _, path := range c.Runs {
		run, err := openRun(ctx, path, asked, budgets)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(runs, func(r *scoredRun) bool { return r.name == run.name }) {
			run.name = path
		}
		runs = append(runs, run)
	}
	if err := c.readPassages(ctx, runs, asked, budgets); err != nil {
		return err
	}
	result, err := evalsuite.CompareAnswered(filepath.Base(c.Questions), languagesAsked(questions), c.answered(streams, runs, questions, asked))
	if err != nil {
		return err
	}
	return c.printScores(streams, result)
}

// check returns the budgets in tokens, and the languages.
func (c *scoreCommand) check() (budgets []int, langs []string, err error) {
	for _, m := range c.Metrics {
		if m.Kind != metrics.AnswerRecall {
			return nil, nil, fmt.Errorf("--metrics: %s takes judgements, which are for compare; want r@2kt and the like", m)
		}
		budgets = append(budgets, m.K)
	}
	langs, err = parseTags("--langs", c.Langs)
	return budgets, langs, err
}

// openRun reads a run, and scores it if it brings its texts.
func openRun(ctx context.Context, path string, asked map[string]xortydi.Question, budgets []int) (*scoredRun, error) {
	name := filepath.Base(path)
	run := &scoredRun{name: strings.TrimSuffix(name, filepath.Ext(name)), path: path, found: map[string][]bool{}}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	head, _ := in.Peek(1 << 12) // an error shows again when it is read
	line, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	switch {
	case bytes.HasPrefix(line, []byte("[")) || bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return run, run.predictions(ctx, in, asked, budgets)
	case len(strings.Fields(string(line))) == 3:
		run.ranking, err = xortydi.ReadRanking(in, path)
	default:
		run.ranking = map[string][]string{}
		var scored metrics.Run
		scored, err = trec.ReadRun(in, path)
		for id, documents := range scored {
			for _, d := range documents {
				run.ranking[id] = append(run.ranking[id], d.DocID)
			}
		}
	}
	return run, err
}

// predictions scores a prediction file, one question at a time.
func (r *scoredRun) predictions(ctx context.Context, in io.Reader, asked map[string]xortydi.Question, budgets []int) error {
	for p, err := range xortydi.Predictions(in, r.path) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		q, ok := asked[p.ID]
		if !ok {
			continue
		}
		if lang.Base(p.Lang) != lang.Base(q.Lang) {
			return fmt.Errorf("%s:%d: question %.120q is in %q here, and in %q among the questions", r.path, p.Line, p.ID, p.Lang, q.Lang)
		}
		r.found[p.ID] = answers.Found(tokenized(p.Contexts), q.Answers, budgets...)
	}
	return nil
}

// tokenized tokenizes texts as they are asked for.
func tokenized(texts []string) iter.Seq[answers.Passage] {
	return func(yield func(answers.Passage) bool) {
		for _, text := range texts {
			if !yield(answers.Tokenize(text)) {
				return
			}
		}
	}
}

// readPassages reads the passages that rankings name, and scores these.
func (c *scoreCommand) readPassages(ctx context.Context, runs []*scoredRun, asked map[string]xortydi.Question, budgets []int) error {
	texts := map[string]*string{}
	for _, r := range runs {
		for id, passages := range r.ranking {
			if _, ok := asked[id]; ok {
				for _, passage := range passages {
					texts[passage] = nil
				}
			}
		}
	}
	if len(texts) == 0 {
		return nil
	}
	if c.Passages == "" {
		return cli.UsageError{Err: errors.New("a run names passages by id: give their texts with --passages")}
	}
	f, err := os.Open(c.Passages)
	if err != nil {
		return err
	}
	defer f.Close()
	missing := len(texts)
	for p, err := range xortydi.Passages(f, c.Passages) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		known, wanted := texts[p.ID]
		switch {
		case !wanted:
			continue
		case known != nil:
			return fmt.Errorf("%s: passage %.120q stands there twice", c.Passages, p.ID)
		}
		text := strings.Clone(p.Text) // and not the line that it is part of
		texts[p.ID] = &text
		missing--
	}
	for _, r := range runs {
		for id, q := range asked {
			ranked, ok := r.ranking[id]
			if !ok {
				continue
			}
			var found []string
			for _, passage := range ranked {
				if texts[passage] == nil {
					return fmt.Errorf("%s: passage %.120q, retrieved for question %.120q, is not in %s; %d passages are not there in all", r.path, passage, id, c.Passages, missing)
				}
				found = append(found, *texts[passage])
			}
			r.found[id] = answers.Found(tokenized(found), q.Answers, budgets...)
		}
	}
	return nil
}

// answered puts what was found in order, by language and question.
func (c *scoreCommand) answered(streams cli.Streams, runs []*scoredRun, questions []xortydi.Question, asked map[string]xortydi.Question) []evalsuite.Answered {
	skipped := map[string]bool{}
	for _, r := range runs {
		missing := 0
		for id := range asked {
			if _, ok := r.found[id]; !ok {
				skipped[id] = c.SkipMissing
				missing++
			}
		}
		if missing == 0 {
			continue
		}
		fate := "count as not found, where the official script leaves them out (--skip-missing)"
		if c.SkipMissing {
			fate = "are left out"
		}
		_, _ = fmt.Fprintf(streams.Stderr, "%s: %s has nothing for %d of %d questions, which %s\n", name, cli.Clean(r.path), missing, len(asked), fate)
	}
	ordered := slices.SortedFunc(slices.Values(questions), func(a, b xortydi.Question) int { return strings.Compare(a.ID, b.ID) })
	var all []evalsuite.Answered
	for _, r := range runs {
		run := evalsuite.Answered{Name: r.name, Found: map[string]*metrics.Evaluation{}}
		for _, q := range ordered {
			if _, ok := asked[q.ID]; !ok || skipped[q.ID] {
				continue
			}
			e := run.Found[q.Lang]
			if e == nil {
				e = &metrics.Evaluation{Measures: c.Metrics, Values: make([][]float64, len(c.Metrics))}
				run.Found[q.Lang] = e
			}
			e.Queries = append(e.Queries, q.ID)
			for m := range c.Metrics {
				value := 0.0
				if found := r.found[q.ID]; found != nil && found[m] {
					value = 1
				}
				e.Values[m] = append(e.Values[m], value)
			}
		}
		all = append(all, run)
	}
	return all
}

// languagesAsked returns the languages of the questions, in alphabetical order.
func languagesAsked(questions []xortydi.Question) []string {
	var langs []string
	for _, q := range questions {
		if !slices.Contains(langs, q.Lang) {
			langs = append(langs, q.Lang)
		}
	}
	slices.Sort(langs)
	return langs
}

// printed is a figure of a paper as it stands beside ours.
type printed struct {
	Paper  string  `json:"paper"`
	Item   string  `json:"item"`
	Model  string  `json:"model"`
	Method string  `json:"method"`
	Lang   string  `json:"lang"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"` // ×100, as printed
}

// beside returns the figures printed for the measures asked for.
func (c *scoreCommand) beside() []printed {
	var all []printed
	paper := published.XQG()
	for _, item := range paper.Items {
		for _, cell := range item.Cells {
			if slices.ContainsFunc(c.Metrics, func(m metrics.Measure) bool { return m.String() == cell.Measure }) {
				all = append(all, printed{paper.ID, item.Name, cell.Model, cell.Method, cell.Lang, cell.Measure, cell.Value})
			}
		}
	}
	return all
}

func (c *scoreCommand) printScores(streams cli.Streams, result *evalsuite.Result) error {
	beside := c.beside()
	switch {
	case c.JSON:
		return json.NewEncoder(streams.Stdout).Encode(struct {
			jsonRows
			Published []printed `json:"published"`
		}{rowsOf(result), append([]printed{}, beside...)})
	case c.CSV:
		return c.print(streams, c.Metrics, result)
	}
	if err := c.printAgainst(streams, "the first run", c.Metrics, result); err != nil || len(beside) == 0 {
		return err
	}
	columns := []cli.Column{{Title: "as printed"}}
	var langs []string
	var names []string
	cells := map[string][]string{}
	for _, p := range beside {
		if !slices.Contains(langs, p.Lang) {
			langs = append(langs, p.Lang)
			columns = append(columns, cli.Column{Title: p.Lang, Right: true})
		}
	}
	for _, p := range beside {
		key := p.Metric + ", " + p.Model + ", " + p.Method
		if cells[key] == nil {
			names = append(names, key)
			cells[key] = make([]string, 1+len(langs))
			cells[key][0] = key
		}
		cells[key][1+slices.Index(langs, p.Lang)] = strconv.FormatFloat(p.Value, 'f', 2, 64)
	}
	var rows [][]string
	for _, key := range names {
		rows = append(rows, cells[key])
	}
	if _, err := fmt.Fprintln(streams.Stdout); err != nil {
		return err
	}
	if err := streams.Table(columns, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(streams.Stdout, "\nPrinted by %s for XOR-TyDi's development set, with another model: to be set beside, not compared.\n", beside[0].Paper)
	return err
}
