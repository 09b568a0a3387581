package embedded

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a file mapped for reading. It may reserve more address space than
// the file has bytes, so that a growing file needs a new mapping only when it
// has doubled; nobody reads past what is committed. It is unmapped when the
// last holder lets go.
type mapping struct {
	bytes   []byte
	refs    atomic.Int32
	faulted atomic.Int64 // how many bytes were prefaulted
}

const minReserve = 1 << 20

// mapFile maps at least need bytes of the file, which must have as many.
func mapFile(path string, need int64) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if stat.Size() < need {
		return nil, fmt.Errorf("%s is damaged: %d bytes, the index says %d; delete the corpus and index it again", path, stat.Size(), need)
	}
	reserve := int64(minReserve)
	for reserve < need {
		reserve *= 2
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(reserve), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	m := &mapping{bytes: b}
	m.refs.Store(1)
	return m, nil
}

func (m *mapping) retain() *mapping {
	m.refs.Add(1)
	return m
}

func (m *mapping) release() error {
	if m == nil || m.refs.Add(-1) > 0 {
		return nil
	}
	return unix.Munmap(m.bytes)
}

// floats returns the first n bytes as float32. The vectors file holds
// little-endian values, which every platform with this engine uses natively.
func (m *mapping) floats(n int64) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(m.bytes))), n/4)
}

// prefault asks the kernel to enter the pages of the first n bytes into the
// page table at once: a scan would otherwise take a fault every 64 KiB. It is a
// hint; where the kernel cannot, the scan faults them in. Who only writes, or
// reads by id, must not pay for it: that would take longer with every write.
func (m *mapping) prefault(n int64) {
	if from := m.faulted.Load(); from < n && m.faulted.CompareAndSwap(from, n) {
		page := int64(os.Getpagesize())
		prefault(m.bytes[from/page*page : n])
	}
}

func floatBytes(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

func releaseAll(ms ...*mapping) error {
	var errs []error
	for _, m := range ms {
		errs = append(errs, m.release())
	}
	return errors.Join(errs...)
}
