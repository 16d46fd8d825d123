package objects_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// survive asks everything of a store that has been tampered with: each answer is the
// genuine payload or a verdict, and fsck has something to say unless all is well. With
// change it also packs, removes and puts.
func survive(t *testing.T, fsys billy.Filesystem, what string, payloads []string, change bool) (released int, findings []objects.Finding) {
	t.Helper()
	db := open(t, fsys, ringOf(t, key1), quick)
	for _, p := range payloads {
		d := digestOf([]byte(p))
		got, err := db.Get(t.Context(), d)
		var e *objects.Error
		switch {
		case err == nil && string(got) != p:
			t.Fatalf("%s: Get of %q = %q", what, p, got)
		case err == nil:
			released++
		case !errors.As(err, &e) || e.Reason == objects.IOError || !errors.Is(err, fs.ErrNotExist):
			t.Fatalf("%s: Get of %q: %v, want a verdict", what, p, err)
		}
		info, checkErr := db.Check(t.Context(), d)
		if checkErr != nil || info.Reason.Good() != (err == nil) || e != nil && info.Reason != e.Reason {
			t.Fatalf("%s: Check of %q = %+v, %v; Get: %v", what, p, info, checkErr, err)
		}
	}
	for d, err := range db.All(t.Context()) {
		var e *objects.Error
		if err != nil && (!errors.As(err, &e) || e.Reason == objects.IOError) {
			t.Fatalf("%s: All: %v, %v", what, d, err)
		}
	}
	if _, err := db.Resolve(t.Context(), digestOf([]byte(payloads[0])).String()[:10]); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s: Resolve: %v", what, err)
	}
	findings, stats := fsck(t, db, objects.FsckOptions{Workers: 1})
	if !stats.Complete {
		t.Fatalf("%s: fsck is not complete: %v", what, findings)
	}
	if released < len(payloads) && len(findings) == 0 {
		t.Errorf("%s: %d of %d objects are misses, and fsck says nothing", what, len(payloads)-released, len(payloads))
	}
	if !change {
		return released, findings
	}
	if _, err := db.Pack(t.Context(), nil); err != nil {
		t.Errorf("%s: Pack: %v", what, err)
	}
	after := 0
	for _, p := range payloads {
		if got, err := db.Get(t.Context(), digestOf([]byte(p))); err == nil && string(got) != p {
			t.Fatalf("%s: after Pack, Get of %q = %q", what, p, got)
		} else if err == nil {
			after++
		}
	}
	// With pack and index damaged something may be set aside that a reader has still found.
	if after < released && (what != "fuzz" || len(names(t, fsys, "quarantine")) == 0) {
		t.Errorf("%s: %d objects were there before Pack, %d after it", what, released, after)
	}
	if _, err := db.Put(t.Context(), []byte(payloads[0])); err != nil {
		t.Errorf("%s: Put: %v", what, err)
	}
	wantThere(t, fsys, what+", put again", payloads[0])
	if err := db.Remove(t.Context(), digestOf([]byte(payloads[0]))); err != nil {
		t.Errorf("%s: Remove: %v", what, err)
	}
	if info, err := open(t, fsys, ringOf(t, key1), nil).Check(t.Context(), digestOf([]byte(payloads[0]))); err != nil || info.Reason != objects.Missing {
		t.Errorf("%s: after Remove: %+v, %v", what, info, err)
	}
	return released, findings
}

func hostileStep() int {
	switch {
	case fullTest:
		return 1
	case raceEnabled || testing.Short():
		return 97
	}
	return 17
}

// TestEveryBitOfAPackedStore flips bits and cuts, in the pack and in its index.
func TestEveryBitOfAPackedStore(t *testing.T) {
	list := texts("p", 3)
	pack, places := packBytes(numbered("p", 3)...)
	index, id := indexBytes(places...)
	for name, content := range map[string][]byte{packFile(id): pack, indexFile(id): index} {
		t.Run(name[len(name)-4:], func(t *testing.T) {
			t.Parallel()
			fsys := newMemory(t)
			setUp := func(mangled []byte) {
				clearPacks(t, fsys)
				for _, dir := range []string{"quarantine", "tmp"} {
					for _, name := range names(t, fsys, dir) {
						remove(t, fsys, dir+"/"+name)
					}
				}
				for _, p := range list {
					remove(t, fsys, fileOf(digestOf([]byte(p))))
				}
				write(t, fsys, packFile(id), pack)
				write(t, fsys, indexFile(id), index)
				write(t, fsys, name, mangled)
			}
			step := hostileStep()
			for bit := 0; bit < 8*len(content); bit += step {
				mangled := bytes.Clone(content)
				mangled[bit/8] ^= 1 << (bit % 8)
				setUp(mangled)
				what := fmt.Sprintf("bit %d of byte %d", bit%8, bit/8)
				_, findings := survive(t, fsys, what, list, bit/step%16 == 0)
				if len(findings) == 0 {
					t.Errorf("%s: fsck finds nothing", what)
				}
			}
			for n := 0; n < len(content); n += (step + 1) / 2 {
				setUp(content[:n])
				what := fmt.Sprintf("cut to %d bytes", n)
				_, findings := survive(t, fsys, what, list, n/step%16 == 0)
				if len(findings) == 0 {
					t.Errorf("%s: fsck finds nothing", what)
				}
			}
		})
	}
}

