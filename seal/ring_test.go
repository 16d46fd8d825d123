package seal_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"sync"
	"testing"

	"fsk/seal"
)

func TestFoldsKeysThatHMACCannotTellApart(t *testing.T) {
	long := bytes.Repeat([]byte("long"), 25)
	sum := sha256.Sum256(long)
	block := randomBytes(64, 3)
	tests := []struct {
		name string
		keys [][]byte
		want int
	}{
		{"the same key twice", [][]byte{keyN(1), keyN(1)}, 1},
		{"K and K with a zero byte", [][]byte{keyN(1), append(keyN(1), 0)}, 1},
		{"K with a zero byte and K", [][]byte{append(keyN(1), 0), keyN(1)}, 1},
		{"K and K with zeros up to 64 bytes", [][]byte{keyN(1), append(keyN(1), make([]byte, 32)...)}, 1},
		{"a long key and its SHA-256", [][]byte{long, sum[:]}, 1},
		{"the SHA-256 with zeros and the long key", [][]byte{append(sum[:], 0, 0), long}, 1},
		{"a long key twice", [][]byte{long, long}, 1},
		{"keys of zero bytes only, of any length", [][]byte{{0}, {0, 0}, make([]byte, 64)}, 1},
		{"64 bytes and the same with a zero byte are two", [][]byte{block, append(bytes.Clone(block), 0)}, 2},
		{"K with zeros beyond 64 bytes is another key", [][]byte{keyN(1), append(keyN(1), make([]byte, 33)...)}, 2},
		{"a zero byte before K is another key", [][]byte{keyN(1), append([]byte{0}, keyN(1)...)}, 2},
		{"a key that ends in zero and is cut elsewhere", [][]byte{{1, 0, 2}, {1, 0}, {1}}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := ringOf(t, test.keys...)
			if ring.Len() != test.want {
				t.Errorf("Len = %d, want %d", ring.Len(), test.want)
			}
			payload := []byte("payload")
			if got, want := ring.AppendTrailer(nil, payload), hmacHex(test.keys[0], payload); !bytes.Equal(got, want) {
				t.Errorf("seals %s, want what the first key makes: %s", got, want)
			}
			for i, key := range test.keys {
				if _, ok := ring.Verify(payload, hmacHex(key, payload)); !ok {
					t.Errorf("key %d was left out but is not the same key", i+1)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	short := []byte("short")
	ring := ringOf(t, keyN(1), short, keyN(1), append(bytes.Clone(short), 0), keyN(2), keyN(2)[:31])
	want := []struct {
		position int
		text     string
	}{
		{2, "5 bytes"}, {3, "key 1"}, {4, "key 2"}, {6, "31 bytes"},
	}
	got := ring.Warnings()
	if len(got) != len(want) {
		t.Fatalf("Warnings = %v, want %d of them", got, len(want))
	}
	for i, w := range want {
		if got[i].Position != w.position || !strings.Contains(got[i].Problem, w.text) {
			t.Errorf("warning %d is %v, want %q for key %d", i, got[i], w.text, w.position)
		}
	}
	if n := len(ringOf(t, keyN(1), keyN(2)).Warnings()); n != 0 {
		t.Errorf("two keys of 32 bytes earn %d warnings", n)
	}
	if n := len(seal.Off.Warnings()); n != 0 {
		t.Errorf("Off has %d warnings", n)
	}
}

func TestRotation(t *testing.T) {
	oldKey, newKey, foreign := keyN(1), keyN(2), keyN(3)
	payload := []byte("payload")
	before, both, after := ringOf(t, oldKey), ringOf(t, newKey, oldKey), ringOf(t, newKey)
	tests := []struct {
		name  string
		ring  *seal.Ring
		by    []byte
		index int
		ok    bool
	}{
		{"old ring reads old", before, oldKey, 0, true},
		{"old ring refuses new", before, newKey, 0, false},
		{"both rings read new with the first key", both, newKey, 0, true},
		{"both rings read old with the second key", both, oldKey, 1, true},
		{"new ring reads new", after, newKey, 0, true},
		{"new ring refuses old", after, oldKey, 0, false},
		{"both rings refuse a foreign key", both, foreign, 0, false},
		{"both rings refuse the empty key", both, nil, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trailer := hmacHex(test.by, payload)
			if i, ok := test.ring.Verify(payload, trailer); i != test.index || ok != test.ok {
				t.Errorf("Verify = %d, %t, want %d, %t", i, ok, test.index, test.ok)
			}
			w := test.ring.NewWriter()
			w.Write(payload)
			if i, ok := w.Verify(trailer); i != test.index || ok != test.ok {
				t.Errorf("Writer.Verify = %d, %t, want %d, %t", i, ok, test.index, test.ok)
			}
		})
	}
	if got := both.AppendTrailer(nil, payload); !bytes.Equal(got, hmacHex(newKey, payload)) {
		t.Error("the ring of both does not seal with the new key")
	}
}

func TestOff(t *testing.T) {
	for name, ring := range map[string]*seal.Ring{"Off": seal.Off, "zero": {}, "derived": seal.Off.Derive("x")} {
		t.Run(name, func(t *testing.T) {
			payload := []byte("payload")
			if ring.Len() != 0 {
				t.Errorf("Len = %d, want 0", ring.Len())
			}
			if got := ring.AppendTrailer([]byte("x"), payload); string(got) != "x" {
				t.Errorf("AppendTrailer = %q, want the destination as it was", got)
			}
			w := ring.NewWriter()
			w.Write(payload)
			w.Reset()
			if got := w.AppendTrailer(nil); got != nil {
				t.Errorf("Writer.AppendTrailer = %q, want nil", got)
			}
			for _, key := range [][]byte{nil, {0}, keyN(1)} {
				if verifies(t, ring, payload, hmacHex(key, payload)) {
					t.Error("a seal verifies without a key")
				}
				if _, ok := w.Verify(hmacHex(key, nil)); ok {
					t.Error("a seal verifies by a Writer without a key")
				}
			}
		})
	}
}

// verifies turns a panic into a failure, so that the other tests still run.
func verifies(t *testing.T, ring *seal.Ring, payload, trailer []byte) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("Verify panics: %v", p)
		}
	}()
	_, ok = ring.Verify(payload, trailer)
	return ok
}

