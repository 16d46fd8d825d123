package objects_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/objectstest"
)

// TestPutSeesThatAPackHasGone: a DB that holds a pack open must not take an object in it
// for a duplicate when somebody else has removed the pack since.
func TestPutSeesThatAPackHasGone(t *testing.T) {
	fsys := newRoot(t)
	db, other := open(t, fsys, ringOf(t, key1), quick), open(t, fsys, ringOf(t, key1), quick)
	putBatch(t, db, texts("p", 9)...)
	wantPayload(t, db, []byte("p 3")) // the pack is open now
	if err := other.Remove(t.Context(), digestOf([]byte("p 3"))); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Put(t.Context(), []byte("p 3")); err != nil {
		t.Fatal(err)
	}
	wantThere(t, fsys, "put again after it was removed by another process", texts("p", 9)...)

	wantPayload(t, db, []byte("p 4"))
	if err := other.Remove(t.Context(), digestOf([]byte("p 4"))); err != nil {
		t.Fatal(err)
	}
	putBatch(t, db, "p 4")
	wantThere(t, fsys, "put again in a batch", texts("p", 9)...)
}

// TestDuplicateThatCannotBeSynced: an fsync that failed is an error, and is not tried
// again through another descriptor (D4, fsyncgate).
func TestDuplicateThatCannotBeSynced(t *testing.T) {
	payload := []byte("payload")
	for home, plant := range map[string]func(inner billy.Filesystem){
		"loose":  func(inner billy.Filesystem) { plant(t, inner, digestOf(payload), sealed(key1, payload)) },
		"packed": func(inner billy.Filesystem) { plantPacked(t, inner, digestOf(payload), sealed(key1, payload)) },
	} {
		for kind, put := range map[string]func(db *objects.DB) error{
			"Put": func(db *objects.DB) error { _, err := db.Put(t.Context(), payload); return err },
			"batch": func(db *objects.DB) error {
				b := db.NewBatch()
				defer b.Discard()
				if _, err := b.Put(t.Context(), payload); err != nil {
					return err
				}
				return b.Commit(t.Context())
			},
		} {
			for _, used := range []bool{false, true} {
				inner := newRoot(t)
				plant(inner)
				faults := objectstest.NewFaultFS(inner)
				isSync := func(call string) bool {
					return strings.HasPrefix(call, "sync ") || strings.HasPrefix(call, "syncdir ")
				}
				faults.FailAt(0, false, nil)
				if err := put(open(t, faults.FS(), ringOf(t, key1), nil)); err != nil {
					t.Fatal(err)
				}
				syncs := 0
				for _, call := range faults.Log() {
					if isSync(call) {
						syncs++
					}
				}
				if syncs < 2 {
					t.Fatalf("%s, %s: %d syncs", home, kind, syncs)
				}
				for n := 1; ; n++ {
					faults.FailAt(0, false, nil)
					db := open(t, faults.FS(), ringOf(t, key1), nil)
					if used {
						wantPayload(t, db, payload) // the pack is held open
					}
					faults.FailAt(n, false, syscall.EIO)
					err := put(db)
					log := faults.Log()
					if n > len(log) {
						break
					}
					if !isSync(log[n-1]) {
						continue
					}
					if err == nil {
						t.Errorf("%s, %s: %s failed, but the duplicate is acknowledged", home, kind, log[n-1])
					}
					if again := slices.Index(log[n:], log[n-1]); again >= 0 && strings.HasPrefix(log[n-1], "sync ") {
						t.Errorf("%s, %s: %s is tried again after it failed", home, kind, log[n-1])
					}
				}
			}
		}
	}
}

