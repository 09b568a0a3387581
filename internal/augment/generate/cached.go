package generate

import (
	"context"
	"log/slog"
	"strconv"

	"github.com/query-synergy/query-synergy/internal/cache"
)

// Identified is a model whose replies depend on its identity, the prompt and the
// seed only.
type Identified interface {
	Model
	Identity() string
}

// Cached remembers the replies of another model, across processes. Errors are
// not remembered.
type Cached struct {
	Identified
	memory *cache.Cache
	log    *slog.Logger
}

// NewCached returns a model that asks memory before model. log hears of a memory
// that fails; generating goes on without.
func NewCached(model Identified, memory *cache.Cache, log *slog.Logger) *Cached {
	return &Cached{Identified: model, memory: memory, log: log}
}

// Generate returns the remembered reply or asks for one.
func (c *Cached) Generate(ctx context.Context, prompt string, seed int) (Reply, error) {
	key := cache.Key(digest("generated query 1", c.Identity(), prompt, strconv.Itoa(seed)))
	found, err := c.memory.GetMany(ctx, []cache.Key{key})
	c.warn(ctx, err)
	if text, ok := found[key]; ok {
		return Reply{Text: string(text), Cached: true}, nil
	}
	reply, err := c.Identified.Generate(ctx, prompt, seed)
	if err != nil {
		return Reply{}, err
	}
	c.warn(ctx, c.memory.PutMany(ctx, map[cache.Key][]byte{key: []byte(reply.Text)}))
	return reply, nil
}

func (c *Cached) warn(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		c.log.WarnContext(ctx, "generating goes on without its cache", "error", err)
	}
}
