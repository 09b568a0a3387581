package qdrant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	qc "github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
)

// Collection is one version of an index. It keeps meaning that version when the
// alias moves on.
type Collection struct {
	Key    Key
	Name   string // "<corpus>_<lang>.v<number>"
	Schema Schema
	// ShardKey is what its points are behind in a cluster; empty for none.
	ShardKey string
	// Foreign says that another program wrote it: it is only read.
	Foreign bool
	// UnitSampled says that searches compare by dot product, and that only some of
	// the vectors were seen to have unit length.
	UnitSampled bool
	// Read says what is read of it, and how: a part of it, where there is a
	// filter.
	Read ReadOptions
	// Datatype is that of the stored vectors where it is not float32, such as
	// "float16". Quantised copies that a server keeps beside them do not count:
	// the vectors that it returns, and the scores of exact searches, are the
	// originals'.
	Datatype string
}

// Info is a collection with its size.
type Info struct {
	Collection
	Passages  uint64 // points, but for further vectors of a passage
	Documents uint64 // passages that are a document's first chunk
}

// Ensure returns the index for key, made ready to be written: its collection
// (with the schema in its metadata, and the distance that it asks for), the
// payload indexes and, last, the alias. It can be called again at any time, and
// completes what a killed run left half made. An index with another schema or another vector
// configuration is refused with *SchemaError.
func (s *Store) Ensure(ctx context.Context, key Key, schema Schema) (Collection, error) {
	if err := errors.Join(key.Validate(), schema.validate()); err != nil {
		return Collection{}, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return Collection{}, err
	}
	name, aliased := aliases[key.String()]
	if !aliased {
		if name, err = s.newestFinished(ctx, key, schema); err != nil {
			return Collection{}, err
		}
	}
	found, info, err := s.describe(ctx, key, name)
	if err != nil {
		return Collection{}, err
	}
	differences := slices.Concat(found.Schema.Diff(schema), vectorDiff(info, schema))
	if len(differences) > 0 {
		return Collection{}, &SchemaError{Key: key, Differences: differences}
	}
	if err := s.reconcile(ctx, found, info); err != nil {
		return Collection{}, err
	}
	if err := s.equip(ctx, found, info); err != nil {
		return Collection{}, err
	}
	if !aliased {
		if err := s.setAlias(ctx, key, name); err != nil {
			return Collection{}, err
		}
	}
	return found, nil
}

// Lookup returns the index for key. Where there is none it returns
// ErrNoCollection in an error that names the ones there are.
func (s *Store) Lookup(ctx context.Context, key Key) (Collection, error) {
	if err := key.Validate(); err != nil {
		return Collection{}, err
	}
	for last := ""; ; {
		aliases, err := s.aliases(ctx)
		if err != nil {
			return Collection{}, err
		}
		name, ok := aliases[key.String()]
		if !ok {
			return Collection{}, s.noCollection(key, aliases)
		}
		found, _, err := s.describe(ctx, key, name)
		if errors.Is(err, ErrNoCollection) && name != last {
			last = name // the alias moved on, and the version was removed, in between
			continue
		}
		return found, err
	}
}

// listing is how many indexes List reads at the same time.
const listing = 8

// List returns every index that this program wrote, sorted by corpus and
// language. Other collections of the server are left out.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	aliases, err := s.aliases(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var infos []Info
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(listing)
	for alias, name := range aliases {
		if versionOf(name, alias) == 0 {
			continue
		}
		group.Go(func() error {
			info, err := s.measure(ctx, name)
			if errors.Is(err, errNoRecord) || errors.Is(err, ErrNoCollection) { // foreign, or dropped meanwhile
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			infos = append(infos, info)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(infos, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Key.Corpus, b.Key.Corpus), cmp.Compare(a.Key.Lang, b.Key.Lang))
	})
	return infos, nil
}

// Drop deletes every version of an index, the one in use last, so that a drop
// cut short can be repeated. It returns ErrNoCollection if there is none.
func (s *Store) Drop(ctx context.Context, key Key) error {
	if err := key.Validate(); err != nil {
		return err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return err
	}
	alias := key.String()
	names, err := s.versions(ctx, key)
	if err != nil {
		return err
	}
	current, aliased := aliases[alias]
	if len(names) == 0 && !aliased {
		return s.noCollection(key, aliases)
	}
	if i := slices.Index(names, current); i >= 0 {
		names = append(slices.Delete(names, i, i+1), current)
	}
	for _, name := range names {
		if _, _, err := s.describe(ctx, key, name); err != nil {
			return fmt.Errorf("drop %s: %w", alias, err)
		}
	}
	for _, name := range names {
		if err := s.deleteCollection(ctx, name); err != nil {
			return err
		}
	}
	return s.removeAlias(ctx, alias)
}

