//go:build !purego

#include "textflag.h"

// How many bits a word is turned right, as the bytes of which VPSHUFB makes it.
DATA turn16<>+0x00(SB)/8, $0x0504070601000302
DATA turn16<>+0x08(SB)/8, $0x0d0c0f0e09080b0a
DATA turn16<>+0x10(SB)/8, $0x0504070601000302
DATA turn16<>+0x18(SB)/8, $0x0d0c0f0e09080b0a
GLOBL turn16<>(SB), RODATA|NOPTR, $32

DATA turn8<>+0x00(SB)/8, $0x0407060500030201
DATA turn8<>+0x08(SB)/8, $0x0c0f0e0d080b0a09
DATA turn8<>+0x10(SB)/8, $0x0407060500030201
DATA turn8<>+0x18(SB)/8, $0x0c0f0e0d080b0a09
GLOBL turn8<>(SB), RODATA|NOPTR, $32

DATA iv<>+0x00(SB)/4, $0x6a09e667
DATA iv<>+0x04(SB)/4, $0xbb67ae85
DATA iv<>+0x08(SB)/4, $0x3c6ef372
DATA iv<>+0x0c(SB)/4, $0xa54ff53a
GLOBL iv<>(SB), RODATA|NOPTR, $16

// word is where word i of the blocks of all lanes is kept, and spare room for a register.
#define word(i) (32*i)(SP)
#define spare (32*16)(SP)

// transpose makes four words of all lanes from the same sixteen bytes of the eight blocks.
// The halves of a register never mix: the lower one is for lanes 0 to 3.
#define transpose(first) \
	VMOVDQU (4*first)(R8), X0; \
	VMOVDQU (4*first)(R9), X1; \
	VMOVDQU (4*first)(R10), X2; \
	VMOVDQU (4*first)(R11), X3; \
	VINSERTI128 $1, (4*first)(R12), Y0, Y0; \
	VINSERTI128 $1, (4*first)(R13), Y1, Y1; \
	VINSERTI128 $1, (4*first)(DI), Y2, Y2; \
	VINSERTI128 $1, (4*first)(BX), Y3, Y3; \
	VPUNPCKLDQ Y1, Y0, Y4; \
	VPUNPCKHDQ Y1, Y0, Y5; \
	VPUNPCKLDQ Y3, Y2, Y6; \
	VPUNPCKHDQ Y3, Y2, Y7; \
	VPUNPCKLQDQ Y6, Y4, Y0; \
	VPUNPCKHQDQ Y6, Y4, Y1; \
	VPUNPCKLQDQ Y7, Y5, Y2; \
	VPUNPCKHQDQ Y7, Y5, Y3; \
	VMOVDQU Y0, word((first+0)); \
	VMOVDQU Y1, word((first+1)); \
	VMOVDQU Y2, word((first+2)); \
	VMOVDQU Y3, word((first+3))

// turn turns b right by n bits, where back is 32-n.
#define turn(n, back, b, t) \
	VPSRLD $n, b, t; \
	VPSLLD $back, b, b; \
	VPOR t, b, b

// half is half of four quarter rounds side by side. There is no register to spare, so
// one that is not needed is put aside while the b are turned.
#define half(a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3, m0, m1, m2, m3, turnd, n, back) \
	VPADDD word(m0), a0, a0; \
	VPADDD word(m1), a1, a1; \
	VPADDD word(m2), a2, a2; \
	VPADDD word(m3), a3, a3; \
	VPADDD b0, a0, a0; \
	VPADDD b1, a1, a1; \
	VPADDD b2, a2, a2; \
	VPADDD b3, a3, a3; \
	VPXOR a0, d0, d0; \
	VPXOR a1, d1, d1; \
	VPXOR a2, d2, d2; \
	VPXOR a3, d3, d3; \
	VMOVDQU a3, spare; \
	VMOVDQU turnd<>(SB), a3; \
	VPSHUFB a3, d0, d0; \
	VPSHUFB a3, d1, d1; \
	VPSHUFB a3, d2, d2; \
	VPSHUFB a3, d3, d3; \
	VPADDD d0, c0, c0; \
	VPADDD d1, c1, c1; \
	VPADDD d2, c2, c2; \
	VPADDD d3, c3, c3; \
	VPXOR c0, b0, b0; \
	VPXOR c1, b1, b1; \
	VPXOR c2, b2, b2; \
	VPXOR c3, b3, b3; \
	turn(n, back, b0, a3); \
	turn(n, back, b1, a3); \
	turn(n, back, b2, a3); \
	turn(n, back, b3, a3); \
	VMOVDQU spare, a3

