package seal_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"fsk/seal"
)

// verifiers are the two ways to check a trailer, which must always agree.
var verifiers = map[string]func(r *seal.Ring, payload, trailer []byte) (int, bool){
	"Ring.Verify": (*seal.Ring).Verify,
	"Writer.Verify": func(r *seal.Ring, payload, trailer []byte) (int, bool) {
		w := r.NewWriter()
		w.Write(payload)
		return w.Verify(trailer)
	},
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2))
	for name, verify := range verifiers {
		for _, key := range [][]byte{keyN(1), keyN(2)} {
			for _, size := range []int{0, 1, 64, 100} {
				payload := randomBytes(size, 1)
				sealed := append(bytes.Clone(payload), hmacHex(key, payload)...)
				for bit := range len(sealed) * 8 {
					mangled := bytes.Clone(sealed)
					mangled[bit/8] ^= 1 << (bit % 8)
					if _, ok := verify(ring, mangled[:size], mangled[size:]); ok {
						t.Fatalf("%s accepts %d bytes with bit %d flipped", name, size, bit)
					}
				}
			}
		}
	}
}

func TestEveryOtherSplitIsRefused(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2))
	payload := randomBytes(200, 2)
	sealed := append(bytes.Clone(payload), hmacHex(keyN(1), payload)...)
	for name, verify := range verifiers {
		for from := range len(sealed) + 1 {
			for to := from; to <= len(sealed); to++ {
				for _, split := range []int{to - seal.TrailerSize, from, to, (from + to) / 2} {
					if split < from || split > to {
						continue
					}
					_, ok := verify(ring, sealed[from:split], sealed[split:to])
					if want := from == 0 && to == len(sealed) && split == len(payload); ok != want {
						t.Fatalf("%s of bytes %d to %d, split at %d, = %t, want %t", name, from, to, split, ok, want)
					}
				}
			}
		}
	}
}

func TestOneEncodingOnly(t *testing.T) {
	ring := ringOf(t, keyN(1))
	payload := []byte("payload")
	good := hmacHex(keyN(1), payload)
	tests := []struct {
		name    string
		trailer []byte
	}{
		{"capitals", bytes.ToUpper(good)},
		{"63 digits", good[:63]},
		{"65 digits", append(bytes.Clone(good), '0')},
		{"line feed after", append(bytes.Clone(good), '\n')},
		{"space before", append([]byte{' '}, good...)},
		{"line feed in place of the last digit", append(bytes.Clone(good[:63]), '\n')},
		{"zero byte in place of the first digit", append([]byte{0}, good[1:]...)},
		{"raw", unhex(t, string(good))},
		{"raw and zeros", append(unhex(t, string(good)), make([]byte, 32)...)},
		{"twice", slices.Concat(good, good)},
		{"empty", []byte{}},
		{"nil", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, verify := range verifiers {
				if _, ok := verify(ring, payload, test.trailer); ok {
					t.Errorf("%s accepts %q", name, test.trailer)
				}
			}
			if seal.IsTrailer(test.trailer) {
				t.Errorf("IsTrailer(%q) = true", test.trailer)
			}
		})
	}
	// Every byte value at every place: only the digit that is there passes.
	for at := range good {
		for b := range 256 {
			trailer := bytes.Clone(good)
			trailer[at] = byte(b)
			hex := b >= '0' && b <= '9' || b >= 'a' && b <= 'f'
			if got := seal.IsTrailer(trailer); got != hex {
				t.Fatalf("IsTrailer with byte %#x at %d = %t, want %t", b, at, got, hex)
			}
			if _, ok := ring.Verify(payload, trailer); ok != (byte(b) == good[at]) {
				t.Fatalf("Verify with byte %#x at %d = %t", b, at, ok)
			}
		}
	}
}

func TestWriterEqualsOneShotForEverySplit(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2), keyN(3))
	random := rand.New(rand.NewPCG(1, 2))
	w := ring.NewWriter()
	for round := range 300 {
		payload := randomBytes(random.IntN(5000), byte(round))
		w.Reset()
		for rest := payload; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			if random.IntN(4) == 0 {
				n = 0
			}
			if m, err := w.Write(rest[:n]); m != n || err != nil {
				t.Fatalf("Write = %d, %v, want %d, nil", m, err, n)
			}
			rest = rest[n:]
		}
		want := ring.AppendTrailer(nil, payload)
		if got := w.AppendTrailer(nil); !bytes.Equal(got, want) {
			t.Fatalf("round %d: Writer gives %s, AppendTrailer %s", round, got, want)
		}
		for key := range 3 {
			if i, ok := w.Verify(hmacHex(keyN(byte(key+1)), payload)); !ok || i != key {
				t.Fatalf("round %d: Writer.Verify = %d, %t, want %d, true", round, i, ok, key)
			}
		}
	}
}

func TestWriterGoesOnAfterASum(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2))
	w := ring.NewWriter()
	payload := randomBytes(300, 9)
	for i := range payload {
		want := hmacHex(keyN(1), payload[:i])
		if got := w.AppendTrailer(nil); !bytes.Equal(got, want) {
			t.Fatalf("after %d bytes the Writer gives %s, want %s", i, got, want)
		}
		if _, ok := w.Verify(want); !ok {
			t.Fatalf("after %d bytes the Writer refuses the trailer", i)
		}
		w.Write(payload[i : i+1])
	}
}

func TestAppendTrailerAppends(t *testing.T) {
	ring := ringOf(t, keyN(1))
	payload := []byte("payload")
	stored := make([]byte, len(payload), len(payload)+seal.TrailerSize)
	copy(stored, payload)
	// As the store calls it: the destination holds the payload itself.
	got := ring.AppendTrailer(stored, stored)
	if want := append(bytes.Clone(payload), hmacHex(keyN(1), payload)...); !bytes.Equal(got, want) {
		t.Errorf("AppendTrailer = %q, want %q", got, want)
	}
	if &got[0] != &stored[0] {
		t.Error("AppendTrailer allocates although there is room")
	}
}
