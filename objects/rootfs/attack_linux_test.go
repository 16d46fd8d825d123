package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inTime fails a test that hangs.
func inTime(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("it hangs")
	}
}

// A12
func TestFIFOInThePlaceOfAFile(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o666); err != nil {
			t.Skipf("no FIFO can be made here: %v", err)
		}
		f := v.open(t, dir)
		inTime(t, func() { wantNotRegular(t, f, "fifo") })
		// With somebody at the other end, opening succeeds at once, and must not count.
		other, err := os.OpenFile(filepath.Join(dir, "fifo"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		inTime(t, func() { wantNotRegular(t, f, "fifo") })
	})
}

// A13
func TestSocketInThePlaceOfAFile(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		t.Chdir(dir) // the path of a socket must be short
		l, err := net.Listen("unix", "socket")
		if err != nil {
			t.Skipf("no socket can be made here: %v", err)
		}
		defer l.Close()
		f := v.open(t, dir)
		inTime(t, func() { wantNotRegular(t, f, "socket") })
	})
}

// A13
func TestDeviceInThePlaceOfAFile(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		for name, dev := range map[string]uint64{"zero": unix.Mkdev(1, 5), "full": unix.Mkdev(1, 7), "tty": unix.Mkdev(5, 0), "none": unix.Mkdev(240, 77)} {
			if err := unix.Mknod(filepath.Join(dir, name), unix.S_IFCHR|0o666, int(dev)); err != nil {
				t.Skipf("devices can only be made by root, and not everywhere: %v", err)
			}
			f := v.open(t, dir)
			inTime(t, func() { wantNotRegular(t, f, name) })
		}
	})
}

// openFDs counts the descriptors of this process.
func openFDs(t *testing.T) int {
	t.Helper()
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted here: %v", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// F10: nothing is left open, whether a call succeeds or fails.
func TestNoDescriptorIsLost(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "ab", "file"), "text")
		mkdirAll(t, filepath.Join(dir, "ab", "dir"))
		symlink(t, "file", filepath.Join(dir, "ab", "link"))
		symlink(t, "ab", filepath.Join(dir, "cd"))
		f := v.open(t, dir)
		held, err := f.TryLock("held", true)
		if err != nil {
			t.Fatal(err)
		}
		defer held()

		// The first round makes what the runtime keeps: its poller, its threads.
		everyCall(t, f)
		before := openFDs(t)
		for range 500 {
			everyCall(t, f)
		}
		for range 10_000 {
			r, err := f.OpenRegular("ab/file")
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		if after := openFDs(t); after != before {
			t.Errorf("%d descriptors are open, before it were %d", after, before)
		}
	})
}

// everyCall makes calls of all kinds that succeed and that fail.
func everyCall(t *testing.T, f *FS) {
	t.Helper()
	for _, name := range []string{"ab/file", "ab/dir", "ab/link", "cd/file", "ab/none", "none/none"} {
		if r, err := f.OpenRegular(name); err == nil {
			r.Close()
		}
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_CREATE | os.O_EXCL} {
			if w, err := f.OpenFile(name, flag, 0o666); err == nil {
				w.Close()
			}
		}
		f.Lstat(name)
		f.ReadDir(name)
		for range f.Names(name) {
			break
		}
		f.SyncDir(name)
		f.MkdirAll(name, 0o777)
		f.Readlink(name)
		if sub, err := f.Chroot(name); err == nil {
			sub.(*FS).Close()
		}
		if unlock, err := f.TryLock(name, true); err == nil {
			unlock()
		}
		f.Rename(name, "cd/"+name)
		f.Remove("cd/" + name)
	}
	f.TryLock("held", true)
	f.Remove("ab/none")
	f.Remove("none/none")
	f.Remove("none")
}

// A Close while others read ends their reads: no read may reach the descriptor's
// next owner, who is opened as soon as it is free.
func TestCloseWhileReading(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "mine"), "mine")
		write(t, filepath.Join(dir, "other"), "them")
		f := v.open(t, dir)
		for range 50 {
			r, err := f.OpenRegular("mine")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					p := make([]byte, 4)
					for {
						n, err := r.ReadAt(p, 0)
						if errors.Is(err, fs.ErrClosed) {
							return
						}
						if err != nil || string(p[:n]) != "mine" {
							t.Errorf("ReadAt = %q, %v", p[:n], err)
							return
						}
					}
				})
			}
			wg.Go(func() {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if other, err := f.OpenRegular("other"); err == nil {
					defer other.Close()
				}
			})
			wg.Wait()
		}
	})
}

func TestFileModesAreBeforeUmask(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		f := v.open(t, t.TempDir())
		old := unix.Umask(0o027)
		defer unix.Umask(old)
		w, err := f.OpenFile("file", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
		if err != nil {
			t.Fatal(err)
		}
		// Made read-only, but writable for who made it.
		if _, err := io.WriteString(w, "text"); err != nil {
			t.Error(err)
		}
		w.Close()
		if err := f.MkdirAll("a/b", 0o777); err != nil {
			t.Fatal(err)
		}
		unlock, err := f.TryLock("lock", false)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		for name, want := range map[string]fs.FileMode{
			"file": 0o440, "a": fs.ModeDir | 0o750, "a/b": fs.ModeDir | 0o750, "lock": 0o640,
		} {
			if info, err := f.Lstat(name); err != nil || info.Mode() != want {
				t.Errorf("%s has mode %v, %v, want %v", name, info.Mode(), err, want)
			}
		}
	})
}

// Names that are no UTF-8 can be listed, described, opened, moved and removed.
func TestNamesAreBytes(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		const name = "\xff\xfe\x1b[31m\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o666); err != nil {
			t.Skipf("such a name cannot be made here: %v", err)
		}
		f := v.open(t, dir)
		for got, err := range f.Names("") {
			if got != name || err != nil {
				t.Errorf("Names gives %q, %v", got, err)
			}
		}
		r, err := f.OpenRegular(name)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if err := f.Rename(name, "plain"); err != nil {
			t.Error(err)
		}
		wantEntries(t, dir, "plain")
	})
}

// A lock needs no write permission where its file is there already.
func TestLockWithoutWritePermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o444); err != nil {
			t.Fatal(err)
		}
		f := v.open(t, dir)
		unlock, err := f.TryLock("lock", false)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o777) // so that it can be removed
		if _, err := f.TryLock("new", false); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("TryLock of what cannot be made = %v, want fs.ErrPermission", err)
		}
	})
}

func BenchmarkOpenReadClose(b *testing.B) {
	for _, v := range variants() {
		b.Run(v.name, func(b *testing.B) {
			dir := b.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "objects", "ab"), 0o777); err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("objects/ab/%062d", 0)
			if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 4096), 0o666); err != nil {
				b.Fatal(err)
			}
			f := v.open(b, dir)
			p := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				r, err := f.OpenRegular(name)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.ReadAt(p, 0); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}
