// Command indexer puts documents into the vector store, one index a language.
//
//	indexer --corpus NAME --lang TAG [--format FORMAT] [--rebuild] FILE...
//	indexer sync --corpus NAME --lang TAG [--format FORMAT] FILE...
//	indexer verify --corpus NAME --lang TAG [--format FORMAT] FILE...
//	indexer copy --corpus NAME --lang TAG [--from PLACE] --to PLACE
//	indexer rollback --corpus NAME --lang TAG [--to N]
//	indexer prune --corpus NAME --lang TAG [--keep N]
//	indexer generate --out FILE --langs TAG,... [-n N] [--format FORMAT] FILE...
//	indexer status
//	indexer delete --corpus NAME --lang TAG
package main

import (
	"context"
	"os"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/corpus"
)

const name = "indexer"

func main() { os.Exit(cli.Main(name, run)) }

const description = `Put documents into the vector store, one index a language.

The store is embedded (a folder, no server) unless QDRANT_URL names a Qdrant
server. Indexing again embeds and writes only what is new or changed. The flags
of indexing are listed by indexer index --help.

Example:
  indexer --corpus docs --lang th docs.th.jsonl.gz`

// grammar is the command line. Indexing is the default command.
type grammar struct {
	Index    buildCommand    `cmd:"" default:"withargs" help:"Index documents (the default command)."`
	Sync     syncCommand     `cmd:"" help:"Make an index hold what the files do: write what is new or changed, delete what vanished."`
	Verify   verifyCommand   `cmd:"" help:"Compare an index with its files, and say what is missing, extra or stale."`
	Copy     copyCommand     `cmd:"" help:"Copy an index with its vectors to another store or to a file, or from there."`
	Rollback rollbackCommand `cmd:"" help:"Go back to an earlier version of an index, which a rebuild left."`
	Prune    pruneCommand    `cmd:"" help:"Delete the versions of an index that are not in use."`
	Generate generateCommand `cmd:"" help:"Have a chat model write the queries that passages answer, for --augment."`
	Status   statusCommand   `cmd:"" help:"List corpora, languages, counts and models."`
	Delete   deleteCommand   `cmd:"" help:"Delete an index."`
}

func run(ctx context.Context, args []string, streams cli.Streams) error {
	var g grammar
	vars := config.HelpVars()
	vars["formats"] = formats()
	vars["chunk_runes"] = strconv.Itoa(corpus.DefaultChunking.MaxRunes)
	vars["overlap_runes"] = strconv.Itoa(corpus.DefaultChunking.OverlapRunes)
	command, err := cli.Parse(cli.App{Name: name, Description: description, Vars: vars}, &g, args, streams)
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(streams)
}

// formats lists the forms of input, for kong.
func formats() string {
	names := make([]string, len(corpus.Formats()))
	for i, f := range corpus.Formats() {
		names[i] = string(f)
	}
	return strings.Join(names, ",")
}
