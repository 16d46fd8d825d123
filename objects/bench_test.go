package objects_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"fsk/objects"
	"fsk/seal"
)

// benchStore returns a store with n objects of a size, sealed.
func benchStore(b *testing.B, n, size int) (*objects.DB, []objects.Digest) {
	b.Helper()
	fsys := newRoot(b)
	var digests []objects.Digest
	for i := range n {
		payload := random(size, byte(i))
		copy(payload, fmt.Sprint(i))
		digests = append(digests, digestOf(payload))
		plant(b, fsys, digests[i], sealed(key1, payload))
	}
	return open(b, fsys, ringOf(b, key1), quick), digests
}

func BenchmarkPut(b *testing.B) {
	for name, ring := range map[string]*seal.Ring{"sealed": ringOf(b, key1), "plain": seal.Off} {
		b.Run(name+"/4096", func(b *testing.B) {
			db := open(b, newRoot(b), ring, quick)
			payload := random(4<<10, 1)
			b.SetBytes(4 << 10)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				copy(payload, fmt.Sprint(i))
				if _, err := db.Put(b.Context(), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, d := benchStore(b, 1, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.Get(b.Context(), d[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpenClose(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, d := benchStore(b, 1, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r, err := db.Open(b.Context(), d[0])
				if err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}

func BenchmarkCheck1000(b *testing.B) {
	db, digests := benchStore(b, 1000, 4<<10)
	b.SetBytes(1000 * 4 << 10)
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range digests {
			if info, err := db.Check(b.Context(), d); err != nil || info.Reason != objects.OK {
				b.Fatal(info, err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkFsck1000(b *testing.B) {
	db, _ := benchStore(b, 1000, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := drain(db, b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkJudgeStream compares the verdict on a file of 256 MiB with HMAC alone over
// the same bytes in memory: ratio is the time of the first in times of the second.
func BenchmarkJudgeStream(b *testing.B) {
	const size = 256 << 20
	fsys := newRoot(b)
	payload := make([]byte, size)
	copy(payload, random(1<<20, 1))
	stored := sealed(key1, payload)
	d := digestOf(payload)
	plant(b, fsys, d, stored)
	start := time.Now()
	mac := hmac.New(sha256.New, key1)
	mac.Write(payload)
	mac.Sum(nil)
	alone := time.Since(start)
	db := open(b, fsys, ringOf(b, key1), quick)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.Stat(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/alone.Seconds(), "ratio")
}

func BenchmarkWriteTo(b *testing.B) {
	db := open(b, bigStore(b), ringOf(b, key1), nil)
	b.SetBytes(int64(len(big.payload)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := db.Open(b.Context(), big.digest)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