// TestFold: a store that is fed by small batches does not get ever more packs.
func TestFold(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), quick)
		var all []string
		for i := range 70 {
			p := texts(strings.Repeat("x", i), 8)
			putBatch(t, db, p...)
			all = append(all, p...)
			if n := len(packNames(t, fsys)); n > 65 {
				t.Fatalf("%d packs", n)
			}
		}
		wantThere(t, fsys, "after folding", all...)
		if bad := worst(t, fsys); len(bad) > 0 {
			t.Errorf("fsck: %v", bad)
		}
		if left := names(t, fsys, "tmp"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

// TestFoldGivesUpAtOnce if somebody else is at work.
func TestFoldGivesUpAtOnce(t *testing.T) {
	fsys := newRoot(t)
	for i := range 70 {
		plantPack(t, fsys, numbered(strings.Repeat("y", i), 8)...)
	}
	other := open(t, fsys, ringOf(t, key1), quick).NewBatch()
	if _, err := other.Put(t.Context(), []byte("held")); err != nil {
		t.Fatal(err)
	}
	defer other.Discard()
	start := time.Now()
	putBatch(t, open(t, fsys, ringOf(t, key1), quick), texts("z", 8)...)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("the commit took %v", d)
	}
	if n := len(packNames(t, fsys)); n != 71 {
		t.Errorf("%d packs, want 71", n)
	}
	if left := names(t, fsys, "tmp"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestPackWithoutKeysKeepsSeals: who has no key cannot tell a seal from a forged one, nor
// whether there should be one, so no copy may go in favour of one with other bytes.
func TestPackWithoutKeysKeepsSeals(t *testing.T) {
	for name, forge := range map[string]func(p []byte) []byte{
		"plain":  bytes.Clone,
		"forged": func(p []byte) []byte { return sealed(foreignKey, p) },
	} {
		for _, first := range []bool{true, false} {
			fsys := newRoot(t)
			list := texts("p", 8)
			var good, bad []record
			for _, p := range list {
				good = append(good, sealedRecord(p))
				bad = append(bad, record{digestOf([]byte(p)), forge([]byte(p))})
			}
			plantPack(t, fsys, bad...)
			if first {
				for _, r := range good {
					plant(t, fsys, r.d, r.stored)
				}
			} else {
				plantPack(t, fsys, append(numbered("other", 3), good...)...)
			}
			for range 3 {
				pack(t, fsys) // without keys
			}
			wantThere(t, fsys, name+" copies, packed without keys", list...)
		}
	}
}

// TestRemoveKeepsGoodCopies: the pack that is left after a removal may have the name of
// another one with the same objects, which must not be replaced by damaged ones.
func TestRemoveKeepsGoodCopies(t *testing.T) {
	fsys := newRoot(t)
	good := numbered("p", 8)
	damaged := slices.Clone(good)
	damaged[3].stored = bytes.Clone(good[3].stored)
	damaged[3].stored[0] ^= 1
	victim := sealedRecord("victim")
	plantPack(t, fsys, good...)
	plantPack(t, fsys, append(damaged, victim)...)
	err := open(t, fsys, ringOf(t, key1), quick).Remove(t.Context(), victim.d)
	t.Logf("Remove: %v", err)
	wantThere(t, fsys, "after the removal of another object", texts("p", 8)...)
	if err == nil {
		wantMiss(t, "Get", second(open(t, fsys, ringOf(t, key1), nil).Get(t.Context(), victim.d)), victim.d, objects.Missing)
	}
	// And with equal copies it simply works.
	fsys = newRoot(t)
	for _, keys := range [][][]byte{{key1}, nil} {
		plantPack(t, fsys, good...)
		plantPack(t, fsys, append(slices.Clone(good), victim)...)
		if err := open(t, fsys, ringOf(t, keys...), quick).Remove(t.Context(), victim.d); err != nil {
			t.Errorf("%d keys: Remove: %v", len(keys), err)
		}
		wantThere(t, fsys, "after the removal of another object", texts("p", 8)...)
	}
}

func second[T any](_ T, err error) error { return err }

// TestPackHeals: every kind of half pack is healed, and nothing is lost.
func TestPackHeals(t *testing.T) {
	list := texts("p", 9)
	tests := []struct {
		name string
		harm func(t *testing.T, fsys billy.Filesystem, id string)
		lost []string // what is in no file any more
	}{
		{"nothing is wrong", func(*testing.T, billy.Filesystem, string) {}, nil},
		{"no index", func(t *testing.T, fsys billy.Filesystem, id string) { remove(t, fsys, indexFile(id)) }, nil},
		{"an empty index", func(t *testing.T, fsys billy.Filesystem, id string) { write(t, fsys, indexFile(id), nil) }, nil},
		{"a foreign index", func(t *testing.T, fsys billy.Filesystem, id string) {
			_, places := packBytes(numbered("foreign", 5)...)
			index, _ := indexBytes(places...)
			write(t, fsys, indexFile(id), index)
		}, nil},
		{"a link as the index", func(t *testing.T, fsys billy.Filesystem, id string) {
			remove(t, fsys, indexFile(id))
			if err := fsys.Symlink("/etc/passwd", indexFile(id)); err != nil {
				t.Skip(err)
			}
		}, nil},
		{"a flipped bit in the index", func(t *testing.T, fsys billy.Filesystem, id string) {
			index := read(t, fsys, indexFile(id))
			index[1200] ^= 4
			write(t, fsys, indexFile(id), index)
		}, nil},
		{"an index without its pack", func(t *testing.T, fsys billy.Filesystem, id string) { remove(t, fsys, packFile(id)) }, list},
		{"half a pack", func(t *testing.T, fsys billy.Filesystem, id string) {
			b := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), b[:len(b)/2])
		}, list[4:]},
		{"half a pack without an index", func(t *testing.T, fsys billy.Filesystem, id string) {
			b := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), b[:len(b)/2])
			remove(t, fsys, indexFile(id))
		}, list[4:]},
		{"the last byte of the pack is gone", func(t *testing.T, fsys billy.Filesystem, id string) {
			b := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), b[:len(b)-1])
		}, list[8:]},
		{"under a wrong name", func(t *testing.T, fsys billy.Filesystem, id string) {
			wrong := strings.Repeat("ab", 32)
			for _, name := range []func(string) string{packFile, indexFile} {
				if err := fsys.Rename(name(id), name(wrong)); err != nil {
					t.Fatal(err)
				}
			}
		}, nil},
		{"half a pack, and no quarantine directory", func(t *testing.T, fsys billy.Filesystem, id string) {
			b := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), b[:len(b)/2])
			remove(t, fsys, "quarantine")
		}, list[4:]},
		{"a FIFO or directory among the packs", func(t *testing.T, fsys billy.Filesystem, id string) {
			remove(t, fsys, indexFile(id))
			if err := fsys.MkdirAll(packFile(strings.Repeat("00", 32)), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := fsys.Symlink("nowhere", packFile(strings.Repeat("ff", 32))); err != nil {
				t.Skip(err)
			}
		}, nil},
	}
	for _, test := range tests {
		for _, loose := range []bool{false, true} {
			name := test.name
			if loose {
				name += ", and loose objects to be packed"
			}
			t.Run(name, func(t *testing.T) {
				fsys := newRoot(t)
				id := plantPack(t, fsys, numbered("p", 9)...)
				want := slices.DeleteFunc(slices.Clone(list), func(p string) bool { return slices.Contains(test.lost, p) })
				if loose {
					for _, r := range numbered("loose", 8) {
						plant(t, fsys, r.d, r.stored)
					}
					want = append(want, texts("loose", 8)...)
				}
				test.harm(t, fsys, id)
				if _, err := open(t, fsys, ringOf(t, key1), quick).Pack(t.Context(), nil); err != nil {
					t.Errorf("Pack: %v", err)
				}
				wantThere(t, fsys, "after Pack", want...)
				for _, f := range worst(t, fsys) {
					if !strings.HasPrefix(test.name, "a FIFO") {
						t.Errorf("Pack leaves %s: %s (%v)", f.Path, f.Reason, f.Err)
					}
				}
				before := names(t, fsys, packDir)
				stats := pack(t, fsys, key1)
				if stats != (objects.PackStats{}) || !slices.Equal(before, names(t, fsys, packDir)) {
					t.Errorf("a second Pack is not idle: %+v", stats)
				}
			})
		}
	}
}

