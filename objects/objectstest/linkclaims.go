package objectstest

import (
	"io/fs"
	"os"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

// linkClaims are for filesystems that promise to follow no link.
var linkClaims = []claim{
	{"a link is no regular file", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/file", []byte("text"))
		for name, target := range map[string]string{
			"inside": "dir/file", "dangling": "none", "itself": "itself", "directory": "dir", "absolute": "/", "out": "../..",
		} {
			link(t, fsys, target, name)
			_, err := durable.OpenRegular(fsys, name)
			wantError(t, "OpenRegular of the link "+name, err, durable.ErrNotRegular)
			_, err = fsys.Open(name)
			wantError(t, "Open of the link "+name, err, durable.ErrNotRegular)
			for _, flag := range []int{os.O_WRONLY, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_CREATE | os.O_TRUNC} {
				_, err = fsys.OpenFile(name, flag, 0o666)
				wantError(t, "OpenFile of the link "+name, err, durable.ErrNotRegular)
			}
			_, err = fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
			wantError(t, "exclusive creation over the link "+name, err, fs.ErrExist)
		}
		wantContent(t, fsys, "dir/file", []byte("text"))
		_, err := fsys.Lstat("none")
		wantError(t, "Lstat of the target of a dangling link", err, fs.ErrNotExist)
	}},
	{"a link among the directories is unsafe for every call", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "real/sub/file", []byte("text"))
		write(t, fsys, "new", nil)
		link(t, fsys, "real", "dir")
		unsafe := func(what string, err error) {
			t.Helper()
			wantError(t, what, err, durable.ErrUnsafePath)
		}
		for _, name := range []string{"dir/sub", "dir/sub/file", "dir/none"} {
			_, err := durable.OpenRegular(fsys, name)
			unsafe("OpenRegular", err)
			_, err = fsys.Open(name)
			unsafe("Open", err)
			_, err = fsys.Create(name)
			unsafe("Create", err)
			_, err = fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
			unsafe("exclusive creation", err)
			_, err = fsys.Lstat(name)
			unsafe("Lstat", err)
			_, err = fsys.Stat(name)
			unsafe("Stat", err)
			_, err = fsys.Readlink(name)
			unsafe("Readlink", err)
			unsafe("Remove", fsys.Remove(name))
			unsafe("Rename to it", fsys.Rename("new", name))
			unsafe("Rename from it", fsys.Rename(name, "moved"))
			unsafe("MkdirAll", fsys.MkdirAll(name, 0o777))
			unsafe("Symlink", fsys.Symlink("x", name))
		}
		for _, dir := range []string{"dir", "dir/sub"} {
			_, err := fsys.ReadDir(dir)
			unsafe("ReadDir", err)
			for _, err = range durable.Names(fsys, dir) {
			}
			unsafe("Names", err)
			_, err = fsys.Chroot(dir)
			unsafe("Chroot", err)
			_, err = fsys.TempFile(dir, "x")
			unsafe("TempFile", err)
			unsafe("MkdirAll", fsys.MkdirAll(dir, 0o777))
			if s, ok := fsys.(durable.DirSyncer); ok {
				unsafe("SyncDir", s.SyncDir(dir))
			}
			if l, ok := fsys.(durable.Locker); ok {
				_, err := l.TryLock(dir+"/lock", true)
				unsafe("TryLock", err)
			}
		}
		wantNames(t, fsys, "real", "sub")
		wantNames(t, fsys, "real/sub", "file")
		wantContent(t, fsys, "real/sub/file", []byte("text"))
	}},
	{"Lstat and Stat describe the link", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", []byte("text"))
		link(t, fsys, "file", "link")
		for _, stat := range []func(string) (fs.FileInfo, error){fsys.Lstat, fsys.Stat} {
			if info, err := stat("link"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("got %v, %v, want a link", info, err)
			}
		}
		if target, err := fsys.Readlink("link"); target != "file" || err != nil {
			t.Errorf("Readlink = %q, %v, want %q", target, err, "file")
		}
	}},
	{"Remove removes the link", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/file", []byte("text"))
		for _, target := range []string{"dir/file", "dir", "none"} {
			link(t, fsys, target, "link")
			if err := fsys.Remove("link"); err != nil {
				t.Errorf("Remove of a link to %q: %v", target, err)
			}
			_, err := fsys.Lstat("link")
			wantError(t, "Lstat of the removed link", err, fs.ErrNotExist)
		}
		wantContent(t, fsys, "dir/file", []byte("text"))
	}},
	{"Rename replaces the link", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/file", []byte("text"))
		for _, target := range []string{"dir/file", "dir", "none"} {
			write(t, fsys, "new", []byte("new"))
			link(t, fsys, target, "link")
			if err := fsys.Rename("new", "link"); err != nil {
				t.Fatalf("Rename over a link to %q: %v", target, err)
			}
			wantContent(t, fsys, "link", []byte("new"))
			if err := fsys.Remove("link"); err != nil {
				t.Fatal(err)
			}
		}
		wantContent(t, fsys, "dir/file", []byte("text"))
		wantNames(t, fsys, "dir", "file")
	}},
	{"Rename moves the link", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", []byte("text"))
		link(t, fsys, "file", "link")
		if err := fsys.Rename("link", "moved"); err != nil {
			t.Fatalf("Rename of a link: %v", err)
		}
		if target, err := fsys.Readlink("moved"); target != "file" || err != nil {
			t.Errorf("Readlink = %q, %v, want %q", target, err, "file")
		}
		wantContent(t, fsys, "file", []byte("text"))
	}},
	{"a link cannot be locked", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		write(t, fsys, "file", nil)
		link(t, fsys, "file", "lock")
		_, err := l.TryLock("lock", true)
		wantError(t, "TryLock of a link", err, durable.ErrNotRegular)
	}},
}

// link makes a link, or skips a test that makes no sense without.
func link(t *testing.T, fsys billy.Filesystem, target, name string) {
	t.Helper()
	if !durable.AbilitiesOf(fsys).Confined {
		t.Skip("the filesystem does not promise to follow no link")
	}
	if err := fsys.Symlink(target, name); err != nil {
		t.Skipf("no links can be made here: %v", err)
	}
}
