// Package embedded is an in-process engine that serves the part of Qdrant's
// gRPC API which internal/qdrant uses, over a durable store in a local folder.
// The adapter dials it through memory instead of the network, so one code path
// serves a laptop and a cluster, and the tests run on the real thing.
//
// Search is always exact: a single-precision SIMD scan over every live vector
// on all cores, ties broken by point id. What the engine does not serve it
// refuses with Unimplemented; it never answers approximately.
//
// # On disk
//
//	store.lock                 held (flock) by the one process that may write
//	store.db                   SQLite in WAL mode: collections, aliases, for each
//	                           collection the map from point id to row, the rows
//	                           that are dead, and how many rows are committed
//	collections/ID/G.vectors   float32 little-endian, row after row
//	collections/ID/G.rows      a fixed-size record a row: point id, and where the
//	                           payload lies (records.go)
//	collections/ID/G.payloads  payloads, one protobuf message after the other
//
// The three flat files of a generation G only ever grow. A write appends to
// them, syncs them, and then commits the new number of rows in SQLite: a crash
// in between leaves bytes that no reader looks at and the next write covers.
// There is nothing to repair. Readers map the files and take the number of rows
// and the dead rows from one SQLite snapshot, so each answer comes from one
// whole state. Opening costs the same whatever the store holds.
//
// The package knows gRPC and the disk; it knows no embedding model and nothing
// of how queries are fused.
package embedded
