package qdrant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/filter"
)

// CollectionOptions say how a collection is laid out on a server. None changes
// what an exact search finds, but for float16. A field that is left zero is the
// server's choice.
type CollectionOptions struct {
	Shards           int  `json:"shards"`            // 1 to 1024
	Replication      int  `json:"replication"`       // copies of each shard, 1 to 64
	WriteConsistency int  `json:"write_consistency"` // copies that must have taken a write, to Replication
	HNSW             HNSW `json:"hnsw"`
	// OnDisk names what is read from the disk in place of the memory: PartVectors,
	// PartPayload, PartHNSW.
	OnDisk   []string `json:"on_disk"`
	Datatype string   `json:"datatype"` // Float32 or Float16
	// Quantization is a form of the vectors that an approximate search goes by
	// first; what it finds is scored by the vectors as they are stored.
	Quantization string `json:"quantization"` // QuantizationNone, …Scalar, …Binary or …Product
	// PayloadIndexes are the fields that filters shall be fast on, by the names that
	// filters have for them, with their types (PayloadTypes).
	PayloadIndexes map[string]string `json:"payload_indexes"`
	// ShardKey puts the points behind a shard key of the cluster: this one, or with
	// ShardKeyLang the index's language.
	ShardKey string `json:"shard_key"`
}

// HNSW are the settings of the graph that approximate searches follow.
type HNSW struct {
	M           int `json:"m"`            // edges a node, 2 to 512
	EFConstruct int `json:"ef_construct"` // candidates looked at while building, 4 to 65536
	FullScanKB  int `json:"full_scan_kb"` // vectors of a segment below which it is scanned, in KB
}

// Values of CollectionOptions.
const (
	PartVectors = "vectors"
	PartPayload = "payload"
	PartHNSW    = "hnsw"

	Float32 = "float32"
	Float16 = "float16"

	QuantizationNone    = "none"
	QuantizationScalar  = "scalar"  // int8, a quarter of the size
	QuantizationBinary  = "binary"  // a bit a dimension
	QuantizationProduct = "product" // a sixteenth of the size

	ShardKeyLang = "lang"
)

// parts are what OnDisk can name.
var parts = []string{PartVectors, PartPayload, PartHNSW}

// quantizations are what Quantization can be.
var quantizations = []string{QuantizationNone, QuantizationScalar, QuantizationBinary, QuantizationProduct}

// payloadTypes are the types of payload indexes, by their names.
var payloadTypes = map[string]qc.FieldType{
	"keyword":  qc.FieldType_FieldTypeKeyword,
	"integer":  qc.FieldType_FieldTypeInteger,
	"float":    qc.FieldType_FieldTypeFloat,
	"bool":     qc.FieldType_FieldTypeBool,
	"datetime": qc.FieldType_FieldTypeDatetime,
	"uuid":     qc.FieldType_FieldTypeUuid,
}

