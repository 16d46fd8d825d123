package rootfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fsk/objects/durable"
)

// A10: a link in the place of a file.
func TestLinkInThePlaceOfAFile(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir, outside := t.TempDir(), t.TempDir()
		write(t, filepath.Join(dir, "ab", "real"), "inside")
		write(t, filepath.Join(outside, "secret"), "secret")
		f := v.open(t, dir)
		for name, target := range map[string]string{
			"outside":  filepath.Join(outside, "secret"),
			"relative": "../ab/real",
			"sibling":  "real",
			"itself":   "itself",
			"dangling": filepath.Join(outside, "none"),
			"dir":      outside,
			"proc":     "/proc/self/exe",
		} {
			symlink(t, target, filepath.Join(dir, "ab", name))
			wantNotRegular(t, f, "ab/"+name)
			if _, err := f.OpenFile("ab/"+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); !errors.Is(err, fs.ErrExist) {
				t.Errorf("exclusive creation over %q = %v, want fs.ErrExist", name, err)
			}
			if err := f.Remove("ab/" + name); err != nil {
				t.Errorf("Remove(%q): %v", name, err)
			}
		}
		wantEntries(t, filepath.Join(dir, "ab"), "real")
		wantEntries(t, outside, "secret")
		wantText(t, filepath.Join(outside, "secret"), "secret")
	})
}

// A11 and A43: a link in the place of a directory, objects/ab or tmp.
func TestLinkInThePlaceOfADirectory(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir, outside := t.TempDir(), t.TempDir()
		write(t, filepath.Join(outside, "victim"), "victim")
		write(t, filepath.Join(outside, "sub", "victim"), "victim")
		write(t, filepath.Join(dir, "own"), "own")
		symlink(t, outside, filepath.Join(dir, "ab"))
		f := v.open(t, dir)

		unsafe := map[string]error{
			"Remove":          f.Remove("ab/victim"),
			"Remove deeper":   f.Remove("ab/sub/victim"),
			"Rename into":     f.Rename("own", "ab/own"),
			"Rename over":     f.Rename("own", "ab/victim"),
			"Rename out":      f.Rename("ab/victim", "stolen"),
			"MkdirAll":        f.MkdirAll("ab", 0o777),
			"MkdirAll below":  f.MkdirAll("ab/new", 0o777),
			"MkdirAll deeper": f.MkdirAll("ab/sub/new", 0o777),
			"Symlink":         f.Symlink("x", "ab/link"),
			"SyncDir":         durable.SyncDir(f, "ab"),
		}
		_, unsafe["OpenRegular"] = f.OpenRegular("ab/victim")
		_, unsafe["OpenRegular deeper"] = f.OpenRegular("ab/sub/victim")
		_, unsafe["Create"] = f.Create("ab/victim")
		_, unsafe["exclusive creation"] = f.OpenFile("ab/new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
		_, unsafe["TempFile"] = f.TempFile("ab", "x")
		_, unsafe["TryLock"] = f.TryLock("ab/victim", true)
		_, unsafe["Lstat"] = f.Lstat("ab/victim")
		_, unsafe["ReadDir"] = f.ReadDir("ab")
		_, unsafe["Chroot"] = f.Chroot("ab")
		for _, unsafe["Names"] = range f.Names("ab") {
		}
		for what, err := range unsafe {
			if !errors.Is(err, durable.ErrUnsafePath) {
				t.Errorf("%s = %v, want ErrUnsafePath", what, err)
			}
		}
		wantEntries(t, outside, "sub", "victim")
		wantEntries(t, filepath.Join(outside, "sub"), "victim")
		wantText(t, filepath.Join(outside, "victim"), "victim")
		wantEntries(t, dir, "ab", "own")
	})
}

// A13: directories stand in for what is not a regular file on every system.
func TestDirectoryInThePlaceOfAFile(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir := t.TempDir()
		mkdirAll(t, filepath.Join(dir, "ab", "cd"))
		f := v.open(t, dir)
		wantNotRegular(t, f, "ab")
		wantNotRegular(t, f, "ab/cd")
	})
}

