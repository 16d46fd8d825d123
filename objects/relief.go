package objects

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"syscall"

	"fsk/objects/durable"

	"github.com/go-git/go-billy/v5"
)

// relief is a filesystem of which a call that found no descriptor left is made again as
// long as something that is held open can be given back: a program that is short of
// descriptors should rather read more slowly than fail.
type relief struct {
	billy.Filesystem
	shed func() bool // gives something back; false if there is nothing
}

// relieve returns a filesystem with the abilities of fs. It is a [durable.RegularOpener],
// a [durable.NameLister] and a [durable.DirSyncer] also if fs is not: it then does what
// package durable does for such ones.
func relieve(fs billy.Filesystem, shed func() bool) billy.Filesystem {
	r := &relief{fs, shed}
	if locker, ok := fs.(durable.Locker); ok {
		return &reliefLocker{r, locker}
	}
	return r
}

// reliefLocker is a relief of a filesystem that has locks. Others must not seem to.
type reliefLocker struct {
	*relief
	locker durable.Locker
}

// isOutOfFiles reports whether the process, or the system, has no descriptor left.
func isOutOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func again[T any](r *relief, call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if err == nil || !isOutOfFiles(err) || !r.shed() {
			return v, err
		}
	}
}

func (r *relief) do(call func() error) error {
	_, err := again(r, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (r *relief) OpenRegular(name string) (durable.RegularFile, error) {
	return again(r, func() (durable.RegularFile, error) { return durable.OpenRegular(r.Filesystem, name) })
}

func (r *relief) OpenFile(name string, flag int, perm os.FileMode) (billy.File, error) {
	return again(r, func() (billy.File, error) { return r.Filesystem.OpenFile(name, flag, perm) })
}

func (r *relief) Lstat(name string) (fs.FileInfo, error) {
	return again(r, func() (fs.FileInfo, error) { return r.Filesystem.Lstat(name) })
}

func (r *relief) MkdirAll(name string, perm os.FileMode) error {
	return r.do(func() error { return r.Filesystem.MkdirAll(name, perm) })
}

func (r *relief) Rename(from, to string) error {
	return r.do(func() error { return r.Filesystem.Rename(from, to) })
}

func (r *relief) Remove(name string) error {
	return r.do(func() error { return r.Filesystem.Remove(name) })
}

func (r *relief) SyncDir(dir string) error {
	return r.do(func() error { return durable.SyncDir(r.Filesystem, dir) })
}

// Names begins again as long as nothing was listed.
func (r *relief) Names(dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for more := true; more; {
			more = false
			begun := false
			for name, err := range durable.Names(r.Filesystem, dir) {
				if more = !begun && isOutOfFiles(err) && r.shed(); more {
					break
				}
				begun = true
				if !yield(name, err) {
					return
				}
			}
		}
	}
}

func (r *reliefLocker) TryLock(name string, exclusive bool) (func() error, error) {
	return again(r.relief, func() (func() error, error) { return r.locker.TryLock(name, exclusive) })
}

func (r *reliefLocker) TryQueue(name string, exclusive bool) (func() error, error) {
	queuer, ok := r.locker.(durable.Queuer)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return again(r.relief, func() (func() error, error) { return queuer.TryQueue(name, exclusive) })
}
