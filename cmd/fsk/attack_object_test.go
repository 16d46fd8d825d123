package main_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The attacks on the bytes of one object: A1 to A9 of the threat model. P is the
// payload of the object that is asked for, Q another stored one.
func TestForgedObjectIsAMiss(t *testing.T) {
	const p, q = "the genuine payload\n", "another payload\n"
	tests := []struct {
		claim  string
		stored func(t *testing.T) string
		reason string
	}{
		{"A1 trailer stripped", func(*testing.T) string { return p }, "unsealed"},
		{"A2 unsealed bytes of another payload", func(*testing.T) string { return q }, "corrupt"},
		{"A3 trailer of another object", func(t *testing.T) string { return p + trailer(t, keyA, q) }, "bad-seal"},
		{"A4 trailer in upper case", func(t *testing.T) string { return p + strings.ToUpper(trailer(t, keyA, p)) }, "malformed-trailer"},
		{"A4 trailer with one letter in upper case", func(t *testing.T) string { return p + upperOne(trailer(t, keyA, p)) }, "malformed-trailer"},
		{"A4 trailer with one letter that is no digit", func(t *testing.T) string { return p + trailer(t, keyA, p)[:63] + "g" }, "malformed-trailer"},
		{"A4 trailer with NUL", func(t *testing.T) string { return p + "\x00" + trailer(t, keyA, p)[1:] }, "malformed-trailer"},
		{"A4 trailer of raw bytes", func(t *testing.T) string {
			return p + strings.Repeat(string(unhex(t, trailer(t, keyA, p))), 2)
		}, "malformed-trailer"},
		{"A5 trailer of 63 characters", func(t *testing.T) string { return p + trailer(t, keyA, p)[:63] }, "corrupt"},
		{"A5 trailer of 65 characters", func(t *testing.T) string { return p + trailer(t, keyA, p) + "0" }, "corrupt"},
		{"A5 line feed after the trailer", func(t *testing.T) string { return sealed(t, keyA, p) + "\n" }, "corrupt"},
		{"A5 line feed before the trailer", func(t *testing.T) string { return p + "\n" + trailer(t, keyA, p) }, "corrupt"},
		{"A6 payload extended, trailer kept", func(t *testing.T) string { return p + "more" + trailer(t, keyA, p) }, "corrupt"},
		{"A6 trailer twice", func(t *testing.T) string { return sealed(t, keyA, p) + trailer(t, keyA, p) }, "corrupt"},
		{"A6 bytes prepended", func(t *testing.T) string { return "x" + sealed(t, keyA, p) }, "corrupt"},
		{"A7 another object under this name", func(t *testing.T) string { return sealed(t, keyA, q) }, "wrong-name"},
		{"A8 sealed by a key that is not in the ring", func(t *testing.T) string { return sealed(t, keyB, p) }, "bad-seal"},
		{"A8 sealed by the empty key", func(t *testing.T) string { return sealed(t, "", p) }, "bad-seal"},
		{"A8 sealed by a key of zeros", func(t *testing.T) string { return sealed(t, "00", p) }, "bad-seal"},
		{"empty file", func(*testing.T) string { return "" }, "corrupt"},
		{"only a trailer", func(t *testing.T) string { return trailer(t, keyA, p) }, "corrupt"},
		{"64 digits", func(*testing.T) string { return strings.Repeat("0", 64) }, "corrupt"},
		{"one bit of the payload", func(t *testing.T) string { return "T" + sealed(t, keyA, p)[1:] }, "corrupt"},
		{"one digit of the trailer", func(t *testing.T) string {
			s := sealed(t, keyA, p)
			if strings.HasSuffix(s, "0") {
				return s[:len(s)-1] + "1"
			}
			return s[:len(s)-1] + "0"
		}, "bad-seal"},
	}
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) {
			b := newBox(t)
			b.add(q)
			digest := b.add(p)
			for _, test := range tests {
				t.Run(test.claim, func(t *testing.T) {
					b := *b
					b.t = t
					plant(&b, digest, test.stored(t))
					b.wantMiss(digest, test.reason)
				})
			}
			plant(b, digest, sealed(t, keyA, p))
			b.wantPayload(digest, p)
			b.wantClean()
		})
	}
}

// upperOne writes the first letter in upper case.
func upperOne(s string) string {
	i := strings.IndexAny(s, "abcdef")
	return s[:i] + strings.ToUpper(s[i:i+1]) + s[i+1:]
}

// A7: the bytes are all genuine, only the names are not.
func TestSwappedObjects(t *testing.T) {
	one, two, copied := digestOf("one"), digestOf("two"), digestOf("never stored")
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) {
			b := newBox(t)
			b.add("one")
			b.add("two")
			stored := [2]string{b.read(b.object(one)), b.read(b.object(two))}
			plant(b, one, stored[1])
			plant(b, two, stored[0])
			plant(b, copied, stored[0])
			for _, digest := range []string{one, two, copied} {
				b.wantMiss(digest, "wrong-name")
			}
			if r := b.run("fsck"); r.code != 1 || !strings.Contains(r.out, "error: 3 wrong-name: ") {
				t.Errorf("fsck: exit %d, %s", r.code, r.out)
			}
		})
	}
}