// A15: making a file never touches one that is there, whoever else has a link to it.
func TestCreationAndRenameLeaveHardLinksAlone(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir, outside := t.TempDir(), t.TempDir()
		victim := filepath.Join(outside, "victim")
		write(t, victim, "victim")
		if err := os.Link(victim, filepath.Join(dir, "object")); err != nil {
			t.Skipf("no hard links can be made here: %v", err)
		}
		before, err := os.Stat(victim)
		if err != nil {
			t.Fatal(err)
		}
		f := v.open(t, dir)
		for _, flag := range []int{0, os.O_TRUNC, os.O_APPEND} {
			if _, err := f.OpenFile("object", os.O_RDWR|os.O_CREATE|os.O_EXCL|flag, 0o777); !errors.Is(err, fs.ErrExist) {
				t.Errorf("exclusive creation with %#x = %v, want fs.ErrExist", flag, err)
			}
		}
		n, err := f.OpenFile("new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(n, "new")
		n.Close()
		if err := f.Rename("new", "object"); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(victim)
		if err != nil {
			t.Fatal(err)
		}
		if after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() {
			t.Errorf("the victim was %v, %v and is %v, %v", before.Mode(), before.ModTime(), after.Mode(), after.ModTime())
		}
		wantText(t, victim, "victim")
		wantText(t, filepath.Join(dir, "object"), "new")
	})
}

// A18: a regular file and links to secrets, inside and outside, take turns under one
// name, and so do a directory and a link to one outside, while others read.
func TestSwappedLinksAreNeverFollowed(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		dir, outside := t.TempDir(), t.TempDir()
		write(t, filepath.Join(outside, "file"), "secret")
		write(t, filepath.Join(dir, "ab", "other"), "secret")
		f := v.open(t, dir)

		var swapper, readers sync.WaitGroup
		stop := make(chan struct{})
		swapper.Go(func() { swap(t, dir, outside, stop) })
		deadline := time.Now().Add(time.Second)
		if testing.Short() {
			deadline = time.Now().Add(100 * time.Millisecond)
		}
		for _, name := range []string{"ab/file", "cd/file"} {
			readers.Go(func() {
				genuine := 0
				for time.Now().Before(deadline) && !t.Failed() {
					if readSwapped(t, f, name) {
						genuine++
					}
				}
				if genuine == 0 {
					t.Errorf("%s was never read: the test shows nothing", name)
				}
			})
		}
		readers.Wait()
		close(stop)
		swapper.Wait()
		wantText(t, filepath.Join(outside, "file"), "secret")
		wantEntries(t, outside, "file")
	})
}

// swap puts something else under dir/ab/file and dir/cd again and again.
func swap(t *testing.T, dir, outside string, stop <-chan struct{}) {
	file, sub := filepath.Join(dir, "ab", "file"), filepath.Join(dir, "cd")
	tmp := filepath.Join(dir, "ab", "tmp0")
	steps := []func() error{
		func() error { return os.WriteFile(tmp, []byte("public"), 0o666) },
		func() error { return os.Rename(tmp, file) },
		func() error { return os.Mkdir(sub, 0o777) },
		func() error { return os.WriteFile(filepath.Join(sub, "file"), []byte("public"), 0o666) },
		func() error { return os.Symlink(filepath.Join(outside, "file"), tmp) },
		func() error { return os.Rename(tmp, file) },
		func() error { return os.RemoveAll(sub) },
		func() error { return os.WriteFile(tmp, []byte("public"), 0o666) },
		func() error { return os.Rename(tmp, file) },
		func() error { return os.Symlink("other", tmp) },
		func() error { return os.Rename(tmp, file) },
		func() error { return os.Symlink(outside, sub) },
		func() error { return os.Remove(sub) },
	}
	for {
		for _, step := range steps {
			select {
			case <-stop:
				return
			default:
			}
			if err := step(); err != nil {
				t.Errorf("swapping: %v", err)
				return
			}
		}
	}
}

// readSwapped reports whether it could read; every failure must have a good reason.
func readSwapped(t *testing.T, f *FS, name string) bool {
	r, err := f.OpenRegular(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrNotRegular) && !errors.Is(err, durable.ErrUnsafePath) {
			t.Errorf("OpenRegular(%q): %v", name, err)
		}
		return false
	}
	defer r.Close()
	p := make([]byte, 6)
	n, err := r.ReadAt(p, 0)
	if text := string(p[:n]); err == nil && text != "public" {
		t.Errorf("%s: read %q", name, text)
	}
	return err == nil
}
