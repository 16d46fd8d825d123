package packfile_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"fsk/objects/packfile"
)

func TestScanRefuses(t *testing.T) {
	a, b := raw(1, 3, "abc"), raw(2, 0, "")
	tests := []struct {
		name    string
		pack    []byte
		objects int
		problem packfile.Problem
		offset  int64
	}{
		{"empty file", nil, 0, packfile.Truncated, 0},
		{"half a magic", []byte("fsk-pa"), 0, packfile.Truncated, 0},
		{"a byte that is no magic", []byte("x"), 0, packfile.BadMagic, 0},
		{"an index", []byte("fsk-idx 1\n..."), 0, packfile.BadMagic, 0},
		{"another version", []byte("fsk-pack 2\n"), 0, packfile.BadMagic, 0},
		{"half a header", rawPack(a, b[:39]), 1, packfile.Truncated, 54},
		{"a byte after the last object", rawPack(a, []byte{0}), 1, packfile.Truncated, 54},
		{"half the stored bytes", rawPack(a, raw(3, 9, "12345678")), 1, packfile.Truncated, 54},
		{"one byte less than said", rawPack(raw(3, maxStored, strings.Repeat("x", maxStored-1))), 0, packfile.Truncated, 11},
		{"length over the limit", rawPack(a, b, raw(3, maxStored+1, strings.Repeat("x", maxStored+1))), 2, packfile.TooLong, 94},
		{"length 2^31", rawPack(a, b, raw(3, 1<<31, "abc")), 2, packfile.TooLong, 94},
		{"length 2^32", rawPack(a, b, raw(3, 1<<32, "abc")), 2, packfile.TooLong, 94},
		{"length 2^63", rawPack(a, b, raw(3, 1<<63, "abc")), 2, packfile.TooLong, 94},
		{"length 2^64-40", rawPack(a, b, raw(3, math.MaxUint64-39, "abc")), 2, packfile.TooLong, 94},
		{"length 2^64-1", rawPack(a, b, raw(3, math.MaxUint64, "abc")), 2, packfile.TooLong, 94},
		{"good objects after a bad one", rawPack(a, raw(3, 1<<40, ""), b), 1, packfile.TooLong, 54},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": bytes.NewReader(test.pack), "bytewise": iotest.OneByteReader(bytes.NewReader(test.pack)),
				"early EOF": iotest.DataErrReader(bytes.NewReader(test.pack)),
			} {
				n, last := 0, error(nil)
				for o, err := range packfile.Scan(r, int64(len(test.pack))) {
					if last = err; err == nil {
						n++
					} else if o.Stored != nil || o.Entry != (packfile.Entry{}) {
						t.Errorf("%s: an object beside an error", name)
					}
				}
				wantProblem(t, last, test.problem, test.offset)
				b := packfile.Batch{}
				s := packfile.NewScanner(bytes.NewReader(test.pack), int64(len(test.pack)))
				for s.Next(&b) == nil {
				}
				if b.Len() != 0 || len(b.Raw()) != 0 {
					t.Errorf("a batch with %d objects beside an error", b.Len())
				}
				if n != test.objects {
					t.Errorf("%s: %d objects, want %d", name, n, test.objects)
				}
			}
		})
	}
}

func TestScanReadsLargestObjects(t *testing.T) {
	big := strings.Repeat("x", maxStored)
	pack := rawPack(raw(1, maxStored, big), raw(2, 0, ""), raw(3, maxStored, big), raw(4, 1, "a"), raw(5, maxStored, big), raw(6, maxStored, big))
	objects, err := collect(pack)
	if err != nil || len(objects) != 6 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	for i, o := range objects {
		if o.Digest[0] != byte(i+1) || len(o.Stored) != o.Length || !bytes.Equal(o.Stored, pack[o.Offset:][:o.Length]) {
			t.Errorf("object %d is %v with %d bytes", i, o.Entry, len(o.Stored))
		}
	}
}

