package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/query-synergy/query-synergy/internal/augment"
	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// augmentFlags say what passages know of generated queries.
type augmentFlags struct {
	Augment       []string `and:"augmented" placeholder:"FILE" help:"Have passages know the queries that they answer, from these files (indexer generate writes one)."`
	Alpha         *float64 `and:"augmented" placeholder:"F" help:"Weight of each generated query beside its passage, from 0, which is the plain index, to 1; a small one such as 0.02 with blend, 0.15 with multi."`
	Mode          string   `enum:"blend,multi" default:"blend" help:"With --augment: blend is one vector a passage, with all its queries in it; multi a vector for each query, of which the best counts (default: ${default})."`
	Distance      string   `enum:"cosine,dot" default:"cosine" help:"With --augment: cosine scales the vectors to unit length; dot leaves them as long as they get, as published (default: ${default})."`
	Hub           float64  `placeholder:"B" help:"With --augment: lower each passage's score by so many times its mean similarity to the queries generated for others, such as 0.2 (default: 0)."`
	HubNeighbours int      `placeholder:"K" help:"With --hub: take the K queries nearest to the passage instead of all."`
	HubLang       string   `default:"en" placeholder:"TAG" help:"With --hub: take the queries in this language, that of the anchors, if there are any in it (default: ${default})."`
}

// checkAugment checks the flags for input files.
func (f *augmentFlags) checkAugment(files []string) error {
	if f.Alpha == nil {
		if f.Mode != "blend" || f.Distance != "cosine" || f.Hub != 0 || f.HubNeighbours != 0 {
			return errors.New("--mode, --distance and --hub say how --augment is done, which is not given")
		}
		return nil
	}
	var faults []error
	if !(*f.Alpha >= 0 && *f.Alpha <= 1) {
		faults = append(faults, fmt.Errorf("--alpha: %v: want 0 to 1", *f.Alpha))
	}
	if !(f.Hub >= 0 && f.Hub <= qdrant.MaxHubWeight) {
		faults = append(faults, fmt.Errorf("--hub: %v: want 0 to %d", f.Hub, qdrant.MaxHubWeight))
	}
	if f.HubNeighbours < 0 {
		faults = append(faults, fmt.Errorf("--hub-neighbours: %d: want 1 or more", f.HubNeighbours))
	}
	if f.Hub == 0 && f.HubNeighbours != 0 {
		faults = append(faults, errors.New("--hub-neighbours says how --hub is computed, which is not given"))
	}
	if tag, err := lang.Parse(f.HubLang); err != nil {
		faults = append(faults, fmt.Errorf("--hub-lang: %w", err))
	} else {
		f.HubLang = tag
	}
	if i := slices.IndexFunc(files, readableOnce); i >= 0 {
		faults = append(faults, fmt.Errorf("--augment: the documents are read twice, which %s cannot be: save it in a file", shownInput(files[i])))
	}
	return errors.Join(faults...)
}

// readableOnce says whether an input is a stream, such as standard input.
func readableOnce(path string) bool {
	if path == "-" {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

func shownInput(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// augmentation reads the generated queries. Queries of documents that the input
// lacks are told of on stderr.
func (c *indexCommand) augmentation(ctx context.Context, read corpus.Options, stderr io.Writer) (*ingest.Augment, error) {
	if c.OnError == "skip" {
		read.OnSkip = func(error) {} // indexing tells
	}
	var docIDs []string
	known := map[string]bool{}
	for doc, err := range corpus.Read(ctx, read, c.Files...) {
		if err != nil {
			return nil, explain(err)
		}
		docIDs = append(docIDs, doc.ID)
		known[doc.ID] = true
	}
	if len(docIDs) == 0 {
		return nil, errNoDocuments
	}
	a := &ingest.Augment{
		Alpha: *c.Alpha, Mode: augment.Mode(c.Mode), Unscaled: c.Distance == qdrant.DistanceDot,
		Hub: c.Hub, Neighbours: c.HubNeighbours, HubLang: c.HubLang,
	}
	for _, path := range c.Augment {
		queries, err := augment.ReadFile(path, docIDs)
		if err != nil {
			return nil, err
		}
		a.Queries = append(a.Queries, queries...)
	}
	strangers := 0
	for _, q := range a.Queries {
		if !known[q.DocID] {
			strangers++
		}
	}
	switch {
	case strangers == len(a.Queries):
		return nil, cli.WithHint(errors.New("no generated query is of a document of the input"),
			"check that --augment and the documents belong together")
	case strangers > 0:
		fmt.Fprintf(stderr, "%s: %d of %d generated queries are of documents that the input lacks, and count as queries of others only\n",
			name, strangers, len(a.Queries))
	}
	return a, nil
}
