package main_test

import (
	"os"
	"strings"
	"testing"
)

// What an index without its pack had is lost: fsck does not promise a new index, and pack
// does not say that there was nothing to do.
func TestIndexWithoutPack(t *testing.T) {
	b := newBox(t)
	b.add("loose")
	id := b.plantPack(b.sealedRecords("p", 3)...)
	if err := os.Remove(b.packFile(id)); err != nil {
		t.Fatal(err)
	}
	f := find(lines(t, b.run("--json", "fsck").out), "finding")
	if f == nil || f["reason"] != "bad-index" || f["why"] != "an index without its pack" || !strings.HasPrefix(f["next"].(string), "put the pack back") {
		t.Errorf("fsck: %v", f)
	}
	r := b.run("pack")
	if want := "packed: 0 objects, 0 B; packs made: 0; files removed: 0; indexes made: 0; damaged packs set aside: 1\n"; r.code != 0 || r.out != want {
		t.Errorf("pack: exit %d, %q, want %q; %s", r.code, r.out, want, r.err)
	}
	if r := b.run("pack"); r.code != 0 || r.out != "nothing to pack\n" {
		t.Errorf("pack again: exit %d, %q, %s", r.code, r.out, r.err)
	}
}

// One pack that stays is one pack, in words and in JSON.
func TestPackTellsWhatStays(t *testing.T) {
	b := newBox(t)
	b.add("loose")
	for n, want := range []string{
		"fsk: warning: 1 pack stays as it is, because an object in it does not verify: fsk fsck tells which\n",
		"fsk: warning: 2 packs stay as they are, because an object in each does not verify: fsk fsck tells which\n",
	} {
		records := b.sealedRecords("p"+strings.Repeat("q", n), 3)
		records[1].stored = flipped(records[1].stored, 1, 1)
		b.plantPack(records...)
		if r := b.run("pack"); r.code != 0 || r.out != "nothing to pack\n" || r.err != want {
			t.Errorf("pack: exit %d, %q, %q, want %q", r.code, r.out, r.err, want)
		}
		if p := find(lines(t, b.run("--json", "pack").out), "pack"); p == nil || p["skipped"] != float64(n+1) {
			t.Errorf("pack --json: %v, want skipped %d", p, n+1)
		}
	}
}
