package packfile_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"fsk/objects/packfile"
)

func BenchmarkFindMemory(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			entries := randomEntries(n, 1)
			index, _ := encode(b, entries)
			x, err := packfile.ParseIndex(index)
			if err != nil {
				b.Fatal(err)
			}
			find(b, x, entries)
		})
	}
}

// BenchmarkFindLimits is what BenchmarkFindMemory is to be held against in the same
// run: one access to memory, and a plain binary search.
func BenchmarkFindLimits(b *testing.B) {
	const n = 1_000_000
	entries := randomEntries(n, 1)
	index, _ := encode(b, entries)
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)[:1<<16]
	b.Run("one entry", func(b *testing.B) {
		sum := byte(0)
		for i := 0; b.Loop(); i++ { // each place depends on the one before
			sum &= index[indexHead+(order[(i+int(sum))&(1<<16-1)])*recordSize+7]
			sum &= 1
		}
	})
	b.Run("binary search", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			d := entries[order[i&(1<<16-1)]].Digest
			at := sort.Search(n, func(j int) bool {
				return bytes.Compare(index[indexHead+j*recordSize:][:32], d[:]) >= 0
			})
			if at == n {
				b.Fatal("not found")
			}
		}
	})
}

func BenchmarkFindReaderAt(b *testing.B) {
	entries, index := million(b)
	name := filepath.Join(b.TempDir(), "index")
	if err := os.WriteFile(name, index, 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for name, r := range map[string]io.ReaderAt{"file": f, "bytes": bytes.NewReader(index)} {
		b.Run(name, func(b *testing.B) {
			count := &counter{ReaderAt: r}
			x, err := packfile.OpenIndex(count, int64(len(index)))
			if err != nil {
				b.Fatal(err)
			}
			count.calls = 0
			find(b, x, entries)
			b.ReportMetric(float64(count.calls)/float64(b.N), "reads/op")
		})
	}
}

// find looks up digests in an order that no cache foresees.
func find(b *testing.B, x *packfile.Index, entries []packfile.Entry) {
	order := make([][32]byte, 1<<16)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range order {
		order[i] = entries[random.IntN(len(entries))].Digest
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok, err := x.Find(order[i&(len(order)-1)]); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 4 << 10, 1 << 20} {
		pack := makePack(b, (64<<20)/(size+headerSize), size)
		b.Run(fmt.Sprintf("batches/%d", size), func(b *testing.B) {
			b.SetBytes(int64(len(pack)))
			b.ReportAllocs()
			var batch packfile.Batch
			for b.Loop() {
				s := packfile.NewScanner(bytes.NewReader(pack), int64(len(pack)))
				var err error
				for err = s.Next(&batch); err == nil; err = s.Next(&batch) {
					for o := range batch.Objects() {
						_ = o
					}
				}
				if err != io.EOF {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("objects/%d", size), func(b *testing.B) {
			b.SetBytes(int64(len(pack)))
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range packfile.Scan(bytes.NewReader(pack), int64(len(pack))) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkWriteIndex(b *testing.B) {
	for _, n := range []int{8, 10_000, 262_144, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			entries := randomEntries(n, 1)
			scratch := slices.Clone(entries)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				copy(scratch, entries)
				b.StartTimer()
				if _, err := packfile.WriteIndex(discard{}, scratch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
		})
	}
}

func BenchmarkWriterAdd(b *testing.B) {
	entries := randomEntries(1<<16, 1)
	payload, trailer := make([]byte, 1024), make([]byte, 64)
	w := packfile.NewWriter(discard{})
	b.SetBytes(1024 + 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i&(1<<16-1) == 0 {
			w.Reset(discard{})
		}
		if err := w.Add(entries[i&(1<<16-1)].Digest, payload, trailer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	_, index := million(b)
	x, err := packfile.OpenIndex(bytes.NewReader(index), int64(len(index)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(index)))
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Verify(nameOf(index)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	entries, index := million(b)
	x, err := packfile.OpenIndex(bytes.NewReader(index), int64(len(index)))
	if err != nil {
		b.Fatal(err)
	}
	slices.SortFunc(entries, func(a, b packfile.Entry) int { return int(a.Offset - b.Offset) })
	scratch := slices.Clone(entries)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		copy(scratch, entries)
		b.StartTimer()
		for e, err := range x.Compare(scratch) {
			b.Fatal(e, err)
		}
	}
}