// ParseCollectionOptions reads options from JSON, an object of the fields above.
func ParseCollectionOptions(text []byte) (CollectionOptions, error) {
	var o CollectionOptions
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return CollectionOptions{}, fmt.Errorf("collection options: %s", cut(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return CollectionOptions{}, errors.New("collection options: there is something after the JSON object")
	}
	return o, nil
}

// Over returns the options with those of other where they say nothing.
func (o CollectionOptions) Over(other CollectionOptions) CollectionOptions {
	for _, n := range []struct{ own, other *int }{
		{&o.Shards, &other.Shards}, {&o.Replication, &other.Replication}, {&o.WriteConsistency, &other.WriteConsistency},
		{&o.HNSW.M, &other.HNSW.M}, {&o.HNSW.EFConstruct, &other.HNSW.EFConstruct}, {&o.HNSW.FullScanKB, &other.HNSW.FullScanKB},
	} {
		if *n.own == 0 {
			*n.own = *n.other
		}
	}
	for _, s := range []struct{ own, other *string }{
		{&o.Datatype, &other.Datatype}, {&o.Quantization, &other.Quantization}, {&o.ShardKey, &other.ShardKey},
	} {
		if *s.own == "" {
			*s.own = *s.other
		}
	}
	if o.OnDisk == nil {
		o.OnDisk = other.OnDisk
	}
	if o.PayloadIndexes == nil {
		o.PayloadIndexes = other.PayloadIndexes
	}
	return o
}

// Validate returns an error that says all that is wrong with the options.
func (o CollectionOptions) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, n := range []struct {
		what             string
		value, low, high int
	}{
		{"shards", o.Shards, 1, 1024}, {"replication", o.Replication, 1, 64}, {"write consistency", o.WriteConsistency, 1, 64},
		{"hnsw m", o.HNSW.M, 2, 512}, {"hnsw ef_construct", o.HNSW.EFConstruct, 4, MaxEF}, {"hnsw full_scan_kb", o.HNSW.FullScanKB, 10, 1 << 30},
	} {
		if n.value != 0 && (n.value < n.low || n.value > n.high) {
			wrong("%s is %d, want %d to %d", n.what, n.value, n.low, n.high)
		}
	}
	if o.WriteConsistency > max(1, o.Replication) {
		wrong("write consistency %d is more than the %d copies that there are", o.WriteConsistency, max(1, o.Replication))
	}
	for _, part := range o.OnDisk {
		if !slices.Contains(parts, part) {
			wrong("on disk %q: want some of %s", cut(part), strings.Join(parts, ", "))
		}
	}
	switch o.Datatype {
	case "", Float32, Float16:
	case "uint8":
		wrong("datatype uint8 keeps whole numbers from 0 to 255, which the components of embeddings are not: take float16, or quantization scalar")
	default:
		wrong("datatype %q: want %s or %s", cut(o.Datatype), Float32, Float16)
	}
	if o.Quantization != "" && !slices.Contains(quantizations, o.Quantization) {
		wrong("quantization %q: want one of %s", cut(o.Quantization), strings.Join(quantizations, ", "))
	}
	for _, field := range slices.Sorted(maps.Keys(o.PayloadIndexes)) {
		if _, err := filter.ParsePath(field); err != nil {
			wrong("payload index on %q: %w", cut(field), err)
		}
		if _, ok := payloadTypes[o.PayloadIndexes[field]]; !ok {
			wrong("payload index on %s is of type %q: want one of %s", cut(field), cut(o.PayloadIndexes[field]),
				strings.Join(slices.Sorted(maps.Keys(payloadTypes)), ", "))
		}
	}
	return errors.Join(errs...)
}

// shardKey is the key of an index's points; empty for none.
func (o CollectionOptions) shardKey(key Key) string {
	if o.ShardKey == ShardKeyLang {
		return key.Lang
	}
	return o.ShardKey
}

// apply puts the options into a request that makes a collection. What 1.19 calls
// memory, 1.18 knows by the older fields only.
//
//nolint:staticcheck // the older fields are deprecated
func (o CollectionOptions) apply(request *qc.CreateCollection, vectors *qc.VectorParams) {
	request.ShardNumber = positive[uint32](o.Shards)
	request.ReplicationFactor = positive[uint32](o.Replication)
	request.WriteConsistencyFactor = positive[uint32](o.WriteConsistency)
	request.HnswConfig = o.hnsw()
	request.QuantizationConfig = o.quantization()
	if slices.Contains(o.OnDisk, PartVectors) {
		vectors.OnDisk = qc.PtrOf(true)
	}
	if slices.Contains(o.OnDisk, PartPayload) {
		request.OnDiskPayload = qc.PtrOf(true)
	}
	if o.Datatype == Float16 {
		vectors.Datatype = qc.PtrOf(qc.Datatype_Float16)
	}
	if o.ShardKey != "" {
		request.ShardingMethod = qc.PtrOf(qc.ShardingMethod_Custom)
	}
}

func positive[T uint32 | uint64](n int) *T {
	if n == 0 {
		return nil
	}
	return qc.PtrOf(T(n))
}

