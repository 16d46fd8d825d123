package objects_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// A forgery makes stored bytes of a payload, and says what a reader with key1 and
// key2, and one without keys, must find.
type forgery struct {
	name       string
	make       func(p []byte) []byte
	keys, none objects.Reason
}

var forgeries = []forgery{
	{"sealed by the first key", func(p []byte) []byte { return sealed(key1, p) }, "ok", "ok-unverified"},
	{"sealed by the second key", func(p []byte) []byte { return sealed(key2, p) }, "ok", "ok-unverified"},
	{"plain", bytes.Clone, "unsealed", "ok-plain"},
	{"sealed by a foreign key", func(p []byte) []byte { return sealed(foreignKey, p) }, "bad-seal", "ok-unverified"},
	{"trailer of another payload", func(p []byte) []byte {
		other := sealed(key1, append(bytes.Clone(p), 'x'))
		return append(bytes.Clone(p), other[len(other)-64:]...)
	}, "bad-seal", "ok-unverified"},
	{"trailer in capitals", func(p []byte) []byte {
		s := sealed(key1, p)
		return append(s[:len(p)], bytes.ToUpper(s[len(p):])...)
	}, "malformed-trailer", "malformed-trailer"},
	{"trailer with a zero byte", func(p []byte) []byte { s := sealed(key1, p); s[len(s)-1] = 0; return s }, "malformed-trailer", "malformed-trailer"},
	{"another sealed payload", func(p []byte) []byte { return sealed(key2, append(bytes.Clone(p), 'x')) }, "wrong-name", "corrupt"},
	{"first byte changed", func(p []byte) []byte { s := sealed(key1, p); s[0] ^= 1; return s }, "corrupt", "corrupt"},
	{"last payload byte changed", func(p []byte) []byte { s := sealed(key1, p); s[len(p)-1] ^= 1; return s }, "corrupt", "corrupt"},
	{"middle byte changed", func(p []byte) []byte { s := sealed(key1, p); s[len(p)/2] ^= 0x80; return s }, "corrupt", "corrupt"},
	{"last byte cut", func(p []byte) []byte { s := sealed(key1, p); return s[:len(s)-1] }, "corrupt", "corrupt"},
	{"first byte cut", func(p []byte) []byte { return sealed(key1, p)[1:] }, "corrupt", "corrupt"},
	{"trailer cut and one more byte", func(p []byte) []byte { return p[:len(p)-1] }, "corrupt", "corrupt"},
	{"line feed after", func(p []byte) []byte { return append(sealed(key1, p), '\n') }, "corrupt", "corrupt"},
	{"byte before", func(p []byte) []byte { return append([]byte{'x'}, sealed(key1, p)...) }, "corrupt", "corrupt"},
	{"trailer twice", func(p []byte) []byte { s := sealed(key1, p); return append(s, s[len(p):]...) }, "corrupt", "corrupt"},
	{"zeros", func(p []byte) []byte { return make([]byte, len(p)+64) }, "corrupt", "corrupt"},
	{"empty", func([]byte) []byte { return nil }, "corrupt", "corrupt"},
}

// verdictSizes are on both sides of every size at which the code takes another way:
// a trailer's length, where two cores are used, a chunk, and a payload in memory.
func verdictSizes() []int {
	if raceEnabled {
		return []int{1, 64, 64 << 10, chunkSize + 64, chunkSize + 65}
	}
	return []int{1, 63, 64, 65, 1 << 10, 64<<10 - 1, 64 << 10, chunkSize - 64, chunkSize,
		chunkSize + 1, chunkSize + 64, 2*chunkSize - 64, 2*chunkSize + 40}
}

func TestForgeriesOfEverySize(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	for _, size := range verdictSizes() {
		payload := random(size, byte(size))
		d := digestOf(payload)
		for _, f := range forgeries {
			for home, plant := range homes {
				stored := f.make(payload)
				if !fits(home, stored) {
					continue
				}
				t.Run(fmt.Sprintf("%d/%s/%s", size, f.name, home), func(t *testing.T) {
					plant(t, fsys, d, stored)
					withKeys, without := open(t, fsys, ringOf(t, key1, key2), nil), open(t, fsys, ringOf(t), nil)
					for _, c := range []struct {
						db   *objects.DB
						want objects.Reason
					}{{withKeys, f.keys}, {without, f.none}} {
						if home == "packed" && size > chunkSize && c.want.Good() { // plain, and no payload for a pack
							c.want = objects.TooLarge
						}
						if c.want.Good() {
							wantPayload(t, c.db, payload)
						} else {
							wantAll(t, c.db, d, c.want)
						}
					}
				})
			}
		}
	}
}

