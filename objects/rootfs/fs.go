package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

var (
	_ billy.Filesystem      = (*FS)(nil)
	_ durable.RegularOpener = (*FS)(nil)
	_ durable.NameLister    = (*FS)(nil)
	_ durable.Locker        = (*FS)(nil)
	_ durable.Queuer        = (*FS)(nil)
)

// An FS is a filesystem confined to a directory. All its methods may be called by
// several goroutines at once. It holds the directory open: when the directory is
// renamed, the FS stays with it.
type FS struct {
	dir string
	b   backend
}

// Open returns the filesystem below a directory, which must exist. Links on the
// way to it are followed. Close it after use.
func Open(dir string) (*FS, error) { return open(dir, newBackend) }

// Create is [Open] for a directory that may be absent: it makes it and its missing
// parents, with mode 0777 before umask, and syncs the parent of each directory
// that it made, so that they survive a power loss.
func Create(dir string) (*FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := makeDurably(abs); err != nil {
		return nil, err
	}
	return Open(abs)
}

func open(dir string, newBackend func(dir string) (backend, error)) (*FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := newBackend(abs)
	if err != nil {
		return nil, pathError("open", abs, err)
	}
	return &FS{dir: abs, b: b}, nil
}

// makeDurably makes a directory and its missing parents.
func makeDurably(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return pathError("mkdir", dir, errNotDir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	up := filepath.Dir(dir)
	if up != dir {
		if err := makeDurably(up); err != nil {
			return err
		}
	}
	// Another process may have made it meanwhile without having synced it yet, so
	// that is no reason to leave out the sync.
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(up)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

// Close gives back the directory; every later call fails with [fs.ErrClosed].
// Files that are open, and filesystems from Chroot, stay usable.
func (f *FS) Close() error { return pathError("close", ".", f.b.close()) }

// Root returns the absolute path of the directory, as it was given to [Open].
func (f *FS) Root() string { return f.dir }

// Join joins elements to a name, with slashes on every system.
func (f *FS) Join(elem ...string) string { return path.Join(elem...) }

// Chroot returns the filesystem of a directory, which must exist and be reached
// without a link. It is an [*FS]. Its Close may be left out: its directory is then
// given back when nothing refers to it any more.
func (f *FS) Chroot(name string) (billy.Filesystem, error) {
	dir, err := clean(name)
	if err != nil {
		return nil, pathError("chroot", name, err)
	}
	b, err := f.b.sub(dir)
	if err != nil {
		return nil, pathError("chroot", name, err)
	}
	return &FS{dir: filepath.Join(f.dir, filepath.FromSlash(dir)), b: b}, nil
}

// Stat is Lstat: no link is followed.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name) }

// Lstat describes what a name stands for, without following a link or opening
// anything.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name) }

func (f *FS) stat(op, name string) (fs.FileInfo, error) {
	entry, err := clean(name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	info, err := f.b.lstat(entry)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return info, nil
}

// Rename moves a file, directory or link, and replaces what has the new name: a
// link too, never what a link points to. Both names are the old or the new state,
// also for somebody who looks meanwhile. It makes no directory.
func (f *FS) Rename(from, to string) error {
	old, err := cleanEntry(from)
	if err != nil {
		return linkError("rename", from, to, err)
	}
	name, err := cleanEntry(to)
	if err != nil {
		return linkError("rename", from, to, err)
	}
	return linkError("rename", from, to, f.b.rename(old, name))
}

// Remove removes a file, a link or an empty directory.
func (f *FS) Remove(name string) error {
	entry, err := cleanEntry(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	return pathError("remove", name, f.b.remove(entry))
}

// Symlink makes a link with any target. The target is only text: no method of an
// FS follows it. It makes no directory.
func (f *FS) Symlink(target, link string) error {
	name, err := cleanEntry(link)
	if err != nil {
		return linkError("symlink", target, link, err)
	}
	return linkError("symlink", target, link, f.b.symlink(target, name))
}

// Readlink returns the target of a link.
func (f *FS) Readlink(link string) (string, error) {
	name, err := cleanEntry(link)
	if err != nil {
		return "", pathError("readlink", link, err)
	}
	target, err := f.b.readlink(name)
	return target, pathError("readlink", link, err)
}
