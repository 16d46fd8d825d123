package objects

import (
	"fsk/objects/packfile"
	"fsk/seal"
)

// parallelSize is the size from which digest and seal of bytes in memory are
// computed on two cores: below, starting a goroutine costs more than it saves.
const parallelSize = 64 << 10

// A verdict is what the stored bytes of an object showed, and where they split.
type verdict struct {
	reason Reason
	key    int   // number in the ring, if the reason is OK or WrongName
	size   int64 // of the payload; -1 if unknown
}

// evidence holds the answers to the questions of which the table of verdicts is
// made: h0, the whole is the payload; h1, all but a trailer's length is; hx, that
// rest has the form of a trailer; m, a key of the ring made it.
type evidence struct {
	h0, h1, hx, m bool
	key           int
	size          int64 // of the stored bytes
}

// verdict is the table of section "Verdicts" of the package comment. That digest
// and seal are asked of the same split is what keeps a valid seal of one payload
// from covering another.
func (e evidence) verdict(keys bool) verdict {
	whole, split := e.size, e.size-seal.TrailerSize
	switch {
	case keys && e.h1 && e.m:
		return verdict{OK, e.key, split}
	case keys && e.h0:
		return verdict{Unsealed, 0, whole}
	case !keys && e.h0:
		return verdict{OKPlain, 0, whole}
	case e.h1 && !e.hx:
		return verdict{MalformedTrailer, 0, split}
	case keys && e.h1:
		return verdict{BadSeal, 0, split}
	case !keys && e.h1:
		return verdict{OKUnverified, 0, split}
	case keys && e.m:
		return verdict{WrongName, e.key, split}
	}
	return verdict{Corrupt, 0, -1}
}

// judge gives the verdict on stored bytes in memory, which nobody else may change.
// Hot: it runs once for each object that is read. It asks only what it needs to
// know: one digest and one seal for an object that is as it should be.
func (db *DB) judge(d Digest, stored []byte) verdict {
	e := evidence{size: int64(len(stored))}
	keys := db.ring.Len() > 0
	split := len(stored) - seal.TrailerSize
	if split < 0 {
		e.h0 = Sum(stored) == d
		return e.verdict(keys)
	}
	payload, trailer := stored[:split], stored[split:]
	e.hx = seal.IsTrailer(trailer)
	switch {
	case keys && e.hx && split >= parallelSize:
		e.h1, e.key, e.m = db.judgeAtOnce(d, payload, trailer)
	case e.hx:
		return db.judgeSummed(d, stored, Sum(payload))
	}
	return db.conclude(e, d, stored)
}

// judgeSummed is judge for what ends in the form of a trailer, and sum is the digest of
// what comes before that.
func (db *DB) judgeSummed(d Digest, stored []byte, sum Digest) verdict {
	e := evidence{size: int64(len(stored)), hx: true, h1: sum == d}
	if split := len(stored) - seal.TrailerSize; db.ring.Len() > 0 {
		e.key, e.m = db.ring.Verify(stored[:split], stored[split:])
	}
	return db.conclude(e, d, stored)
}

// conclude asks for the rest of the evidence, if that matters.
func (db *DB) conclude(e evidence, d Digest, stored []byte) verdict {
	if !e.h1 || !e.hx {
		e.h0 = Sum(stored) == d
		if !e.h0 && !e.hx {
			e.h1 = Sum(stored[:len(stored)-seal.TrailerSize]) == d
		}
	}
	return e.verdict(db.ring.Len() > 0)
}

// judgeAtOnce computes digest and seal side by side. It is apart because what a goroutine
// shares is allocated.
func (db *DB) judgeAtOnce(d Digest, payload, trailer []byte) (h1 bool, key int, m bool) {
	sealed := make(chan struct{})
	go func() {
		key, m = db.ring.Verify(payload, trailer)
		close(sealed)
	}()
	h1 = Sum(payload) == d
	<-sealed
	return h1, key, m
}

// info describes an object of which v is the verdict. A payload over the limit is
// known only now if there is no trailer: its file is not larger than the limit lets a
// sealed one be.
func (db *DB) info(d Digest, v verdict, where string) Info {
	info := Info{Digest: d, Size: v.size, Reason: v.reason, Where: where}
	if v.reason == OK {
		info.Key = db.ring.ID(v.key)
		info.Retired = v.key > 0
	}
	if v.reason.Good() && v.size > db.limitOf(where) {
		info.Reason = TooLarge
	}
	return info
}

// limitOf returns the limit of the payloads in a place. In a pack, what the limit lets
// be sealed may be plain, and then 64 bytes too large.
func (db *DB) limitOf(where string) int64 {
	if where == Loose {
		return db.opts.MaxObjectSize
	}
	return min(db.opts.MaxObjectSize, packfile.MaxPayload)
}