// create makes a version of an index and returns its name. While building is
// set, nobody takes it for the index.
func (s *Store) create(ctx context.Context, key Key, schema Schema, number uint64, building bool) (string, error) {
	name := versionName(key, number)
	metadata, err := record{
		Version: schemaVersion, Key: key, Schema: schema, Building: building, ShardKey: s.collections.shardKey(key),
	}.metadata()
	if err != nil {
		return "", fmt.Errorf("create collection %s: %w", name, err)
	}
	vectors := &qc.VectorParams{Size: uint64(schema.Width()), Distance: schema.distance()}
	request := &qc.CreateCollection{
		CollectionName: name,
		VectorsConfig:  schema.Layout.vectorsConfig(vectors),
		Metadata:       metadata,
	}
	s.collections.apply(request, vectors)
	_, err = call(ctx, s, "create collection "+name, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.CreateCollection(ctx, request)
	})
	if reply, ok := errors.AsType[*replyError](err); ok && reply.code == codes.AlreadyExists {
		return name, nil // made by an attempt whose answer was lost, or by another run
	}
	if err != nil {
		return "", err
	}
	_, _, err = s.describe(ctx, key, name)
	if errors.Is(err, errNoRecord) {
		err = fmt.Errorf("the server at %s keeps no collection metadata: Qdrant 1.16 or newer is needed", s.where)
		return "", errors.Join(err, s.deleteCollection(ctx, name))
	}
	return name, err
}

// describe reads a collection that must belong to key.
func (s *Store) describe(ctx context.Context, key Key, name string) (Collection, *qc.CollectionInfo, error) {
	found, info, err := s.read(ctx, name)
	if err == nil && found.Key != key {
		err = fmt.Errorf("collection %s at %s holds %s, not %s", name, s.where, found.Key, key)
	}
	return found, info, err
}

// read returns what a collection's metadata and configuration say.
func (s *Store) read(ctx context.Context, name string) (Collection, *qc.CollectionInfo, error) {
	info, err := call(ctx, s, "look up collection "+name, func(ctx context.Context) (*qc.CollectionInfo, error) {
		return s.client.GetCollectionInfo(ctx, name)
	})
	if err != nil {
		return Collection{}, nil, err
	}
	found, err := parseRecord(info.GetConfig().GetMetadata())
	if err != nil {
		return Collection{}, nil, fmt.Errorf("collection %s at %s: %w", name, s.where, err)
	}
	return Collection{Key: found.Key, Name: name, Schema: found.Schema, ShardKey: found.ShardKey, Datatype: datatypeOf(found.Layout.paramsOf(info))}, info, nil
}

func datatypeOf(params *qc.VectorParams) string {
	switch d := params.GetDatatype(); d {
	case qc.Datatype_Default, qc.Datatype_Float32:
		return ""
	default:
		return strings.ToLower(d.String())
	}
}

// measure reads a collection and counts what it holds.
func (s *Store) measure(ctx context.Context, name string) (Info, error) {
	found, _, err := s.read(ctx, name)
	if err != nil {
		return Info{}, err
	}
	info := Info{Collection: found}
	if info.Passages, err = s.count(ctx, name, found.Schema.passages(nil)); err != nil {
		return Info{}, err
	}
	firstChunks := &qc.Filter{Must: []*qc.Condition{qc.NewMatchInt(keyChunk, 0)}}
	info.Documents, err = s.count(ctx, name, found.Schema.passages(firstChunks))
	return info, err
}

// vectorDiff returns in what the collection's vectors are not what schema needs.
func vectorDiff(info *qc.CollectionInfo, schema Schema) []string {
	vectors := schema.Layout.paramsOf(info)
	if vectors == nil {
		return []string{"vectors: index has named ones, this run has one unnamed"}
	}
	var differences []string
	if vectors.GetSize() != uint64(schema.Width()) {
		differences = append(differences, fmt.Sprintf("vector size: index has %d, this run has %d", vectors.GetSize(), schema.Width()))
	}
	if vectors.GetDistance() != schema.distance() {
		differences = append(differences, fmt.Sprintf("distance: index has %s, this run has %s", vectors.GetDistance(), schema.distance()))
	}
	return differences
}

