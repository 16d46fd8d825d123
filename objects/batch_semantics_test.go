package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/seal"
)

// TestBatchPlaces: fewer than eight small objects are loose, as large ones always are.
func TestBatchPlaces(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		for _, ring := range []*seal.Ring{ringOf(t, key1), seal.Off} {
			db := open(t, fsys, ring, quick)
			for _, n := range []int{0, 1, 7, 8, 9} {
				list := texts(fmt.Sprint(ring.Len(), n), n)
				if n > 1 {
					list[0] = strings.Repeat("z", 64*n+ring.Len()) // its end looks like nothing in particular
				}
				if n == 9 && ring.Len() == 0 {
					list[1] = "" // the empty payload
					list[2] = string(sealed(key1, []byte("looks sealed")))
				}
				sizes := []int{chunkSize, chunkSize + 1, chunkSize + 63, chunkSize + 64, chunkSize + 65}
				b := db.NewBatch()
				for i, p := range list {
					info, err := b.Put(t.Context(), []byte(p))
					if err != nil || info.Size != int64(len(p)) || info.Digest != digestOf([]byte(p)) || !info.Reason.Good() {
						t.Fatalf("object %d: %+v, %v", i, info, err)
					}
				}
				var large []string
				if n == 8 && !raceEnabled {
					for _, size := range sizes {
						p := string(random(size, byte(size+ring.Len())))
						large = append(large, p)
						info, err := b.PutReader(t.Context(), strings.NewReader(p))
						if err != nil || size > chunkSize && info.Where != objects.Loose {
							t.Fatalf("%d bytes: %+v, %v", size, info, err)
						}
					}
				}
				if err := b.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				other := open(t, fsys, ring, quick)
				for _, p := range append(slices.Clone(list), large...) {
					for _, db := range []*objects.DB{db, other} {
						wantPayload(t, db, []byte(p))
					}
					info, err := other.Stat(t.Context(), digestOf([]byte(p)))
					if err != nil || len(p) < chunkSize && (info.Where == objects.Loose) != (n < 8) || len(p) > chunkSize && info.Where != objects.Loose {
						t.Errorf("%d objects, %d bytes: %+v, %v", n, len(p), info, err)
					}
				}
			}
			if _, err := db.Pack(t.Context(), nil); err != nil {
				t.Error(err)
			}
			findings, _ := fsck(t, db, objects.FsckOptions{})
			for _, f := range findings {
				if f.Severity != objects.SeverityNote {
					t.Errorf("%+v", f)
				}
			}
			clearPacks(t, fsys)
			for d := range db.All(t.Context()) {
				remove(t, fsys, fileOf(d))
			}
		}
	})
}

// TestBatchDuplicates: an object is once in a batch, and not again if there is a good copy
// in the store; one that is not good is replaced.
func TestBatchDuplicates(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		payload := []byte("payload")
		for _, f := range forgeries {
			for home, plant := range map[string]func(){
				"loose":  func() { plant(t, fsys, digestOf(payload), f.make(payload)) },
				"packed": func() { plantPacked(t, fsys, digestOf(payload), f.make(payload)) },
			} {
				clearPacks(t, fsys)
				remove(t, fsys, fileOf(digestOf(payload)))
				plant()
				before := names(t, fsys, packDir)
				db := open(t, fsys, ringOf(t, key1, key2), quick)
				b := db.NewBatch()
				for range 3 {
					if _, err := b.Put(t.Context(), payload); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantPayload(t, open(t, fsys, ringOf(t, key1, key2), nil), payload)
				_, err := fsys.Lstat(fileOf(digestOf(payload)))
				written := home == "packed" && err == nil || home == "loose" && !bytes.Equal(read(t, fsys, fileOf(digestOf(payload))), f.make(payload))
				if written == f.keys.Good() {
					t.Errorf("%s, %s: written: %t", home, f.name, written)
				}
				if !slices.Equal(before, names(t, fsys, packDir)) {
					t.Errorf("%s, %s: the packs have changed", home, f.name)
				}
			}
		}
	})
}

