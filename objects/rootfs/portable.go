package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"fsk/objects/durable"
)

// maxTries is how often an operation starts again because what it looked at was
// replaced meanwhile. An honest writer replaces a file once in a while; only
// somebody who wants to be in the way does it each time.
const maxTries = 16

// portable is the backend of systems without openat2. os.Root keeps every
// operation inside; links inside, which os.Root would follow, are looked for first.
type portable struct {
	root *os.Root
}

func newPortable(dir string) (backend, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &portable{root: root}, nil
}

func (p *portable) close() error { return p.root.Close() }

// confined finds what os.Root says of a link: that it leads out, the only one of its
// errors that has neither a number nor a name, or that it changes too fast. The link
// can only have come after the look at the elements of the name.
func confined(err error) error {
	err = bare(err)
	var number syscall.Errno
	switch {
	case errors.Is(err, syscall.ELOOP):
		return durable.ErrUnsafePath
	case err == nil, errors.As(err, &number), errors.Is(err, fs.ErrClosed), errors.Is(err, fs.ErrInvalid):
		return err
	}
	return durable.ErrUnsafePath
}

// checkDirs makes sure that there is no link before the last element of a name.
func (p *portable) checkDirs(name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		info, err := p.root.Lstat(name[:i])
		if err != nil {
			return confined(err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return durable.ErrUnsafePath
		}
	}
	return nil
}

func (p *portable) lstat(name string) (fs.FileInfo, error) {
	if err := p.checkDirs(name); err != nil {
		return nil, err
	}
	info, err := p.root.Lstat(name)
	return info, confined(err)
}

func (p *portable) openRegular(name string) (durable.RegularFile, error) {
	f, info, err := p.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return &osRegular{f: f, size: info.Size(), name: name}, nil
}

// open opens a regular file that is there, and returns what fstat said of it.
func (p *portable) open(name string, flag int) (f *os.File, info fs.FileInfo, err error) {
	for range maxTries {
		f, info, err = p.tryOpen(name, flag)
		// While links are swapped, os.Root may take what was one for a file.
		if err != errReplaced && !errors.Is(err, errNotDir) {
			return f, info, err
		}
	}
	if err == errReplaced {
		err = durable.ErrNotRegular
	}
	return nil, nil, err
}

func (p *portable) tryOpen(name string, flag int) (*os.File, fs.FileInfo, error) {
	seen, err := p.lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !seen.Mode().IsRegular() {
		return nil, nil, durable.ErrNotRegular
	}
	return p.openSame(name, flag, seen)
}

// errReplaced says that a name stood for something else when it was opened than
// when it was looked at.
var errReplaced = errors.New("replaced meanwhile")

// openSame opens what was seen under a name and nothing else.
func (p *portable) openSame(name string, flag int, seen fs.FileInfo) (*os.File, fs.FileInfo, error) {
	f, err := p.root.OpenFile(name, flag|openSafely, 0)
	if err != nil {
		// What was slipped in fails in its own ways: a link that leads out, a socket.
		if now, lerr := p.lstat(name); lerr != nil || !os.SameFile(seen, now) {
			return nil, nil, errReplaced
		}
		if err = confined(err); err == durable.ErrUnsafePath {
			err = errReplaced // and taken away again
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(seen, info) {
		err = errReplaced
	}
	if err != nil {
		f.Close() // nothing was written
		return nil, nil, err
	}
	return f, info, nil
}

func (p *portable) openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if flag&os.O_CREATE == 0 {
		return p.openAndTruncate(name, flag)
	}
	// With O_EXCL a link in the last place is never followed; without it os.Root
	// would follow it, so a file is either made or opened, never both in one call.
	for range maxTries {
		if err := p.checkDirs(name); err != nil {
			return nil, err
		}
		f, err := p.root.OpenFile(name, flag&^os.O_TRUNC|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) || flag&os.O_EXCL != 0 {
			return f, confined(err)
		}
		f, err = p.openAndTruncate(name, flag&^os.O_CREATE)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, durable.ErrNotRegular
}

// openAndTruncate empties a file only when it is certain which one it is.
func (p *portable) openAndTruncate(name string, flag int) (*os.File, error) {
	f, _, err := p.open(name, flag&^os.O_TRUNC)
	if err != nil || flag&os.O_TRUNC == 0 {
		return f, err
	}
	if err := f.Truncate(0); err != nil {
		f.Close() // the error before it says more
		return nil, err
	}
	return f, nil
}

// lookDir looks at what should be a directory.
func (p *portable) lookDir(name string) (fs.FileInfo, error) {
	info, err := p.lstat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, durable.ErrUnsafePath
	case !info.IsDir():
		return nil, errNotDir
	}
	return info, nil
}

func (p *portable) openDir(name string) (*os.File, error) {
	for range maxTries {
		seen, err := p.lookDir(name)
		if err != nil {
			return nil, err
		}
		d, _, err := p.openSame(name, os.O_RDONLY, seen)
		if err != errReplaced {
			return d, err
		}
	}
	return nil, durable.ErrUnsafePath
}

func (p *portable) sub(name string) (backend, error) {
	for range maxTries {
		seen, err := p.lookDir(name)
		if err != nil {
			return nil, err
		}
		root, err := p.root.OpenRoot(name)
		if err != nil {
			return nil, confined(err)
		}
		info, err := root.Stat(".")
		if err == nil && os.SameFile(seen, info) {
			return &portable{root: root}, nil
		}
		root.Close() // nothing was done with it
		if err != nil {
			return nil, err
		}
	}
	return nil, durable.ErrUnsafePath
}

func (p *portable) mkdir(name string, perm fs.FileMode) error {
	if err := p.checkDirs(name); err != nil {
		return err
	}
	return confined(p.root.Mkdir(name, perm.Perm()))
}

func (p *portable) rename(from, to string) error {
	if err := p.checkDirs(from); err != nil {
		return err
	}
	if err := p.checkDirs(to); err != nil {
		return err
	}
	return confined(p.root.Rename(from, to))
}

func (p *portable) remove(name string) error {
	if err := p.checkDirs(name); err != nil {
		return err
	}
	return confined(p.root.Remove(name))
}

func (p *portable) symlink(target, name string) error {
	if err := p.checkDirs(name); err != nil {
		return err
	}
	return confined(p.root.Symlink(target, name))
}

func (p *portable) readlink(name string) (string, error) {
	if err := p.checkDirs(name); err != nil {
		return "", err
	}
	target, err := p.root.Readlink(name)
	return target, confined(err)
}
