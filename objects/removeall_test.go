package objects_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/rootfs"
)

// setOf is the set of the digests of payloads.
func setOf(payloads ...string) map[objects.Digest]bool {
	set := make(map[objects.Digest]bool)
	for _, p := range payloads {
		set[digestOf([]byte(p))] = true
	}
	return set
}

func wantGone(t testing.TB, fsys billy.Filesystem, payloads ...string) {
	t.Helper()
	db := open(t, fsys, ringOf(t, key1), nil)
	for _, p := range payloads {
		_, err := db.Get(t.Context(), digestOf([]byte(p)))
		wantMiss(t, p, err, digestOf([]byte(p)), objects.Missing)
	}
}

// manyHomes makes objects in two packs, loose, and in several places at once.
func manyHomes(t testing.TB, fsys billy.Filesystem) {
	plantPack(t, fsys, append(numbered("a", 9), sealedRecord("twice"))...)
	plantPack(t, fsys, append(numbered("b", 9), sealedRecord("packed twice"))...)
	plantPack(t, fsys, sealedRecord("packed twice"), sealedRecord("alone"))
	for _, r := range append(numbered("loose", 9), sealedRecord("twice")) {
		plant(t, fsys, r.d, r.stored)
	}
}

func TestRemoveAll(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		manyHomes(t, fsys)
		gone := []string{"a 0", "a 8", "b 4", "twice", "packed twice", "alone", "loose 3", "never there"}
		db := open(t, fsys, ringOf(t, key1), quick)
		stats, err := db.RemoveAll(t.Context(), setOf(gone...), objects.RemoveOptions{})
		if err != nil || stats.Objects != 9 || stats.Packs != 3 || stats.Bytes == 0 {
			t.Errorf("stats %+v, error %v", stats, err)
		}
		wantGone(t, fsys, gone...)
		wantThere(t, fsys, "after RemoveAll", "a 1", "a 7", "b 0", "b 8", "loose 0", "loose 8")
		if found := worst(t, fsys); len(found) > 0 {
			t.Errorf("findings %+v", found)
		}
		if packs := packNames(t, fsys); len(packs) != 2 {
			t.Errorf("packs %v", packs)
		}
		stats, err = db.RemoveAll(t.Context(), setOf(gone...), objects.RemoveOptions{})
		if err != nil || stats != (objects.RemoveStats{}) {
			t.Errorf("again: stats %+v, error %v", stats, err)
		}
	})
}

// TestRemoveAllWithStrayFiles: a file in the place of a directory of loose objects has none
// of them, and keeps nobody from removing others.
func TestRemoveAllWithStrayFiles(t *testing.T) {
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), quick)
	there, never := digestOf([]byte("there")), digestOf([]byte("never there"))
	if _, err := db.Put(t.Context(), []byte("there")); err != nil {
		t.Fatal(err)
	}
	write(t, fsys, path.Dir(fileOf(never)), []byte("stray"))
	stats, err := db.RemoveAll(t.Context(), map[objects.Digest]bool{there: true, never: true}, objects.RemoveOptions{})
	if err != nil || stats.Objects != 1 {
		t.Errorf("stats %+v, error %v", stats, err)
	}
	wantGone(t, fsys, "there")
}

// What is asked about is asked about once, before it goes, and stays if it must.
func TestRemoveAllConfirms(t *testing.T) {
	fsys := newRoot(t)
	manyHomes(t, fsys)
	db := open(t, fsys, ringOf(t, key1), quick)
	stay := setOf("a 1", "loose 1")
	asked, open := make(map[objects.Digest]bool), 0
	_, err := db.RemoveAll(t.Context(), setOf("a 0", "a 1", "b 0", "loose 0", "loose 1", "absent"), objects.RemoveOptions{
		Confirm: func(_ context.Context, digests []objects.Digest) (map[objects.Digest]bool, func(), error) {
			if open++; open != 1 {
				t.Error("asked before the last was done")
			}
			found := make(map[objects.Digest]bool)
			for _, d := range digests {
				if asked[d] = true; stay[d] {
					found[d] = true
				}
			}
			return found, func() { open-- }, nil
		}})
	if err != nil || open != 0 || len(asked) != 6 {
		t.Errorf("error %v, %d not done, asked about %d", err, open, len(asked))
	}
	wantGone(t, fsys, "a 0", "b 0", "loose 0")
	wantThere(t, fsys, "they must stay", "a 1", "loose 1", "a 2", "twice")

	failed := errors.New("no")
	_, err = db.RemoveAll(t.Context(), setOf("a 2", "loose 2"), objects.RemoveOptions{
		Confirm: func(context.Context, []objects.Digest) (map[objects.Digest]bool, func(), error) {
			return nil, nil, failed
		},
	})
	if !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	wantThere(t, fsys, "nobody agreed", "a 2", "loose 2")
}

