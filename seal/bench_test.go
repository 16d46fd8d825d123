package seal_test

import (
	"fmt"
	"testing"

	"fsk/seal"
)

func TestHotPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector a sync.Pool drops some of what is put into it")
	}
	ring := ringOf(t, keyN(1), keyN(2), keyN(3))
	payload := randomBytes(1024, 1)
	last := hmacHex(keyN(3), payload)
	dst := make([]byte, 0, seal.TrailerSize)
	w := ring.NewWriter()
	for name, f := range map[string]func(){
		"AppendTrailer":                func() { ring.AppendTrailer(dst, payload) },
		"Verify by the last of 3 keys": func() { ring.Verify(payload, last) },
		"Verify of a foreign seal":     func() { ring.Verify(payload[1:], last) },
		"Writer":                       func() { w.Reset(); w.Write(payload); w.AppendTrailer(dst); w.Verify(last) },
	} {
		// A garbage collection may empty the pool in the middle.
		if n := testing.AllocsPerRun(1000, f); n >= 0.1 {
			t.Errorf("%s allocates %.2f times for each object", name, n)
		}
	}
}

var benchSizes = []int{64, 1 << 10, 4 << 10, 1 << 20}

func BenchmarkAppendTrailer(b *testing.B) {
	ring := ringOf(b, keyN(1))
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			payload := randomBytes(size, 1)
			dst := make([]byte, 0, seal.TrailerSize)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				ring.AppendTrailer(dst, payload)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, keys := range []byte{1, 4} {
		for _, size := range benchSizes {
			b.Run(fmt.Sprintf("keys=%d/%d", keys, size), func(b *testing.B) {
				var secrets [][]byte
				for i := range keys {
					secrets = append(secrets, keyN(i+1))
				}
				ring := ringOf(b, secrets...)
				payload := randomBytes(size, 1)
				trailer := hmacHex(keyN(keys), payload)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := ring.Verify(payload, trailer); !ok {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}

func BenchmarkVerifyParallel(b *testing.B) {
	ring := ringOf(b, keyN(1))
	payload := randomBytes(1<<10, 1)
	trailer := hmacHex(keyN(1), payload)
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := ring.Verify(payload, trailer); !ok {
				b.Error("refused")
			}
		}
	})
}
