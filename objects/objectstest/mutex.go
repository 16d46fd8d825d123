package objectstest

import (
	"io/fs"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
)

// NewMemory returns an empty filesystem in memory that may be used by several
// goroutines at once: memfs behind [Mutexed]. It has no optional ability. Times of
// files are always now, locks do nothing, and renaming a file also moves every
// path that begins with its name: keep to names of one length in a directory.
func NewMemory() billy.Filesystem { return Mutexed(memfs.New()) }

// Mutexed lets one call at a time through to a filesystem and its files, for one
// that is not safe for concurrent use. The result has none of the optional
// abilities, whatever inner has. Lock and Unlock of files do not take the mutex,
// because Lock may wait.
func Mutexed(inner billy.Filesystem) billy.Filesystem {
	return &mutexFS{mu: new(sync.Mutex), inner: inner}
}

type mutexFS struct {
	mu    *sync.Mutex // shared with files and what Chroot returns
	inner billy.Filesystem
}

// locked calls do under the mutex.
func locked[T any](mu *sync.Mutex, do func() (T, error)) (T, error) {
	mu.Lock()
	defer mu.Unlock()
	return do()
}

// file puts a file that was opened behind the mutex of its filesystem.
func (m *mutexFS) file(open func() (billy.File, error)) (billy.File, error) {
	f, err := locked(m.mu, open)
	if err != nil {
		return nil, err
	}
	return &mutexFile{File: f, mu: m.mu}, nil
}

func (m *mutexFS) Create(name string) (billy.File, error) {
	return m.file(func() (billy.File, error) { return m.inner.Create(name) })
}

func (m *mutexFS) Open(name string) (billy.File, error) {
	return m.file(func() (billy.File, error) { return m.inner.Open(name) })
}

func (m *mutexFS) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	return m.file(func() (billy.File, error) { return m.inner.OpenFile(name, flag, perm) })
}

func (m *mutexFS) TempFile(dir, prefix string) (billy.File, error) {
	return m.file(func() (billy.File, error) { return m.inner.TempFile(dir, prefix) })
}

func (m *mutexFS) Stat(name string) (fs.FileInfo, error) {
	return locked(m.mu, func() (fs.FileInfo, error) { return m.inner.Stat(name) })
}

func (m *mutexFS) Lstat(name string) (fs.FileInfo, error) {
	return locked(m.mu, func() (fs.FileInfo, error) { return m.inner.Lstat(name) })
}

func (m *mutexFS) ReadDir(name string) ([]fs.FileInfo, error) {
	return locked(m.mu, func() ([]fs.FileInfo, error) { return m.inner.ReadDir(name) })
}

func (m *mutexFS) Readlink(name string) (string, error) {
	return locked(m.mu, func() (string, error) { return m.inner.Readlink(name) })
}

func (m *mutexFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inner.Rename(from, to)
}

func (m *mutexFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inner.Remove(name)
}

func (m *mutexFS) MkdirAll(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inner.MkdirAll(name, perm)
}

func (m *mutexFS) Symlink(target, link string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inner.Symlink(target, link)
}

func (m *mutexFS) Chroot(name string) (billy.Filesystem, error) {
	sub, err := locked(m.mu, func() (billy.Filesystem, error) { return m.inner.Chroot(name) })
	if err != nil {
		return nil, err
	}
	return &mutexFS{mu: m.mu, inner: sub}, nil
}

func (m *mutexFS) Join(elem ...string) string { return m.inner.Join(elem...) }
func (m *mutexFS) Root() string               { return m.inner.Root() }

// Capabilities are those of the filesystem behind the mutex.
func (m *mutexFS) Capabilities() billy.Capability { return billy.Capabilities(m.inner) }

// mutexFile takes Name, Lock and Unlock from the file as they are.
type mutexFile struct {
	billy.File
	mu *sync.Mutex
}

func (f *mutexFile) Read(p []byte) (int, error) {
	return locked(f.mu, func() (int, error) { return f.File.Read(p) })
}

func (f *mutexFile) ReadAt(p []byte, off int64) (int, error) {
	return locked(f.mu, func() (int, error) { return f.File.ReadAt(p, off) })
}

func (f *mutexFile) Write(p []byte) (int, error) {
	return locked(f.mu, func() (int, error) { return f.File.Write(p) })
}

func (f *mutexFile) Seek(offset int64, whence int) (int64, error) {
	return locked(f.mu, func() (int64, error) { return f.File.Seek(offset, whence) })
}

func (f *mutexFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.File.Truncate(size)
}

func (f *mutexFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.File.Close()
}