// setAge sets the age of a file; one below 0 is in the future.
func setAge(t testing.TB, fsys *rootfs.FS, name string, age time.Duration) {
	t.Helper()
	then := time.Now().Add(-age)
	if err := os.Chtimes(filepath.Join(fsys.Root(), name), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestRemoveAllOfSomeAge(t *testing.T) {
	fsys := newRoot(t)
	ages := map[string]time.Duration{"new": 0, "old": 2 * time.Hour, "future": -2 * time.Hour, "1970": time.Since(time.Unix(0, 0)), "2106": -time.Until(time.Unix(1<<32, 0))}
	var all []string
	for name, age := range ages {
		setAge(t, fsys, packFile(plantPack(t, fsys, sealedRecord("packed "+name))), age)
		r := sealedRecord("loose " + name)
		plant(t, fsys, r.d, r.stored)
		setAge(t, fsys, fileOf(r.d), age)
		all = append(all, "packed "+name, "loose "+name)
	}
	gone := []string{"packed old", "loose old", "packed 1970", "loose 1970"}
	db := open(t, fsys, ringOf(t, key1), quick)
	settled, err := db.Settled(t.Context(), setOf(append(all, "absent")...), time.Hour)
	if want := setOf(append(gone, "absent")...); err != nil || !maps.Equal(settled, want) {
		t.Errorf("settled %v, %v, want %v", settled, err, want)
	}
	stats, err := db.RemoveAll(t.Context(), setOf(all...), objects.RemoveOptions{MinAge: time.Hour})
	if err != nil || stats.Objects != 4 {
		t.Errorf("stats %+v, error %v", stats, err)
	}
	wantGone(t, fsys, gone...)
	wantThere(t, fsys, "too young", slices.DeleteFunc(all, func(s string) bool { return slices.Contains(gone, s) })...)
}

// A pack that is cut off is left as it is, and all else is done.
func TestRemoveAllLeavesDamagedPacks(t *testing.T) {
	fsys := newRoot(t)
	id := plantPack(t, fsys, numbered("cut", 3)...)
	whole := read(t, fsys, packFile(id))
	write(t, fsys, packFile(id), whole[:len(whole)-5])
	plantPack(t, fsys, numbered("whole", 3)...)
	db := open(t, fsys, ringOf(t, key1), quick)
	_, err := db.RemoveAll(t.Context(), setOf("cut 0", "whole 0"), objects.RemoveOptions{})
	var bad *objects.Error
	if !errors.As(err, &bad) || bad.Reason != objects.BadPack {
		t.Errorf("error %v", err)
	}
	wantGone(t, fsys, "whole 0")
	wantThere(t, fsys, "left", "cut 0", "cut 1", "whole 1")
}

// Beside readers and writers nothing else is lost, and nothing that is put again.
func TestRemoveAllBesideOthers(t *testing.T) {
	fsys := newRoot(t)
	manyHomes(t, fsys)
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			db := open(t, fsys, ringOf(t, key1), quick)
			for i := range 10 {
				putBatch(t, db, texts(fmt.Sprint("new ", g, i), 9)...)
				wantThere(t, fsys, "beside", "a 8", "loose 8", "b 8", fmt.Sprint("new ", g, i, " ", 5))
			}
		})
	}
	db := open(t, fsys, ringOf(t, key1), quick)
	for i := range 8 {
		if _, err := db.RemoveAll(t.Context(), setOf(fmt.Sprint("a ", i), fmt.Sprint("b ", i), fmt.Sprint("loose ", i)), objects.RemoveOptions{}); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	for i := range 8 {
		wantGone(t, fsys, fmt.Sprint("a ", i), fmt.Sprint("b ", i), fmt.Sprint("loose ", i))
	}
	if found := worst(t, fsys); len(found) > 0 {
		t.Errorf("findings %+v", found)
	}
}
