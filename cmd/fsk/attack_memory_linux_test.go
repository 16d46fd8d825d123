package main_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

// A37: bytes that would become many are bytes like others. Nothing is decompressed by any
// command that could meet them.
func TestCompressedBombIsBytes(t *testing.T) {
	var member bytes.Buffer
	w, err := gzip.NewWriterLevel(&member, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 16<<20))
	w.Close()
	bomb := strings.Repeat(member.String(), 640) // 10 GiB of zeros
	b := newBox(t)
	b.inMemory()
	digest, packed := b.add(bomb), digestOf(member.String())
	b.plantPack(b.sealedRecord(member.String()), b.sealedRecord("beside it"))
	m, peak := b.measured()
	for _, args := range [][]string{{"cat", digest}, {"cat", packed}, {"stat", digest, packed}, {"fsck"}, {"pack"}, {"fsck", "--reseal"}} {
		r := m.run(args...)
		if r.code != 0 || args[0] == "cat" && digestOf(r.out) != args[1] {
			t.Errorf("%q: exit %d, %d bytes, %s", args, r.code, len(r.out), r.err)
		}
		if peak() > 100 {
			t.Errorf("%q used %d MiB", args, peak())
		}
	}
}

// A17 once more: a file that is cut off while it is mapped ends the process, so nothing of
// a store is ever mapped.
func TestNothingIsMapped(t *testing.T) {
	b := newBox(t)
	b.inMemory()
	large := b.add(big())
	digests := []string{b.add("loose"), digestOf("packed 1"), large}
	b.plantPack(b.sealedRecord("packed 1"), b.sealedRecord("packed 2"))
	b.run("ref", "set", "main", digests[0]).want(t, 0, "", "")
	for _, args := range [][]string{append([]string{"cat"}, digests...), {"stat", large}, {"cat", "main"}, {"fsck"}, {"ref", "log", "main"}, {"pack"}, {"fsck", "--reseal"}} {
		traced, log := b.traced("-e", "trace=mmap,openat2")
		if r := traced.run(args...); r.code != 0 {
			t.Errorf("%q: exit %d, %s", args, r.code, r.err)
		}
		files := 0
		for _, c := range trace(t, log) {
			switch inStore := strings.Contains(c.rest, b.store); {
			case c.name == "openat2" && inStore:
				files++
			case c.name == "mmap" && inStore:
				t.Errorf("%q: mmap(%s", args, c.rest)
			}
		}
		if files == 0 {
			t.Errorf("%q: strace saw no file of the store", args)
		}
	}
}

// A40 from outside, loose and packed: reseal seals nothing that no key of the ring sealed,
// and says so.
func TestResealBlessesNothing(t *testing.T) {
	forged := map[string]string{
		"unsealed":          "never sealed",
		"bad-seal":          sealed(t, strings.Repeat("ee", 32), "never sealed"),
		"malformed-trailer": "never sealed" + strings.Repeat("X", 64),
		"wrong-name":        sealed(t, keyA, "of another name"),
		"corrupt":           "neither this nor that",
	}
	for home, plant := range homes {
		for reason, stored := range forged {
			t.Run("A40 "+home+" "+reason, func(t *testing.T) {
				b := newBox(t)
				good := b.add("good")
				digest := digestOf("never sealed")
				plant(b, digest, stored)
				rotated := b.keyring(keyB, keyA)
				if r := rotated.run("fsck", "--reseal"); r.code != 1 || !strings.Contains(r.out, " "+reason+": ") {
					t.Errorf("reseal: exit %d, %s%s", r.code, r.out, r.err)
				}
				rotated.wantMiss(digest, reason)
				b.keyring(keyB).wantPayload(good, "good")
			})
		}
	}
}
