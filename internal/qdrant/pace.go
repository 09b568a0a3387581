package qdrant

import (
	"context"
	"errors"
	"sync"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// steady is how many batches in a row must pass before larger ones are tried.
const steady = 8

// pace is how large the batches are that the other side takes, as far as it is
// known: half as large after one that was too large or took too long, twice as
// large, up to maxBatchPoints and maxBatchBytes, after some that passed.
type pace struct {
	mu     sync.Mutex
	points int
	bytes  int
	passed int // in a row
}

func newPace() *pace { return &pace{points: maxBatchPoints, bytes: maxBatchBytes} }

func (p *pace) limits() (points, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.points, p.bytes
}

func (p *pace) tooLarge(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes, p.passed = max(1, min(p.bytes, bytes/2)), 0
}

func (p *pace) tooSlow(points int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points, p.passed = max(1, min(p.points, points/2)), 0
}

func (p *pace) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passed++; p.passed >= steady {
		p.points, p.bytes, p.passed = min(2*p.points, maxBatchPoints), min(2*p.bytes, maxBatchBytes), 0
	}
}

// inBatches passes the points to send, in order and in batches at the store's
// pace. A batch that fails for its size, or by taking too long, is sent again in
// smaller ones; s.attempts timeouts without a batch between them that passes are
// the end.
func (s *Store) inBatches(ctx context.Context, points []*qc.PointStruct, send func(context.Context, *Store, []*qc.PointStruct) error) error {
	impatient := *s
	impatient.timeoutsEnd = true
	stalled := uint(0)
	smallest := len(points) // of the batches that failed since one passed
	for len(points) > 0 {
		n, bytes := s.pace.next(points, smallest)
		err := send(ctx, &impatient, points[:n])
		switch slow := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errNotApplied); {
		case err == nil:
			s.pace.pass()
			points = points[n:]
			stalled, smallest = 0, len(points)
		case errors.Is(err, errTooLarge) && n > 1:
			s.pace.tooLarge(bytes)
			smallest = n / 2
		case slow && ctx.Err() == nil && stalled+1 < s.attempts:
			s.pace.tooSlow(n)
			stalled, smallest = stalled+1, max(1, n/2)
			s.log.Warn("a batch took too long: sending smaller ones", "points", n, "at", s.where, "cause", err)
		default:
			return err
		}
	}
	return nil
}

// next returns how many points the next batch has, at most most, and their size.
// A point that is larger than a batch may be goes alone.
func (p *pace) next(points []*qc.PointStruct, most int) (n, bytes int) {
	maxPoints, maxBytes := p.limits()
	for n < min(most, maxPoints, len(points)) {
		size := proto.Size(points[n])
		if n > 0 && bytes+size > maxBytes {
			break
		}
		n++
		bytes += size
	}
	return n, bytes
}