// TestPackKeepsWhatIsNotGood: copies that are not good stay as they are in the pack, and
// nothing is made of them.
func TestPackKeepsWhatIsNotGood(t *testing.T) {
	for _, f := range forgeries {
		if f.keys.Good() {
			continue
		}
		fsys := newRoot(t)
		payload := []byte("forged payload")
		d := digestOf(payload)
		id := plantPack(t, fsys, append(numbered("a", 8), record{d, f.make(payload)})...)
		before := read(t, fsys, packFile(id))
		plantPack(t, fsys, numbered("b", 8)...)
		for range 2 {
			pack(t, fsys, key1, key2)
			if !bytes.Equal(before, fileBytes(t, fsys, packFile(id))) {
				t.Errorf("%s: the pack with it is not as it was", f.name)
			}
			wantAll(t, open(t, fsys, ringOf(t, key1, key2), nil), d, f.keys)
			wantThere(t, fsys, f.name, append(texts("a", 8), texts("b", 8)...)...)
		}
		if q := names(t, fsys, "quarantine"); len(q) != 0 {
			t.Errorf("%s: quarantine has %v", f.name, q)
		}
	}
}

// TestQuarantineKeepsEverything: damaged bytes are set aside and never deleted, also when
// a pack of the same name is damaged a second time.
func TestQuarantineKeepsEverything(t *testing.T) {
	fsys := newRoot(t)
	var damaged [][]byte
	for cut := range 3 {
		id := plantPack(t, fsys, numbered("p", 9)...)
		b := read(t, fsys, packFile(id))
		b = b[:len(b)-1-cut]
		write(t, fsys, packFile(id), b)
		damaged = append(damaged, b)
		pack(t, fsys, key1)
		wantThere(t, fsys, "after Pack", texts("p", 8)...)
	}
	for i, b := range damaged {
		found := false
		for _, name := range names(t, fsys, "quarantine") {
			found = found || bytes.Equal(read(t, fsys, "quarantine/"+name), b)
		}
		if !found {
			t.Errorf("the damaged pack number %d is in no file any more", i)
		}
	}
}

