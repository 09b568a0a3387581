package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/mteb"
	"github.com/query-synergy/query-synergy/internal/evalsuite/trec"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// runDepth is how many documents of a question a run file holds.
const runDepth = 100

// writeRuns writes the rankings of Table as run files, DATASET.LANG.METHOD.run,
// and the judgements as DATASET.LANG.qrels.
func (b *bench) writeRuns(ctx context.Context, dir string) error {
	methods := []evalsuite.Method{evalsuite.SourceOnly, evalsuite.AnchorOnly, evalsuite.QuerySynergy}
	for _, language := range b.spec.Langs {
		p := evalsuite.Pairing{Lang: language, AnchorLang: b.anchors, Translator: evalsuite.Human}
		runs, err := b.ranker.Runs(ctx, p, []float64{1, 0, b.spec.Lambda(language)}, runDepth)
		if err != nil {
			return err
		}
		qrels, err := b.ranker.Qrels(ctx, p)
		if err != nil {
			return err
		}
		stem := filepath.Join(dir, b.spec.Dataset+"."+language)
		if err := writeFile(stem+".qrels", func(w io.Writer) error { return trec.WriteQrels(w, qrels) }); err != nil {
			return err
		}
		for i, method := range methods {
			err := writeFile(fmt.Sprintf("%s.%s.run", stem, method), func(w io.Writer) error {
				return trec.WriteRun(w, runs[i], string(method))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// writeFile writes a file, and the folders that it lies in.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

type compareCommand struct {
	Qrels   string            `required:"" placeholder:"FILE" help:"Judgements in TREC's format."`
	Runs    []string          `arg:"" name:"run" help:"TREC run files. The others are compared with the first."`
	Metrics []metrics.Measure `default:"ndcg@10,mrr@10,recall@100" placeholder:"NAME@K" help:"Measures (default: ${default}); there are ndcg@k, mrr@k, map, recall@k, success@k."`
	output
}

// Run compares run files. Equal scores rank as trec_eval has them.
func (c *compareCommand) Run(streams cli.Streams) error {
	qrels, err := readFile(c.Qrels, trec.ReadQrels)
	if err != nil {
		return err
	}
	var runs []evalsuite.NamedRun
	for _, path := range c.Runs {
		run, err := readFile(path, trec.ReadRun)
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		runs = append(runs, evalsuite.NamedRun{Name: strings.TrimSuffix(name, filepath.Ext(name)), Run: run})
	}
	result, err := evalsuite.CompareRuns(filepath.Base(c.Qrels), qrels, runs, c.Metrics)
	if err != nil {
		return err
	}
	return c.print(streams, c.Metrics, result)
}

func readFile[T any](path string, read func(r io.Reader, name string) (T, error)) (T, error) {
	f, err := os.Open(path)
	if err != nil {
		var none T
		return none, err
	}
	defer f.Close()
	return read(f, path)
}

// mtebTasks are the names and splits of the datasets that MTEB has.
var mtebTasks = map[string]struct{ task, split string }{
	"xquad":    {"XQuADRetrieval", "validation"},
	"belebele": {"BelebeleRetrieval", "test"},
}

// writeMTEB writes a result file for each method of a table:
// METHOD/TASK.json. The revision is the digest of the data's files.
func (b *bench) writeMTEB(dir string, result *evalsuite.Result) error {
	named, ok := mtebTasks[b.spec.Dataset]
	if !ok {
		named.task, named.split = b.spec.Dataset, "test"
	}
	byMethod := map[evalsuite.Method]*mteb.Result{}
	for _, row := range result.Rows {
		r := byMethod[row.Method]
		if r == nil {
			r = &mteb.Result{Task: named.task, Split: named.split, Revision: b.digest(), Main: b.spec.Measures[0]}
			byMethod[row.Method] = r
		}
		code, err := lang.ISO3Script(row.Lang)
		if err != nil {
			return err
		}
		r.Scores = append(r.Scores, mteb.Score{Subset: row.Lang, Languages: []string{code}, Means: row.Metrics})
	}
	for method, r := range byMethod {
		path := filepath.Join(dir, string(method), r.Task+".json")
		if err := writeFile(path, func(w io.Writer) error { return mteb.Write(w, *r) }); err != nil {
			return err
		}
	}
	return nil
}

// digest names the content of the data's files.
func (b *bench) digest() string {
	sum := sha256.New()
	for _, set := range b.sets {
		for _, file := range set.Files {
			_, _ = io.WriteString(sum, file.SHA256) // a hash takes everything
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
