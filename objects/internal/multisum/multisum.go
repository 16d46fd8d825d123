// Package multisum computes the BLAKE3 digests of many messages. Short ones are hashed side
// by side: one block of eight messages at a time, each in its own lane of the vector
// registers.
//
// BLAKE3 gets its speed from the chunks of 1 KiB of a long message, which it hashes side by
// side ("BLAKE3: one function, fast everywhere", section 5.3). A message of one chunk
// gains nothing from that, and most objects in a pack are of that kind. Where the processor
// has no AVX2, every message is hashed alone.
package multisum

import "github.com/zeebo/blake3"

const (
	// MaxShort is the size in bytes, that of a chunk of BLAKE3, up to which messages are
	// hashed side by side.
	MaxShort = 1024

	lanes     = 8
	blockSize = 64
	// fewest is how many short messages take longer one after the other than together.
	fewest = 3
)

// Sum sets sums[i] to the BLAKE3-256 of messages[i]. It panics if there are fewer sums than
// messages. It allocates nothing, and may be called by several goroutines at once.
func Sum[D ~[32]byte](sums []D, messages [][]byte) {
	_ = sums[:len(messages)]
	var g group
	for i, m := range messages {
		if len(m) > MaxShort || !sideBySide {
			sums[i] = blake3.Sum256(m)
			continue
		}
		g.messages[g.n], g.places[g.n] = m, i
		if g.n++; g.n == lanes {
			sumGroup(&g, sums)
		}
	}
	sumGroup(&g, sums)
}

// A group is up to eight short messages and where their digests belong.
type group struct {
	messages [lanes][]byte
	places   [lanes]int
	n        int
}

// sumGroup hashes a group, and empties it.
func sumGroup[D ~[32]byte](g *group, sums []D) {
	if g.n < fewest {
		for i, m := range g.messages[:g.n] {
			sums[g.places[i]] = blake3.Sum256(m)
		}
	} else {
		var out [lanes][32]byte
		sumLanes(&out, &g.messages)
		for i, place := range g.places[:g.n] {
			sums[place] = out[i]
		}
	}
	*g = group{}
}
