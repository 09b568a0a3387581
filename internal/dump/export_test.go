package dump

import "testing"

// For the fuzz target, which has no time for files.
var (
	ReadFrom     = read
	EncodePoint  = encodePoint
	EncodeHeader = Header.encode
)

// SmallBlocks makes blocks of so many bytes until the test ends.
func SmallBlocks(t *testing.T, bytes int) {
	before := blockBytes
	blockBytes = bytes
	t.Cleanup(func() { blockBytes = before })
}