func TestNewRingCopiesKeys(t *testing.T) {
	key := keyN(1)
	ring := ringOf(t, key)
	payload := []byte("payload")
	want := ring.AppendTrailer(nil, payload)
	clear(key)
	if got := ring.NewWriter(); !bytes.Equal(ring.AppendTrailer(nil, payload), want) || got == nil {
		t.Error("the ring changed with the caller's slice")
	}
	w := ring.NewWriter()
	w.Write(payload)
	if !bytes.Equal(w.AppendTrailer(nil), want) {
		t.Error("a new Writer of the ring changed with the caller's slice")
	}
}

func TestDerive(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2))
	a, b := ring.Derive("fsk test a"), ring.Derive("fsk test b")
	payload := []byte("payload")
	trailer := ring.AppendTrailer(nil, payload)
	if a.Len() != ring.Len() {
		t.Errorf("Len of the derived ring = %d, want %d", a.Len(), ring.Len())
	}
	for i := range ring.Len() {
		if a.ID(i) == ring.ID(i) || a.ID(i) == b.ID(i) {
			t.Errorf("key %d has the same id under another context", i)
		}
	}
	for name, other := range map[string]*seal.Ring{"a": a, "b": b} {
		if _, ok := other.Verify(payload, trailer); ok {
			t.Errorf("an object seal is valid in %s", name)
		}
		if _, ok := ring.Verify(payload, other.AppendTrailer(nil, payload)); ok {
			t.Errorf("a seal of %s is valid as an object seal", name)
		}
	}
	if _, ok := b.Verify(payload, a.AppendTrailer(nil, payload)); ok {
		t.Error("a seal of one context is valid in another")
	}
	again := ringOf(t, keyN(1), keyN(2)).Derive("fsk test a")
	if i, ok := again.Verify(payload, a.AppendTrailer(nil, payload)); !ok || i != 0 {
		t.Error("deriving twice gives two keys")
	}
}

func TestOnly(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2), keyN(3))
	payload := []byte("payload")
	for i := range ring.Len() {
		only := ring.Only(i)
		if only.Len() != 1 || only.ID(0) != ring.ID(i) {
			t.Errorf("Only(%d) = %v, want the key %v alone", i, only, ring.ID(i))
		}
		if got := only.AppendTrailer(nil, payload); !bytes.Equal(got, hmacHex(keyN(byte(i+1)), payload)) {
			t.Errorf("Only(%d) seals with another key", i)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		key := seal.GenerateKey()
		if len(key) != seal.MinKeySize || seen[string(key)] {
			t.Fatalf("GenerateKey: %d bytes, seen before: %t", len(key), seen[string(key)])
		}
		seen[string(key)] = true
	}
	if w := ringOf(t, seal.GenerateKey()).Warnings(); len(w) != 0 {
		t.Errorf("a generated key earns a warning: %v", w)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	ring := ringOf(t, keyN(1), keyN(2), keyN(3))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 200 {
				payload := randomBytes(n*7, byte(g))
				key := n % 3
				if i, ok := ring.Verify(payload, hmacHex(keyN(byte(key+1)), payload)); !ok || i != key {
					t.Errorf("Verify = %d, %t, want %d, true", i, ok, key)
				}
				if !bytes.Equal(ring.AppendTrailer(nil, payload), hmacHex(keyN(1), payload)) {
					t.Error("AppendTrailer gives a wrong trailer")
				}
				w := ring.Derive("fsk test").NewWriter()
				w.Write(payload)
				_ = ring.String() + ring.Only(1).ID(0).String()
			}
		})
	}
	wg.Wait()
}
