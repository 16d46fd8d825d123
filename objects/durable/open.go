package durable

import (
	"errors"
	"io/fs"
	"iter"
	"os"

	"github.com/go-git/go-billy/v5"
)

// SyncDir forces the names in a directory to the disk, if fs is able to.
func SyncDir(fs billy.Filesystem, dir string) error {
	if s, ok := fs.(DirSyncer); ok {
		return s.SyncDir(dir)
	}
	return nil
}

// OpenRegular opens a regular file for reading as [RegularOpener] says. On a
// filesystem without that ability it looks at every element of the path first and
// opens later: that finds what is there, but not what is swapped in between.
func OpenRegular(fsys billy.Filesystem, name string) (RegularFile, error) {
	if o, ok := fsys.(RegularOpener); ok {
		return o.OpenRegular(name)
	}
	info, err := lstat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, pathError("open", name, ErrNotRegular)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return &plainFile{File: f, size: info.Size()}, nil
}

type plainFile struct {
	billy.File
	size int64
}

func (f *plainFile) Size() int64 { return f.size }

// Stat describes the file, if the filesystem's own files can, and otherwise fails with
// [errors.ErrUnsupported].
func (f *plainFile) Stat() (fs.FileInfo, error) {
	if s, ok := f.File.(Stater); ok {
		return s.Stat()
	}
	return nil, errors.ErrUnsupported
}

// Describe describes an open file for [SameFile], or returns nil if it cannot.
func Describe(f RegularFile) fs.FileInfo {
	if s, ok := f.(Stater); ok {
		if info, err := s.Stat(); err == nil {
			return info
		}
	}
	return nil
}

// lstat describes the last element of name, and fails if there is a link before it.
// It goes from the top down: what is behind a link says nothing.
func lstat(fsys billy.Filesystem, name string) (fs.FileInfo, error) {
	for i, c := range name {
		if c != '/' {
			continue
		}
		info, err := fsys.Lstat(name[:i])
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return nil, pathError("open", name, ErrUnsafePath)
		}
	}
	return fsys.Lstat(name)
}

// listings bounds how often a listing that failed because an entry vanished is
// begun again.
const listings = 10

// Names yields the names in a directory as [NameLister] says. Without that ability
// the whole directory is in memory at once.
func Names(fsys billy.Filesystem, dir string) iter.Seq2[string, error] {
	if l, ok := fsys.(NameLister); ok {
		return l.Names(dir)
	}
	return func(yield func(string, error) bool) {
		infos, err := readDir(fsys, dir)
		if err != nil {
			yield("", err)
			return
		}
		for _, info := range infos {
			if !yield(info.Name(), nil) {
				return
			}
		}
	}
}

// readDir lists again when an entry vanished while it was looked at, which makes
// osfs give up the whole directory.
func readDir(fsys billy.Filesystem, dir string) (infos []fs.FileInfo, err error) {
	for range listings {
		infos, err = fsys.ReadDir(dir)
		if !errors.Is(err, fs.ErrNotExist) {
			return infos, err
		}
		if _, gone := fsys.Lstat(dir); gone != nil {
			return nil, err
		}
	}
	return infos, err
}

// SameFile reports whether two descriptions, either of which may be nil for an absent
// file, are of one file that was not replaced meanwhile. Where the filesystem does not
// tell files apart, those of one size count as one.
func SameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a.Size() != b.Size() {
		return false
	}
	if a.Sys() == nil && b.Sys() == nil {
		return true
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
}
