package qdrant

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/vector"
)

// ErrForeign says that a collection of another program's is not written to.
var ErrForeign = errors.New("another program's collection is only read")

func (c Collection) writable() error {
	if c.Foreign {
		return fmt.Errorf("collection %s: %w", c.Name, ErrForeign)
	}
	return nil
}

// ForeignIndex is a collection that another program wrote, in the place of the
// indexes of this one's.
type ForeignIndex struct {
	*Store
	Name string // of the collection or of an alias
	// Schema says how the collection was made, which it does not tell itself: the
	// model, its prefixes and the layout. Dimensions may be 0, for whatever it has.
	Schema Schema
}

// Lookup returns the collection, whatever the key: its language is that of the
// documents. One whose vectors do not fit is refused with an error that says so.
func (f ForeignIndex) Lookup(ctx context.Context, key Key) (Collection, error) {
	return f.Foreign(ctx, key, f.Name, f.Schema)
}

// sampled is how many points say whether the vectors have unit length.
const sampled = 256

// Foreign opens a collection that another program wrote. The schema says how, as
// in ForeignIndex; key.Lang is the language of passages that do not say theirs.
// Distances are Cosine, or Dot with vectors of unit length.
func (s *Store) Foreign(ctx context.Context, key Key, name string, schema Schema) (Collection, error) {
	what := "open collection " + cut(name)
	schema.Layout = schema.Layout.orOwn()
	if err := schema.Layout.validateForeign(); err != nil {
		return Collection{}, fmt.Errorf("%s: %w", what, err)
	}
	info, err := call(ctx, s, what, func(ctx context.Context) (*qc.CollectionInfo, error) {
		return s.client.GetCollectionInfo(ctx, name)
	})
	if err != nil {
		return Collection{}, err
	}
	refuse := func(format string, args ...any) (Collection, error) {
		return Collection{}, fmt.Errorf("%s at %s: %s", what, s.where, fmt.Sprintf(format, args...))
	}
	if _, own := info.GetConfig().GetMetadata()[recordKey]; own {
		return refuse("this program wrote it: name it by its corpus and language")
	}
	if schema.Layout.Vector, err = vectorOf(info, schema.Layout.Vector); err != nil {
		return refuse("%v", err)
	}
	params := schema.Layout.paramsOf(info)
	if want := uint64(schema.Dimensions); want != 0 && want != params.GetSize() {
		return Collection{}, &SchemaError{Key: key, Differences: []string{
			fmt.Sprintf("vector size: collection %s has %d, the model gives %d", cut(name), params.GetSize(), want),
		}}
	}
	schema.Dimensions = int(params.GetSize())
	c := Collection{Key: key, Name: name, Schema: schema, Foreign: true, Datatype: datatypeOf(params)}
	switch {
	case params.GetMultivectorConfig() != nil:
		return refuse("its points have several vectors each, which are not one to compare with")
	case params.GetDistance() == qc.Distance_Cosine:
		return c, nil
	case params.GetDistance() != qc.Distance_Dot:
		return refuse("its distance is %s: want Cosine, or Dot with vectors of unit length", params.GetDistance())
	}
	unit, err := s.unitVectors(ctx, c)
	if err != nil {
		return Collection{}, err
	}
	if !unit {
		return refuse("its distance is Dot and its vectors are not of unit length, so its searches do not rank by cosine")
	}
	c.UnitSampled = true
	return c, nil
}

// vectorOf returns the name of the vector to search: the one given, or else the
// only one that there is.
func vectorOf(info *qc.CollectionInfo, given string) (string, error) {
	config := info.GetConfig().GetParams().GetVectorsConfig()
	named := config.GetParamsMap().GetMap()
	names := slices.Sorted(maps.Keys(named))
	switch {
	case given != "" && named[given] == nil && len(names) == 0:
		return "", fmt.Errorf("it has no vector %q: its vectors have no name", given)
	case given != "" && named[given] == nil:
		return "", fmt.Errorf("it has no vector %q, but %s", given, strings.Join(names, ", "))
	case given != "":
		return given, nil
	case config.GetParams() != nil:
		return "", nil
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", errors.New("it has no dense vectors")
	default:
		return "", fmt.Errorf("it has several vectors: say which with --vector-name: %s", strings.Join(names, ", "))
	}
}

// unitVectors says whether some of the vectors, by their ids, have unit length.
func (s *Store) unitVectors(ctx context.Context, c Collection) (bool, error) {
	points, err := call(ctx, s, "read vectors of "+c.Name, func(ctx context.Context) ([]*qc.RetrievedPoint, error) {
		return s.client.Scroll(ctx, &qc.ScrollPoints{
			CollectionName: c.Name,
			Limit:          qc.PtrOf(uint32(sampled)),
			WithPayload:    qc.NewWithPayload(false),
			WithVectors:    c.layout().withVectors(true),
		})
	})
	if err != nil {
		return false, err
	}
	for _, point := range points {
		if v := c.layout().dense(point.GetVectors()); v != nil && vector.UnitScale(v) != 1 {
			return false, nil
		}
	}
	return true, nil
}
