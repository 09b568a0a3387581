package qdrant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	qc "github.com/qdrant/go-client/qdrant"
)

// An index has versions, collections named "<corpus>_<lang>.v<number>", of which
// the alias names the current one. A rebuild makes the next version, marked as
// building in its metadata, and Promote moves the alias to it. The mark is taken
// away after that, so a kill in between leaves a mark on the current version,
// which means nothing: what the alias names was complete when it got there.

// Version is one version of an index, with its size.
type Version struct {
	Info
	Number   uint64
	Current  bool // the alias names it
	Building bool // a rebuild has not finished it; never true of the current one
}

func versionName(key Key, number uint64) string { return fmt.Sprintf("%s.v%d", key, number) }

// Number returns n where the collection is an index's n-th version, else 0.
func (c Collection) Number() uint64 { return versionOf(c.Name, c.Key.String()) }

// Versions returns all versions of an index, the oldest first; none where there
// is no index.
func (s *Store) Versions(ctx context.Context, key Key) ([]Version, error) {
	h, err := s.history(ctx, key)
	if err != nil {
		return nil, err
	}
	all := make([]Version, 0, len(h.versions))
	for _, v := range h.versions {
		if v.Info, err = s.measure(ctx, v.Name); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// AllVersions returns all versions of every index that this program wrote, by
// corpus, language and number.
func (s *Store) AllVersions(ctx context.Context) ([]Version, error) {
	names, err := call(ctx, s, "list the collections", s.client.ListCollections)
	if err != nil {
		return nil, err
	}
	keys := map[Key]bool{}
	for _, name := range names {
		if !versionPattern.MatchString(name) {
			continue
		}
		found, _, err := s.read(ctx, name)
		switch {
		case errors.Is(err, errNoRecord), errors.Is(err, ErrNoCollection): // foreign, or dropped meanwhile
		case err != nil:
			return nil, err
		case found.Number() > 0:
			keys[found.Key] = true
		}
	}
	var all []Version
	for _, key := range slices.SortedFunc(maps.Keys(keys), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Corpus, b.Corpus), cmp.Compare(a.Lang, b.Lang))
	}) {
		versions, err := s.Versions(ctx, key)
		if err != nil {
			return nil, err
		}
		all = append(all, versions...)
	}
	return all, nil
}

// versionPattern is the end of a version's name.
var versionPattern = regexp.MustCompile(`\.v[0-9]+$`)

// Unfinished returns the version that a rebuild was making when it ended, to go
// on with; false where there is none.
func (s *Store) Unfinished(ctx context.Context, key Key) (Collection, bool, error) {
	h, err := s.history(ctx, key)
	if err != nil {
		return Collection{}, false, err
	}
	if n := len(h.versions); n > 0 && h.versions[n-1].Building {
		return h.versions[n-1].Collection, true, nil
	}
	return Collection{}, false, nil
}

// Begin returns a version to rebuild an index in: the unfinished one, where it
// has this schema, or a new one. Unfinished ones with another schema are
// deleted. Nobody takes the version for the index before Promote.
func (s *Store) Begin(ctx context.Context, key Key, schema Schema) (Collection, error) {
	if err := schema.validate(); err != nil {
		return Collection{}, err
	}
	h, err := s.history(ctx, key)
	if err != nil {
		return Collection{}, err
	}
	next := h.highest() + 1
	for i, v := range slices.Backward(h.versions) {
		if !v.Building {
			continue
		}
		_, info, err := s.describe(ctx, key, v.Name)
		if err != nil {
			return Collection{}, err
		}
		if i == len(h.versions)-1 && len(v.Schema.Diff(schema)) == 0 && len(vectorDiff(info, schema)) == 0 {
			return v.Collection, s.equip(ctx, v.Collection, info)
		}
		if err := s.deleteCollection(ctx, v.Name); err != nil {
			return Collection{}, err
		}
	}
	name, err := s.create(ctx, key, schema, next, true)
	if err != nil {
		return Collection{}, err
	}
	made, info, err := s.describe(ctx, key, name)
	if err != nil {
		return Collection{}, err
	}
	return made, s.equip(ctx, made, info)
}