//nolint:staticcheck // the older fields are deprecated
func (o CollectionOptions) hnsw() *qc.HnswConfigDiff {
	diff := &qc.HnswConfigDiff{
		M:                 positive[uint64](o.HNSW.M),
		EfConstruct:       positive[uint64](o.HNSW.EFConstruct),
		FullScanThreshold: positive[uint64](o.HNSW.FullScanKB),
	}
	if slices.Contains(o.OnDisk, PartHNSW) {
		diff.OnDisk = qc.PtrOf(true)
	}
	if diff.M == nil && diff.EfConstruct == nil && diff.FullScanThreshold == nil && diff.OnDisk == nil {
		return nil
	}
	return diff
}

// quantization keeps the small copies in memory, which they are made for.
//
//nolint:staticcheck // the older fields are deprecated
func (o CollectionOptions) quantization() *qc.QuantizationConfig {
	switch o.Quantization {
	case QuantizationScalar:
		return qc.NewQuantizationScalar(&qc.ScalarQuantization{Type: qc.QuantizationType_Int8, AlwaysRam: qc.PtrOf(true)})
	case QuantizationBinary:
		return qc.NewQuantizationBinary(&qc.BinaryQuantization{AlwaysRam: qc.PtrOf(true)})
	case QuantizationProduct:
		return qc.NewQuantizationProduct(&qc.ProductQuantization{Compression: qc.CompressionRatio_x16, AlwaysRam: qc.PtrOf(true)})
	default:
		return nil
	}
}

func quantizationName(config *qc.QuantizationConfig) string {
	switch config.GetQuantization().(type) {
	case nil:
		return QuantizationNone
	case *qc.QuantizationConfig_Scalar:
		return QuantizationScalar
	case *qc.QuantizationConfig_Binary:
		return QuantizationBinary
	case *qc.QuantizationConfig_Product:
		return QuantizationProduct
	default:
		return "another"
	}
}

// setting is one option of a collection that is there.
type setting struct {
	name       string
	has, wants string
	// change puts the wanted value into a request; nil where it cannot be changed.
	change func(*qc.UpdateCollection)
}

// differences lists in what a collection differs from what the options ask for.
//
//nolint:staticcheck // the older fields are deprecated
func (o CollectionOptions) differences(c Collection, info *qc.CollectionInfo) []setting {
	config, params := info.GetConfig(), info.GetConfig().GetParams()
	vectors := c.Schema.Layout.paramsOf(info)
	graph := config.GetHnswConfig()
	var out []setting
	add := func(name string, has, wants any, change func(*qc.UpdateCollection)) {
		if has != wants {
			out = append(out, setting{name, fmt.Sprint(has), fmt.Sprint(wants), change})
		}
	}
	number := func(name string, has uint64, wants int, change func(*qc.UpdateCollection)) {
		if wants != 0 {
			add(name, has, uint64(wants), change)
		}
	}
	factors := func(u *qc.UpdateCollection) *qc.CollectionParamsDiff {
		if u.Params == nil {
			u.Params = &qc.CollectionParamsDiff{}
		}
		return u.Params
	}
	hnsw := func(u *qc.UpdateCollection) { u.HnswConfig = o.hnsw() }
	number("shards", uint64(params.GetShardNumber()), o.Shards, nil)
	number("replication", max(1, uint64(params.GetReplicationFactor())), o.Replication, func(u *qc.UpdateCollection) {
		factors(u).ReplicationFactor = positive[uint32](o.Replication)
	})
	number("write consistency", max(1, uint64(params.GetWriteConsistencyFactor())), o.WriteConsistency, func(u *qc.UpdateCollection) {
		factors(u).WriteConsistencyFactor = positive[uint32](o.WriteConsistency)
	})
	number("hnsw m", graph.GetM(), o.HNSW.M, hnsw)
	number("hnsw ef_construct", graph.GetEfConstruct(), o.HNSW.EFConstruct, hnsw)
	number("hnsw full_scan_kb", graph.GetFullScanThreshold(), o.HNSW.FullScanKB, hnsw)
	for _, part := range o.OnDisk {
		switch part {
		case PartHNSW:
			add("hnsw on disk", graph.GetOnDisk(), true, hnsw)
		case PartPayload:
			add("payload on disk", params.GetOnDiskPayload(), true, func(u *qc.UpdateCollection) {
				factors(u).OnDiskPayload = qc.PtrOf(true)
			})
		case PartVectors:
			add("vectors on disk", vectors.GetOnDisk(), true, func(u *qc.UpdateCollection) {
				u.VectorsConfig = qc.NewVectorsConfigDiffMap(map[string]*qc.VectorParamsDiff{
					c.Schema.Layout.Vector: {OnDisk: qc.PtrOf(true)},
				})
			})
		}
	}
	if o.Quantization != "" {
		add("quantization", quantizationName(config.GetQuantizationConfig()), o.Quantization, func(u *qc.UpdateCollection) {
			switch o.Quantization {
			case QuantizationNone:
				u.QuantizationConfig = qc.NewQuantizationDiffDisabled()
			case QuantizationScalar:
				u.QuantizationConfig = qc.NewQuantizationDiffScalar(o.quantization().GetScalar())
			case QuantizationBinary:
				u.QuantizationConfig = qc.NewQuantizationDiffBinary(o.quantization().GetBinary())
			case QuantizationProduct:
				u.QuantizationConfig = qc.NewQuantizationDiffProduct(o.quantization().GetProduct())
			}
		})
	}
	if o.Datatype != "" {
		has := Float32
		if c.Datatype != "" {
			has = c.Datatype
		}
		add("datatype", has, o.Datatype, nil)
	}
	if o.ShardKey != "" {
		add("shard key", c.ShardKey, o.shardKey(c.Key), nil)
	}
	return out
}

