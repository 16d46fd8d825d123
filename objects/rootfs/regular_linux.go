package rootfs

import (
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"fsk/objects/durable"
)

var (
	_ durable.RegularFile = (*regular)(nil)
	_ durable.Syncer      = (*regular)(nil)
	_ durable.Stater      = (*regular)(nil)
)

// regular is a file on a bare descriptor. An os.File would cost calls of its own
// for every object read: fcntl, and epoll_ctl because of O_NONBLOCK.
type regular struct {
	// mu is held for reading while fd is in use. Without it a Close and another
	// open meanwhile would make ReadAt read from a foreign file that got the number.
	mu   sync.RWMutex
	fd   int // -1 once closed
	size int64
	name string
}

func (r *regular) Size() int64 { return r.size }

func (r *regular) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, pathError("read", r.name, fs.ErrInvalid)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.fd < 0 {
		return 0, pathError("read", r.name, fs.ErrClosed)
	}
	for n < len(p) {
		m, err := unix.Pread(r.fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return n, pathError("read", r.name, err)
		case m == 0:
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

// Sync forces the bytes of the file to the disk, whoever wrote them.
func (r *regular) Sync() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.fd < 0 {
		return pathError("sync", r.name, fs.ErrClosed)
	}
	_, err := retry(func() (struct{}, error) { return struct{}{}, unix.Fsync(r.fd) })
	return pathError("sync", r.name, err)
}

// Stat describes the open file, whatever has its name now. It asks package os, about a
// second descriptor: that FileInfo is the one that os.SameFile understands.
func (r *regular) Stat() (fs.FileInfo, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.fd < 0 {
		return nil, pathError("stat", r.name, fs.ErrClosed)
	}
	fd, err := retry(func() (int, error) { return unix.FcntlInt(uintptr(r.fd), unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil {
		return nil, pathError("stat", r.name, err)
	}
	f := os.NewFile(uintptr(fd), r.name)
	defer f.Close() // nothing was written
	info, err := f.Stat()
	return info, pathError("stat", r.name, err)
}

// Close waits for reads that are under way. An interrupted close is not repeated:
// Linux has given the number back by then, and somebody else may have it.
func (r *regular) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd < 0 {
		return pathError("close", r.name, fs.ErrClosed)
	}
	fd := r.fd
	r.fd = -1
	return pathError("close", r.name, unix.Close(fd))
}
