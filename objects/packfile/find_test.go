package packfile_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"fsk/objects/packfile"
)

// million is the largest index that there can be, or nearly.
func million(t testing.TB) (entries []packfile.Entry, index []byte) {
	t.Helper()
	if testing.Short() {
		t.Skip("an index of 48 MB")
	}
	entries = randomEntries(1_000_000, 1)
	index, _ = encode(t, entries)
	return entries, index
}

func TestFindReadsLittle(t *testing.T) {
	entries, index := million(t)
	r := &counter{ReaderAt: bytes.NewReader(index)}
	x, err := packfile.OpenIndex(r, int64(len(index)))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	source := rand.NewChaCha8([32]byte{9})
	for name, digest := range map[string]func() [32]byte{
		"there":     func() [32]byte { return entries[random.IntN(len(entries))].Digest },
		"not there": func() (d [32]byte) { source.Read(d[:]); return d },
	} {
		const rounds = 20_000
		var total, most int
		for range rounds {
			r.calls, r.bytes = 0, 0
			_, ok, err := x.Find(digest())
			if err != nil || ok != (name == "there") {
				t.Fatalf("%s: Find = %t, %v", name, ok, err)
			}
			if r.bytes > 4096*r.calls {
				t.Fatalf("%s: %d bytes in %d reads", name, r.bytes, r.calls)
			}
			total, most = total+r.calls, max(most, r.calls)
		}
		average := float64(total) / rounds
		t.Logf("%s: %.2f reads, at most %d", name, average, most)
		if average > 1.5 || most > 4 {
			t.Errorf("%s: %.2f reads, at most %d", name, average, most)
		}
	}
}

// TestFindIsBounded searches in indexes whose digests are placed to mislead the
// interpolation, and in some that are in disorder.
func TestFindIsBounded(t *testing.T) {
	const n = 1 << 18
	set := func(digest func(i uint64) uint64) []packfile.Entry {
		entries := make([]packfile.Entry, n)
		for i := range entries {
			binary.BigEndian.PutUint64(entries[i].Digest[:], digest(uint64(i)))
			binary.BigEndian.PutUint32(entries[i].Digest[28:], uint32(i))
			entries[i].Offset = 51 + 40*int64(i)
		}
		return entries
	}
	random := rand.New(rand.NewPCG(3, 4))
	for name, digest := range map[string]func(i uint64) uint64{
		"all but the end the same": func(i uint64) uint64 { return 0x4242424242424242 },
		"low":                      func(i uint64) uint64 { return i },
		"high":                     func(i uint64) uint64 { return 0xffff_ffff_ffff_ffff - n + i },
		"squares":                  func(i uint64) uint64 { return 0x42<<56 | i*i<<20 },
		"powers":                   func(i uint64) uint64 { return 0x42<<56 | 1<<(i*56/n) },
		"powers from above":        func(i uint64) uint64 { return 0x42<<56 | (1<<56 - 1 - 1<<(i*56/n)) },
		"one far away":             func(i uint64) uint64 { return 0x42<<56 | i/(n-1)<<55 },
	} {
		t.Run(name, func(t *testing.T) {
			entries := set(digest)
			index, _ := encode(t, entries)
			r := &counter{ReaderAt: bytes.NewReader(index)}
			file, err := packfile.OpenIndex(r, int64(len(index)))
			if err != nil {
				t.Fatal(err)
			}
			mem, _ := packfile.ParseIndex(index)
			most := 0
			for range 5000 {
				want := entries[random.IntN(n)]
				r.calls = 0
				e, ok, err := file.Find(want.Digest)
				if !ok || err != nil || e != want {
					t.Fatalf("reader: Find = %v, %t, %v, want %v", e, ok, err, want)
				}
				most = max(most, r.calls)
				if e, ok, err := mem.Find(want.Digest); !ok || err != nil || e != want {
					t.Fatalf("memory: Find = %v, %t, %v, want %v", e, ok, err, want)
				}
				want.Digest[20]++
				r.calls = 0
				if _, ok, _ := file.Find(want.Digest); ok {
					t.Fatal("reader: found what is not there")
				}
				most = max(most, r.calls)
				if _, ok, _ := mem.Find(want.Digest); ok {
					t.Fatal("memory: found what is not there")
				}
			}
			t.Logf("at most %d reads", most)
			if most > 18 {
				t.Errorf("%d reads", most)
			}
			// The same in disorder: any answer, but soon, and under the right digest.
			records := index[indexHead : len(index)-32]
			shuffled := slices.Collect(slices.Chunk(bytes.Clone(records), recordSize))
			random.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			copy(records, slices.Concat(shuffled...))
			for range 5000 {
				want := entries[random.IntN(n)]
				r.calls = 0
				if e, ok, err := file.Find(want.Digest); err != nil || ok && e != want {
					t.Fatalf("in disorder: Find = %v, %t, %v", e, ok, err)
				}
				if e, ok, err := mem.Find(want.Digest); err != nil || ok && e != want {
					t.Fatalf("in disorder, memory: Find = %v, %t, %v", e, ok, err)
				}
				if r.calls > 18 {
					t.Fatalf("in disorder: %d reads", r.calls)
				}
			}
		})
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	entries := randomEntries(20_000, 2)
	index, _ := encode(t, entries)
	for name, x := range open(t, index) {
		i := 0
		n := testing.AllocsPerRun(5000, func() {
			i = (i + 7) % len(entries)
			if e, ok, err := x.Find(entries[i].Digest); !ok || err != nil || e.Check(1<<40) != nil {
				t.Fatal("not found")
			}
		})
		if n >= 0.1 && !raceEnabled { // under the race detector a sync.Pool drops some
			t.Errorf("Find in %s allocates %.2f times", name, n)
		}
	}

	pack := makePack(t, 20_000, 100)
	var b packfile.Batch
	if err := packfile.NewScanner(bytes.NewReader(pack), int64(len(pack))).Next(&b); err != nil {
		t.Fatal(err)
	}
	objects := 0
	n := testing.AllocsPerRun(10, func() {
		r := bytes.NewReader(pack)
		for s := packfile.NewScanner(r, int64(len(pack))); s.Next(&b) == nil; {
			for o := range b.Objects() {
				objects += len(o.Stored) / 100
			}
		}
	})
	if n > 10 || objects != 11*20_000 {
		t.Errorf("a scan of 20,000 objects allocates %.0f times", n)
	}

	w := packfile.NewWriter(discard{})
	payload, trailer := make([]byte, 1000), make([]byte, 64)
	write := func() {
		w.Reset(discard{})
		for i := range entries {
			if err := w.Add(entries[i].Digest, payload, trailer); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Finish(discard{}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if n := testing.AllocsPerRun(10, write); n > 10 {
		t.Errorf("a pack of 20,000 objects allocates %.0f times", n)
	}
}

// discard is io.Discard without its ReadFrom.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