// TestLyingIndexes: entries that lead anywhere, in an index that is sound by itself.
func TestLyingIndexes(t *testing.T) {
	records := numbered("p", 3)
	list := texts("p", 3)
	pack, places := packBytes(records...)
	first := places[0]
	tests := []struct {
		name string
		lie  func(p []place) []place
		want objects.Reason // of the first object
	}{
		{"offset 2^63", func(p []place) []place { p[0].offset = 1 << 63; return p }, objects.Corrupt},
		{"offset 2^64-1", func(p []place) []place { p[0].offset = math.MaxUint64; return p }, objects.Corrupt},
		{"offset 2^63-1", func(p []place) []place { p[0].offset = math.MaxInt64; return p }, objects.Corrupt},
		{"offset and length overflow", func(p []place) []place { p[0].offset = math.MaxInt64 - first.length + 1; return p }, objects.Corrupt},
		{"offset 0", func(p []place) []place { p[0].offset = 0; return p }, objects.Corrupt},
		{"offset of the header", func(p []place) []place { p[0].offset = 11; return p }, objects.Corrupt},
		{"one byte before", func(p []place) []place { p[0].offset--; return p }, objects.Corrupt},
		{"one byte after", func(p []place) []place { p[0].offset++; return p }, objects.Corrupt},
		{"one byte longer", func(p []place) []place { p[0].length++; return p }, objects.Corrupt},
		{"without the trailer", func(p []place) []place { p[0].length -= 64; return p }, objects.Unsealed},
		{"empty", func(p []place) []place { p[0].length = 0; return p }, objects.Corrupt},
		{"over the end by one", func(p []place) []place { p[0].length = uint64(len(pack)) - p[0].offset + 1; return p }, objects.Corrupt},
		{"length 2^63", func(p []place) []place { p[0].length = 1 << 63; return p }, objects.Corrupt},
		{"length 2^64-1", func(p []place) []place { p[0].length = math.MaxUint64; return p }, objects.Corrupt},
		{"length over the limit", func(p []place) []place { p[0].length = 1<<20 + 65; return p }, objects.Corrupt},
		{"the bytes of another", func(p []place) []place { p[0].offset, p[0].length = p[1].offset, p[1].length; return p }, objects.WrongName},
		{"overlap with the next", func(p []place) []place { p[0].length += 100; return p }, objects.Corrupt},
		{"not in it", func(p []place) []place { return p[1:] }, objects.Missing},
		{"twice, the second right", func(p []place) []place { q := p[0]; q.offset += 3; return append([]place{q}, p...) }, ""},
		{"another digest as well", func(p []place) []place {
			return append(p, place{digestOf([]byte("absent")), p[0].offset, p[0].length})
		}, objects.OK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, trueName := range []bool{false, true} { // of the pack: that which the lying index gives itself, or its own
				fsys := newRoot(t)
				index, id := indexBytes(test.lie(slices.Clone(places))...)
				if trueName {
					_, id = indexBytes(places...)
				}
				write(t, fsys, packFile(id), pack)
				write(t, fsys, indexFile(id), index)
				db := open(t, fsys, ringOf(t, key1), nil)
				switch {
				case test.want.Good():
					wantPayload(t, db, []byte(list[0]))
				case test.want != "":
					wantAll(t, db, records[0].d, test.want)
				}
				if _, findings := survive(t, fsys, test.name, list, false); len(findings) == 0 {
					t.Error("fsck finds nothing")
				}
				if _, err := db.Pack(t.Context(), nil); err != nil {
					t.Errorf("Pack: %v", err)
				}
				wantThere(t, fsys, "after Pack", list...)
				if bad := worst(t, fsys); len(bad) > 0 {
					t.Errorf("after Pack: %+v", bad)
				}
				// A DB that was there all the time sees it, too.
				for _, p := range list {
					if got, err := db.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
						t.Errorf("the DB that packed: Get of %q = %q, %v", p, got, err)
					}
				}
			}
		})
	}
}

