package objects_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"fsk/objects"
)

func packedStore(b *testing.B, packs, each, size int) (*objects.DB, []objects.Digest) {
	b.Helper()
	fsys := newRoot(b)
	var digests []objects.Digest
	payload := random(size, 1)
	for p := range packs {
		var records []record
		for i := range each {
			binary.BigEndian.PutUint64(payload, uint64(p)<<32|uint64(i))
			records = append(records, record{digestOf(payload), sealed(key1, payload)})
			digests = append(digests, records[i].d)
		}
		plantPack(b, fsys, records...)
	}
	return open(b, fsys, ringOf(b, key1), quick), digests
}

// BenchmarkBatchPut puts 4096 objects in a batch and commits it.
func BenchmarkBatchPut(b *testing.B) {
	for _, packs := range []int{0, 31, 64} {
		b.Run(fmt.Sprintf("1024/packs=%d", packs), func(b *testing.B) {
			db, _ := packedStore(b, packs, 10, 100)
			payload := random(1<<10, 2)
			b.SetBytes(1 << 10)
			b.ReportAllocs()
			batch := db.NewBatch()
			i := uint64(0)
			for b.Loop() {
				i++
				binary.BigEndian.PutUint64(payload, i)
				if _, err := batch.Put(b.Context(), payload); err != nil {
					b.Fatal(err)
				}
				if i%4096 == 0 {
					if err := batch.Commit(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			batch.Discard()
		})
	}
}

func BenchmarkGetPacked(b *testing.B) {
	for _, packs := range []int{1, 32, 33, 64} {
		b.Run(fmt.Sprintf("1024/packs=%d", packs), func(b *testing.B) {
			db, digests := packedStore(b, packs, 4096/packs, 1<<10)
			b.SetBytes(1 << 10)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i += 7919
				if _, err := db.Get(b.Context(), digests[i%len(digests)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGetMany reads 4096 objects of 1 KiB from a pack, in an order of their own.
func BenchmarkGetMany(b *testing.B) {
	db, digests := packedStore(b, 1, 4096, 1<<10)
	buf := make([]byte, 1<<10)
	slices.SortFunc(digests, objects.Digest.Compare)
	b.Run("GetInto", func(b *testing.B) {
		b.SetBytes(4096 << 10)
		for b.Loop() {
			for _, d := range digests {
				if _, err := db.GetInto(b.Context(), d, buf); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("GetEach", func(b *testing.B) {
		b.SetBytes(4096 << 10)
		for b.Loop() {
			for _, err := range db.GetEach(b.Context(), digests, buf) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkFsckPacked(b *testing.B) {
	db, digests := packedStore(b, 1, 50_000, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := drain(db, b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(digests))/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkPackLoose gathers loose objects; heap is what that takes for each.
func BenchmarkPackLoose(b *testing.B) {
	const n = 20_000
	var most uint64
	b.ReportAllocs()
	for range b.N {
		b.StopTimer()
		fsys := newRoot(b)
		payload := random(200, 3)
		for i := range n {
			binary.BigEndian.PutUint64(payload, uint64(i))
			plant(b, fsys, digestOf(payload), sealed(key1, payload))
		}
		db := open(b, fsys, ringOf(b, key1), quick)
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		b.StartTimer()
		if _, err := db.Pack(b.Context(), func(s objects.PackStats) {
			if s.Objects > n-1100 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-before.HeapAlloc)
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(most)/n, "heap-B/object")
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "objects/s")
}
