package objectstest

import (
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// A crashFile is an open file of a CrashFS.
type crashFile struct {
	c      *CrashFS
	n      *crashNode
	name   string
	size   int64 // when it was opened
	flag   int
	off    int64
	closed bool
}

// use calls do under the mutex, unless the file is closed.
func (f *crashFile) use(op string, do func() error) error {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	err := fs.ErrClosed
	if !f.closed {
		err = do()
	}
	if err != nil && err != io.EOF {
		err = &fs.PathError{Op: op, Path: f.name, Err: err}
	}
	return err
}

func (f *crashFile) Name() string { return f.name }
func (f *crashFile) Size() int64  { return f.size }

func (f *crashFile) Read(p []byte) (n int, err error) {
	err = f.use("read", func() error {
		n, err = f.readAt(p, f.off)
		f.off += int64(n)
		if n > 0 {
			return nil
		}
		return err
	})
	return n, err
}

func (f *crashFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.use("read", func() error {
		n, err = f.readAt(p, off)
		return err
	})
	return n, err
}

func (f *crashFile) readAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if off < int64(len(f.n.data)) {
		n = copy(p, f.n.data[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *crashFile) Write(p []byte) (n int, err error) {
	err = f.use("write", func() error {
		if f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
			return fs.ErrPermission
		}
		if f.flag&os.O_APPEND != 0 {
			f.off = int64(len(f.n.data))
		}
		f.n.write(f.c.change(), int(f.off), p)
		f.off += int64(len(p))
		n = len(p)
		return nil
	})
	return n, err
}

func (f *crashFile) Truncate(size int64) error {
	return f.use("truncate", func() error {
		if size < 0 || f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
			return fs.ErrInvalid
		}
		f.n.truncate(f.c.change(), int(size))
		return nil
	})
}

func (f *crashFile) Seek(offset int64, whence int) (off int64, err error) {
	err = f.use("seek", func() error {
		switch whence {
		case io.SeekCurrent:
			offset += f.off
		case io.SeekEnd:
			offset += int64(len(f.n.data))
		}
		if offset < 0 {
			return fs.ErrInvalid
		}
		f.off, off = offset, offset
		return nil
	})
	return off, err
}

// Sync makes the bytes durable, also those that were written through another handle.
func (f *crashFile) Sync() error {
	return f.use("sync", func() error {
		f.n.sync(f.c.change())
		return nil
	})
}

func (f *crashFile) Close() error {
	return f.use("close", func() error {
		f.closed = true
		return nil
	})
}

// Lock and Unlock are for filesystems without a durable.Locker.
func (f *crashFile) Lock() error   { return nil }
func (f *crashFile) Unlock() error { return nil }

// A crashInfo describes a node as it was.
type crashInfo struct {
	name string
	size int64
	mode fs.FileMode
	mod  time.Time
}

func (n *crashNode) info(name string) fs.FileInfo {
	return crashInfo{path.Base(name), int64(len(n.data)), n.mode, n.mod}
}

func (i crashInfo) Name() string       { return i.name }
func (i crashInfo) Size() int64        { return i.size }
func (i crashInfo) Mode() fs.FileMode  { return i.mode }
func (i crashInfo) ModTime() time.Time { return i.mod }
func (i crashInfo) IsDir() bool        { return i.mode.IsDir() }
func (i crashInfo) Sys() any           { return nil }
