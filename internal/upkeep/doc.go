// Package upkeep keeps indexes in step with their sources and moves them: it
// compares an index with the documents that it should hold (Verify), writes and
// deletes the difference (Sync), makes a new version beside the old one and
// switches to it (Rebuild), and copies an index with its vectors from one store
// or file to another (CopyToStore, CopyToFile).
//
//	documents ─→ ledger ←─ the index's stamps      what differs, document by document
//	documents ─→ ingest ─→ new version ─→ verified ─→ alias
//	an index or a file ─→ new version ─→ verified ─→ alias
//
// What is compared is kept on disk, so that memory stays bounded whatever the
// size of an index. The package knows neither flags nor protocols.
package upkeep

import (
	"context"
	"iter"

	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// Reader is the part of *qdrant.Store that reads an index.
type Reader interface {
	Lookup(ctx context.Context, key qdrant.Key) (qdrant.Collection, error)
	Scroll(ctx context.Context, c qdrant.Collection, pageSize int) iter.Seq2[qdrant.Stamp, error]
}

// Store is the part of *qdrant.Store that upkeep needs.
type Store interface {
	ingest.Store
	ingest.Versions
	Reader
	Count(ctx context.Context, c qdrant.Collection) (uint64, error)
	Points(ctx context.Context, c qdrant.Collection, ids []string) (map[string]qdrant.Point, error)
	Export(ctx context.Context, c qdrant.Collection, after string) iter.Seq2[qdrant.Point, error]
	Promote(ctx context.Context, collections ...qdrant.Collection) error
}

const (
	scrollPage  = 1000
	deleteBatch = 1000 // ids at most in one deletion
)