// TestDuplicateCopies: the same object loose and in two packs, good and damaged in every
// combination: it reads well as long as one is good, Pack loses no good one, and Remove
// removes all.
func TestDuplicateCopies(t *testing.T) {
	payload := "the object"
	r := sealedRecord(payload)
	bad := record{r.d, bytes.Clone(r.stored)}
	bad.stored[2] ^= 1
	for mask := range 27 {
		state := [3]int{mask % 3, mask / 3 % 3, mask / 9} // absent, good, damaged
		fsys := newRoot(t)
		anyGood, any := false, false
		var others []string
		for i, s := range state {
			anyGood, any = anyGood || s == 1, any || s != 0
			o := []record{r, r, bad}[s]
			if s == 0 {
				continue
			}
			if i == 0 {
				plant(t, fsys, o.d, o.stored)
				continue
			}
			prefix := strings.Repeat("o", i)
			plantPack(t, fsys, append(numbered(prefix, 8), o)...)
			others = append(others, texts(prefix, 8)...)
		}
		check := func(what string) {
			t.Helper()
			want := objects.Missing
			if anyGood {
				wantThere(t, fsys, what, payload)
			} else {
				if any {
					want = objects.Corrupt
				}
				wantAll(t, open(t, fsys, ringOf(t, key1), nil), r.d, want)
			}
			wantThere(t, fsys, what, others...)
		}
		check("at first")
		pack(t, fsys, key1)
		check("after Pack")
		if any {
			db := open(t, fsys, ringOf(t, key1), quick)
			if err := db.Remove(t.Context(), r.d); err != nil {
				t.Errorf("%v: Remove: %v", state, err)
			}
			wantAll(t, db, r.d, objects.Missing)
			anyGood, any = false, false
			check("after Remove")
			if _, err := db.Put(t.Context(), []byte(payload)); err != nil {
				t.Error(err)
			}
			anyGood = true
			check("put again")
		}
	}
}

// TestPackOfTheSameName: gathering one pack and loose copies of its objects makes the same
// pack again.
func TestPackOfTheSameName(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		id := plantPack(t, fsys, numbered("p", 9)...)
		for _, r := range numbered("p", 9) {
			plant(t, fsys, r.d, r.stored)
		}
		want, wantIndex := read(t, fsys, packFile(id)), read(t, fsys, indexFile(id))
		stats := pack(t, fsys, key1)
		if stats.Removed != 9 {
			t.Errorf("stats %+v, want 9 removed", stats)
		}
		if !bytes.Equal(want, fileBytes(t, fsys, packFile(id))) || !bytes.Equal(wantIndex, fileBytes(t, fsys, indexFile(id))) {
			t.Error("the pack has gone or changed")
		}
		wantThere(t, fsys, "after Pack", texts("p", 9)...)
		if bad := worst(t, fsys); len(bad) > 0 {
			t.Errorf("fsck: %v", bad)
		}
	})
}

var _ = errors.Is
