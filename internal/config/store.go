package config

import (
	"strings"
	"time"
)

// TLS says how the connection to a server is secured.
type TLS struct {
	On bool // also where the address does not say so
	// Files in PEM; "" for none. CAFile holds the authorities to trust in place of
	// the system's; CertFile and KeyFile what this client shows.
	CAFile, CertFile, KeyFile string
}

// Collections says how the collections of indexes are laid out on a server. What
// is left zero, the file says, or else the server.
type Collections struct {
	File                               string // JSON; "": none
	Shards, Replication                int
	WriteConsistency                   int
	HNSWM, HNSWEFConstruct, HNSWFullKB int
	OnDisk                             []string
	Datatype, Quantization, ShardKey   string
	PayloadIndexes                     map[string]string // field to type
}

// Layout says where points have what. What is "" is left to the layout named, or
// to this program's own.
type Layout struct {
	Name                             string
	Text, Title, DocID, Lang, Vector string
	Metadata                         string // "." for the whole payload
}

// Read says which passages a query is for, and how they are read.
type Read struct {
	Filter      string // not yet parsed; "" for none
	EF          int    // 0: the collection's own
	Approximate bool
	// Oversampling is how many times more candidates quantised vectors choose; 0:
	// the adapter's default.
	Oversampling float64
	Consistency  string        // not yet checked; "": the server's own
	Timeout      time.Duration // of one call; 0: that of the connection
}

func (r *reader) collections() Collections {
	v := &r.vars
	for name, value := range map[string]*int{
		"QDRANT_SHARDS": v.Shards, "QDRANT_REPLICATION": v.Replication, "QDRANT_WRITE_CONSISTENCY": v.WriteConsistency,
		"QDRANT_HNSW_M": v.HNSWM, "QDRANT_HNSW_EF_CONSTRUCT": v.HNSWEFConstruct, "QDRANT_HNSW_FULL_SCAN_KB": v.HNSWFullKB,
		"QUERY_EF": v.EF,
	} {
		if value != nil && *value < 1 { // the adapter knows the upper ends
			r.fault(name, "is out of range")
		}
	}
	c := Collections{
		File: v.CollectionFile, Shards: orZero(v.Shards), Replication: orZero(v.Replication), WriteConsistency: orZero(v.WriteConsistency),
		HNSWM: orZero(v.HNSWM), HNSWEFConstruct: orZero(v.HNSWEFConstruct), HNSWFullKB: orZero(v.HNSWFullKB),
		OnDisk: v.OnDisk, Datatype: v.Datatype, Quantization: v.Quantization, ShardKey: v.ShardKey,
	}
	for _, field := range v.PayloadIndexes {
		colon := strings.LastIndex(field, ":")
		if colon < 1 {
			r.fault("QDRANT_PAYLOAD_INDEXES", "is not such a list")
			break
		}
		if c.PayloadIndexes == nil {
			c.PayloadIndexes = map[string]string{}
		}
		c.PayloadIndexes[field[:colon]] = field[colon+1:]
	}
	return c
}

func orZero[T int | float64](n *T) T {
	if n == nil {
		return 0
	}
	return *n
}

func (r *reader) tls() TLS {
	v := &r.vars
	if (v.QdrantCertFile == "") != (v.QdrantKeyFile == "") {
		r.fault("QDRANT_KEY_FILE", "and QDRANT_CERT_FILE go together")
	}
	return TLS{On: v.QdrantTLS, CAFile: v.QdrantCAFile, CertFile: v.QdrantCertFile, KeyFile: v.QdrantKeyFile}
}

func (r *reader) layout() Layout {
	v := &r.vars
	return Layout{
		Name: v.Layout, Text: v.TextKey, Title: v.TitleKey, DocID: v.IDKey, Lang: v.LangKey,
		Metadata: v.MetadataKey, Vector: v.VectorName,
	}
}

func (r *reader) readOptions() Read {
	v := &r.vars
	if v.QueryTimeout != 0 && (v.QueryTimeout < minTimeout || v.QueryTimeout > maxTimeout) {
		r.fault("QUERY_TIMEOUT", "is out of range")
	}
	if v.Oversampling != nil && !(*v.Oversampling >= 1) { // the adapter knows the upper end
		r.fault("QUERY_OVERSAMPLING", "is out of range")
	}
	return Read{
		Filter: v.Filter, EF: orZero(v.EF), Oversampling: orZero(v.Oversampling), Approximate: v.Approximate, Consistency: v.ReadConsistency, Timeout: v.QueryTimeout,
	}
}