// TestBatchIsOnlyThereAfterCommit, not after Discard, and can be used again after both.
func TestBatchIsOnlyThereAfterCommit(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), quick)
		b := db.NewBatch()
		if err := b.Commit(t.Context()); err != nil {
			t.Errorf("Commit of nothing: %v", err)
		}
		b.Discard()
		large := string(random(chunkSize+5, 1))
		for round, n := range []int{3, 9, 20} {
			list := append(texts(fmt.Sprint("r", round), n), large+fmt.Sprint(round))
			for try := range 2 {
				for _, p := range list {
					if _, err := b.Put(t.Context(), []byte(p)); err != nil {
						t.Fatal(err)
					}
					if try == 0 {
						wantAll(t, db, digestOf([]byte(p)), objects.Missing)
					}
				}
				if try == 0 {
					b.Discard()
					b.Discard()
					for _, p := range list {
						wantAll(t, db, digestOf([]byte(p)), objects.Missing)
					}
					if left := names(t, fsys, "tmp"); len(left) > 0 {
						t.Errorf("Discard leaves %v", left)
					}
				}
			}
			for range 2 {
				if err := b.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			b.Discard()
			wantThere(t, fsys, "committed", list...)
		}
		// Nothing holds the lock.
		if err := db.Remove(t.Context(), digestOf([]byte("r0 1"))); err != nil {
			t.Error(err)
		}
	})
}