// TestSwappedIndexes: each of two packs has the index of the other.
func TestSwappedIndexes(t *testing.T) {
	fsys := newRoot(t)
	list := append(texts("a", 3), texts("b", 3)...)
	one, two := plantPack(t, fsys, numbered("a", 3)...), plantPack(t, fsys, numbered("b", 3)...)
	x, y := read(t, fsys, indexFile(one)), read(t, fsys, indexFile(two))
	write(t, fsys, indexFile(one), y)
	write(t, fsys, indexFile(two), x)
	if released, findings := survive(t, fsys, "swapped indexes", list, false); released != 0 || len(findings) < 2 {
		t.Errorf("%d released, findings %v", released, findings)
	}
	long := open(t, fsys, ringOf(t, key1), quick)
	for _, p := range list { // holds the packs open
		long.Get(t.Context(), digestOf([]byte(p)))
	}
	pack(t, fsys, key1)
	wantThere(t, fsys, "after Pack", list...)
	for _, p := range list {
		if got, err := long.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
			t.Errorf("a DB that was open: Get of %q = %q, %v", p, got, err)
		}
	}
}

// TestMendedIndexIsSeen: a DB that holds a pack open with a damaged index finds what the
// index has that it made anew.
func TestMendedIndexIsSeen(t *testing.T) {
	fsys := newRoot(t)
	id := plantPack(t, fsys, numbered("p", 9)...)
	index := read(t, fsys, indexFile(id))
	lying := bytes.Clone(index)
	for i := range 9 { // digests that nobody asks for, and still in order
		lying[1034+48*i+31] ^= 1
	}
	write(t, fsys, indexFile(id), lying)
	long := open(t, fsys, ringOf(t, key1), quick)
	wantAll(t, long, digestOf([]byte("p 0")), objects.Missing)
	if _, err := long.Pack(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, p := range texts("p", 9) {
		if got, err := long.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
			t.Errorf("a DB that was open: Get of %q = %q, %v", p, got, err)
		}
	}
}

// TestLinkedPackDirectory (A11): nothing behind the link is read, listed or changed.
func TestLinkedPackDirectory(t *testing.T) {
	fsys := newRoot(t)
	outside := newRoot(t)
	plantPack(t, outside, numbered("p", 9)...)
	if err := fsys.Symlink(outside.Root()+"/objects/pack", packDir); err != nil {
		t.Skip(err)
	}
	before := tree(t, outside.Root())
	db := open(t, fsys, ringOf(t, key1), quick)
	d := digestOf([]byte("p 1"))
	wantAll(t, db, d, objects.UnsafePath)
	info, err := db.Check(t.Context(), d)
	if err != nil || info.Reason != objects.UnsafePath || info.Where != "" {
		t.Errorf("Check: %+v, %v: it was found nowhere", info, err)
	}
	_, err = db.Put(t.Context(), []byte("p 1"))
	wantMiss(t, "Put", err, d, objects.UnsafePath)
	b := db.NewBatch()
	_, err = b.Put(t.Context(), []byte("p 1"))
	wantMiss(t, "Put in a batch", err, objects.Digest{}, objects.UnsafePath)
	b.Discard()
	wantMiss(t, "Remove", db.Remove(t.Context(), d), d, objects.UnsafePath)
	if _, err := db.Pack(t.Context(), nil); err == nil {
		t.Error("Pack succeeds")
	}
	if findings := worst(t, fsys); len(findings) != 1 || findings[0].Reason != objects.UnsafePath || findings[0].Path != packDir {
		t.Errorf("fsck: %+v", findings)
	}
	if after := tree(t, outside.Root()); len(after) != len(before) {
		t.Errorf("outside there was %d files, now %d", len(before), len(after))
	}
}