// A9: the sealed form of P is a payload too, with a name of its own, under which its
// valid seal must not count.
func TestSealedFormAsPayload(t *testing.T) {
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) {
			b := newBox(t)
			p := b.add("payload")
			stored := b.read(b.object(p))
			other := digestOf(stored)
			plant(b, other, stored)
			b.wantMiss(other, "unsealed")
			// Stored by a key holder, the same bytes are an object.
			if got := b.add(stored); got != other {
				t.Fatalf("add printed %s, want %s", got, other)
			}
			b.wantPayload(other, stored)
			b.wantPayload(p, "payload")
		})
	}
}

// Payloads that look like trailers are told apart from them by the name.
func TestPayloadsOfAnyBytes(t *testing.T) {
	digits := strings.Repeat("0123456789abcdef", 4)
	payloads := map[string]string{
		"empty": "", "64 digits": digits, "63 digits": digits[1:], "128 digits": digits + digits,
		"its own trailer at the end": sealed(t, keyA, "payload"), "a trailer of another key": sealed(t, keyB, "payload"),
		"trailer of the empty payload": trailer(t, keyA, ""), "NUL": "\x00", "line end": "\n",
		"a MiB": strings.Repeat("x", 1<<20), "a MiB and a byte": strings.Repeat("y", 1<<20+1),
		"a MiB less a trailer": strings.Repeat("z", 1<<20-64), "three MiB": strings.Repeat("abc", 1<<20),
	}
	for name, payload := range payloads {
		for _, key := range []string{"FLECHE_SECRET_KEY=" + keyA, "FLECHE_SECRET_KEY"} {
			t.Run(name+", "+key[:17]+map[bool]string{true: " set", false: " not set"}[len(key) > 17], func(t *testing.T) {
				b := newBox(t).with(key)
				digest := b.add(payload)
				if digest != digestOf(payload) {
					t.Errorf("add printed %s, want %s", digest, digestOf(payload))
				}
				want := payload
				if len(key) > 17 {
					want = sealed(t, keyA, payload)
				}
				if got := b.read(b.object(digest)); got != want {
					t.Errorf("stored are %d bytes, want %d", len(got), len(want))
				}
				b.wantPayload(digest, payload)
				b.wantClean("ok-plain")
				b.packedPayload(payload, want)
			})
		}
	}
}

// packedPayload adds a payload together with others to a new store: in their pack are the
// same bytes as in a loose file.
func (b *box) packedPayload(payload, stored string) {
	b.t.Helper()
	packed := *b
	packed.store += " packed"
	b = &packed
	for i := range 8 {
		b.write(fmt.Sprint("many/", i), fmt.Sprint("other ", i))
	}
	b.write("many/payload", payload)
	if r := b.run("add", "-r", "many"); r.code != 0 || !strings.Contains(r.out, digestOf(payload)+"  many/payload\n") {
		b.t.Fatalf("add: exit %d, %s%s", r.code, r.out, r.err)
	}
	b.wantPayload(digestOf(payload), payload)
	b.wantClean("ok-plain")
	packs, err := filepath.Glob(filepath.Join(b.store, "objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		b.t.Fatalf("packs %q, %v", packs, err)
	}
	want, _ := packBytes(record{digestOf(payload), stored})
	if in := strings.Contains(b.read(packs[0]), strings.TrimPrefix(want, "fsk-pack 1\n")); in != (len(payload) < 1<<20) && len(payload) != 1<<20 {
		b.t.Errorf("%d bytes are in the pack: %t", len(payload), in)
	}
}

// F19: damage anywhere in the file, of every length.
func TestBitRot(t *testing.T) {
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) {
			b := newBox(t)
			payload := strings.Repeat("0123456789", 20)
			digest := b.add(payload)
			stored := []byte(sealed(t, keyA, payload))
			step := 7
			if full {
				step = 1
			}
			for i := 0; i < len(stored); i += step {
				stored[i] ^= 1 << (i % 8)
				plant(b, digest, string(stored))
				if r := b.run("cat", digest); r.code != 1 || r.out != "" {
					t.Errorf("byte %d changed: exit %d, stdout %q", i, r.code, r.out)
				}
				stored[i] ^= 1 << (i % 8)
				plant(b, digest, string(stored[:i]))
				if r := b.run("cat", digest); r.code != 1 || r.out != "" {
					t.Errorf("cut at %d: exit %d, stdout %q", i, r.code, r.out)
				}
			}
		})
	}
}
