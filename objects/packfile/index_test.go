package packfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"fsk/objects/packfile"
)

func TestHeadIsChecked(t *testing.T) {
	_, good := three(t)
	edit := func(f func(index []byte)) []byte {
		index := bytes.Clone(good)
		f(index)
		return withSum(index)
	}
	tests := []struct {
		name    string
		index   []byte
		problem packfile.Problem
		offset  int64
	}{
		{"empty", nil, packfile.BadSize, 0},
		{"the magic of a pack", edit(func(b []byte) { copy(b, "fsk-pack 1\n") }), packfile.BadMagic, 0},
		{"another version", edit(func(b []byte) { b[8] = '2' }), packfile.BadMagic, 0},
		{"fan-out descends", edit(func(b []byte) { b[10+4*0x80+3] = 0 }), packfile.BadFanOut, 10 + 4*0x80},
		{"fan-out above the number of objects", edit(func(b []byte) { b[10+4*3+3] = 4 }), packfile.BadFanOut, 10 + 4*3},
		{"fan-out of 2^32-1", edit(func(b []byte) { binary.BigEndian.PutUint32(b[10:], math.MaxUint32) }), packfile.BadFanOut, 10},
		{"fan-out of 2^31", edit(func(b []byte) { binary.BigEndian.PutUint32(b[10:], 1<<31) }), packfile.BadFanOut, 10},
		{"fewer objects than the size says", edit(func(b []byte) {
			for i := 0xf4; i < 256; i++ {
				b[10+4*i+3] = 2
			}
		}), packfile.BadSize, 10 + 4*255},
		{"one byte more", append(bytes.Clone(good), 0), packfile.BadSize, 0},
		{"one object more", append(bytes.Clone(good), make([]byte, 48)...), packfile.BadSize, 10 + 4*255},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := packfile.ParseIndex(test.index)
			wantProblem(t, err, test.problem, test.offset)
			x, err := packfile.OpenIndex(bytes.NewReader(test.index), int64(len(test.index)))
			wantProblem(t, err, test.problem, test.offset)
			if x != nil {
				t.Error("an Index beside an error")
			}
		})
	}
}

// TestSizeIsCheckedBeforeAnythingIsRead asks for sizes that no index has.
func TestSizeIsCheckedBeforeAnythingIsRead(t *testing.T) {
	for _, size := range []int64{math.MinInt64, -1, 0, 1065, 1067, 1066 + 47, packfile.IndexSize(packfile.MaxObjects + 1), 1 << 40, math.MaxInt64} {
		r := &counter{ReaderAt: bytes.NewReader(nil)}
		_, err := packfile.OpenIndex(r, size)
		wantProblem(t, err, packfile.BadSize, 0)
		if r.calls != 0 {
			t.Errorf("size %d: %d reads", size, r.calls)
		}
	}
	r := &counter{ReaderAt: bytes.NewReader(make([]byte, 4096))}
	_, err := packfile.OpenIndex(r, packfile.IndexSize(packfile.MaxObjects))
	wantProblem(t, err, packfile.BadMagic, 0)
	if r.calls != 1 || r.bytes != 1034 {
		t.Errorf("%d reads of %d bytes, want one of 1034", r.calls, r.bytes)
	}
}

