package objects

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
)

// chunkSums remember the chunks of a file between the pass that verifies it and the
// pass that releases it. A sum is a GMAC (NIST SP 800-38D) under a random key that
// lives as long as the reader: whoever changes the file meanwhile knows neither key
// nor sums, and changes a chunk unnoticed with a probability of 2^-112. It costs a
// third of BLAKE3, which would make the second pass as slow as the first.
type chunkSums struct {
	gcm  cipher.AEAD
	sums [][sumSize]byte
}

const sumSize = 16

// newChunkSums returns sums with room for a file of that size.
func newChunkSums(size int64) *chunkSums {
	var key [16]byte
	rand.Read(key[:]) // never fails: it ends the program instead
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for a key of another size
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a block of another size
	}
	return &chunkSums{gcm: gcm, sums: make([][sumSize]byte, 0, size/chunkSize+1)}
}

// add remembers the next chunk.
func (c *chunkSums) add(chunk []byte) {
	c.sums = append(c.sums, c.sum(int64(len(c.sums)), chunk))
}

// matches reports whether chunk i is the one that was added.
func (c *chunkSums) matches(i int64, chunk []byte) bool {
	sum := c.sum(i, chunk)
	return subtle.ConstantTimeCompare(sum[:], c.sums[i][:]) == 1
}

// sum is the tag of nothing with the chunk as additional data. The number of the
// chunk is the nonce, so that chunks cannot trade places.
func (c *chunkSums) sum(i int64, chunk []byte) (sum [sumSize]byte) {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], uint64(i))
	c.gcm.Seal(sum[:0], nonce[:], nil, chunk)
	return sum
}
