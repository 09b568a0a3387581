package embedded

import "golang.org/x/sys/unix"

func prefault(b []byte) {
	_ = unix.Madvise(b, unix.MADV_POPULATE_READ) // Linux 5.14 and later
}
