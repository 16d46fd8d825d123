package packfile

import (
	"bytes"
	"encoding/binary"
)

// windowRecords is how many entries Find reads at once: the most that 4 KiB hold. In
// a sound index of a million objects the interpolation is off by 25 entries or so.
const windowRecords = 4096 / recordSize

type window [windowRecords * recordSize]byte

// guesses is how often Find interpolates before it halves. In a sound index the
// second guess is off by less than a window; the halving bounds the search in others.
const guesses = 3

// Find returns the entry of an object, and whether there is one. Unless the
// index is in memory, Find reads 4 KiB at a time: mostly once in an index of a million
// objects, and never more than 17 times whatever the index holds. It does not allocate.
//
// The error is that of reading, or an [*Error] if the entry leads to where no pack
// has bytes. Call [Entry.Check] with the size of the pack before the entry is used.
func (x *Index) Find(digest [32]byte) (e Entry, ok bool, err error) {
	lo, hi := x.bucket(digest[0])
	if x.mem != nil {
		records, _ := x.records(lo, hi, nil)
		at, ok := search(records, &digest, span{0, 1 << 40})
		if !ok {
			return Entry{}, false, nil
		}
		return found(records, at, lo)
	}
	buf, _ := x.windows.Get().(*window)
	if buf == nil {
		buf = new(window)
	}
	defer x.windows.Put(buf)
	keys := span{0, 1 << 40}
	for guess := 0; lo < hi; guess++ {
		start := keys.guess(key(digest[:]), lo, hi, guess < guesses) - windowRecords/2
		start = max(lo, min(start, hi-windowRecords))
		end := min(start+windowRecords, hi)
		records, err := x.records(start, end, buf[:])
		if err != nil {
			return Entry{}, false, err
		}
		first, last := records[:32], records[len(records)-recordSize:][:32]
		switch {
		case bytes.Compare(digest[:], first) < 0:
			hi, keys.hi = start, key(first)
		case bytes.Compare(digest[:], last) > 0:
			lo, keys.lo = end, key(last)
		default:
			at, ok := search(records, &digest, span{key(first), key(last) + 1})
			if !ok {
				return Entry{}, false, nil
			}
			return found(records, at, start)
		}
	}
	return Entry{}, false, nil
}

// found returns the entry at a place of records, of which the first is entry number
// from of the index.
func found(records []byte, at, from int) (Entry, bool, error) {
	e, problem := parseRecord(records[at*recordSize:])
	if problem != "" {
		return Entry{}, false, recordError(problem, from+at)
	}
	return e, true, nil
}

// search looks for a digest among records, whose digests have one first byte and keys
// within a span. What it finds has the digest, also if the records are in disorder.
//
// Two guesses come within a few records; these are nearest in memory, so it walks on
// from there. What the walk does not reach is halved.
func search(records []byte, digest *[32]byte, keys span) (at int, ok bool) {
	const walk = 16
	word, want := binary.BigEndian.Uint64(digest[:]), key(digest[:])
	lo, hi, up := 0, len(records)/recordSize, true
	for probe := 0; lo < hi; probe++ {
		var mid int
		switch {
		case probe < 2:
			mid = keys.guess(want, lo, hi, true)
		case probe < 2+walk && up:
			mid = lo
		case probe < 2+walk:
			mid = hi - 1
		default:
			mid = int(uint(lo+hi) >> 1)
		}
		record := records[mid*recordSize:][:recordSize]
		first := binary.BigEndian.Uint64(record)
		up = first < word
		if first == word {
			order := bytes.Compare(record[:32], digest[:])
			if order == 0 {
				return mid, true
			}
			up = order < 0
		}
		if up {
			lo, keys.lo = mid+1, key(record)
		} else {
			hi, keys.hi = mid, key(record)
		}
	}
	return 0, false
}

// key is what is interpolated: the 40 bits after the first byte of a digest. Times
// the number of entries they still fit into 64 bits.
func key(digest []byte) uint64 { return binary.BigEndian.Uint64(digest) << 8 >> 24 }

// A span is the range of keys that may be between two entries: lo <= key < hi. In an
// index that is in disorder it may be any two numbers.
type span struct{ lo, hi uint64 }

// guess returns where from lo up to hi, which is larger, the key is to be expected;
// without interpolation, or if the key cannot be there, the middle.
func (s span) guess(key uint64, lo, hi int, interpolate bool) int {
	if !interpolate || key < s.lo || key >= s.hi {
		return int(uint(lo+hi) >> 1)
	}
	return lo + int((key-s.lo)*uint64(hi-lo)/(s.hi-s.lo))
}
