package fleche

import (
	"crypto/sha256"
	"slices"

	"fsk/seal"
)

// A keeper keeps a value in memory as long as there is room for it, and then the sums of
// its chunks, by which they are recognised when they are read again.
type keeper struct {
	room    int64 // 0: keep nothing
	spilled bool  // there was not enough
	memory  []byte
	sums    [][sha256.Size]byte
}

// newKeeper returns a keeper for a pickle of up to keep bytes. What comes out of a
// compressed file does not say how long it is.
func newKeeper(f *file, keep int64) *keeper {
	if keep == 0 {
		return new(keeper)
	}
	k := &keeper{room: keep + seal.TrailerSize}
	switch {
	case f.compressed:
	case f.Size() > k.room:
		k.spilled = true
	default:
		k.memory = make([]byte, 0, f.Size())
	}
	return k
}

// add adds the next chunk. All but the last have chunkSize bytes.
func (k *keeper) add(chunk []byte) {
	if k.room == 0 {
		return
	}
	if !k.spilled && int64(len(k.memory)+len(chunk)) <= k.room {
		k.memory = append(k.memory, chunk...)
		return
	}
	for chunk := range slices.Chunk(k.memory, chunkSize) {
		k.sums = append(k.sums, sha256.Sum256(chunk))
	}
	k.spilled, k.memory = true, nil
	k.sums = append(k.sums, sha256.Sum256(chunk))
}
