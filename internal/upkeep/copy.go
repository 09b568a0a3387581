package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"reflect"
	"slices"

	"github.com/query-synergy/query-synergy/internal/dump"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Origin is an index to copy: one version of it in a store, or a file.
type Origin struct {
	dump.Header
	// All yields its points in the order of their ids, those after one.
	All func(ctx context.Context, after string) iter.Seq2[qdrant.Point, error]
}

// FromStore returns the current version of an index as an Origin.
func FromStore(ctx context.Context, store Store, key qdrant.Key) (Origin, error) {
	c, err := store.Lookup(ctx, key)
	if err != nil {
		return Origin{}, err
	}
	return Origin{
		Header: dump.Header{Key: c.Key, Schema: c.Schema, Datatype: c.Datatype},
		All: func(ctx context.Context, after string) iter.Seq2[qdrant.Point, error] {
			return store.Export(ctx, c, after)
		},
	}, nil
}

// FromFile returns a file as an Origin.
func FromFile(path string) (Origin, error) {
	h, err := dump.ReadHeader(path)
	return Origin{Header: h, All: func(ctx context.Context, after string) iter.Seq2[qdrant.Point, error] {
		return func(yield func(qdrant.Point, error) bool) {
			for p, err := range dump.Read(ctx, path) {
				if err == nil && p.ID <= after {
					continue
				}
				if !yield(p, err) {
					return
				}
			}
		}
	}}, err
}

// Copied counts what a copy did. All are points: a passage of several vectors
// counts once for each.
type Copied struct {
	Passages  int `json:"passages"`
	Unchanged int `json:"unchanged"` // found at the target
	Written   int `json:"written"`
	Removed   int `json:"removed"` // that an earlier try had left there
	// Collection is the target's current version; "" for a file.
	Collection string `json:"collection"`
}

// CopyToStore makes the target hold the index as it is at its origin, with the
// same vectors. Where the target's current version is that already, nothing is
// done. Otherwise a new version is written, or one that a killed copy left is
// gone on with, compared with the origin point by point, and made current.
// Progress, if set, hears how many points were looked at in all.
func CopyToStore(ctx context.Context, from Origin, to Store, progress func(int)) (Copied, error) {
	current, err := to.Lookup(ctx, from.Key)
	switch {
	case errors.Is(err, qdrant.ErrNoCollection):
	case err != nil:
		return Copied{}, err
	case len(current.Schema.Diff(from.Schema)) == 0:
		n, err := same(ctx, from, to.Export(ctx, current, ""), current.Datatype)
		if err == nil {
			return Copied{Passages: n, Unchanged: n, Collection: current.Name}, nil
		}
		if _, differs := errors.AsType[*copyError](err); !differs {
			return Copied{}, err
		}
	}
	c, err := to.Begin(ctx, from.Key, from.Schema)
	if err != nil {
		return Copied{}, err
	}
	copied := Copied{Collection: c.Name}
	if err := copied.fill(ctx, from, to, c, progress); err != nil {
		return copied, err
	}
	if copied.Passages, err = same(ctx, from, to.Export(ctx, c, ""), c.Datatype); err != nil {
		return copied, fmt.Errorf("verify the copy of %s: %w", from.Key, err)
	}
	return copied, to.Promote(ctx, c)
}

// cursor walks over the points of a collection.
type cursor struct {
	next  func() (qdrant.Point, error, bool)
	point qdrant.Point
	more  bool
}

func (c *cursor) advance() (err error) {
	c.point, err, c.more = c.next()
	return err
}

