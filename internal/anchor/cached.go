package anchor

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"unicode/utf8"

	"github.com/query-synergy/query-synergy/internal/cache"
)

// Identified is a translator whose answers depend on its identity and on the
// request's text and languages only.
type Identified interface {
	Translator
	Identity() string
}

// Cached remembers the translations of another translator, across processes.
// Errors are not remembered. Equal requests at the same time become one, which
// goes on as long as one of the callers waits for it.
type Cached struct {
	translator Identified
	memory     *cache.Cache
	log        *slog.Logger
	flights    flights
}

// NewCached returns a translator that asks memory before translator. log hears
// of a memory that fails; translating goes on without.
func NewCached(translator Identified, memory *cache.Cache, log *slog.Logger) *Cached {
	return &Cached{translator: translator, memory: memory, log: log}
}

// Translate returns the remembered translation or asks for one.
func (c *Cached) Translate(ctx context.Context, request Request) (Anchor, error) {
	key := c.key(request)
	return c.flights.do(ctx, key, func(ctx context.Context) (Anchor, error) {
		found, err := c.memory.GetMany(ctx, []cache.Key{key})
		c.warn(ctx, err)
		if anchor, ok := decode(found[key], request.To); ok {
			return anchor, nil
		}
		anchor, err := c.translator.Translate(ctx, request)
		if err != nil {
			return Anchor{}, err
		}
		c.warn(ctx, c.memory.PutMany(ctx, map[cache.Key][]byte{key: encode(anchor)}))
		return anchor, nil
	})
}

func (c *Cached) warn(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		c.log.WarnContext(ctx, "translating goes on without its cache", "error", err)
	}
}

// keyVersion goes up with every change to how replies are cleaned.
const keyVersion = "translation 2"

// key hashes what decides the translation. Each part comes with its length, so
// that no two lists of parts hash the same.
func (c *Cached) key(request Request) cache.Key {
	hash := sha256.New()
	for _, part := range []string{keyVersion, c.translator.Identity(), request.From, request.To, tidy(request.Text)} {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return cache.Key(hash.Sum(nil))
}

// An entry is the origin's length, the origin and the text.

func encode(anchor Anchor) []byte {
	value := binary.AppendUvarint(nil, uint64(len(anchor.Origin)))
	value = append(value, anchor.Origin...)
	return append(value, anchor.Text...)
}

// decode refuses an entry that encode did not write: it counts as missing.
func decode(value []byte, to string) (Anchor, bool) {
	length, n := binary.Uvarint(value)
	if n <= 0 || length > uint64(len(value)-n) {
		return Anchor{}, false
	}
	origin, text := value[n:n+int(length)], value[n+int(length):]
	if len(text) == 0 || !utf8.Valid(value) {
		return Anchor{}, false
	}
	return Anchor{Text: string(text), Lang: to, Origin: string(origin), Cached: true}, true
}
