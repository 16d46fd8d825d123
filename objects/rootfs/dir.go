package rootfs

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"syscall"

	"fsk/objects/durable"
)

// namesAtOnce is how many names are read from a directory at a time.
const namesAtOnce = 1024

// errNotDir is what the system says of a file where a directory should be.
const errNotDir = syscall.ENOTDIR

// Names lists a directory without a look at its entries; see [durable.NameLister].
// The directory is opened when the iteration starts and closed when it ends.
func (f *FS) Names(dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		name, err := clean(dir)
		if err != nil {
			yield("", pathError("readdir", dir, err))
			return
		}
		d, err := f.b.openDir(name)
		if err != nil {
			yield("", pathError("readdir", dir, err))
			return
		}
		defer d.Close() // nothing was written, so there is nothing to lose
		for {
			names, err := d.Readdirnames(namesAtOnce)
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield("", pathError("readdir", dir, err))
				return
			}
		}
	}
}

// ReadDir describes the entries of a directory as Lstat does, in the order of
// their names. An entry that vanishes meanwhile is left out. The whole listing is
// in memory; see Names for one that is not.
func (f *FS) ReadDir(dir string) ([]fs.FileInfo, error) {
	var infos []fs.FileInfo
	for name, err := range f.Names(dir) {
		if err != nil {
			return nil, err
		}
		if dir != "" && dir != "." {
			name = dir + "/" + name
		}
		info, err := f.b.lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, pathError("lstat", name, err)
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return infos, nil
}

// MkdirAll makes a directory and those on the way to it that are missing, with the
// permissions perm before umask. It succeeds if the directory is there already.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error {
	dir, err := clean(name)
	if err != nil {
		return pathError("mkdir", name, err)
	}
	return pathError("mkdir", name, f.mkdirAll(dir, perm))
}

func (f *FS) mkdirAll(dir string, perm fs.FileMode) error {
	err := f.isDir(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if up := parent(dir); up != "." {
		if err := f.mkdirAll(up, perm); err != nil {
			return err
		}
	}
	err = f.b.mkdir(dir, perm)
	if errors.Is(err, fs.ErrExist) {
		return f.isDir(dir) // somebody else was faster
	}
	return err
}

func (f *FS) isDir(name string) error {
	info, err := f.b.lstat(name)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return durable.ErrUnsafePath
	}
	return errNotDir
}
