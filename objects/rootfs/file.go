package rootfs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

// OpenRegular opens a regular file for reading; see [durable.RegularOpener]. The
// file must be closed: nothing else gives its descriptor back. It is also a
// [durable.Syncer].
func (f *FS) OpenRegular(name string) (durable.RegularFile, error) {
	entry, err := clean(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	r, err := f.b.openRegular(entry)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return r, nil
}

// Open opens a regular file for reading.
func (f *FS) Open(name string) (billy.File, error) { return f.OpenFile(name, os.O_RDONLY, 0) }

// Create opens a regular file for reading and writing, makes it with mode 0666
// before umask if it is absent, and empties it if it is not.
func (f *FS) Create(name string) (billy.File, error) {
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// OpenFile opens a regular file with flags of package os. A file that it makes has
// the permissions perm before umask. The file is a [durable.Syncer].
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	entry, err := cleanEntry(name)
	if err == nil {
		err = checkFlags(flag)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	of, err := f.b.openFile(entry, flag, perm.Perm())
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &file{f: of, name: name}, nil
}

// checkFlags refuses combinations that have no meaning, or another one on each system.
func checkFlags(flag int) error {
	const known = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREATE | os.O_EXCL | os.O_SYNC | os.O_TRUNC
	switch {
	case flag&^known != 0,
		flag&os.O_WRONLY != 0 && flag&os.O_RDWR != 0,
		flag&os.O_EXCL != 0 && flag&os.O_CREATE == 0,
		flag&os.O_TRUNC != 0 && flag&(os.O_WRONLY|os.O_RDWR) == 0:
		return fs.ErrInvalid
	}
	return nil
}

// TempFile makes a file with a new name in a directory, the root if dir is empty:
// the prefix and 32 random hexadecimal digits. It is open for reading and writing
// and has mode 0600.
func (f *FS) TempFile(dir, prefix string) (billy.File, error) {
	var random [16]byte
	rand.Read(random[:]) // never fails: it ends the program instead
	name := prefix + hex.EncodeToString(random[:])
	if dir != "" && dir != "." {
		name = dir + "/" + name
	}
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

var (
	_ billy.File          = (*file)(nil)
	_ durable.Syncer      = (*file)(nil)
	_ durable.RegularFile = (*osRegular)(nil)
	_ durable.Syncer      = (*osRegular)(nil)
	_ durable.Stater      = (*osRegular)(nil)
)

// A file is an os.File less what would lead out of the confinement or is not
// offered, with errors that name the file as the caller does.
type file struct {
	f    *os.File
	name string
}

func (f *file) Name() string { return f.name }

func (f *file) Read(p []byte) (int, error) {
	n, err := f.f.Read(p)
	return n, pathError("read", f.name, err)
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(p, off)
	return n, pathError("read", f.name, err)
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	return n, pathError("write", f.name, err)
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	n, err := f.f.Seek(offset, whence)
	return n, pathError("seek", f.name, err)
}

func (f *file) Truncate(size int64) error { return pathError("truncate", f.name, f.f.Truncate(size)) }
func (f *file) Sync() error               { return pathError("sync", f.name, f.f.Sync()) }
func (f *file) Close() error              { return pathError("close", f.name, f.f.Close()) }

// Lock waits until it has the file for itself among all that lock it.
func (f *file) Lock() error { return pathError("lock", f.name, lock(f.f, true, true)) }

// Unlock gives the lock back, as Close does.
func (f *file) Unlock() error { return pathError("unlock", f.name, unlock(f.f)) }

// osRegular is a regular file on an os.File.
type osRegular struct {
	f    *os.File
	size int64
	name string
}

func (r *osRegular) Size() int64  { return r.size }
func (r *osRegular) Sync() error  { return pathError("sync", r.name, r.f.Sync()) }
func (r *osRegular) Close() error { return pathError("close", r.name, r.f.Close()) }

// Stat describes the open file, whatever has its name now.
func (r *osRegular) Stat() (fs.FileInfo, error) {
	info, err := r.f.Stat()
	return info, pathError("stat", r.name, err)
}

func (r *osRegular) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.f.ReadAt(p, off)
	return n, pathError("read", r.name, err)
}

// TryLock takes a lock on a file; see [durable.Locker]. The lock belongs to the
// opening of the file that the call makes, not to the process. Where the file is
// there but cannot be written, it is enough that it can be read.
func (f *FS) TryLock(name string, exclusive bool) (release func() error, err error) {
	entry, err := cleanEntry(name)
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	of, err := f.b.openFile(entry, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil && notWritable(err) {
		if readable, rerr := f.b.openFile(entry, os.O_RDONLY, 0); rerr == nil {
			of, err = readable, nil
		}
	}
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	if err := lock(of, exclusive, false); err != nil {
		of.Close() // only the lock could have been lost, and there is none
		return nil, pathError("lock", name, err)
	}
	return func() error { return pathError("unlock", name, of.Close()) }, nil
}

// TryQueue enters the turnstile of the lock on a file; see [durable.Queuer]. It is a
// lock on the directory of the file, which is there in any case and which nothing else
// locks. Where the system does not lock directories, it fails.
func (f *FS) TryQueue(name string, exclusive bool) (leave func() error, err error) {
	entry, err := cleanEntry(name)
	if err != nil {
		return nil, pathError("queue", name, err)
	}
	dir, err := f.b.openDir(parent(entry))
	if err != nil {
		return nil, pathError("queue", name, err)
	}
	if err := lock(dir, exclusive, false); err != nil {
		dir.Close()
		return nil, pathError("queue", name, err)
	}
	return func() error { return pathError("leave", name, dir.Close()) }, nil
}

// notWritable reports whether it makes sense to try to open a file for reading only.
func notWritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnly)
}
