// Command evaluate measures whether an anchor helps, with which λ, anchor
// language and translator: the experiments of the Query-Synergy paper on any
// model and any data.
//
//	evaluate sweep --dataset xquad --data DIR --langs TAG,TAG...
package main

import (
	"context"
	"os"
	"strings"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
)

const name = "evaluate"

func main() { os.Exit(cli.Main(name, run)) }

const description = `Measure whether an anchor helps: the experiments of the Query-Synergy paper, on
judged questions that are parallel across languages, with any embedding model.

Example:
  evaluate table --dataset sample --data sample --langs ar,zh,el,th,tr`

type grammar struct {
	Table       tableCommand       `cmd:"" help:"Compare source only, anchor only and Query-Synergy in each language."`
	Sweep       sweepCommand       `cmd:"" help:"Measure Query-Synergy at every lambda."`
	Matrix      matrixCommand      `cmd:"" help:"Compare anchor languages."`
	Translators translatorsCommand `cmd:"" help:"Compare the anchors of people and of translators."`
	Methods     methodsCommand     `cmd:"" help:"Compare with the rank and score fusions of other systems."`
	Tune        tuneCommand        `cmd:"" help:"Find lambda for each language, judged on questions it was not chosen by."`
	Trust       trustCommand       `cmd:"" help:"Find how far each translator can be trusted in each language, judged likewise."`
	Augment     augmentCommand     `cmd:"" help:"Measure passages that know the queries generated for them."`
	Compare     compareCommand     `cmd:"" help:"Compare TREC run files."`
	Score       scoreCommand       `cmd:"" help:"Score runs on XOR-TyDi by the answers in their passages."`
	Report      reportCommand      `cmd:"" help:"Run every experiment and write one HTML file."`
	Fetch       fetchCommand       `cmd:"" help:"Download a dataset."`
}

func run(ctx context.Context, args []string, streams cli.Streams) error {
	var g grammar
	vars := config.HelpVars()
	vars["datasets"], vars["downloadable"] = strings.Join(dataset.Names(), ", "), downloadable()
	command, err := cli.Parse(cli.App{Name: name, Description: description, Vars: vars}, &g, args, streams)
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(streams)
}
