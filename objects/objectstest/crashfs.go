package objectstest

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

var (
	errCrashNotEmpty = errors.New("directory not empty")
	errCrashOutside  = errors.New("name leads out of the filesystem")
	errCrashNoLinks  = errors.New("there are no links here")
)

// A crashView is a CrashFS, or a directory of one, as a filesystem.
type crashView struct {
	c    *CrashFS
	root *crashNode
}

var _ interface {
	billy.Filesystem
	durable.RegularOpener
	durable.NameLister
	durable.DirSyncer
	durable.Locker
} = (*crashView)(nil)

// find returns a node, or the error of not finding it. mu is held.
func (v *crashView) find(name string) (*crashNode, error) {
	name = path.Clean("./" + name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return nil, errCrashOutside
	}
	n := v.root
	if name == "." {
		return n, nil
	}
	for element := range strings.SplitSeq(name, "/") {
		if !n.isDir() {
			return nil, syscall.ENOTDIR
		}
		if n = n.names[element]; n == nil {
			return nil, fs.ErrNotExist
		}
	}
	return n, nil
}

// parent returns the directory of a name, and its last element. mu is held.
func (v *crashView) parent(name string) (*crashNode, string, error) {
	dir, base := path.Split(path.Clean("./" + name))
	n, err := v.find(dir)
	if err == nil && !n.isDir() {
		err = syscall.ENOTDIR
	}
	if err == nil && (base == "." || base == "..") {
		err = errCrashOutside
	}
	return n, base, err
}

// change is the moment of a change. mu is held.
func (c *CrashFS) change() int {
	c.now++
	return c.now
}

// changeNames is the moment of a change of names. mu is held.
func (c *CrashFS) changeNames() int {
	at := c.change()
	c.namesAt = append(c.namesAt, at)
	return at
}

// at calls do under the mutex, and adds operation and name to its error.
func at[T any](v *crashView, op, name string, do func() (T, error)) (T, error) {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	value, err := do()
	if err != nil {
		err = &fs.PathError{Op: op, Path: name, Err: err}
	}
	return value, err
}

func (v *crashView) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	return at(v, "open", name, func() (billy.File, error) {
		dir, base, err := v.parent(name)
		if err != nil {
			return nil, err
		}
		n := dir.names[base]
		switch {
		case n == nil && flag&os.O_CREATE == 0:
			return nil, fs.ErrNotExist
		case n == nil:
			n = &crashNode{mode: perm.Perm(), mod: time.Now()}
			dir.set(v.c.changeNames(), base, n)
		case flag&os.O_EXCL != 0:
			return nil, fs.ErrExist
		case n.isDir():
			return nil, durable.ErrNotRegular
		case flag&os.O_TRUNC != 0:
			n.truncate(v.c.change(), 0)
		}
		return &crashFile{c: v.c, n: n, name: name, size: int64(len(n.data)), flag: flag}, nil
	})
}

