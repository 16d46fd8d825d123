package rootfs

import (
	"io/fs"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"fsk/objects/durable"
)

// kernel is the backend in which Linux does the confinement: every name is resolved
// by one openat2 that follows no link at all, or by a call on the descriptor of a
// directory that was opened so.
type kernel struct {
	mu      sync.RWMutex // held for reading while root is in use: its number must not be reused meanwhile
	root    int          // -1 once closed
	cleanup runtime.Cleanup
}

func newBackend(dir string) (backend, error) {
	k, err := newKernel(dir)
	// ENOSYS: a kernel before 5.6, or a sandbox that imitates one. EPERM: a seccomp
	// filter that is older than the call. Opening the directory itself by openat2
	// has no other way to fail with these.
	if err == unix.ENOSYS || err == unix.EPERM {
		return newPortable(dir)
	}
	return k, err
}

func newKernel(dir string) (backend, error) {
	root, err := retry(func() (int, error) {
		return unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(root)
	return subKernel(root, ".")
}

// subKernel opens a directory below an open one as a backend of its own.
func subKernel(dir int, name string) (backend, error) {
	fd, err := openPath(dir, name)
	if err != nil {
		return nil, err
	}
	k := &kernel{root: fd}
	k.cleanup = runtime.AddCleanup(k, func(fd int) { unix.Close(fd) }, fd)
	return k, nil
}

func (k *kernel) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.root < 0 {
		return fs.ErrClosed
	}
	k.cleanup.Stop()
	fd := k.root
	k.root = -1
	return unix.Close(fd)
}

// acquire keeps the root open until release.
func (k *kernel) acquire() error {
	k.mu.RLock()
	if k.root < 0 {
		k.mu.RUnlock()
		return fs.ErrClosed
	}
	return nil
}

func (k *kernel) release() { k.mu.RUnlock() }

func (k *kernel) openRegular(name string) (durable.RegularFile, error) {
	fd, size, err := k.open(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return &regular{fd: fd, size: size, name: name}, nil
}

func (k *kernel) openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	fd, _, err := k.open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// open opens a regular file and returns its size.
func (k *kernel) open(name string, flag int, perm fs.FileMode) (fd int, size int64, err error) {
	if err := k.acquire(); err != nil {
		return -1, 0, err
	}
	defer k.release()
	var mode fs.FileMode
	if flag&os.O_CREATE != 0 {
		mode = perm // openat2 wants 0 where nothing can be made
	}
	if flag&os.O_EXCL != 0 {
		// A file that was made just now is a regular one; there is nothing to ask.
		fd, err = openat2(k.root, name, flag, mode)
		if err != nil {
			err = k.explain(name, err)
		}
		return fd, 0, err
	}
	fd, err = openat2(k.root, name, flag|openSafely, mode)
	if err != nil {
		return -1, 0, k.explain(name, err)
	}
	st, err := retry(func() (st unix.Stat_t, err error) { return st, unix.Fstat(fd, &st) })
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = durable.ErrNotRegular
	}
	if err != nil {
		unix.Close(fd) // nothing was written
		return -1, 0, err
	}
	return fd, st.Size, nil
}

// explain turns an error of opening a file into one that tells what is in the way.
// It is only as good as the moment: what was in the way may be gone by now.
func (k *kernel) explain(name string, err error) error {
	switch err {
	case unix.ENOENT, unix.EEXIST:
		return err
	case unix.ELOOP:
		if up := parent(name); up != "." {
			fd, derr := openPath(k.root, up)
			if derr != nil {
				return derr // ErrUnsafePath, if the link is still there
			}
			unix.Close(fd)
		}
		return durable.ErrNotRegular
	case unix.ENXIO: // a socket, a FIFO that nobody reads, a device without a driver
		return durable.ErrNotRegular
	}
	// Directories, devices and FIFOs fail in many ways: EISDIR, EACCES on a disk
	// that is mounted without devices, EBUSY. What they are says more.
	if info, lerr := lstatAt(k.root, name); lerr == nil && !info.Mode().IsRegular() {
		return durable.ErrNotRegular
	}
	return err
}

func (k *kernel) openDir(name string) (*os.File, error) {
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.release()
	fd, err := openat2(k.root, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err == unix.ELOOP {
		return nil, durable.ErrUnsafePath
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (k *kernel) sub(name string) (backend, error) {
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.release()
	return subKernel(k.root, name)
}

func (k *kernel) lstat(name string) (fs.FileInfo, error) {
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.release()
	return lstatAt(k.root, name)
}

// lstatAt takes a handle that stands for the file without opening it, and asks
// package os about that: its FileInfo is the one that os.SameFile understands.
func lstatAt(dir int, name string) (fs.FileInfo, error) {
	fd, err := openat2(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err == unix.ELOOP {
		return nil, durable.ErrUnsafePath // a link in the last place is opened itself
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // nothing was read or written
	return f.Stat()
}