// TestForgeriesOfABigObject: over 64 MiB Open verifies in chunks what Get loads.
func TestForgeriesOfABigObject(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("reads a gigabyte")
	}
	fsys := bigCopy(t)
	db := open(t, fsys, ringOf(t, key1, key2), nil)
	file := fsys.Root() + "/" + fileOf(big.digest)
	size := int64(len(big.payload))
	edit := func(t *testing.T, at int64, b ...byte) {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	good := sealed(key1, big.payload)
	for _, c := range []struct {
		name string
		do   func(t *testing.T)
		want objects.Reason
	}{
		{"as it was stored", func(*testing.T) {}, objects.OK},
		{"first byte changed", func(t *testing.T) { edit(t, 0, good[0]^1) }, objects.Corrupt},
		{"last byte of the first chunk changed", func(t *testing.T) { edit(t, 0, good[0]); edit(t, chunkSize-1, good[chunkSize-1]^1) }, objects.Corrupt},
		{"last payload byte changed", func(t *testing.T) { edit(t, chunkSize-1, good[chunkSize-1]); edit(t, size-1, good[size-1]^1) }, objects.Corrupt},
		{"trailer in capitals", func(t *testing.T) { edit(t, size-1, good[size-1]); edit(t, size, bytes.ToUpper(good[size:])...) }, objects.MalformedTrailer},
		{"foreign trailer", func(t *testing.T) { edit(t, size, sealed(foreignKey, big.payload)[size:]...) }, objects.BadSeal},
		{"trailer stripped", func(t *testing.T) { os.Truncate(file, size) }, objects.Unsealed},
		{"cut in the middle", func(t *testing.T) { os.Truncate(file, size/2) }, objects.Corrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.do(t)
			r, err := db.Open(t.Context(), big.digest)
			if c.want == objects.OK {
				if err != nil {
					t.Fatal(err)
				}
				r.Close()
				return
			}
			wantMiss(t, "Open", err, big.digest, c.want)
			if r != nil {
				t.Error("Open returns a Reader beside the error")
			}
			if info, err := db.Check(t.Context(), big.digest); err != nil || info.Reason != c.want {
				t.Errorf("Check = %+v, %v", info, err)
			}
		})
	}
}

// TestBitRot changes every byte, and cuts at every length (F19): nothing is released.
func TestBitRot(t *testing.T) {
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) { bitRot(t, plant) })
	}
}

func bitRot(t *testing.T, plant func(testing.TB, billy.Filesystem, objects.Digest, []byte) string) {
	fsys := newMemory(t)
	payload := random(300, 7)
	d := digestOf(payload)
	good := sealed(key1, payload)
	for i := range good {
		for _, mask := range []byte{0x01, 0x20, 0x80, 0xff} {
			stored := bytes.Clone(good)
			stored[i] ^= mask
			plant(t, fsys, d, stored)
			db := open(t, fsys, ringOf(t, key1), nil)
			got, err := db.Get(t.Context(), d)
			if err == nil || got != nil {
				t.Fatalf("byte %d with %#x: released", i, mask)
			}
			info, _ := db.Check(t.Context(), d)
			if want := i < len(payload); (info.Reason == objects.Corrupt) != want {
				t.Errorf("byte %d with %#x: %s", i, mask, info.Reason)
			}
		}
	}
	for n := range good {
		plant(t, fsys, d, good[:n])
		want := objects.Corrupt
		if n == len(payload) {
			want = objects.Unsealed
		}
		if info, err := open(t, fsys, ringOf(t, key1), nil).Check(t.Context(), d); err != nil || info.Reason != want {
			t.Errorf("cut to %d bytes: %s, %v, want %s", n, info.Reason, err, want)
		}
	}
}

// TestPageFaults zeroes and doubles pages of a large object (F19).
func TestPageFaults(t *testing.T) {
	const page = 4096
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) {
			fsys := newMemory(t)
			db := open(t, fsys, ringOf(t, key1), nil)
			pages := map[string]int{"loose": 300, "packed": 256}[home]
			payload := random(pages*page, 8)
			d := digestOf(payload)
			good := sealed(key1, payload)
			for i := 0; i < pages; i += 7 {
				zeroed, doubled := bytes.Clone(good), bytes.Clone(good)
				clear(zeroed[i*page : (i+1)*page])
				copy(doubled[i*page:(i+1)*page], good[(i+1)%pages*page:])
				for name, stored := range map[string][]byte{"zeroed": zeroed, "doubled": doubled} {
					plant(t, fsys, d, stored)
					if info, err := db.Check(t.Context(), d); err != nil || info.Reason != objects.Corrupt {
						t.Errorf("page %d %s: %s, %v", i, name, info.Reason, err)
					}
				}
			}
		})
	}
}