func TestEmptyIndex(t *testing.T) {
	index, id := encode(t, nil)
	if len(index) != 1066 {
		t.Errorf("%d bytes, want 1066", len(index))
	}
	for name, x := range open(t, index) {
		if err := x.Verify(id); err != nil || x.Len() != 0 {
			t.Errorf("%s: Verify = %v, Len = %d", name, err, x.Len())
		}
		if _, ok, err := x.Find([32]byte{}); ok || err != nil {
			t.Errorf("%s: Find = %t, %v", name, ok, err)
		}
		for e, err := range x.All() {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

func TestVerifyFinds(t *testing.T) {
	a, b, c := rawRecord(1, 51, 0), rawRecord(2, 91, 0), rawRecord(3, 131, 9)
	at := func(i int) int64 { return indexHead + int64(i)*recordSize }
	swapped := bytes.Clone(rawIndex(a, b, c))
	copy(swapped[indexHead+10:], make([]byte, 22)) // the digest no longer follows from its neighbours
	tests := []struct {
		name    string
		index   []byte
		problem packfile.Problem
		offset  int64
	}{
		{"disorder within a bucket", rawIndex(a, append(append(bytes.Repeat([]byte{2}, 31), 3), b[32:]...), b), packfile.BadOrder, at(2)},
		{"disorder of buckets", rawIndex(b, a, c), packfile.BadFanOut, at(0)},
		{"a duplicate", rawIndex(a, b, b, c), packfile.Duplicate, at(2)},
		{"offset in the magic", rawIndex(a, rawRecord(2, 10, 0)), packfile.OutOfBounds, at(1)},
		{"offset in the first header", rawIndex(a, rawRecord(2, 50, 0)), packfile.OutOfBounds, at(1)},
		{"offset 2^63", rawIndex(a, rawRecord(2, 1<<63, 0)), packfile.OutOfBounds, at(1)},
		{"offset 2^64-1", rawIndex(a, rawRecord(2, math.MaxUint64, 1)), packfile.OutOfBounds, at(1)},
		{"end over 2^63-1", rawIndex(a, rawRecord(2, math.MaxInt64-9, 10)), packfile.OutOfBounds, at(1)},
		{"length over the limit", rawIndex(a, rawRecord(2, 91, maxStored+1)), packfile.TooLong, at(1)},
		{"length 2^31", rawIndex(a, rawRecord(2, 91, 1<<31)), packfile.TooLong, at(1)},
		{"length 2^32", rawIndex(a, rawRecord(2, 91, 1<<32)), packfile.TooLong, at(1)},
		{"length 2^63", rawIndex(a, rawRecord(2, 91, 1<<63)), packfile.TooLong, at(1)},
		{"checksum", swapped, packfile.BadChecksum, at(3)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, x := range open(t, test.index) {
				wantProblem(t, x.Verify(nameOf(test.index)), test.problem, test.offset)
			}
		})
	}
	good := rawIndex(a, b, c)
	for _, x := range open(t, good) {
		if err := x.Verify(nameOf(good)); err != nil {
			t.Errorf("Verify = %v", err)
		}
		wantProblem(t, x.Verify(packfile.ID{}), packfile.WrongID, at(3))
	}
}

func TestFindRefusesPlacesOutsideOfEveryPack(t *testing.T) {
	index := rawIndex(rawRecord(1, 51, 0), rawRecord(2, 1<<63, 5), rawRecord(3, 91, 1<<32), rawRecord(4, 51, maxStored))
	for name, x := range open(t, index) {
		_, ok, err := x.Find([32]byte(bytes.Repeat([]byte{2}, 32)))
		wantProblem(t, err, packfile.OutOfBounds, indexHead+1*recordSize)
		if ok {
			t.Errorf("%s: found beside an error", name)
		}
		_, _, err = x.Find([32]byte(bytes.Repeat([]byte{3}, 32)))
		wantProblem(t, err, packfile.TooLong, indexHead+2*recordSize)
		e, ok, err := x.Find([32]byte(bytes.Repeat([]byte{4}, 32)))
		if !ok || err != nil || e.Length != maxStored {
			t.Errorf("%s: the largest object: %v, %t, %v", name, e, ok, err)
		}
		// A listing goes on behind them.
		var digests, problems int
		for e, err := range x.All() {
			digests++
			if err != nil {
				problems++
				if e.Offset != 0 || e.Length != 0 || e.Digest == ([32]byte{}) {
					t.Errorf("%s: %v beside %v", name, e, err)
				}
			}
		}
		if digests != 4 || problems != 2 {
			t.Errorf("%s: All yields %d, %d of them errors, want 4 and 2", name, digests, problems)
		}
	}
}

func TestEntryCheck(t *testing.T) {
	tests := []struct {
		offset   int64
		length   int
		packSize int64
		want     packfile.Problem
	}{
		{51, 0, 51, ""},
		{51, 10, 61, ""},
		{51, maxStored, math.MaxInt64, ""},
		{math.MaxInt64 - maxStored, maxStored, math.MaxInt64, ""},
		{51, 10, 60, packfile.OutOfBounds},
		{52, 0, 51, packfile.OutOfBounds},
		{50, 0, 1000, packfile.OutOfBounds},
		{0, 0, 1000, packfile.OutOfBounds},
		{-1, 0, 1000, packfile.OutOfBounds},
		{math.MinInt64, 5, 1000, packfile.OutOfBounds},
		{math.MaxInt64, 0, 1000, packfile.OutOfBounds},
		{math.MaxInt64, maxStored, math.MaxInt64, packfile.OutOfBounds},
		{51, 0, 0, packfile.OutOfBounds},
		{51, 0, -1, packfile.OutOfBounds},
		{51, 0, math.MinInt64, packfile.OutOfBounds},
		{51, maxStored + 1, math.MaxInt64, packfile.TooLong},
		{51, math.MaxInt, math.MaxInt64, packfile.TooLong},
		{51, -1, 1000, packfile.TooLong},
	}
	for _, test := range tests {
		e := packfile.Entry{Offset: test.offset, Length: test.length}
		err := e.Check(test.packSize)
		if test.want != "" {
			wantProblem(t, err, test.want, test.offset)
		} else if err != nil {
			t.Errorf("%v.Check(%d) = %v", e, test.packSize, err)
		}
	}
}

// broken fails all reads from an offset on.
type broken struct {
	io.ReaderAt
	from int64
	err  error
}

func (b *broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.from {
		return 0, b.err
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestFaultOfTheDiskIsNotAProblemOfTheIndex(t *testing.T) {
	_, index := three(t)
	fault := errors.New("disk on fire")
	for _, from := range []int64{0, indexHead, int64(len(index)) - 32} {
		r := &broken{bytes.NewReader(index), from, fault}
		x, err := packfile.OpenIndex(r, int64(len(index)))
		if from == 0 {
			if err != fault {
				t.Errorf("OpenIndex: %v", err)
			}
			continue
		}
		if err := x.Verify(nameOf(index)); err != fault {
			t.Errorf("Verify: %v", err)
		}
		if from > indexHead {
			continue
		}
		if _, ok, err := x.Find(digestOf(t, threeObjects[0].digest)); ok || err != fault {
			t.Errorf("Find: %t, %v", ok, err)
		}
		for name, yielded := range map[string]func(func(packfile.Entry, error) bool){"All": x.All(), "Compare": x.Compare(nil)} {
			errs := 0
			for e, err := range yielded {
				errs++
				if err != fault || e != (packfile.Entry{}) {
					t.Errorf("%s: %v, %v", name, e, err)
				}
			}
			if errs != 1 {
				t.Errorf("%s yields %d errors", name, errs)
			}
		}
	}
}

func TestFromYieldsTheRestInOrder(t *testing.T) {
	entries := randomEntries(5000, 7)
	index, _ := encode(t, entries) // sorts
	for name, x := range open(t, index) {
		for _, at := range []int{0, 1, 77, 2500, 4999} {
			var got []packfile.Entry
			for e, err := range x.From(entries[at].Digest) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e)
			}
			if !slices.Equal(got, entries[at:]) {
				t.Errorf("%s: From number %d yields %d entries", name, at, len(got))
			}
		}
		between := entries[2500].Digest
		between[31]++
		for e, err := range x.From(between) {
			if e != entries[2501] || err != nil {
				t.Errorf("%s: From behind number 2500 yields %v, %v", name, e, err)
			}
			break
		}
	}
}
