package embedded

// bitset marks rows. Rows past its end are unmarked.
type bitset []byte

// bitBlock is how many bytes of a bitset one database row holds: a commit
// rewrites only the blocks that it touches.
const bitBlock = 4096

func (b bitset) has(row int) bool {
	return row>>3 < len(b) && b[row>>3]&(1<<(row&7)) != 0
}

func (b *bitset) set(row int) {
	if need := row>>3 + 1; need > len(*b) {
		*b = append(*b, make([]byte, need-len(*b))...)
	}
	(*b)[row>>3] |= 1 << (row & 7)
}
