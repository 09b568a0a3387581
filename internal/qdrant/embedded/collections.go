package embedded

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"strings"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// collectionsService serves collections and aliases. Settings that can change
// only speed (HNSW, quantisation, shards, replicas) are kept, shown and without
// effect: every search is exact.
type collectionsService struct {
	qc.UnimplementedCollectionsServer
	engine *Engine
}

var done = &qc.CollectionOperationResponse{Result: true}

func (c *collectionsService) Create(ctx context.Context, req *qc.CreateCollection) (*qc.CollectionOperationResponse, error) {
	name := req.GetCollectionName()
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := checkConfig(req); err != nil {
		return nil, err
	}
	config, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return nil, err
	}
	err = c.engine.write(ctx, func(tx *sql.Tx) error {
		var taken bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM collections WHERE name = ?1)
			OR EXISTS (SELECT 1 FROM aliases WHERE alias = ?1)`, name).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", name)
		}
		result, err := tx.ExecContext(ctx, "INSERT INTO collections (name, config) VALUES (?, ?)", name, config)
		if err != nil {
			return err
		}
		id, err := result.LastInsertId()
		if err != nil {
			return err
		}
		s := &state{id: id, generation: 1}
		if _, err := tx.ExecContext(ctx, `
			CREATE TABLE `+s.pointsTable()+` (id BLOB PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
			CREATE TABLE `+s.deadTable()+` (block INTEGER PRIMARY KEY, bits BLOB NOT NULL);`); err != nil {
			return err
		}
		// The files are made now, so that a reader of the empty collection finds them.
		_, err = c.engine.files(s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

func checkName(name string) error {
	const forbidden = "<>:\"/\\|?*\x00\x1f"
	if name == "" || len(name) > 255 || strings.ContainsAny(name, forbidden) {
		return wrongInput("collection name %.80q must have 1 to 255 bytes and none of %q", name, forbidden)
	}
	return nil
}

func checkConfig(req *qc.CreateCollection) error {
	_, params := soleVector(req)
	switch {
	case params == nil:
		return status.Error(codes.Unimplemented, "the embedded engine wants exactly one dense vector a point")
	case req.GetSparseVectorsConfig() != nil || params.GetMultivectorConfig() != nil:
		return status.Error(codes.Unimplemented, "the embedded engine has no sparse and no multi-vectors")
	case params.GetSize() == 0 || params.GetSize() > 65536:
		return wrongInput("vector size %d is not in 1..65536", params.GetSize())
	case params.GetDistance() != qc.Distance_Cosine && params.GetDistance() != qc.Distance_Dot:
		return status.Errorf(codes.Unimplemented, "the embedded engine has the distances Cosine and Dot, not %s", params.GetDistance())
	case params.GetDatatype() != qc.Datatype_Default && params.GetDatatype() != qc.Datatype_Float32:
		return status.Errorf(codes.Unimplemented, "the embedded engine stores float32, not %s", params.GetDatatype())
	}
	return nil
}

func (c *collectionsService) Update(ctx context.Context, req *qc.UpdateCollection) (*qc.CollectionOperationResponse, error) {
	err := c.engine.write(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, req.GetCollectionName())
		if err != nil {
			return err
		}
		if s.config.Metadata == nil {
			s.config.Metadata = map[string]*qc.Value{}
		}
		maps.Copy(s.config.Metadata, req.GetMetadata())
		if err := keepSettings(s.config, req); err != nil {
			return err
		}
		config, err := proto.MarshalOptions{Deterministic: true}.Marshal(s.config)
		if err != nil {
			return err
		}
		// A new epoch, as a view at hand holds the settings, too.
		_, err = tx.ExecContext(ctx, "UPDATE collections SET config = ?, epoch = epoch + 1 WHERE id = ?", config, s.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// Delete removes a collection and its aliases; the name must not be an alias.
// As in Qdrant, a collection that is not there is no error.
func (c *collectionsService) Delete(ctx context.Context, req *qc.DeleteCollection) (*qc.CollectionOperationResponse, error) {
	e := c.engine
	var gone *state
	err := e.write(ctx, func(tx *sql.Tx) error {
		s, err := resolve(ctx, tx, req.GetCollectionName())
		if status.Code(err) == codes.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if s.name != req.GetCollectionName() {
			return nil
		}
		for _, statement := range []string{
			"DROP TABLE " + s.pointsTable(), "DROP TABLE " + s.deadTable(),
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM indexes WHERE collection = ?", s.id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM aliases WHERE collection = ?", s.name); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM collections WHERE id = ?", s.id); err != nil {
			return err
		}
		gone = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	if gone == nil {
		return &qc.CollectionOperationResponse{Result: false}, nil
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	if files := e.appender[gone.id]; files != nil {
		delete(e.appender, gone.id)
		err = files.close()
	}
	if err := errors.Join(err, os.RemoveAll(collectionDir(e.dir, gone.id))); err != nil {
		return nil, err
	}
	return done, nil
}

func (c *collectionsService) Get(ctx context.Context, req *qc.GetCollectionInfoRequest) (*qc.GetCollectionInfoResponse, error) {
	var info *qc.CollectionInfo
	err := c.engine.read(ctx, req.GetCollectionName(), func(tx *sql.Tx, v *view) error {
		indexes, err := v.indexes(ctx, tx)
		if err != nil {
			return err
		}
		config := v.config
		info = &qc.CollectionInfo{
			Status:          qc.CollectionStatus_Green,
			OptimizerStatus: &qc.OptimizerStatus{Ok: true},
			SegmentsCount:   1,
			PointsCount:     qc.PtrOf(uint64(v.live())),
			PayloadSchema:   indexes,
			Config: &qc.CollectionConfig{
				Params: &qc.CollectionParams{
					ShardNumber:            max(1, config.GetShardNumber()),
					ShardingMethod:         config.ShardingMethod,
					OnDiskPayload:          config.GetOnDiskPayload(), //nolint:staticcheck // older clients know no other
					VectorsConfig:          config.GetVectorsConfig(),
					ReplicationFactor:      config.ReplicationFactor,
					WriteConsistencyFactor: config.WriteConsistencyFactor,
				},
				HnswConfig:         config.GetHnswConfig(),
				OptimizerConfig:    config.GetOptimizersConfig(),
				WalConfig:          config.GetWalConfig(),
				QuantizationConfig: config.GetQuantizationConfig(),
				Metadata:           config.GetMetadata(),
			},
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &qc.GetCollectionInfoResponse{Result: info}, nil
}

func (s *state) indexes(ctx context.Context, tx *sql.Tx) (map[string]*qc.PayloadSchemaInfo, error) {
	rows, err := tx.QueryContext(ctx, "SELECT field, type FROM indexes WHERE collection = ?", s.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]*qc.PayloadSchemaInfo{}
	for rows.Next() {
		var field string
		var kind int32
		if err := rows.Scan(&field, &kind); err != nil {
			return nil, err
		}
		out[field] = &qc.PayloadSchemaInfo{DataType: qc.PayloadSchemaType(kind)}
	}
	return out, rows.Err()
}

func (c *collectionsService) List(ctx context.Context, _ *qc.ListCollectionsRequest) (*qc.ListCollectionsResponse, error) {
	resp := &qc.ListCollectionsResponse{}
	err := c.engine.snapshot(ctx, func(tx *sql.Tx) error {
		resp.Collections = nil
		rows, err := tx.QueryContext(ctx, "SELECT name FROM collections ORDER BY name")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d qc.CollectionDescription
			if err := rows.Scan(&d.Name); err != nil {
				return err
			}
			resp.Collections = append(resp.Collections, &d)
		}
		return rows.Err()
	})
	return resp, err
}

func (c *collectionsService) CollectionExists(ctx context.Context, req *qc.CollectionExistsRequest) (*qc.CollectionExistsResponse, error) {
	err := c.engine.snapshot(ctx, func(tx *sql.Tx) error {
		_, err := resolve(ctx, tx, req.GetCollectionName())
		return err
	})
	if err != nil && status.Code(err) != codes.NotFound {
		return nil, err
	}
	return &qc.CollectionExistsResponse{Result: &qc.CollectionExists{Exists: err == nil}}, nil
}

// UpdateAliases applies all changes at once; readers see none or all of them.
func (c *collectionsService) UpdateAliases(ctx context.Context, req *qc.ChangeAliases) (*qc.CollectionOperationResponse, error) {
	err := c.engine.write(ctx, func(tx *sql.Tx) error {
		for _, op := range req.GetActions() {
			if err := changeAlias(ctx, tx, op); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

func changeAlias(ctx context.Context, tx *sql.Tx, op *qc.AliasOperations) error {
	switch action := op.GetAction().(type) {
	case *qc.AliasOperations_CreateAlias:
		alias, target := action.CreateAlias.GetAliasName(), action.CreateAlias.GetCollectionName()
		if err := checkName(alias); err != nil {
			return err
		}
		isCollection, err := exists(ctx, tx, "collections", "name", alias)
		if err != nil {
			return err
		}
		if isCollection {
			return wrongInput("alias `%s` is the name of a collection", alias)
		}
		found, err := exists(ctx, tx, "collections", "name", target)
		if err != nil {
			return err
		}
		if !found {
			return notFound(target)
		}
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO aliases (alias, collection) VALUES (?, ?)", alias, target)
		return err
	case *qc.AliasOperations_DeleteAlias:
		_, err := tx.ExecContext(ctx, "DELETE FROM aliases WHERE alias = ?", action.DeleteAlias.GetAliasName())
		return err
	case *qc.AliasOperations_RenameAlias:
		from, to := action.RenameAlias.GetOldAliasName(), action.RenameAlias.GetNewAliasName()
		if err := checkName(to); err != nil {
			return err
		}
		found, err := exists(ctx, tx, "aliases", "alias", from)
		if err != nil {
			return err
		}
		if !found {
			return status.Errorf(codes.NotFound, "Not found: Alias `%s` does not exist!", from)
		}
		_, err = tx.ExecContext(ctx, "UPDATE OR REPLACE aliases SET alias = ? WHERE alias = ?", to, from)
		return err
	default:
		return wrongInput("an alias operation says nothing to do")
	}
}

func exists(ctx context.Context, tx *sql.Tx, table, column, value string) (bool, error) {
	var found bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+" WHERE "+column+" = ?)", value).Scan(&found)
	return found, err
}

func (c *collectionsService) ListAliases(ctx context.Context, _ *qc.ListAliasesRequest) (*qc.ListAliasesResponse, error) {
	return c.aliases(ctx, "SELECT alias, collection FROM aliases ORDER BY alias")
}

func (c *collectionsService) ListCollectionAliases(ctx context.Context, req *qc.ListCollectionAliasesRequest) (*qc.ListAliasesResponse, error) {
	return c.aliases(ctx, "SELECT alias, collection FROM aliases WHERE collection = ? ORDER BY alias", req.GetCollectionName())
}

func (c *collectionsService) aliases(ctx context.Context, query string, args ...any) (*qc.ListAliasesResponse, error) {
	resp := &qc.ListAliasesResponse{}
	err := c.engine.snapshot(ctx, func(tx *sql.Tx) error {
		resp.Aliases = nil
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d qc.AliasDescription
			if err := rows.Scan(&d.AliasName, &d.CollectionName); err != nil {
				return err
			}
			resp.Aliases = append(resp.Aliases, &d)
		}
		return rows.Err()
	})
	return resp, err
}
