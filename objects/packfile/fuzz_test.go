package packfile_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"fsk/objects/packfile"
)

// FuzzIndex: an index that opens can be searched, listed and verified, in memory and
// behind a reader with the same result; what it verifies as is what it is.
func FuzzIndex(f *testing.F) {
	_, good := three(f)
	f.Add(good)
	f.Add(rawIndex())
	f.Add(rawIndex(rawRecord(1, 51, 0), rawRecord(1, 91, 0), rawRecord(0, 1<<63, math.MaxUint64)))
	f.Add([]byte("fsk-idx 1\n"))
	f.Fuzz(func(t *testing.T, index []byte) {
		mem, err := packfile.ParseIndex(index)
		file, fileErr := packfile.OpenIndex(bytes.NewReader(index), int64(len(index)))
		if (err == nil) != (fileErr == nil) {
			t.Fatalf("ParseIndex: %v, OpenIndex: %v", err, fileErr)
		}
		if err != nil {
			if *typed(t, err) != *typed(t, fileErr) || mem != nil || file != nil {
				t.Fatalf("ParseIndex: %v, OpenIndex: %v", err, fileErr)
			}
			return
		}
		verified := mem.Verify(nameOf(index))
		if other := file.Verify(nameOf(index)); (verified == nil) != (other == nil) || verified != nil && *typed(t, verified) != *typed(t, other) {
			t.Fatalf("Verify: %v in memory, %v behind a reader", verified, other)
		}
		if verified == nil && !bytes.Equal(withSum(index), index) {
			t.Fatal("Verify accepts a wrong checksum")
		}
		records := index[indexHead : len(index)-32]
		var listed []packfile.Entry
		var ended error
		for e, err := range mem.All() {
			if err != nil {
				ended = typed(t, err)
			} else {
				listed = append(listed, e)
			}
		}
		if verified == nil && (ended != nil || len(listed) != mem.Len() || len(records) != mem.Len()*recordSize) {
			t.Fatalf("verified, but All yields %d of %d and %v", len(listed), mem.Len(), ended)
		}
		for i := range mem.Len() {
			record := records[i*recordSize:]
			d := [32]byte(record)
			e, ok, err := mem.Find(d)
			e2, ok2, err2 := file.Find(d)
			if err != nil || err2 != nil {
				for _, err := range []error{err, err2} {
					if err != nil {
						typed(t, err)
					}
				}
				continue
			}
			for _, e := range []packfile.Entry{e, e2} {
				if e.Digest != d && (ok || ok2) && e != (packfile.Entry{}) || e.Offset < 0 || e.Length < 0 || e.Length > maxStored || e.Offset > math.MaxInt64-int64(e.Length) {
					t.Fatalf("Find = %v", e)
				}
			}
			if verified == nil && (!ok || e != e2 || e.Offset != int64(binary.BigEndian.Uint64(record[32:])) || e.Length != int(binary.BigEndian.Uint64(record[40:]))) {
				t.Fatalf("Find = %v, %t and %v, %t, want %x", e, ok, e2, ok2, record[:recordSize])
			}
		}
		for _, e := range listed { // also of an index with other errors: All promises it
			if ended == nil {
				if got, ok, err := file.Find(e.Digest); !ok || err != nil || got != e {
					t.Fatalf("listed %v, found %v, %t, %v", e, got, ok, err)
				}
			}
		}
		differences := 0
		for _, err := range mem.Compare(listed) {
			typed(t, err)
			differences++
		}
		if verified == nil && differences > 0 {
			t.Fatalf("%d differences to itself", differences)
		}
	})
}

// naive is the format in the simplest words: the objects of a pack, and how many
// bytes of it are good.
func naive(pack []byte) (entries []packfile.Entry, good int) {
	if !bytes.HasPrefix(pack, []byte("fsk-pack 1\n")) {
		return nil, 0
	}
	for good = packMagic; len(pack)-good >= headerSize; {
		n := binary.BigEndian.Uint64(pack[good+32:])
		if n > maxStored || n > uint64(len(pack)-good-headerSize) {
			break
		}
		entries = append(entries, packfile.Entry{Digest: [32]byte(pack[good:]), Offset: int64(good + headerSize), Length: int(n)})
		good += headerSize + int(n)
	}
	return entries, good
}

func addPacks(f *testing.F) {
	good, _ := three(f)
	f.Add(good)
	f.Add(good[:100])
	f.Add(append(bytes.Clone(good), good[packMagic:]...))
	f.Add(rawPack(raw(1, 1<<63, "abc"), raw(2, 0, "")))
	f.Add(rawPack(raw(1, maxStored+1, "abc")))
	f.Add([]byte(strings.Repeat("fsk-pack 1\n", 9)))
	f.Add([]byte{})
}

// FuzzScan compares with the naive reading.
func FuzzScan(f *testing.F) {
	addPacks(f)
	f.Fuzz(func(t *testing.T, pack []byte) {
		want, good := naive(pack)
		for _, r := range []*bytes.Reader{bytes.NewReader(pack), bytes.NewReader(append(bytes.Clone(pack), pack...))} {
			n, ended := 0, false
			for o, err := range packfile.Scan(iotest.HalfReader(r), int64(len(pack))) {
				if err != nil {
					e := typed(t, err)
					if ended = true; n != len(want) || e.Offset != int64(good) || good == len(pack) && good > 0 {
						t.Fatalf("after %d of %d objects: %v, want an error at %d", n, len(want), err, good)
					}
					continue
				}
				if ended || n >= len(want) || o.Entry != want[n] || !bytes.Equal(o.Stored, pack[o.Offset:][:o.Length]) {
					t.Fatalf("object %d is %v", n, o.Entry)
				}
				if err := o.Check(int64(len(pack))); err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != len(want) || ended != (good < len(pack) || good == 0) {
				t.Fatalf("%d of %d objects, ended by an error: %t", n, len(want), ended)
			}
		}
	})
}

// FuzzRebuild: whatever a pack holds, its whole objects can be indexed; the index is
// sound, and agrees with the pack but for copies.
func FuzzRebuild(f *testing.F) {
	addPacks(f)
	f.Fuzz(func(t *testing.T, pack []byte) {
		found, _ := naive(pack)
		objects, _ := collect(pack)
		entries := entriesOf(objects)
		entries = packfile.Unique(entries)
		index, id := encode(t, entries)
		if int64(len(index)) != packfile.IndexSize(len(entries)) {
			t.Fatalf("%d bytes for %d entries", len(index), len(entries))
		}
		x, err := packfile.OpenIndex(bytes.NewReader(index), int64(len(index)))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Verify(id); err != nil {
			t.Fatal(err)
		}
		for _, want := range entries {
			if e, ok, err := x.Find(want.Digest); e != want || !ok || err != nil || e.Check(int64(len(pack))) != nil {
				t.Fatalf("Find = %v, %t, %v, want %v", e, ok, err, want)
			}
		}
		copies := 0
		for e, err := range x.Compare(found) {
			if p := typed(t, err); p.Problem != packfile.Duplicate || p.InIndex {
				t.Fatalf("Compare: %v, %v", e, err)
			}
			copies++
		}
		if copies != len(found)-len(entries) {
			t.Fatalf("%d copies, want %d", copies, len(found)-len(entries))
		}
	})
}