// Promote makes each of the collections the current version of its index, all of
// them in one step: a reader sees the old versions or the new ones. It can be
// repeated.
func (s *Store) Promote(ctx context.Context, collections ...Collection) error {
	aliases, err := s.aliases(ctx)
	if err != nil {
		return err
	}
	var actions []*qc.AliasOperations
	what := "make current:"
	for _, c := range collections {
		// A server stops at the first alias that it cannot move, and leaves those
		// before moved: what could fail is asked first.
		if _, _, err := s.describe(ctx, c.Key, c.Name); err != nil {
			return fmt.Errorf("make %s current: %w", c.Name, err)
		}
	}
	for _, c := range collections {
		alias := c.Key.String()
		what += " " + c.Name
		// A mark that a kill left on the version to be left behind would make it
		// look half made from now on.
		if was := aliases[alias]; was != "" && was != c.Name {
			if err := s.finish(ctx, c.Key, was); err != nil {
				return err
			}
		}
		if aliases[alias] != "" {
			actions = append(actions, qc.NewAliasDelete(alias))
		}
		actions = append(actions, qc.NewAliasCreate(alias, c.Name))
	}
	if len(actions) == 0 {
		return nil
	}
	_, err = call(ctx, s, what, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.UpdateAliases(ctx, actions)
	})
	if err != nil {
		return err
	}
	for _, c := range collections {
		if err := s.finish(ctx, c.Key, c.Name); err != nil {
			s.log.Warn("a finished version is still marked as building, which the next change of versions mends", "collection", c.Name, "error", err)
		}
	}
	return nil
}

// Remove deletes one version of an index. The current one is refused. One that
// is gone already is no error.
func (s *Store) Remove(ctx context.Context, c Collection) error {
	aliases, err := s.aliases(ctx)
	if err != nil {
		return err
	}
	if c.Number() == 0 {
		return fmt.Errorf("remove %s: it is no version of %s", c.Name, c.Key)
	}
	if aliases[c.Key.String()] == c.Name {
		return fmt.Errorf("remove %s: it is the current version of %s", c.Name, c.Key)
	}
	if _, _, err := s.describe(ctx, c.Key, c.Name); errors.Is(err, ErrNoCollection) {
		return nil
	} else if err != nil {
		return fmt.Errorf("remove %s: %w", c.Name, err)
	}
	return s.deleteCollection(ctx, c.Name)
}

// finish takes the mark of building from a version.
func (s *Store) finish(ctx context.Context, key Key, name string) error {
	info, err := call(ctx, s, "look up collection "+name, func(ctx context.Context) (*qc.CollectionInfo, error) {
		return s.client.GetCollectionInfo(ctx, name)
	})
	if err != nil {
		return err
	}
	r, err := parseRecord(info.GetConfig().GetMetadata())
	if err != nil {
		return fmt.Errorf("collection %s at %s: %w", name, s.where, err)
	}
	if r.Key != key || !r.Building {
		return nil
	}
	// Said, not left out: a server may merge the old record and the new one.
	r.Building = false
	metadata, err := r.metadata()
	if err != nil {
		return fmt.Errorf("update collection %s: %w", name, err)
	}
	_, err = call(ctx, s, "mark collection "+name+" as finished", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.UpdateCollection(ctx, &qc.UpdateCollection{CollectionName: name, Metadata: metadata})
	})
	return err
}

// history is what there is of an index.
type history struct {
	versions []Version // without sizes, the oldest first
	current  string    // the collection that the alias names, "" where there is none
}

// highest returns the highest number of a version, 0 where there is none.
func (h history) highest() uint64 {
	if len(h.versions) == 0 {
		return 0
	}
	return h.versions[len(h.versions)-1].Number
}

// history reads all versions of an index.
func (s *Store) history(ctx context.Context, key Key) (history, error) {
	if err := key.Validate(); err != nil {
		return history{}, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return history{}, err
	}
	h := history{current: aliases[key.String()]}
	names, err := s.versions(ctx, key)
	if err != nil {
		return history{}, err
	}
	for _, name := range names {
		found, info, err := s.describe(ctx, key, name)
		if errors.Is(err, ErrNoCollection) { // removed meanwhile
			continue
		}
		if err != nil {
			return history{}, err
		}
		r, err := parseRecord(info.GetConfig().GetMetadata())
		if err != nil {
			return history{}, err
		}
		h.versions = append(h.versions, Version{
			Info: Info{Collection: found}, Number: found.Number(),
			Current: name == h.current, Building: r.Building && name != h.current,
		})
	}
	return h, nil
}

// newestFinished returns the collection that an index without an alias lies in:
// a run that was killed before it set the alias left it. Where there is none, it
// is made.
func (s *Store) newestFinished(ctx context.Context, key Key, schema Schema) (string, error) {
	h, err := s.history(ctx, key)
	if err != nil {
		return "", err
	}
	for _, v := range slices.Backward(h.versions) {
		if !v.Building {
			return v.Name, nil
		}
	}
	return s.create(ctx, key, schema, h.highest()+1, false)
}
