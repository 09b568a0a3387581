package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/query-synergy/query-synergy/internal/cli/fault"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/filter"
	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// newTLS reads what TLS goes by, or returns nil where the system's authorities
// do.
func newTLS(s config.TLS) (*tls.Config, error) {
	if s.CAFile == "" && s.CertFile == "" {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		text, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("QDRANT_CA_FILE: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("QDRANT_CA_FILE: %s holds no certificate in PEM", s.CAFile)
		}
	}
	if s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			// Of a file that is there, the cause says what is wrong but not in which.
			return nil, fmt.Errorf("QDRANT_CERT_FILE %s with QDRANT_KEY_FILE %s: %w", s.CertFile, s.KeyFile, err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// CollectionOptions returns the settings of collections: those of the flags and
// the environment, over those of the file.
func CollectionOptions(s config.Collections) (qdrant.CollectionOptions, error) {
	opts := qdrant.CollectionOptions{
		Shards: s.Shards, Replication: s.Replication, WriteConsistency: s.WriteConsistency,
		HNSW:   qdrant.HNSW{M: s.HNSWM, EFConstruct: s.HNSWEFConstruct, FullScanKB: s.HNSWFullKB},
		OnDisk: s.OnDisk, Datatype: s.Datatype, Quantization: s.Quantization,
		PayloadIndexes: s.PayloadIndexes, ShardKey: s.ShardKey,
	}
	if s.File != "" {
		text, err := os.ReadFile(s.File)
		if err != nil {
			return opts, fmt.Errorf("QDRANT_COLLECTION_OPTIONS: %w", err)
		}
		file, err := qdrant.ParseCollectionOptions(text)
		if err != nil {
			return opts, fmt.Errorf("%s: %w", s.File, err)
		}
		opts = opts.Over(file)
	}
	return opts, opts.Validate()
}

// wholePayload stands for a payload whose fields are all the document's own.
const wholePayload = "."

// overlay puts the keys that the settings name into a layout.
func overlay(l qdrant.Layout, s config.Layout) qdrant.Layout {
	for _, key := range []struct {
		to   *string
		from string
	}{
		{&l.Text, s.Text}, {&l.Title, s.Title}, {&l.DocID, s.DocID}, {&l.Lang, s.Lang}, {&l.Metadata, s.Metadata}, {&l.Vector, s.Vector},
	} {
		if key.from != "" {
			*key.to = key.from
		}
	}
	if l.Metadata == wholePayload {
		l.Metadata = ""
	}
	if s.Text != "" {
		l.TextInJSON = ""
	}
	return l
}

// OwnLayout returns the layout in which an index is written: this program's own
// with the keys of the one named, which another program then can read.
func OwnLayout(s config.Layout) (qdrant.Layout, error) {
	if s == (config.Layout{}) {
		return qdrant.Layout{}, nil
	}
	l := qdrant.OwnLayout()
	if s.Name != "" {
		named, err := qdrant.NamedLayout(s.Name)
		if err != nil {
			return l, err
		}
		l.TextInJSON, l.NoDocID = named.TextInJSON, named.NoDocID
		if named.Text != "" {
			l.Text = named.Text
		}
		if named.Metadata != "" {
			l.Metadata = named.Metadata
		}
	}
	if l = overlay(l, s); l == qdrant.OwnLayout() {
		return qdrant.Layout{}, nil
	}
	return l, l.ValidateOwn()
}

// Foreign returns a collection that another program wrote, to be queried with
// the embedder's model.
func (s *Store) Foreign(e *Embedder, l config.Layout, name string) (qdrant.ForeignIndex, error) {
	var layout qdrant.Layout
	switch {
	case l.Name != "":
		var err error
		if layout, err = qdrant.NamedLayout(l.Name); err != nil {
			return qdrant.ForeignIndex{}, fault.UsageError{Err: err}
		}
	case l.Text == "":
		return qdrant.ForeignIndex{}, fault.WithHint(
			fault.UsageError{Err: errors.New("--collection: nothing says where its points have their text")},
			"name its layout with --layout, or the key of the text with --text-key")
	}
	id := e.Identity()
	return qdrant.ForeignIndex{Store: s.Store, Name: name, Schema: qdrant.Schema{
		Model: id.Model, Dimensions: id.Dimensions,
		QueryPrefix: id.QueryPrefix, PassagePrefix: id.PassagePrefix, QueryBody: id.QueryBody, PassageBody: id.PassageBody,
		Layout: overlay(layout, l),
	}}, nil
}

// ReadOptions returns how a query is to be read, and whether approximately.
func ReadOptions(s config.Read) (opts qdrant.ReadOptions, approximate bool, err error) {
	opts = qdrant.ReadOptions{EF: s.EF, Oversampling: s.Oversampling, Consistency: qdrant.Consistency(s.Consistency), Timeout: s.Timeout}
	if s.Filter != "" {
		if opts.Filter, err = filter.Parse(s.Filter); err != nil {
			return opts, false, err
		}
	}
	return opts, s.Approximate, opts.Validate()
}
