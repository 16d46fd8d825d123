package objectstest_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
)

func openRoot(t *testing.T) *rootfs.FS {
	t.Helper()
	f, err := rootfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFaultFSConforms(t *testing.T) {
	t.Run("rootfs", func(t *testing.T) {
		objectstest.TestFilesystem(t, func(t *testing.T) billy.Filesystem {
			return objectstest.NewFaultFS(openRoot(t)).FS()
		})
	})
	t.Run("memory", func(t *testing.T) {
		objectstest.TestFilesystem(t, func(t *testing.T) billy.Filesystem {
			return objectstest.NewFaultFS(objectstest.NewMemory()).FS()
		})
	})
}

// some is a filesystem with chosen abilities.
type (
	opener struct{ durable.RegularOpener }
	lister struct{ durable.NameLister }
	syncer struct{ durable.DirSyncer }
	locker struct{ durable.Locker }
)

func TestFaultFSHasTheAbilitiesBehindIt(t *testing.T) {
	m := objectstest.NewMemory()
	for _, inner := range []billy.Filesystem{
		m,
		openRoot(t),
		struct {
			billy.Filesystem
			opener
		}{m, opener{}},
		struct {
			billy.Filesystem
			lister
		}{m, lister{}},
		struct {
			billy.Filesystem
			syncer
		}{m, syncer{}},
		struct {
			billy.Filesystem
			locker
		}{m, locker{}},
		struct {
			billy.Filesystem
			opener
			locker
		}{m, opener{}, locker{}},
		struct {
			billy.Filesystem
			lister
			syncer
			locker
		}{m, lister{}, syncer{}, locker{}},
	} {
		want := durable.AbilitiesOf(inner)
		if got := durable.AbilitiesOf(objectstest.NewFaultFS(inner).FS()); got != want {
			t.Errorf("abilities %+v, want %+v", got, want)
		}
	}
}

// publish is the change that the tests below let fail.
func publish(fsys billy.Filesystem) error {
	w := durable.NewWriter(fsys, "tmp", durable.Full)
	f, err := w.Create()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, "new text"); err != nil {
		f.Discard()
		return err
	}
	return f.Commit("dir/file")
}

func content(t *testing.T, fsys billy.Filesystem, name string) string {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFailEveryCall(t *testing.T) {
	backends := map[string]func(*testing.T) billy.Filesystem{
		"rootfs": func(t *testing.T) billy.Filesystem { return openRoot(t) },
		"memory": func(*testing.T) billy.Filesystem { return objectstest.NewMemory() },
	}
	modes := map[string]objectstest.FaultMode{
		"before": objectstest.FailBefore, "half": objectstest.FailHalf, "after": objectstest.FailAfter,
	}
	for backend, newFS := range backends {
		for mode := range modes {
			for _, forever := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/forever=%t", backend, mode, forever), func(t *testing.T) {
					failEveryCall(t, newFS, modes[mode], forever)
				})
			}
		}
	}
}

func failEveryCall(t *testing.T, newFS func(*testing.T) billy.Filesystem, mode objectstest.FaultMode, forever bool) {
	for n := 1; ; n++ {
		inner := newFS(t)
		inner.MkdirAll("tmp", 0o777)
		inner.MkdirAll("dir", 0o777)
		f, err := inner.Create("dir/file")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, "old text")
		f.Close()

		faults := objectstest.NewFaultFS(inner)
		faults.SetMode(mode)
		faults.FailAt(n, forever, syscall.ENOSPC)
		err = publish(faults.FS())
		got := content(t, inner, "dir/file")
		switch {
		case got != "old text" && got != "new text":
			t.Fatalf("call %d fails: a third state: %q", n, got)
		case err == nil && got != "new text":
			t.Fatalf("call %d fails: reported as done, but %q\n%s", n, got, strings.Join(faults.Log(), "\n"))
		case err != nil && !errors.Is(err, syscall.ENOSPC):
			t.Fatalf("call %d fails with %v, want ENOSPC", n, err)
		}
		if faults.Calls() < n {
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			if n < 6 {
				t.Fatalf("only %d calls were counted: %q", faults.Calls(), faults.Log())
			}
			return
		}
	}
}