func (v *crashView) Create(name string) (billy.File, error) {
	return v.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

func (v *crashView) Open(name string) (billy.File, error) {
	return v.OpenFile(name, os.O_RDONLY, 0)
}

func (v *crashView) OpenRegular(name string) (durable.RegularFile, error) {
	f, err := v.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return f.(*crashFile), nil
}

func (v *crashView) TempFile(dir, prefix string) (billy.File, error) {
	for i := 0; ; i++ {
		f, err := v.OpenFile(path.Join(dir, fmt.Sprint(prefix, i)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

func (v *crashView) Lstat(name string) (fs.FileInfo, error) {
	return at(v, "lstat", name, func() (fs.FileInfo, error) {
		n, err := v.find(name)
		if err != nil {
			return nil, err
		}
		return n.info(path.Base(name)), nil
	})
}

func (v *crashView) Stat(name string) (fs.FileInfo, error) { return v.Lstat(name) }

func (v *crashView) ReadDir(name string) ([]fs.FileInfo, error) {
	return at(v, "readdir", name, func() (infos []fs.FileInfo, err error) {
		n, err := v.find(name)
		if err == nil && !n.isDir() {
			err = syscall.ENOTDIR
		}
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(n.names)) {
			infos = append(infos, n.names[name].info(name))
		}
		return infos, nil
	})
}

func (v *crashView) Names(dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		infos, err := v.ReadDir(dir)
		for _, info := range infos {
			if !yield(info.Name(), nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

func (v *crashView) MkdirAll(name string, _ fs.FileMode) error {
	_, err := at(v, "mkdir", name, func() (none struct{}, err error) {
		n, name := v.root, path.Clean("./"+name)
		if name == "." {
			return none, nil
		}
		for element := range strings.SplitSeq(name, "/") {
			next := n.names[element]
			switch {
			case element == "..":
				return none, errCrashOutside
			case next == nil:
				next = newCrashDir()
				n.set(v.c.changeNames(), element, next)
			case !next.isDir():
				return none, syscall.ENOTDIR
			}
			n = next
		}
		return none, nil
	})
	return err
}

func (v *crashView) Remove(name string) error {
	_, err := at(v, "remove", name, func() (none struct{}, err error) {
		dir, base, err := v.parent(name)
		if err != nil {
			return none, err
		}
		switch n := dir.names[base]; {
		case n == nil:
			return none, fs.ErrNotExist
		case len(n.names) > 0:
			return none, errCrashNotEmpty
		}
		dir.set(v.c.changeNames(), base, nil)
		return none, nil
	})
	return err
}

func (v *crashView) Rename(from, to string) error {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	err := v.rename(from, to)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (v *crashView) rename(from, to string) error {
	oldDir, oldBase, err := v.parent(from)
	if err != nil {
		return err
	}
	newDir, newBase, err := v.parent(to)
	if err != nil {
		return err
	}
	moved, replaced := oldDir.names[oldBase], newDir.names[newBase]
	switch {
	case moved == nil:
		return fs.ErrNotExist
	case moved == replaced:
		return nil
	case replaced != nil && replaced.isDir() != moved.isDir():
		return syscall.EISDIR
	case replaced != nil && len(replaced.names) > 0:
		return errCrashNotEmpty
	}
	at := v.c.changeNames()
	newDir.set(at, newBase, moved)
	oldDir.set(at, oldBase, nil)
	return nil
}

func (v *crashView) SyncDir(dir string) error {
	_, err := at(v, "sync", dir, func() (none struct{}, err error) {
		n, err := v.find(dir)
		if err == nil && !n.isDir() {
			err = syscall.ENOTDIR
		}
		if err != nil {
			return none, err
		}
		n.sync(v.c.change())
		return none, nil
	})
	return err
}

func (v *crashView) TryLock(name string, exclusive bool) (func() error, error) {
	f, err := v.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	n := f.(*crashFile).n
	return at(v, "lock", name, func() (func() error, error) {
		if n.locked || exclusive && n.shared > 0 {
			return nil, durable.ErrLocked
		}
		if exclusive {
			n.locked = true
		} else {
			n.shared++
		}
		return func() error {
			v.c.mu.Lock()
			defer v.c.mu.Unlock()
			if exclusive {
				n.locked = false
			} else {
				n.shared--
			}
			return nil
		}, nil
	})
}

func (v *crashView) Chroot(name string) (billy.Filesystem, error) {
	return at(v, "chroot", name, func() (billy.Filesystem, error) {
		n, err := v.find(name)
		if err != nil {
			return nil, err
		}
		if !n.isDir() {
			return nil, syscall.ENOTDIR
		}
		return &crashView{c: v.c, root: n}, nil
	})
}

func (v *crashView) Symlink(_, link string) error {
	return &fs.PathError{Op: "symlink", Path: link, Err: errCrashNoLinks}
}

func (v *crashView) Readlink(link string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: link, Err: errCrashNoLinks}
}

func (v *crashView) Join(elem ...string) string { return path.Join(elem...) }
func (v *crashView) Root() string               { return "/" }