// equip makes what a collection needs besides itself: the shard key that its
// points are behind, and the payload indexes that info lacks.
func (s *Store) equip(ctx context.Context, c Collection, info *qc.CollectionInfo) error {
	if err := s.ensureShardKey(ctx, c); err != nil {
		return err
	}
	return s.ensureFieldIndexes(ctx, c, info)
}

// ensureFieldIndexes creates the payload indexes that info lacks.
func (s *Store) ensureFieldIndexes(ctx context.Context, c Collection, info *qc.CollectionInfo) error {
	for _, field := range s.collections.fieldIndexes(c) {
		if there, ok := info.GetPayloadSchema()[field.path]; ok {
			// PayloadSchemaType counts from 1 what FieldType counts from 0.
			if has := qc.FieldType(there.GetDataType() - 1); has != field.kind {
				s.log.Warn("a payload index is of another type", "collection", c.Name, "field", field.path, "has", has, "asked for", field.kind)
			}
			continue
		}
		what := fmt.Sprintf("create the index on %s in %s", field.path, c.Name)
		_, err := call(ctx, s, what, func(ctx context.Context) (struct{}, error) {
			return applied(s.client.CreateFieldIndex(ctx, &qc.CreateFieldIndexCollection{
				CollectionName: c.Name,
				Wait:           qc.PtrOf(true),
				FieldName:      field.path,
				FieldType:      &field.kind,
			}))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// aliases maps every alias of the server to its collection.
func (s *Store) aliases(ctx context.Context) (map[string]string, error) {
	list, err := call(ctx, s, "list the aliases", s.client.ListAliases)
	if err != nil {
		return nil, err
	}
	aliases := make(map[string]string, len(list))
	for _, alias := range list {
		aliases[alias.GetAliasName()] = alias.GetCollectionName()
	}
	return aliases, nil
}

func (s *Store) setAlias(ctx context.Context, key Key, name string) error {
	what := fmt.Sprintf("name collection %s %s", name, key)
	_, err := call(ctx, s, what, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.CreateAlias(ctx, key.String(), name)
	})
	return err
}

// removeAlias deletes an alias if it outlived its collection. Qdrant deletes the
// two together.
func (s *Store) removeAlias(ctx context.Context, alias string) error {
	aliases, err := s.aliases(ctx)
	if err != nil {
		return err
	}
	if _, ok := aliases[alias]; !ok {
		return nil
	}
	_, err = call(ctx, s, "delete the alias "+alias, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.DeleteAlias(ctx, alias)
	})
	return err
}

// deleteCollection makes sure that a collection is gone; it may be already.
func (s *Store) deleteCollection(ctx context.Context, name string) error {
	_, err := call(ctx, s, "delete collection "+name, func(ctx context.Context) (struct{}, error) {
		// go-client's own DeleteCollection takes "was not there" for a failure.
		_, err := s.client.GetCollectionsClient().Delete(ctx, &qc.DeleteCollection{CollectionName: name})
		return struct{}{}, err
	})
	if errors.Is(err, ErrNoCollection) {
		return nil
	}
	return err
}

// versions returns the names of all collections that are versions of an index,
// the newest last.
func (s *Store) versions(ctx context.Context, key Key) ([]string, error) {
	names, err := call(ctx, s, "list the collections", s.client.ListCollections)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return versionOf(name, key.String()) == 0 })
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Compare(versionOf(a, key.String()), versionOf(b, key.String()))
	})
	return names, nil
}

// versionOf returns n where name is "<alias>.v<n>", else 0.
func versionOf(name, alias string) uint64 {
	digits, ok := strings.CutPrefix(name, alias+".v")
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0
	}
	return n
}

// noCollection says that key is absent and what is there instead.
func (s *Store) noCollection(key Key, aliases map[string]string) error {
	const shown = 8
	var names []string
	for alias, name := range aliases {
		if versionOf(name, alias) > 0 {
			names = append(names, alias)
		}
	}
	slices.Sort(names)
	there := "nothing is indexed there yet"
	if len(names) > 0 {
		there = "there is " + strings.Join(names[:min(shown, len(names))], ", ")
		if len(names) > shown {
			there += fmt.Sprintf(" and %d more", len(names)-shown)
		}
	}
	return fmt.Errorf("%w: %s at %s (%s)", ErrNoCollection, key, s.where, there)
}
