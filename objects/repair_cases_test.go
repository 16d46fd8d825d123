package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

// A repair is an operation that repairs a store, for the loops over all calls that may
// fail. The ring is key1 and key2, of which key1 is new.
type repair struct {
	name string
	prep func(t testing.TB, fsys *rootfs.FS) repairStore
	do   func(ctx context.Context, db *objects.DB) error
	step int // of the calls that fail, where there are many
}

// A repairStore is what must hold of a store that is being repaired.
type repairStore struct {
	good []string // payloads that are there, before, in the middle and afterwards
	bad  []record // what must not become good, and whose bytes must stay somewhere
	made []string // payloads that are there when it is done
	gone []string // paths that are not there any more when it is done
	left bool     // what is bad stays in its place
}

// An unsynced filesystem syncs nothing: for loops of so many rounds that waiting for the
// disk would take most of the time.
type unsynced struct{ wholeFS }

// A wholeFS has the optional abilities that rootfs has everywhere.
type wholeFS interface {
	billy.Filesystem
	durable.RegularOpener
	durable.NameLister
	durable.Locker
}

type unsyncedFile struct{ billy.File }

func (unsyncedFile) Sync() error { return nil }

func (unsynced) SyncDir(string) error { return nil }

func (u unsynced) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	f, err := u.wholeFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

// errFound is the error of a repair that could not look at something.
var errFound = errors.New("something could not be looked at")

func oldRecord(payload string) record {
	return record{digestOf([]byte(payload)), sealed(key2, []byte(payload))}
}

func oldRecords(prefix string, n int) (records []record) {
	for _, p := range texts(prefix, n) {
		records = append(records, oldRecord(p))
	}
	return records
}

// badRecords has one record of every verdict that is a miss.
func badRecords(prefix string) (bad []record) {
	for reason, stored := range verdictRows() {
		p := []byte(prefix + string(reason))
		bad = append(bad, record{digestOf(p), stored(p)})
	}
	return bad
}

func plantAll(t testing.TB, fsys *rootfs.FS, records []record) {
	for _, r := range records {
		plant(t, fsys, r.d, r.stored)
	}
}

func doReseal(ctx context.Context, db *objects.DB) error {
	for f, err := range db.Reseal(ctx, objects.FsckOptions{Workers: 1}, nil) {
		if err != nil {
			return err
		}
		if f.Reason == objects.IOError {
			return fmt.Errorf("%w: %w", errFound, f.Err)
		}
	}
	return nil
}

func doQuarantine(ctx context.Context, db *objects.DB) error {
	var list []objects.Finding
	for f, err := range db.Fsck(ctx, objects.FsckOptions{Workers: 1}, nil) {
		if err != nil {
			return err
		}
		if f.Reason == objects.IOError {
			return fmt.Errorf("%w: %w", errFound, f.Err)
		}
		list = append(list, f)
	}
	for _, err := range db.Quarantine(ctx, list, objects.QuarantineOptions{Anyway: true}) {
		if err != nil {
			return err
		}
	}
	return nil
}

var toAdopt = append(texts("plain", 3), "foreign", strings.Repeat("large", chunkSize/5+10))

func doAdopt(ctx context.Context, db *objects.DB) error {
	var digests []objects.Digest
	for _, p := range append(slices.Clone(toAdopt), texts("packed", 2)...) {
		digests = append(digests, digestOf([]byte(p)))
	}
	for _, err := range db.Adopt(ctx, digests) {
		if err != nil {
			return err
		}
	}
	return nil
}

func doPrune(ctx context.Context, db *objects.DB) error {
	for _, err := range db.Prune(ctx, false) {
		if err != nil {
			return err
		}
	}
	return nil
}