// TestBatchSurvivesReaders: an error of a reader or of the context, or a payload over the
// limit, leaves the batch as it was.
func TestBatchSurvivesReaders(t *testing.T) {
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), &objects.Options{MaxObjectSize: 3 * chunkSize, Durability: quick.Durability})
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	b := db.NewBatch()
	var list []string
	for round := range 3 {
		for _, size := range []int{0, 10, chunkSize - 1, chunkSize, chunkSize + 1, 2*chunkSize + 5} {
			r := io.MultiReader(bytes.NewReader(random(size, 7)), iotest.ErrReader(broken))
			if info, err := b.PutReader(t.Context(), r); err != broken || info != (objects.Info{}) {
				t.Errorf("%d bytes: %+v, %v, want the error of the reader", size, info, err)
			}
		}
		over := random(3*chunkSize+1, 8)
		_, err := b.Put(t.Context(), over)
		wantMiss(t, "Put", err, digestOf(over), objects.TooLarge)
		var e *objects.Error
		if _, err = b.PutReader(t.Context(), bytes.NewReader(over)); !errors.As(err, &e) || e.Reason != objects.TooLarge {
			t.Errorf("PutReader: %v, want too-large", err)
		}
		for _, size := range []int{10, 2 * chunkSize} {
			if _, err := b.PutReader(ended, bytes.NewReader(random(size, 9))); err != context.Canceled {
				t.Errorf("PutReader of %d bytes with an ended context: %v", size, err)
			}
		}
		part := texts(fmt.Sprint("r", round), 5)
		list = append(list, part...)
		for _, p := range part {
			if _, err := b.Put(t.Context(), []byte(p)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantThere(t, fsys, "good ones between bad ones", list...)
	if n := count(t, db); n != len(list) {
		t.Errorf("%d objects, want %d", n, len(list))
	}
	if left := names(t, fsys, "tmp"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestBatchEndsWithTheContext: a commit that is interrupted leaves nothing, and the batch
// can be used again after Discard.
func TestBatchEndsWithTheContext(t *testing.T) {
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), quick)
	for _, n := range []int{3, 12} {
		b := db.NewBatch()
		for _, p := range texts("p", n) {
			if _, err := b.Put(t.Context(), []byte(p)); err != nil {
				t.Fatal(err)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Commit(ended); err != context.Canceled {
			t.Errorf("Commit: %v, want context.Canceled", err)
		}
		if _, err := b.Put(t.Context(), []byte("more")); err == nil {
			t.Error("a batch that failed takes more")
		}
		if left := names(t, fsys, "tmp"); len(left) > 0 || count(t, db) > 0 {
			t.Errorf("left: %v, %d objects", left, count(t, db))
		}
		b.Discard()
		if _, err := b.Put(t.Context(), []byte("more")); err != nil {
			t.Errorf("after Discard: %v", err)
		}
		b.Discard()
	}
}

// TestOrderOfACommit: all bytes are on the disk before the first name, a pack has its name
// before its index, and the names are synced last, a directory once (D1).
func TestOrderOfACommit(t *testing.T) {
	for _, level := range []*objects.Options{nil, quick} {
		faults := newFaults(t)
		plantPack(t, faults.FS(), numbered("there", 20)...)
		db := open(t, faults.FS(), ringOf(t, key1), level)
		faults.FailAt(0, false, nil)
		b := db.NewBatch()
		large := string(random(chunkSize+5, 1))
		for _, p := range slices.Concat(texts("new", 12), texts("there", 20), []string{large}) {
			if _, err := b.Put(t.Context(), []byte(p)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		log := faults.Log()
		at := func(prefix, suffix string) (list []int) {
			for i, call := range log {
				if strings.HasPrefix(call, prefix) && strings.HasSuffix(call, suffix) {
					list = append(list, i)
				}
			}
			return list
		}
		syncs, dirs := at("sync ", ""), at("syncdir ", "")
		if level == quick {
			if len(syncs)+len(dirs) > 0 {
				t.Errorf("level none syncs %d files and %d directories", len(syncs), len(dirs))
			}
			continue
		}
		tmp, pack, index := at("sync tmp/", ""), at("rename ", ".pack"), at("rename ", ".idx")
		if len(tmp) != 3 || len(pack) != 1 || len(index) != 1 || tmp[2] > pack[0] || pack[0] > index[0] {
			t.Errorf("sync of files %v, rename of pack %v and index %v", tmp, pack, index)
		}
		for _, i := range dirs {
			if i < slices.Max(at("rename ", "")) {
				t.Errorf("call %d, %s, is before the last rename", i, log[i])
			}
		}
		if n := len(at("syncdir objects/pack", "")); n != 1 {
			t.Errorf("the directory of packs is synced %d times", n)
		}
		if n := len(at("sync objects/pack/", ".pack")); n != 1 {
			t.Errorf("the pack with duplicates is synced %d times", n)
		}
		if n := len(at("sync objects/pack/", ".idx")); n != 1 {
			t.Errorf("the index of the pack with duplicates is synced %d times", n)
		}
		locks, unlocks := at("trylock ", ""), at("unlock ", "")
		if len(locks) != 1 || len(unlocks) != 1 || unlocks[0] < slices.Max(dirs) || locks[0] > at("names ", "")[0] {
			t.Errorf("lock at %v, unlock at %v, last sync at %d", locks, unlocks, slices.Max(dirs))
		}
		seen := make(map[string]bool)
		for _, i := range syncs {
			if seen[log[i]] {
				t.Errorf("%s twice", log[i])
			}
			seen[log[i]] = true
		}
	}
}

// TestBatchFromManyGoroutines: the same and other objects, small and large, while commits
// come in between.
func TestBatchFromManyGoroutines(t *testing.T) {
	fsys := newRoot(t)
	b := open(t, fsys, ringOf(t, key1), quick).NewBatch()
	large := string(random(chunkSize+100, 4))
	var wg sync.WaitGroup
	var all []string
	for g := range 8 {
		list := append(texts(fmt.Sprint("g", g), 40), texts("same", 40)...)
		list = append(list, large, large+fmt.Sprint(g/2))
		all = append(all, list...)
		wg.Go(func() {
			for i, p := range list {
				info, err := b.PutReader(t.Context(), strings.NewReader(p))
				if err != nil || info.Digest != digestOf([]byte(p)) || info.Size != int64(len(p)) {
					t.Errorf("%+v, %v", info, err)
				}
				if i%25 == 24 {
					if err := b.Commit(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantThere(t, fsys, "in the end", all...)
	if bad := worst(t, fsys); len(bad) > 0 {
		t.Errorf("%+v", bad)
	}
	if left := names(t, fsys, "tmp"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestBatchDoesNotKeepThePayload(t *testing.T) {
	fsys := newRoot(t)
	b := open(t, fsys, ringOf(t, key1), quick).NewBatch()
	room := make([]byte, 100)
	for i := range 20 {
		copy(room[:15], fmt.Sprint("payload ", i, "........"))
		if _, err := b.Put(t.Context(), room[:15]); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(room[15:], make([]byte, 85)) && i == 0 {
			t.Fatal("Put writes behind the payload")
		}
		clear(room)
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		wantThere(t, fsys, "reused buffer", fmt.Sprint("payload ", i, "........")[:15])
	}
}
