package objectstest

import (
	"io/fs"

	"github.com/go-git/go-billy/v5"
)

// faultBasic is the filesystem of a FaultFS, without the optional abilities.
type faultBasic struct {
	f     *FaultFS
	inner billy.Filesystem
}

func (b *faultBasic) open(op, name string, do func() (billy.File, error)) (billy.File, error) {
	file, err := open(b.f, op, name, do, billy.File.Close)
	if err != nil {
		return nil, err
	}
	return b.f.wrapFile(file, name), nil
}

func (b *faultBasic) Create(name string) (billy.File, error) {
	return b.open("create", name, func() (billy.File, error) { return b.inner.Create(name) })
}

func (b *faultBasic) Open(name string) (billy.File, error) {
	return b.open("open", name, func() (billy.File, error) { return b.inner.Open(name) })
}

func (b *faultBasic) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	return b.open("openfile", name, func() (billy.File, error) { return b.inner.OpenFile(name, flag, perm) })
}

func (b *faultBasic) TempFile(dir, prefix string) (billy.File, error) {
	file, err := open(b.f, "tempfile", b.Join(dir, prefix),
		func() (billy.File, error) { return b.inner.TempFile(dir, prefix) }, billy.File.Close)
	if err != nil {
		return nil, err
	}
	return b.f.wrapFile(file, file.Name()), nil
}

func (b *faultBasic) Stat(name string) (fs.FileInfo, error) {
	return get(b.f, "stat", name, func() (fs.FileInfo, error) { return b.inner.Stat(name) })
}

func (b *faultBasic) Lstat(name string) (fs.FileInfo, error) {
	return get(b.f, "lstat", name, func() (fs.FileInfo, error) { return b.inner.Lstat(name) })
}

func (b *faultBasic) ReadDir(name string) ([]fs.FileInfo, error) {
	return get(b.f, "readdir", name, func() ([]fs.FileInfo, error) { return b.inner.ReadDir(name) })
}

func (b *faultBasic) Readlink(name string) (string, error) {
	return get(b.f, "readlink", name, func() (string, error) { return b.inner.Readlink(name) })
}

func (b *faultBasic) Chroot(name string) (billy.Filesystem, error) {
	sub, err := get(b.f, "chroot", name, func() (billy.Filesystem, error) { return b.inner.Chroot(name) })
	if err != nil {
		return nil, err
	}
	return b.f.wrap(sub), nil
}

func (b *faultBasic) Rename(from, to string) error {
	err := b.f.call("rename", from+" "+to, func() error { return b.inner.Rename(from, to) })
	return linkFault(err, from, to)
}

func (b *faultBasic) Remove(name string) error {
	return b.f.call("remove", name, func() error { return b.inner.Remove(name) })
}

func (b *faultBasic) MkdirAll(name string, perm fs.FileMode) error {
	return b.f.call("mkdirall", name, func() error { return b.inner.MkdirAll(name, perm) })
}

func (b *faultBasic) Symlink(target, link string) error {
	return b.f.call("symlink", link, func() error { return b.inner.Symlink(target, link) })
}

func (b *faultBasic) Join(elem ...string) string { return b.inner.Join(elem...) }
func (b *faultBasic) Root() string               { return b.inner.Root() }

// Capabilities are those of the filesystem that does not fail.
func (b *faultBasic) Capabilities() billy.Capability { return billy.Capabilities(b.inner) }
