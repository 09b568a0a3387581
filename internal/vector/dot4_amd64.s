#include "textflag.h"

// One accumulator of eight floats for each product of a row and a query, so
// that a product is added up in the same order whatever is multiplied beside it:
// Y0 to Y3 for the first query with rows a to d, Y4 to Y7 for the second, Y8 to
// Y11 for the third. A row is loaded once for all queries.

#define ROWS \
	MOVQ a+0(FP), R8  \
	MOVQ b+8(FP), R9  \
	MOVQ c+16(FP), R10 \
	MOVQ d+24(FP), R11 \
	MOVQ n+32(FP), CX \
	XORQ AX, AX

// ZERO clears the accumulators of a query.
#define ZERO(a, b, c, d) \
	VXORPS a, a, a \
	VXORPS b, b, b \
	VXORPS c, c, c \
	VXORPS d, d, d

// SUM leaves the sums of four accumulators at to.
#define SUM(a, b, c, d, xa, xb, to) \
	VHADDPS      b, a, a   \
	VHADDPS      d, c, c   \
	VHADDPS      c, a, a   \
	VEXTRACTF128 $1, a, xb \
	VADDPS       xb, xa, xa \
	VMOVUPS      xa, to

#define ONE(at) \
	VMOVUPS     at(SI)(AX*4), Y12        \
	VFMADD231PS at(R8)(AX*4), Y12, Y0    \
	VFMADD231PS at(R9)(AX*4), Y12, Y1    \
	VFMADD231PS at(R10)(AX*4), Y12, Y2   \
	VFMADD231PS at(R11)(AX*4), Y12, Y3

// func dotOne(a, b, c, d *float32, n int, q *float32, sums *[4]float32)
TEXT ·dotOne(SB), NOSPLIT, $0-56
	ROWS
	MOVQ q+40(FP), SI
	MOVQ sums+48(FP), DI
	ZERO(Y0, Y1, Y2, Y3)

loop:
	ONE(0)
	ONE(32)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  loop

	SUM(Y0, Y1, Y2, Y3, X0, X1, (DI))
	VZEROUPPER
	RET

#define ROWTWO(row, at, first, second) \
	VMOVUPS     at(row)(AX*4), Y15 \
	VFMADD231PS Y15, Y12, first    \
	VFMADD231PS Y15, Y13, second

#define TWO(at) \
	VMOVUPS at(SI)(AX*4), Y12 \
	VMOVUPS at(DX)(AX*4), Y13 \
	ROWTWO(R8, at, Y0, Y4)    \
	ROWTWO(R9, at, Y1, Y5)    \
	ROWTWO(R10, at, Y2, Y6)   \
	ROWTWO(R11, at, Y3, Y7)

// func dotTwo(a, b, c, d *float32, n int, q, r *float32, sums *[2][4]float32)
TEXT ·dotTwo(SB), NOSPLIT, $0-64
	ROWS
	MOVQ q+40(FP), SI
	MOVQ r+48(FP), DX
	MOVQ sums+56(FP), DI
	ZERO(Y0, Y1, Y2, Y3)
	ZERO(Y4, Y5, Y6, Y7)

loop:
	TWO(0)
	TWO(32)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  loop

	SUM(Y0, Y1, Y2, Y3, X0, X1, (DI))
	SUM(Y4, Y5, Y6, Y7, X4, X5, 16(DI))
	VZEROUPPER
	RET

#define ROWTHREE(row, at, first, second, third) \
	VMOVUPS     at(row)(AX*4), Y15 \
	VFMADD231PS Y15, Y12, first    \
	VFMADD231PS Y15, Y13, second   \
	VFMADD231PS Y15, Y14, third

#define THREE(at) \
	VMOVUPS at(SI)(AX*4), Y12      \
	VMOVUPS at(DX)(AX*4), Y13      \
	VMOVUPS at(BX)(AX*4), Y14      \
	ROWTHREE(R8, at, Y0, Y4, Y8)   \
	ROWTHREE(R9, at, Y1, Y5, Y9)   \
	ROWTHREE(R10, at, Y2, Y6, Y10) \
	ROWTHREE(R11, at, Y3, Y7, Y11)

// func dotThree(a, b, c, d *float32, n int, q, r, s *float32, sums *[3][4]float32)
TEXT ·dotThree(SB), NOSPLIT, $0-72
	ROWS
	MOVQ q+40(FP), SI
	MOVQ r+48(FP), DX
	MOVQ s+56(FP), BX
	MOVQ sums+64(FP), DI
	ZERO(Y0, Y1, Y2, Y3)
	ZERO(Y4, Y5, Y6, Y7)
	ZERO(Y8, Y9, Y10, Y11)

loop:
	THREE(0)
	THREE(32)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  loop

	SUM(Y0, Y1, Y2, Y3, X0, X1, (DI))
	SUM(Y4, Y5, Y6, Y7, X4, X5, 16(DI))
	SUM(Y8, Y9, Y10, Y11, X8, X9, 32(DI))
	VZEROUPPER
	RET
