package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fsk/objects/durable"
)

func TestOpenWantsADirectory(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := open(filepath.Join(dir, "none"), v.new); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of what is missing: %v", err)
		}
		if _, err := open(file, v.new); err == nil {
			t.Error("a file was opened as a directory")
		}
		if names, _ := os.ReadDir(dir); len(names) != 1 {
			t.Errorf("opening made something: %v", names)
		}
	})
}

func TestTheDirectoryItselfMayBeReachedThroughLinks(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		mkdirAll(t, filepath.Join(dir, "real"))
		symlink(t, "real", filepath.Join(dir, "link"))
		f := v.open(t, filepath.Join(dir, "link"))
		if err := f.MkdirAll("sub", 0o777); err != nil {
			t.Error(err)
		}
		if f.Root() != filepath.Join(dir, "link") {
			t.Errorf("Root() = %q", f.Root())
		}
	})
}

func TestCreateMakesParents(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		f, err := Create(dir)
		if err != nil {
			t.Fatal(err)
		}
		if f.Root() != dir {
			t.Errorf("Root() = %q, want %q", f.Root(), dir)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "x")} {
		if _, err := Create(bad); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("Create over a file = %v, want ENOTDIR", err)
		}
	}
}

func TestAfterClose(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "sub", "file"), "text")
		f := v.open(t, dir)
		r, err := f.OpenRegular("sub/file")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		sub, err := f.Chroot("sub")
		if err != nil {
			t.Fatal(err)
		}
		defer sub.(*FS).Close()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"MkdirAll": f.MkdirAll("x", 0o777), "Remove": f.Remove("sub/file"), "SyncDir": durable.SyncDir(f, ""),
		} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s after Close = %v, want fs.ErrClosed", what, err)
			}
		}
		if _, err := f.OpenRegular("sub/file"); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("OpenRegular after Close = %v, want fs.ErrClosed", err)
		}
		p := make([]byte, 4)
		if _, err := r.ReadAt(p, 0); err != nil || string(p) != "text" {
			t.Errorf("a file that was open: %q, %v", p, err)
		}
		if _, err := sub.Lstat("file"); err != nil {
			t.Errorf("a filesystem from Chroot: %v", err)
		}
	})
}

func TestErrorsNameTheFileRelativeToTheRoot(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a", "file"), "text")
		f := v.open(t, dir)
		_, oerr := f.OpenRegular("a/none")
		_, cerr := f.OpenFile("a/file", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		_, lerr := f.Lstat("a/none")
		var nerr error
		for _, nerr = range f.Names("b") {
		}
		r, err := f.Open("a/file")
		if err != nil {
			t.Fatal(err)
		}
		_, werr := r.Write([]byte("x"))
		r.Close()
		for _, c := range []struct {
			err  error
			want string
			is   error
		}{
			{oerr, "open a/none: no such file or directory", fs.ErrNotExist},
			{cerr, "open a/file: file exists", syscall.EEXIST},
			{lerr, "lstat a/none: no such file or directory", syscall.ENOENT},
			{nerr, "readdir b: no such file or directory", fs.ErrNotExist},
			{werr, "write a/file: bad file descriptor", syscall.EBADF},
			{r.Close(), "close a/file: " + bare(fs.ErrClosed).Error(), fs.ErrClosed},
			{f.Remove("a/none"), "remove a/none: no such file or directory", fs.ErrNotExist},
			{durable.SyncDir(f, "b"), "syncdir b: no such file or directory", fs.ErrNotExist},
			{f.MkdirAll("a/file/x", 0o777), "mkdir a/file/x: not a directory", syscall.ENOTDIR},
			{f.Rename("a/none", "x"), "rename a/none x: no such file or directory", fs.ErrNotExist},
		} {
			if !errors.Is(c.err, c.is) {
				t.Errorf("%v is not %v", c.err, c.is)
			}
			if c.err != nil && c.err.Error() != c.want {
				t.Errorf("error %q, want %q", c.err, c.want)
			}
		}
	})
}

func TestNothingMakesParentDirectories(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "file"), "text")
		f := v.open(t, dir)
		_, err := f.Create("no/file")
		_, terr := f.TempFile("no", "x")
		_, lerr := f.TryLock("no/lock", true)
		for what, err := range map[string]error{
			"Create": err, "TempFile": terr, "TryLock": lerr,
			"Rename": f.Rename("file", "no/file"), "Symlink": f.Symlink("x", "no/link"),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s in a missing directory = %v, want fs.ErrNotExist", what, err)
			}
		}
		wantEntries(t, dir, "file")
	})
}

func TestFlagsWithoutMeaningAreRefused(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "file"), "text")
		f := v.open(t, dir)
		for _, flag := range []int{os.O_TRUNC, os.O_WRONLY | os.O_EXCL, os.O_WRONLY | os.O_RDWR, 1 << 30} {
			if _, err := f.OpenFile("file", flag, 0o666); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("OpenFile with flags %#x = %v, want fs.ErrInvalid", flag, err)
			}
		}
		wantText(t, filepath.Join(dir, "file"), "text")
	})
}

func TestLocksOfTwoFilesystemsExcludeEachOther(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		a, b := v.open(t, dir), v.open(t, dir)
		unlock, err := a.TryLock("lock", true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.TryLock("lock", false); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("TryLock = %v, want ErrLocked", err)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
		unlock, err = b.TryLock("lock", false)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	})
}

func TestFileLock(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		f := v.open(t, t.TempDir())
		file, err := f.Create("lock")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := file.Lock(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.TryLock("lock", false); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("TryLock of a locked file = %v, want ErrLocked", err)
		}
		if err := file.Unlock(); err != nil {
			t.Fatal(err)
		}
		unlock, err := f.TryLock("lock", true)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	})
}