func repairs() []repair {
	large := strings.Repeat("0123456789", chunkSize/8)
	return []repair{
		{"reseal of small loose objects", func(t testing.TB, fsys *rootfs.FS) repairStore {
			plantAll(t, fsys, oldRecords("old", 3))
			return repairStore{good: texts("old", 3), made: texts("old", 3)}
		}, doReseal, 1},
		{"reseal of a large loose object", func(t testing.TB, fsys *rootfs.FS) repairStore {
			plantAll(t, fsys, []record{oldRecord(large)})
			return repairStore{good: []string{large}, made: []string{large}}
		}, doReseal, 1},
		{"reseal of packs", func(t testing.TB, fsys *rootfs.FS) repairStore {
			bad := badRecords("packed ")
			plantPack(t, fsys, slices.Concat(numbered("new", 2), oldRecords("old", 3), bad)...)
			plantPack(t, fsys, oldRecords("more", 3)...)
			all := slices.Concat(texts("new", 2), texts("old", 3), texts("more", 3))
			return repairStore{good: all, made: all, bad: bad, left: true}
		}, doReseal, 1},
		{"reseal of everything", func(t testing.TB, fsys *rootfs.FS) repairStore {
			bad := badRecords("loose ")
			plantAll(t, fsys, slices.Concat(oldRecords("loose", 2), []record{oldRecord(large), oldRecord("twice")}, bad))
			plantPack(t, fsys, append(oldRecords("old", 3), oldRecord("twice"))...)
			cut := badRecords("cut ")
			id := plantPack(t, fsys, append(oldRecords("cut", 3), cut...)...)
			pack := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), pack[:len(pack)-1])
			all := slices.Concat(texts("loose", 2), texts("old", 3), []string{large, "twice"})
			return repairStore{good: append(all, texts("cut", 3)...), made: all, bad: append(bad, cut[:len(cut)-1]...), left: true}
		}, doReseal, 2},
		{"quarantine of loose objects", func(t testing.TB, fsys *rootfs.FS) repairStore {
			bad := badRecords("loose ")
			plantAll(t, fsys, append(oldRecords("old", 2), bad...))
			return repairStore{good: texts("old", 2), bad: bad}
		}, doQuarantine, 2},
		{"quarantine of packed objects", func(t testing.TB, fsys *rootfs.FS) repairStore {
			bad, only := badRecords("packed "), badRecords("only ")
			plantPack(t, fsys, slices.Concat(bad[:2], oldRecords("old", 3), bad[2:])...)
			plantPack(t, fsys, only...)
			return repairStore{good: texts("old", 3), bad: append(bad, only...)}
		}, doQuarantine, 3},
		{"quarantine of damaged packs", func(t testing.TB, fsys *rootfs.FS) repairStore {
			bad := badRecords("cut ")
			id := plantPack(t, fsys, slices.Concat(oldRecords("cut", 3), bad, oldRecords("last", 1))...)
			pack := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), pack[:len(pack)-1])
			return repairStore{good: texts("cut", 3), bad: bad}
		}, doQuarantine, 3},
		{"adopt", func(t testing.TB, fsys *rootfs.FS) repairStore {
			for _, p := range toAdopt {
				if stored := []byte(p); p == "foreign" {
					plant(t, fsys, digestOf(stored), sealed(foreignKey, stored))
				} else {
					plant(t, fsys, digestOf(stored), stored)
				}
			}
			packed := texts("packed", 2)
			bad := badRecords("not adopted ")
			plantPack(t, fsys, slices.Concat(oldRecords("old", 2), bad, []record{
				{digestOf([]byte(packed[0])), []byte(packed[0])}, {digestOf([]byte(packed[1])), sealed(foreignKey, []byte(packed[1]))},
			})...)
			return repairStore{good: texts("old", 2), made: append(packed, toAdopt...), bad: bad, left: true}
		}, doAdopt, 2},
		{"prune", func(t testing.TB, fsys *rootfs.FS) repairStore {
			plantAll(t, fsys, oldRecords("old", 1))
			s := repairStore{good: texts("old", 1)}
			old := time.Now().Add(-25 * time.Hour)
			for i := range 3 {
				name := "tmp/" + strings.Repeat(fmt.Sprint(i), 32)
				write(t, fsys, name, nil)
				if err := os.Chtimes(filepath.Join(fsys.Root(), name), old, old); err != nil {
					t.Fatal(err)
				}
				s.gone = append(s.gone, name)
			}
			return s
		}, doPrune, 1},
	}
}

// check checks what must hold at any time, and if it is done also what must hold then.
func (s repairStore) check(t testing.TB, inner *rootfs.FS, what string, done bool) {
	t.Helper()
	both, alone := open(t, inner, ringOf(t, key1, key2), nil), open(t, inner, ringOf(t, key1), nil)
	want := func(db *objects.DB, ring string, payloads []string) {
		for _, p := range payloads {
			if got, err := db.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
				t.Errorf("%s: %.20q is lost with %s: %d bytes, %v", what, p, ring, len(got), err)
			}
		}
	}
	want(both, "both keys", s.good)
	all := contents(t, inner, "objects", map[string]string{})
	aside := contents(t, inner, "quarantine", map[string]string{})
	for _, r := range s.bad {
		if _, err := both.Get(t.Context(), r.d); err == nil {
			t.Errorf("%s: what was planted as %s has become good", what, r.d)
		}
		holds := func(files map[string]string) bool {
			for _, content := range files {
				if strings.Contains(content, string(r.stored)) {
					return true
				}
			}
			return false
		}
		if !holds(all) && !holds(aside) {
			t.Errorf("%s: the bytes of %s are lost", what, r.d)
		}
		if done && holds(all) != s.left {
			t.Errorf("%s: the bytes of %s are in their place: %t, want %t", what, r.d, !s.left, s.left)
		}
	}
	if done {
		want(alone, "the new key alone", s.made)
		for _, name := range s.gone {
			if _, err := inner.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is still there", what, name)
			}
		}
	}
}

// leftovers returns the temporary files that were not there at first, and what is in
// quarantine without a note, or a note about nothing.
func (s repairStore) leftovers(t testing.TB, inner *rootfs.FS) (left []string) {
	for _, name := range names(t, inner, "tmp") {
		if !slices.Contains(s.gone, "tmp/"+name) {
			left = append(left, "tmp/"+name)
		}
	}
	return left
}

func loneNotes(t testing.TB, inner *rootfs.FS) (lone []string) {
	aside := names(t, inner, "quarantine")
	for _, name := range aside {
		if file, ok := strings.CutSuffix(name, ".note"); !ok && !slices.Contains(aside, name+".note") || ok && !slices.Contains(aside, file) {
			lone = append(lone, name)
		}
	}
	return lone
}
