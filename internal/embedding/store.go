package embedding

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// keySchema changes when the meaning of a cached value does.
const keySchema = "embedding/1"

// key names the vector of a text in the cache: a hash over everything that
// decides it, each part with its length, so that no two sets of parts collide.
func (j *job) key(text string) cache.Key {
	requested := uint64(0)
	if j.config.Profile.RequestDimensions {
		requested = uint64(j.config.Profile.Dimensions)
	}
	hash := sha256.New()
	for _, part := range []string{
		keySchema, j.config.Model, j.prefix, j.bodyJSON,
		string(binary.LittleEndian.AppendUint64(nil, requested)), j.role.String(), text,
	} {
		hash.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return cache.Key(hash.Sum(nil))
}

// lookUp takes from the cache what it has.
func (j *job) lookUp(ctx context.Context) error {
	if j.config.Cache == nil {
		return nil
	}
	j.keys = make([]cache.Key, len(j.texts))
	for i, text := range j.texts {
		j.keys[i] = j.key(text)
	}
	if j.cacheFailed.Load() {
		return nil
	}
	found, err := j.config.Cache.GetMany(ctx, j.keys)
	if err != nil {
		return j.cacheFault(ctx, err)
	}
	for i, key := range j.keys {
		v := decode(found[key])
		// A vector that would not pass as a reply is a miss.
		if vector.Check(v, 0) == nil && j.settleDimensions(len(v)) == nil {
			j.vectors[i] = v
			j.stats.Cached++
		}
	}
	return nil
}

// store puts the vectors of a batch into the cache, at once, so that an
// interrupted run loses little.
func (j *job) store(ctx context.Context, batch []int) error {
	if j.config.Cache == nil || j.cacheFailed.Load() {
		return nil
	}
	entries := make(map[cache.Key][]byte, len(batch))
	for _, i := range batch {
		entries[j.keys[i]] = encode(j.vectors[i])
	}
	if err := j.config.Cache.PutMany(ctx, entries); err != nil {
		return j.cacheFault(ctx, err)
	}
	return nil
}

// cacheFault goes on without the cache, unless the work was cancelled.
func (j *job) cacheFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !j.cacheFailed.Swap(true) {
		j.logger.WarnContext(ctx, "embedding goes on without its cache", "error", err)
	}
	return nil
}

// encode returns the components as little-endian float32.
func encode(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// decode undoes encode; what encode cannot have made becomes nil.
func decode(data []byte) []float32 {
	if len(data)%4 != 0 {
		return nil
	}
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}