// TestBatchesOutliveTheScan hands batches to others while the scanner goes on.
func TestBatchesOutliveTheScan(t *testing.T) {
	pack := makePack(t, 9000, 1000)
	s := packfile.NewScanner(bytes.NewReader(pack), int64(len(pack)))
	var batches []*packfile.Batch
	for {
		b := new(packfile.Batch)
		if err := s.Next(b); err == io.EOF {
			if b.Len() != 0 || len(b.Raw()) != 0 {
				t.Error("a batch beside EOF")
			}
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if b.Len() == 0 {
			t.Error("an empty batch without an error")
		}
		batches = append(batches, b)
	}
	joined, objects := []byte("fsk-pack 1\n"), 0
	for _, b := range batches {
		joined = append(joined, b.Raw()...)
		n := 0
		for o := range b.Objects() {
			if !bytes.Equal(o.Stored, pack[o.Offset:][:o.Length]) || o.Digest != [32]byte(pack[o.Offset-40:]) {
				t.Fatalf("object at %d is not what is there", o.Offset)
			}
			if cap(o.Stored) != o.Length {
				t.Fatalf("an append to the stored bytes would overwrite what follows")
			}
			n++
		}
		if n != b.Len() {
			t.Errorf("Len = %d, but %d objects", b.Len(), n)
		}
		objects += n
	}
	if !bytes.Equal(joined, pack) || objects != 9000 || len(batches) < 4 {
		t.Errorf("%d batches with %d objects do not make the pack", len(batches), objects)
	}
}

func TestScanReportsFaultsAfterWholeObjects(t *testing.T) {
	pack, _ := three(t)
	fault := errors.New("disk on fire")
	for size := range pack {
		whole, _ := collect(pack[:size])
		s := packfile.NewScanner(io.MultiReader(bytes.NewReader(pack[:size]), iotest.ErrReader(fault)), int64(len(pack)))
		var b packfile.Batch
		n := 0
		err := s.Next(&b)
		for ; err == nil; err = s.Next(&b) {
			n += b.Len()
		}
		if err != fault || n != len(whole) {
			t.Errorf("fault at %d: %d objects, %v, want %d, %v", size, n, err, len(whole), fault)
		}
		if again := s.Next(&b); again != fault || b.Len() != 0 || len(b.Raw()) != 0 {
			t.Errorf("fault at %d: then %v", size, again)
		}
	}
}

func TestScanReadsNoMoreThanItsSize(t *testing.T) {
	pack, _ := three(t)
	r := bytes.NewReader(append(bytes.Clone(pack), "and what was appended since"...))
	n := 0
	for _, err := range packfile.Scan(r, int64(len(pack))) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 || r.Len() != 27 {
		t.Errorf("%d objects, %d bytes left", n, r.Len())
	}
	for _, size := range []int64{0, -1, math.MinInt64} {
		for _, err := range packfile.Scan(bytes.NewReader(pack), size) {
			wantProblem(t, err, packfile.Truncated, 0)
		}
	}
}

func TestScanStopsAtTheLimitOfObjects(t *testing.T) {
	empty := raw(1, 0, "")
	pack := rawPack(bytes.Repeat(empty, packfile.MaxObjects), empty)
	n, last := 0, error(nil)
	for _, err := range packfile.Scan(bytes.NewReader(pack), int64(len(pack))) {
		if last = err; err == nil {
			n++
		}
	}
	wantProblem(t, last, packfile.TooMany, int64(len(pack)-len(empty)))
	if n != packfile.MaxObjects {
		t.Errorf("%d objects", n)
	}
}

// TestLiesDoNotAllocate measures what hostile files of a few bytes cost.
func TestLiesDoNotAllocate(t *testing.T) {
	pack := rawPack(raw(1, maxStored, "abc"))
	index := rawIndex(rawRecord(1, 51, maxStored), rawRecord(2, 1<<62, maxStored))
	entry := packfile.Entry{Offset: 51}
	for name, f := range map[string]func(){
		"scan":       func() { collect(pack) },
		"open":       func() { packfile.ParseIndex(index) },
		"not a pack": func() { collect(bytes.Repeat([]byte{0xff}, 60)) },
		"list": func() {
			x, _ := packfile.OpenIndex(bytes.NewReader(index), int64(len(index)))
			for range x.All() {
			}
			for range x.Compare([]packfile.Entry{entry}) {
			}
		},
	} {
		const runs = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		if bytes := (after.TotalAlloc - before.TotalAlloc) / runs; bytes > 16<<10 {
			t.Errorf("%s allocates %d bytes", name, bytes)
		}
	}
}

func TestScanCanStopAnywhere(t *testing.T) {
	pack, _ := three(t)
	for stop := 1; stop <= 3; stop++ {
		var got []packfile.Entry
		for o, err := range packfile.Scan(bytes.NewReader(pack), int64(len(pack))) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, o.Entry); len(got) == stop {
				break
			}
		}
		if all, _ := collect(pack); !slices.Equal(got, entriesOf(all)[:stop]) {
			t.Errorf("stopped after %d: %v", stop, got)
		}
	}
}
