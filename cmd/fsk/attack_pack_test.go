package main_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// A hostile is a pack and an index made by somebody who has no key. Its objects are "p 0",
// "p 1" and "p 2"; beside it there are a good pack and a loose object.
type hostile struct {
	claim  string
	pack   func(pack string, places []place) string // nil: as it should be
	index  func(places []place) []place             // nil: as it should be; under the name that the index has then
	raw    func(index string) string                // nil: as it is; under the name of what it was
	files  func(t *testing.T, b *box, id string)    // what else is done
	reason string                                   // of reading "p 0"; "ok" if it is released
	fsck   string                                   // a reason that fsck gives
	healed []string                                 // payloads that are there after fsk pack, at least
}

func hostiles() []hostile {
	all := []string{"p 0", "p 1", "p 2"}
	first := func(change func(p *place, others []place)) func([]place) []place {
		return func(places []place) []place { change(&places[0], places[1:]); return places }
	}
	flip := func(at int, bit byte) func(string, []place) string {
		return func(pack string, places []place) string {
			return flipped(pack, int(places[0].offset)+at, bit)
		}
	}
	return []hostile{
		{claim: "pack cut by a byte", pack: func(p string, _ []place) string { return p[:len(p)-1] }, reason: "ok", fsck: "bad-pack", healed: all[:2]},
		{claim: "pack cut in the first object", pack: func(p string, l []place) string { return p[:l[0].offset+3] }, reason: "corrupt", fsck: "bad-pack"},
		{claim: "pack cut to nothing", pack: func(string, []place) string { return "" }, reason: "corrupt", fsck: "bad-pack"},
		{claim: "pack with bytes after the end", pack: func(p string, _ []place) string { return p + "more" }, reason: "ok", fsck: "bad-pack", healed: all},
		{claim: "pack of another version", pack: func(p string, _ []place) string { return "fsk-pack 2\n" + p[11:] }, reason: "ok", fsck: "bad-pack", healed: all},
		{claim: "bit of a payload", pack: flip(0, 1), reason: "corrupt", fsck: "corrupt", healed: all[1:]},
		{claim: "bit of a trailer", pack: flip(3+60, 1), reason: "bad-seal", fsck: "bad-seal", healed: all[1:]},
		{claim: "bit of a digest in the pack", pack: flip(-40, 1), reason: "ok", fsck: "bad-index", healed: all},
		{claim: "bit of a length in the pack", pack: flip(-1, 1), reason: "ok", fsck: "bad-pack", healed: all},
		{claim: "length of 2^63 in the pack", pack: flip(-8, 0x80), reason: "ok", fsck: "bad-pack", healed: all},

		{claim: "offset 2^63", index: first(func(p *place, _ []place) { p.offset = 1 << 63 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "offset 2^63-1", index: first(func(p *place, _ []place) { p.offset = math.MaxInt64 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "offset 2^64-1", index: first(func(p *place, _ []place) { p.offset = math.MaxUint64 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "offset and length overflow", index: first(func(p *place, _ []place) { p.offset = math.MaxUint64 - p.length + 12 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "offset 0", index: first(func(p *place, _ []place) { p.offset = 0 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "offset of the header", index: first(func(p *place, _ []place) { p.offset -= 40 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "one byte after", index: first(func(p *place, _ []place) { p.offset++ }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "length 2^63", index: first(func(p *place, _ []place) { p.length = 1 << 63 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "length 2^64-1", index: first(func(p *place, _ []place) { p.length = math.MaxUint64 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "length of nothing", index: first(func(p *place, _ []place) { p.length = 0 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "length without the trailer", index: first(func(p *place, _ []place) { p.length -= 64 }), reason: "unsealed", fsck: "bad-index", healed: all},
		{claim: "length over the end", index: first(func(p *place, _ []place) { p.length += 400 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "overlap with the next", index: first(func(p *place, _ []place) { p.length += 60 }), reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "the valid bytes of another", index: first(func(p *place, o []place) { p.offset, p.length = o[0].offset, o[0].length }), reason: "wrong-name", fsck: "bad-index", healed: all},
		{claim: "not in the index", index: func(l []place) []place { return l[1:] }, reason: "missing", fsck: "bad-index", healed: all},
		{claim: "an object of nobody in the index", index: func(l []place) []place {
			return append(l, place{digestOf("nobody"), l[0].offset, l[0].length})
		}, reason: "ok", fsck: "bad-index", healed: all},
		{claim: "a digest twice in the index", index: func(l []place) []place { return append(l, l[0]) }, reason: "ok", fsck: "bad-index", healed: all},
		{claim: "an empty index", index: func([]place) []place { return nil }, reason: "missing", fsck: "bad-index", healed: all},

		{claim: "index cut by a byte", raw: func(x string) string { return x[:len(x)-1] }, reason: "missing", fsck: "bad-index", healed: all},
		{claim: "index cut to nothing", raw: func(string) string { return "" }, reason: "missing", fsck: "bad-index", healed: all},
		{claim: "index longer by an entry", raw: func(x string) string { return x + strings.Repeat("x", 48) }, reason: "missing", fsck: "bad-index", healed: all},
		{claim: "index that claims 2^32-1 objects", raw: func(x string) string {
			return x[:10] + strings.Repeat("\xff", 1024) + x[1034:]
		}, reason: "missing", fsck: "bad-index", healed: all},
		{claim: "fan-out that falls", raw: func(x string) string { return x[:10] + "\x00\x00\x00\x03" + x[14:] }, fsck: "bad-index", healed: all},
		{claim: "bit of the sum of the index", raw: func(x string) string { return flipped(x, len(x)-1, 1) }, reason: "ok", fsck: "bad-index", healed: all},
		{claim: "the index of the good pack", files: func(t *testing.T, b *box, id string) {
			_, places := packBytes(b.sealedRecords("good", 3)...)
			index, _ := indexBytes(places...)
			b.write(b.indexFile(id), index)
		}, reason: "missing", fsck: "bad-index", healed: all},
		{claim: "a digest twice in the pack, the first copy damaged", files: func(t *testing.T, b *box, id string) {
			damaged := record{digestOf("p 0"), flipped(sealed(t, keyA, "p 0"), 0, 1)}
			b.replacePack(id, append([]record{damaged}, b.sealedRecords("p", 3)...), func(l []place) []place { return append(l[:1:1], l[2:]...) })
		}, reason: "corrupt", fsck: "bad-index", healed: all},
		{claim: "an object too large for a pack", files: func(t *testing.T, b *box, id string) {
			large := b.sealedRecord(strings.Repeat("x", 1<<20+1))
			b.replacePack(id, append([]record{large}, b.sealedRecords("p", 3)...), func(l []place) []place { return l })
		}, reason: "ok", fsck: "bad-pack", healed: all},
		{claim: "the objects of another pack, damaged", files: func(t *testing.T, b *box, id string) {
			records := b.sealedRecords("good", 3)
			for i, r := range records {
				records[i].stored = flipped(r.stored, 1, 1)
			}
			b.replacePack(id, append(records, b.sealedRecords("p", 3)...), func(l []place) []place { return l })
		}, reason: "ok", fsck: "corrupt", healed: all},
		{claim: "no index", files: func(t *testing.T, b *box, id string) { os.Remove(b.indexFile(id)) }, reason: "missing", fsck: "no-index", healed: all},
		{claim: "an index without its pack", files: func(t *testing.T, b *box, id string) { os.Remove(b.packFile(id)) }, reason: "missing", fsck: "bad-index"},
		{claim: "a directory in the place of the pack", files: func(t *testing.T, b *box, id string) {
			os.Remove(b.packFile(id))
			os.Mkdir(b.packFile(id), 0o777)
		}, fsck: "not-regular"},
		{claim: "a link in the place of the pack", files: func(t *testing.T, b *box, id string) {
			outside := b.write("outside", b.read(b.packFile(id)))
			os.Remove(b.packFile(id))
			if err := os.Symlink(outside, b.packFile(id)); err != nil {
				t.Skip(err)
			}
		}, fsck: "not-regular"},
	}
}

// replacePack puts a pack in the place of another, with chosen entries in its index.
func (b *box) replacePack(id string, records []record, choose func([]place) []place) {
	b.t.Helper()
	os.Remove(b.packFile(id))
	os.Remove(b.indexFile(id))
	pack, places := packBytes(records...)
	index, id := indexBytes(choose(places)...)
	b.write(b.packFile(id), pack)
	b.write(b.indexFile(id), index)
}

func flipped(s string, at int, bit byte) string {
	b := []byte(s)
	b[at] ^= bit
	return string(b)
}

// hostileWorld is a store with good objects and a hostile pack.
func hostileWorld(t *testing.T, h hostile) (b *box, good, bad map[string]string) {
	b = newBox(t)
	b.inMemory()
	good, bad = map[string]string{b.add("loose and good"): "", digestOf("good 0"): ""}, make(map[string]string)
	for _, p := range []string{"loose and good", "good 0", "good 1", "good 2"} {
		good[digestOf(p)] = p
	}
	b.plantPack(b.sealedRecords("good", 3)...)
	for i := range 3 {
		bad[digestOf(fmt.Sprint("p ", i))] = fmt.Sprint("p ", i)
	}
	pack, places := packBytes(b.sealedRecords("p", 3)...)
	if h.pack != nil {
		pack = h.pack(pack, places)
	}
	if h.index != nil {
		places = h.index(slices.Clone(places))
	}
	index, id := indexBytes(places...)
	if h.raw != nil {
		index = h.raw(index)
	}
	b.write(b.packFile(id), pack)
	b.write(b.indexFile(id), index)
	if h.files != nil {
		h.files(t, b, id)
	}
	return b, good, bad
}

// wantGenuine asks every way to read for objects: each answer is the payload, or none at
// all with a reason that is the same everywhere. It returns what was released.
func (b *box) wantGenuine(objects map[string]string) (released []string) {
	b.t.Helper()
	digests := slices.Sorted(maps.Keys(objects))
	payloads, misses := b.readAll(digests)
	for _, digest := range digests {
		want := objects[digest]
		r := b.run("cat", digest)
		reason := "ok"
		switch got, ok := payloads[digest]; {
		case r.code == 0 && r.out == want && r.err == "" && ok && got == want:
			released = append(released, want)
		case r.code == 1 && r.out == "" && !ok && strings.HasSuffix(r.err, "("+misses[digest]+")\n"):
			reason = misses[digest]
		default:
			b.t.Errorf("%q: cat: exit %d, stdout %q, stderr %q; cat --batch: %q, %s", want, r.code, r.out, r.err, got, misses[digest])
		}
		stat := lines(b.t, b.run("--json", "stat", digest).out)
		if o := find(stat, "object"); o == nil || o["reason"] != reason {
			b.t.Errorf("%q: stat: %v, cat: %s", want, stat, reason)
		}
	}
	return released
}

// Packs and indexes of an attacker, put before every command: never a wrong byte, never a
// panic, a reason, and good objects stay good.
func TestHostilePacks(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(h.claim, func(t *testing.T) {
			t.Parallel()
			b, good, bad := hostileWorld(t, h)
			b.wantAll("at first", good)
			released := b.wantGenuine(bad)
			if _, misses := b.readAll([]string{digestOf("p 0")}); h.reason != "" && misses[digestOf("p 0")] != strings.TrimPrefix(h.reason, "ok") {
				t.Errorf("p 0: %v, want %s", misses, h.reason)
			}
			if r := b.run("ls"); r.code != 0 && (r.code != 1 || r.err == "") || strings.Count(r.out, "\n") < len(good) {
				t.Errorf("ls: exit %d, %s%s", r.code, r.out, r.err)
			}
			if r := b.run("status"); r.code != 0 && (r.code != 1 || r.err == "") {
				t.Errorf("status: exit %d, %s", r.code, r.err)
			}
			b.wantFinding(h.fsck)
			t.Run("pack", func(t *testing.T) { b.copied(t).packHostile(h, good, bad, released) })
			t.Run("add", func(t *testing.T) { b.copied(t).addHostile(good, bad) })
			t.Run("rm", func(t *testing.T) { b.copied(t).removeHostile(good, bad) })
		})
	}
}

// wantFinding wants that fsck looks at all, has this reason, and for each finding what to do.
func (b *box) wantFinding(reason string) {
	b.t.Helper()
	r := b.run("--json", "fsck")
	list := lines(b.t, r.out)
	found := false
	for _, v := range list {
		if v["type"] == "finding" {
			found = found || v["reason"] == reason
			if v["next"] == "" || v["path"] == "" {
				b.t.Errorf("fsck: %v", v)
			}
		}
	}
	if r.code != 1 || r.err != "" || !found || list[len(list)-1]["complete"] != true {
		b.t.Errorf("fsck: exit %d, want 1 and %s: %s%s", r.code, reason, r.out, r.err)
	}
}

// copied is the same world with a copy of the store.
func (b *box) copied(t *testing.T) *box {
	t.Helper()
	c := *b
	c.t, c.store = t, b.store+" "+strings.ReplaceAll(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:], "/", "-")
	if err := os.CopyFS(c.store, os.DirFS(b.store)); err != nil {
		t.Skip(err) // links
	}
	return &c
}

func (b *box) packHostile(h hostile, good, bad map[string]string, released []string) {
	for range 2 {
		if r := b.run("pack"); r.code != 0 && (r.code != 1 || r.err == "") {
			b.t.Errorf("pack: exit %d, %s%s", r.code, r.out, r.err)
		}
		b.wantAll("after pack", good)
		after := b.wantGenuine(bad)
		for _, p := range append(h.healed, released...) {
			if !slices.Contains(after, p) {
				b.t.Errorf("%q is not there after pack", p)
			}
		}
	}
	if len(h.healed) == len(bad) && h.fsck != "corrupt" { // what is corrupt stays for somebody to look at
		b.wantClean()
	}
}

func (b *box) addHostile(good, bad map[string]string) {
	args := []string{"add"}
	for _, p := range slices.Sorted(maps.Values(bad)) {
		args = append(args, b.write(b.t.Name()+p, p))
	}
	if r := b.run(args...); r.code != 0 || r.err != "" || strings.Count(r.out, "\n") != 3 {
		b.t.Errorf("add: exit %d, %s%s", r.code, r.out, r.err)
	}
	b.wantAll("added again", bad)
	b.wantAll("after add", good)
	if r := b.run("pack"); r.code != 0 && (r.code != 1 || r.err == "") {
		b.t.Errorf("pack: exit %d, %s%s", r.code, r.out, r.err)
	}
	b.wantAll("added again and packed", bad)
	b.wantAll("after add and pack", good)
}

// removeHostile removes objects: after success they are gone for good.
func (b *box) removeHostile(good, bad map[string]string) {
	gone := make(map[string]string)
	for _, digest := range slices.Sorted(maps.Keys(bad)) {
		r := b.run("rm", digest)
		if r.code == 0 {
			gone[digest] = bad[digest]
		} else if r.code != 1 || !strings.Contains(r.err, digest) {
			b.t.Errorf("rm: exit %d, %s", r.code, r.err)
		}
		b.wantGenuine(bad)
	}
	b.wantAll("after rm", good)
	if r := b.run("pack"); r.code != 0 && (r.code != 1 || r.err == "") {
		b.t.Errorf("pack: exit %d, %s%s", r.code, r.out, r.err)
	}
	b.wantAll("after rm and pack", good)
	b.wantGenuine(bad)
	if len(gone) > 0 {
		if payloads, misses := b.readAll(slices.Collect(maps.Keys(gone))); len(payloads) > 0 {
			b.t.Errorf("removed, and there again: %q %v", payloads, misses)
		}
	}
}

// Any bit of a pack or its index, and any cut, from outside: a sample, or with the long
// test all bytes.
func TestMangledPack(t *testing.T) {
	pick := rand.New(rand.NewPCG(11, 2026))
	for _, which := range []string{"pack", "index"} {
		t.Run(which, func(t *testing.T) {
			b, good, bad := hostileWorld(t, hostile{})
			_, places := packBytes(b.sealedRecords("p", 3)...)
			_, id := indexBytes(places...)
			file := b.packFile(id)
			if which == "index" {
				file = b.indexFile(id)
			}
			text := b.read(file)
			at := 0
			for ; at < len(text); at++ {
				if !full {
					at += pick.IntN(len(text) / 6)
				}
				for _, mangled := range []string{flipped(text, min(at, len(text)-1), 1<<pick.IntN(8)), text[:min(at, len(text)-1)]} {
					b := b.copied(t)
					b.write(strings.Replace(file, b.store[:strings.LastIndexByte(b.store, ' ')], b.store, 1), mangled)
					b.wantMangled(fmt.Sprintf("byte %d, %d bytes left", at, len(mangled)), good, bad)
					os.RemoveAll(b.store)
				}
			}
		})
	}
}

func (b *box) wantMangled(what string, good, bad map[string]string) {
	b.t.Helper()
	for _, args := range [][]string{{"fsck"}, {"pack"}} {
		b.wantAll(what, good)
		payloads, _ := b.readAll(slices.Sorted(maps.Keys(bad)))
		for digest, got := range payloads {
			if got != bad[digest] {
				b.t.Errorf("%s: %q for %q", what, got, bad[digest])
			}
		}
		if r := b.run(args...); (args[0] == "fsck" && r.code != 1) || args[0] == "pack" && r.code != 0 {
			b.t.Errorf("%s: %q: exit %d, %s%s", what, args, r.code, r.out, r.err)
		}
	}
}
