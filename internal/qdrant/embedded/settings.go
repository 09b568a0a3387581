package embedded

import (
	"context"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// keepSettings puts into a collection's settings what an update changes of them.
// They have no effect here, but who asks is told what was said.
//
//nolint:staticcheck // older clients fill the deprecated fields
func keepSettings(config *qc.CreateCollection, update *qc.UpdateCollection) error {
	if diff := update.GetHnswConfig(); diff != nil {
		if config.HnswConfig == nil {
			config.HnswConfig = &qc.HnswConfigDiff{}
		}
		proto.Merge(config.HnswConfig, diff)
	}
	if diff := update.GetOptimizersConfig(); diff != nil {
		if config.OptimizersConfig == nil {
			config.OptimizersConfig = &qc.OptimizersConfigDiff{}
		}
		proto.Merge(config.OptimizersConfig, diff)
	}
	if params := update.GetParams(); params != nil {
		for _, field := range []struct{ to, from **uint32 }{
			{&config.ReplicationFactor, &params.ReplicationFactor},
			{&config.WriteConsistencyFactor, &params.WriteConsistencyFactor},
		} {
			if *field.from != nil {
				*field.to = *field.from
			}
		}
		if params.OnDiskPayload != nil {
			config.OnDiskPayload = params.OnDiskPayload
		}
	}
	switch diff := update.GetQuantizationConfig().GetQuantization().(type) {
	case *qc.QuantizationConfigDiff_Disabled:
		config.QuantizationConfig = nil
	case *qc.QuantizationConfigDiff_Scalar:
		config.QuantizationConfig = qc.NewQuantizationScalar(diff.Scalar)
	case *qc.QuantizationConfigDiff_Binary:
		config.QuantizationConfig = qc.NewQuantizationBinary(diff.Binary)
	case *qc.QuantizationConfigDiff_Product:
		config.QuantizationConfig = qc.NewQuantizationProduct(diff.Product)
	}
	name, vectors := soleVector(config)
	changes := update.GetVectorsConfig().GetParamsMap().GetMap()
	if single := update.GetVectorsConfig().GetParams(); single != nil {
		changes = map[string]*qc.VectorParamsDiff{"": single}
	}
	for of, diff := range changes {
		if of != name {
			return wrongInput("Not existing vector name error: %.80s", of)
		}
		if diff.OnDisk != nil {
			vectors.OnDisk = diff.OnDisk
		}
	}
	return nil
}

// CreateShardKey does nothing: there is one shard.
func (c *collectionsService) CreateShardKey(ctx context.Context, req *qc.CreateShardKeyRequest) (*qc.CreateShardKeyResponse, error) {
	_, err := c.CollectionExists(ctx, &qc.CollectionExistsRequest{CollectionName: req.GetCollectionName()})
	return &qc.CreateShardKeyResponse{Result: true}, err
}

// ListShardKeys lists none.
func (c *collectionsService) ListShardKeys(context.Context, *qc.ListShardKeysRequest) (*qc.ListShardKeysResponse, error) {
	return &qc.ListShardKeysResponse{}, nil
}