// round mixes the words into the columns of the state, then into its diagonals.
#define round(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15) \
	half(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15, m0, m2, m4, m6, turn16, 12, 20); \
	half(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15, m1, m3, m5, m7, turn8, 7, 25); \
	half(Y0, Y1, Y2, Y3, Y5, Y6, Y7, Y4, Y10, Y11, Y8, Y9, Y15, Y12, Y13, Y14, m8, m10, m12, m14, turn16, 12, 20); \
	half(Y0, Y1, Y2, Y3, Y5, Y6, Y7, Y4, Y10, Y11, Y8, Y9, Y15, Y12, Y13, Y14, m9, m11, m13, m15, turn8, 7, 25)

// func compress(cv *[8][lanes]uint32, blocks *[lanes]*byte, lens, flags *[lanes]uint32)
TEXT ·compress(SB), NOSPLIT, $544-32
	MOVQ cv+0(FP), AX
	MOVQ blocks+8(FP), SI
	MOVQ lens+16(FP), CX
	MOVQ flags+24(FP), DX
	MOVQ 0(SI), R8
	MOVQ 8(SI), R9
	MOVQ 16(SI), R10
	MOVQ 24(SI), R11
	MOVQ 32(SI), R12
	MOVQ 40(SI), R13
	MOVQ 48(SI), DI
	MOVQ 56(SI), BX
	transpose(0)
	transpose(4)
	transpose(8)
	transpose(12)

	VMOVDQU 0(AX), Y0
	VMOVDQU 32(AX), Y1
	VMOVDQU 64(AX), Y2
	VMOVDQU 96(AX), Y3
	VMOVDQU 128(AX), Y4
	VMOVDQU 160(AX), Y5
	VMOVDQU 192(AX), Y6
	VMOVDQU 224(AX), Y7
	VPBROADCASTD iv<>+0x00(SB), Y8
	VPBROADCASTD iv<>+0x04(SB), Y9
	VPBROADCASTD iv<>+0x08(SB), Y10
	VPBROADCASTD iv<>+0x0c(SB), Y11
	VPXOR Y12, Y12, Y12 // the number of the chunk: a short message has one
	VPXOR Y13, Y13, Y13
	VMOVDQU (CX), Y14
	VMOVDQU (DX), Y15

	round(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	round(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
	round(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1)
	round(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6)
	round(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4)
	round(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7)
	round(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13)

	VPXOR Y8, Y0, Y0
	VPXOR Y9, Y1, Y1
	VPXOR Y10, Y2, Y2
	VPXOR Y11, Y3, Y3
	VPXOR Y12, Y4, Y4
	VPXOR Y13, Y5, Y5
	VPXOR Y14, Y6, Y6
	VPXOR Y15, Y7, Y7
	VMOVDQU Y0, 0(AX)
	VMOVDQU Y1, 32(AX)
	VMOVDQU Y2, 64(AX)
	VMOVDQU Y3, 96(AX)
	VMOVDQU Y4, 128(AX)
	VMOVDQU Y5, 160(AX)
	VMOVDQU Y6, 192(AX)
	VMOVDQU Y7, 224(AX)
	VZEROUPPER
	RET
