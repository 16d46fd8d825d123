//go:build !purego

package multisum

import (
	"encoding/binary"

	"golang.org/x/sys/cpu"
)

var sideBySide = cpu.X86.HasAVX2

// The flags of the compression function that a message of one chunk needs.
const (
	chunkStart = 1 << 0
	chunkEnd   = 1 << 1
	root       = 1 << 3
)

var iv = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// compress is the compression function of BLAKE3, on one block of each lane, as that of
// the first chunk. It replaces the chaining values; cv[i] is word i of all lanes. A
// block is 64 bytes, whatever lens says.
//
//go:noescape
func compress(cv *[8][lanes]uint32, blocks *[lanes]*byte, lens, flags *[lanes]uint32)

// sumLanes hashes messages of at most MaxShort bytes. Hot: it runs once for every eight
// small objects of a pack.
func sumLanes(sums *[lanes][32]byte, messages *[lanes][]byte) {
	var (
		cv     [8][lanes]uint32
		blocks [lanes]*byte
		lens   [lanes]uint32
		flags  [lanes]uint32
		last   [lanes][blockSize]byte // blocks, filled up with zeros
		ends   [lanes]int             // the number of the last block
		most   int
	)
	for i := range cv {
		for l := range lanes {
			cv[i][l] = iv[i]
		}
	}
	for l, m := range messages {
		ends[l] = max(len(m)-1, 0) / blockSize
		copy(last[l][:], m[ends[l]*blockSize:])
		most = max(most, ends[l])
		lens[l], flags[l] = blockSize, chunkStart
	}
	for n := range most + 1 {
		if n == 1 {
			flags = [lanes]uint32{}
		}
		for l, m := range messages {
			switch {
			case n < ends[l]:
				blocks[l] = &m[n*blockSize]
			case n == ends[l]:
				blocks[l] = &last[l][0]
				lens[l] = uint32(len(m) - n*blockSize)
				flags[l] |= chunkEnd | root
			}
		}
		compress(&cv, &blocks, &lens, &flags)
		for l := range messages {
			if n != ends[l] {
				continue
			}
			for i := range cv {
				binary.LittleEndian.PutUint32(sums[l][4*i:], cv[i][l])
			}
		}
	}
}
