package multisum_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fsk/objects/internal/multisum"

	"github.com/zeebo/blake3"
)

// wantSums hashes messages side by side, and compares with each of them hashed alone.
func wantSums(t *testing.T, messages [][]byte) {
	t.Helper()
	sums := make([][32]byte, len(messages)+1)
	multisum.Sum(sums, messages)
	for i, m := range messages {
		if want := blake3.Sum256(m); sums[i] != want {
			t.Fatalf("message %d of %d bytes, of %d: %x, want %x", i, len(m), len(messages), sums[i], want)
		}
	}
	if sums[len(messages)] != [32]byte{} {
		t.Fatal("a sum too many")
	}
}

func random(r *rand.Rand, size int) []byte {
	m := make([]byte, size)
	for i := range m {
		m[i] = byte(r.Uint32())
	}
	return m
}

// TestEveryLength: each length in each lane, beside messages of other lengths.
func TestEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	data := random(r, multisum.MaxShort+100)
	for size := range data {
		for lane := range 8 {
			messages := make([][]byte, 8)
			for i := range messages {
				from := r.IntN(len(data))
				messages[i] = data[from : from+r.IntN(len(data)-from)]
			}
			messages[lane] = data[len(data)-size:]
			wantSums(t, messages)
		}
	}
}

// TestEveryNumber: any number of messages, with long ones among them.
func TestEveryNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 70 {
		messages := make([][]byte, n)
		for i := range messages {
			size := r.IntN(multisum.MaxShort + 1)
			if r.IntN(5) == 0 {
				size = r.IntN(20_000)
			}
			messages[i] = random(r, size)
		}
		wantSums(t, messages)
	}
}

// TestTooFewSums: what has no place is not forgotten.
func TestTooFewSums(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	multisum.Sum(make([][32]byte, 3), make([][]byte, 4))
}

// FuzzSum: messages cut from the same bytes have the digests that they have alone.
func FuzzSum(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		var messages [][]byte
		for _, c := range cuts {
			n := min(int(c)*5, len(data))
			messages = append(messages, data[:n])
			data = data[n/2:]
		}
		wantSums(t, messages)
	})
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{64, 256, 1024} {
		messages, sums := make([][]byte, 64), make([][32]byte, 64)
		for i := range messages {
			messages[i] = make([]byte, size)
		}
		b.Run(fmt.Sprintf("together/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size * len(messages)))
			b.ReportAllocs()
			for b.Loop() {
				multisum.Sum(sums, messages)
			}
		})
		b.Run(fmt.Sprintf("alone/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size * len(messages)))
			for b.Loop() {
				for i, m := range messages {
					sums[i] = blake3.Sum256(m)
				}
			}
		})
	}
}
