// Command evaluate measures whether an anchor helps a corpus.
//
//	evaluate table --dataset sample --data DIR --langs TAG,TAG...
package main

import (
	"context"
	"os"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
)

const name = "evaluate"

func main() { os.Exit(cli.Main(name, run)) }

const description = `Measure whether an anchor helps: the experiments of the Query-Synergy paper
on an indexed corpus whose questions are judged and parallel across languages.

Example:
  evaluate table --dataset sample --data sample --langs ar,zh,el,th,tr`

type grammar struct {
	Table tableCommand `cmd:"" help:"Compare source only, anchor only and Query-Synergy in each language."`
}

func run(ctx context.Context, args []string, streams cli.Streams) error {
	var g grammar
	vars := config.HelpVars()
	vars["datasets"] = strings.Join(evalsuite.Datasets(), ", ")
	command, err := cli.Parse(cli.App{Name: name, Description: description, Vars: vars}, &g, args, streams)
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(streams)
}