// reconcile brings a collection that is there to the options as far as the
// server lets it, and says the rest.
func (s *Store) reconcile(ctx context.Context, c Collection, info *qc.CollectionInfo) error {
	update := &qc.UpdateCollection{CollectionName: c.Name}
	changed := 0
	for _, d := range s.collections.differences(c, info) {
		if d.change == nil {
			s.log.Warn("a setting of the collection cannot be changed: rebuild the index for it",
				"collection", c.Name, "setting", d.name, "has", d.has, "asked for", d.wants)
			continue
		}
		s.log.Warn("changing a setting of the collection", "collection", c.Name, "setting", d.name, "from", d.has, "to", d.wants)
		d.change(update)
		changed++
	}
	if changed == 0 {
		return nil
	}
	_, err := call(ctx, s, "change the settings of collection "+c.Name, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.UpdateCollection(ctx, update)
	})
	return err
}

// ensureShardKey makes the shard key that a collection's points are behind.
func (s *Store) ensureShardKey(ctx context.Context, c Collection) error {
	if c.ShardKey == "" {
		return nil
	}
	keys, err := call(ctx, s, "list the shard keys of "+c.Name, func(ctx context.Context) ([]*qc.ShardKeyDescription, error) {
		return s.client.ListShardKeys(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(keys, func(k *qc.ShardKeyDescription) bool { return k.GetKey().GetKeyword() == c.ShardKey }) {
		return nil
	}
	what := fmt.Sprintf("make shard key %q of %s", c.ShardKey, c.Name)
	_, err = call(ctx, s, what, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.client.CreateShardKey(ctx, c.Name, &qc.CreateShardKey{ShardKey: qc.NewShardKey(c.ShardKey)})
	})
	return err
}

// shards routes a write; nil where the server does by itself.
func (c Collection) shards() *qc.ShardKeySelector {
	if c.ShardKey == "" {
		return nil
	}
	return &qc.ShardKeySelector{ShardKeys: []*qc.ShardKey{qc.NewShardKey(c.ShardKey)}}
}

// fieldIndex is an index on a field of the payload.
type fieldIndex struct {
	path string
	kind qc.FieldType
}

// fieldIndexes are those that a collection is to have, its own ones first.
func (o CollectionOptions) fieldIndexes(c Collection) []fieldIndex {
	indexes := []fieldIndex{
		{c.layout().DocID, qc.FieldType_FieldTypeKeyword},
		{keyChunk, qc.FieldType_FieldTypeInteger},
	}
	for _, field := range slices.Sorted(maps.Keys(o.PayloadIndexes)) {
		path, err := filter.ParsePath(field)
		if err != nil { // no options that were checked
			continue
		}
		indexes = append(indexes, fieldIndex{c.fieldPath(path), payloadTypes[o.PayloadIndexes[field]]})
	}
	return indexes
}