// TestStrayFileAsPackDirectory: it has no packs, like one of loose objects has none then.
func TestStrayFileAsPackDirectory(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, packDir, []byte("stray"))
		db := open(t, fsys, ringOf(t, key1), quick)
		wantAll(t, db, digestOf([]byte("x")), objects.Missing)
		if _, err := db.Put(t.Context(), []byte("x")); err != nil {
			t.Errorf("Put: %v", err)
		}
		wantPayload(t, db, []byte("x"))
		if n := count(t, db); n != 1 {
			t.Errorf("%d objects", n)
		}
	})
}

// TestFsckOfPackJunk: names of packs that nobody has cost fsck no time each.
func TestFsckOfPackJunk(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	for i := range 300 {
		id := digestOf([]byte{byte(i), byte(i >> 8)}).String()
		if i%2 == 0 {
			write(t, fsys, packFile(id), nil)
		} else {
			write(t, fsys, indexFile(id), nil)
		}
	}
	for _, name := range []string{"stray", strings.Repeat("A", 64) + ".pack", strings.Repeat("a", 64) + ".pack.idx", strings.Repeat("a", 63) + ".idx", "x.pack"} {
		write(t, fsys, packDir+"/"+name, nil)
	}
	start := time.Now()
	findings, _ := fsck(t, open(t, fsys, ringOf(t, key1), nil), objects.FsckOptions{})
	reasons := make(map[objects.Reason]int)
	for _, f := range findings {
		reasons[f.Reason]++
	}
	if d := time.Since(start); d > 20*time.Second || reasons[objects.NoIndex] != 150 || reasons[objects.BadIndex] != 150 || reasons[objects.Stray] != 5 {
		t.Errorf("%v, findings %v", d, reasons)
	}
}

// TestRemoveReachesHiddenPacks: what was removed does not come back when a pack that has
// it gets its index again.
func TestRemoveReachesHiddenPacks(t *testing.T) {
	fsys := newRoot(t)
	id := plantPack(t, fsys, numbered("p", 9)...)
	remove(t, fsys, indexFile(id))
	d := digestOf([]byte("p 3"))
	if err := open(t, fsys, ringOf(t, key1), quick).Remove(t.Context(), d); err != nil {
		t.Error(err)
	}
	pack(t, fsys, key1)
	wantAll(t, open(t, fsys, ringOf(t, key1), nil), d, objects.Missing)
	wantThere(t, fsys, "the others", "p 1", "p 2", "p 8")
}

// FuzzPackedStore gives a pack and an index any bytes.
func FuzzPackedStore(f *testing.F) {
	pack, places := packBytes(numbered("p", 3)...)
	index, _ := indexBytes(places...)
	f.Add(pack, index)
	f.Add(pack[:200], index)
	f.Add(pack, index[:1100])
	f.Add([]byte{}, []byte{})
	fsys := newMemory(f)
	id := strings.Repeat("0a", 32)
	f.Fuzz(func(t *testing.T, pack, index []byte) {
		clearPacks(t, fsys)
		for _, name := range names(t, fsys, "quarantine") {
			remove(t, fsys, "quarantine/"+name)
		}
		for _, p := range texts("p", 3) {
			remove(t, fsys, fileOf(digestOf([]byte(p))))
		}
		write(t, fsys, packFile(id), pack)
		write(t, fsys, indexFile(id), index)
		survive(t, fsys, "fuzz", texts("p", 3), true)
	})
}

// TestDamagedHeaders: what a reader finds through the index although its header in the
// pack is damaged, or that before it, is still there after Pack and after Remove.
func TestDamagedHeaders(t *testing.T) {
	t.Parallel()
	fsys := newMemory(t)
	list := texts("p", 3)
	pack, places := packBytes(numbered("p", 3)...)
	_, id := indexBytes(places...)
	for i, p := range places {
		for at := range 40 {
			for _, first := range []string{"Pack", "Remove"} {
				clearPacks(t, fsys)
				for _, p := range list {
					remove(t, fsys, fileOf(digestOf([]byte(p))))
				}
				plantPack(t, fsys, numbered("p", 3)...)
				mangled := bytes.Clone(pack)
				mangled[int(p.offset)-40+at] ^= 1
				write(t, fsys, packFile(id), mangled)
				wantThere(t, fsys, "before", list...)
				what := fmt.Sprintf("byte %d of header %d, %s", at, i, first)
				if first == "Pack" {
					survive(t, fsys, what, list, true)
					continue
				}
				if err := open(t, fsys, ringOf(t, key1), quick).Remove(t.Context(), digestOf([]byte(list[0]))); err == nil {
					t.Errorf("%s: no error", what)
				}
				wantThere(t, fsys, what, list...)
			}
		}
	}
}
