package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
	"github.com/query-synergy/query-synergy/internal/upkeep"
)

type verifyCommand struct {
	keyFlags
	Format  string   `default:"jsonl" enum:"${formats}" placeholder:"FORM" help:"Form of the files: ${enum} (default: ${default}). Gzip is recognised."`
	OnError string   `default:"fail" enum:"fail, skip" placeholder:"WHAT" help:"What a bad record does: ${enum} (default: ${default}). With skip, the exit code is 3 where any was skipped and nothing differs."`
	JSON    bool     `name:"json" help:"Print one JSON object, with the ids of all documents that differ."`
	Files   []string `arg:"" name:"file" help:"Files to read, folders for beir, - for standard input."`
	config.StoreFlags
}

// keyFlags name one index.
type keyFlags struct {
	Corpus string `required:"" placeholder:"NAME" help:"Name of the corpus."`
	Lang   string `required:"" placeholder:"TAG" help:"Language of the index."`
}

func (f keyFlags) key() (qdrant.Key, error) {
	tag, err := lang.Parse(f.Lang)
	if err != nil {
		return qdrant.Key{}, fmt.Errorf("--lang: %w", err)
	}
	key := qdrant.Key{Corpus: f.Corpus, Lang: tag}
	return key, key.Validate()
}

// errDiffer is what verify ends with where it found differences.
var errDiffer = errors.New("the index and the source differ")

// Run compares an index with its source. How the documents were cut is asked of
// the index.
func (c *verifyCommand) Run(ctx context.Context, streams cli.Streams) (err error) {
	settings, err := config.Load(config.Environ(), c.StoreFlags)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	key, err := c.key()
	format, formatErr := corpus.ParseFormat(c.Format)
	if err := errors.Join(err, formatErr); err != nil {
		return cli.UsageError{Err: err}
	}
	store, err := setup.OpenStore(ctx, settings.Qdrant, embedded.ReadOnly, setup.Logger(streams.Stderr, false))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	read := corpus.Options{Format: format, Lang: key.Lang}
	if slices.Contains(c.Files, "-") {
		read.Stdin = interruptible(ctx, streams.Stdin)
	}
	skipped := 0
	if c.OnError == "skip" {
		read.OnSkip = func(err error) {
			skipped++
			fmt.Fprintf(streams.Stderr, "%s: skipped: %s\n", name, cli.Clean(err.Error()))
		}
	}
	v, err := upkeep.Verify(ctx, store, key, corpus.Read(ctx, read, c.Files...))
	if err != nil {
		if _, bad := errors.AsType[*corpus.RecordError](err); bad {
			err = cli.WithHint(err, "mend the record, or pass --on-error skip, if it was skipped when the index was made")
		}
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	out := bufio.NewWriter(streams.Stdout)
	if c.JSON {
		err = writeVerification(ctx, out, v, skipped)
	} else {
		err = printVerification(ctx, out, v)
	}
	switch err = errors.Join(err, out.Flush()); {
	case err != nil:
		return err
	case !v.Agree():
		return cli.WithHint(errDiffer, "indexer sync brings the index into line")
	case skipped > 0:
		return cli.PartialError{Err: fmt.Errorf("%d of %d records were skipped", skipped, skipped+v.Documents)}
	default:
		return nil
	}
}

// shownDifferences bounds what is printed for people.
const shownDifferences = 50

func printVerification(ctx context.Context, out io.Writer, v *upkeep.Verification) error {
	if v.Agree() {
		fmt.Fprintf(out, "%s: %s in %s, as in the source\n", v.Collection.Key, counted(v.Documents, "document"), counted(v.Passages, "passage"))
		return nil
	}
	fmt.Fprintf(out, "%s: %s in the source, %d in the index: %d missing, %d extra, %d stale\n", v.Collection.Key,
		counted(v.Documents, "document"), v.Indexed, v.Missing, v.Extra, v.Stale)
	n := 0
	for d, err := range v.Differences(ctx) {
		if err != nil {
			return err
		}
		if n++; n > shownDifferences {
			_, err := fmt.Fprintf(out, "and %d more; --json lists all\n", v.Missing+v.Extra+v.Stale-shownDifferences)
			return err
		}
		fmt.Fprintf(out, "%-8s %s%s\n", d.State, cli.Clean(d.DocID), detail(d))
	}
	return nil
}

// detail says what is wrong with a stale document.
func detail(d upkeep.Difference) string {
	if d.State != upkeep.Stale {
		return ""
	}
	text := fmt.Sprintf(" (%d of %s missing or of another content", d.Wrong, counted(d.Source, "passage"))
	if n := len(d.Surplus); n > 0 {
		text += fmt.Sprintf(", %d left over", n)
	}
	return text + ")"
}

// writeVerification writes the JSON object piece by piece: the lists are as long
// as they are.
func writeVerification(ctx context.Context, out io.Writer, v *upkeep.Verification, skipped int) error {
	head, err := json.Marshal(struct {
		Version    int    `json:"version"`
		Corpus     string `json:"corpus"`
		Lang       string `json:"lang"`
		Collection string `json:"collection"`
		Agree      bool   `json:"agree"`
		Documents  int    `json:"documents"`
		Passages   int    `json:"passages"`
		Indexed    int    `json:"indexed_documents"`
		Stored     int    `json:"indexed_passages"`
		Skipped    int    `json:"skipped"`
	}{1, v.Collection.Key.Corpus, v.Collection.Key.Lang, v.Collection.Name, v.Agree(), v.Documents, v.Passages, v.Indexed, v.Stored, skipped})
	if err != nil {
		return err
	}
	if _, err := out.Write(head[:len(head)-1]); err != nil {
		return err
	}
	for _, state := range []upkeep.State{upkeep.Missing, upkeep.Extra, upkeep.Stale} {
		fmt.Fprintf(out, ",%q:[", state)
		separator := ""
		for d, err := range v.Differences(ctx, state) {
			if err != nil {
				return err
			}
			id, err := json.Marshal(d.DocID)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s%s", separator, id)
			separator = ","
		}
		fmt.Fprint(out, "]")
	}
	_, err = fmt.Fprintln(out, "}")
	return err
}
