package packfile

import (
	"bytes"
	"hash"
	"iter"

	"github.com/zeebo/blake3"
)

// All yields all entries in ascending order of the digests, in bounded memory.
//
// An entry that leads to where no pack has bytes is yielded as its digest alone with
// an [*Error], and the iteration goes on. Any other error, of reading or of an index in
// disorder, comes last, with a zero Entry. Without an error, what was yielded is what
// [Index.Find] finds; the checksum is not looked at, see [Index.Verify].
func (x *Index) All() iter.Seq2[Entry, error] { return x.From([32]byte{}) }

// From is [Index.All] without the digests below first.
func (x *Index) From(first [32]byte) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lo, _ := x.bucket(first[0])
		more := true
		err := x.walk(lo, nil, func(i int, e Entry, problem Problem) bool {
			switch {
			case bytes.Compare(e.Digest[:], first[:]) < 0:
			case problem != "":
				more = yield(e, recordError(problem, i))
			default:
				more = yield(e, nil)
			}
			return more
		})
		if err != nil && more {
			yield(Entry{}, err)
		}
	}
}

// Verify reads the whole index and checks all that can be checked without the pack:
// that the digests ascend and fit the fan-out, that each entry is where a pack may have
// bytes, the checksum, and that the index belongs under the name id. It returns the
// first error: an [*Error], or that of reading.
func (x *Index) Verify(id ID) error {
	hasher := blake3.New()
	hasher.Write(x.head)
	var bad error
	err := x.walk(0, hasher, func(i int, _ Entry, problem Problem) bool {
		if problem != "" {
			bad = recordError(problem, i)
		}
		return problem == ""
	})
	if bad != nil || err != nil {
		return errorOr(bad, err)
	}
	at := IndexSize(x.n) - sumSize
	stored := make([]byte, sumSize)
	if x.mem != nil {
		copy(stored, x.mem[at:])
	} else if err := x.readFull(stored, at); err != nil {
		return err
	}
	switch {
	case !bytes.Equal(hasher.Sum(nil), stored):
		return indexError(BadChecksum, at)
	case ID(stored) != id:
		return indexError(WrongID, at)
	}
	return nil
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// walk visits the entries from number i on, until visit returns false. If there is no
// pack in which an entry could be, visit gets its digest alone, and the problem. The
// error is that of reading or of disorder. What is read goes to hasher too, if not nil.
func (x *Index) walk(i int, hasher hash.Hash, visit func(i int, e Entry, problem Problem) bool) error {
	var buf []byte
	if x.mem == nil {
		buf = make([]byte, min(chunkRecords, x.n-i)*recordSize)
	}
	var former [32]byte
	first, lo, hi := byte(0), 0, x.count(0) // the bucket of the former entry
	for start := i; i < x.n; {
		end := min(i+chunkRecords, x.n)
		records, err := x.records(i, end, buf)
		if err != nil {
			return err
		}
		if hasher != nil {
			hasher.Write(records)
		}
		for ; i < end; i, records = i+1, records[recordSize:] {
			e, problem := parseRecord(records)
			switch c := bytes.Compare(former[:], e.Digest[:]); {
			case i == start:
			case c == 0:
				return recordError(Duplicate, i)
			case c > 0:
				return recordError(BadOrder, i)
			}
			if e.Digest[0] != first {
				first = e.Digest[0]
				lo, hi = x.bucket(first)
			}
			if i < lo || i >= hi {
				return recordError(BadFanOut, i)
			}
			if !visit(i, e, problem) {
				return nil
			}
			former = e.Digest
		}
	}
	return nil
}