// CollectionFlags say how the collections of indexes are laid out on a server.
type CollectionFlags struct {
	File             *string  `name:"collection-options" placeholder:"FILE" help:"${QDRANT_COLLECTION_OPTIONS}"`
	Shards           *string  `name:"shards" placeholder:"N" help:"${QDRANT_SHARDS}"`
	Replication      *string  `name:"replication" placeholder:"N" help:"${QDRANT_REPLICATION}"`
	WriteConsistency *string  `name:"write-consistency" placeholder:"N" help:"${QDRANT_WRITE_CONSISTENCY}"`
	HNSWM            *string  `name:"hnsw-m" placeholder:"N" help:"${QDRANT_HNSW_M}"`
	HNSWEFConstruct  *string  `name:"hnsw-ef-construct" placeholder:"N" help:"${QDRANT_HNSW_EF_CONSTRUCT}"`
	HNSWFullKB       *string  `name:"hnsw-full-scan-kb" placeholder:"N" help:"${QDRANT_HNSW_FULL_SCAN_KB}"`
	OnDisk           []string `name:"on-disk" placeholder:"PART" help:"${QDRANT_ON_DISK}"`
	Datatype         *string  `name:"datatype" placeholder:"NAME" help:"${QDRANT_DATATYPE}"`
	Quantization     *string  `name:"quantization" placeholder:"KIND" help:"${QDRANT_QUANTIZATION}"`
	PayloadIndexes   []string `name:"payload-index" placeholder:"FIELD:TYPE" help:"${QDRANT_PAYLOAD_INDEXES}"`
	ShardKey         *string  `name:"shard-key" placeholder:"KEY" help:"${QDRANT_SHARD_KEY}"`
}

func (f CollectionFlags) overrides() map[string]*string {
	return map[string]*string{
		"QDRANT_COLLECTION_OPTIONS": f.File,
		"QDRANT_SHARDS":             f.Shards,
		"QDRANT_REPLICATION":        f.Replication,
		"QDRANT_WRITE_CONSISTENCY":  f.WriteConsistency,
		"QDRANT_HNSW_M":             f.HNSWM,
		"QDRANT_HNSW_EF_CONSTRUCT":  f.HNSWEFConstruct,
		"QDRANT_HNSW_FULL_SCAN_KB":  f.HNSWFullKB,
		"QDRANT_ON_DISK":            joined(f.OnDisk),
		"QDRANT_DATATYPE":           f.Datatype,
		"QDRANT_QUANTIZATION":       f.Quantization,
		"QDRANT_PAYLOAD_INDEXES":    joined(f.PayloadIndexes),
		"QDRANT_SHARD_KEY":          f.ShardKey,
	}
}

func joined(values []string) *string {
	if values == nil {
		return nil
	}
	text := strings.Join(values, ",")
	return &text
}

// LayoutFlags say where points have what.
type LayoutFlags struct {
	Layout      *string `name:"layout" placeholder:"NAME" help:"${QDRANT_LAYOUT}"`
	TextKey     *string `name:"text-key" placeholder:"KEY" help:"${QDRANT_TEXT_KEY}"`
	TitleKey    *string `name:"title-key" placeholder:"KEY" help:"${QDRANT_TITLE_KEY}"`
	IDKey       *string `name:"id-key" placeholder:"KEY" help:"${QDRANT_ID_KEY}"`
	LangKey     *string `name:"lang-key" placeholder:"KEY" help:"${QDRANT_LANG_KEY}"`
	MetadataKey *string `name:"metadata-key" placeholder:"KEY" help:"${QDRANT_METADATA_KEY}"`
	VectorName  *string `name:"vector-name" placeholder:"NAME" help:"${QDRANT_VECTOR_NAME}"`
}

func (f LayoutFlags) overrides() map[string]*string {
	return map[string]*string{
		"QDRANT_LAYOUT": f.Layout, "QDRANT_TEXT_KEY": f.TextKey, "QDRANT_TITLE_KEY": f.TitleKey, "QDRANT_ID_KEY": f.IDKey,
		"QDRANT_LANG_KEY": f.LangKey, "QDRANT_METADATA_KEY": f.MetadataKey, "QDRANT_VECTOR_NAME": f.VectorName,
	}
}

// ReadFlags say which passages a query is for, and how they are read.
type ReadFlags struct {
	Filter       *string `name:"filter" placeholder:"TEXT" help:"${QUERY_FILTER}"`
	Approximate  *bool   `name:"approximate" negatable:"exact" help:"${QUERY_APPROXIMATE}"`
	EF           *string `name:"ef" placeholder:"N" help:"${QUERY_EF}"`
	Oversampling *string `name:"oversampling" placeholder:"N" help:"${QUERY_OVERSAMPLING}"`
	Consistency  *string `name:"read-consistency" placeholder:"HOW" help:"${QUERY_READ_CONSISTENCY}"`
	Timeout      *string `name:"timeout" placeholder:"TIME" help:"${QUERY_TIMEOUT}"`
}

func (f ReadFlags) overrides() map[string]*string {
	return map[string]*string{
		"QUERY_FILTER": f.Filter, "QUERY_APPROXIMATE": truth(f.Approximate), "QUERY_EF": f.EF, "QUERY_OVERSAMPLING": f.Oversampling,
		"QUERY_READ_CONSISTENCY": f.Consistency, "QUERY_TIMEOUT": f.Timeout,
	}
}
