package packfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/zeebo/blake3"
)

// chunkRecords is how many entries of an index are read or written at once: 64 KiB.
const chunkRecords = 1365

// WriteIndex writes the index of entries, in any order, and returns its id. It sorts
// entries in place and needs no other memory. If it refuses them, with an [*Error]
// that has the offset in the pack, it has written nothing: a digest that is there
// twice (see [Unique]), more than [MaxObjects], or what fails [Entry.Check] for every
// pack.
func WriteIndex(w io.Writer, entries []Entry) (ID, error) {
	sortEntries(entries, 0)
	var count [256]uint32
	for i, e := range entries {
		switch err := e.Check(math.MaxInt64); {
		case i >= MaxObjects:
			return ID{}, packError(TooMany, e.Offset-HeaderSize)
		case err != nil:
			return ID{}, err
		case i > 0 && e.Digest == entries[i-1].Digest:
			return ID{}, packError(Duplicate, e.Offset-HeaderSize)
		}
		count[e.Digest[0]]++
	}

	buf := make([]byte, 0, min(chunkRecords, len(entries))*recordSize+headSize)
	buf = append(buf, indexMagic...)
	total := uint32(0)
	for _, n := range count {
		total += n
		buf = binary.BigEndian.AppendUint32(buf, total)
	}
	hasher := blake3.New()
	for chunk := range slices.Chunk(entries, chunkRecords) {
		for i := range chunk {
			buf = appendRecord(buf, chunk[i])
		}
		hasher.Write(buf)
		if _, err := w.Write(buf); err != nil {
			return ID{}, err
		}
		buf = buf[:0]
	}
	hasher.Write(buf) // the head, if there are no entries
	buf = hasher.Sum(buf)
	_, err := w.Write(buf)
	return ID(buf[len(buf)-sumSize:]), err
}

// Unique sorts entries in place and returns them with one entry for each digest, that
// with the lowest offset. It makes the entries of any pack fit for [WriteIndex].
func Unique(entries []Entry) []Entry {
	sortEntries(entries, 0)
	return slices.CompactFunc(entries, func(a, b Entry) bool { return a.Digest == b.Digest })
}

// sortEntries sorts, as less does, entries whose digests have their first at
// bytes in common. It parts them by the next byte, in place, until few are left: for
// digests several times as fast as a sort by comparison, and for no input slower than
// 32 passes.
func sortEntries(entries []Entry, at int) {
	switch {
	case len(entries) <= 24:
		insertionSort(entries)
		return
	case at == len(Entry{}.Digest): // many copies of one object
		slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Offset, b.Offset) })
		return
	}
	var next, end [256]int32
	for i := range entries {
		end[entries[i].Digest[at]]++
	}
	sum := int32(0)
	for b := range end {
		next[b] = sum
		sum += end[b]
		end[b] = sum
	}
	for b := range next {
		for next[b] < end[b] {
			e := &entries[next[b]]
			c := e.Digest[at]
			if int(c) != b {
				other := &entries[next[c]]
				*e, *other = *other, *e
			}
			next[c]++
		}
	}
	start := int32(0)
	for _, end := range end {
		if end > start+1 {
			sortEntries(entries[start:end], at+1)
		}
		start = end
	}
}

func insertionSort(entries []Entry) {
	for i := 1; i < len(entries); i++ {
		if !less(&entries[i], &entries[i-1]) {
			continue
		}
		e, j := entries[i], i
		for ; j > 0 && less(&e, &entries[j-1]); j-- {
			entries[j] = entries[j-1]
		}
		entries[j] = e
	}
}

// less orders by digest, and what has the same digest by offset.
func less(a, b *Entry) bool {
	// Most digests differ in their first bytes.
	if x, y := binary.BigEndian.Uint64(a.Digest[:]), binary.BigEndian.Uint64(b.Digest[:]); x != y {
		return x < y
	}
	if c := bytes.Compare(a.Digest[:], b.Digest[:]); c != 0 {
		return c < 0
	}
	return a.Offset < b.Offset
}
