package objects

import (
	"fsk/objects/internal/multisum"
	"fsk/seal"
)

// togetherMax is how many objects are judged together at most.
const togetherMax = 64

// A held object is its stored bytes in memory, which nobody else may change, and the
// digest that its payload should have.
type held struct {
	d      Digest
	stored []byte
}

// judgeAll is judge for up to togetherMax objects. Hot: the digests of small ones, which
// are most of what is in packs, are computed side by side.
func (db *DB) judgeAll(list []held, verdicts []verdict) {
	var (
		payloads [togetherMax][]byte
		sums     [togetherMax]Digest
		places   [togetherMax]int // in list
		n        int
	)
	for i, h := range list {
		split := len(h.stored) - seal.TrailerSize
		if split < 0 || split > multisum.MaxShort || !seal.IsTrailer(h.stored[split:]) {
			verdicts[i] = db.judge(h.d, h.stored)
			continue
		}
		payloads[n], places[n] = h.stored[:split], i
		n++
	}
	multisum.Sum(sums[:n], payloads[:n])
	for k, i := range places[:n] {
		verdicts[i] = db.judgeSummed(list[i].d, list[i].stored, sums[k])
	}
}