// fill brings a half-made version into line with the origin. Both come in the
// order of their ids, so writes and deletions stay behind the cursor.
func (r *Copied) fill(ctx context.Context, from Origin, to Store, c qdrant.Collection, progress func(int)) error {
	next, stop := iter.Pull2(to.Export(ctx, c, ""))
	defer stop()
	there := cursor{next: next}
	if err := there.advance(); err != nil {
		return err
	}
	b := batch{to: to, collection: c, copied: r}
	for p, err := range from.All(ctx, "") {
		if err != nil {
			return err
		}
		for there.more && there.point.ID < p.ID {
			if err := errors.Join(b.remove(ctx, there.point.ID), there.advance()); err != nil {
				return err
			}
		}
		r.Passages++
		found := there.more && there.point.ID == p.ID
		if found && samePoint(p, there.point, tolerance(from.Datatype, c.Datatype)) {
			r.Unchanged++
		} else if err := b.write(ctx, p); err != nil {
			return err
		}
		if found {
			if err := there.advance(); err != nil {
				return err
			}
		}
		if progress != nil && r.Passages%copyBatch == 0 {
			progress(r.Passages)
		}
	}
	for there.more {
		if err := errors.Join(b.remove(ctx, there.point.ID), there.advance()); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

// batch gathers changes of a collection.
type batch struct {
	to         Store
	collection qdrant.Collection
	copied     *Copied
	points     []qdrant.Point
	gone       []string
}

// copyBatch is how many points are written together.
const copyBatch = 256

func (b *batch) write(ctx context.Context, p qdrant.Point) error {
	if b.points = append(b.points, p); len(b.points) < copyBatch {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) remove(ctx context.Context, id string) error {
	if b.gone = append(b.gone, id); len(b.gone) < deleteBatch {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) flush(ctx context.Context) error {
	if err := b.to.Delete(ctx, b.collection, b.gone); err != nil {
		return err
	}
	if err := b.to.Upsert(ctx, b.collection, b.points); err != nil {
		return err
	}
	b.copied.Written += len(b.points)
	b.copied.Removed += len(b.gone)
	b.points, b.gone = nil, nil
	return nil
}

// CopyToFile writes the index to a file, gzipped where its name ends in .gz. A
// file of the same content is left as it is, one of another state of the same
// index is replaced, and any other is refused. The file has its name only once
// it is whole and compared with the origin; a copy cut short is gone on with.
func CopyToFile(ctx context.Context, from Origin, path string, progress func(int)) (Copied, error) {
	n, err := sameFile(ctx, from, path)
	if err == nil {
		return Copied{Passages: n, Unchanged: n}, nil
	}
	if _, differs := errors.AsType[*copyError](err); !differs && !errors.Is(err, fs.ErrNotExist) {
		return Copied{}, err
	}
	copied, err := writeFile(ctx, from, path, progress)
	if _, differs := errors.AsType[*copyError](err); differs && copied.Unchanged > 0 {
		// The index has changed since the part that was gone on with was written.
		return writeFile(ctx, from, path, progress)
	}
	return copied, err
}

// sameFile compares a file that is there already with the origin.
func sameFile(ctx context.Context, from Origin, path string) (int, error) {
	h, err := dump.ReadHeader(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if err == nil && h.Key != from.Key {
		err = fmt.Errorf("it holds %s", h.Key)
	}
	if err != nil {
		return 0, fmt.Errorf("%s is there already and no copy of %s, so it is not replaced: name another file, or remove it: %w", path, from.Key, err)
	}
	if !reflect.DeepEqual(h, from.Header) {
		return 0, &copyError{"the settings differ"}
	}
	n, err := same(ctx, from, dump.Read(ctx, path), from.Datatype)
	if _, broken := errors.AsType[*dump.LineError](err); broken {
		return 0, &copyError{err.Error()}
	}
	return n, err
}

func writeFile(ctx context.Context, from Origin, path string, progress func(int)) (copied Copied, err error) {
	w, err := dump.Create(path, from.Header)
	if err != nil {
		return Copied{}, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	copied.Unchanged = w.Passages()
	for p, err := range from.All(ctx, w.Last()) {
		if err == nil {
			err = w.Write(p)
		}
		if err != nil {
			return copied, err
		}
		if copied.Written++; progress != nil && copied.Written%copyBatch == 0 {
			progress(copied.Unchanged + copied.Written)
		}
	}
	if err := w.Finish(); err != nil {
		return copied, err
	}
	if copied.Passages, err = same(ctx, from, dump.Read(ctx, dump.Part(path)), from.Datatype); err != nil {
		err = fmt.Errorf("verify the copy of %s: %w", from.Key, err)
		return copied, errors.Join(err, os.Remove(dump.Part(path)))
	}
	return copied, w.Commit()
}

// copyError says that a copy is not what its origin is.
type copyError struct{ what string }

func (e *copyError) Error() string { return "the copy is not the same: " + e.what }

// same compares two streams of points in the order of their ids, and returns how
// many there are. Where they differ the error is a *copyError.
func same(ctx context.Context, from Origin, copies iter.Seq2[qdrant.Point, error], datatype string) (int, error) {
	next, stop := iter.Pull2(copies)
	defer stop()
	n := 0
	for p, err := range from.All(ctx, "") {
		if err != nil {
			return n, err
		}
		got, err, more := next()
		switch {
		case err != nil:
			return n, err
		case !more || got.ID > p.ID:
			return n, &copyError{fmt.Sprintf("document %.80q, chunk %d, is missing", p.Payload.DocID, p.Payload.Chunk)}
		case got.ID < p.ID:
			return n, &copyError{fmt.Sprintf("document %.80q, chunk %d, should not be there", got.Payload.DocID, got.Payload.Chunk)}
		case !samePoint(p, got, tolerance(from.Datatype, datatype)):
			return n, &copyError{fmt.Sprintf("document %.80q, chunk %d, differs", p.Payload.DocID, p.Payload.Chunk)}
		}
		n++
	}
	got, err, more := next()
	if err != nil {
		return n, err
	}
	if more {
		return n, &copyError{fmt.Sprintf("document %.80q, chunk %d, should not be there", got.Payload.DocID, got.Payload.Chunk)}
	}
	return n, nil
}

// tolerance is 0, bit for bit, but where the target keeps vectors in another
// type than the origin. It is below 0 where the vectors cannot be compared.
func tolerance(from, to string) float64 {
	if from == to {
		return 0
	}
	most := 0.0
	for _, datatype := range []string{from, to} {
		t, known := vectorTolerance[datatype]
		if !known {
			return -1
		}
		most = max(most, t)
	}
	return most
}

func samePoint(a, b qdrant.Point, tolerance float64) bool {
	if a.ID != b.ID || !reflect.DeepEqual(a.Payload, b.Payload) {
		return false
	}
	switch {
	case tolerance < 0:
		return len(a.Vector) == len(b.Vector)
	case tolerance == 0:
		return slices.EqualFunc(a.Vector, b.Vector, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	default:
		return near(a.Vector, b.Vector, tolerance)
	}
}