func TestFaultFSCountsEveryCall(t *testing.T) {
	faults := objectstest.NewFaultFS(openRoot(t))
	fsys := faults.FS()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(fsys.MkdirAll("dir", 0o777))
	f, err := fsys.OpenFile("dir/a", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	check(err)
	_, err = f.Write([]byte("text"))
	check(err)
	check(f.Truncate(2))
	_, err = f.Seek(0, io.SeekStart)
	check(err)
	_, err = f.Read(make([]byte, 1))
	check(err)
	_, err = f.ReadAt(make([]byte, 1), 0)
	check(err)
	check(f.(durable.Syncer).Sync())
	check(f.Close())
	check(fsys.Rename("dir/a", "dir/b"))
	check(fsys.(durable.DirSyncer).SyncDir("dir"))
	r, err := fsys.(durable.RegularOpener).OpenRegular("dir/b")
	check(err)
	_, err = r.ReadAt(make([]byte, 1), 0)
	check(err)
	check(r.(durable.Syncer).Sync())
	check(r.Close())
	for _, err := range fsys.(durable.NameLister).Names("dir") {
		check(err)
	}
	unlock, err := fsys.(durable.Locker).TryLock("lock", false)
	check(err)
	check(unlock())
	check(fsys.Remove("lock"))
	want := []string{
		"mkdirall dir", "openfile dir/a", "write dir/a", "truncate dir/a", "seek dir/a", "read dir/a",
		"readat dir/a", "sync dir/a", "close dir/a", "rename dir/a dir/b", "syncdir dir",
		"openregular dir/b", "readat dir/b", "sync dir/b", "close dir/b", "names dir", "names-end dir",
		"trylock lock", "unlock lock", "remove lock",
	}
	if got := faults.Log(); !slices.Equal(got, want) {
		t.Errorf("log\n%q, want\n%q", got, want)
	}
	if faults.Calls() != len(want) {
		t.Errorf("%d calls, want %d", faults.Calls(), len(want))
	}
}

func TestFaultOnceAndForever(t *testing.T) {
	faults := objectstest.NewFaultFS(objectstest.NewMemory())
	mkdir := func() error { return faults.FS().MkdirAll("dir", 0o777) }
	for _, c := range []struct {
		forever bool
		want    []bool // whether the call fails
	}{{false, []bool{false, true, false, false}}, {true, []bool{false, true, true, true}}} {
		faults.FailAt(2, c.forever, syscall.EIO)
		for i, want := range c.want {
			if err := mkdir(); errors.Is(err, syscall.EIO) != want {
				t.Errorf("forever %t: call %d: %v, want failure %t", c.forever, i+1, err, want)
			}
		}
	}
	faults.FailAt(0, true, syscall.EIO)
	if err := mkdir(); err != nil || faults.Calls() != 1 {
		t.Errorf("after FailAt(0): %v, %d calls", err, faults.Calls())
	}
}

func TestFaultHalfWritesHalf(t *testing.T) {
	inner := objectstest.NewMemory()
	faults := objectstest.NewFaultFS(inner)
	f, err := faults.FS().Create("file")
	if err != nil {
		t.Fatal(err)
	}
	faults.SetMode(objectstest.FailHalf)
	faults.FailAt(1, false, io.ErrShortWrite)
	n, err := f.Write([]byte("0123456789"))
	if n != 5 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Write = %d, %v, want 5 and a short write", n, err)
	}
	f.Close()
	if got := content(t, inner, "file"); got != "01234" {
		t.Errorf("written: %q, want half of it", got)
	}
}

func TestFaultyCloseCloses(t *testing.T) {
	faults := objectstest.NewFaultFS(openRoot(t))
	f, err := faults.FS().Create("file")
	if err != nil {
		t.Fatal(err)
	}
	faults.FailAt(1, false, syscall.EIO)
	if err := f.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close = %v, want EIO", err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close = %v, want fs.ErrClosed: the first must have closed", err)
	}
	lock := faults.FS().(durable.Locker)
	unlock, err := lock.TryLock("lock", true)
	if err != nil {
		t.Fatal(err)
	}
	faults.FailAt(1, false, syscall.EIO)
	if err := unlock(); !errors.Is(err, syscall.EIO) {
		t.Errorf("unlock = %v, want EIO", err)
	}
	unlock, err = lock.TryLock("lock", true)
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	unlock()
}

func TestFailAfterDoesTheWork(t *testing.T) {
	inner := openRoot(t)
	faults := objectstest.NewFaultFS(inner)
	faults.SetMode(objectstest.FailAfter)
	f, err := faults.FS().Create("old")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	faults.FailAt(1, false, syscall.EIO)
	err = faults.FS().Rename("old", "new")
	var link *os.LinkError
	if !errors.As(err, &link) || link.Old != "old" || link.New != "new" || !errors.Is(err, syscall.EIO) {
		t.Errorf("Rename = %v, want a link error with EIO", err)
	}
	if _, err := inner.Lstat("new"); err != nil {
		t.Errorf("the rename did not happen: %v", err)
	}
}
