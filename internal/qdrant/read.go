package qdrant

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/filter"
)

// ReadOptions say which passages of an index a query is for, and how the server
// reads them. The zero value means all of them, as the server does by itself.
type ReadOptions struct {
	// Filter keeps the passages whose payload it holds for; nil keeps all.
	// The names doc_id, lang, title, text, chunk and chunks mean those of the
	// passage; all others are of the document's own metadata, where "metadata."
	// may stand before them.
	Filter filter.Expr
	// EF is how many candidates an approximate search looks at, at most MaxEF; 0
	// is the collection's own. An exact search looks at every vector.
	EF int
	// Oversampling is how many times the limit's candidates an approximate search
	// takes by the quantised vectors, where there are such, before it scores them
	// by the whole ones: 1 to MaxOversampling, or 0 for DefaultOversampling.
	Oversampling float64
	Consistency  Consistency
	// Timeout is the longest wait for one attempt of one call, at the server too;
	// 0 is the store's.
	Timeout time.Duration
}

// MaxEF bounds ReadOptions.EF: beyond it, an exact search is as fast.
const MaxEF = 1 << 16

// DefaultOversampling is that of a query which names none. With it, vectors
// quantised to int8 or products find nearly all that whole ones would, and more
// adds little: docs/scaling.md. Qdrant's own is 1, its manual's examples take 2.
const DefaultOversampling = 4.0

// MaxOversampling bounds ReadOptions.Oversampling: beyond it, vectors in a
// larger form serve better.
const MaxOversampling = 100

// Consistency says how many replicas of a shard must agree on what is read: a
// number, ConsistencyMajority, ConsistencyQuorum or ConsistencyAll. Empty is the
// server's own way, one replica.
type Consistency string

// The consistencies that are no number.
const (
	ConsistencyMajority Consistency = "majority" // ask all, take what most of them have
	ConsistencyQuorum   Consistency = "quorum"   // ask most, take what all of these have
	ConsistencyAll      Consistency = "all"      // ask all, take what all have
)

// Validate returns an error that says what is wrong with the options.
func (o ReadOptions) Validate() error {
	var errs []error
	if o.EF < 0 || o.EF > MaxEF {
		errs = append(errs, fmt.Errorf("ef is %d, want 1 to %d", o.EF, MaxEF))
	}
	if o.Oversampling != 0 && !(o.Oversampling >= 1 && o.Oversampling <= MaxOversampling) {
		errs = append(errs, fmt.Errorf("oversampling is %v, want 1 to %d", o.Oversampling, MaxOversampling))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout is %v, want more than 0", o.Timeout))
	}
	if _, err := o.Consistency.message(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c Consistency) message() (*qc.ReadConsistency, error) {
	switch c {
	case "":
		return nil, nil
	case ConsistencyMajority:
		return qc.NewReadConsistencyType(qc.ReadConsistencyType_Majority), nil
	case ConsistencyQuorum:
		return qc.NewReadConsistencyType(qc.ReadConsistencyType_Quorum), nil
	case ConsistencyAll:
		return qc.NewReadConsistencyType(qc.ReadConsistencyType_All), nil
	}
	n, err := strconv.ParseUint(string(c), 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("read consistency %q: want a number of replicas, %s, %s or %s",
			cut(string(c)), ConsistencyMajority, ConsistencyQuorum, ConsistencyAll)
	}
	return qc.NewReadConsistencyFactor(n), nil
}

// consistency is the message of checked options.
func (o ReadOptions) consistency() *qc.ReadConsistency {
	message, _ := o.Consistency.message()
	return message
}

// seconds is the time limit as Qdrant takes it: whole, and none below one.
func (o ReadOptions) seconds() *uint64 {
	if o.Timeout == 0 {
		return nil
	}
	return qc.PtrOf(uint64(math.Ceil(o.Timeout.Seconds())))
}

// patient returns the store as calls with these options use it.
func (s *Store) patient(o ReadOptions) *Store {
	if o.Timeout == 0 {
		return s
	}
	other := *s
	other.timeout = o.Timeout
	return &other
}
