package objects_test

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/rootfs"
)

// foldFS counts the temporary files that are made, and lets a test do something before
// one is, or keep packs from being removed.
type foldFS struct {
	*rootfs.FS
	made   atomic.Int32
	before func(made int32)
	sticky atomic.Bool
}

func (f *foldFS) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	if flag&os.O_EXCL != 0 {
		if n := f.made.Add(1); f.before != nil {
			f.before(n)
		}
	}
	return f.FS.OpenFile(name, flag, perm)
}

func (f *foldFS) Remove(name string) error {
	if f.sticky.Load() && path.Dir(name) == packDir {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.EPERM}
	}
	return f.FS.Remove(name)
}

// filesOfACommit is how many temporary files a commit of one pack makes by itself.
const filesOfACommit = 2

func newFoldFS(t *testing.T, packs int) *foldFS {
	t.Helper()
	fsys := newRoot(t)
	for i := range packs {
		plantPack(t, fsys, numbered(strings.Repeat("y", i), 8)...)
	}
	return &foldFS{FS: fsys}
}

// TestFoldAsksForTheLockFirst: who cannot have the lock afterwards does not copy before.
func TestFoldAsksForTheLockFirst(t *testing.T) {
	fsys := newFoldFS(t, 70)
	held := open(t, fsys.FS, ringOf(t, key1), quick).NewBatch()
	if _, err := held.Put(t.Context(), []byte("held")); err != nil {
		t.Fatal(err)
	}
	defer held.Discard()
	putBatch(t, open(t, fsys, ringOf(t, key1), quick), texts("z", 8)...)
	if n := fsys.made.Load(); n != filesOfACommit {
		t.Errorf("the commit made %d files, want %d", n, filesOfACommit)
	}
}

// TestFoldDoesNotCopyInVainAgain: packs that cannot be removed are copied once, not at
// every commit.
func TestFoldDoesNotCopyInVainAgain(t *testing.T) {
	fsys := newFoldFS(t, 70)
	fsys.sticky.Store(true)
	db := open(t, fsys, ringOf(t, key1), quick)
	var all []string
	for i := range 5 {
		p := texts(strings.Repeat("z", i+1), 8)
		putBatch(t, db, p...)
		all = append(all, p...)
	}
	if n, want := len(packNames(t, fsys)), 70+5+1; n != want {
		t.Errorf("%d packs after five commits and a fold, want %d", n, want)
	}
	fsys.sticky.Store(false)
	for i := range 70 { // new ones are folded all the same
		p := texts(strings.Repeat("w", i+1), 8)
		putBatch(t, db, p...)
		all = append(all, p...)
	}
	if n := len(packNames(t, fsys)); n > 70+6+64+1 {
		t.Errorf("%d packs: those that came later are not folded", n)
	}
	wantThere(t, fsys, "after folding in vain", all...)
}

// TestFoldDoesNotRepeatWhatFails: when the lock is taken while the packs are copied, the
// next commits leave it at that until there are more packs.
func TestFoldDoesNotRepeatWhatFails(t *testing.T) {
	fsys := newFoldFS(t, 70)
	other := open(t, fsys.FS, ringOf(t, key1), quick).NewBatch()
	defer other.Discard()
	fsys.before = func(made int32) {
		if made == filesOfACommit+1 { // that of the fold
			if _, err := other.Put(t.Context(), []byte("held")); err != nil {
				t.Error(err)
			}
		}
	}
	db := open(t, fsys, ringOf(t, key1), quick)
	putBatch(t, db, texts("first", 8)...)
	if n := fsys.made.Load(); n <= filesOfACommit {
		t.Fatalf("%d files: nothing was folded", n)
	}
	other.Discard()
	fsys.made.Store(100) // before is over
	for i := range 5 {
		putBatch(t, db, texts(strings.Repeat("z", i+1), 8)...)
	}
	if n := fsys.made.Load() - 100; n != 5*filesOfACommit {
		t.Errorf("five more commits made %d files, want %d", n, 5*filesOfACommit)
	}
	for i := range 20 {
		putBatch(t, db, texts(strings.Repeat("w", i+1), 8)...)
	}
	if n := len(packNames(t, fsys)); n > 64 {
		t.Errorf("%d packs: it is not tried again", n)
	}
	if left := names(t, fsys, "tmp"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestPutWhileFolding: other goroutines go on with a batch whose commit is folding.
func TestPutWhileFolding(t *testing.T) {
	fsys := newFoldFS(t, 70)
	db := open(t, fsys, ringOf(t, key1), &objects.Options{Durability: quick.Durability, LockWait: time.Minute})
	b := db.NewBatch()
	put := make(chan error, 1)
	fsys.before = func(made int32) {
		if made != filesOfACommit+1 {
			return
		}
		go func() {
			_, err := b.Put(t.Context(), []byte("meanwhile"))
			put <- err
		}()
		select {
		case err := <-put:
			put <- err
		case <-time.After(20 * time.Second):
			t.Error("Put waits for the fold")
		}
	}
	for _, p := range texts("z", 8) {
		if _, err := b.Put(t.Context(), []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-put; err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantThere(t, fsys, "put while folding", append(texts("z", 8), "meanwhile")...)
}
