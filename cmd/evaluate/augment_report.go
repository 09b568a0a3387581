package main

import (
	"context"

	"github.com/query-synergy/query-synergy/internal/cli"
	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
	"github.com/query-synergy/query-synergy/internal/lab"
)

// reportAlphas are those of the report's sweep: a translation takes larger ones
// than queries do.
var reportAlphas = []float64{0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5}

// report runs the experiments of a report on passages that know texts: the blend
// of all texts, generated queries as vectors of their own, and passages in the
// anchors' language.
func (c *augmentCommand) report(ctx context.Context, streams cli.Streams, b *bench, translated [][]string, into *report.Augmentation) error {
	c.Mode = string(evalsuite.Blend)
	all, err := c.augmentations(ctx, streams, b, "", translated)
	if err != nil {
		return err
	}
	if into.Sweep, err = b.augmentSweep(ctx, streams, all); err != nil {
		return err
	}
	if into.Blend, err = b.augmentTune(ctx, streams, b.spec, all...); err != nil || len(c.Generated) == 0 {
		return err
	}
	multi := all[0]
	multi.Mode = evalsuite.Multi
	if into.Multi, err = b.augmentTune(ctx, streams, b.spec, multi); err != nil {
		return err
	}
	across, spec := all[0], b.spec
	across.Documents, spec.PassagesLang = b.anchors, b.anchors
	if err := b.embed(ctx, streams, b.anchors); err != nil {
		return err
	}
	into.Across, err = b.augmentTune(ctx, streams, spec, across)
	return err
}

func (b *bench) augmentRankers(ctx context.Context, streams cli.Streams, all []lab.Augmentation) ([]evalsuite.AugmentedRanker, error) {
	rankers := make([]evalsuite.AugmentedRanker, len(all))
	for i, with := range all {
		if err := b.embedTexts(ctx, streams, with); err != nil {
			return nil, err
		}
		rankers[i] = b.lab.Augmented(corpus.DefaultChunking, with)
	}
	return rankers, nil
}

func (b *bench) augmentSweep(ctx context.Context, streams cli.Streams, all []lab.Augmentation) (*evalsuite.Result, error) {
	rankers, err := b.augmentRankers(ctx, streams, all)
	if err != nil {
		return nil, err
	}
	return evalsuite.Augment(ctx, b.spec, b.anchors, reportAlphas, 0, rankers...)
}

func (b *bench) augmentTune(ctx context.Context, streams cli.Streams, spec evalsuite.Spec, all ...lab.Augmentation) (*evalsuite.AugmentTuned, error) {
	rankers, err := b.augmentRankers(ctx, streams, all)
	if err != nil {
		return nil, err
	}
	return evalsuite.AugmentTune(ctx, spec, b.anchors, rankers...)
}
